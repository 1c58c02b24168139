//! A reply's schema as `tools/list` carries it.
//!
//! Invariant: it has every member of the reply and of the rows in it, with its type, and accepts every reply that a service
//! writes, also one of a later release that knows more names (an enum with `unknown` is open). What a listing cannot afford to repeat for every tool is left to the wire contract: words, names of types, widths
//! of integers, defaults, which fields are always there, and what an object consists of that is no row (the context, an instrument).

use schemas::Row;
use serde_json::{Map, Value, json};

/// The name that stands for all that an older reader does not know, see the enums of `schemas`.
const OPEN: &str = "unknown";

pub(crate) fn schema(row: &Row) -> Value {
    let mut schema = (row.written_schema)().to_value();
    let mut types = match schema.as_object_mut().and_then(|object| object.shift_remove("$defs")) {
        Some(Value::Object(types)) => types,
        _ => Map::new(),
    };
    shorten_objects(&mut schema, &types);
    let unshortened = types.clone();
    types.values_mut().for_each(|of_type| shorten_objects(of_type, &unshortened));
    lean(&mut schema);
    types.values_mut().for_each(lean);
    with_types(schema, types)
}

/// A member that is one object, and no row of several, is told as an object and no more. The
/// context is explained once, in the instructions, an instrument is the same in every reply, and the wire contract has
/// each of them whole.
fn shorten_objects(schema: &mut Value, types: &Map<String, Value>) {
    let Some(Value::Object(members)) = schema.get_mut("properties") else { return };
    for member in members.values_mut() {
        let nullable = member.get("anyOf").and_then(Value::as_array).and_then(|options| match options.as_slice() {
            [of_type, null] if null["type"] == "null" => Some(of_type.clone()),
            _ => None,
        });
        let named = |of_type: &Value| of_type["$ref"].as_str().and_then(|to| to.rsplit('/').next()).map(str::to_owned);
        let Some(name) = nullable.as_ref().map_or_else(|| named(member), named) else { continue };
        if types.get(&name).is_none_or(|of_type| of_type["type"] != "object") {
            continue;
        }
        *member = json!({ "type": if nullable.is_some() { json!(["object", "null"]) } else { json!("object") } });
    }
}

fn lean(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(lean),
        Value::Object(schema) => {
            absent_not_null(schema);
            drop_annotations(schema);
            merge_names(schema);
            for (keyword, item) in schema.iter_mut() {
                // Under this stand names of ours, not keywords.
                if keyword == "properties" {
                    let named = item.as_object_mut().into_iter().flat_map(Map::values_mut);
                    named.for_each(lean);
                } else {
                    lean(item);
                }
            }
        }
        _ => {}
    }
}

/// A field that is not always there is left out when there is nothing to tell: it is never null. Afterwards nothing needs
/// the list of those that are always there, except of an object that tells no more than their names.
fn absent_not_null(schema: &mut Map<String, Value>) {
    let always = match schema.get("required") {
        Some(Value::Array(always)) => always.clone(),
        _ => Vec::new(),
    };
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
    for (_, field) in properties.iter_mut().filter(|(name, _)| !always.iter().any(|always| always == *name)) {
        if let Some(Value::Array(types)) = field.get_mut("type") {
            types.retain(|of| of != "null");
            if let [only] = types.as_slice() {
                field["type"] = only.clone();
            }
        }
        let of_type = match field.get("anyOf").and_then(Value::as_array).map(Vec::as_slice) {
            Some([of_type, null]) if null["type"] == "null" => of_type.clone(),
            _ => continue,
        };
        if let (Some(field), Value::Object(of_type)) = (field.as_object_mut(), of_type) {
            field.shift_remove("anyOf");
            field.extend(of_type);
        }
    }
    schema.shift_remove("required");
}

fn drop_annotations(schema: &mut Map<String, Value>) {
    for keyword in ["$schema", "title", "description", "default", "examples", "minimum", "maximum", "format"] {
        schema.shift_remove(keyword);
    }
}

/// The names of an enum, each with a sentence of its own, become one `enum`; of an open one they are not all, so any text
/// is.
fn merge_names(schema: &mut Map<String, Value>) {
    let own = Value::Object(schema.clone());
    let options = match schema.get("oneOf") {
        Some(Value::Array(options)) => options.as_slice(),
        _ => std::slice::from_ref(&own),
    };
    let mut names = Vec::new();
    for option in options {
        match (option.get("const"), option.get("enum")) {
            (Some(name), _) => names.push(name.clone()),
            (_, Some(Value::Array(several))) => names.extend(several.iter().cloned()),
            _ => return,
        }
    }
    schema.shift_remove("oneOf");
    schema.shift_remove("enum");
    schema.insert("type".to_owned(), json!("string"));
    if !names.iter().any(|name| name == OPEN) {
        schema.insert("enum".to_owned(), Value::Array(names));
    }
}

/// A type that is used once stands where it is used, one that is not used is gone, and the others are named.
fn with_types(mut schema: Value, mut types: Map<String, Value>) -> Value {
    // Ends: every round but the last takes a type away.
    loop {
        let once = types.keys().find(|name| uses(&schema, &types, name) <= 1).cloned();
        let Some((name, of_type)) = once.and_then(|name| types.shift_remove_entry(&name)) else { break };
        put(&mut schema, &reference(&name), &of_type);
        types.values_mut().for_each(|other| put(other, &reference(&name), &of_type));
    }
    if let Some(object) = schema.as_object_mut().filter(|_| !types.is_empty()) {
        object.insert("$defs".to_owned(), Value::Object(types));
    }
    schema
}

fn reference(name: &str) -> String {
    format!("#/$defs/{name}")
}

fn uses(schema: &Value, types: &Map<String, Value>, name: &str) -> usize {
    let name = reference(name);
    std::iter::once(schema).chain(types.values()).map(|value| count(value, &name)).sum()
}

fn count(value: &Value, name: &str) -> usize {
    match value {
        Value::Array(items) => items.iter().map(|item| count(item, name)).sum(),
        Value::Object(object) => {
            let own = usize::from(object.get("$ref").is_some_and(|to| to == name));
            own + object.values().map(|item| count(item, name)).sum::<usize>()
        }
        _ => 0,
    }
}

/// Replaces a reference by its type; what was said beside the reference stays.
fn put(value: &mut Value, name: &str, of_type: &Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| put(item, name, of_type)),
        Value::Object(object) => {
            if object.get("$ref").is_some_and(|to| to == name) {
                object.shift_remove("$ref");
                let beside = std::mem::take(object);
                object.extend(of_type.as_object().cloned().unwrap_or_default());
                object.extend(beside);
            }
            object.values_mut().for_each(|item| put(item, name, of_type));
        }
        _ => {}
    }
}
