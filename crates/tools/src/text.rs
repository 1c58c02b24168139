//! Text of others made safe: what callers sent, what IB and news providers wrote.

use rust_decimal::RoundingStrategy;
use schemas::Num;

/// How much of a bad value a refusal shows: enough to recognise it.
const SHOWN_CHARS: usize = 40;

/// A value inside a refusal: short, on one line.
pub(crate) fn shown(text: &str) -> String {
    line(text, SHOWN_CHARS)
}

/// One line of at most `max` characters: line breaks and tabs are blanks, nothing is invisible. Blanks themselves stay,
/// because IB's local symbols of options have several in a row.
pub(crate) fn line(text: &str, max: usize) -> String {
    let text = text.trim();
    // Nearly every text of IB's is this already, and a table has hundreds.
    if text.len() <= max && text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut count = 0;
    for c in text.chars().filter(|c| !is_invisible(*c)) {
        let blank = c.is_control() || (c.is_whitespace() && c != ' ');
        if blank && (out.is_empty() || out.ends_with(' ')) {
            continue;
        }
        if count >= max {
            out.truncate(out.trim_end().len());
            out.push('…');
            return out;
        }
        out.push(if blank { ' ' } else { c });
        count += 1;
    }
    out.truncate(out.trim_end().len());
    out
}

/// Longest text of one table cell.
const CELL_CHARS: usize = 200;

/// A cell of a Markdown table: a pipe or a line break in it would move every cell that follows.
pub(crate) fn cell(text: &str) -> String {
    let line = line(text, CELL_CHARS);
    if line.contains(['\\', '|']) { line.replace('\\', "\\\\").replace('|', "\\|") } else { line }
}

/// Text inside a line of Markdown, for which `**` and code spans are ours alone.
pub(crate) fn inline(text: &str, max: usize) -> String {
    let mut out = String::new();
    for c in line(text, max).chars() {
        if matches!(c, '*' | '`' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Several lines: control characters and invisible ones gone, at most one empty line in a row.
pub(crate) fn block(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = 0;
    // A lone carriage return ends a line too; `lines` only knows it before a line feed.
    for part in text.split(['\n', '\r']) {
        let part: String = part.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|c| !c.is_control() && !is_invisible(*c)).collect();
        let part = part.trim_end();
        empty = if part.is_empty() { empty + 1 } else { 0 };
        if empty <= 1 && !(out.is_empty() && part.is_empty()) {
            out.push_str(part);
            out.push('\n');
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// A number as it is: 100, 0.25.
pub(crate) fn plain(number: Num) -> String {
    number.0.normalize().to_string()
}

/// A price: two decimals at least, and all that it has up to eight, because 1.08345 is not 1.08.
pub(crate) fn price(number: Num) -> String {
    let mut value = number.0.round_dp(8).normalize();
    if value.scale() < 2 {
        value.rescale(2);
    }
    value.to_string()
}

/// An amount of money: two decimals.
pub(crate) fn money(number: Num) -> String {
    let mut value = number.0.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    value.rescale(2);
    if value.is_zero() {
        value.set_sign_positive(true);
    }
    value.to_string()
}

/// Characters that a reader does not see and that reorder or hide what follows.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_stays_one_cell() {
        assert_eq!(cell("a|b\nc\u{7}\u{202e}d"), "a\\|b c d");
        assert_eq!(cell("a\\|b"), "a\\\\\\|b");
    }

    #[test]
    fn shown_is_short_and_clean() {
        assert_eq!(shown(&"A".repeat(10_000)), format!("{}…", "A".repeat(40)));
        assert_eq!(shown("  a\r\n\tb\0 "), "a b");
        assert_eq!(shown("\u{feff}AAPL  261218C00150000"), "AAPL  261218C00150000");
        assert_eq!(shown("exactly forty characters are not cut xxx"), "exactly forty characters are not cut xxx");
    }

    #[test]
    fn a_block_keeps_paragraphs_only() {
        assert_eq!(block("\n\na\t b \r\n\r\n\n\n\u{1b}[31mc\rd\n\n"), "a  b\n\n[31mc\nd");
    }

    #[test]
    fn numbers_keep_what_matters() {
        let number = |text: &str| Num::from_ib_text(text).expect(text);
        assert_eq!(price(number("1.08345")), "1.08345");
        assert_eq!(price(number("150")), "150.00");
        assert_eq!(price(number("153.4567891234")), "153.45678912");
        assert_eq!(money(number("1000592.655")), "1000592.66");
        assert_eq!(money(number("-0.001")), "0.00");
        assert_eq!(plain(number("100.0")), "100");
    }

    #[test]
    fn stars_of_others_do_not_end_our_bold() {
        assert_eq!(inline("a ** b `c`", 100), "a \\*\\* b \\`c\\`");
    }
}
