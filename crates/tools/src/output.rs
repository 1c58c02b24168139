//! A reply's schema as `tools/list` carries it.

use schemas::Row;
use serde_json::{Map, Value, json};

/// Accepts what the operation's reply schema accepts. What only a reader of the wire contract needs is left out, because
/// a listing would repeat it for every tool: names of types, widths of integers, defaults, what a contract's fields mean,
/// and all of the context but the names that are always there.
pub(crate) fn schema(row: &Row) -> Value {
    let mut schema = (row.reply_schema)().to_value();
    shorten_context(&mut schema);
    if let Some(contract) = schema.pointer_mut("/$defs/Contract") {
        lean(contract, true);
    }
    lean(&mut schema, false);
    schema
}

/// The context is explained once, in the instructions, and is beside every answer in `_meta` as well.
fn shorten_context(schema: &mut Value) {
    let required = schema.pointer("/$defs/Context/required").and_then(Value::as_array).cloned().unwrap_or_default();
    let names = required.iter().filter_map(Value::as_str);
    let texts: Map<String, Value> = names.map(|name| (name.to_owned(), json!({ "type": "string" }))).collect();
    if let Some(context) = schema.pointer_mut("/properties/context") {
        *context = json!({ "type": "object", "properties": texts, "required": required });
    }
    let mut unused = false;
    if let Some(Value::Object(types)) = schema.get_mut("$defs") {
        ["Context", "Mode", "DataType", "MarketState"].iter().for_each(|name| drop(types.shift_remove(*name)));
        unused = types.is_empty();
    }
    if let Some(object) = schema.as_object_mut().filter(|_| unused) {
        object.shift_remove("$defs");
    }
}

fn lean(value: &mut Value, silent: bool) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| lean(item, silent)),
        Value::Object(schema) => {
            drop_annotations(schema, silent);
            merge_names(schema);
            for (keyword, item) in schema.iter_mut() {
                // Under these two stand names of ours, not keywords.
                if matches!(keyword.as_str(), "properties" | "$defs") {
                    let named = item.as_object_mut().into_iter().flat_map(Map::values_mut);
                    named.for_each(|item| lean(item, silent));
                } else {
                    lean(item, silent);
                }
            }
        }
        _ => {}
    }
}

fn drop_annotations(schema: &mut Map<String, Value>, silent: bool) {
    for keyword in ["$schema", "title", "default", "examples"] {
        schema.shift_remove(keyword);
    }
    if schema.get("format").is_some_and(|format| format != "date-time") {
        schema.shift_remove("format");
    }
    if silent {
        schema.shift_remove("description");
    }
}

/// The names of an open enum, each with a sentence of its own, become one `enum`.
fn merge_names(schema: &mut Map<String, Value>) {
    let Some(Value::Array(options)) = schema.get("oneOf") else { return };
    let mut names = Vec::new();
    for option in options {
        match (option.get("const"), option.get("enum")) {
            (Some(name), _) => names.push(name.clone()),
            (_, Some(Value::Array(several))) => names.extend(several.iter().cloned()),
            _ => return,
        }
    }
    schema.shift_remove("oneOf");
    schema.shift_remove("description");
    schema.insert("type".to_owned(), json!("string"));
    schema.insert("enum".to_owned(), Value::Array(names));
}
