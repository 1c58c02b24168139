//! `completion/complete`: what a person may mean who has typed a part.
//!
//! Invariants: an answer comes within [`WAIT`]; who cannot be asked has nothing to offer, which is an empty list and no
//! error; what is asked while somebody types is no evidence for the breaker, since it grants less than the deadline.

use std::{borrow::Cow, time::Duration};

use schemas::{
    Row,
    contracts::{Search, SearchParams, SearchReply},
    history::BarSize,
};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use tokio::time::Instant;

use super::{
    Asker, given,
    prompts::{
        self,
        table::{Kind, SIDES},
    },
    resources::{self, Who, table},
};
use crate::{edge::Edge, rpc::Problem};

/// Who types does not wait longer.
const WAIT: Duration = Duration::from_millis(600);
/// MCP's limit.
const VALUES_MAX: usize = 100;
/// What the edge's metrics call it.
const METHOD: &str = "completion/complete";
/// Longest part of a symbol or name that is looked for.
const TYPED_CHARS_MAX: usize = 64;

static SEARCH: Row = Row::of::<Search>();

#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow, rename = "ref")]
    of: Option<&'a RawValue>,
    #[serde(borrow)]
    argument: Option<&'a RawValue>,
    #[serde(borrow, rename = "_meta")]
    meta: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Reference<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    uri: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Typed<'a> {
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

pub(super) async fn complete(edge: &Edge, params: Option<&RawValue>, asker: &Asker<'_>) -> Result<Value, Problem> {
    let members: Members<'_> = given::object(params, METHOD)?;
    let argument: Typed<'_> = given::object(Some(needed(members.argument, "argument")?), "`argument`")?;
    let kind = kind(needed(members.of, "ref")?, &given::text(argument.name, "argument.name")?)?;
    let typed = given::text(argument.value, "argument.value")?;
    let typed = typed.trim();
    let counted = edge.metrics.begin(METHOD, Instant::now());
    let values = match kind {
        Kind::Account => matching(accounts(edge, &Who::of(asker, members.meta)).await, typed),
        Kind::Symbol => symbols(edge, typed, &Who::of(asker, members.meta)).await,
        Kind::BarSize => matching(BarSize::ALL.iter().map(|(_, name, _)| *name), typed),
        Kind::Side => matching(SIDES, typed),
        Kind::Expiration | Kind::Quantity | Kind::Line => Vec::new(),
    };
    counted.end("ok");
    let (total, more) = (values.len(), values.len() > VALUES_MAX);
    let values: Vec<String> = values.into_iter().take(VALUES_MAX).collect();
    Ok(json!({ "completion": { "values": values, "total": total, "hasMore": more } }))
}

fn needed<'a>(raw: Option<&'a RawValue>, name: &str) -> Result<&'a RawValue, Problem> {
    raw.ok_or_else(|| Problem::invalid_params(format!("`{name}` is missing")))
}

/// What is being typed.
fn kind(of: &RawValue, argument: &str) -> Result<Kind, Problem> {
    let of: Reference<'_> = given::object(Some(of), "`ref`")?;
    let no_argument = |of: &str| Problem::invalid_params(format!("{of} has no argument `{}`", given::shown(argument)));
    match &*given::text(of.kind, "ref.type")? {
        "ref/prompt" => {
            let prompt = prompts::named(&given::text(of.name, "ref.name")?)?;
            prompt.argument(argument).map(|argument| argument.kind).ok_or_else(|| no_argument(prompt.name))
        }
        "ref/resource" => {
            let uri = given::text(of.uri, "ref.uri")?;
            let resource = table::RESOURCES.iter().find(|resource| resource.uri == uri);
            let unknown =
                || Problem::invalid_params(format!("there is no template `{}`; resources/templates/list names them", given::shown(&uri)));
            let resource = resource.ok_or_else(unknown)?;
            if resource.is_template() && argument == table::ACCOUNT { Ok(Kind::Account) } else { Err(no_argument(resource.uri)) }
        }
        other => Err(Problem::invalid_params(format!("`ref.type` is `{}`; it is ref/prompt or ref/resource", given::shown(other)))),
    }
}

async fn accounts(edge: &Edge, who: &Who<'_>) -> Vec<String> {
    resources::accounts(edge, who, WAIT).await.unwrap_or_else(|_| edge.watch.accounts())
}

/// Those that begin with what was typed, then those that hold it; case does not matter.
fn matching<T: Into<Cow<'static, str>>>(values: impl IntoIterator<Item = T>, typed: &str) -> Vec<String> {
    let typed = typed.to_ascii_lowercase();
    let mut found: Vec<(usize, String)> = values
        .into_iter()
        .map(Into::into)
        .filter_map(|value| value.to_ascii_lowercase().find(&typed).map(|at| (at.min(1), value.into_owned())))
        .collect();
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, value)| value).collect()
}

/// IB's own search: by symbol or company name, the likeliest first.
async fn symbols(edge: &Edge, typed: &str, who: &Who<'_>) -> Vec<String> {
    if typed.is_empty() || typed.chars().count() > TYPED_CHARS_MAX {
        return Vec::new();
    }
    let params = serde_json::to_vec(&SearchParams { pattern: typed.to_owned() }).unwrap_or_default();
    let found = resources::ask(edge, &SEARCH, params.into(), who, Some(WAIT)).await;
    let found = found.map(|reply| serde_json::from_slice::<SearchReply>(&reply.body));
    match found {
        Ok(Ok(reply)) => {
            let mut symbols: Vec<String> = Vec::new();
            for found in reply.matches {
                if !symbols.contains(&found.symbol) {
                    symbols.push(found.symbol);
                }
            }
            symbols
        }
        Ok(Err(error)) => {
            tracing::warn!(%error, "a search that cannot be read");
            Vec::new()
        }
        Err(fault) => {
            tracing::debug!(code = %fault.code, "nothing to complete with");
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc;

    fn what(of: &str, argument: &str) -> Result<Kind, i32> {
        kind(serde_json::from_str(of).expect("json"), argument).map_err(|problem| problem.code)
    }

    #[test]
    fn what_is_typed_is_known_from_prompt_or_template() {
        for (of, argument, expected) in [
            (r#"{"type":"ref/prompt","name":"pre_trade_checklist"}"#, "symbol", Kind::Symbol),
            (r#"{"type":"ref/prompt","name":"pre_trade_checklist"}"#, "bar_size", Kind::BarSize),
            (r#"{"type":"ref/prompt","name":"portfolio_review","title":"x"}"#, "account", Kind::Account),
            (r#"{"type":"ref/resource","uri":"ibkr://positions/{account}"}"#, "account", Kind::Account),
        ] {
            assert_eq!(what(of, argument), Ok(expected), "{of}");
        }
        for (of, argument) in [
            (r#"{"type":"ref/prompt","name":"none"}"#, "symbol"),
            (r#"{"type":"ref/prompt","name":"portfolio_review"}"#, "symbol"),
            (r#"{"type":"ref/resource","uri":"ibkr://positions/DU1"}"#, "account"),
            (r#"{"type":"ref/resource","uri":"ibkr://accounts"}"#, "account"),
            (r#"{"type":"ref/tool","name":"get_account"}"#, "account"),
            (r#"{"name":"portfolio_review"}"#, "account"),
            ("[]", "account"),
        ] {
            assert_eq!(what(of, argument), Err(rpc::INVALID_PARAMS), "{of}");
        }
    }

    #[test]
    fn what_begins_so_comes_first() {
        let sizes = |typed| matching(BarSize::ALL.iter().map(|(_, name, _)| *name), typed);
        assert_eq!(sizes("5"), ["5 secs", "5 mins", "15 secs", "15 mins"]);
        assert_eq!(sizes("1 D"), ["1 day"]);
        assert_eq!(sizes("").len(), BarSize::ALL.len());
        assert!(sizes("7").is_empty());
        assert_eq!(matching(vec!["DU1".to_owned(), "U1".to_owned()], "u1"), ["U1", "DU1"]);
    }
}
