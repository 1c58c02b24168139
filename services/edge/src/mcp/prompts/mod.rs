//! `prompts/list` and `prompts/get`. Pure: a prompt is words, and asks nobody.
//!
//! Invariant: what a caller sent stands in a text only after its rule was kept.

pub(crate) mod table;
mod texts;

use std::{borrow::Cow, collections::BTreeMap};

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use super::given;
use crate::rpc::{self, Problem};
use table::{PROMPTS, Prompt};

/// What the reader of a prompt may do: a prompt names only what its reader may call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader {
    pub(crate) controls_gateway: bool,
}

/// The arguments of one prompt, checked.
#[derive(Debug, Default)]
pub(crate) struct Given(BTreeMap<&'static str, String>);

impl Given {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Absent, null and empty mean not sent: clients show a form and send every field of it.
    fn read(prompt: &Prompt, arguments: Option<&RawValue>) -> Result<Self, Problem> {
        let arguments: BTreeMap<Cow<'_, str>, &RawValue> = given::object(arguments, "`arguments`")?;
        let mut read = BTreeMap::new();
        for (name, raw) in arguments {
            let Some(argument) = prompt.argument(&name) else { return Err(no_argument(prompt, &name)) };
            let value = match raw.get() {
                "null" => Cow::Borrowed(""),
                // A number is meant as it is written.
                text if text.starts_with(|c: char| c.is_ascii_digit()) => Cow::Borrowed(text),
                _ => given::text(Some(raw), argument.name)?,
            };
            if value.trim().is_empty() {
                continue;
            }
            let rule = |rule: &str| Problem::invalid_params(format!("`{}` is `{}`: {rule}", argument.name, given::shown(&value)));
            read.insert(argument.name, argument.kind.read(&value).map_err(rule)?);
        }
        match prompt.arguments.iter().find(|argument| argument.required && !read.contains_key(argument.name)) {
            Some(missing) => Err(Problem::invalid_params(format!("the prompt `{}` needs `{}`", prompt.name, missing.name))),
            None => Ok(Self(read)),
        }
    }
}

fn no_argument(prompt: &Prompt, name: &str) -> Problem {
    let known: Vec<&str> = prompt.arguments.iter().map(|argument| argument.name).collect();
    Problem::invalid_params(format!("the prompt `{}` has no argument `{}`; it has {}", prompt.name, given::shown(name), known.join(", ")))
}

pub(super) fn list(params: Option<&RawValue>) -> Result<Value, Problem> {
    given::no_cursor(params, "prompts/list")?;
    let prompts: Vec<Value> = PROMPTS.iter().map(Prompt::listing).collect();
    Ok(json!({ "prompts": prompts }))
}

pub(super) fn get(reader: Reader, params: Option<&RawValue>) -> Result<Value, Problem> {
    #[derive(Deserialize)]
    struct Members<'a> {
        #[serde(borrow)]
        name: Option<&'a RawValue>,
        #[serde(borrow)]
        arguments: Option<&'a RawValue>,
    }
    let members: Members<'_> = given::object(params, "prompts/get")?;
    let prompt = named(&given::text(members.name, "name")?)?;
    let text = (prompt.text)(&Given::read(prompt, members.arguments)?, reader);
    Ok(json!({
        "description": prompt.about,
        "messages": [{ "role": "user", "content": { "type": "text", "text": text } }],
    }))
}

/// The prompt with this name, or -32602.
pub(super) fn named(name: &str) -> Result<&'static Prompt, Problem> {
    table::find(name).ok_or_else(|| {
        let names: Vec<&str> = PROMPTS.iter().map(|prompt| prompt.name).collect();
        Problem::new(rpc::INVALID_PARAMS, format!("there is no prompt `{}`; there are {}", given::shown(name), names.join(", ")))
    })
}

#[cfg(test)]
#[path = "prompts_tests.rs"]
mod tests;
