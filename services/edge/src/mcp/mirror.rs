//! The parts of a request that 2026-07-28 mirrors in headers, and whether they say the same. Pure.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderName};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::rpc::{self, Problem, Request};

const METHOD: &str = "mcp-method";
const NAME: &str = "mcp-name";
const PARAM: &str = "mcp-param-";

/// The arguments of a tool that are mirrored: the way to each, and its header.
type Mirrored = Vec<(Vec<String>, HeaderName)>;

/// By tool.
#[derive(Debug, Default)]
pub(crate) struct Mirrors(BTreeMap<String, Mirrored>);

impl Mirrors {
    /// Reads `x-mcp-header` out of the listed tools' input schemas.
    pub(crate) fn of<'a>(tools: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut all = BTreeMap::new();
        for tool in tools {
            let mut found = Mirrored::new();
            annotated(&tool["inputSchema"], &mut Vec::new(), &mut found);
            if let (Some(name), false) = (tool["name"].as_str(), found.is_empty()) {
                all.insert(name.to_owned(), found);
            }
        }
        Self(all)
    }
}

/// An annotation counts only where `properties` alone lead to it.
fn annotated(schema: &Value, path: &mut Vec<String>, found: &mut Mirrored) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        path.push(name.clone());
        let header = property["x-mcp-header"].as_str().and_then(|header| HeaderName::try_from(format!("{PARAM}{header}")).ok());
        found.extend(header.map(|header| (path.clone(), header)));
        annotated(property, path, found);
        path.pop();
    }
}

pub(super) fn mismatch(text: String) -> Problem {
    Problem::new(rpc::HEADER_MISMATCH, format!("header mismatch: {text}"))
}

/// Whether the headers say what the body says.
pub(super) fn check(request: &Request<'_>, headers: &HeaderMap, mirrors: &Mirrors) -> Result<(), Problem> {
    let said = one(headers, METHOD)?.ok_or_else(|| mismatch("Mcp-Method is missing".to_owned()))?;
    if said != request.method {
        return Err(mismatch(format!("Mcp-Method is not the body's method `{}`", shown(&request.method))));
    }
    let member = match &*request.method {
        "tools/call" | "prompts/get" => "name",
        "resources/read" => "uri",
        _ => return Ok(()),
    };
    let said = one(headers, NAME)?.ok_or_else(|| mismatch("Mcp-Name is missing".to_owned()))?;
    let said = decoded(said).ok_or_else(|| mismatch("Mcp-Name is not valid Base64".to_owned()))?;
    let params = Params::read(request.params);
    let named = if member == "uri" { params.uri } else { params.name };
    // What names nothing is refused by its method.
    let Some(named) = named.and_then(|raw| rpc::string(raw).ok()) else { return Ok(()) };
    if said != named {
        return Err(mismatch(format!("Mcp-Name is not the body's {member} `{}`", shown(&named))));
    }
    match mirrors.0.get(&*named).filter(|_| member == "name" && request.method == "tools/call") {
        Some(mirrored) => arguments(mirrored, params.arguments, headers),
        None => Ok(()),
    }
}

fn arguments(mirrored: &Mirrored, arguments: Option<&RawValue>, headers: &HeaderMap) -> Result<(), Problem> {
    let arguments: Value = arguments.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    for (path, header) in mirrored {
        let value = path.iter().try_fold(&arguments, |value, name| value.get(name)).filter(|value| !value.is_null());
        let said = one(headers, header.as_str())?;
        let name = header.as_str();
        match (value, said) {
            (None, None) => {}
            (None, Some(_)) => return Err(mismatch(format!("{name} has no argument"))),
            (Some(_), None) => return Err(mismatch(format!("{name} is missing, and its argument is not"))),
            (Some(value), Some(said)) => {
                let said = decoded(said).ok_or_else(|| mismatch(format!("{name} is not valid Base64")))?;
                if !same(value, &said) {
                    return Err(mismatch(format!("{name} is not its argument")));
                }
            }
        }
    }
    Ok(())
}

/// Numbers are compared as numbers: 42 is 42.0.
fn same(value: &Value, said: &str) -> bool {
    match value {
        Value::String(text) => text == said,
        Value::Bool(flag) => said == if *flag { "true" } else { "false" },
        Value::Number(number) => number.to_string() == said || number.as_f64().is_some_and(|own| said.parse() == Ok(own)),
        _ => false,
    }
}

#[derive(Default, Deserialize)]
struct Params<'a> {
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    uri: Option<&'a RawValue>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

impl<'a> Params<'a> {
    fn read(params: Option<&'a RawValue>) -> Self {
        let object = params.map(RawValue::get).filter(|text| text.starts_with('{'));
        object.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }
}

/// The one value of a header; said twice, or in other than visible ASCII, it says nothing certain.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else { return Ok(None) };
    match (first.to_str(), values.next()) {
        (Ok(text), None) => Ok(Some(text.trim_matches([' ', '\t']))),
        _ => Err(mismatch(format!("{name} stands there twice or has other than visible ASCII characters"))),
    }
}

/// A value as it was meant: `=?base64?..?=` where it could not stand there plainly. None where that cannot be read.
pub(crate) fn decoded(said: &str) -> Option<String> {
    let Some(coded) = said.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) else { return Some(said.to_owned()) };
    String::from_utf8(STANDARD.decode(coded).ok()?).ok()
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_plain_or_base64() {
        for (said, meant) in [
            ("us-west1", Some("us-west1")),
            ("=?base64?SGVsbG8sIOS4lueVjA==?=", Some("Hello, 世界")),
            ("=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=", Some("=?base64?literal?=")),
            ("=?base64?SGVsbG8?=", None),
            ("=?base64?SGVs!!!bG8=?=", None),
            ("=?base64?/w==?=", None),
            ("SGVsbG8=", Some("SGVsbG8=")),
            ("=?base64?SGVsbG8=", Some("=?base64?SGVsbG8=")),
            ("=?BASE64?SGVsbG8=?=", Some("=?BASE64?SGVsbG8=?=")),
        ] {
            assert_eq!(decoded(said).as_deref(), meant, "{said}");
        }
    }

    fn checked(headers: &[(&'static str, &'static str)], params: Value) -> Result<(), i32> {
        let tool = json!({ "name": "t", "inputSchema": { "properties": {
            "region": { "type": "string", "x-mcp-header": "Region" },
            "deep": { "type": "object", "properties": { "n": { "type": "integer", "x-mcp-header": "N" } } },
            "other": { "items": { "properties": { "x": { "x-mcp-header": "X" } } } },
        } } });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string();
        let headers: HeaderMap =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect();
        match rpc::parse(body.as_bytes()).expect("readable") {
            rpc::Input::One(rpc::Message::Request(request)) => {
                check(&request, &headers, &Mirrors::of([&tool])).map_err(|problem| problem.code)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn headers_and_arguments_say_the_same() {
        let call = ("mcp-method", "tools/call");
        let name = ("mcp-name", "t");
        let with = |arguments: Value| json!({ "name": "t", "arguments": arguments });
        assert_eq!(checked(&[call, name], with(json!({}))), Ok(()));
        assert_eq!(checked(&[call, name, ("mcp-param-region", "eu")], with(json!({ "region": "eu" }))), Ok(()));
        assert_eq!(checked(&[call, name, ("mcp-param-n", "42.0")], with(json!({ "deep": { "n": 42 } }))), Ok(()));
        assert_eq!(checked(&[call, name], with(json!({ "region": null, "other": [{ "x": 1 }] }))), Ok(()));
        for (headers, arguments) in [
            (vec![call], json!({})),
            (vec![name], json!({})),
            (vec![("mcp-method", "Tools/Call"), name], json!({})),
            (vec![call, ("mcp-name", "T")], json!({})),
            (vec![call, name, name], json!({})),
            (vec![call, name], json!({ "region": "eu" })),
            (vec![call, name, ("mcp-param-region", "us")], json!({ "region": "eu" })),
            (vec![call, name, ("mcp-param-region", "eu")], json!({})),
            (vec![call, name, ("mcp-param-n", "43")], json!({ "deep": { "n": 42 } })),
        ] {
            assert_eq!(checked(&headers, with(arguments.clone())), Err(rpc::HEADER_MISMATCH), "{headers:?} {arguments}");
        }
    }
}
