//! Bars.

use schemas::{
    Context, Fault,
    history::{Bar, BarSize, Bars, BarsParams, BarsReply, WhatToShow},
};

use crate::{
    argument::Argument,
    asked::Asked,
    dates::Moment,
    instrument::{
        self, CONID, CURRENCY, EXCHANGE, EXPIRY, LOCAL_SYMBOL, MULTIPLIER, PRIMARY_EXCHANGE, RIGHT, SEC_TYPE, STRIKE, SYMBOL_WITH_EXAMPLES,
        TRADING_CLASS,
    },
    page::{Body, Keep},
    symbol::Purpose,
    text,
    tool::Definition,
};

/// ib-mcp's: the tool's default, not the operation's.
const BARS_DEFAULT: u32 = 20;

pub(crate) struct GetHistoricalData;

impl Definition for GetHistoricalData {
    type Op = Bars;
    const NAME: &'static str = "get_historical_data";
    const TITLE: &'static str = "Get Historical Data";
    const ABOUT: &'static str = "Bars (open, high, low, close, volume) of any instrument, newest last. TRADES are adjusted for splits, ADJUSTED_LAST for dividends too. CASH has MIDPOINT, CRYPTO AGGTRADES unless data_type is sent.";
    const ARGUMENTS: &'static [Argument] = &[
        SYMBOL_WITH_EXAMPLES,
        Argument::text("duration", "Count and S, D, W, M or Y").or_text("1 M").examples(&["5 D", "1 Y"]),
        Argument::text("bar_size", "1 secs to 1 month").or_text("1 day").examples(&["5 mins", "1 hour"]),
        Argument::text(
            "data_type",
            "TRADES, MIDPOINT, BID, ASK, BID_ASK, ADJUSTED_LAST, HISTORICAL_VOLATILITY, OPTION_IMPLIED_VOLATILITY, FEE_RATE, AGGTRADES",
        )
        .or_text("TRADES"),
        Argument::integer("max_bars", "Newest bars of the period", 1, 500).or_integer(BARS_DEFAULT as i64),
        EXCHANGE,
        CURRENCY,
        Argument::text("end", "Last moment, YYYY-MM-DD[ HH:MM:SS] exchange time or RFC 3339; now if not sent"),
        Argument::boolean("use_rth", "Regular session only", true),
        SEC_TYPE,
        CONID,
        PRIMARY_EXCHANGE,
        EXPIRY,
        STRIKE,
        RIGHT,
        MULTIPLIER,
        LOCAL_SYMBOL,
        TRADING_CLASS,
    ];

    fn params(asked: &mut Asked) -> Result<BarsParams, Fault> {
        let end = asked.text("end").filter(|end| !end.eq_ignore_ascii_case("now"));
        let end = end.map(|end| Moment::parse("end", end)).transpose()?.map(Moment::wire);
        Ok(BarsParams {
            contract: asked.instrument(Purpose::History)?,
            duration: asked.parsed("duration")?.unwrap_or_default(),
            bar_size: asked.one_of("bar_size", BarSize::ALL.iter().map(|(_, name, _)| *name))?.unwrap_or_default(),
            what_to_show: asked.one_of("data_type", WhatToShow::ALL.iter().map(|(_, name)| *name))?,
            use_rth: asked.boolean("use_rth").unwrap_or(true),
            end,
            limit: asked.count("max_bars").and_then(|count| u32::try_from(count).ok()).unwrap_or(BARS_DEFAULT),
        })
    }

    fn context(reply: &BarsReply) -> Option<&Context> {
        Some(&reply.context)
    }

    fn body(asked: &Asked, reply: &BarsReply) -> Body {
        let contract = &reply.contract;
        let symbol = asked.named(contract);
        if reply.bars.is_empty() {
            let asked_for = format!("{} bars of {} over {}", reply.bar_size, reply.what_to_show, reply.duration);
            let mut body = Body::titled(format!("No historical data found for {symbol} ({}): IB has no {asked_for}.", contract.conid));
            body.note(asked.readings(contract));
            body.line("A longer `duration`, an earlier `end`, use_rth=false or another `data_type` may have some.");
            return body;
        }
        let mut body = Body::titled(format!("# Historical Data for {symbol} ({})", contract.conid));
        body.line(format!("**Duration**: {} | **Bar Size**: {} | **Data Type**: {}", reply.duration, reply.bar_size, reply.what_to_show));
        body.line(facts(reply));
        body.note(asked.readings(contract));
        body.gap();
        body.columns(&["Date", "Open", "High", "Low", "Close", "Volume"]);
        reply.bars.iter().for_each(|bar| body.cells(&cells(bar)));
        let (sent, total) = (reply.bars.len(), reply.total.max(reply.bars.len()));
        let oldest = reply.bars.iter().map(|bar| bar.time.clone()).collect::<Vec<_>>();
        if total > sent {
            body.after(format!("*Showing last {sent} of {total} total bars*"));
            body.after("*max_bars (500 at most) shows more, an earlier `end` older ones.*");
        }
        body.when_cut(Keep::Last, move |shown, of| {
            let first = oldest.get(of - shown).map(|time| text::inline(time, 40)).unwrap_or_default();
            format!(
                "*Text cut: the last {shown} of {total} total bars are shown, structuredContent has {of}. end=\"{first}\" gets older ones.*"
            )
        });
        body
    }
}

fn facts(reply: &BarsReply) -> String {
    let session = if reply.use_rth { "regular hours" } else { "all hours" };
    format!(
        "**Instrument**: {} | **Time Zone**: {} | **Adjusted For**: {} | **Session**: {session}",
        instrument::described(&reply.contract),
        text::inline(&reply.time_zone, 40),
        text::inline(&reply.adjustment, 40),
    )
}

fn cells(bar: &Bar) -> [String; 6] {
    let forming = if bar.partial { " (still forming)" } else { "" };
    [
        format!("{}{forming}", bar.time),
        text::price(bar.open),
        text::price(bar.high),
        text::price(bar.low),
        text::price(bar.close),
        bar.volume.map(text::plain).unwrap_or_default(),
    ]
}
