//! Tools about what IB knows beside instruments' details: sessions, price steps, news feeds, its clock.

use schemas::{
    Context, Fault,
    contracts::{
        MarketRule, MarketRuleParams, MarketRuleReply, SCHEDULE_DAYS_MAX, Schedule, ScheduleParams, ScheduleReply, TradingSession,
    },
    news::{Providers, ProvidersParams, ProvidersReply},
    session::{Time, TimeParams, TimeReply},
};

use crate::{
    argument::Argument,
    asked::Asked,
    context::{NEW_YORK, full, zone},
    instrument::{CONID, CURRENCY, EXCHANGE, EXPIRY, RIGHT, SEC_TYPE, STRIKE, SYMBOL, TRADING_CLASS},
    page::{Body, Keep},
    symbol::Purpose,
    text,
    tool::{Definition, Toolset},
};

pub(crate) struct GetTradingSchedule;

impl Definition for GetTradingSchedule {
    type Op = Schedule;
    const NAME: &'static str = "get_trading_schedule";
    const TITLE: &'static str = "Get Trading Schedule";
    const ABOUT: &'static str =
        "When an instrument trades today and on the coming days: its sessions with early and late trading, and the regular part.";
    const TOOLSET: Toolset = Toolset::Market;
    #[rustfmt::skip]
    const ARGUMENTS: &'static [Argument] = &[
        SYMBOL, SEC_TYPE.or_text("STK"), EXCHANGE, CURRENCY,
        Argument::integer("days", "Today and days after it", 1, SCHEDULE_DAYS_MAX as i64).or_integer(5),
        CONID, EXPIRY, STRIKE, RIGHT, TRADING_CLASS,
    ];

    fn params(asked: &mut Asked) -> Result<ScheduleParams, Fault> {
        let days = asked.integer("days").and_then(|days| u32::try_from(days).ok()).unwrap_or(5);
        Ok(ScheduleParams { contract: asked.instrument(Purpose::Contract)?, days })
    }

    fn context(reply: &ScheduleReply) -> Option<&Context> {
        Some(&reply.context)
    }

    fn body(asked: &Asked, reply: &ScheduleReply) -> Body {
        let contract = &reply.contract;
        let mut body = Body::titled(format!("# Trading Schedule of {} ({})", asked.named(contract), contract.conid));
        body.line(format!("**Time Zone**: {}", text::inline(&reply.time_zone, 40)));
        body.note(asked.readings(contract));
        body.gap();
        body.columns(&["Date", "Regular", "All Trading"]);
        for day in &reply.days {
            let told = |sessions: &[TradingSession]| {
                let sessions = sessions.iter().map(|session| format!("{} to {}", session.from, session.until));
                sessions.collect::<Vec<_>>().join(", ")
            };
            let trading = if day.closed { "closed".to_owned() } else { told(&day.trading) };
            body.cells(&[day.date.to_string(), told(&day.regular), trading]);
        }
        if !reply.complete {
            body.after("*IB tells no days further ahead.*");
        }
        body.when_cut(Keep::First, |shown, of| format!("*Text cut: {shown} of {of} days shown; structuredContent has them all.*"));
        body
    }
}

pub(crate) struct GetMarketRule;

impl Definition for GetMarketRule {
    type Op = MarketRule;
    const NAME: &'static str = "get_market_rule";
    const TITLE: &'static str = "Get Market Rule";
    const ABOUT: &'static str = "The smallest price steps by price of a market rule, whose ids get_contract_details shows.";
    const TOOLSET: Toolset = Toolset::Market;
    const ARGUMENTS: &'static [Argument] =
        &[Argument::integer("rule_id", "One of market_rule_ids of get_contract_details", 1, i32::MAX as i64).required()];

    fn params(asked: &mut Asked) -> Result<MarketRuleParams, Fault> {
        Ok(MarketRuleParams { rule_id: asked.integer("rule_id").and_then(|id| i32::try_from(id).ok()).unwrap_or_default() })
    }

    fn context(reply: &MarketRuleReply) -> Option<&Context> {
        Some(&reply.context)
    }

    fn body(_: &Asked, reply: &MarketRuleReply) -> Body {
        let mut body = Body::titled(format!("# Market Rule {}", reply.rule_id));
        body.gap();
        body.columns(&["From Price", "Step"]);
        reply.steps.iter().for_each(|step| body.cells(&[text::plain(step.from_price), text::plain(step.step)]));
        body.when_cut(Keep::First, |shown, of| format!("*Text cut: {shown} of {of} steps shown; structuredContent has them all.*"));
        body
    }
}

pub(crate) struct GetNewsProviders;

impl Definition for GetNewsProviders {
    type Op = Providers;
    const NAME: &'static str = "get_news_providers";
    const TITLE: &'static str = "Get News Providers";
    const ABOUT: &'static str = "The news feeds that this login may read, by the codes that get_historical_news takes.";
    const TOOLSET: Toolset = Toolset::News;
    const ARGUMENTS: &'static [Argument] = &[];

    fn params(_: &mut Asked) -> Result<ProvidersParams, Fault> {
        Ok(ProvidersParams {})
    }

    fn context(reply: &ProvidersReply) -> Option<&Context> {
        Some(&reply.context)
    }

    fn body(_: &Asked, reply: &ProvidersReply) -> Body {
        if reply.providers.is_empty() {
            return Body::titled("This login has no news providers. IB's Client Portal has them to subscribe to.");
        }
        let mut body = Body::titled("# News Providers");
        body.gap();
        body.columns(&["Code", "Name"]);
        reply.providers.iter().for_each(|provider| body.cells(&[provider.code.clone(), provider.name.clone()]));
        body.when_cut(Keep::First, |shown, of| format!("*Text cut: {shown} of {of} providers shown; structuredContent has them all.*"));
        body
    }
}

pub(crate) struct GetServerTime;

impl Definition for GetServerTime {
    type Op = Time;
    const NAME: &'static str = "get_server_time";
    const TITLE: &'static str = "Get Server Time";
    const ABOUT: &'static str = "What time it is at IB's gateway, and how far this host's clock is from it.";
    const TOOLSET: Toolset = Toolset::Market;
    const ARGUMENTS: &'static [Argument] = &[];

    fn params(_: &mut Asked) -> Result<TimeParams, Fault> {
        Ok(TimeParams {})
    }

    fn context(reply: &TimeReply) -> Option<&Context> {
        Some(&reply.context)
    }

    fn body(_: &Asked, reply: &TimeReply) -> Body {
        let mut body = Body::titled(format!("IB's gateway says {} ({}).", full(reply.server_time, &zone(NEW_YORK)), reply.server_time));
        let ahead = reply.ahead_ms;
        let apart = ahead.unsigned_abs();
        body.line(match ahead {
            -1_000..=1_000 => "This host's clock agrees within a second.".to_owned(),
            1_001.. => format!("IB's clock is {apart} ms ahead of this host's."),
            _ => format!("IB's clock is {apart} ms behind this host's."),
        });
        body.note(reply.gateway_time_zone.as_deref().map(|zone| format!("The gateway's zone is {}.", text::inline(zone, 60))));
        body
    }
}
