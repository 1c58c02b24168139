//! The differences that are known, each with its reason.
//!
//! Invariant: a rule without a reason, and a rule that fits nothing, are mistakes and said so.

use serde::Deserialize;

use super::differ::{Kind, Spot};

/// The differences between a gateway and a recording that somebody has judged.
///
/// TOML: `[[accept]]` with `difference` and `reason`, and where it holds: `request`, `answer` and `field` (all by
/// default; a `*` at the end stands for any rest).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    #[serde(default, rename = "accept")]
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    #[serde(default = "any")]
    request: String,
    #[serde(default = "any")]
    answer: String,
    difference: Kind,
    #[serde(default = "any")]
    field: String,
    reason: String,
}

fn any() -> String {
    "*".to_owned()
}

/// Why a list of accepted differences cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("accepted differences: {0}")]
pub struct AcceptedError(String);

impl Accepted {
    /// Reads the TOML of a list.
    pub fn read(toml: &str) -> Result<Self, AcceptedError> {
        let accepted: Self = toml::from_str(toml).map_err(|error| AcceptedError(error.to_string()))?;
        match accepted.rules.iter().find(|rule| rule.reason.trim().is_empty()) {
            Some(rule) => Err(AcceptedError(format!("{rule} has no reason"))),
            None => Ok(accepted),
        }
    }

    pub(crate) fn find(&self, spot: &Spot) -> Option<usize> {
        self.rules.iter().position(|rule| rule.fits(spot))
    }

    pub(crate) fn reason(&self, index: usize) -> &str {
        self.rules.get(index).map_or("", |rule| &rule.reason)
    }

    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

impl Rule {
    fn fits(&self, spot: &Spot) -> bool {
        self.difference == spot.kind
            && fits(&self.request, spot.request)
            && fits(&self.answer, spot.answer)
            && fits(&self.field, &spot.field)
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} > {} {} {}", self.request, self.answer, self.difference, self.field)
    }
}

fn fits(pattern: &str, text: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == text, |start| text.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_fits_where_it_says() {
        let toml = r#"
            [[accept]]
            answer = "HistoricalData"
            difference = "value"
            field = "historicalDataBars[].*"
            reason = "prices are the simulator's own"
        "#;
        let accepted = Accepted::read(toml).unwrap();
        let spot = |answer, kind, field: &str| Spot { request: "HistoricalDataRequest", answer, kind, field: field.into() };
        assert_eq!(accepted.find(&spot("HistoricalData", Kind::Value, "historicalDataBars[].close")), Some(0));
        for other in [
            spot("HistoricalData", Kind::FieldMissing, "historicalDataBars[].close"),
            spot("HistoricalDataEnd", Kind::Value, "historicalDataBars[].close"),
            spot("HistoricalData", Kind::Value, "reqId"),
        ] {
            assert_eq!(accepted.find(&other), None, "{other:?}");
        }
    }

    #[test]
    fn mistakes_in_a_list_are_named() {
        for (toml, words) in [
            ("[[accept]]\ndifference = \"value\"\nreason = \" \"", "has no reason"),
            ("[[accept]]\ndifference = \"colour\"\nreason = \"x\"", "answer_missing"),
            ("[[accept]]\ndifference = \"value\"\nfeild = \"a\"\nreason = \"x\"", "feild"),
        ] {
            let error = Accepted::read(toml).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
