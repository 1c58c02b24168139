//! The committed JSON Schemas are the ones of the types. `UPDATE_SCHEMAS=1 cargo test -p schemas` rewrites them.

use std::{collections::BTreeMap, fs, path::PathBuf};

use schemas::{OPERATIONS, Operation as _, fault::FaultBody, health::Heartbeat};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("json")
}

fn generated() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut add = |name: String, schema: schemars::Schema| {
        let text = serde_json::to_string_pretty(&schema).expect("a schema is JSON");
        files.insert(format!("{name}.json"), text + "\n");
    };
    for row in OPERATIONS {
        add(format!("{}.params", row.name()), (row.params_schema)());
        add(format!("{}.reply", row.name()), (row.reply_schema)());
    }
    add("fault".to_owned(), schemars::schema_for!(FaultBody));
    add("heartbeat".to_owned(), schemars::schema_for!(Heartbeat));
    add("audit".to_owned(), schemars::schema_for!(schemas::AuditRecord));
    files
}

#[test]
fn committed_schemas_are_those_of_the_types() {
    let generated = generated();
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        let _ = fs::remove_dir_all(folder());
        fs::create_dir_all(folder()).expect("folder");
        for (name, text) in &generated {
            fs::write(folder().join(name), text).expect("write");
        }
    }
    let mut committed = BTreeMap::new();
    for entry in fs::read_dir(folder()).expect("schemas/json") {
        let path = entry.expect("entry").path();
        let name = path.file_name().expect("name").to_string_lossy().into_owned();
        committed.insert(name, fs::read_to_string(path).expect("text"));
    }
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&committed), names(&generated), "run UPDATE_SCHEMAS=1 cargo test -p schemas");
    for (name, text) in &generated {
        assert_eq!(&committed[name], text, "{name} differs: run UPDATE_SCHEMAS=1 cargo test -p schemas");
    }
}

#[test]
fn no_reply_has_a_top_level_error() {
    for row in OPERATIONS {
        let reply = (row.reply_schema)();
        let properties = reply.get("properties").and_then(|p| p.as_object()).expect("an object");
        assert!(!properties.contains_key("error"), "{}: `error` at the top of a body means a fault", row.name());
        // About the gateway itself, which has no account before it is up; its replies are the predecessors', word for word.
        let of_gateway = row.family == schemas::gateway::Status::FAMILY || !row.over_nats();
        assert!(of_gateway || properties.contains_key("context"), "{}: every reply says whose truth it is", row.name());
    }
}
