//! Text of others, made fit for headers and messages.

/// A header's value: one line of visible ASCII. The client library panics at a line break, and a server would take what
/// follows it for a header of its own.
pub(crate) fn header_text(text: &str) -> String {
    text.chars().map(|c| if (' '..='~').contains(&c) { c } else { ' ' }).take(200).collect()
}

/// The first `most` characters, with a mark where more came.
pub(crate) fn clipped(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_one_line() {
        assert_eq!(header_text("a\r\nIb-Caller: b\u{7f}ß"), "a  Ib-Caller: b  ");
        assert_eq!(header_text(&"x".repeat(500)).len(), 200);
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(clipped("ßßß", 3), "ßßß");
        assert_eq!(clipped("ßßßß", 3), "ßßß...");
    }
}
