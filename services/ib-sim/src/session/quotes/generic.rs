//! The generic ticks of a market data request: which ones a security type may ask for, and how the list
//! is read.
//!
//! Numbers, names, aliases and rules are those of a captured refusal. Invariant: one bad entry makes the
//! whole list bad, as at IB; a list that reads has no entry twice.

use crate::errors::ApiError;

/// The security types that may ask for a generic tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    All,
    Only(&'static [&'static str]),
}

const DIVIDENDS: For = For::Only(&["STK", "CFD", "OPT", "FOP", "FUT", "IND", "SLB"]);
const RECENT_VOLUME: For = For::Only(&["STK", "CFD", "OPT", "FOP", "WAR", "FUT", "FWD", "BOND", "BILL", "SLB", "IOPT", "CRYPTO"]);

/// Number, alias, name and types, in the order of IB's own list.
const LISTED: [(i32, Option<i32>, &str, For); 29] = [
    (100, None, "Option Volume", For::All),
    (101, None, "Option Open Interest", For::All),
    (105, None, "Average Opt Volume", For::All),
    (106, None, "impvolat", For::All),
    (162, None, "Index Future Premium", For::Only(&["IND"])),
    (165, None, "Misc. Stats", For::All),
    (221, Some(220), "Creditman Mark Price", For::All),
    (225, None, "Auction", For::All),
    (232, Some(221), "Pl Price", For::All),
    (233, None, "RTVolume", For::All),
    (236, None, "inventory", For::All),
    (258, Some(47), "Fundamentals", For::All),
    (292, None, "Wide_news", For::All),
    (293, None, "TradeCount", For::All),
    (294, None, "TradeRate", For::All),
    (295, None, "VolumeRate", For::All),
    (318, None, "LastRTHTrade", For::All),
    (375, None, "RTTrdVolume", For::All),
    (411, None, "rthistvol", For::All),
    (456, Some(59), "IBDividends", DIVIDENDS),
    (460, None, "Bond Factor Multiplier", For::All),
    (577, None, "EtfNavLast(navlast)", For::All),
    (586, None, "IPOHLMPRC", For::All),
    (587, None, "Pl Price Delayed", For::All),
    (588, None, "Futures Open Interest", For::All),
    (595, None, "Short-Term Volume X Mins", RECENT_VOLUME),
    (614, None, "EtfNavMisc(high/low)", For::All),
    (619, None, "Creditman Slow Mark Price", For::All),
    (623, None, "EtfFrozenNavLast(fznavlast)", For::All),
];

/// Historical volatility: read, but not shown in IB's list.
const UNLISTED: i32 = 104;
/// Contract news, which alone takes a parameter: `292:BRFG+DJNL`.
pub(super) const NEWS: i32 = 292;

impl For {
    fn allows(self, sec_type: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(types) => types.contains(&sec_type),
        }
    }
}

/// A list that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Generics {
    ids: Vec<i32>,
    /// `mdoff` was asked for: nothing of the top of the book.
    pub(super) top_off: bool,
    /// The providers of contract news, if it was asked for; empty text is all of them.
    pub(super) news: Option<String>,
}

impl Generics {
    pub(super) fn ids(&self) -> &[i32] {
        &self.ids
    }

    /// Whether anything was asked for that a snapshot cannot bring.
    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

/// The number under which IB keeps an entry. Where a number is one entry's own and another's alias, the
/// alias wins: 221 is the price that profit and loss are counted with.
fn lookup(id: i32, sec_type: &str) -> Option<i32> {
    if id == UNLISTED {
        return Some(id);
    }
    let by_alias = LISTED.iter().find(|(_, alias, ..)| *alias == Some(id));
    let (own, _, _, types) = by_alias.or_else(|| LISTED.iter().find(|(own, ..)| *own == id))?;
    types.allows(sec_type).then_some(*own)
}

/// Reads a list; none if an entry is unknown or not for this type.
pub(super) fn parse(list: &str, sec_type: &str) -> Option<Generics> {
    let mut read = Generics::default();
    for entry in list.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        if entry.eq_ignore_ascii_case("mdoff") {
            read.top_off = true;
            continue;
        }
        let (number, parameter) = match entry.split_once(':') {
            Some((_, "")) => return None,
            Some((number, parameter)) => (number, parameter),
            None => (entry, ""),
        };
        let id = lookup(number.parse().ok()?, sec_type)?;
        if id == NEWS {
            read.news = Some(parameter.split(':').next().unwrap_or_default().to_owned());
        }
        if !read.ids.contains(&id) {
            read.ids.push(id);
        }
    }
    Some(read)
}

/// The refusal of a list, naming what would have been legal.
pub(super) fn refusal(list: &str, sec_type: &str) -> ApiError {
    let legal = LISTED.iter().filter(|(.., types)| types.allows(sec_type)).map(|(own, alias, name, _)| match alias {
        Some(alias) => format!("{own}/{alias}({name})"),
        None => format!("{own}({name})"),
    });
    let legal = legal.collect::<Vec<_>>().join(",");
    ApiError::invalid(format_args!("Incorrect generic tick list of {list}.  Legal ones for ({sec_type}) are: {legal}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_whole_or_not_at_all() {
        let ids = |list: &str, kind: &str| parse(list, kind).map(|read| read.ids);
        assert_eq!(ids("", "STK"), Some(vec![]));
        assert_eq!(ids("233, 236 ,,233", "STK"), Some(vec![233, 236]));
        assert_eq!(ids("221,220,47,104", "STK"), Some(vec![232, 221, 258, 104]));
        for bad in ["999", "233,13", "abc", "292:", "576", "578", "162"] {
            assert_eq!(ids(bad, "STK"), None, "{bad}");
        }
        assert_eq!((ids("162", "IND"), ids("456", "CASH"), ids("595", "IND")), (Some(vec![162]), None, None));
    }

    #[test]
    fn news_names_its_providers_and_the_top_can_be_off() {
        let read = parse("mdoff,292:BRFG+DJNL", "STK").unwrap();
        assert_eq!((read.top_off, read.news.as_deref(), read.ids()), (true, Some("BRFG+DJNL"), [NEWS].as_slice()));
        assert_eq!(parse("292", "STK").unwrap().news.as_deref(), Some(""));
    }

    /// The words of a captured refusal.
    #[test]
    fn a_refusal_lists_what_is_legal() {
        let error = refusal("999", "STK");
        assert_eq!(error.code, 321);
        let head = "cause - Incorrect generic tick list of 999.  Legal ones for (STK) are: 100(Option Volume),101(Option Open Interest),";
        let tail =
            "595(Short-Term Volume X Mins),614(EtfNavMisc(high/low)),619(Creditman Slow Mark Price),623(EtfFrozenNavLast(fznavlast))";
        assert!(error.text.contains(head) && error.text.ends_with(tail), "{}", error.text);
        assert!(error.text.contains("221/220(Creditman Mark Price),225(Auction),232/221(Pl Price)"));
        assert!(!error.text.contains("162("));
    }
}
