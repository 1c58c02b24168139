//! The resources: which there are, and what each is read from. Pure.
//!
//! Invariant: what of a URI is a caller's text is a checked account id, and becomes a parameter of an operation, never
//! part of a subject.

use schemas::{
    Fault, FaultCode, Row,
    account::{AccountParams, OpenOrders, OpenOrdersParams, Portfolio, PortfolioParams, Positions, PositionsParams, Summary},
};
use serde::Serialize;
use serde_json::{Value, json};

use super::super::given;

/// All of them are JSON documents.
pub(crate) const MIME_TYPE: &str = "application/json";
/// What stands in a template for an account id.
pub(crate) const ACCOUNT: &str = "account";
const ACCOUNT_HOLE: &str = "{account}";
/// Longer than any of IB's account ids.
const ACCOUNT_CHARS_MAX: usize = 32;

/// One row: a resource, or with `{account}` a template.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) uri: &'static str,
    name: &'static str,
    title: &'static str,
    about: &'static str,
    pub(crate) source: Source,
    /// MCP's annotation, from 0 to 1.
    priority: f64,
}

/// What a resource is read from.
#[derive(Debug)]
pub(crate) enum Source {
    /// What the edge knows by itself: the report of `GET /health`.
    Health,
    /// An operation that is answered from what its service remembers.
    Kept { row: Row, params: fn(&str) -> Vec<u8>, pace: Pace },
}

/// How often a resource that somebody listens to is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Each round: IB pushes it, so that a look asks memory alone.
    Often,
    /// Once in `watch::SELDOM_ROUNDS` rounds: a look may ask IB itself.
    Seldom,
}

/// In the order in which they are listed. News bulletins and market data join this table with the operation that answers
/// them.
pub(crate) static RESOURCES: &[Resource] = &[
    Resource {
        uri: "ibkr://accounts",
        name: "accounts",
        title: "Accounts",
        about: "The accounts of this login with their values by tag: equity, cash, buying power, margins.",
        source: Source::Kept { row: Row::of::<Summary>(), params: |_| json(&AccountParams::default()), pace: Pace::Often },
        priority: 0.8,
    },
    Resource {
        uri: HEALTH,
        name: "health",
        title: "Health",
        about: "Whether IB can be reached: gateway, workers, breaker, mode of the login. The same as GET /health.",
        source: Source::Health,
        priority: 0.5,
    },
    Resource {
        uri: "ibkr://positions/{account}",
        name: "positions",
        title: "Positions",
        about: "Holdings of one account with cost, price, market value and unrealized profit; the first 1,000 rows.",
        source: Source::Kept {
            row: Row::of::<Positions>(),
            params: |account| json(&PositionsParams { account: account.to_owned(), ..PositionsParams::default() }),
            pace: Pace::Often,
        },
        priority: 0.9,
    },
    Resource {
        uri: "ibkr://portfolio/{account}",
        name: "portfolio",
        title: "Portfolio",
        about: "Holdings of one account with profit and their part of the account, and the account's totals; the first 1,000 rows.",
        source: Source::Kept {
            row: Row::of::<Portfolio>(),
            params: |account| json(&PortfolioParams { account: account.to_owned(), ..PortfolioParams::default() }),
            pace: Pace::Often,
        },
        priority: 0.9,
    },
    Resource {
        uri: "ibkr://orders/{account}",
        name: "orders",
        title: "Open orders",
        about: "Working orders of one account, whoever placed them, with status and filled quantity; the first 500 rows.",
        source: Source::Kept {
            row: Row::of::<OpenOrders>(),
            params: |account| json(&OpenOrdersParams { account: account.to_owned(), ..OpenOrdersParams::default() }),
            pace: Pace::Seldom,
        },
        priority: 0.9,
    },
];

pub(crate) const HEALTH: &str = "ibkr://health";

fn json(params: &impl Serialize) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    crate::rpc::write_json(&mut out, params);
    out
}

/// A URI that is one of ours.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) resource: &'static Resource,
    /// Empty where the URI has none.
    pub(crate) account: &'a str,
}

impl Resource {
    pub(crate) fn is_template(&self) -> bool {
        self.uri.ends_with(ACCOUNT_HOLE)
    }

    /// The entry of `resources/list`; of a template the one for `account`.
    pub(crate) fn listed(&self, account: Option<&str>) -> Value {
        let named = |text: &str, between: &str| account.map_or_else(|| text.to_owned(), |account| format!("{text}{between}{account}"));
        json!({
            "uri": account.map_or_else(|| self.uri.to_owned(), |account| self.uri.replace(ACCOUNT_HOLE, account)),
            "name": named(self.name, "-"),
            "title": named(self.title, " of "),
            "description": self.about,
            "mimeType": MIME_TYPE,
            "annotations": self.annotations(),
        })
    }

    /// The entry of `resources/templates/list`.
    pub(crate) fn template(&self) -> Value {
        json!({
            "uriTemplate": self.uri,
            "name": self.name,
            "title": self.title,
            "description": self.about,
            "mimeType": MIME_TYPE,
            "annotations": self.annotations(),
        })
    }

    fn annotations(&self) -> Value {
        json!({ "audience": ["user", "assistant"], "priority": self.priority })
    }
}

/// Whether it can be an account id at all.
pub(crate) fn is_account(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=ACCOUNT_CHARS_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

/// The resource that a URI names.
pub(crate) fn find(uri: &str) -> Result<Target<'_>, Fault> {
    for resource in RESOURCES {
        match resource.uri.strip_suffix(ACCOUNT_HOLE) {
            None if resource.uri == uri => return Ok(Target { resource, account: "" }),
            None => {}
            Some(head) => match uri.strip_prefix(head) {
                Some(account) if is_account(account) => return Ok(Target { resource, account }),
                Some(account) => return Err(no_account(resource, account)),
                None => {}
            },
        }
    }
    Err(unknown(uri))
}

fn no_account(resource: &Resource, account: &str) -> Fault {
    let shown = given::shown(account);
    Fault::invalid(ACCOUNT, format!("`{shown}` is no account id, which has only letters and digits"))
        .hint(format!("the URI is {}; ibkr://accounts names the accounts", resource.uri))
}

fn unknown(uri: &str) -> Fault {
    let known: Vec<&str> = RESOURCES.iter().map(|resource| resource.uri).collect();
    let nearest = tools::nearest_of(uri, known.iter().map(|uri| (*uri, *uri)));
    let mut fault = Fault::new(FaultCode::NotFound, format!("there is no resource `{}`", given::shown(uri)));
    fault.field = Some("uri".to_owned());
    let hint = nearest.map_or_else(|| format!("there are {}", known.join(", ")), |nearest| format!("did you mean {nearest}?"));
    fault.hint(hint).nearest(nearest)
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
