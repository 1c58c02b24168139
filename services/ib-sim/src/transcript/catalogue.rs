//! The numbers and fields of IB's messages, read once from `messages.txt`.
//!
//! Invariant: the table holds facts only (numbers, names, kinds); what a tool does with a field is decided elsewhere,
//! by the field's name.

use std::collections::HashMap;
use std::sync::LazyLock;

const TABLE: &str = include_str!("messages.txt");

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::parse(TABLE));

/// Who sent a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Direction {
    Client,
    Gateway,
}

/// One message number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    /// Where the request or order id stands in the text form, the message number being field 0.
    pub(crate) text_id: Option<usize>,
    /// The requests that this answers when it carries no id.
    pub(crate) of: Vec<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Double,
    Bool,
    Text,
    Message(&'static str),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) number: u32,
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) repeated: bool,
}

/// The fields of one protobuf message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) fields: Vec<Field>,
}

impl Shape {
    pub(crate) fn by_number(&self, number: u32) -> Option<&Field> {
        self.fields.iter().find(|field| field.number == number)
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

#[derive(Debug, Default)]
struct Catalogue {
    requests: HashMap<u32, Entry>,
    answers: HashMap<u32, Entry>,
    shapes: HashMap<&'static str, Shape>,
}

pub(crate) fn entry(direction: Direction, number: u32) -> Option<&'static Entry> {
    match direction {
        Direction::Client => CATALOGUE.requests.get(&number),
        Direction::Gateway => CATALOGUE.answers.get(&number),
    }
}

/// The name of a message; one that IB added after this table was made has none.
pub(crate) fn name(direction: Direction, number: u32) -> &'static str {
    entry(direction, number).map_or("Unknown", |entry| entry.name)
}

pub(crate) fn shape(name: &str) -> Option<&'static Shape> {
    CATALOGUE.shapes.get(name)
}

pub(crate) fn shape_of(direction: Direction, number: u32) -> Option<&'static Shape> {
    shape(entry(direction, number)?.name)
}

impl Catalogue {
    fn parse(table: &'static str) -> Self {
        let mut catalogue = Self::default();
        for line in table.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split(' ');
            let kind = words.next().unwrap_or_default();
            if kind == "message" {
                let name = words.next().unwrap_or_default();
                catalogue.shapes.insert(name, Shape { name, fields: words.filter_map(field).collect() });
                continue;
            }
            let Some(number) = words.next().and_then(|word| word.parse().ok()) else { continue };
            let name = words.next().unwrap_or_default();
            let mut entry = Entry { name, text_id: None, of: Vec::new() };
            let mut after_of = false;
            for word in words {
                match (word, word.parse::<u32>()) {
                    ("of", _) => after_of = true,
                    (_, Ok(number)) if after_of => entry.of.push(number),
                    (_, Ok(index)) => entry.text_id = usize::try_from(index).ok(),
                    _ => {}
                }
            }
            let of_kind = if kind == "request" { &mut catalogue.requests } else { &mut catalogue.answers };
            of_kind.insert(number, entry);
        }
        catalogue
    }
}

/// `20:*ComboLeg:comboLegs`.
fn field(word: &'static str) -> Option<Field> {
    let mut parts = word.split(':');
    let number = parts.next()?.parse().ok()?;
    let kind = parts.next()?;
    let name = parts.next()?;
    let (repeated, kind) = kind.strip_prefix('*').map_or((false, kind), |kind| (true, kind));
    let kind = match kind {
        "int" => Kind::Int,
        "double" => Kind::Double,
        "bool" => Kind::Bool,
        "text" => Kind::Text,
        message => Kind::Message(message),
    };
    Some(Field { number, name, kind, repeated })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read() {
        let count = |kind: &str| TABLE.lines().filter(|line| line.starts_with(kind)).count();
        assert_eq!(CATALOGUE.requests.len(), count("request "));
        assert_eq!(CATALOGUE.answers.len(), count("answer "));
        assert_eq!(CATALOGUE.shapes.len(), count("message "));
        for line in TABLE.lines().filter(|line| line.starts_with("message ")) {
            let name = line.split(' ').nth(1).unwrap();
            assert_eq!(shape(name).unwrap().fields.len(), line.split(' ').count() - 2, "{name}");
        }
    }

    #[test]
    fn every_number_and_every_field_has_a_shape() {
        // Withdrawn by IB before protobuf came: text only.
        let text_only = ["FundamentalDataRequest", "CancelFundamentalData", "FundamentalData"];
        for entry in CATALOGUE.requests.values().chain(CATALOGUE.answers.values()) {
            assert!(shape(entry.name).is_some() || text_only.contains(&entry.name), "{}", entry.name);
        }
        for shape_ in CATALOGUE.shapes.values() {
            for field in &shape_.fields {
                let Kind::Message(inner) = field.kind else { continue };
                assert!(shape(inner).is_some(), "{}.{}", shape_.name, field.name);
            }
        }
    }

    #[test]
    fn answers_name_requests_that_exist() {
        for entry in CATALOGUE.answers.values() {
            assert!(entry.of.iter().all(|number| CATALOGUE.requests.contains_key(number)), "{}", entry.name);
        }
        assert_eq!(name(Direction::Client, 9), "ContractDataRequest");
        assert_eq!(entry(Direction::Gateway, 62).unwrap().of, [61]);
        assert_eq!(entry(Direction::Gateway, 61).unwrap().name, "Position");
    }
}
