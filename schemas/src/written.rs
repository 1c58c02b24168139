//! A value that many replies carry: shared, and written as JSON once.

use std::{
    borrow::Cow,
    ops::Deref,
    sync::{Arc, OnceLock},
};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// Reads like the value itself; on the wire it is the value itself. Clones share the value and its JSON.
#[derive(Debug, Clone, Default)]
pub struct Written<T>(Arc<Inner<T>>);

#[derive(Debug, Default)]
struct Inner<T> {
    value: T,
    json: OnceLock<Option<Box<RawValue>>>,
}

impl<T> From<T> for Written<T> {
    fn from(value: T) -> Self {
        Self(Arc::new(Inner { value, json: OnceLock::new() }))
    }
}

impl<T> Deref for Written<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T: PartialEq> PartialEq for Written<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.value == other.0.value
    }
}

impl<T: Serialize> Serialize for Written<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json = self.0.json.get_or_init(|| serde_json::value::to_raw_value(&self.0.value).ok());
        match json {
            Some(json) => json.serialize(serializer),
            // What cannot be written says why to who wanted it written.
            None => self.0.value.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Written<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::from)
    }
}

impl<T: JsonSchema> JsonSchema for Written<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_like_its_value_each_time_and_read_back() {
        let value = vec![Some("a\"b\n".to_owned()), None];
        let written = Written::from(value.clone());
        let json = serde_json::to_string(&value).expect("json");
        for _ in 0..2 {
            assert_eq!(serde_json::to_string(&written.clone()).expect("json"), json);
        }
        assert_eq!(serde_json::to_value(&written).expect("json"), serde_json::to_value(&value).expect("json"));
        assert_eq!(serde_json::from_str::<Written<Vec<Option<String>>>>(&json).expect("read"), written);
    }

    #[test]
    fn what_cannot_be_written_fails_each_time() {
        let written = Written::from(std::collections::BTreeMap::from([(vec![1], 2)]));
        assert!(serde_json::to_string(&written).is_err() && serde_json::to_string(&written).is_err());
    }
}
