//! Text by third parties, made harmless for whoever prints it: news, which anybody can have written. Pure.
//!
//! Terminal escapes go as a whole, so that no half of one stays as text; so do control characters but line breaks and tabs,
//! and what a reader does not see but a program or a model reads.

const ESCAPE: char = '\u{1b}';

/// `text` without any of that.
pub(crate) fn cleaned(text: String) -> String {
    // Nearly every headline is this already.
    if text.bytes().all(|b| (b' '..=b'~').contains(&b) || b == b'\n') {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            ESCAPE => match rest.next() {
                Some('[') => skip_control(&mut rest),
                Some(']' | 'P' | 'X' | '^' | '_') => skip_string(&mut rest),
                // Of two characters.
                _ => {}
            },
            // The same in one character.
            '\u{9b}' => skip_control(&mut rest),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => skip_string(&mut rest),
            // Alone it would let what follows be written over what went before.
            '\r' => {
                if rest.peek() != Some(&'\n') {
                    out.push('\n');
                }
            }
            '\n' | '\t' => out.push(c),
            c if c.is_control() || is_invisible(c) => {}
            c => out.push(c),
        }
    }
    out
}

/// ECMA-48 5.4: parameters, then one character that ends it.
fn skip_control(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while rest.next_if(|c| (' '..='?').contains(c)).is_some() {}
    rest.next_if(|c| ('@'..='~').contains(c));
}

/// ECMA-48 5.6: up to its terminator. One that never ends takes no more than its line.
fn skip_string(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(c) = rest.next_if(|c| *c != '\n') {
        match c {
            '\u{7}' | '\u{9c}' => return,
            ESCAPE => {
                rest.next_if_eq(&'\\');
                return;
            }
            _ => {}
        }
    }
}

/// Characters that are not seen, or that turn around what follows them: those that Unicode lets a reader ignore (among them
/// the variation selectors, in which whole sentences can be hidden), separators of lines and interlinear marks.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_gone_and_words_stay() {
        for (text, clean) in [
            ("Apple rose 3%\n\nMore.", "Apple rose 3%\n\nMore."),
            ("Zürich: «ja» 😀\t日本", "Zürich: «ja» 😀\t日本"),
            ("\u{1b}[31;1mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}text", "text"),
            ("\u{1b}]8;;https://evil.example\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{9b}2Jcleared", "cleared"),
            ("\u{1b}cboo", "boo"),
            ("\u{1b}]never ends\nnext line", "\nnext line"),
            ("a\rb\r\nc", "a\nb\nc"),
            ("a\u{0}b\u{8}c\u{7f}d\u{85}e", "abcde"),
            ("pay\u{202e}lla\u{2066}\u{200b}\u{feff}", "paylla"),
            ("hi\u{e0069}\u{e006e}\u{e0073}", "hi"),
            ("😀\u{e0158}\u{e01ef}\u{fe01}!", "😀!"),
            ("a\u{61c}b\u{3164}c\u{180e}d\u{fff9}e", "abcde"),
            ("\u{1b}", ""),
            ("\u{1b}[", ""),
        ] {
            assert_eq!(cleaned(text.to_owned()), clean, "{text:?}");
        }
    }
}
