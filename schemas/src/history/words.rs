//! IB's bar sizes, durations and data types, in every spelling that people use.

use std::{fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

macro_rules! text_value {
    ($type:ty, $name:literal, $schema:expr) => {
        impl TryFrom<String> for $type {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

/// IB's bar sizes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum BarSize {
    Sec1,
    Sec5,
    Sec10,
    Sec15,
    Sec30,
    Min1,
    Min2,
    Min3,
    Min5,
    Min10,
    Min15,
    Min20,
    Min30,
    Hour1,
    Hour2,
    Hour3,
    Hour4,
    Hour8,
    #[default]
    Day,
    Week,
    Month,
}

impl BarSize {
    /// IB's spelling and the length in seconds (a month counts 31 days).
    pub const ALL: &'static [(Self, &'static str, u64)] = &[
        (Self::Sec1, "1 secs", 1),
        (Self::Sec5, "5 secs", 5),
        (Self::Sec10, "10 secs", 10),
        (Self::Sec15, "15 secs", 15),
        (Self::Sec30, "30 secs", 30),
        (Self::Min1, "1 min", 60),
        (Self::Min2, "2 mins", 120),
        (Self::Min3, "3 mins", 180),
        (Self::Min5, "5 mins", 300),
        (Self::Min10, "10 mins", 600),
        (Self::Min15, "15 mins", 900),
        (Self::Min20, "20 mins", 1_200),
        (Self::Min30, "30 mins", 1_800),
        (Self::Hour1, "1 hour", 3_600),
        (Self::Hour2, "2 hours", 7_200),
        (Self::Hour3, "3 hours", 10_800),
        (Self::Hour4, "4 hours", 14_400),
        (Self::Hour8, "8 hours", 28_800),
        (Self::Day, "1 day", 86_400),
        (Self::Week, "1 week", 604_800),
        (Self::Month, "1 month", 2_678_400),
    ];

    fn facts(self) -> (&'static str, u64) {
        Self::ALL.iter().find(|(size, ..)| *size == self).map_or(("1 day", 86_400), |(_, text, s)| (text, *s))
    }

    pub fn as_str(self) -> &'static str {
        self.facts().0
    }

    pub fn seconds(self) -> u64 {
        self.facts().1
    }

    /// Daily and longer bars carry a date, shorter ones a moment.
    pub fn is_daily(self) -> bool {
        self >= Self::Day
    }
}

impl fmt::Display for BarSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for BarSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || {
            let names: Vec<&str> = Self::ALL.iter().map(|(_, name, _)| *name).collect();
            format!("`{}` is no bar size of IB's; use one of {}", shown(text), names.join(", "))
        };
        let (count, unit) = count_and_unit(text).ok_or_else(refuse)?;
        // `1m` is a minute and `1M` a month, as in every charting tool: case decides, and only here.
        let seconds = match unit {
            "M" | "mo" | "mon" | "month" | "months" => 2_678_400,
            _ => match unit.to_ascii_lowercase().as_str() {
                "s" | "sec" | "secs" | "second" | "seconds" => 1,
                "m" | "min" | "mins" | "minute" | "minutes" => 60,
                "h" | "hr" | "hrs" | "hour" | "hours" => 3_600,
                "d" | "day" | "days" => 86_400,
                "w" | "wk" | "week" | "weeks" => 604_800,
                "month" | "months" => 2_678_400,
                _ => return Err(refuse()),
            },
        };
        let wanted = u64::from(count).checked_mul(seconds).ok_or_else(refuse)?;
        Self::ALL.iter().find(|(_, _, s)| *s == wanted).map(|(size, ..)| *size).ok_or_else(refuse)
    }
}

text_value!(
    BarSize,
    "BarSize",
    json_schema!({
        "type": "string",
        "description": "IB's bar size; 1m, 5min, 1h, 1d and their like are understood.",
        "examples": ["1 day", "1 hour", "5 mins"],
        "default": "1 day"
    })
);

/// How far back, counted from the end: IB's duration string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span {
    pub count: u32,
    pub unit: SpanUnit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpanUnit {
    Second,
    Day,
    Week,
    Month,
    Year,
}

impl SpanUnit {
    const fn letter(self) -> char {
        match self {
            Self::Second => 'S',
            Self::Day => 'D',
            Self::Week => 'W',
            Self::Month => 'M',
            Self::Year => 'Y',
        }
    }

    /// Length of one, months and years at their longest.
    const fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Day => 86_400,
            Self::Week => 604_800,
            Self::Month => 2_678_400,
            Self::Year => 31_622_400,
        }
    }

    /// No instrument of IB's has a longer history; IB itself asks for years where days or seconds are many.
    const fn count_max(self) -> u32 {
        match self {
            Self::Second => 86_400,
            Self::Day => 365,
            Self::Week => 260,
            Self::Month => 240,
            Self::Year => 100,
        }
    }
}

impl Span {
    pub fn seconds(self) -> u64 {
        u64::from(self.count) * self.unit.seconds()
    }
}

impl Default for Span {
    fn default() -> Self {
        Self { count: 1, unit: SpanUnit::Month }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.count, self.unit.letter())
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = |why: &str| {
            format!("`{}` is no duration{why}; write a count and S, D, W, M (months) or Y, such as `5 D`, `1 M` or `2 years`", shown(text))
        };
        let (count, unit) = count_and_unit(text).ok_or_else(|| refuse(""))?;
        let unit = match unit.to_ascii_lowercase().as_str() {
            "s" | "sec" | "secs" | "second" | "seconds" => SpanUnit::Second,
            "d" | "day" | "days" => SpanUnit::Day,
            "w" | "wk" | "wks" | "week" | "weeks" => SpanUnit::Week,
            "mo" | "mon" | "mos" | "month" | "months" => SpanUnit::Month,
            // IB counts months with `M`; a lower-case m is more often meant as minutes.
            "m" if unit == "M" => SpanUnit::Month,
            "m" | "min" | "mins" | "minute" | "minutes" => return Err(refuse(" (IB counts no minutes; 30 minutes are `1800 S`)")),
            "h" | "hr" | "hrs" | "hour" | "hours" => return Err(refuse(" (IB counts no hours; 2 hours are `7200 S`)")),
            "y" | "yr" | "yrs" | "year" | "years" => SpanUnit::Year,
            _ => return Err(refuse("")),
        };
        if count == 0 || count > unit.count_max() {
            return Err(refuse(&format!(" (with {} the count is 1 to {})", unit.letter(), unit.count_max())));
        }
        Ok(Self { count, unit })
    }
}

text_value!(
    Span,
    "Span",
    json_schema!({
        "type": "string",
        "description": "IB's duration: a count and S, D, W, M (months) or Y; 1mo, 6 months, 2y and their like are understood.",
        "examples": ["1 M", "5 D", "1 Y"],
        "default": "1 M"
    })
);

/// What the bars are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum WhatToShow {
    Trades,
    Midpoint,
    Bid,
    Ask,
    BidAsk,
    AdjustedLast,
    HistoricalVolatility,
    OptionImpliedVolatility,
    FeeRate,
    AggTrades,
}

impl WhatToShow {
    pub const ALL: &'static [(Self, &'static str)] = &[
        (Self::Trades, "TRADES"),
        (Self::Midpoint, "MIDPOINT"),
        (Self::Bid, "BID"),
        (Self::Ask, "ASK"),
        (Self::BidAsk, "BID_ASK"),
        (Self::AdjustedLast, "ADJUSTED_LAST"),
        (Self::HistoricalVolatility, "HISTORICAL_VOLATILITY"),
        (Self::OptionImpliedVolatility, "OPTION_IMPLIED_VOLATILITY"),
        (Self::FeeRate, "FEE_RATE"),
        (Self::AggTrades, "AGGTRADES"),
    ];

    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(value, _)| *value == self).map_or("TRADES", |(_, name)| name)
    }

    pub fn has_volume(self) -> bool {
        matches!(self, Self::Trades | Self::AdjustedLast | Self::AggTrades)
    }

    /// What IB adjusts for.
    pub fn adjustment(self) -> &'static str {
        match self {
            Self::AdjustedLast => "splits and dividends",
            Self::Trades => "splits",
            _ => "none",
        }
    }
}

impl fmt::Display for WhatToShow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for WhatToShow {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = text.trim().to_ascii_uppercase().replace([' ', '-'], "_");
        let same = |name: &str| name == wanted || name.replace('_', "") == wanted.replace('_', "");
        Self::ALL.iter().find(|(_, name)| same(name)).map(|(value, _)| *value).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|(_, name)| *name).collect();
            format!("`{}` is no data type of IB's bars; use one of {}", shown(text), names.join(", "))
        })
    }
}

text_value!(
    WhatToShow,
    "WhatToShow",
    json_schema!({
        "type": "string",
        "description": "TRADES, MIDPOINT, BID, ASK, BID_ASK, ADJUSTED_LAST, HISTORICAL_VOLATILITY, OPTION_IMPLIED_VOLATILITY, FEE_RATE or AGGTRADES."
    })
);

/// `5min` and `5 mins` to (5, "mins"); a bare unit counts as one.
fn count_and_unit(text: &str) -> Option<(u32, &str)> {
    let text = text.trim();
    let unit_from = text.find(|c: char| !c.is_ascii_digit())?;
    let count = if unit_from == 0 { 1 } else { text[..unit_from].parse().ok()? };
    let unit = text[unit_from..].trim();
    (!unit.is_empty() && unit.chars().all(|c| c.is_ascii_alphabetic())).then_some((count, unit))
}

/// Enough of a bad value to recognise it.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bar_sizes_in_every_spelling() {
        for (_, name, _) in BarSize::ALL {
            assert_eq!(name.parse::<BarSize>().expect(name).as_str(), *name);
        }
        for (text, wanted) in [
            ("1m", "1 min"),
            ("1M", "1 month"),
            ("1 mo", "1 month"),
            ("5min", "5 mins"),
            ("1h", "1 hour"),
            ("60 min", "1 hour"),
            ("1d", "1 day"),
            ("day", "1 day"),
            ("1 Day", "1 day"),
            ("1W", "1 week"),
            ("1 sec", "1 secs"),
            ("30S", "30 secs"),
        ] {
            assert_eq!(text.parse::<BarSize>().expect(text).as_str(), wanted, "{text}");
        }
        for bad in ["", "7 min", "0 day", "1", "min min", "1 fortnight", "4294967296 s", "-1 day", "1 day\n; drop"] {
            assert!(bad.parse::<BarSize>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn durations_in_every_spelling() {
        for (text, wanted) in [
            ("1 M", "1 M"),
            ("1M", "1 M"),
            ("1mo", "1 M"),
            ("6 months", "6 M"),
            ("1d", "1 D"),
            ("5 D", "5 D"),
            ("2 weeks", "2 W"),
            ("1y", "1 Y"),
            ("1800 S", "1800 S"),
            ("year", "1 Y"),
        ] {
            assert_eq!(text.parse::<Span>().expect(text).to_string(), wanted, "{text}");
        }
        for bad in ["", "1m", "2h", "0 D", "99999 Y", "1", "M1", "1 D D"] {
            assert!(bad.parse::<Span>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn data_types_forgive_case_and_separators() {
        for (text, wanted) in [("trades", "TRADES"), ("bid-ask", "BID_ASK"), ("AdjustedLast", "ADJUSTED_LAST"), ("agg_trades", "AGGTRADES")]
        {
            assert_eq!(text.parse::<WhatToShow>().expect(text).as_str(), wanted);
        }
        assert!("prices".parse::<WhatToShow>().is_err());
    }
}
