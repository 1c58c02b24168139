//! One table of argument spellings, and the nearest of several names.

use crate::argument::Argument;

/// Spelling and the argument that it means, where a tool has that argument: the spellings of the predecessors, of
/// ib_async and of IB's own API. Never a rule about case: `endDate` is `end_date` of news and `end` of bars.
const SPELLINGS: &[(&str, &str)] = &[
    ("ticker", "symbol"),
    ("conId", "conid"),
    ("con_id", "conid"),
    ("contractId", "conid"),
    ("contract_id", "conid"),
    ("underlyingConId", "conid"),
    ("secType", "sec_type"),
    ("securityType", "sec_type"),
    ("security_type", "sec_type"),
    ("contract_type", "sec_type"),
    ("primaryExchange", "primary_exchange"),
    ("primaryExch", "primary_exchange"),
    ("primary_exch", "primary_exchange"),
    ("expiration", "expiry"),
    ("expirationDate", "expiry"),
    ("expiration_date", "expiry"),
    ("lastTradeDateOrContractMonth", "expiry"),
    ("last_trade_date_or_contract_month", "expiry"),
    ("expiry", "expiration"),
    ("expirationDate", "expiration"),
    ("expiration_date", "expiration"),
    ("lastTradeDateOrContractMonth", "expiration"),
    ("last_trade_date_or_contract_month", "expiration"),
    ("localSymbol", "local_symbol"),
    ("tradingClass", "trading_class"),
    ("barSize", "bar_size"),
    ("barSizeSetting", "bar_size"),
    ("bar_size_setting", "bar_size"),
    ("durationStr", "duration"),
    ("duration_str", "duration"),
    ("whatToShow", "data_type"),
    ("what_to_show", "data_type"),
    ("dataType", "data_type"),
    ("useRTH", "use_rth"),
    ("use_RTH", "use_rth"),
    ("useRth", "use_rth"),
    ("maxBars", "max_bars"),
    ("limit", "max_bars"),
    ("minStrike", "min_strike"),
    ("maxStrike", "max_strike"),
    ("maxStrikes", "max_strikes"),
    ("limit", "max_strikes"),
    ("strikeOffset", "strike_offset"),
    ("offset", "strike_offset"),
    ("useDelayed", "use_delayed"),
    ("deltaMin", "delta_min"),
    ("deltaMax", "delta_max"),
    ("maxAge", "max_age"),
    ("endDateTime", "end"),
    ("end_date_time", "end"),
    ("endDate", "end"),
    ("end_date", "end"),
    ("start", "start_date"),
    ("startDate", "start_date"),
    ("startDateTime", "start_date"),
    ("start_date_time", "start_date"),
    ("end", "end_date"),
    ("endDate", "end_date"),
    ("endDateTime", "end_date"),
    ("end_date_time", "end_date"),
    ("maxCount", "max_count"),
    ("totalResults", "max_count"),
    ("total_results", "max_count"),
    ("limit", "max_count"),
    ("providerCodes", "providers"),
    ("provider_codes", "providers"),
    ("article_id", "articleId"),
    ("provider_code", "providerCode"),
    ("provider", "providerCode"),
    ("asMarkdown", "as_markdown"),
    ("reportType", "report_type"),
    ("acctCode", "account"),
    ("accountCode", "account"),
    ("accountId", "account"),
    ("account_id", "account"),
    ("marketRuleId", "rule_id"),
    ("market_rule_id", "rule_id"),
    ("apiOnly", "api_only"),
    ("client_id", "clientId"),
    ("numberOfTicks", "count"),
    ("number_of_ticks", "count"),
    ("limit", "count"),
    ("whatToShow", "kind"),
    ("what_to_show", "kind"),
    ("timePeriod", "period"),
    ("time_period", "period"),
    ("query", "pattern"),
    ("symbol", "pattern"),
];

/// The argument of a tool that is meant by `name`.
pub(crate) fn argument<'a>(arguments: &'a [Argument], name: &str) -> Option<&'a Argument> {
    let named = |wanted: &str| arguments.iter().find(|argument| argument.name == wanted);
    named(name).or_else(|| SPELLINGS.iter().filter(|(spelling, _)| *spelling == name).find_map(|(_, meant)| named(meant)))
}

/// The argument whose name, in any spelling, resembles `name` most.
pub(crate) fn nearest_argument(arguments: &[Argument], name: &str) -> Option<&'static str> {
    let own = arguments.iter().map(|argument| (argument.name, argument.name));
    let others = SPELLINGS.iter().copied().filter(|(_, meant)| arguments.iter().any(|argument| argument.name == *meant));
    nearest(name, own.chain(others))
}

/// Below this likeness a suggestion misleads more often than it helps.
const LIKENESS_MIN: f64 = 0.8;
/// No name of ours is longer; comparing takes time that grows with the product of the lengths.
const COMPARED_MAX: usize = 64;

/// What the candidate that resembles `name` most stands for.
pub fn nearest(name: &str, candidates: impl IntoIterator<Item = (&'static str, &'static str)>) -> Option<&'static str> {
    let name: String = name.trim().chars().take(COMPARED_MAX).collect::<String>().to_lowercase();
    let rated = candidates.into_iter().map(|(spelling, meant)| (strsim::jaro_winkler(&name, &spelling.to_lowercase()), meant));
    rated.filter(|(likeness, _)| *likeness >= LIKENESS_MIN).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, meant)| meant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spelling_stands_once_for_each_argument() {
        let mut seen = std::collections::BTreeSet::new();
        for row in SPELLINGS {
            assert!(seen.insert(row), "{row:?} twice");
            assert_ne!(row.0, row.1);
        }
    }

    #[test]
    fn every_spelling_means_an_argument_of_a_tool_and_only_one() {
        for (spelling, meant) in SPELLINGS {
            assert!(crate::TOOLS.iter().any(|tool| tool.arguments.iter().any(|a| a.name == *meant)), "{meant} is no argument");
            for tool in crate::TOOLS {
                let of_tool = |name: &str| tool.arguments.iter().any(|a| a.name == name);
                let meanings = SPELLINGS.iter().filter(|(s, m)| s == spelling && of_tool(m)).count();
                assert!(meanings <= 1, "{}: {spelling} has {meanings} meanings", tool.name);
            }
        }
    }

    #[test]
    fn nothing_near_is_nothing() {
        assert_eq!(crate::nearest("get_position"), Some("get_positions"));
        assert_eq!(crate::nearest("ibkr_get_position"), Some("get_positions"));
        assert_eq!(crate::nearest("make_coffee"), None);
        assert_eq!(crate::nearest(&"x".repeat(1_000_000)), None);
    }
}
