//! What a caller asked: arguments found under any of their spellings, coerced where the schema says so, checked.

use std::{borrow::Cow, str::FromStr};

use schemas::{Fault, Num, contracts::QUERY_TEXT_MAX};
use serde_json::{Map, Value};

use crate::{
    argument::{Argument, Kind},
    spelling, text,
};

/// The arguments that were sent, each once and of its type; what was not sent, or sent as null or as an empty text,
/// is not in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Asked {
    sent: Vec<(&'static str, Sent)>,
    pub(crate) understood: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum Sent {
    Text(String),
    Integer(i64),
    Number(Num),
    Boolean(bool),
    Texts(Vec<String>),
    Numbers(Vec<Num>),
}

/// Longest array.
const ITEMS_MAX: usize = 100;

impl Asked {
    pub(crate) fn read(tool: &str, arguments: &'static [Argument], given: &Map<String, Value>) -> Result<Self, Fault> {
        let mut asked = Self::default();
        let mut spelled: Vec<(&'static str, &str)> = Vec::new();
        for (name, value) in given {
            let argument = spelling::argument(arguments, name).ok_or_else(|| unknown(tool, arguments, name))?;
            let Some(value) = coerce(argument, value)? else { continue };
            let twin = asked.sent.iter().find(|(sent, _)| *sent == argument.name).map(|(_, value)| value);
            match twin {
                Some(twin) if *twin != value => {
                    let first = spelled.iter().find(|(sent, _)| *sent == argument.name).map_or(argument.name, |(_, name)| name);
                    let message = format!("`{first}` and `{name}` are the same argument of {tool}, with different values.");
                    return Err(Fault::invalid(argument.name, message).hint(format!("Send only `{}`.", argument.name)));
                }
                Some(_) => {}
                None => {
                    asked.sent.push((argument.name, value));
                    spelled.push((argument.name, name));
                }
            }
        }
        Ok(asked)
    }

    /// Refuses a call without an argument that the schema requires. A contract id names an instrument completely, so the
    /// symbol that ib-mcp's schema requires is not missed beside one.
    pub(crate) fn require(&self, tool: &str, arguments: &'static [Argument]) -> Result<(), Fault> {
        let excused = |name: &str| name == "symbol" && self.get("conid").is_some();
        let missing = |argument: &&Argument| argument.required && self.get(argument.name).is_none() && !excused(argument.name);
        let Some(missing) = arguments.iter().find(missing) else {
            return Ok(());
        };
        let needed: Vec<String> = arguments.iter().filter(|a| a.required).map(|a| format!("{}: {}", a.name, a.about)).collect();
        Err(Fault::invalid(missing.name, format!("{tool} needs `{}`, and it was not sent or is empty.", missing.name))
            .hint(format!("Send {}", needed.join("; "))))
    }

    fn get(&self, name: &str) -> Option<&Sent> {
        self.sent.iter().find(|(sent, _)| *sent == name).map(|(_, value)| value)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Sent::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        match self.get(name) {
            Some(Sent::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    /// An integer whose limits make it a count.
    pub(crate) fn count(&self, name: &str) -> Option<usize> {
        self.integer(name).and_then(|number| usize::try_from(number).ok())
    }

    pub(crate) fn number(&self, name: &str) -> Option<Num> {
        match self.get(name) {
            Some(Sent::Number(number)) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn boolean(&self, name: &str) -> Option<bool> {
        match self.get(name) {
            Some(Sent::Boolean(flag)) => Some(*flag),
            _ => None,
        }
    }

    pub(crate) fn texts(&self, name: &str) -> &[String] {
        match self.get(name) {
            Some(Sent::Texts(texts)) => texts,
            _ => &[],
        }
    }

    /// Each once, in the order in which they were sent.
    pub(crate) fn numbers(&self, name: &str) -> &[Num] {
        match self.get(name) {
            Some(Sent::Numbers(numbers)) => numbers,
            _ => &[],
        }
    }

    /// A text that has a type of its own: `FromStr` explains what it takes.
    pub(crate) fn parsed<T: FromStr<Err = String>>(&self, name: &str) -> Result<Option<T>, Fault> {
        let refuse = |why: String| Fault::invalid(name, why).hint(format!("Send `{name}` in that form, or leave it out."));
        self.text(name).map(|text| text.parse().map_err(refuse)).transpose()
    }

    /// A text that is one of a few names, in any spelling that `FromStr` takes.
    pub(crate) fn one_of<T: FromStr>(&self, name: &str, names: impl Iterator<Item = &'static str> + Clone) -> Result<Option<T>, Fault> {
        let refuse = |given: &str| {
            let message = format!("`{name}` is `{}`, which is none of IB's.", text::shown(given));
            let nearest = spelling::nearest(given, names.clone().map(|name| (name, name)));
            Fault::invalid(name, message)
                .allowed(names.clone())
                .nearest(nearest)
                .hint(format!("Send one of the allowed values as `{name}`, or leave it out."))
        };
        self.text(name).map(|given| given.parse().map_err(|_| refuse(given))).transpose()
    }
}

fn unknown(tool: &str, arguments: &'static [Argument], name: &str) -> Fault {
    let names: Vec<&str> = arguments.iter().map(|argument| argument.name).collect();
    let name = text::shown(name);
    let takes = if names.is_empty() { "It takes none.".to_owned() } else { format!("It takes {}.", names.join(", ")) };
    let nearest = spelling::nearest_argument(arguments, &name);
    let next = match nearest {
        Some(nearest) => format!("Send `{nearest}` instead, or leave it out."),
        None => format!("Leave `{name}` out."),
    };
    Fault::invalid(name.clone(), format!("{tool} has no argument `{name}`. {takes}")).allowed(names).nearest(nearest).hint(next)
}

fn coerce(argument: &Argument, value: &Value) -> Result<Option<Sent>, Fault> {
    if value.is_null() {
        return Ok(None);
    }
    match argument.kind {
        Kind::Text => Ok(one_text(argument, value, QUERY_TEXT_MAX)?.map(Sent::Text)),
        Kind::Line { max } => Ok(one_text(argument, value, max)?.map(Sent::Text)),
        Kind::Integer { min, max, .. } => whole(argument, value, min, max),
        Kind::Number { min, max, .. } => Ok(number(argument, value, min, max)?.map(Sent::Number)),
        Kind::Boolean => flag(argument, value),
        Kind::Texts => several(argument, value),
        Kind::Numbers { max } => numbers(argument, value, max),
    }
}

fn wrong(argument: &Argument, value: &Value, wanted: &str) -> Fault {
    let got = match value {
        Value::String(text) => format!("the text `{}`", text::shown(text)),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        other => format!("`{}`", text::shown(&other.to_string())),
    };
    let hint = format!("Send {wanted} ({}).", argument.about);
    Fault::invalid(argument.name, format!("`{}` must be {wanted}, and {got} was sent.", argument.name)).hint(hint)
}

fn one_text(argument: &Argument, value: &Value, max: usize) -> Result<Option<String>, Fault> {
    let name = argument.name;
    let given = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_i64().map_or_else(|| number.to_string(), |whole| whole.to_string()),
        _ => return Err(wrong(argument, value, "a text")),
    };
    let trimmed = given.trim();
    // Counts no more than needed: a text of megabytes is refused as fast as one of a hundred characters.
    if trimmed.chars().nth(max).is_some() {
        let message = format!("`{name}` is longer than {max} characters; it begins with `{}`.", text::shown(trimmed));
        return Err(Fault::invalid(name, message).hint(format!("Send at most {max} characters.")));
    }
    if trimmed.chars().any(|c| c.is_control() || text::is_invisible(c)) {
        let message = format!("`{name}` holds control or invisible characters: `{}`.", text::shown(trimmed));
        return Err(Fault::invalid(name, message).hint("Send plain text on one line."));
    }
    Ok((!trimmed.is_empty()).then(|| trimmed.to_owned()))
}

fn whole(argument: &Argument, value: &Value, min: i64, max: i64) -> Result<Option<Sent>, Fault> {
    let range = format!("a whole number from {min} to {max}");
    let number = match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(whole_of_double)),
        Value::String(text) if text.trim().is_empty() => return Ok(None),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let number = number.ok_or_else(|| wrong(argument, value, &range))?;
    if number < min || number > max {
        return Err(wrong(argument, value, &range).allowed([format!("{min} to {max}")]));
    }
    Ok(Some(Sent::Integer(number)))
}

/// `20.0` is 20: some JSON writers know only doubles.
fn whole_of_double(number: f64) -> Option<i64> {
    if number.fract() != 0.0 || number.abs() > 9e15 {
        return None;
    }
    format!("{number:.0}").parse().ok()
}

fn number(argument: &Argument, value: &Value, min: f64, max: f64) -> Result<Option<Num>, Fault> {
    let Some(number) = decimal(argument, value)? else { return Ok(None) };
    if (min..=max).contains(&number.to_f64()) {
        return Ok(Some(number));
    }
    let range = if max < f64::MAX { format!("a number from {min} to {max}") } else { format!("a number of {min} or more") };
    Err(wrong(argument, value, &range))
}

fn decimal(argument: &Argument, value: &Value) -> Result<Option<Num>, Fault> {
    let literal = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.trim().is_empty() => return Ok(None),
        Value::String(text) => text.trim().to_owned(),
        _ => return Err(wrong(argument, value, "a number")),
    };
    // Through JSON, because that is where the rule about significant digits stands.
    serde_json::from_str(&literal)
        .map(Some)
        .map_err(|_| wrong(argument, value, &format!("a number of at most {} significant digits", schemas::number::SIGNIFICANT_DIGITS_MAX)))
}

fn flag(argument: &Argument, value: &Value) -> Result<Option<Sent>, Fault> {
    let flag = match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text.trim().is_empty() => return Ok(None),
        // IB's own API writes 1 and 0.
        Value::Number(number) if number.as_u64() == Some(1) => Some(true),
        Value::Number(number) if number.as_u64() == Some(0) => Some(false),
        Value::String(text) if ["true", "1"].contains(&text.trim().to_ascii_lowercase().as_str()) => Some(true),
        Value::String(text) if ["false", "0"].contains(&text.trim().to_ascii_lowercase().as_str()) => Some(false),
        _ => None,
    };
    let refuse = || wrong(argument, value, "true or false").allowed(["true", "false"]);
    flag.map(|flag| Some(Sent::Boolean(flag))).ok_or_else(refuse)
}

fn several(argument: &Argument, value: &Value) -> Result<Option<Sent>, Fault> {
    let mut texts = Vec::new();
    for item in items(argument, value, "an array of texts")?.iter() {
        texts.extend(one_text(argument, item, QUERY_TEXT_MAX)?);
    }
    Ok((!texts.is_empty()).then_some(Sent::Texts(texts)))
}

fn numbers(argument: &Argument, value: &Value, max: usize) -> Result<Option<Sent>, Fault> {
    let name = argument.name;
    let mut numbers: Vec<Num> = Vec::new();
    for item in items(argument, value, "an array of numbers")?.iter() {
        let number = decimal(argument, item)?;
        numbers.extend(number.filter(|number| !numbers.contains(number)));
    }
    if numbers.len() > max {
        let message = format!("`{name}` has {} different numbers; at most {max} are allowed in one call.", numbers.len());
        return Err(Fault::invalid(name, message).hint(format!("Send the first {max} of them, and the others in a call of their own.")));
    }
    Ok((!numbers.is_empty()).then_some(Sent::Numbers(numbers)))
}

/// What an array holds: also one that was sent as a text, or a single item without its brackets.
fn items<'a>(argument: &Argument, value: &'a Value, wanted: &str) -> Result<Cow<'a, [Value]>, Fault> {
    let items = match value {
        Value::Array(items) => Cow::Borrowed(items.as_slice()),
        Value::String(text) if text.trim().is_empty() => Cow::Borrowed(&[] as &[Value]),
        Value::String(text) if text.trim_start().starts_with('[') => {
            Cow::Owned(serde_json::from_str::<Vec<Value>>(text).map_err(|_| wrong(argument, value, wanted))?)
        }
        one @ Value::String(_) => Cow::Borrowed(std::slice::from_ref(one)),
        one @ Value::Number(_) if matches!(argument.kind, Kind::Numbers { .. }) => Cow::Borrowed(std::slice::from_ref(one)),
        _ => return Err(wrong(argument, value, wanted)),
    };
    if items.len() > ITEMS_MAX {
        let message = format!("`{}` has {} entries; at most {ITEMS_MAX} are allowed.", argument.name, items.len());
        return Err(Fault::invalid(argument.name, message).hint("Split the call."));
    }
    Ok(items)
}
