//! HTML and XML of news providers to plain Markdown: structure and words only. Nothing is fetched or run, and what is
//! not understood is dropped.

/// A tag longer than this is text.
const TAG_BYTES_MAX: usize = 4_096;

/// Whether a text that IB calls plain is markup all the same.
pub(crate) fn is_markup(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with('<') && text.find('>').is_some_and(|close| tag(text, close).is_some())
}

/// The words of a document. Line breaks of the source are blanks, as in HTML, except inside `pre`.
pub(crate) fn to_markdown(html: &str) -> String {
    let mut writer = Writer::default();
    let mut rest = html;
    // Where the next `>` is, looked for again only when it is passed: else a text full of `<` would take quadratic time.
    let mut close = html.find('>');
    while !rest.is_empty() {
        let Some(at) = rest.find('<') else {
            writer.text(rest);
            break;
        };
        writer.text(&rest[..at]);
        rest = &rest[at..];
        let here = html.len() - rest.len();
        if close.is_some_and(|close| close < here) {
            close = rest.find('>').map(|end| here + end);
        }
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
        } else if let Some(data) = rest.strip_prefix("<![CDATA[") {
            let end = data.find("]]>").unwrap_or(data.len());
            writer.words(&data[..end]);
            rest = data.get(end + 3..).unwrap_or_default();
        } else if let Some((tag, after)) = close.and_then(|close| tag(rest, close - here)) {
            rest = after;
            if !tag.closing && matches!(tag.name.as_str(), "script" | "style" | "head" | "title") {
                rest = after_closing(rest, &tag.name);
            } else {
                writer.tag(&tag);
            }
        } else {
            writer.text("<");
            rest = &rest[1..];
        }
    }
    writer.out
}

struct Tag<'a> {
    name: String,
    closing: bool,
    inside: &'a str,
}

/// The tag at the beginning of `text`, whose first `>` is at `close`, and what follows it.
fn tag(text: &str, close: usize) -> Option<(Tag<'_>, &str)> {
    let opens = |c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?');
    if close > TAG_BYTES_MAX || !text[1..].starts_with(opens) {
        return None;
    }
    let (inside, after) = (&text[1..close], &text[close + 1..]);
    let closing = inside.starts_with('/');
    let name: String = inside.trim_start_matches('/').chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
    Some((Tag { name: name.to_ascii_lowercase(), closing, inside }, after))
}

/// What follows the end of an element whose content is not for readers; nothing where it never ends.
fn after_closing<'a>(text: &'a str, name: &str) -> &'a str {
    let wanted = format!("</{name}");
    let bytes = text.as_bytes();
    let ends_here = |at: &usize| {
        let after = bytes.get(at + wanted.len());
        bytes[*at..].len() >= wanted.len()
            && bytes[*at..at + wanted.len()].eq_ignore_ascii_case(wanted.as_bytes())
            && after.is_none_or(|byte| !byte.is_ascii_alphanumeric())
    };
    let found = text.match_indices("</").map(|(at, _)| at).find(ends_here);
    found.and_then(|at| text[at..].find('>').map(|end| &text[at + end + 1..])).unwrap_or("")
}

#[derive(Default)]
struct Writer {
    out: String,
    /// Inside `pre`, where line breaks are meant.
    verbatim: bool,
    /// Where links that are open lead.
    links: Vec<Option<String>>,
    cells: usize,
}

impl Writer {
    fn text(&mut self, text: &str) {
        self.words(&entities(text));
    }

    fn words(&mut self, text: &str) {
        if self.verbatim {
            self.out.push_str(text);
            return;
        }
        for c in text.chars() {
            if !c.is_whitespace() {
                self.out.push(c);
            } else if !self.out.is_empty() && !self.out.ends_with([' ', '\n']) {
                self.out.push(' ');
            }
        }
    }

    /// Ends the line, and leaves one empty where `lines` is 2.
    fn break_line(&mut self, lines: usize) {
        self.out.truncate(self.out.trim_end_matches(' ').len());
        let ends = self.out.len() - self.out.trim_end_matches('\n').len();
        if !self.out.is_empty() {
            (ends..lines).for_each(|_| self.out.push('\n'));
        }
    }

    fn tag(&mut self, tag: &Tag<'_>) {
        match (tag.name.as_str(), tag.closing) {
            ("br", _) => self.break_line_always(),
            ("p" | "div" | "section" | "article" | "table" | "ul" | "ol" | "blockquote" | "header" | "footer", _) => self.break_line(2),
            ("pre", closing) => {
                self.break_line(2);
                self.verbatim = !closing;
            }
            ("h1" | "h2" | "h3" | "h4" | "h5" | "h6", closing) => {
                self.break_line(2);
                if !closing {
                    let depth = tag.name.as_bytes()[1] - b'0';
                    // The page's own title is the only heading of the first level.
                    self.out.push_str(&"#".repeat(usize::from(depth.max(2))));
                    self.out.push(' ');
                }
            }
            ("li", false) => {
                self.break_line(1);
                self.out.push_str("- ");
            }
            ("tr", _) => {
                self.break_line(1);
                self.cells = 0;
            }
            ("td" | "th", false) => {
                if self.cells > 0 {
                    self.out.push_str(" | ");
                }
                self.cells += 1;
            }
            ("hr", _) => {
                self.break_line(2);
                self.out.push_str("---");
                self.break_line(2);
            }
            ("b" | "strong", _) => self.out.push_str("**"),
            ("i" | "em", _) => self.out.push('*'),
            ("a", closing) => self.link(tag, closing),
            _ => {}
        }
    }

    fn break_line_always(&mut self) {
        self.out.truncate(self.out.trim_end_matches(' ').len());
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// Only addresses of the web are links; everything else is its words.
    fn link(&mut self, tag: &Tag<'_>, closing: bool) {
        if !closing {
            let target = attribute(tag.inside, "href").filter(|target| is_web_address(target));
            if target.is_some() {
                self.out.push('[');
            }
            self.links.push(target);
        } else if let Some(Some(target)) = self.links.pop() {
            self.out.push_str(&format!("]({target})"));
        }
    }
}

fn is_web_address(target: &str) -> bool {
    let web = target.starts_with("https://") || target.starts_with("http://");
    web && target.len() <= 500 && target.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '(' | ')' | '<' | '>' | '"'))
}

fn attribute(inside: &str, name: &str) -> Option<String> {
    let lower = inside.to_ascii_lowercase();
    let at = lower.find(&format!("{name}="))? + name.len() + 1;
    let value = inside.get(at..)?;
    let value = match value.chars().next()? {
        quote @ ('"' | '\'') => value[1..].split(quote).next()?,
        _ => value.split_ascii_whitespace().next()?,
    };
    Some(entities(value))
}

/// The entities that news has; others stay as they are written.
#[rustfmt::skip]
const ENTITIES: &[(&str, char)] = &[
    ("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"'), ("apos", '\''), ("nbsp", ' '), ("ndash", '–'), ("mdash", '—'),
    ("lsquo", '‘'), ("rsquo", '’'), ("ldquo", '“'), ("rdquo", '”'), ("hellip", '…'), ("bull", '•'), ("euro", '€'), ("pound", '£'),
    ("yen", '¥'), ("cent", '¢'), ("reg", '®'), ("copy", '©'), ("trade", '™'), ("deg", '°'), ("middot", '·'), ("eacute", 'é'),
    ("egrave", 'è'), ("auml", 'ä'), ("ouml", 'ö'), ("uuml", 'ü'), ("szlig", 'ß'), ("ccedil", 'ç'), ("ntilde", 'ñ'),
];

/// The longest name of an entity, with room.
const ENTITY_BYTES_MAX: usize = 12;

fn entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.as_bytes().iter().take(ENTITY_BYTES_MAX).position(|byte| *byte == b';');
        match end.and_then(|end| Some((entity(&rest[1..end])?, end))) {
            Some((c, end)) => {
                out.push(c);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn entity(name: &str) -> Option<char> {
    match name.strip_prefix('#') {
        Some(number) => {
            let hex = number.strip_prefix(['x', 'X']).map(|digits| u32::from_str_radix(digits, 16).ok());
            char::from_u32(hex.unwrap_or_else(|| number.parse().ok())?)
        }
        None => ENTITIES.iter().find(|(known, _)| *known == name).map(|(_, c)| *c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_become_words() {
        for (html, wanted) in [
            ("<p>One &amp; two</p><p>three&nbsp;four</p>", "One & two\n\nthree four\n\n"),
            ("a<br/>b<BR>c", "a\nb\nc"),
            ("<h1>Head</h1>text <b>bold</b> <em>it</em>", "## Head\n\ntext **bold** *it*"),
            ("<ul><li>x</li><li>y</li></ul>", "- x\n- y\n\n"),
            ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a | b\nc\n\n"),
            ("<script>evil()</script>after<style>p{}</style>", "after"),
            ("<head><title>t</title></header></HEAD >x", "x"),
            ("x<!-- hidden -->y<!-- never ends", "xy"),
            ("<a href=\"https://a.example/x?a=1&amp;b=2\">t</a>", "[t](https://a.example/x?a=1&b=2)"),
            ("<a href='javascript:alert(1)'>t</a>", "t"),
            ("5 < 6 and 7 > 6 &unknown; &#65;&#x42;&#xD800;", "5 < 6 and 7 > 6 &unknown; AB&#xD800;"),
            ("<?xml version=\"1.0\"?><nitf><body><![CDATA[a <b> c]]></body></nitf>", "a <b> c"),
            ("<pre>a\n  b</pre>", "a\n  b\n\n"),
            ("<p", "<p"),
            ("é<ü", "é<ü"),
        ] {
            assert_eq!(to_markdown(html), wanted, "{html}");
        }
    }

    #[test]
    fn a_text_full_of_openings_takes_no_time() {
        let hostile = "<a".repeat(300_000) + &"<!--".repeat(1_000) + &"&".repeat(100_000);
        assert!(!to_markdown(&hostile).is_empty());
        assert!(is_markup(" <p>x"));
        assert!(!is_markup("< 5") && !is_markup("a <b>"));
    }
}
