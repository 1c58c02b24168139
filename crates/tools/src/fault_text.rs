//! A fault for a reader: what happened, what to do next, what was meant.

use schemas::{Candidate, Fault, fault::RetryAdvice};

use crate::{
    page::{TEXT_BYTES_MAX, cut_at_line},
    text,
};

/// What IB or a service wrote, at most.
const WORDS_CHARS: usize = 600;

/// The text of a failed tool.
pub fn fault_text(fault: &Fault) -> String {
    let mut lines = vec![format!("**{}**: {}", fault.code, text::line(&fault.message, WORDS_CHARS))];
    if let Some(hint) = &fault.hint {
        lines.push(format!("**Next**: {}", text::line(hint, WORDS_CHARS)));
    }
    if let Some(nearest) = &fault.nearest {
        lines.push(format!("Did you mean `{}`?", text::shown(nearest)));
    }
    // A message may have named them already.
    if !fault.allowed.is_empty() && !fault.message.contains(&fault.allowed.join(", ")) {
        let allowed: Vec<String> = fault.allowed.iter().map(|value| format!("`{}`", text::line(value, 64))).collect();
        let allowed = text::line(&allowed.join(", "), 2_000);
        lines.push(match &fault.field {
            Some(field) => format!("**Allowed for `{}`**: {allowed}", text::shown(field)),
            None => format!("**Allowed**: {allowed}"),
        });
    }
    lines.extend(words_of_ib(fault));
    lines.extend(retry(fault));
    if !fault.candidates.is_empty() {
        lines.push(String::new());
        lines.extend(candidates(&fault.candidates));
    }
    cut_at_line(&lines.join("\n"), TEXT_BYTES_MAX).to_owned()
}

fn words_of_ib(fault: &Fault) -> Option<String> {
    let words = fault.ib_message.as_deref().map(|words| format!(": {}", text::inline(words, WORDS_CHARS)));
    match fault.ib_code {
        Some(code) => Some(format!("**IB says** ({code}){}", words.unwrap_or_default())),
        None => words.map(|words| format!("**IB says**{words}")),
    }
}

fn retry(fault: &Fault) -> Option<String> {
    match (fault.retry, fault.retry_after_ms) {
        (RetryAdvice::After, Some(wait_ms)) => Some(format!("The same call can be sent again after {}.", duration(wait_ms))),
        (RetryAdvice::After, None) => Some("The same call can be sent again.".to_owned()),
        (RetryAdvice::SameKey, _) => Some("Send it again only with the same idempotency_key: it may have been done.".to_owned()),
        (RetryAdvice::Never, _) => None,
    }
}

fn duration(ms: u64) -> String {
    if ms < 1_000 { format!("{ms} ms") } else { format!("{} s", ms.div_ceil(1_000)) }
}

/// The table, and the call that picks the first row: digits in `symbol` are a conid for every tool that takes a symbol.
fn candidates(candidates: &[Candidate]) -> Vec<String> {
    let dated = candidates.iter().any(|candidate| candidate.expiry.is_some());
    let mut columns = vec!["ConID", "Symbol", "Name", "SecType", "Exchange", "Currency"];
    if dated {
        columns.extend(["Expiry", "Strike", "Right"]);
    }
    let mut lines = vec![format!("| {} |", columns.join(" | ")), format!("|{}", " --- |".repeat(columns.len()))];
    for candidate in candidates {
        let optional = |value: &Option<String>| text::cell(value.as_deref().unwrap_or_default());
        let mut cells = vec![
            candidate.conid.to_string(),
            text::cell(&candidate.symbol),
            optional(&candidate.name),
            text::cell(&candidate.sec_type),
            optional(&candidate.exchange),
            optional(&candidate.currency),
        ];
        if dated {
            let strike = candidate.strike.map(text::plain).unwrap_or_default();
            cells.extend([optional(&candidate.expiry), strike, optional(&candidate.right)]);
        }
        lines.push(format!("| {} |", cells.join(" | ")));
    }
    lines.push(String::new());
    let first = candidates.first().map_or(0, |candidate| candidate.conid);
    lines.push(format!("Send the same call with the conid of the row you mean instead of the symbol: `conid={first}`."));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::FaultCode;

    fn candidate(conid: i32, exchange: &str) -> Candidate {
        Candidate {
            conid,
            symbol: "SAP".to_owned(),
            name: Some("SAP SE | ADR".to_owned()),
            sec_type: "STK".to_owned(),
            exchange: Some(exchange.to_owned()),
            currency: Some("EUR".to_owned()),
            expiry: None,
            strike: None,
            right: None,
        }
    }

    #[test]
    fn an_ambiguous_symbol_shows_the_exact_next_call() {
        let fault = Fault::new(FaultCode::Ambiguous, "SAP names 2 contracts.")
            .hint("Send currency=\"EUR\".")
            .ib(200, "The contract description specified for SAP is ambiguous")
            .candidates(vec![candidate(14204, "IBIS"), candidate(14205, "FWB")]);
        assert_eq!(
            fault_text(&fault),
            "**ambiguous**: SAP names 2 contracts.\n\
             **Next**: Send currency=\"EUR\".\n\
             **IB says** (200): The contract description specified for SAP is ambiguous\n\
             \n\
             | ConID | Symbol | Name | SecType | Exchange | Currency |\n\
             | --- | --- | --- | --- | --- | --- |\n\
             | 14204 | SAP | SAP SE \\| ADR | STK | IBIS | EUR |\n\
             | 14205 | SAP | SAP SE \\| ADR | STK | FWB | EUR |\n\
             \n\
             Send the same call with the conid of the row you mean instead of the symbol: `conid=14204`."
        );
    }

    #[test]
    fn a_refused_argument_shows_what_is_allowed() {
        let fault = Fault::invalid("right", "`right` is `X`.").allowed(["C", "P"]).nearest(Some("C"));
        assert_eq!(fault_text(&fault), "**invalid_params**: `right` is `X`.\nDid you mean `C`?\n**Allowed for `right`**: `C`, `P`");
    }

    #[test]
    fn what_the_message_names_is_not_told_twice() {
        let fault = Fault::invalid("x", "It takes account, symbol.").allowed(["account", "symbol"]);
        assert_eq!(fault_text(&fault), "**invalid_params**: It takes account, symbol.");
    }

    #[test]
    fn a_wait_is_told() {
        assert!(fault_text(&Fault::new(FaultCode::Pacing, "too fast")).ends_with("sent again after 15 s."));
        assert!(fault_text(&Fault::new(FaultCode::Busy, "full")).ends_with("sent again after 250 ms."));
        assert!(fault_text(&Fault::new(FaultCode::UnknownOutcome, "?")).contains("idempotency_key"));
    }
}
