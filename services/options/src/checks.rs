//! What of the parameters can be checked without IB, beside windows: `window.rs`. Pure.

use schemas::{
    Fault, Num,
    contracts::ContractQuery,
    options::{ExpirationsParams, QUOTED_STRIKES_MAX, QuoteParams, QuotesParams, STRIKES_PAGE_MAX},
};

use crate::{
    right::Right,
    window::{bounds, max_age_ms},
};

/// The right, and each strike once, in the caller's order.
pub(crate) fn quotes(params: &QuotesParams) -> Result<(Right, Vec<Num>), Fault> {
    let right = Right::read(&params.right)?;
    max_age_ms(params.max_age_ms)?;
    let mut strikes: Vec<Num> = Vec::new();
    for strike in &params.strikes {
        if !strikes.contains(strike) {
            strikes.push(*strike);
        }
        // A body may hold a hundred thousand of them.
        if strikes.len() > QUOTED_STRIKES_MAX {
            break;
        }
    }
    if strikes.is_empty() || strikes.len() > QUOTED_STRIKES_MAX {
        let message = format!("`strikes` has {} different strikes; one request has 1 to {QUOTED_STRIKES_MAX}.", counted(&strikes));
        return Err(Fault::invalid("strikes", message).hint("Send fewer, or ask options.chain (get_option_chain_greeks) for a window."));
    }
    match strikes.iter().find(|strike| **strike <= Num::ZERO) {
        Some(bad) => Err(positive("strikes", *bad)),
        None => Ok((right, strikes)),
    }
}

/// The asked rights, the call first.
pub(crate) fn quote(params: &QuoteParams) -> Result<Vec<Right>, Fault> {
    max_age_ms(params.max_age_ms)?;
    if let Some(strike) = params.strike.filter(|strike| *strike <= Num::ZERO) {
        return Err(positive("strike", strike));
    }
    let right = params.right.as_deref().map(Right::read).transpose()?;
    Ok(right.map_or_else(|| vec![Right::Call, Right::Put], |right| vec![right]))
}

pub(crate) fn expirations(params: &ExpirationsParams) -> Result<(), Fault> {
    bounds(params.min_strike, params.max_strike)?;
    match params.limit {
        Some(limit) if !(1..=STRIKES_PAGE_MAX).contains(&limit) => {
            let message = format!("`limit` is {limit}; one answer has 1 to {STRIKES_PAGE_MAX} strikes of each chain.");
            Err(Fault::invalid("limit", message).hint("Leave it out for all, or ask page by page with `offset` = `next` of the answer."))
        }
        _ => Ok(()),
    }
}

fn counted(strikes: &[Num]) -> String {
    let more = if strikes.len() > QUOTED_STRIKES_MAX { " or more" } else { "" };
    format!("{}{more}", strikes.len())
}

/// Texts beside the underlying that go to IB: short, printable, without blanks around them.
pub(crate) fn text(field: &str, given: Option<&str>) -> Result<Option<String>, Fault> {
    let Some(given) = given.map(str::trim) else { return Ok(None) };
    let mut query = ContractQuery { symbol: Some("X".to_owned()), ..ContractQuery::default() };
    let place = if field == "exchange" { &mut query.exchange } else { &mut query.trading_class };
    *place = Some(given.to_owned());
    query
        .check()
        .map_err(|fault| fault.hint(format!("Leave `{field}` out, or send a name that options.expirations (get_option_chain) tells.")))?;
    Ok(Some(given.to_ascii_uppercase()))
}

fn positive(field: &str, strike: Num) -> Fault {
    Fault::invalid(field, format!("`{field}` has {strike}; a strike is greater than 0.")).hint("Send a strike price such as 150.")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn refused<P: serde::de::DeserializeOwned, T: std::fmt::Debug>(
        check: impl Fn(&P) -> Result<T, Fault>,
        body: Value,
    ) -> (String, String) {
        let params: P = serde_json::from_value(body.clone()).expect("readable");
        let fault = check(&params).expect_err(&body.to_string());
        assert!(fault.hint.is_some(), "{fault}");
        (fault.field.unwrap_or_default(), fault.message)
    }

    #[test]
    fn strikes_are_asked_once_and_counted_without_repetitions() {
        let asked = |strikes: Value| json!({"contract": {"symbol": "AAPL"}, "expiration": "20261218", "right": "put", "strikes": strikes});
        let params: QuotesParams = serde_json::from_value(asked(json!([200, 195, 200.0, 205]))).expect("readable");
        assert_eq!(quotes(&params), Ok((Right::Put, [200, 195, 205].map(Num::from).to_vec())));
        let many: Vec<i64> = (1..=21).collect();
        let repeated: Vec<i64> = (1..=20).chain(1..=20).collect();
        for (strikes, rule) in [(json!([]), "1 to 20"), (json!(many), "21 or more different"), (json!([200, -5]), "greater than 0")] {
            let (field, message) = refused(quotes, asked(strikes));
            assert!(field == "strikes" && message.contains(rule), "{field}: {message}");
        }
        assert!(quotes(&serde_json::from_value(asked(json!(repeated))).expect("readable")).is_ok());
    }

    #[test]
    fn what_one_contract_cannot_be() {
        for (body, field) in [
            (json!({"contract": {}, "strike": 0}), "strike"),
            (json!({"contract": {}, "right": "X"}), "right"),
            (json!({"contract": {}, "max_age_ms": 60_001}), "max_age_ms"),
        ] {
            assert_eq!(refused(quote, body).0, field);
        }
        let both: QuoteParams = serde_json::from_value(json!({"contract": {}})).expect("readable");
        assert_eq!(quote(&both), Ok(vec![Right::Call, Right::Put]));
    }

    #[test]
    fn pages_of_strikes() {
        for (body, field) in [
            (json!({"contract": {}, "limit": 0}), "limit"),
            (json!({"contract": {}, "limit": 5_001}), "limit"),
            (json!({"contract": {}, "min_strike": 20, "max_strike": 10}), "min_strike"),
            (json!({"contract": {}, "max_strike": -1}), "max_strike"),
        ] {
            assert_eq!(refused(expirations, body).0, field);
        }
    }
}
