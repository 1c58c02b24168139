//! How an answer is written: the service's own bytes, or the columns that optopsy reads.
//!
//! optopsy 2.x reads a CSV file by position, so the first eight columns must not move; a DataFrame it reads by name. It
//! joins rows by strike and by the underlying's price, so the price is the chain's and not each row's own.

use bytes::Bytes;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use schemas::{
    Context, Fault, FaultCode, Num,
    options::{ChainReply, Missing, OptionRow},
};
use serde::Serialize;
use serde_json::{Map, Value};

const JSON: &str = "application/json";
const CSV: &str = "text/csv; charset=utf-8; header=present";
/// Of a chain whose context names no zone: where US options are quoted.
const ZONE_DEFAULT: &str = "America/New_York";

/// What the caller wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    AsItIs,
    Optopsy,
    OptopsyCsv,
}

/// An answer, ready to be sent.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) media_type: &'static str,
    pub(super) body: Bytes,
    /// Where the body cannot say that it is not all.
    pub(super) complete: Option<bool>,
}

/// One contract in optopsy's words; the order of the fields is that of the columns.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OptopsyRow")]
pub(super) struct Row<'a> {
    underlying_symbol: &'a str,
    underlying_price: Option<Num>,
    option_type: &'static str,
    expiration: &'a str,
    quote_date: &'a str,
    strike: Num,
    bid: Option<Num>,
    ask: Option<Num>,
    delta: Option<f64>,
    gamma: Option<f64>,
    theta: Option<f64>,
    vega: Option<f64>,
    implied_volatility: Option<f64>,
    volume: Option<Num>,
    open_interest: Option<Num>,
}

pub(super) const COLUMNS: [&str; 15] = [
    "underlying_symbol",
    "underlying_price",
    "option_type",
    "expiration",
    "quote_date",
    "strike",
    "bid",
    "ask",
    "delta",
    "gamma",
    "theta",
    "vega",
    "implied_volatility",
    "volume",
    "open_interest",
];

/// A chain in optopsy's words.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct OptopsyChain<'a> {
    format: &'static str,
    columns: [&'static str; 15],
    rows: Vec<Row<'a>>,
    complete: bool,
    missing: &'a [Missing],
    truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u32>,
    notes: &'a [String],
    context: &'a Context,
}

impl Shape {
    /// `format` is a choice of the table; `csv` says that the caller reads CSV.
    pub(super) fn of(format: Option<&str>, csv: bool) -> Self {
        match format {
            Some("optopsy-csv") => Self::OptopsyCsv,
            Some("optopsy") if csv => Self::OptopsyCsv,
            Some("optopsy") => Self::Optopsy,
            _ => Self::AsItIs,
        }
    }

    pub(super) fn write(self, body: Bytes) -> Result<Written, Fault> {
        if self == Self::AsItIs {
            return Ok(Written { media_type: JSON, body, complete: None });
        }
        let reply: ChainReply = serde_json::from_slice(&body).map_err(|error| {
            Fault::new(FaultCode::Internal, format!("the chain cannot be read: {error}"))
                .hint("edge and options service are of different releases; update both, or leave `format` out")
        })?;
        let zone = if reply.context.time_zone.is_empty() { ZONE_DEFAULT } else { &reply.context.time_zone };
        let quote_date = TimeZone::get(zone).map(|zone| reply.as_of.to_zoned(zone).date().to_string()).map_err(|error| {
            Fault::new(FaultCode::Internal, format!("the time zone {zone} is not known: {error}")).hint("leave `format` out")
        })?;
        let rows: Vec<Row<'_>> = reply.rows.iter().map(|row| Row::of(&reply, row, &quote_date)).collect();
        if self == Self::OptopsyCsv {
            return Ok(Written { media_type: CSV, body: csv(&rows).into(), complete: Some(reply.complete && !reply.truncated) });
        }
        let table = OptopsyChain {
            format: "optopsy",
            columns: COLUMNS,
            rows,
            complete: reply.complete,
            missing: &reply.missing,
            truncated: reply.truncated,
            next: reply.next,
            notes: &reply.notes,
            context: &reply.context,
        };
        let mut out = Vec::with_capacity(256 * (table.rows.len() + 4));
        crate::rpc::write_json(&mut out, &table);
        Ok(Written { media_type: JSON, body: out.into(), complete: None })
    }
}

impl<'a> Row<'a> {
    fn of(reply: &'a ChainReply, row: &'a OptionRow, quote_date: &'a str) -> Self {
        Self {
            underlying_symbol: &reply.symbol,
            underlying_price: reply.underlying_price,
            option_type: if row.right.starts_with('P') { "put" } else { "call" },
            expiration: &row.expiration,
            quote_date,
            strike: row.strike,
            bid: row.bid,
            ask: row.ask,
            delta: row.delta,
            gamma: row.gamma,
            theta: row.theta,
            vega: row.vega,
            implied_volatility: row.iv,
            volume: row.volume,
            open_interest: row.open_interest,
        }
    }
}

/// RFC 4180, but with LF alone, which every reader takes. What is absent is empty.
fn csv(rows: &[Row<'_>]) -> String {
    let mut out = COLUMNS.join(",");
    out.push('\n');
    for row in rows {
        let fields: Map<String, Value> = match serde_json::to_value(row) {
            Ok(Value::Object(fields)) => fields,
            // A struct with named fields is an object.
            _ => continue,
        };
        let line: Vec<String> = fields.values().map(field).collect();
        out.push_str(&line.join(","));
        out.push('\n');
    }
    out
}

fn field(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.contains([',', '"', '\n', '\r']) => format!("\"{}\"", text.replace('"', "\"\"")),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
#[path = "shape_tests.rs"]
mod tests;
