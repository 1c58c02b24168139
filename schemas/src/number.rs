//! Money and quantities: `Decimal` inside, a JSON number outside.

use std::fmt;

use rust_decimal::{
    Decimal,
    prelude::{FromPrimitive, ToPrimitive},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A decimal that is written as a JSON number. A double holds 15 significant digits exactly; a literal with more is
/// refused instead of being rounded behind the caller's back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Num(pub Decimal);

/// Digits that survive the way through a double and back.
pub const SIGNIFICANT_DIGITS_MAX: usize = 15;
const DIGITS: u32 = 15;
const MANTISSA_MAX: u128 = 10_u128.pow(DIGITS);

impl Num {
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// From a double of IB's; its "unset" sentinels (the largest double, NaN, infinities) become `None`, never zero.
    pub fn from_ib(value: f64) -> Option<Self> {
        if !value.is_finite() || value.abs() >= 1e20 {
            return None;
        }
        shortest(value).map(Self)
    }

    /// From a text of IB's such as `1000592.65`; empty and unreadable texts become `None`.
    pub fn from_ib_text(text: &str) -> Option<Self> {
        Decimal::from_str_exact(text.trim()).ok().or_else(|| Decimal::from_scientific(text.trim()).ok()).map(|d| Self(d.normalize()))
    }

    pub fn to_f64(self) -> f64 {
        self.0.to_f64().unwrap_or(0.0)
    }
}

impl From<i64> for Num {
    fn from(value: i64) -> Self {
        Self(Decimal::from(value))
    }
}

impl fmt::Debug for Num {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Num {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for Num {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // What is written can be read again: a quotient such as 1/3 is told to the digits that survive.
        let short = self.0.mantissa().unsigned_abs() < MANTISSA_MAX;
        let value = if short { self.0 } else { self.0.round_sf(DIGITS).unwrap_or(self.0) }.normalize();
        match (value.scale(), value.to_i64()) {
            (0, Some(whole)) => serializer.serialize_i64(whole),
            _ => serializer.serialize_f64(Self(value).to_f64()),
        }
    }
}

impl<'de> Deserialize<'de> for Num {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Num;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a number of at most {SIGNIFICANT_DIGITS_MAX} significant digits")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Num, E> {
                checked(Decimal::from(value))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Num, E> {
                checked(Decimal::from(value))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Num, E> {
                checked(shortest(value).ok_or_else(|| E::custom("out of range"))?)
            }
        }
        deserializer.deserialize_f64(Visitor)
    }
}

/// The decimal that a double stands for: the shortest that reads back as it, 0.1 and not 0.1000000000000000055.
fn shortest(value: f64) -> Option<Decimal> {
    const TENS: [f64; 9] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8];
    for (scale, ten) in (0_u32..).zip(TENS) {
        let whole = (value * ten).round();
        // Below 10^15 a whole number and a power of ten are exact doubles, so that this division rounds once, as
        // reading the literal does; the first scale that gives the double back is the shortest.
        if whole.abs() < 1e15 && whole / ten == value {
            #[expect(clippy::cast_possible_truncation, reason = "a whole number below 10^15")]
            return Some(Decimal::new(whole as i64, scale));
        }
    }
    Decimal::from_str_exact(&format!("{value}")).ok().or_else(|| Decimal::from_f64(value)).map(|decimal| decimal.normalize())
}

fn checked<E: de::Error>(value: Decimal) -> Result<Num, E> {
    let value = value.normalize();
    let digits = value.mantissa().unsigned_abs().checked_ilog10().map_or(1, |n| n as usize + 1);
    if digits > SIGNIFICANT_DIGITS_MAX {
        return Err(E::custom(format!("{value} has {digits} significant digits, at most {SIGNIFICANT_DIGITS_MAX} are kept exactly")));
    }
    Ok(Num(value))
}

impl JsonSchema for Num {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Num".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_keeps_its_literal_digits() {
        for literal in ["0.1", "1000592.65", "-3", "0", "123456789012.345", "0.00001"] {
            let read: Num = serde_json::from_str(literal).expect(literal);
            assert_eq!(read.0, literal.parse::<Decimal>().expect("decimal"));
            assert_eq!(serde_json::from_str::<Num>(&serde_json::to_string(&read).expect("json")).expect("back"), read);
        }
    }

    #[test]
    fn digits_that_a_double_would_lose_are_refused() {
        assert!(serde_json::from_str::<Num>("0.12345678901234567").is_err());
        assert!(serde_json::from_str::<Num>("1234567890123456").is_err());
    }

    #[test]
    fn whatever_is_written_can_be_read_again() {
        let third = Num(Decimal::ONE_THOUSAND / Decimal::from(3));
        for value in [third, Num::from_ib(1.0 / 3.0).expect("set"), Num::from_ib(123_456_789.123_456_78).expect("set"), Num(Decimal::MAX)] {
            let text = serde_json::to_string(&value).expect("json");
            if value.0 < Decimal::from(1_000_000_000_000_000_i64) {
                let back: Num = serde_json::from_str(&text).expect(&text);
                assert!((back.0 - value.0).abs() < Decimal::new(1, 6), "{text}");
            }
        }
    }

    #[test]
    fn the_quick_way_and_the_long_way_agree() {
        for value in [0.1, 0.3, 2.675, 1.005, 270.88, 1.08345, 1e-8, 123_456.789, -17.25, 99_999_999.99, 0.1 + 0.2, 1.0 / 3.0, 5e-324, 1e19]
        {
            let long = Decimal::from_str_exact(&format!("{value}")).or_else(|_| Decimal::from_f64(value).ok_or(())).map(|d| d.normalize());
            assert_eq!(shortest(value).map(|d| d.normalize()), long.ok(), "{value}");
        }
    }

    #[test]
    fn unset_is_absent_not_zero() {
        assert_eq!(Num::from_ib(f64::MAX), None);
        assert_eq!(Num::from_ib(f64::NAN), None);
        assert_eq!(Num::from_ib(0.1), Some(Num(Decimal::new(1, 1))));
        assert_eq!(Num::from_ib_text(""), None);
        assert_eq!(Num::from_ib_text("1E-2"), Some(Num(Decimal::new(1, 2))));
    }
}
