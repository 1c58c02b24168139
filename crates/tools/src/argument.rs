//! What one argument of a tool may be, as data: the JSON Schema and the checks both come from here.

use serde_json::{Map, Value, json};

/// One argument of a tool.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Argument {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    default: Option<Literal>,
    examples: &'static [&'static str],
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Text,
    Integer {
        min: i64,
        max: i64,
        /// Whether the schema tells the limits. ib-mcp's schema tells some and not others, and ours is the same.
        told: bool,
    },
    Number,
    Boolean,
    Texts,
}

/// A default as the schema tells it. It is never sent to the operation: absent means "not said".
#[derive(Debug, Clone, Copy)]
enum Literal {
    Text(&'static str),
    Integer(i64),
    Boolean(bool),
}

impl Argument {
    const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, about, kind, required: false, default: None, examples: &[] }
    }

    pub(crate) const fn text(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Kind::Text, about)
    }

    pub(crate) const fn texts(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Kind::Texts, about)
    }

    pub(crate) const fn number(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Kind::Number, about)
    }

    pub(crate) const fn boolean(name: &'static str, about: &'static str, default: bool) -> Self {
        let mut argument = Self::new(name, Kind::Boolean, about);
        argument.default = Some(Literal::Boolean(default));
        argument
    }

    pub(crate) const fn integer(name: &'static str, about: &'static str, min: i64, max: i64) -> Self {
        Self::new(name, Kind::Integer { min, max, told: true }, about)
    }

    /// Limits that are enforced but not told by the schema.
    pub(crate) const fn limits_untold(mut self) -> Self {
        if let Kind::Integer { min, max, .. } = self.kind {
            self.kind = Kind::Integer { min, max, told: false };
        }
        self
    }

    pub(crate) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(crate) const fn or_text(mut self, default: &'static str) -> Self {
        self.default = Some(Literal::Text(default));
        self
    }

    pub(crate) const fn or_integer(mut self, default: i64) -> Self {
        self.default = Some(Literal::Integer(default));
        self
    }

    pub(crate) const fn examples(mut self, examples: &'static [&'static str]) -> Self {
        self.examples = examples;
        self
    }

    pub(crate) const fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    fn schema(&self) -> Value {
        let mut schema = Map::new();
        let kind = match self.kind {
            Kind::Text => "string",
            Kind::Integer { .. } => "integer",
            Kind::Number => "number",
            Kind::Boolean => "boolean",
            Kind::Texts => "array",
        };
        schema.insert("type".to_owned(), json!(kind));
        if let Kind::Texts = self.kind {
            schema.insert("items".to_owned(), json!({ "type": "string" }));
        }
        if let Kind::Integer { min, max, told: true } = self.kind {
            schema.insert("minimum".to_owned(), json!(min));
            if max < i64::from(i32::MAX) {
                schema.insert("maximum".to_owned(), json!(max));
            }
        }
        schema.insert("description".to_owned(), json!(self.about));
        match self.default {
            Some(Literal::Text(text)) => schema.insert("default".to_owned(), json!(text)),
            Some(Literal::Integer(number)) => schema.insert("default".to_owned(), json!(number)),
            Some(Literal::Boolean(flag)) => schema.insert("default".to_owned(), json!(flag)),
            None => None,
        };
        if !self.examples.is_empty() {
            schema.insert("examples".to_owned(), json!(self.examples));
        }
        Value::Object(schema)
    }
}

/// The JSON Schema (2020-12, the dialect that MCP assumes where none is named) of a tool's arguments.
pub(crate) fn input_schema(arguments: &[Argument]) -> Value {
    let properties: Map<String, Value> = arguments.iter().map(|argument| (argument.name.to_owned(), argument.schema())).collect();
    let required: Vec<&str> = arguments.iter().filter(|argument| argument.required).map(|argument| argument.name).collect();
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    schema.insert("additionalProperties".to_owned(), json!(false));
    Value::Object(schema)
}
