//! One check as a line for people: `FAIL  api        hello: ...`, with its evidence and what mends it below.

use schemas::gateway::{Check, CheckStatus};

/// Under the columns before the words.
const INDENT: &str = "                  ";

pub(crate) fn line(check: &Check) -> String {
    let status = match check.status {
        CheckStatus::Pass => "PASS",
        CheckStatus::Warn => "WARN",
        CheckStatus::Fail => "FAIL",
        CheckStatus::Skip => "skip",
    };
    let mut text = format!("{status}  {:<10}  {}: {}", check.layer, check.check, check.detail);
    let below = [("seen", &check.evidence), ("fix", &check.fix)];
    for (name, value) in below.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
        text.push_str(&format!("\n{INDENT}{name}: {value}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_and_fix_stand_below() {
        let mut check = Check {
            layer: "api".to_owned(),
            check: "hello".to_owned(),
            status: CheckStatus::Fail,
            detail: "silent".to_owned(),
            evidence: None,
            fix: None,
        };
        assert_eq!(line(&check), "FAIL  api         hello: silent");
        check.evidence = Some("::1".to_owned());
        check.fix = Some("Untick it.".to_owned());
        assert_eq!(line(&check), format!("FAIL  api         hello: silent\n{INDENT}seen: ::1\n{INDENT}fix: Untick it."));
    }
}
