//! A text for a reader: Markdown of limited size that says what it left out.

use schemas::Context;

use crate::{
    context::{GatewayContext, context_line},
    text,
};

/// Longest text of one result.
pub const TEXT_BYTES_MAX: usize = 20_000;
/// Kept free for the sentence about what was cut.
const NOTE_BYTES: usize = 500;

/// About as long as a context line is.
const LAST_LINE_BYTES: usize = 160;

/// What an agent reads, and whose truth it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// Markdown, at most [`TEXT_BYTES_MAX`]; its last line is the context line.
    pub text: String,
    /// For the `_meta` of the result; `None` where the answer is about the gateway, see [`Self::about_gateway`].
    pub context: Option<Context>,
    /// Where the last line's own begins: what stands before is the body.
    pub body_bytes: usize,
}

impl Rendered {
    /// A body that needs no cutting, with its last line.
    pub(crate) fn of(body: &str, context: Context) -> Self {
        let mut text = String::with_capacity(body.len() + LAST_LINE_BYTES);
        text.push_str(body);
        Self::ended(text, &context_line(&context), context)
    }

    fn ended(mut text: String, last: &str, context: Context) -> Self {
        let body_bytes = text.len();
        text.push_str("\n\n");
        text.push_str(last);
        Self { text, context: Some(context), body_bytes }
    }

    /// Adds the last line to a text without context: what its teller knows of the login.
    pub fn about_gateway(&mut self, context: &GatewayContext) {
        self.text.push_str("\n\n");
        self.text.push_str(&context.line());
    }

    /// The text without its last line, where that leaves room for any last line.
    pub(crate) fn whole_body(&self) -> Option<&str> {
        self.text.get(..self.body_bytes).filter(|body| body.len() <= TEXT_BYTES_MAX - NOTE_BYTES)
    }
}

/// Which rows stay when not all fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Keep {
    First,
    Last,
    /// Indices of the rows, the one that matters most first. Those that stay keep their place.
    Ranked(Vec<usize>),
}

/// Says what was cut, from the number of rows shown and the number there were.
type Cut = Box<dyn Fn(usize, usize) -> String>;

/// A text in parts: only rows are cut, and only as many as must be.
pub(crate) struct Body {
    head: Vec<String>,
    rows: Vec<String>,
    tail: Vec<String>,
    keep: Keep,
    cut: Option<Cut>,
}

impl Body {
    pub(crate) fn titled(title: impl Into<String>) -> Self {
        Self { head: vec![title.into()], rows: Vec::new(), tail: Vec::new(), keep: Keep::First, cut: None }
    }

    pub(crate) fn line(&mut self, line: impl Into<String>) {
        self.head.push(line.into());
    }

    /// A line of its own paragraph, where there is something to say.
    pub(crate) fn note(&mut self, note: Option<String>) {
        self.head.extend(note);
    }

    pub(crate) fn gap(&mut self) {
        self.head.push(String::new());
    }

    pub(crate) fn columns(&mut self, names: &[&str]) {
        self.head.push(format!("| {} |", names.join(" | ")));
        self.head.push(format!("|{}", " --- |".repeat(names.len())));
    }

    /// A table row; the cells are texts of others.
    pub(crate) fn cells(&mut self, cells: &[String]) {
        let mut row = String::with_capacity(cells.iter().map(|cell| cell.len() + 3).sum::<usize>() + 2);
        row.push('|');
        for cell in cells {
            row.push(' ');
            row.push_str(&text::cell(cell));
            row.push_str(" |");
        }
        self.rows.push(row);
    }

    /// A row that is Markdown already.
    pub(crate) fn row(&mut self, row: impl Into<String>) {
        self.rows.push(row.into());
    }

    /// What the answer left out, as long as all of its rows are shown.
    pub(crate) fn after(&mut self, line: impl Into<String>) {
        self.tail.push(line.into());
    }

    pub(crate) fn when_cut(&mut self, keep: Keep, cut: impl Fn(usize, usize) -> String + 'static) {
        self.keep = keep;
        self.cut = Some(Box::new(cut));
    }

    pub(crate) fn finish(self, context: &Context) -> Rendered {
        let last = context_line(context);
        let room = TEXT_BYTES_MAX.saturating_sub(last.len() + 2);
        Rendered::ended(self.within(room), &last, context.clone())
    }

    pub(crate) fn finish_without_context(self) -> Rendered {
        let text = self.within(TEXT_BYTES_MAX - LAST_LINE_BYTES);
        Rendered { body_bytes: text.len(), text, context: None }
    }

    fn within(mut self, room: usize) -> String {
        let size = |lines: &[String]| lines.iter().map(|line| line.len() + 1).sum::<usize>();
        let fixed = size(&self.head) + size(&self.tail) + 2;
        if fixed + size(&self.rows) > room {
            let of = self.rows.len();
            let fits = self.fitting(room.saturating_sub(fixed + NOTE_BYTES));
            match &self.keep {
                Keep::First => self.rows.truncate(fits),
                Keep::Last => drop(self.rows.drain(..of - fits)),
                Keep::Ranked(ranks) => {
                    let mut kept = ranks[..fits].to_vec();
                    kept.sort_unstable();
                    self.rows = kept.into_iter().map(|row| std::mem::take(&mut self.rows[row])).collect();
                }
            }
            // It replaces what the tail says about completeness, which is no longer true.
            let note = self.cut.as_ref().map(|cut| cut(fits, of));
            self.tail = vec![note.unwrap_or_else(|| format!("*Text cut: {fits} of {of} lines shown.*"))];
        }
        // The last line follows, so that nothing is copied twice.
        let mut text = String::with_capacity(fixed + size(&self.rows) + LAST_LINE_BYTES);
        text.push_str(&self.head.join("\n"));
        for row in &self.rows {
            text.push('\n');
            text.push_str(row);
        }
        if !self.tail.is_empty() {
            text.push_str("\n\n");
            text.push_str(&self.tail.join("\n"));
        }
        let kept = cut_at_line(&text, room).trim_end().len();
        text.truncate(kept);
        text
    }

    /// How many rows have room.
    fn fitting(&self, room: usize) -> usize {
        let mut used = 0;
        let mut fits = |row: &&String| {
            used += row.len() + 1;
            used <= room
        };
        match &self.keep {
            Keep::First => self.rows.iter().take_while(&mut fits).count(),
            Keep::Last => self.rows.iter().rev().take_while(&mut fits).count(),
            Keep::Ranked(ranks) => ranks.iter().filter_map(|row| self.rows.get(*row)).take_while(&mut fits).count(),
        }
    }
}

/// The beginning of at most `max` bytes that ends at a line, or at a character where that would leave out the better half.
pub(crate) fn cut_at_line(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let mut end = max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    match text[..end].rfind('\n') {
        Some(line_end) if line_end > end / 2 => &text[..line_end],
        _ => &text[..end],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(rows: usize, keep: Keep) -> Body {
        let mut body = Body::titled("# Title");
        (0..rows).for_each(|row| body.row(format!("row {row:04}")));
        body.when_cut(keep, |shown, of| format!("*{shown} of {of}*"));
        body.after("tail");
        body
    }

    #[test]
    fn what_fits_is_not_cut() {
        assert_eq!(body(2, Keep::First).within(1_000), "# Title\nrow 0000\nrow 0001\n\ntail");
    }

    #[test]
    fn rows_are_cut_from_the_side_that_matters_less() {
        let first = body(1_000, Keep::First).within(2_000);
        assert!(first.len() <= 2_000 && first.contains("row 0000") && !first.contains("row 0999"), "{first}");
        let last = body(1_000, Keep::Last).within(2_000);
        assert!(last.contains("row 0999") && !last.contains("row 0000") && last.ends_with("of 1000*"), "{last}");
    }

    #[test]
    fn rows_that_matter_most_keep_their_place() {
        let middle_first =
            |of: usize| Keep::Ranked((0..of).map(|at| if at % 2 == 0 { of / 2 + at / 2 } else { of / 2 - at / 2 - 1 }).collect());
        let text = body(1_000, middle_first(1_000)).within(2_000);
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("row")).collect();
        assert!(rows.len() > 100 && rows.is_sorted() && rows.contains(&"row 0500") && rows.contains(&"row 0499"), "{text}");
        assert!(text.len() <= 2_000 && text.ends_with(&format!("*{} of 1000*", rows.len())), "{text}");
        assert!(!rows.contains(&"row 0000") && !rows.contains(&"row 0999"), "{text}");
    }

    #[test]
    fn a_cut_is_on_a_character_and_if_possible_on_a_line() {
        assert_eq!(cut_at_line("abcd\nefgh", 7), "abcd");
        assert_eq!(cut_at_line("a\nbcdefgh", 7), "a\nbcdef");
        assert_eq!(cut_at_line("äöü", 3), "ä");
        assert_eq!(cut_at_line("short", 10), "short");
    }
}
