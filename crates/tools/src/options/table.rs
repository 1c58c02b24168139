//! Quotes and Greeks as one table, and below it what is not in it and why.

use schemas::{
    Num,
    options::{ChainReply, GreeksSource, Missing, MissingWhat, OptionRow, Settlement},
};

use super::ask;
use crate::{
    asked::Asked,
    context, instrument,
    page::{Body, Keep},
    text,
};

/// Names in a list of what is missing for one reason.
const NAMES_MAX: usize = 20;
/// Reasons, notes and classes that are told.
const LINES_MAX: usize = 8;

/// ib-mcp's table of chosen strikes, with what we know beyond it behind its columns.
pub(super) fn quotes(asked: &Asked, reply: &ChainReply) -> Body {
    let symbol = asked.named(&reply.underlying);
    let right = asked.text("right").and_then(|right| instrument::right(right).ok()).unwrap_or_default();
    let day = text::inline(&reply.expiration, 20);
    let below = below(reply, false);
    if reply.rows.is_empty() {
        return none(asked, reply, format!("No option quotes found for {symbol} {day} {right}"), below);
    }
    let mut body = Body::titled(format!("# Option Quotes for {symbol} {day} {right}"));
    body.line(format!("**Expiry**: {day} | **Right**: {right} | {}", facts(reply)));
    body.note(asked.readings(&reply.underlying));
    body.gap();
    let sources = Sources::of(&reply.rows);
    let columns = ["Strike", "Bid", "Ask", "Last", "Close", "IV", "Delta", "Gamma", "Theta", "Vega", "Vol", "OI"];
    body.columns(&sources.beside(&columns));
    for row in &reply.rows {
        let mut cells = vec![text::plain(row.strike), price(row.bid), price(row.ask), price(row.last), price(row.close)];
        cells.extend([row.iv, row.delta, row.gamma, row.theta, row.vega].map(greek));
        cells.extend([row.volume, row.open_interest].map(plain));
        cells.extend(sources.cell(row));
        body.cells(&cells);
    }
    body.after(format!("*IV/Delta {}; blank cells mean no data or no bid (illiquid strike or market closed).*", sources.told()));
    below.into_iter().for_each(|line| body.after(line));
    body
}

/// Calls and puts of one expiration.
pub(super) fn chain(asked: &Asked, reply: &ChainReply) -> Body {
    let symbol = asked.named(&reply.underlying);
    let day = text::inline(&reply.expiration, 20);
    let below = below(reply, true);
    if reply.rows.is_empty() {
        return none(asked, reply, format!("No options with quotes found for {symbol} {day} in this window"), below);
    }
    let mut body = Body::titled(format!("# Option Chain with Greeks for {symbol} {day}"));
    body.line(facts(reply));
    body.note(asked.readings(&reply.underlying));
    body.gap();
    let sources = Sources::of(&reply.rows);
    let columns = ["Strike", "Right", "Bid", "Ask", "Mid", "Last", "Vol", "OI", "IV", "Delta", "Gamma", "Theta", "Vega"];
    body.columns(&sources.beside(&columns));
    for row in &reply.rows {
        let mut cells = vec![text::plain(row.strike), row.right.clone(), price(row.bid), price(row.ask), price(row.mid), price(row.last)];
        cells.extend([row.volume, row.open_interest].map(plain));
        cells.extend([row.iv, row.delta, row.gamma, row.theta, row.vega].map(greek));
        cells.extend(sources.cell(row));
        body.cells(&cells);
    }
    body.after(format!("*IV and Greeks {}; blank cells: nobody told.*", sources.told()));
    below.iter().for_each(|line| body.after(line.clone()));
    let offset = ask::count(asked, "offset").unwrap_or(0);
    if let Some(next) = reply.next {
        let first = u64::from(offset) + 1;
        body.after(format!("*Contracts {first} to {next} of {}, nearest the money first. offset={next} gets the next page.*", reply.total));
    }
    body.when_cut(Keep::Ranked(nearest_first(reply)), move |shown, of| {
        let cut = format!(
            "*Text cut: the {shown} of {of} rows nearest the money are shown, structuredContent has all. limit={shown} makes pages that fit.*"
        );
        std::iter::once(cut).chain(below.iter().cloned()).collect::<Vec<_>>().join("\n")
    });
    body
}

/// Rows by their distance from the money; without a price, from the middle of the window.
fn nearest_first(reply: &ChainReply) -> Vec<usize> {
    let strikes: Vec<f64> = reply.rows.iter().map(|row| row.strike.to_f64()).collect();
    let middle = strikes.get(strikes.len() / 2).copied().unwrap_or_default();
    let money = reply.underlying_price.map_or(middle, Num::to_f64);
    let mut ranks: Vec<usize> = (0..strikes.len()).collect();
    ranks.sort_by(|a, b| (strikes[*a] - money).abs().total_cmp(&(strikes[*b] - money).abs()));
    ranks
}

fn none(asked: &Asked, reply: &ChainReply, title: String, below: Vec<String>) -> Body {
    let mut body = Body::titled(title);
    body.line(facts(reply));
    body.note(asked.readings(&reply.underlying));
    below.into_iter().for_each(|line| body.after(line));
    body
}

/// What holds for every row.
fn facts(reply: &ChainReply) -> String {
    let zone = context::zone(&reply.context.time_zone);
    let mut facts = vec![format!("**Data**: {}", reply.data_type.as_str())];
    facts.extend(reply.underlying_price.map(|price| format!("**Underlying**: {}", text::price(price))));
    facts.push(format!("**Class**: {} x {}", text::inline(&reply.trading_class, 40), text::plain(reply.multiplier)));
    if let Some(row) = reply.rows.first() {
        let settlement = match row.settlement {
            Settlement::Am => "AM",
            Settlement::Pm => "PM",
        };
        facts.push(format!("**Settlement**: {settlement} | **DTE**: {}", row.dte));
        facts.push(format!("**As Of**: {} (oldest row, {})", context::full(reply.as_of, &zone), age(reply.age_ms)));
    }
    facts.join(" | ")
}

fn age(age_ms: u64) -> String {
    format!("{}.{} s ago", age_ms / 1_000, age_ms % 1_000 / 100)
}

/// What is missing by reason, other classes, notes: a line each.
fn below(reply: &ChainReply, both_rights: bool) -> Vec<String> {
    let mut groups: Vec<(MissingWhat, Option<&str>, Vec<String>)> = Vec::new();
    for missing in &reply.missing {
        let (what, reason) = (missing.what, missing.reason.as_deref());
        let name = name(missing, both_rights);
        match groups.iter_mut().find(|(of, why, _)| *of == what && *why == reason) {
            Some((_, _, names)) => names.push(name),
            None => groups.push((what, reason, vec![name])),
        }
    }
    let mut lines: Vec<String> = groups.iter().take(LINES_MAX).map(|(what, reason, names)| gone(*what, *reason, names)).collect();
    let untold: usize = groups.iter().skip(LINES_MAX).map(|(_, _, names)| names.len()).sum();
    if untold > 0 {
        lines.push(format!("*Missing for other reasons: {untold}; structuredContent names them.*"));
    }
    if groups.iter().any(|(what, ..)| matches!(what, MissingWhat::Line | MissingWhat::Quote | MissingWhat::Time)) {
        lines.push("*The same call may find what was not quoted in time; a narrower window is answered faster.*".to_owned());
    }
    if !reply.other_classes.is_empty() {
        let classes: Vec<String> = reply.other_classes.iter().take(LINES_MAX).map(|class| text::inline(class, 40)).collect();
        lines.push(format!("*This expiration has other classes too: {}. trading_class chooses.*", classes.join(", ")));
    }
    lines.extend(reply.notes.iter().take(LINES_MAX).map(|note| format!("*{}*", text::inline(note, 300))));
    lines
}

fn name(missing: &Missing, both_rights: bool) -> String {
    let strike = text::plain(missing.strike);
    if both_rights { format!("{strike} {}", text::inline(&missing.right, 4)) } else { strike }
}

fn gone(what: MissingWhat, reason: Option<&str>, names: &[String]) -> String {
    let why = match what {
        MissingWhat::Contract => "Not listed for this expiry (skipped)",
        MissingWhat::Subscription => "No market data subscription",
        MissingWhat::Line => "No market data line free",
        MissingWhat::Quote => "Not quoted in time",
        MissingWhat::Greeks => "Without Greeks",
        MissingWhat::Delta => "Delta not told, so perhaps in the window",
        MissingWhat::Time => "Not reached before the deadline",
        MissingWhat::Refused => "Refused by IB",
        MissingWhat::Unknown => "Missing",
    };
    let more = names.len().saturating_sub(NAMES_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let names: Vec<&str> = names.iter().take(NAMES_MAX).map(String::as_str).collect();
    let reason = reason.map(|reason| format!(" (IB: {})", text::inline(reason, 200))).unwrap_or_default();
    format!("*{why}: {}{more}{reason}*", names.join(", "))
}

/// Whose Greeks the rows have: one source is told once, several in a column.
struct Sources {
    several: bool,
    only: Option<GreeksSource>,
}

impl Sources {
    fn of(rows: &[OptionRow]) -> Self {
        let only = rows.iter().find_map(|row| row.greeks_source);
        Self { several: rows.iter().any(|row| row.greeks_source.is_some() && row.greeks_source != only), only }
    }

    fn beside<'a>(&self, columns: &[&'a str]) -> Vec<&'a str> {
        let mut columns = columns.to_vec();
        columns.extend(self.several.then_some("Source"));
        columns
    }

    fn cell(&self, row: &OptionRow) -> Option<String> {
        let name = match row.greeks_source {
            Some(GreeksSource::Model) => "model",
            Some(GreeksSource::Bid) => "bid",
            Some(GreeksSource::Ask) => "ask",
            Some(GreeksSource::Last) => "last",
            Some(GreeksSource::Bs) => "bs",
            Some(GreeksSource::Unknown) => "other",
            None => "",
        };
        self.several.then(|| name.to_owned())
    }

    fn told(&self) -> &'static str {
        if self.several {
            return "by Source: model, bid, ask and last are IB's, bs is our Black-Scholes";
        }
        match self.only {
            Some(GreeksSource::Model) => "from IB model greeks",
            Some(GreeksSource::Bid) => "from IB's greeks of the bid",
            Some(GreeksSource::Ask) => "from IB's greeks of the ask",
            Some(GreeksSource::Last) => "from IB's greeks of the last trade",
            Some(GreeksSource::Bs) => "from our Black-Scholes, not IB's",
            Some(GreeksSource::Unknown) => "from a source that this release does not know",
            None => "not told",
        }
    }
}

fn price(number: Option<Num>) -> String {
    number.map(text::price).unwrap_or_default()
}

fn plain(number: Option<Num>) -> String {
    number.map(text::plain).unwrap_or_default()
}

/// Four decimals as ib-mcp; six where four would leave nothing, as with the gamma of an index.
fn greek(value: Option<f64>) -> String {
    match value {
        None => String::new(),
        Some(value) if value.abs() >= 0.01 => format!("{value:.4}"),
        Some(value) if value.abs() < 0.000_000_5 => "0".to_owned(),
        Some(value) => format!("{value:.6}"),
    }
}
