//! Log levels of `notifications/message`: RFC 5424's, from the quietest to the loudest. Pure.

use serde_json::{Value, json, value::RawValue};

use crate::rpc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Debug,
    Info,
    Notice,
    Warning,
    Error,
    Critical,
    Alert,
    Emergency,
}

const NAMES: [(&str, Level); 8] = [
    ("debug", Level::Debug),
    ("info", Level::Info),
    ("notice", Level::Notice),
    ("warning", Level::Warning),
    ("error", Level::Error),
    ("critical", Level::Critical),
    ("alert", Level::Alert),
    ("emergency", Level::Emergency),
];

impl Level {
    pub(crate) fn read(raw: &RawValue) -> Option<Self> {
        let name = rpc::string(raw).ok()?;
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, level)| *level)
    }

    fn as_str(self) -> &'static str {
        NAMES.iter().find(|(_, level)| *level == self).map_or("info", |(name, _)| name)
    }

    /// The notification.
    pub(crate) fn message(self, data: &Value) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        let params = json!({ "level": self.as_str(), "logger": "ib-mesh", "data": data });
        rpc::write_json(&mut out, &json!({ "jsonrpc": "2.0", "method": "notifications/message", "params": params }));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eight_levels_and_no_other() {
        let read = |text: &str| Level::read(serde_json::from_str::<&RawValue>(text).expect("json"));
        let all: Vec<Level> = NAMES.iter().filter_map(|(name, _)| read(&format!("\"{name}\""))).collect();
        assert!(all.len() == 8 && all.is_sorted());
        assert!(["\"INFO\"", "\"\"", "7", "null"].iter().all(|text| read(text).is_none()));
    }
}
