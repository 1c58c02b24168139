//! The one place that decides whether a request passes.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::http::{HeaderMap, HeaderValue, Method, header};
use service::Settings;
use tokio::time::Instant;
use tools::Profile;

use super::{
    AuthError, Key, Principal, Scope,
    jwks::{Jwks, Unavailable},
    jwt::{Bad, Expected, Unverified},
    keeper::{Found, Keeper},
    rate::Rates,
    tokens,
};

/// So many seconds' worth of requests may come at once.
const BURST_S: u32 = 10;
/// Wrong tokens of one address that are answered as such: so many a second, and twenty seconds' worth at once.
const WRONG_PER_S: u64 = 1;
const WRONG_BURST_S: u32 = 20;
/// Longest token that is looked at.
const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// What becomes of a subject in a header.
const SUBJECT_CHARS: usize = 64;

#[derive(Debug)]
pub(crate) struct Guard {
    profile: Profile,
    /// None where nobody is asked who he is.
    means: Option<Means>,
    rates: Rates,
    /// Per address, and for wrong tokens alone: whoever has a good one is not locked out by a neighbour.
    wrong: Rates,
}

/// How callers show who they are.
#[derive(Debug)]
struct Means {
    tokens: Option<Keeper>,
    issuer: Option<Issuer>,
}

#[derive(Debug)]
struct Issuer {
    keys: Jwks,
    expected: Expected,
}

/// Why a request does not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Denied {
    /// HTTP 401: no token was sent.
    Missing,
    /// HTTP 401: the token is not good.
    Invalid(Bad),
    /// HTTP 503: nobody can say whether it is.
    Unavailable,
    /// HTTP 429.
    TooOften { wait: Duration },
    /// HTTP 403: a right is missing.
    Scope(Scope),
}

impl Denied {
    /// For the metrics.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::Missing => "no_token",
            Self::Invalid(_) => "wrong_token",
            Self::Unavailable => "no_keys",
            Self::TooOften { .. } => "rate",
            Self::Scope(_) => "scope",
        }
    }
}

/// What of a request is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a Method,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) peer: IpAddr,
    /// One of the paths that speak MCP: what its messages need is known when they are read.
    pub(crate) is_mcp: bool,
}

impl Guard {
    pub(crate) fn new(settings: &Settings, profile: Profile) -> Result<Self, AuthError> {
        let guard = Self {
            profile,
            means: means(settings)?,
            rates: Rates::per_s(settings.number("EDGE_RATE_PER_S"), BURST_S),
            wrong: Rates::per_s(WRONG_PER_S, WRONG_BURST_S),
        };
        let address = settings.address("EDGE_BIND");
        match &guard.means {
            None if !address.ip().is_loopback() => tracing::warn!(%address, "EDGE_AUTH=none: whoever reaches this address may call"),
            None => {}
            Some(means) => {
                tracing::info!(tokens = means.tokens.is_some(), jwt = means.issuer.is_some(), "callers must show a token");
            }
        }
        Ok(guard)
    }

    /// The issuer that callers may get tokens from, as metadata name it; `None` where nobody is asked for a token.
    pub(crate) fn issuers(&self) -> Option<Vec<&str>> {
        let means = self.means.as_ref()?;
        Some(means.issuer.iter().map(|issuer| issuer.expected.issuer.as_str()).collect())
    }

    pub(crate) async fn admit(&self, asked: Asked<'_>) -> Result<Principal, Denied> {
        let principal = match &self.means {
            None => Principal::open(asked.peer, self.profile),
            Some(means) => means.principal(asked.headers, self.profile).await.map_err(|denied| self.denied(denied, asked.peer))?,
        };
        self.rates.take(principal.key(), Instant::now()).map_err(|wait| Denied::TooOften { wait })?;
        match needed(asked.method, asked.is_mcp) {
            Some(scope) if !principal.scopes().has(scope) => {
                tracing::info!(who = %principal, lacks = scope.as_str(), "refused");
                Err(Denied::Scope(scope))
            }
            _ => Ok(principal),
        }
    }

    /// Whether a caller that was let in would be let in again: for streams, which outlive the request that opened them.
    pub(crate) fn still_admits(&self, principal: &Principal) -> bool {
        let tokens = self.means.as_ref().and_then(|means| means.tokens.as_ref());
        let revoked = match &principal.key {
            Key::Token(id) => tokens.is_some_and(|tokens| !tokens.has(id)),
            _ => false,
        };
        !revoked && principal.until.is_none_or(|until| service::clock::now() < until)
    }

    /// The other messages of a batch.
    pub(crate) fn charge(&self, principal: &Principal, further: usize) {
        self.rates.charge(principal.key(), u32::try_from(further).unwrap_or(u32::MAX), Instant::now());
    }

    fn denied(&self, denied: Denied, peer: IpAddr) -> Denied {
        let Denied::Invalid(why) = denied else { return denied };
        match self.wrong.take(&Key::of_peer(peer), Instant::now()) {
            Ok(()) => {
                tracing::warn!(%peer, why, "a wrong token");
                denied
            }
            Err(wait) => Denied::TooOften { wait },
        }
    }
}

fn means(settings: &Settings) -> Result<Option<Means>, AuthError> {
    let file = settings.file("EDGE_TOKENS_FILE");
    let open = settings.text("EDGE_AUTH") == Some("none");
    let tokens = file.clone().map(Keeper::open).transpose()?;
    let issuer = match (settings.text("EDGE_JWKS_URL"), settings.text("EDGE_JWT_ISSUER"), settings.text("EDGE_JWT_AUDIENCE")) {
        (Some(url), Some(issuer), Some(audience)) => {
            let expected = Expected { issuer: issuer.to_owned(), audience: audience.to_owned() };
            Some(Issuer { keys: Jwks::new(url).map_err(AuthError::Jwks)?, expected })
        }
        _ => None,
    };
    match (tokens, file) {
        (Some(tokens), Some(path)) if open && !tokens.is_empty() => Err(AuthError::Contradiction { path }),
        _ if open => Ok(None),
        // Whoever names a file means tokens: nothing is open because there is none in it yet.
        (Some(tokens), Some(path)) if tokens.is_empty() && issuer.is_none() => Err(AuthError::NoToken { path }),
        (None, _) if issuer.is_none() => Ok(None),
        (tokens, _) => Ok(Some(Means { tokens, issuer })),
    }
}

impl Means {
    async fn principal(&self, headers: &HeaderMap, profile: Profile) -> Result<Principal, Denied> {
        let token = bearer(headers)?;
        let now = service::clock::now();
        if token.starts_with(tokens::PREFIX) {
            let Some(tokens) = &self.tokens else { return Err(Denied::Invalid("the token is not known")) };
            return match tokens.find(token, now) {
                Found::Good(entry) => Ok(Principal {
                    name: format!("token:{}", entry.name).into(),
                    key: Key::Token(entry.id.as_str().into()),
                    scopes: entry.scopes,
                    profile,
                    until: entry.expires,
                }),
                Found::Expired => Err(Denied::Invalid("the token has expired")),
                Found::Unknown => Err(Denied::Invalid("the token is not known")),
            };
        }
        let Some(issuer) = &self.issuer else { return Err(Denied::Invalid("the token is not known")) };
        let unverified = Unverified::read(token).map_err(Denied::Invalid)?;
        let key = issuer.keys.find(&unverified.kid, unverified.algorithm).await.map_err(|Unavailable| Denied::Unavailable)?;
        let key = key.ok_or(Denied::Invalid("the token's key is not among the issuer's"))?;
        let claimed = unverified.verify(&key, &issuer.expected, now).map_err(Denied::Invalid)?;
        let shown: String = claimed.subject.chars().filter(char::is_ascii_graphic).take(SUBJECT_CHARS).collect();
        Ok(Principal {
            name: format!("jwt:{shown}").into(),
            key: Key::Subject(Arc::from(claimed.subject)),
            scopes: claimed.scopes,
            profile,
            until: Some(claimed.until),
        })
    }
}

/// RFC 6750 2.1. A token in a body or in a URL is no token: URLs stand in logs.
fn bearer(headers: &HeaderMap) -> Result<&str, Denied> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (first, second) = (values.next().ok_or(Denied::Missing)?, values.next());
    let alone = |value: &&HeaderValue| value.len() <= TOKEN_BYTES_MAX && second.is_none();
    let text = Some(first).filter(alone).and_then(|value| value.to_str().ok());
    let bearer = text.and_then(|text| text.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let token = bearer.map(|(_, token)| token.trim()).filter(|token| !token.is_empty());
    token.ok_or(Denied::Invalid("send one header `Authorization: Bearer TOKEN`"))
}

/// What a path outside MCP needs: to look is to read, and everything else over REST controls the gateway.
fn needed(method: &Method, is_mcp: bool) -> Option<Scope> {
    match *method {
        _ if is_mcp => None,
        Method::GET | Method::HEAD => Some(Scope::Read),
        _ => Some(Scope::Admin),
    }
}
