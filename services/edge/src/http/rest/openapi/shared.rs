//! Schemas that several places name: they stand once, under `components/schemas`.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use super::super::table::written_schema;

const DEFS: &str = "#/$defs/";
const COMPONENTS: &str = "#/components/schemas/";

#[derive(Debug, Default)]
pub(super) struct Shared(BTreeMap<String, Value>);

impl Shared {
    /// As it is written, which is narrower than what a reader takes.
    pub(super) fn of<T: JsonSchema>(&mut self) -> Value {
        self.add(written_schema::<T>())
    }

    /// Puts a schema and all that it names where every operation finds it, and answers with the reference.
    pub(super) fn add(&mut self, schema: Schema) -> Value {
        let mut schema = moved(schema.to_value());
        let mut name = "Unnamed".to_owned();
        if let Value::Object(members) = &mut schema {
            members.remove("$schema");
            if let Some(Value::String(title)) = members.get("title") {
                name.clone_from(title);
            }
            if let Some(Value::Object(named)) = members.remove("$defs") {
                for (name, schema) in named {
                    self.keep(name, schema);
                }
            }
        }
        let reference = json!({ "$ref": format!("{COMPONENTS}{name}") });
        self.keep(name, schema);
        reference
    }

    fn keep(&mut self, name: String, mut schema: Value) {
        // A root schema says its own name, a named one has it.
        if let Value::Object(members) = &mut schema {
            members.remove("title");
        }
        let before = self.0.get(&name);
        debug_assert!(before.is_none_or(|before| *before == schema), "two schemas are called {name}");
        self.0.insert(name, schema);
    }

    pub(super) fn schemas(self) -> Value {
        Value::Object(self.0.into_iter().collect())
    }
}

/// The same with references into the components.
fn moved(schema: Value) -> Value {
    match schema {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .map(|(name, value)| match value {
                    Value::String(text) if name == "$ref" => (name, Value::String(text.replacen(DEFS, COMPONENTS, 1))),
                    value => (name, moved(value)),
                })
                .collect(),
        ),
        Value::Array(values) => Value::Array(values.into_iter().map(moved).collect()),
        other => other,
    }
}
