//! Codes with a fixed form: OCC option symbols and ISINs.

use jiff::civil::Date;
use rust_decimal::Decimal;
use schemas::{Fault, Num, contracts::ContractQuery};

use super::{
    Reading, markets,
    shapes::{of_kind, refuse, says},
};
use crate::dates;

/// OCC: root of up to six, YYMMDD, C or P, strike times 1000 in eight digits; blanks between do not matter.
pub(super) fn option(name: &str) -> Result<Option<Reading>, Fault> {
    let name: String = name.split_ascii_whitespace().collect();
    if !name.is_ascii() || name.len() < 16 || name.len() > 21 {
        return Ok(None);
    }
    let (root, rest) = name.split_at(name.len() - 15);
    let (day, right, strike) = (&rest[..6], &rest[6..7], &rest[7..]);
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let shape = matches!(right, "C" | "P") && digits(day) && digits(strike);
    if !shape || !root.starts_with(|c: char| c.is_ascii_alphabetic()) || !root.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Ok(None);
    }
    let hint = "Write root, YYMMDD, C or P and the strike times 1000 in eight digits, such as AAPL261218C00150000.";
    let expiry = format!("20{day}");
    let date: Date = dates::compact_day(&expiry).ok_or_else(|| refuse(&name, "has an expiry that is no date.", hint))?;
    let strike = Decimal::new(strike.parse().unwrap_or(0), 3).normalize();
    if strike.is_zero() {
        return Err(refuse(&name, "has a strike of 0.", hint));
    }
    // A digit behind the root marks a contract that a split or merger has adjusted; the class says which.
    let symbol = markets::underlying(root.trim_end_matches(|c: char| c.is_ascii_digit()));
    let mut query = of_kind(symbol, "OPT");
    query.expiry = Some(expiry);
    query.right = Some(right.to_owned());
    query.strike = Some(Num(strike));
    query.trading_class = Some(root.to_owned());
    let side = if right == "C" { "call" } else { "put" };
    Ok(Some(says(query, format!("the option {symbol} {date} {strike} {side} (class {root})"))))
}

/// Two letters, nine characters, and a digit that proves the rest.
pub(super) fn isin(name: &str) -> Result<Option<Reading>, Fault> {
    let bytes = name.as_bytes();
    let shape = bytes.len() == 12
        && bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes[2..11].iter().all(u8::is_ascii_alphanumeric)
        && bytes[2..11].iter().any(u8::is_ascii_digit)
        && bytes[11].is_ascii_digit();
    if !shape {
        return Ok(None);
    }
    let proof = check_digit(&bytes[..11]);
    if proof != bytes[11] - b'0' {
        let why = format!("has the form of an ISIN, but its last digit would be {proof}.");
        return Err(refuse(name, &why, "Check the ISIN for a mistyped character, or send the symbol."));
    }
    let query = ContractQuery { isin: Some(name.to_owned()), ..ContractQuery::default() };
    Ok(Some(says(query, format!("the ISIN {name}"))))
}

/// ISO 6166: letters count 10 to 35, then Luhn from the right.
fn check_digit(body: &[u8]) -> u8 {
    let mut digits = Vec::with_capacity(22);
    for byte in body {
        match byte {
            b'0'..=b'9' => digits.push(byte - b'0'),
            _ => {
                let value = byte.saturating_sub(b'A') + 10;
                digits.extend([value / 10, value % 10]);
            }
        }
    }
    let doubled = |(at, digit): (usize, &u8)| if at % 2 == 0 { digit * 2 / 10 + digit * 2 % 10 } else { *digit };
    let sum: u32 = digits.iter().rev().enumerate().map(doubled).map(u32::from).sum();
    u8::try_from((10 - sum % 10) % 10).unwrap_or(0)
}
