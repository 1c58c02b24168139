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
    /// Words of a person: one line of at most so many characters.
    Line {
        max: usize,
    },
    Integer {
        min: i64,
        max: i64,
        /// Whether the schema tells the limits. ib-mcp's schema tells some and not others, and ours is the same.
        told: bool,
    },
    Number {
        min: f64,
        max: f64,
        /// As with integers.
        told: bool,
    },
    Boolean,
    Texts,
    /// So many different numbers at most, and at least one.
    Numbers {
        max: usize,
    },
}

/// A default as the schema tells it. It is never sent to the operation: absent means "not said".
#[derive(Debug, Clone, Copy)]
enum Literal {
    Text(&'static str),
    Integer(i64),
    Number(f64),
    Boolean(bool),
}

impl Argument {
    const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, about, kind, required: false, default: None, examples: &[] }
    }

    pub(crate) const fn text(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Kind::Text, about)
    }

    pub(crate) const fn line(name: &'static str, about: &'static str, max: usize) -> Self {
        Self::new(name, Kind::Line { max }, about)
    }

    pub(crate) const fn texts(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Kind::Texts, about)
    }

    pub(crate) const fn number(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Kind::Number { min: f64::MIN, max: f64::MAX, told: false }, about)
    }

    pub(crate) const fn number_within(name: &'static str, about: &'static str, min: f64, max: f64) -> Self {
        Self::new(name, Kind::Number { min, max, told: true }, about)
    }

    pub(crate) const fn numbers(name: &'static str, about: &'static str, max: usize) -> Self {
        Self::new(name, Kind::Numbers { max }, about)
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
        self.kind = match self.kind {
            Kind::Integer { min, max, .. } => Kind::Integer { min, max, told: false },
            Kind::Number { min, max, .. } => Kind::Number { min, max, told: false },
            other => other,
        };
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

    pub(crate) const fn or_number(mut self, default: f64) -> Self {
        self.default = Some(Literal::Number(default));
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
            Kind::Text | Kind::Line { .. } => "string",
            Kind::Integer { .. } => "integer",
            Kind::Number { .. } => "number",
            Kind::Boolean => "boolean",
            Kind::Texts | Kind::Numbers { .. } => "array",
        };
        schema.insert("type".to_owned(), json!(kind));
        self.limits(&mut schema);
        schema.insert("description".to_owned(), json!(self.about));
        match self.default {
            Some(Literal::Text(text)) => schema.insert("default".to_owned(), json!(text)),
            Some(Literal::Integer(number)) => schema.insert("default".to_owned(), json!(number)),
            Some(Literal::Number(number)) => schema.insert("default".to_owned(), json!(number)),
            Some(Literal::Boolean(flag)) => schema.insert("default".to_owned(), json!(flag)),
            None => None,
        };
        if !self.examples.is_empty() {
            schema.insert("examples".to_owned(), json!(self.examples));
        }
        Value::Object(schema)
    }

    fn limits(&self, schema: &mut Map<String, Value>) {
        let mut say = |keyword: &str, value: Value| drop(schema.insert(keyword.to_owned(), value));
        match self.kind {
            Kind::Line { max } => say("maxLength", json!(max)),
            Kind::Texts => say("items", json!({ "type": "string" })),
            Kind::Numbers { max } => {
                say("items", json!({ "type": "number" }));
                say("minItems", json!(1));
                say("maxItems", json!(max));
            }
            Kind::Integer { min, max, told: true } => {
                say("minimum", json!(min));
                if max < i64::from(i32::MAX) {
                    say("maximum", json!(max));
                }
            }
            Kind::Number { min, max, told: true } => {
                say("minimum", json!(min));
                say("maximum", json!(max));
            }
            Kind::Text | Kind::Boolean | Kind::Integer { told: false, .. } | Kind::Number { told: false, .. } => {}
        }
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
