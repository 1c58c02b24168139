//! Tools that the edge answers itself: how everything is, and the two of `haymant/tws-mcp` that speak of connections.

use schemas::{
    Context, Fault,
    context::MarketState,
    edge::{Connect, ConnectParams, ConnectReply, Disconnect, DisconnectParams, DisconnectReply, Health, HealthParams, HealthReply},
};

use crate::{
    argument::Argument,
    asked::Asked,
    context::{NEW_YORK, full, zone},
    page::{Body, Keep},
    text,
    tool::{Annotations, Definition, Toolset},
};

/// Longest text of a reply that is told here; structuredContent has all of it.
const WORDS_CHARS: usize = 300;

fn words(text: &str) -> String {
    text::inline(text, WORDS_CHARS)
}

pub(crate) struct GetHealth;

impl Definition for GetHealth {
    type Op = Health;
    const NAME: &'static str = "get_health";
    const TITLE: &'static str = "Get Health";
    const ABOUT: &'static str = "Whether calls will work now, and if not, why and what to do: gateway, workers, accounts, market, IB's resets, the next log-in. Answers whatever is down; call it first.";
    const ARGUMENTS: &'static [Argument] = &[];

    fn params(_: &mut Asked) -> Result<HealthParams, Fault> {
        Ok(HealthParams {})
    }

    fn context(_: &HealthReply) -> Option<&Context> {
        None
    }

    fn body(_: &Asked, reply: &HealthReply) -> Body {
        let mut body = Body::titled(format!("# Health: {}", reply.status.as_str()));
        body.line(words(&reply.advice));
        body.gap();
        let mut say = |name: &str, value: String| body.row(format!("- **{name}**: {value}"));
        let workers = reply.workers;
        let yes = |is: bool| if is { "yes" } else { "no" };
        say(
            "IB",
            format!(
                "connected {}, IB's servers {}, options {}",
                yes(reply.ib_connected),
                yes(reply.upstream),
                yes(reply.options_connected)
            ),
        );
        say(
            "Workers",
            format!(
                "{} of {} connected, {} free; breaker {}",
                workers.connected,
                workers.wanted,
                workers.available,
                words(&reply.circuit_breaker)
            ),
        );
        let accounts = reply.accounts.iter().map(|account| match &account.base_currency {
            Some(currency) => format!("{} ({})", text::inline(&account.account, 40), text::inline(currency, 8)),
            None => text::inline(&account.account, 40),
        });
        let accounts = accounts.take(20).collect::<Vec<_>>().join(", ");
        let stale = if reply.stale { ", from memory" } else { "" };
        say("Accounts", if accounts.is_empty() { "not known".to_owned() } else { format!("{accounts}{stale}") });
        let time = |at| full(at, &zone(NEW_YORK));
        let until = reply.market_until.map(|until| format!(" until {}", time(until))).unwrap_or_default();
        say("Market (US stocks)", format!("{}{until}", market(reply.market_state)));
        say("Profile", format!("{}, {}", words(&reply.profile), if reply.can_trade { "can trade" } else { "reads only" }));
        let gateway = reply.gateway_state.as_deref().map_or_else(|| "not known".to_owned(), words);
        let reason = reply.gateway_reason.as_deref().map(|reason| format!(", {}", words(reason))).unwrap_or_default();
        say("Gateway", format!("{} is {gateway}{reason}", words(&reply.gateway)));
        reply.needs_human.iter().for_each(|needed| say("Needs a person", words(needed)));
        reply.reset_window.iter().for_each(|window| say("IB's reset window", format!("until {}", time(window.until))));
        reply.next_login_due.iter().for_each(|due| say("Next full log-in due", time(*due)));
        reply.missing.iter().take(10).for_each(|missing| say("Not known", words(missing)));
        body.when_cut(Keep::First, |shown, of| format!("*Text cut: {shown} of {of} lines shown; structuredContent has them all.*"));
        body
    }
}

const fn market(state: MarketState) -> &'static str {
    match state {
        MarketState::Open => "open",
        MarketState::Pre => "pre-market",
        MarketState::Post => "after hours",
        MarketState::Closed => "closed",
        MarketState::Unknown => "not known",
    }
}

pub(crate) struct IbkrConnect;

impl Definition for IbkrConnect {
    type Op = Connect;
    const NAME: &'static str = "ibkr_connect";
    const TITLE: &'static str = "Connect (tws-mcp)";
    const ABOUT: &'static str = "Makes the configured gateway ready and tells what is connected. Nothing else needs it: every tool works without. Another host or port than the configured one is refused.";
    const TOOLSET: Toolset = Toolset::Core;
    const ANNOTATIONS: Annotations = Annotations::BRINGS;
    const COMPAT: bool = true;
    const ARGUMENTS: &'static [Argument] = &[
        Argument::text("host", "The configured one if not sent"),
        Argument::integer("port", "The configured one if not sent", 1, u16::MAX as i64),
        Argument::integer("clientId", "Accepted; workers choose free ids", 0, i32::MAX as i64),
    ];

    fn params(asked: &mut Asked) -> Result<ConnectParams, Fault> {
        let host = asked.text("host").map(host_name).transpose()?;
        let port = asked.integer("port").and_then(|port| u16::try_from(port).ok());
        Ok(ConnectParams { host, port, client_id: asked.integer("clientId").and_then(|id| i32::try_from(id).ok()) })
    }

    fn context(_: &ConnectReply) -> Option<&Context> {
        None
    }

    fn body(_: &Asked, reply: &ConnectReply) -> Body {
        let mut body = Body::titled(words(&reply.message));
        let ids: Vec<String> = reply.client_ids.iter().take(40).map(ToString::to_string).collect();
        body.line(format!(
            "{}:{}, client ids {}",
            words(&reply.host),
            reply.port,
            if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
        ));
        body
    }
}

fn host_name(given: &str) -> Result<String, Fault> {
    if given.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']')) {
        return Ok(given.to_owned());
    }
    let message = format!("`host` is `{}`, which is no name of a host.", text::shown(given));
    Err(Fault::invalid("host", message).hint("Leave it out: the configured gateway is meant."))
}

pub(crate) struct IbkrDisconnect;

impl Definition for IbkrDisconnect {
    type Op = Disconnect;
    const NAME: &'static str = "ibkr_disconnect";
    const TITLE: &'static str = "Disconnect (tws-mcp)";
    const ABOUT: &'static str = "Ends your own streams, nothing else: the gateway stays connected for everybody.";
    const TOOLSET: Toolset = Toolset::Core;
    const ANNOTATIONS: Annotations = Annotations::BRINGS;
    const COMPAT: bool = true;
    const ARGUMENTS: &'static [Argument] = &[];

    fn params(_: &mut Asked) -> Result<DisconnectParams, Fault> {
        Ok(DisconnectParams {})
    }

    fn context(_: &DisconnectReply) -> Option<&Context> {
        None
    }

    fn body(_: &Asked, reply: &DisconnectReply) -> Body {
        Body::titled(words(&reply.message))
    }
}
