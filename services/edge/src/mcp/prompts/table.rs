//! The prompts: which there are, what they take, and their words ([`super::texts`]).

use schemas::history::BarSize;
use serde_json::{Value, json};

use super::{Given, Reader, texts};
use crate::mcp::resources::table::is_account;

#[derive(Debug)]
pub(crate) struct Prompt {
    pub(crate) name: &'static str,
    title: &'static str,
    pub(crate) about: &'static str,
    pub(crate) arguments: &'static [Argument],
    pub(crate) text: fn(&Given, Reader) -> String,
}

/// An argument; MCP's are texts.
#[derive(Debug)]
pub(crate) struct Argument {
    pub(crate) name: &'static str,
    about: &'static str,
    pub(crate) required: bool,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Account,
    Symbol,
    Expiration,
    BarSize,
    Side,
    Quantity,
    /// Words of a person.
    Line,
}

/// Longest symbol that any tool takes.
const SYMBOL_CHARS_MAX: usize = 64;
/// Longest line of a person's words.
const LINE_CHARS_MAX: usize = 300;
pub(crate) const SIDES: [&str; 2] = ["BUY", "SELL"];

const fn argument(name: &'static str, kind: Kind, about: &'static str) -> Argument {
    Argument { name, about, required: false, kind }
}

const fn required(name: &'static str, kind: Kind, about: &'static str) -> Argument {
    Argument { required: true, ..argument(name, kind, about) }
}

const ACCOUNT: Argument = argument("account", Kind::Account, "Account id; all accounts if not sent");

pub(crate) static PROMPTS: &[Prompt] = &[
    Prompt {
        name: "gateway_troubleshooting",
        title: "Gateway troubleshooting",
        about: "Why IB does not answer, and what to do about it, from the least to the most intrusive step.",
        arguments: &[argument("problem", Kind::Line, "What you see, such as the error's text")],
        text: texts::gateway_troubleshooting,
    },
    Prompt {
        name: "options_analysis",
        title: "Options analysis",
        about: "Volatility, skew, liquidity and Greeks of one underlying's options, and what a strategy would risk.",
        arguments: &[
            required("symbol", Kind::Symbol, "The underlying, such as AAPL or ^SPX"),
            argument("expiration", Kind::Expiration, "YYYY-MM-DD or YYYYMMDD; chosen from the chain if not sent"),
            argument("strategy", Kind::Line, "Strategy to judge, such as: short put spread 220/210"),
        ],
        text: texts::options_analysis,
    },
    Prompt {
        name: "portfolio_review",
        title: "Portfolio review",
        about: "Value, concentration, winners and losers, expiring options and margin of an account.",
        arguments: &[ACCOUNT],
        text: texts::portfolio_review,
    },
    Prompt {
        name: "pre_trade_checklist",
        title: "Pre-trade checklist",
        about: "What to check before an order: instrument, market, data, buying power, concentration, news. Places nothing.",
        arguments: &[
            required("symbol", Kind::Symbol, "The instrument, such as AAPL, EUR.USD or /ES"),
            argument("action", Kind::Side, "BUY or SELL"),
            argument("quantity", Kind::Quantity, "Shares or contracts"),
            ACCOUNT,
            argument("bar_size", Kind::BarSize, "Bars of the price history; 1 day if not sent"),
        ],
        text: texts::pre_trade_checklist,
    },
];

pub(crate) fn find(name: &str) -> Option<&'static Prompt> {
    PROMPTS.iter().find(|prompt| prompt.name == name)
}

impl Prompt {
    /// The entry of `prompts/list`.
    pub(crate) fn listing(&self) -> Value {
        let arguments = self.arguments.iter().map(|argument| {
            json!({ "name": argument.name, "title": argument.title(), "description": argument.about, "required": argument.required })
        });
        let arguments: Vec<Value> = arguments.collect();
        json!({ "name": self.name, "title": self.title, "description": self.about, "arguments": arguments })
    }

    pub(crate) fn argument(&self, name: &str) -> Option<&'static Argument> {
        self.arguments.iter().find(|argument| argument.name == name)
    }
}

impl Argument {
    fn title(&self) -> &'static str {
        match self.kind {
            Kind::Account => "Account",
            Kind::Symbol => "Symbol",
            Kind::Expiration => "Expiration",
            Kind::BarSize => "Bar size",
            Kind::Side => "Side",
            Kind::Quantity => "Quantity",
            Kind::Line => "In your words",
        }
    }
}

impl Kind {
    /// The value as it stands in the text, or the rule that it breaks.
    pub(crate) fn read(self, given: &str) -> Result<String, &'static str> {
        let given = given.trim();
        let good = |good: bool, rule: &'static str| if good { Ok(given.to_owned()) } else { Err(rule) };
        match self {
            Self::Account => good(is_account(given), "an account id has only letters and digits"),
            // A quote would end the text in the call that the prompt shows.
            Self::Symbol => good(
                given.chars().count() <= SYMBOL_CHARS_MAX
                    && given.chars().all(|c| c.is_ascii_graphic() && !"\"`\\<>".contains(c) || c == ' '),
                "a symbol has at most 64 letters, digits and signs such as . - / ^ =",
            ),
            Self::Expiration => good(is_date(given), "a date is YYYY-MM-DD or YYYYMMDD"),
            Self::BarSize => given
                .parse::<BarSize>()
                .map(|size| size.to_string())
                .map_err(|_| "a bar size is 1 secs to 1 month, such as 5 mins or 1 day"),
            Self::Side => SIDES.iter().find(|side| side.eq_ignore_ascii_case(given)).map(|side| (*side).to_owned()).ok_or("BUY or SELL"),
            Self::Quantity => good(is_quantity(given), "a quantity is a positive number"),
            Self::Line => {
                let plain: String = given.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
                if plain.chars().count() <= LINE_CHARS_MAX { Ok(plain) } else { Err("at most 300 characters") }
            }
        }
    }
}

fn is_date(text: &str) -> bool {
    let parsed = match text.len() {
        8 if text.bytes().all(|b| b.is_ascii_digit()) => format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..]).parse(),
        10 => text.parse::<jiff::civil::Date>(),
        _ => return false,
    };
    parsed.is_ok()
}

fn is_quantity(text: &str) -> bool {
    let plain = text.len() <= 16 && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    plain && text.parse::<f64>().is_ok_and(|number| number > 0.0)
}
