use std::{fs, path::PathBuf};

use super::*;
use crate::http::rest::table::Place;

const DEFAULT: Facts<'static> = Facts { prefix: "/api/v1", guarded: false };

fn at<'a>(document: &'a Value, pointer: &str) -> &'a Value {
    document.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is not there"))
}

/// Every value under `name`, wherever it stands.
fn all<'a>(value: &'a Value, name: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                if key == name {
                    found.push(value);
                }
                all(value, name, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| all(value, name, found)),
        _ => {}
    }
}

#[test]
fn the_committed_document_is_the_one_of_the_code() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../schemas/openapi.json");
    let generated = serde_json::to_string_pretty(&document(DEFAULT)).expect("json") + "\n";
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        fs::write(&file, &generated).expect("written");
    }
    let committed = fs::read_to_string(&file).expect("schemas/openapi.json");
    assert!(committed == generated, "schemas/openapi.json differs: run UPDATE_SCHEMAS=1 cargo test -p edge");
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document(Facts { guarded: true, ..DEFAULT });
    let mut references = Vec::new();
    all(&document, "$ref", &mut references);
    assert!(references.len() > 50);
    for reference in references {
        let pointer = reference.as_str().and_then(|text| text.strip_prefix('#')).expect("a reference into the document");
        at(&document, pointer);
    }
}

#[test]
fn every_path_of_the_table_is_described_with_its_parameters() {
    let document = document(DEFAULT);
    for endpoint in ENDPOINTS {
        let method = if endpoint.verb == Verb::Get { "get" } else { "post" };
        let operation = &at(&document, "/paths")[endpoint.path][method];
        let described: Vec<&str> = at(operation, "/parameters")
            .as_array()
            .expect("a list")
            .iter()
            .filter(|parameter| parameter["in"] != "header")
            .map(|parameter| parameter["name"].as_str().expect("a name"))
            .collect();
        let taken: Vec<&str> = endpoint.params.iter().map(|param| param.name).collect();
        assert_eq!(described, taken, "{}", endpoint.path);
        assert_eq!(operation.get("requestBody").is_some(), endpoint.verb == Verb::Post && !taken.is_empty(), "{}", endpoint.path);
        for param in endpoint.params.iter().filter(|param| param.place == Place::Path) {
            assert!(endpoint.path.contains(&format!("{{{}}}", param.name)), "{}", endpoint.path);
        }
        assert_eq!(at(operation, "/responses/400/content/application~1json/example/error/code"), "invalid_params", "{}", endpoint.path);
    }
}

#[test]
fn the_examples_of_a_path_are_good_parameters() {
    for endpoint in ENDPOINTS {
        let of = |place: Place| endpoint.params.iter().filter(move |param| param.place == place);
        let path: Vec<(&str, &str)> = of(Place::Path).map(|param| (param.name, param.example.expect("an example"))).collect();
        let query: Vec<(String, String)> =
            of(Place::Query).filter_map(|param| Some((param.name.to_owned(), param.example?.to_owned()))).collect();
        let given = super::super::given::Given::read(endpoint, &path, &query);
        let bound = given.and_then(|given| (endpoint.bind)(&given));
        assert!(bound.is_ok(), "{}: {bound:?}", endpoint.path);
    }
}

#[test]
fn a_status_that_may_carry_a_reply_says_so() {
    let document = document(DEFAULT);
    for (path, method, any) in
        [("/gateway/status", "get", true), ("/gateway/ensure-ready", "post", true), ("/gateway/login", "post", false)]
    {
        let schema = &at(&document, "/paths")[path][method]["responses"]["503"]["content"]["application/json"]["schema"];
        assert_eq!(schema.get("anyOf").is_some(), any, "{path}: {schema}");
    }
    let chain = &at(&document, "/paths")["/options/chain/{symbol}/{expiration}"]["get"]["responses"];
    let types: Vec<&String> = at(chain, "/200/content").as_object().expect("an object").keys().collect();
    assert_eq!(types, ["application/json", "text/csv", "text/event-stream"]);
    assert!(chain.get("204").is_some());
}

#[test]
fn tokens_are_named_only_where_they_are_asked_for() {
    let (open, guarded) = (document(DEFAULT), document(Facts { guarded: true, ..DEFAULT }));
    for pointer in ["/security", "/components/securitySchemes"] {
        assert!(open.pointer(pointer).is_none() && guarded.pointer(pointer).is_some(), "{pointer}");
    }
    let has_401 = |document: &Value| document.pointer("/paths/~1health/get/responses/401").is_some();
    assert!(has_401(&guarded) && !has_401(&open));
    assert_eq!(at(&guarded, "/paths/~1live/get/security"), &json!([]));
}

#[test]
fn without_a_prefix_there_is_one_server() {
    for (prefix, servers) in [("/api/v1", 2), ("", 1), ("/", 1)] {
        let document = document(Facts { prefix, guarded: false });
        assert_eq!(at(&document, "/servers").as_array().map(Vec::len), Some(servers), "{prefix}");
    }
}
