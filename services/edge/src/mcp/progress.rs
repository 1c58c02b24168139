//! MCP's progress: who wants to be told, and in which words. Pure.
//!
//! Invariant: the token goes back as the very bytes that came, and the numbers of one call only grow (MCP "Progress":
//! the value MUST increase with each notification).

use schemas::Progress;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::rpc::{self, ID_BYTES_MAX, Request};

/// The JSON of a call's progress token. What is no string and no whole number is no token, and the call is answered as one
/// without.
pub(crate) fn token<'a>(request: &Request<'a>) -> Option<&'a str> {
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow, rename = "_meta")]
        meta: Option<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Meta<'a> {
        #[serde(borrow, rename = "progressToken")]
        token: Option<&'a RawValue>,
    }
    let object = |raw: &'a RawValue| Some(raw.get()).filter(|text| text.starts_with('{'));
    if request.method != "tools/call" {
        return None;
    }
    let params: Params<'a> = serde_json::from_str(object(request.params?)?).ok()?;
    let meta: Meta<'a> = serde_json::from_str(object(params.meta?)?).ok()?;
    let token = meta.token?.get();
    let whole = |text: &str| text.strip_prefix('-').unwrap_or(text).bytes().all(|b| b.is_ascii_digit());
    ((token.starts_with('"') || whole(token)) && token.len() <= ID_BYTES_MAX).then_some(token)
}

/// The notifications of one call.
#[derive(Debug)]
pub(crate) struct Notifications {
    token: String,
    told: Option<u32>,
}

impl Notifications {
    pub(crate) fn new(token: String) -> Self {
        Self { token, told: None }
    }

    /// `None` where nothing has been done since the last one.
    pub(crate) fn next(&mut self, progress: &Progress) -> Option<Vec<u8>> {
        if self.told.is_some_and(|told| progress.done <= told) {
            return None;
        }
        self.told = Some(progress.done);
        let mut out = Vec::with_capacity(self.token.len() + progress.note.len() + 160);
        out.extend_from_slice(br#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"#);
        out.extend_from_slice(self.token.as_bytes());
        out.extend_from_slice(format!(r#","progress":{}"#, progress.done).as_bytes());
        // Work that turns out to be more than was thought is not done by more than all of it.
        if progress.total >= progress.done && progress.total > 0 {
            out.extend_from_slice(format!(r#","total":{}"#, progress.total).as_bytes());
        }
        if !progress.note.is_empty() {
            out.extend_from_slice(br#","message":"#);
            rpc::write_json(&mut out, &progress.note);
        }
        out.extend_from_slice(b"}}");
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn token_of(method: &str, params: &str) -> Option<String> {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        match rpc::parse(body.as_bytes()).expect("readable") {
            rpc::Input::One(rpc::Message::Request(request)) => token(&request).map(str::to_owned),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_token_is_a_string_or_a_whole_number_of_a_call() {
        for good in ["\"a\"", "\"\"", "7", "0", "-3", "\"\\u00e4\\\"\""] {
            assert_eq!(token_of("tools/call", &format!(r#"{{"_meta":{{"progressToken":{good}}}}}"#)).as_deref(), Some(good));
        }
        let long = format!("\"{}\"", "x".repeat(ID_BYTES_MAX));
        for bad in ["null", "1.5", "1e3", "true", "{}", "[]", &long] {
            assert_eq!(token_of("tools/call", &format!(r#"{{"_meta":{{"progressToken":{bad}}}}}"#)), None, "{bad}");
        }
        for params in ["{}", "[]", r#"{"_meta":7}"#, r#"{"_meta":{}}"#, r#"{"progressToken":1}"#, r#"{"arguments":{"progressToken":1}}"#] {
            assert_eq!(token_of("tools/call", params), None, "{params}");
        }
        assert_eq!(token_of("tools/list", r#"{"_meta":{"progressToken":1}}"#), None);
    }

    #[test]
    fn the_numbers_only_grow_and_a_total_that_is_not_known_is_not_told() {
        let mut notifications = Notifications::new("\"t\"".to_owned());
        let mut said = |done, total, note: &str| {
            let bytes = notifications.next(&Progress { done, total, note: note.to_owned() })?;
            Some(serde_json::from_slice::<Value>(&bytes).expect("json"))
        };
        let first = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": "t", "progress": 0, "total": 40, "message": "a \"b\""}});
        assert_eq!(said(0, 40, "a \"b\""), Some(first));
        assert_eq!(said(0, 40, "c"), None);
        assert_eq!(said(12, 0, "").expect("more")["params"], json!({"progressToken": "t", "progress": 12}));
        assert_eq!(said(3, 40, ""), None);
        assert_eq!(said(50, 40, "").expect("more")["params"], json!({"progressToken": "t", "progress": 50}));
    }
}
