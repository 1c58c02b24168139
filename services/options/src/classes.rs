//! Which trading class is meant, where a date has several.
//!
//! Invariant: the choice depends on the listed contracts only, never on their order.

use std::{cmp::Reverse, collections::BTreeSet};

use jiff::civil::Date;
use schemas::{Fault, FaultCode, Num, options::Settlement};

use crate::shown;

/// Shares of a standard contract.
const MULTIPLIER_STANDARD: i64 = 100;

/// The contracts of one trading class and multiplier that exist on one date.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Class {
    pub(crate) trading_class: String,
    pub(crate) multiplier: Num,
    pub(crate) settlement: Settlement,
    pub(crate) contracts: usize,
}

/// The class to answer, and the names of those that the date has too, ascending.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Choice {
    pub(crate) class: Class,
    pub(crate) others: Vec<String>,
}

/// The asked class, in any case; without one the standard class. `found` is what exists on `date`.
pub(crate) fn choose(symbol: &str, date: Date, found: &[Class], asked: Option<&str>) -> Result<Choice, Fault> {
    let names: BTreeSet<&str> = found.iter().map(|class| class.trading_class.as_str()).collect();
    let fits = |class: &&Class| asked.is_none_or(|asked| class.trading_class.eq_ignore_ascii_case(asked.trim()));
    let Some(class) = found.iter().filter(fits).min_by_key(|class| rank(symbol, found, class)) else {
        return Err(match asked {
            Some(asked) if !names.is_empty() => absent("trading_class", format!("{symbol} has no class `{}` on {date}.", shown(asked)))
                .hint("Send one of the allowed classes, or leave `trading_class` out for the standard one.")
                .allowed(names),
            _ => absent("expiration", format!("{symbol} has no options that expire on {date}."))
                .hint("Ask which expirations there are: the tool get_option_chain, or options.expirations over NATS."),
        });
    };
    let others = names.into_iter().filter(|name| *name != class.trading_class).map(str::to_owned).collect();
    Ok(Choice { class: class.clone(), others })
}

fn absent(field: &str, message: String) -> Fault {
    let mut fault = Fault::new(FaultCode::NotFound, message);
    fault.field = Some(field.to_owned());
    fault
}

/// What comes first is chosen: no contracts adjusted for a corporate action, the standard multiplier, else the commonest,
/// PM before AM, the class named like the underlying; the rest only makes the choice certain.
fn rank<'a>(symbol: &str, found: &[Class], class: &'a Class) -> impl Ord + use<'a> {
    let Class { trading_class, multiplier, settlement, contracts } = class;
    let of_multiplier: usize = found.iter().filter(|other| other.multiplier == *multiplier).map(|other| other.contracts).sum();
    (
        adjusted(symbol, trading_class),
        *multiplier != Num::from(MULTIPLIER_STANDARD),
        Reverse(of_multiplier),
        *settlement == Settlement::Am,
        !trading_class.eq_ignore_ascii_case(symbol),
        Reverse(*contracts),
        trading_class,
        *multiplier,
    )
}

/// IB names an adjusted class with a digit before the symbol: 2NVO. Symbols of some exchanges are digits themselves.
fn adjusted(symbol: &str, trading_class: &str) -> bool {
    let numbered = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    numbered(trading_class) && !numbered(symbol)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const DAY: Date = date(2026, 12, 18);
    use Settlement::{Am, Pm};

    fn class((trading_class, multiplier, settlement, contracts): (&str, i64, Settlement, usize)) -> Class {
        Class { trading_class: trading_class.to_owned(), multiplier: Num::from(multiplier), settlement, contracts }
    }

    /// A symbol, the classes of its date, the class that is expected.
    type Case<'a> = (&'a str, &'a [(&'a str, i64, Settlement, usize)], &'a str);

    #[test]
    fn the_standard_class_whatever_the_order() {
        let cases: &[Case<'_>] = &[
            ("SPX", &[("SPX", 100, Am, 500), ("SPXW", 100, Pm, 300)], "SPXW"),
            ("SPX", &[("SPX", 100, Am, 500)], "SPX"),
            ("NVO", &[("2NVO", 100, Pm, 90), ("NVO", 100, Pm, 80)], "NVO"),
            ("NVO", &[("2NVO", 100, Pm, 90), ("NVO", 10, Pm, 80)], "NVO"),
            ("NVO", &[("2NVO", 100, Pm, 90)], "2NVO"),
            ("AAPL", &[("AAPL", 10, Pm, 300), ("AAPL7", 100, Pm, 20)], "AAPL7"),
            ("AAPL", &[("AAPL7", 10, Pm, 300), ("AAPL", 100, Pm, 20)], "AAPL"),
            ("ASML", &[("ASM1", 10, Pm, 40), ("ASM2", 1_000, Pm, 60), ("ASM3", 10, Am, 30)], "ASM1"),
            ("XYZ", &[("XYZW", 100, Pm, 60), ("XYZ", 100, Pm, 40)], "XYZ"),
            ("XYZ", &[("XYZB", 100, Pm, 60), ("XYZA", 100, Pm, 60), ("XYZC", 100, Pm, 61)], "XYZC"),
            ("XYZ", &[("XYZB", 100, Pm, 60), ("XYZA", 100, Pm, 60)], "XYZA"),
            ("700", &[("1TCH", 100, Pm, 60), ("TCH", 100, Am, 40)], "1TCH"),
        ];
        for (symbol, listed, expected) in cases {
            let mut found: Vec<Class> = listed.iter().copied().map(class).collect();
            for _ in 0..2 {
                found.reverse();
                let choice = choose(symbol, DAY, &found, None).expect("a class");
                assert_eq!(choice.class.trading_class, *expected, "{listed:?}");
                assert_eq!(choice.others.len(), found.len() - 1);
                assert!(choice.others.is_sorted() && !choice.others.contains(&choice.class.trading_class), "{choice:?}");
            }
        }
    }

    #[test]
    fn the_asked_class_wins_and_the_standard_one_is_named() {
        let found = [class(("SPX", 100, Am, 500)), class(("SPXW", 100, Pm, 300))];
        let choice = choose("SPX", DAY, &found, Some(" spx ")).expect("SPX");
        assert_eq!((choice.class, choice.others), (found[0].clone(), vec!["SPXW".to_owned()]));
    }

    #[test]
    fn one_class_with_two_multipliers_is_no_other_class() {
        let found = [class(("XYZ", 10, Pm, 500)), class(("XYZ", 100, Pm, 3))];
        for asked in [None, Some("XYZ")] {
            let choice = choose("XYZ", DAY, &found, asked).expect("XYZ");
            assert_eq!((choice.class, choice.others), (found[1].clone(), vec![]));
        }
        let mut unusual = [class(("XYZ", 50, Pm, 5)), class(("XYZ", 10, Pm, 5))];
        let choice = choose("XYZ", DAY, &unusual, None);
        unusual.reverse();
        assert_eq!(choose("XYZ", DAY, &unusual, None), choice);
    }

    #[test]
    fn an_asked_class_that_is_not_there_is_told_with_those_that_are() {
        let found = [class(("SPXW", 100, Pm, 300)), class(("SPX", 100, Am, 500)), class(("SPX", 10, Am, 5))];
        let fault = choose("SPX", DAY, &found, Some("XSP")).expect_err("no such class");
        assert_eq!((fault.code, fault.field.as_deref()), (FaultCode::NotFound, Some("trading_class")));
        assert_eq!(fault.allowed, ["SPX", "SPXW"]);
        assert!(fault.message.contains("`XSP`") && fault.message.contains("2026-12-18"), "{}", fault.message);
        assert!(fault.hint.is_some_and(|hint| hint.contains("leave `trading_class` out")));
    }

    #[test]
    fn a_date_without_contracts_is_told_as_such() {
        for asked in [None, Some("SPX")] {
            let fault = choose("SPX", DAY, &[], asked).expect_err("nothing");
            assert_eq!((fault.code, fault.field.as_deref()), (FaultCode::NotFound, Some("expiration")));
            assert!(fault.hint.is_some_and(|hint| hint.contains("options.expirations")));
        }
    }
}
