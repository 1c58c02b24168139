//! The last line of every text: whose truth it is.

use jiff::{Timestamp, tz::TimeZone};
use schemas::{
    Context,
    context::{MarketState, Mode},
};
use serde::Serialize;

use crate::text;

/// `SIMULATED · DUS***001 · delayed · 10:31:05 EDT · open until 16:00 EDT`, in the zone of the context.
pub fn context_line(context: &Context) -> String {
    let zone = zone(&context.time_zone);
    let mut parts = vec![mode(context.mode).to_owned()];
    parts.extend(context.account.as_deref().map(|account| text::line(account, 40)));
    parts.push(context.data_type.as_str().to_owned());
    parts.push(clock(context.time, &zone));
    parts.push(market(context, &zone));
    if context.stale {
        parts.push(match context.as_of {
            Some(as_of) => format!("STALE since {}", moment(as_of, context.time, &zone, "%H:%M:%S %Z")),
            None => "STALE".to_owned(),
        });
    }
    parts.join(" · ")
}

/// What is known of the login beside an answer about its gateway, which may be down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GatewayContext {
    /// None until an account is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// The login's name in subjects.
    pub gateway: String,
    pub time: Timestamp,
}

impl GatewayContext {
    /// `SIMULATED · gateway paper · 10:31:05 EDT`.
    pub(crate) fn line(&self) -> String {
        let mode = self.mode.map_or("MODE NOT KNOWN", mode);
        format!("{mode} · gateway {} · {}", text::line(&self.gateway, 40), clock(self.time, &zone(NEW_YORK)))
    }
}

/// Where nothing else decides: IB's own hours are told in it.
pub(crate) const NEW_YORK: &str = "America/New_York";

const fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Simulated => "SIMULATED",
        Mode::Paper => "PAPER",
        Mode::Live => "LIVE",
    }
}

/// UTC where the name is unknown: a wrong hour would be worse than a foreign one, and the line names its zone.
pub(crate) fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

fn clock(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%H:%M:%S %Z").to_string()
}

/// Date and time of day.
pub(crate) fn full(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// A time of day, with its date where that is another day than `now`.
fn moment(time: Timestamp, now: Timestamp, zone: &TimeZone, format: &str) -> String {
    let (time, now) = (time.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let day = if time.date() == now.date() { String::new() } else { time.strftime("%a %Y-%m-%d ").to_string() };
    format!("{day}{}", time.strftime(format))
}

fn market(context: &Context, zone: &TimeZone) -> String {
    let state = match context.market_state {
        MarketState::Open => "open",
        MarketState::Pre => "pre-market",
        MarketState::Post => "after hours",
        MarketState::Closed => "closed",
        MarketState::Unknown => return "market state unknown".to_owned(),
    };
    match context.market_until {
        Some(until) => format!("{state} until {}", moment(until, context.time, zone, "%H:%M %Z")),
        None => state.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::context::DataType;

    fn context() -> Context {
        Context {
            mode: Mode::Simulated,
            account: Some("DUS***001".to_owned()),
            data_type: DataType::Delayed,
            time: "2026-07-24T14:31:05Z".parse().expect("time"),
            as_of: None,
            time_zone: "America/New_York".to_owned(),
            market_state: MarketState::Open,
            market_until: Some("2026-07-24T20:00:00Z".parse().expect("time")),
            stale: false,
        }
    }

    #[test]
    fn the_line_of_the_specification() {
        assert_eq!(context_line(&context()), "SIMULATED · DUS***001 · delayed · 10:31:05 EDT · open until 16:00 EDT");
    }

    #[test]
    fn stale_closed_and_unknown() {
        let mut context = context();
        context.stale = true;
        context.as_of = Some("2026-07-24T14:29:00Z".parse().expect("time"));
        context.market_state = MarketState::Closed;
        context.market_until = Some("2026-07-27T13:30:00Z".parse().expect("time"));
        assert_eq!(
            context_line(&context),
            "SIMULATED · DUS***001 · delayed · 10:31:05 EDT · closed until Mon 2026-07-27 09:30 EDT · STALE since 10:29:00 EDT"
        );
        context.mode = Mode::Live;
        context.account = None;
        context.data_type = DataType::Reference;
        context.market_state = MarketState::Unknown;
        context.time_zone = "Mars/Olympus".to_owned();
        context.as_of = None;
        assert_eq!(context_line(&context), "LIVE · reference data · 14:31:05 UTC · market state unknown · STALE");
    }
}
