//! Who calls, and what he may.
//!
//! A request is looked at once, by [`Guard`] in `http::Front`, for MCP and REST alike, and becomes a [`Principal`], which
//! goes with it: to the tools that it may see and call, to `Ib-Caller`, to the record of what was changed.
//!
//! Invariants: where tokens are configured nothing passes without a good one, whatever else fails; a token's text is in no
//! log, no argument and no `Debug`; what is kept for strangers is bounded.

mod file;
mod guard;
mod jwks;
mod jwt;
mod keeper;
mod rate;
mod scope;
mod tokens;

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    path::PathBuf,
    sync::Arc,
};

use jiff::Timestamp;
use schemas::{Fault, FaultCode, context::Mode};
use tools::Profile;

pub(crate) use self::guard::{Asked, Denied, Guard};
pub use self::{
    file::{FileError, edit, read},
    scope::{Scope, Scopes},
    tokens::{Entry, Secret},
};

/// Why the edge does not know whom to let in.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("EDGE_TOKENS_FILE {} holds no token, so nobody could call; `ibmesh token new NAME` makes one", path.display())]
    NoToken { path: PathBuf },
    #[error("EDGE_AUTH=none and the tokens in EDGE_TOKENS_FILE {} contradict each other; unset one of them", path.display())]
    Contradiction { path: PathBuf },
    #[error("{0}")]
    Jwks(String),
}

/// Tells callers apart: for rate limits, for sessions, for what is kept for one of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// Nobody asked who it is.
    Peer(IpAddr),
    /// The token's id.
    Token(Arc<str>),
    /// The subject of another issuer's token.
    Subject(Arc<str>),
    /// All for whom there is no room.
    Others,
}

impl Key {
    /// IPv6 hosts choose the lower half of their address as they like.
    pub(crate) fn of_peer(peer: IpAddr) -> Self {
        Self::Peer(match peer {
            IpAddr::V4(_) => peer,
            IpAddr::V6(address) if address.is_loopback() => peer,
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX))),
        })
    }
}

/// A caller that was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Principal {
    /// Plain ASCII without blanks: it becomes a NATS header.
    name: Arc<str>,
    key: Key,
    scopes: Scopes,
    /// The edge's.
    profile: Profile,
    /// When its token ends by itself.
    until: Option<Timestamp>,
}

impl Principal {
    /// Anybody who reaches an edge that asks nobody who he is.
    pub(crate) fn open(peer: IpAddr, profile: Profile) -> Self {
        Self { name: format!("http:{peer}").into(), key: Key::of_peer(peer), scopes: Scopes::OPEN, profile, until: None }
    }

    /// Who may nothing.
    pub(crate) fn nobody() -> Self {
        Self { name: "nobody".into(), key: Key::Others, scopes: Scopes::default(), profile: Profile::Readonly, until: None }
    }

    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    /// Whether no token was asked for.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.key, Key::Peer(_))
    }

    pub(crate) fn scopes(&self) -> Scopes {
        self.scopes
    }

    /// Whether this caller has the tools of `profile`: the edge's profile cut down by the scopes. No profile says it, since
    /// who controls the gateway need not be allowed to trade.
    pub(crate) fn has(&self, profile: Profile) -> bool {
        self.profile.has(profile) && self.scopes.has(Scope::of_tools(profile))
    }

    /// Refuses a trade of somebody unknown, unless no real money can be meant. `mode` is what the login is, if known.
    pub(crate) fn trusted_with(&self, tool: &'static str, profile: Profile, mode: Option<Mode>) -> Result<(), Fault> {
        let harmless = matches!(mode, Some(Mode::Simulated | Mode::Paper));
        if profile != Profile::Trading || !self.is_open() || harmless {
            return Ok(());
        }
        let why = if mode.is_some() { "the account is live" } else { "what the account is, is not known yet" };
        Err(Fault::new(FaultCode::Forbidden, format!("`{tool}` is refused without a token: {why}"))
            .hint("without tokens only paper accounts are traded; make one with `ibmesh token new` and set EDGE_TOKENS_FILE"))
    }
}

#[cfg(test)]
pub(crate) use self::jwt::tests as jwt_tests;

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_has_what_both_the_edge_and_its_scopes_have() {
        let caller = |edge: Profile, scopes: &str| Principal {
            name: "t".into(),
            key: Key::Token("t".into()),
            scopes: Scopes::parse(scopes).expect("scopes"),
            profile: edge,
            until: None,
        };
        for (edge, scopes, has) in [
            (Profile::Admin, "mcp.read", vec![Profile::Readonly]),
            (Profile::Admin, "mcp.admin", vec![Profile::Admin]),
            (Profile::Admin, "mcp.read mcp.admin", vec![Profile::Readonly, Profile::Admin]),
            (Profile::Admin, "mcp.read mcp.trade", vec![Profile::Readonly, Profile::Trading]),
            (Profile::Admin, "trade.approve", vec![]),
            (Profile::Readonly, "mcp.read mcp.trade mcp.admin", vec![Profile::Readonly]),
            (Profile::Trading, "mcp.read mcp.trade mcp.admin", vec![Profile::Readonly, Profile::Trading]),
            (Profile::CompatTws, "mcp.read", vec![Profile::Readonly, Profile::CompatTws]),
        ] {
            let caller = caller(edge, scopes);
            let found: Vec<Profile> = Profile::ALL.iter().copied().filter(|profile| caller.has(*profile)).collect();
            assert_eq!(found, has, "{edge:?} {scopes}");
        }
    }

    #[test]
    fn strangers_trade_no_real_money() {
        let open = Principal::open(IpAddr::from([127, 0, 0, 1]), Profile::Trading);
        let known = Principal { key: Key::Token("t".into()), ..open.clone() };
        for (mode, trusted) in [(None, false), (Some(Mode::Live), false), (Some(Mode::Paper), true), (Some(Mode::Simulated), true)] {
            assert_eq!(open.trusted_with("place_order", Profile::Trading, mode).is_ok(), trusted, "{mode:?}");
            assert!(open.trusted_with("get_positions", Profile::Readonly, mode).is_ok());
            assert!(open.trusted_with("gateway_login", Profile::Admin, mode).is_ok());
            assert!(known.trusted_with("place_order", Profile::Trading, mode).is_ok());
        }
    }

    #[test]
    fn hosts_of_one_ipv6_network_are_one_caller() {
        let key = |text: &str| Key::of_peer(text.parse().expect("an address"));
        assert_eq!(key("2001:db8:1:2:3::4"), key("2001:db8:1:2::1"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_ne!(key("10.0.0.1"), key("10.0.0.2"));
        assert_eq!(key("::1"), Key::Peer("::1".parse().expect("an address")));
    }
}
