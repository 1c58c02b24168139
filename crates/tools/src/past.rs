//! Tools beside bars: where data begin, volume by price, single ticks.

use schemas::{
    Context, Fault,
    history::{
        HISTOGRAM_PERIODS, Head, HeadParams, HeadReply, Histogram, HistogramParams, HistogramReply, TICKS_MAX, Tick, TickKind, Ticks,
        TicksParams, TicksReply, WhatToShow,
    },
};

use crate::{
    argument::Argument,
    asked::Asked,
    dates::Moment,
    instrument::{self, CONID, CURRENCY, EXCHANGE, EXPIRY, RIGHT, SEC_TYPE, STRIKE, SYMBOL, TRADING_CLASS},
    page::{Body, Keep},
    spelling,
    symbol::Purpose,
    text,
    tool::{Definition, Toolset},
};

/// One of a few names, in any case and with any separator.
fn choice(asked: &Asked, name: &str, names: &[&'static str], default: &'static str) -> Result<&'static str, Fault> {
    let Some(given) = asked.text(name) else { return Ok(default) };
    let plain = |text: &str| text.to_ascii_lowercase().replace(['-', ' '], "_");
    if let Some(found) = names.iter().find(|known| plain(known) == plain(given)) {
        return Ok(found);
    }
    let nearest = spelling::nearest(given, names.iter().map(|known| (*known, *known)));
    Err(Fault::invalid(name, format!("`{name}` is `{}`, which is none of IB's.", text::shown(given)))
        .allowed(names.iter().copied())
        .nearest(nearest)
        .hint(format!("Send one of the allowed values as `{name}`, or leave it out.")))
}

pub(crate) struct GetHeadTimestamp;

impl Definition for GetHeadTimestamp {
    type Op = Head;
    const NAME: &'static str = "get_head_timestamp";
    const TITLE: &'static str = "Get Head Timestamp";
    const ABOUT: &'static str = "The first moment for which IB has data of a type: how far back get_historical_data can reach.";
    const TOOLSET: Toolset = Toolset::Market;
    #[rustfmt::skip]
    const ARGUMENTS: &'static [Argument] = &[
        SYMBOL, SEC_TYPE.or_text("STK"), EXCHANGE, CURRENCY, Argument::text("data_type", "TRADES, MIDPOINT, BID, ASK, ...").or_text("TRADES"),
        CONID, EXPIRY, STRIKE, RIGHT, TRADING_CLASS,
    ];

    fn params(asked: &mut Asked) -> Result<HeadParams, Fault> {
        Ok(HeadParams {
            contract: asked.instrument(Purpose::History)?,
            what_to_show: asked.one_of("data_type", WhatToShow::ALL.iter().map(|(_, name)| *name))?,
            use_rth: true,
        })
    }

    fn context(reply: &HeadReply) -> Option<&Context> {
        Some(&reply.context)
    }

    fn body(asked: &Asked, reply: &HeadReply) -> Body {
        let contract = &reply.contract;
        let begins = text::inline(&reply.head_local, 40);
        let mut body =
            Body::titled(format!("{} data of {} ({}) begin at {begins}.", reply.what_to_show, asked.named(contract), contract.conid));
        body.line(format!("**Instrument**: {} | **Time Zone**: {}", instrument::described(contract), text::inline(&reply.time_zone, 40)));
        body.note(asked.readings(contract));
        body
    }
}

pub(crate) struct GetHistogram;

impl Definition for GetHistogram {
    type Op = Histogram;
    const NAME: &'static str = "get_histogram";
    const TITLE: &'static str = "Get Histogram";
    const ABOUT: &'static str = "Traded volume by price over a period, regular session only.";
    const TOOLSET: Toolset = Toolset::Market;
    #[rustfmt::skip]
    const ARGUMENTS: &'static [Argument] = &[
        SYMBOL, SEC_TYPE.or_text("STK"), EXCHANGE, CURRENCY,
        Argument::text("period", "1 hour, 4 hours, 1 day, 1 week or 1 month").or_text("1 week"),
        CONID, EXPIRY, STRIKE, RIGHT, TRADING_CLASS,
    ];

    fn params(asked: &mut Asked) -> Result<HistogramParams, Fault> {
        let period = choice(asked, "period", HISTOGRAM_PERIODS, "1 week")?.to_owned();
        Ok(HistogramParams { contract: asked.instrument(Purpose::History)?, period, use_rth: true })
    }

    fn context(reply: &HistogramReply) -> Option<&Context> {
        Some(&reply.context)
    }

    fn body(asked: &Asked, reply: &HistogramReply) -> Body {
        let contract = &reply.contract;
        let period = text::inline(&reply.period, 20);
        if reply.rows.is_empty() {
            let mut body = Body::titled(format!("Nothing of {} ({}) was traded in {period}.", asked.named(contract), contract.conid));
            body.note(asked.readings(contract));
            return body;
        }
        let mut body = Body::titled(format!("# Volume by Price of {} ({}), {period}", asked.named(contract), contract.conid));
        body.note(asked.readings(contract));
        body.gap();
        body.columns(&["Price", "Size"]);
        reply.rows.iter().for_each(|row| body.cells(&[text::price(row.price), text::plain(row.size)]));
        if reply.truncated {
            body.after(format!("*The {} prices with the most volume, of {}.*", reply.rows.len(), reply.total));
        }
        let mut ranked: Vec<usize> = (0..reply.rows.len()).collect();
        ranked.sort_by_key(|at| std::cmp::Reverse(reply.rows[*at].size));
        body.when_cut(Keep::Ranked(ranked), |shown, of| {
            format!("*Text cut: the {shown} prices with the most volume of {of} are shown; structuredContent has all {of}.*")
        });
        body
    }
}

pub(crate) struct GetHistoricalTicks;

impl Definition for GetHistoricalTicks {
    type Op = Ticks;
    const NAME: &'static str = "get_historical_ticks";
    const TITLE: &'static str = "Get Historical Ticks";
    const ABOUT: &'static str = "Single trades, quotes (bid_ask) or midpoints from start on, or up to end (now if neither is sent), oldest first. IB needs live data of the exchange for it.";
    const TOOLSET: Toolset = Toolset::Market;
    #[rustfmt::skip]
    const ARGUMENTS: &'static [Argument] = &[
        SYMBOL, SEC_TYPE.or_text("STK"), EXCHANGE, CURRENCY,
        Argument::text("start", "YYYY-MM-DD[ HH:MM:SS] exchange time or RFC 3339").or_text(""),
        Argument::text("end", "The same; not both").or_text(""),
        Argument::integer("count", "Ticks", 1, TICKS_MAX as i64).or_integer(100),
        Argument::text("kind", "trades, bid_ask or midpoint").or_text("trades"),
        CONID, EXPIRY, STRIKE, RIGHT, TRADING_CLASS,
    ];

    fn params(asked: &mut Asked) -> Result<TicksParams, Fault> {
        let moment = |name: &str| asked.text(name).map(|text| Moment::parse(name, text).map(Moment::wire)).transpose();
        let (start, end) = (moment("start")?, moment("end")?);
        if start.is_some() && end.is_some() {
            let fault = Fault::invalid("end", "`start` and `end` were both sent; IB takes ticks from one on or up to the other.");
            return Err(fault.hint("Leave one of them out; `count` says how many."));
        }
        let names: Vec<&'static str> = TickKind::ALL.iter().map(|(name, _)| *name).collect();
        let kind = choice(asked, "kind", &names, "trades")?;
        let kind = TickKind::ALL.iter().find(|(name, _)| *name == kind).map(|(_, kind)| *kind).unwrap_or_default();
        let count = asked.integer("count").and_then(|count| u32::try_from(count).ok()).unwrap_or(100);
        Ok(TicksParams { contract: asked.instrument(Purpose::History)?, start, end, count, kind, use_rth: false })
    }

    fn context(reply: &TicksReply) -> Option<&Context> {
        Some(&reply.context)
    }

    fn body(asked: &Asked, reply: &TicksReply) -> Body {
        let contract = &reply.contract;
        let kind = reply.kind.as_str();
        if reply.ticks.is_empty() {
            let mut body = Body::titled(format!("No {kind} of {} ({}) there.", asked.named(contract), contract.conid));
            body.note(asked.readings(contract));
            return body;
        }
        let mut body = Body::titled(format!("# Ticks ({kind}) of {} ({})", asked.named(contract), contract.conid));
        body.note(asked.readings(contract));
        body.gap();
        let onward = asked.text("start").is_some();
        if reply.kind == TickKind::BidAsk {
            body.columns(&["Time", "Bid", "Bid Size", "Ask", "Ask Size"]);
        } else {
            body.columns(&["Time", "Price", "Size", "Exchange", "Conditions"]);
        }
        reply.ticks.iter().for_each(|tick| body.cells(&cells(tick, reply.kind)));
        let ends = [reply.ticks.first(), reply.ticks.last()].map(|tick| tick.map(|tick| text::inline(&tick.time, 40)).unwrap_or_default());
        if reply.truncated {
            let (name, edge) = if onward { ("start", &ends[1]) } else { ("end", &ends[0]) };
            body.after(if ends[0] == ends[1] {
                // IB knows whole seconds: from this one on come the same ticks again.
                "*There may be more of this second: a larger count gets them.*".to_owned()
            } else {
                format!("*There may be more: {name}=\"{edge}\" goes on, with the ticks of that second again.*")
            });
        }
        let keep = if onward { Keep::First } else { Keep::Last };
        body.when_cut(keep, |shown, of| format!("*Text cut: {shown} of {of} ticks shown; structuredContent has all {of}.*"));
        body
    }
}

fn cells(tick: &Tick, kind: TickKind) -> [String; 5] {
    let price = |value: Option<schemas::Num>| value.map(text::price).unwrap_or_default();
    let size = |value: Option<schemas::Num>| value.map(text::plain).unwrap_or_default();
    if kind == TickKind::BidAsk {
        return [tick.time.clone(), price(tick.bid), size(tick.bid_size), price(tick.ask), size(tick.ask_size)];
    }
    let words = |text: &Option<String>| text.clone().unwrap_or_default();
    [tick.time.clone(), price(tick.price), size(tick.size), words(&tick.exchange), words(&tick.conditions)]
}
