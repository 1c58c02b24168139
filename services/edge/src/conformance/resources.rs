//! The suite's resources.

use serde_json::{Map, Value, json};

use super::content::PNG;
use crate::rpc::{Problem, Request};

pub(super) fn list() -> Value {
    let resource = |uri: &str, mime: &str| {
        let name = uri.trim_start_matches("test://");
        json!({ "uri": uri, "name": name, "description": format!("The conformance suite's {name}."), "mimeType": mime })
    };
    json!({ "resources": [
        resource("test://static-binary", "image/png"),
        resource("test://static-text", "text/plain"),
        resource("test://watched-resource", "text/plain"),
    ] })
}

pub(super) fn templates() -> Value {
    json!({ "resourceTemplates": [{ "uriTemplate": "test://template/{id}/data", "name": "template",
        "description": "The conformance suite's template.", "mimeType": "application/json" }] })
}

pub(super) fn read(request: &Request<'_>) -> Result<Value, Problem> {
    let params: Map<String, Value> = super::params(request).unwrap_or_default();
    let uri = params.get("uri").and_then(Value::as_str).ok_or_else(|| Problem::invalid_params("`uri` must name a resource"))?;
    let (mime, kind, data) = match uri {
        "test://static-text" => ("text/plain", "text", "This is the content of the static text resource.".to_owned()),
        "test://watched-resource" => ("text/plain", "text", "Watched resource content".to_owned()),
        "test://static-binary" => ("image/png", "blob", PNG.to_owned()),
        _ => {
            let id = uri.strip_prefix("test://template/").and_then(|rest| rest.strip_suffix("/data"));
            let id = id.ok_or_else(|| Problem::invalid_params("there is no such resource").data(json!({ "uri": uri })))?;
            let data = json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") });
            ("application/json", "text", data.to_string())
        }
    };
    let mut content = json!({ "uri": uri, "mimeType": mime });
    content[kind] = data.into();
    Ok(json!({ "contents": [content] }))
}
