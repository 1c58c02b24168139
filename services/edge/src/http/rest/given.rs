//! The parameters of one request: found in path and query, each once and of its kind. Pure.
//!
//! Invariant: nothing that was sent is passed over in silence: a name that is not known, one that stands there twice, an
//! empty value and a value of another kind are refused with the parameter, the rule and what may be sent.

use std::time::Duration;

use schemas::{Fault, Num, contracts::QUERY_TEXT_MAX, number::SIGNIFICANT_DIGITS_MAX};

use super::table::{Endpoint, Kind, Param, Place};

/// What was sent and is good.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Given {
    values: Vec<(&'static str, Value)>,
    /// What the caller grants in the header.
    pub(super) granted: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Text(String),
    Choice(&'static str),
    Flag(bool),
    Whole(u32),
    Number(f64),
    Price(Num),
    Seconds(Duration),
}

impl Given {
    /// `path` and `query` are decoded already; what a JSON body said stands in `query` too, see [`members`].
    pub(super) fn read(endpoint: &Endpoint, path: &[(&str, &str)], query: &[(String, String)]) -> Result<Self, Fault> {
        let mut given = Self::default();
        let sent = path.iter().map(|(name, value)| (Place::Path, *name, *value));
        let sent = sent.chain(query.iter().map(|(name, value)| (Place::Query, name.as_str(), value.as_str())));
        for (place, name, value) in sent {
            let known = endpoint.params.iter().find(|param| param.place == place && param.name == name);
            let param = known.ok_or_else(|| unknown(endpoint, name))?;
            if given.get(param.name).is_some() {
                let message = format!("`{}` is sent twice; it takes one value", param.name);
                return Err(Fault::invalid(param.name, message).hint(format!("send `{}` once", param.name)));
            }
            given.values.push((param.name, coerced(param, value)?));
        }
        Ok(given)
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.values.iter().find(|(sent, _)| *sent == name).map(|(_, value)| value)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Value::Text(text) => Some(text),
            Value::Choice(choice) => Some(choice),
            _ => None,
        }
    }

    pub(super) fn whole(&self, name: &str) -> Option<u32> {
        match self.get(name)? {
            Value::Whole(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    pub(super) fn number(&self, name: &str) -> Option<f64> {
        match self.get(name)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn price(&self, name: &str) -> Option<Num> {
        match self.get(name)? {
            Value::Price(price) => Some(*price),
            _ => None,
        }
    }

    pub(super) fn millis(&self, name: &str) -> Option<u64> {
        match self.get(name)? {
            Value::Seconds(time) => u64::try_from(time.as_millis()).ok(),
            _ => None,
        }
    }
}

/// The members of a JSON body as a query would have them. Null says nothing.
pub(super) fn members(body: &[u8]) -> Result<Vec<(String, String)>, Fault> {
    if body.trim_ascii().is_empty() {
        return Ok(Vec::new());
    }
    let refused = |message: &str| Fault::invalid("body", message).hint("send one JSON object such as {\"name\":1}, or ?name=1 and no body");
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(body).map_err(|_| refused("the body is no JSON object"))?;
    let mut members = Vec::with_capacity(object.len());
    for (name, value) in object {
        let text = match value {
            serde_json::Value::Null => continue,
            serde_json::Value::String(text) => text,
            value @ (serde_json::Value::Bool(_) | serde_json::Value::Number(_)) => value.to_string(),
            serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
                return Err(Fault::invalid(shown(&name), format!("`{}` must be one text, number or flag", shown(&name))));
            }
        };
        members.push((name, text));
    }
    Ok(members)
}

/// Text of a caller as a refusal quotes it.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

fn unknown(endpoint: &Endpoint, name: &str) -> Fault {
    let names: Vec<&'static str> = endpoint.params.iter().filter(|param| param.place == Place::Query).map(|param| param.name).collect();
    let (name, path) = (shown(name), endpoint.path);
    if endpoint.params.iter().any(|param| param.place == Place::Path && param.name == name) {
        let message = format!("`{name}` is part of the path `{path}` and no query parameter");
        return Fault::invalid(name, message).allowed(names).hint("name it in the path alone");
    }
    let nearest = tools::nearest_of(&name, names.iter().map(|own| (*own, *own)));
    let hint = match nearest {
        Some(nearest) => format!("send `{nearest}` instead, or leave it out"),
        None => format!("leave `{name}` out"),
    };
    let takes = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let message = format!("`{path}` has no query parameter `{name}`; it takes {takes}");
    Fault::invalid(name, message).allowed(names).nearest(nearest).hint(hint)
}

fn coerced(param: &Param, sent: &str) -> Result<Value, Fault> {
    let text = sent.trim();
    if text.is_empty() {
        let message = format!("`{}` is empty; send {} or leave it out", param.name, wanted(param.kind));
        return Err(Fault::invalid(param.name, message).hint(hint(param)));
    }
    let value = match param.kind {
        Kind::Text => {
            (text.chars().nth(QUERY_TEXT_MAX).is_none() && !text.chars().any(char::is_control)).then(|| Value::Text(text.to_owned()))
        }
        Kind::Line { max } => {
            (text.chars().nth(max).is_none() && !text.chars().any(char::is_control)).then(|| Value::Text(text.to_owned()))
        }
        Kind::Flag => flag(text).map(Value::Flag),
        Kind::Choice(choices) => choices.iter().find(|choice| choice.eq_ignore_ascii_case(text)).map(|choice| Value::Choice(choice)),
        Kind::Whole { min, max } => text.parse().ok().filter(|number| (min..=max).contains(number)).map(Value::Whole),
        Kind::Number { min, max } => text.parse().ok().filter(|number| (min..=max).contains(number)).map(Value::Number),
        Kind::Price => price(text).filter(|price| *price >= Num::ZERO).map(Value::Price),
        Kind::Seconds { max } => {
            let time = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            time.filter(|time| *time <= Duration::from_secs(u64::from(max))).map(Value::Seconds)
        }
    };
    value.ok_or_else(|| refused(param, text))
}

/// Through JSON, because that is where the rule about significant digits stands, and as people write decimals: `.5`,
/// `190.` and `0190` are numbers too.
fn price(text: &str) -> Option<Num> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return serde_json::from_str(text).ok();
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    // JSON wants a digit on both sides of the point.
    let whole = if whole.is_empty() { "0" } else { whole };
    serde_json::from_str(&format!("{whole}.{fraction}0")).ok()
}

fn refused(param: &Param, text: &str) -> Fault {
    let message = format!("`{}` must be {}; `{}` was sent", param.name, wanted(param.kind), shown(text));
    let fault = Fault::invalid(param.name, message).hint(hint(param));
    match param.kind {
        Kind::Choice(choices) => {
            let nearest = tools::nearest_of(text, choices.iter().map(|choice| (*choice, *choice)));
            fault.allowed(choices.iter().copied()).nearest(nearest)
        }
        Kind::Whole { min, max } => fault.allowed([format!("{min} to {max}")]),
        Kind::Number { min, max } => fault.allowed([format!("{min} to {max}")]),
        Kind::Seconds { max } => fault.allowed([format!("0 to {max}")]),
        Kind::Flag => fault.allowed(["true", "false"]),
        Kind::Text | Kind::Line { .. } | Kind::Price => fault,
    }
}

fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn wanted(kind: Kind) -> String {
    match kind {
        Kind::Text => format!("one line of at most {QUERY_TEXT_MAX} characters"),
        Kind::Line { max } => format!("one line of at most {max} characters"),
        Kind::Flag => "true or false".to_owned(),
        Kind::Choice(choices) => format!("one of {}", choices.join(", ")),
        Kind::Whole { min, max } => format!("a whole number from {min} to {max}"),
        Kind::Number { min, max } => format!("a number from {min} to {max}"),
        Kind::Price => format!("a number of at most {SIGNIFICANT_DIGITS_MAX} significant digits that is not negative"),
        Kind::Seconds { max } => format!("a number of seconds from 0 to {max}"),
    }
}

fn hint(param: &Param) -> String {
    format!("{}: {}", param.name, param.about)
}

#[cfg(test)]
#[path = "given_tests.rs"]
mod tests;
