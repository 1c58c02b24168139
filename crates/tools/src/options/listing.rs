//! What is listed: expirations and a page of strikes of each trading class, in ib-mcp's layout.

use schemas::options::{ChainStrikes, ExpirationsReply};

use super::ask;
use crate::{
    asked::Asked,
    context, instrument,
    page::{Body, Keep},
    text,
};

/// Trading classes that a note names.
const CLASSES_NAMED: usize = 20;

pub(super) fn body(asked: &Asked, reply: &ExpirationsReply) -> Body {
    let symbol = asked.named(&reply.underlying);
    let chains = &reply.chains;
    if chains.is_empty() {
        let class = asked.text("trading_class").map(|class| format!(" (trading class {})", text::inline(class, 40))).unwrap_or_default();
        let mut body = Body::titled(format!("No option chain parameters found for {symbol}{class}"));
        body.note(asked.readings(&reply.underlying));
        return body;
    }
    let mut body = Body::titled(format!("# Option Chain for {symbol} ({})", text::inline(&reply.underlying.sec_type, 20)));
    let as_of = context::full(reply.as_of, &context::zone(&reply.context.time_zone));
    body.line(format!("**Underlying**: {} | **As Of**: {as_of}", instrument::described(&reply.underlying)));
    body.note(asked.readings(&reply.underlying));
    let offset = ask::count(asked, "strike_offset").unwrap_or(0);
    let range = range(asked);
    chains.iter().for_each(|chain| body.row(class(chain, offset, &range)));
    match (chains.as_slice(), reply.next) {
        ([chain], Some(next)) => {
            body.after(format!(
                "*Showing strikes {}–{next} of {}{range}; pass strike_offset={next} for the next page.*",
                u64::from(offset) + 1,
                chain.strikes_total
            ));
        }
        ([_], None) => {}
        (_, next) => {
            let next = next.map(|next| format!("; strike_offset={next} is the next page")).unwrap_or_default();
            body.after(format!(
                "*{} option chains returned (trading classes: {}); strike_offset applies to each strike list independently{next}. Pass \
                 trading_class to page one chain.*",
                chains.len(),
                classes(chains)
            ));
        }
    }
    let named = classes(chains);
    body.when_cut(Keep::First, move |shown, of| {
        format!(
            "*Text cut: {shown} of {of} option chains are shown, structuredContent has all. trading_class gets one ({named}), a smaller \
             max_strikes shorter lists.*"
        )
    });
    body
}

/// ib-mcp's section of one class.
fn class(chain: &ChainStrikes, offset: u32, range: &str) -> String {
    let dates: Vec<String> = chain.expirations.iter().map(|date| text::inline(date, 20)).collect();
    format!(
        "\n## Trading Class {} (exchanges: {}, multiplier {})\n\n**Expirations ({})**: {}\n\n{}",
        text::inline(&chain.trading_class, 40),
        text::inline(&chain.exchange, 40),
        text::plain(chain.multiplier),
        dates.len(),
        dates.join(", "),
        strikes(chain, offset, range)
    )
}

fn strikes(chain: &ChainStrikes, offset: u32, range: &str) -> String {
    let total = chain.strikes_total;
    if !chain.strikes.is_empty() {
        let shown: Vec<String> = chain.strikes.iter().map(|strike| text::plain(*strike)).collect();
        let first = u64::from(offset) + 1;
        let last = offset as usize + shown.len();
        return format!("**Strikes {first}–{last} of {total}{range}**: {}", shown.join(", "));
    }
    match total.checked_sub(1) {
        Some(last) => {
            format!("**Strikes (0 of {total}{range})**: strike_offset={offset} is past the last strike (valid offsets: 0-{last})")
        }
        None => format!("**Strikes (0 of 0{range})**: none in range"),
    }
}

/// ` in range [450, 500]`.
fn range(asked: &Asked) -> String {
    match ask::bounds(asked).unwrap_or_default() {
        (Some(min), Some(max)) => format!(" in range [{}, {}]", text::plain(min), text::plain(max)),
        (Some(min), None) => format!(" at or above {}", text::plain(min)),
        (None, Some(max)) => format!(" at or below {}", text::plain(max)),
        (None, None) => String::new(),
    }
}

fn classes(chains: &[ChainStrikes]) -> String {
    let names: Vec<String> = chains.iter().take(CLASSES_NAMED).map(|chain| text::inline(&chain.trading_class, 40)).collect();
    let more = if chains.len() > CLASSES_NAMED { ", ..." } else { "" };
    format!("{}{more}", names.join(", "))
}
