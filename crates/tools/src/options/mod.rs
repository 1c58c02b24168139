//! Tools about options: what is listed, one expiration with Greeks, chosen strikes.

mod ask;
mod listing;
mod table;

pub use ask::underlying_of;
use schemas::{
    Context, Fault,
    contracts::ContractQuery,
    options::{
        CHAIN_LIMIT_DEFAULT, CHAIN_LIMIT_MAX, Chain, ChainParams, ChainReply, Expirations, ExpirationsParams, ExpirationsReply,
        MAX_AGE_MS_MAX, MONEYNESS_MAX, Prefer, QUOTED_STRIKES_MAX, Quotes, QuotesParams, STRIKES_EACH_SIDE_MAX,
    },
};

use crate::{
    argument::Argument,
    asked::Asked,
    instrument::{self, CONID, CURRENCY, EXCHANGE, EXPIRY, RIGHT, SEC_TYPE, SYMBOL, TRADING_CLASS},
    page::Body,
    tool::{Definition, Toolset},
};

/// ib-mcp's: strikes of one page of the listing, the tool's default and not the operation's.
const STRIKES_DEFAULT: u32 = 20;
const STRIKES_MAX: i64 = 500;
const MAX_AGE_S: f64 = (MAX_AGE_MS_MAX / 1_000) as f64;

const UNDERLYING: Argument = SYMBOL.about("Underlying: symbol, conid or ISIN").examples(&["AAPL", "^SPX"]);
const MIN_STRIKE: Argument = Argument::number_within("min_strike", "Lowest strike (0 = no bound)", 0.0, f64::MAX).limits_untold();
const MAX_STRIKE: Argument = Argument::number_within("max_strike", "Highest strike (0 = no bound)", 0.0, f64::MAX).limits_untold();
const CLASS: Argument = TRADING_CLASS.about("Option trading class, such as SPXW");
const MAX_AGE: Argument = Argument::number_within("max_age", "Oldest quotes accepted, seconds", 0.0, MAX_AGE_S);
const USE_DELAYED: Argument = Argument::boolean("use_delayed", "false: live data only", true);

pub(crate) struct GetOptionChain;

impl Definition for GetOptionChain {
    type Op = Expirations;
    const NAME: &'static str = "get_option_chain";
    const TITLE: &'static str = "Get Option Chain";
    const ABOUT: &'static str = "Expirations and strikes of an underlying's options by trading class, without prices. Not every combination exists. Unless sent, sec_type and exchange yield to a stock where no index has the symbol.";
    const ARGUMENTS: &'static [Argument] = &[
        UNDERLYING,
        SEC_TYPE.about("Underlying's type: IND, STK, FUT").or_text("IND"),
        EXCHANGE.about("Underlying's exchange").or_text("CBOE"),
        CURRENCY,
        CLASS.or_text(""),
        MIN_STRIKE.or_number(0.0),
        MAX_STRIKE.or_number(0.0),
        Argument::integer("max_strikes", "Strikes per page and class", 1, STRIKES_MAX).or_integer(STRIKES_DEFAULT as i64),
        Argument::integer("strike_offset", "Strikes left out, for the next page", 0, i32::MAX as i64).or_integer(0),
        CONID,
    ];
    const TOOLSET: Toolset = Toolset::Options;

    fn params(asked: &mut Asked) -> Result<ExpirationsParams, Fault> {
        let instead = |option: &ContractQuery| format!("{}({})", Self::NAME, ask::named(option));
        let sent = asked.contract_fields()?;
        let contract = ask::underlying(asked, sent, Self::NAME, instead)?;
        // The default of `sec_type`, which yields to a stock where no index is called so.
        let prefer = (contract.sec_type.is_none() && contract.conid.is_none()).then_some(Prefer::Index);
        let (min_strike, max_strike) = ask::bounds(asked)?;
        Ok(ExpirationsParams {
            contract,
            trading_class: ask::class(asked)?,
            min_strike,
            max_strike,
            limit: Some(ask::count(asked, "max_strikes").unwrap_or(STRIKES_DEFAULT)),
            offset: ask::count(asked, "strike_offset"),
            prefer,
        })
    }

    fn context(reply: &ExpirationsReply) -> Option<&Context> {
        Some(&reply.context)
    }

    fn body(asked: &Asked, reply: &ExpirationsReply) -> Body {
        listing::body(asked, reply)
    }
}

pub(crate) struct GetOptionChainGreeks;

impl Definition for GetOptionChainGreeks {
    type Op = Chain;
    const NAME: &'static str = "get_option_chain_greeks";
    const TITLE: &'static str = "Get Option Chain With Greeks";
    const ABOUT: &'static str = "Calls and puts of one expiration around the money with quotes and Greeks (theta of a day, vega of 0.01 of volatility). The window is moneyness (default 0.10), strikes or deltas, narrowed by min_strike and max_strike. Takes seconds.";
    const ARGUMENTS: &'static [Argument] = &[
        UNDERLYING,
        Argument::text("expiration", "YYYY-MM-DD or YYYYMMDD").required(),
        RIGHT.about("C or P; both if not sent"),
        MIN_STRIKE,
        MAX_STRIKE,
        Argument::number_within("moneyness", "Strikes with |strike / price - 1| up to this", 0.0, MONEYNESS_MAX),
        Argument::integer("strikes", "Count of strikes on each side of the money", 1, STRIKES_EACH_SIDE_MAX as i64),
        Argument::number_within("delta_min", "Lowest absolute delta", 0.0, 1.0),
        Argument::number_within("delta_max", "Highest absolute delta", 0.0, 1.0),
        Argument::integer("limit", "Contracts, those nearest the money", 1, CHAIN_LIMIT_MAX as i64).or_integer(CHAIN_LIMIT_DEFAULT as i64),
        Argument::integer("offset", "Contracts left out, for the next page", 0, i32::MAX as i64),
        MAX_AGE,
        CLASS,
        SEC_TYPE.about("Underlying's type"),
        EXCHANGE.about("Underlying's exchange"),
        CURRENCY,
        CONID,
        USE_DELAYED,
    ];
    const TOOLSET: Toolset = Toolset::Options;

    fn params(asked: &mut Asked) -> Result<ChainParams, Fault> {
        let instead = |option: &ContractQuery| {
            let day = option.expiry.as_deref().unwrap_or_default();
            format!("{}({}, expiration=\"{day}\")", Self::NAME, ask::named(option))
        };
        let sent = asked.contract_fields()?;
        let contract = ask::underlying(asked, sent, Self::NAME, instead)?;
        let (min_strike, max_strike) = ask::bounds(asked)?;
        let window = ask::window(asked)?;
        Ok(ChainParams {
            contract,
            expiration: ask::expiration(asked, "expiration")?,
            trading_class: ask::class(asked)?,
            right: asked.text("right").map(instrument::right).transpose()?,
            min_strike,
            max_strike,
            moneyness: window.moneyness,
            strikes: ask::count(asked, "strikes"),
            delta_min: window.delta_min,
            delta_max: window.delta_max,
            limit: ask::count(asked, "limit"),
            offset: ask::count(asked, "offset"),
            max_age_ms: ask::max_age_ms(asked),
            data_type: ask::data_type(asked),
        })
    }

    fn context(reply: &ChainReply) -> Option<&Context> {
        Some(&reply.context)
    }

    fn body(asked: &Asked, reply: &ChainReply) -> Body {
        table::chain(asked, reply)
    }
}

pub(crate) struct GetOptionQuotes;

impl Definition for GetOptionQuotes {
    type Op = Quotes;
    const NAME: &'static str = "get_option_quotes";
    const TITLE: &'static str = "Get Option Quotes";
    const ABOUT: &'static str =
        "Quotes and Greeks of up to 20 strikes of one expiration and right. For strikes around the money use get_option_chain_greeks.";
    const ARGUMENTS: &'static [Argument] = &[
        UNDERLYING,
        EXPIRY.about("YYYYMMDD or YYYY-MM-DD").required(),
        RIGHT.required(),
        Argument::numbers("strikes", "Strike prices", QUOTED_STRIKES_MAX).required(),
        EXCHANGE.about("Where the options trade"),
        CURRENCY,
        CLASS.or_text(""),
        USE_DELAYED,
        MAX_AGE,
        CONID,
    ];
    const TOOLSET: Toolset = Toolset::Options;

    fn params(asked: &mut Asked) -> Result<QuotesParams, Fault> {
        let instead = |option: &ContractQuery| {
            let (day, right) = (option.expiry.as_deref().unwrap_or_default(), option.right.as_deref().unwrap_or_default());
            let strike = option.strike.unwrap_or_default();
            format!("{}({}, expiry=\"{day}\", right=\"{right}\", strikes=[{strike}])", Self::NAME, ask::named(option))
        };
        let expiration = ask::expiration(asked, "expiry")?;
        let right = asked.text("right").map(instrument::right).transpose();
        let right = right.map_err(|fault| fault.hint("Send C or P; the other side is a call of its own."))?;
        let mut sent = asked.contract_fields()?;
        // The argument says where the options trade; the underlying is found without it.
        let exchange = sent.exchange.take();
        Ok(QuotesParams {
            contract: ask::underlying(asked, sent, Self::NAME, instead)?,
            expiration,
            right: right.unwrap_or_default(),
            strikes: ask::strikes(asked)?,
            trading_class: ask::class(asked)?,
            exchange,
            max_age_ms: ask::max_age_ms(asked),
            data_type: ask::data_type(asked),
        })
    }

    fn context(reply: &ChainReply) -> Option<&Context> {
        Some(&reply.context)
    }

    fn body(asked: &Asked, reply: &ChainReply) -> Body {
        table::quotes(asked, reply)
    }
}
