//! Whether a market is open, from IB's own hours of an instrument. Pure: the moment is a parameter.

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};
use schemas::{context::MarketState, contracts::ContractDetails};

/// One session, in the exchange's zone.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Session {
    from: Timestamp,
    to: Timestamp,
}

/// The hours of one instrument, read from IB's texts.
#[derive(Debug, Clone)]
pub struct Hours {
    zone_name: String,
    regular: Vec<Session>,
    trading: Vec<Session>,
}

impl Hours {
    /// `None` where IB told none that can be read: then nothing is known, which is not the same as closed.
    pub fn of(details: &ContractDetails) -> Option<Self> {
        let zone_name = details.time_zone.clone()?;
        let zone = TimeZone::get(&zone_name).ok()?;
        let regular = sessions(details.liquid_hours.as_deref().unwrap_or_default(), &zone);
        let trading = sessions(details.trading_hours.as_deref().unwrap_or_default(), &zone);
        (!regular.is_empty() || !trading.is_empty()).then_some(Self { zone_name, regular, trading })
    }

    pub fn zone_name(&self) -> &str {
        &self.zone_name
    }

    /// Begin and end of each session told, early and late trading included.
    pub fn trading(&self) -> Vec<(Timestamp, Timestamp)> {
        self.trading.iter().map(|session| (session.from, session.to)).collect()
    }

    /// Begin and end of each regular session told.
    pub fn regular(&self) -> Vec<(Timestamp, Timestamp)> {
        self.regular.iter().map(|session| (session.from, session.to)).collect()
    }

    /// Whether there is trading after `from` and up to the end of `last`: a bar that reaches there can still change.
    pub fn trades_between(&self, from: Timestamp, last: Date, regular_only: bool) -> bool {
        let sessions = if regular_only && !self.regular.is_empty() { &self.regular } else { &self.trading };
        let zone = TimeZone::get(&self.zone_name).unwrap_or(TimeZone::UTC);
        // A session belongs to the day on which it ends: futures of a Monday begin on Sunday evening. One that ends at
        // midnight ends the day before.
        let day = |session: &Session| session.to.saturating_sub(SignedDuration::from_secs(1)).map(|end| end.to_zoned(zone.clone()).date());
        sessions.iter().any(|session| session.to > from && day(session).is_ok_and(|day| day <= last))
    }

    /// The end of the regular session of a day. IB tells hours of the next days only: beyond them, and for a day of the
    /// past, a day ends at the hour at which the last one of those told does. `None` where no regular session is told.
    pub fn close_on(&self, date: Date) -> Option<Timestamp> {
        let zone = TimeZone::get(&self.zone_name).unwrap_or(TimeZone::UTC);
        let day = |session: &Session| {
            let last = session.to.saturating_sub(SignedDuration::from_secs(1)).unwrap_or(session.to);
            last.to_zoned(zone.clone()).date()
        };
        if let Some(told) = self.regular.iter().filter(|session| day(session) == date).map(|session| session.to).max() {
            return Some(told);
        }
        let usual = self.regular.iter().max_by_key(|session| session.to)?;
        // By the clock on the wall, so that it is right on the other side of a change of the clocks.
        let from_midnight =
            usual.to.to_zoned(zone.clone()).datetime().duration_since(day(usual).to_datetime(jiff::civil::Time::midnight()));
        let close = date.to_datetime(jiff::civil::Time::midnight()).checked_add(from_midnight).ok()?;
        zone.to_timestamp(close).ok()
    }

    /// The state at `now` and when it ends, where the hours reach that far.
    pub fn state(&self, now: Timestamp) -> (MarketState, Option<Timestamp>) {
        if let Some(until) = end_of(&self.regular, now) {
            return (MarketState::Open, Some(until));
        }
        let next_open = self.regular.iter().map(|session| session.from).filter(|from| *from > now).min();
        let Some(session) = self.trading.iter().find(|session| session.from <= now && now < session.to) else {
            let next = self.trading.iter().map(|session| session.from).filter(|from| *from > now).min();
            return (MarketState::Closed, next.or(next_open));
        };
        // Outside regular hours of a trading session: before its regular part it is early, after it late.
        match next_open {
            Some(opens) if opens < session.to => (MarketState::Pre, Some(opens)),
            _ => (MarketState::Post, Some(session.to)),
        }
    }
}

/// The end of the session that holds `now`; sessions that touch each other count as one (a market that never closes).
fn end_of(sessions: &[Session], now: Timestamp) -> Option<Timestamp> {
    let mut until = sessions.iter().find(|session| session.from <= now && now < session.to)?.to;
    while let Some(next) = sessions.iter().find(|session| session.from <= until && session.to > until) {
        until = next.to;
    }
    Some(until)
}

/// IB's text: `20261123:0400-20261123:2000;20261124:CLOSED`; the older `20261123:0930-1600` too.
fn sessions(text: &str, zone: &TimeZone) -> Vec<Session> {
    text.split(';').filter_map(|part| session(part.trim(), zone)).collect()
}

fn session(part: &str, zone: &TimeZone) -> Option<Session> {
    let (from, to) = part.split_once('-')?;
    let day = from.split_once(':')?.0;
    let moment = |text: &str| {
        let (day, time) = text.split_once(':').unwrap_or((day, text));
        let civil = DateTime::strptime("%Y%m%d %H%M", format!("{day} {time}")).ok()?;
        zone.to_timestamp(civil).ok()
    };
    let session = Session { from: moment(from)?, to: moment(to)? };
    (session.from < session.to).then_some(session)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(details: &ContractDetails, now: Timestamp) -> (MarketState, Option<Timestamp>) {
        Hours::of(details).map_or((MarketState::Unknown, None), |hours| hours.state(now))
    }

    fn details(trading: &str, liquid: &str) -> ContractDetails {
        ContractDetails {
            time_zone: Some("America/New_York".to_owned()),
            trading_hours: Some(trading.to_owned()),
            liquid_hours: Some(liquid.to_owned()),
            ..ContractDetails::default()
        }
    }

    #[test]
    fn a_stock_exchange_through_a_day() {
        let hours =
            details("20261123:0400-20261123:2000;20261124:0400-20261124:2000", "20261123:0930-20261123:1600;20261124:0930-20261124:1600");
        for (now, wanted, until) in [
            ("2026-11-23T03:00:00-05:00", MarketState::Closed, "2026-11-23T04:00:00-05:00"),
            ("2026-11-23T08:00:00-05:00", MarketState::Pre, "2026-11-23T09:30:00-05:00"),
            ("2026-11-23T09:30:00-05:00", MarketState::Open, "2026-11-23T16:00:00-05:00"),
            ("2026-11-23T16:00:00-05:00", MarketState::Post, "2026-11-23T20:00:00-05:00"),
            ("2026-11-23T21:00:00-05:00", MarketState::Closed, "2026-11-24T04:00:00-05:00"),
        ] {
            let now: Timestamp = now.parse().expect("time");
            assert_eq!(state(&hours, now), (wanted, Some(until.parse().expect("time"))), "{now}");
        }
    }

    #[test]
    fn a_day_ends_with_its_session_or_as_days_usually_do() {
        let hours = |liquid: &str| Hours::of(&details("", liquid)).expect("readable");
        let close = |hours: &Hours, date: &str| hours.close_on(date.parse().expect("date"));
        let at = |text: &str| Some(text.parse::<Timestamp>().expect("time"));
        // The Friday after Thanksgiving ends early.
        let stock = hours("20261125:0930-20261125:1600;20261126:CLOSED;20261127:0930-20261127:1300;20261130:0930-20261130:1600");
        assert_eq!(close(&stock, "2026-11-27"), at("2026-11-27T13:00:00-05:00"));
        assert_eq!(close(&stock, "2027-07-16"), at("2027-07-16T16:00:00-04:00"), "summer time");
        let always = hours("20261121:0000-20261122:0000;20261122:0000-20261123:0000");
        assert_eq!(close(&always, "2026-11-22"), at("2026-11-23T00:00:00-05:00"));
        assert_eq!(close(&always, "2026-12-18"), at("2026-12-19T00:00:00-05:00"));
        let night = hours("20261122:1700-20261123:1600");
        assert_eq!(close(&night, "2026-11-23"), at("2026-11-23T16:00:00-05:00"), "a session belongs to the day on which it ends");
        assert_eq!(
            Hours::of(&details("20261123:0400-20261123:2000", "")).expect("readable").close_on("2026-11-23".parse().expect("date")),
            None
        );
    }

    #[test]
    fn days_that_touch_are_one_session() {
        let text = "20261121:0000-20261122:0000;20261122:0000-20261123:0000";
        let (state, until) = state(&details(text, text), "2026-11-21T12:00:00-05:00".parse().expect("time"));
        assert_eq!((state, until), (MarketState::Open, Some("2026-11-23T00:00:00-05:00".parse().expect("time"))));
    }

    #[test]
    fn a_days_bar_is_done_when_its_session_is_over() {
        let hours = Hours::of(&details(
            "20261120:0400-20261120:2000;20261123:0400-20261123:2000",
            "20261120:0930-20261120:1600;20261123:0930-20261123:1600",
        ));
        let hours = hours.expect("readable");
        let forms = |now: &str, last: &str, regular| hours.trades_between(now.parse().expect("time"), last.parse().expect("date"), regular);
        assert!(forms("2026-11-20T15:00:00-05:00", "2026-11-20", true), "in the session");
        assert!(!forms("2026-11-20T17:00:00-05:00", "2026-11-20", true), "after it, regular hours");
        assert!(forms("2026-11-20T17:00:00-05:00", "2026-11-20", false), "after it, late trading");
        assert!(!forms("2026-11-21T12:00:00-05:00", "2026-11-22", true), "a finished week on its Saturday");
        assert!(forms("2026-11-20T17:00:00-05:00", "2026-11-30", true), "a month that goes on");
    }

    #[test]
    fn what_cannot_be_read_is_unknown_not_closed() {
        let now = "2026-11-23T12:00:00Z".parse().expect("time");
        assert_eq!(state(&ContractDetails::default(), now).0, MarketState::Unknown);
        assert_eq!(state(&details("nonsense", ""), now).0, MarketState::Unknown);
        assert_eq!(state(&details("20261123:CLOSED;20261124:0400-20261124:2000", ""), now).0, MarketState::Closed);
    }
}
