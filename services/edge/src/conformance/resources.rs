//! The suite's resources.

use serde_json::{Map, Value, json};

use super::content::PNG;
use crate::rpc::Request;

pub(super) fn list() -> Vec<Value> {
    let resource = |uri: &str, mime: &str| {
        let name = uri.trim_start_matches("test://");
        json!({ "uri": uri, "name": name, "description": format!("The conformance suite's {name}."), "mimeType": mime })
    };
    vec![
        resource("test://static-binary", "image/png"),
        resource("test://static-text", "text/plain"),
        resource("test://watched-resource", "text/plain"),
    ]
}

pub(super) fn templates() -> Vec<Value> {
    vec![json!({ "uriTemplate": "test://template/{id}/data", "name": "template",
        "description": "The conformance suite's template.", "mimeType": "application/json" })]
}

/// None where it is none of these: what is not there is the real resources' to say.
pub(super) fn read(request: &Request<'_>) -> Option<Value> {
    let params: Map<String, Value> = super::params(request)?;
    let uri = params.get("uri")?.as_str()?;
    let (mime, kind, data) = match uri {
        "test://static-text" => ("text/plain", "text", "This is the content of the static text resource.".to_owned()),
        "test://watched-resource" => ("text/plain", "text", "Watched resource content".to_owned()),
        "test://static-binary" => ("image/png", "blob", PNG.to_owned()),
        _ => {
            let id = uri.strip_prefix("test://template/")?.strip_suffix("/data")?;
            let data = json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") });
            ("application/json", "text", data.to_string())
        }
    };
    let mut content = json!({ "uri": uri, "mimeType": mime });
    content[kind] = data.into();
    Some(json!({ "contents": [content] }))
}
