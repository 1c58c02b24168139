//! What a request's `params` say, for the methods beside tools. Pure.
//!
//! Invariant: a wrong member is refused by its name, and no word of the caller's is repeated unless it was cut and cleaned.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::rpc::{self, Problem};

/// Characters of a caller's word that an error repeats.
const SHOWN_CHARS: usize = 64;

/// `params` as an object; absent is an empty one.
pub(super) fn object<'a, T: Deserialize<'a>>(params: Option<&'a RawValue>, method: &str) -> Result<T, Problem> {
    let text = params.map_or("{}", RawValue::get);
    if !text.starts_with('{') {
        return Err(Problem::invalid_params(format!("`params` of {method} must be an object")));
    }
    // The members are raw, so that only a name that stands there twice is left to fail at.
    serde_json::from_str(text).map_err(|_| Problem::invalid_params(format!("`params` of {method} have a member twice")))
}

/// A member that must be a text.
pub(super) fn text<'a>(raw: Option<&'a RawValue>, name: &str) -> Result<Cow<'a, str>, Problem> {
    let text = raw.and_then(|raw| rpc::string(raw).ok());
    text.ok_or_else(|| Problem::invalid_params(format!("`{name}` must be a text")))
}

/// The `params` of a method that lists. Every list of ours is one page, so that no cursor was ever given.
pub(super) fn no_cursor(params: Option<&RawValue>, method: &str) -> Result<(), Problem> {
    #[derive(Deserialize)]
    struct Members<'a> {
        #[serde(borrow)]
        cursor: Option<&'a RawValue>,
    }
    match object::<Members<'_>>(params, method)?.cursor {
        None => Ok(()),
        Some(_) => Err(Problem::invalid_params(format!("{method} answers one page and gives no cursor; leave `cursor` out"))),
    }
}

/// A caller's word, fit for an error.
pub(super) fn shown(word: &str) -> String {
    word.chars().filter(|c| !c.is_control()).take(SHOWN_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> &RawValue {
        serde_json::from_str(text).expect("json")
    }

    #[test]
    fn lists_have_one_page() {
        for good in ["{}", r#"{"cursor":null}"#, r#"{"_meta":{},"later":1}"#] {
            assert_eq!(no_cursor(Some(raw(good)), "m"), Ok(()), "{good}");
        }
        assert_eq!(no_cursor(None, "m"), Ok(()));
        for bad in ["[]", r#"{"cursor":"2"}"#, r#"{"cursor":7}"#, r#"{"cursor":null,"cursor":null}"#] {
            assert_eq!(no_cursor(Some(raw(bad)), "m").map_err(|problem| problem.code), Err(rpc::INVALID_PARAMS), "{bad}");
        }
    }

    #[test]
    fn a_text_is_a_text() {
        assert_eq!(text(Some(raw(r#""a\u0062""#)), "uri").as_deref(), Ok("ab"));
        for bad in ["7", "{}", "[]", "true"] {
            assert!(text(Some(raw(bad)), "uri").is_err_and(|problem| problem.message.contains("`uri`")), "{bad}");
        }
        assert!(text(None, "uri").is_err());
        assert_eq!(shown(&format!("a\u{1b}[31m{}", "x".repeat(1_000))).chars().count(), SHOWN_CHARS);
    }
}
