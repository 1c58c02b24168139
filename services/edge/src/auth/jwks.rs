//! The issuer's keys: fetched when they are first needed, kept, and fetched again when they are old or a token names one
//! that is not among them.
//!
//! Invariants: the issuer is asked at most once in [`PERIOD`] whatever strangers send ([`RETRY`] after a failure); no answer of
//! it is read beyond [`BYTES_MAX`]; a fetch ends in its own time, also where whoever caused it has hung up; without keys nobody
//! passes.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use reqwest::{Client, Url, redirect};
use tokio::time::Instant;

use super::jwt::{self, Algorithm, Key};

/// Between two fetches.
const PERIOD: Duration = Duration::from_secs(30);
/// After one that failed.
const RETRY: Duration = Duration::from_secs(5);
/// Keys of this age are fetched again at the next call.
const FRESH: Duration = Duration::from_secs(600);
/// Keys that cannot be fetched again are good for no longer than this.
const STALE: Duration = Duration::from_secs(24 * 3_600);
const CONNECT_MAX: Duration = Duration::from_secs(3);
const FETCH_MAX: Duration = Duration::from_secs(5);
const BYTES_MAX: usize = 256 * 1024;

#[derive(Debug)]
pub(super) struct Jwks {
    issuer: Arc<Issuer>,
    /// Held while the issuer is asked.
    fetching: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug)]
struct Issuer {
    url: Url,
    http: Client,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    keys: Vec<Arc<Key>>,
    fetched: Option<Instant>,
    tried: Option<Instant>,
    failed: bool,
}

/// The issuer's keys cannot be had, so nobody can say whether the token is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unavailable;

impl Jwks {
    pub(super) fn new(url: &str) -> Result<Self, String> {
        let url: Url = url.parse().map_err(|error| format!("EDGE_JWKS_URL is no URL: {error}"))?;
        let local = is_loopback(&url);
        if url.scheme() != "https" && !local {
            return Err(
                "EDGE_JWKS_URL must begin with https:// unless it is on this machine: whoever forges the keys makes tokens".to_owned()
            );
        }
        let mut builder = Client::builder().connect_timeout(CONNECT_MAX).timeout(FETCH_MAX).redirect(redirect::Policy::none());
        if local {
            // A company's proxy cannot reach this machine's loopback.
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| format!("no HTTP client for EDGE_JWKS_URL: {error}"))?;
        Ok(Self { issuer: Arc::new(Issuer { url, http, known: Mutex::default() }), fetching: Arc::default() })
    }

    /// The key that a token names; `None` where the issuer has no such key.
    pub(super) async fn find(&self, kid: &str, algorithm: Algorithm) -> Result<Option<Arc<Key>>, Unavailable> {
        let first = self.issuer.look(kid, algorithm);
        // Who has a key need not wait for a fetch that others wait for; who has none waits for the one that is under way.
        let turn = match &first.key {
            Some(_) if first.due => Arc::clone(&self.fetching).try_lock_owned().ok(),
            None if first.due || !first.certain => Some(Arc::clone(&self.fetching).lock_owned().await),
            _ => None,
        };
        if let Some(turn) = turn
            && self.issuer.look(kid, algorithm).due
        {
            let issuer = Arc::clone(&self.issuer);
            // Else a stranger could end every fetch by hanging up, and keep the keys from everybody.
            let fetch = tokio::spawn(async move {
                issuer.fetch().await;
                drop(turn);
            });
            // It counts as failed where it panicked.
            drop(fetch.await);
        }
        let now = self.issuer.look(kid, algorithm);
        match now.key {
            Some(key) => Ok(Some(key)),
            None if now.certain => Ok(None),
            None => Err(Unavailable),
        }
    }
}

impl Issuer {
    fn look(&self, kid: &str, algorithm: Algorithm) -> Look {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let age = known.fetched.map(|at| at.elapsed());
        let usable = age.is_some_and(|age| age < STALE);
        let key = known.keys.iter().find(|key| usable && key.kid == kid && key.algorithm() == algorithm).cloned();
        let period = if known.failed { RETRY } else { PERIOD };
        let wanted = key.is_none() || age.is_none_or(|age| age >= FRESH);
        Look { due: wanted && known.tried.is_none_or(|at| at.elapsed() >= period), certain: usable && !known.failed, key }
    }

    async fn fetch(&self) {
        {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            // It counts as failed until it has succeeded.
            (known.tried, known.failed) = (Some(Instant::now()), true);
        }
        let fetched = self.fetched().await;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.tried = Some(Instant::now());
        match fetched {
            Ok(keys) => {
                tracing::info!(keys = keys.len(), "the issuer's keys were fetched");
                known.keys = keys.into_iter().map(Arc::new).collect();
                (known.fetched, known.failed) = (Some(Instant::now()), false);
            }
            Err(why) => tracing::error!(why, "the keys of EDGE_JWKS_URL cannot be fetched"),
        }
    }

    async fn fetched(&self) -> Result<Vec<Key>, String> {
        let failed = |error: reqwest::Error| error.without_url().to_string();
        let mut response = self.http.get(self.url.clone()).send().await.map_err(failed)?;
        if !response.status().is_success() {
            return Err(format!("HTTP {}", response.status()));
        }
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(failed)? {
            if body.len() + piece.len() > BYTES_MAX {
                return Err(format!("more than {BYTES_MAX} bytes"));
            }
            body.extend_from_slice(&piece);
        }
        let keys = jwt::keys(&body).ok_or("the answer is no key set")?;
        if keys.is_empty() { Err("no key for RS256 or ES256 among them".to_owned()) } else { Ok(keys) }
    }
}

struct Look {
    key: Option<Arc<Key>>,
    /// A fetch may bring what is wanted, and is allowed.
    due: bool,
    /// The issuer was heard, so a key that is not known does not exist.
    certain: bool,
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use tokio::{sync::Semaphore, time::timeout};
    use tokio_util::task::AbortOnDropHandle;

    use super::*;

    #[test]
    fn keys_come_over_tls_or_from_this_machine() {
        for (url, good) in [
            ("https://id.example/keys", true),
            ("http://127.0.0.1:1/keys", true),
            ("http://[::1]/keys", true),
            ("http://localhost/keys", true),
            ("http://id.example/keys", false),
            ("http://localhost.id.example/keys", false),
            ("nothing", false),
        ] {
            assert_eq!(Jwks::new(url).is_ok(), good, "{url}");
        }
    }
    /// An issuer whose answer can be changed, and kept back.
    struct Server {
        url: String,
        answer: Arc<Mutex<(StatusCode, String)>>,
        asked: Arc<Semaphore>,
        may_answer: Arc<Semaphore>,
        _task: AbortOnDropHandle<()>,
    }

    impl Server {
        async fn start() -> Self {
            let answer = Arc::new(Mutex::new((StatusCode::OK, String::new())));
            let (asked, may_answer) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(1)));
            let (told, counts, gate) = (Arc::clone(&answer), Arc::clone(&asked), Arc::clone(&may_answer));
            let router = axum::Router::new().fallback(move || {
                let (told, gate) = (Arc::clone(&told), Arc::clone(&gate));
                counts.add_permits(1);
                async move {
                    drop(gate.acquire().await.expect("open"));
                    told.lock().expect("lock").clone()
                }
            });
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let url = format!("http://{}/keys", listener.local_addr().expect("bound"));
            let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("served") });
            Self { url, answer, asked, may_answer, _task: AbortOnDropHandle::new(task) }
        }

        fn has(&self, kids: &[&str]) {
            let key = |kid: &&str| serde_json::json!({ "kty": "RSA", "kid": kid, "n": "AQAB", "e": "AQAB" });
            let keys: Vec<_> = kids.iter().map(key).collect();
            *self.answer.lock().expect("lock") = (StatusCode::OK, serde_json::json!({ "keys": keys }).to_string());
        }

        fn fails(&self) {
            self.answer.lock().expect("lock").0 = StatusCode::BAD_GATEWAY;
        }
    }

    async fn later(by: Duration) {
        tokio::time::pause();
        tokio::time::advance(by).await;
        tokio::time::resume();
    }

    /// Whether there is such a key; `None` where nobody can say.
    async fn has(keys: &Jwks, kid: &str) -> Option<bool> {
        keys.find(kid, Algorithm::Rs256).await.ok().map(|key| key.is_some())
    }

    #[tokio::test]
    async fn keys_that_change_are_found_and_keys_that_are_gone_are_not() {
        let server = Server::start().await;
        let keys = Jwks::new(&server.url).expect("a URL");
        server.has(&["old"]);
        assert_eq!((has(&keys, "old").await, has(&keys, "new").await), (Some(true), Some(false)));
        assert!(keys.find("old", Algorithm::Es256).await.is_ok_and(|key| key.is_none()), "of another kind");
        server.has(&["new"]);
        assert_eq!(has(&keys, "new").await, Some(false), "asked for a moment ago");
        later(PERIOD).await;
        assert_eq!((has(&keys, "new").await, has(&keys, "old").await), (Some(true), Some(false)));
        server.has(&["newer"]);
        later(FRESH).await;
        assert_eq!(has(&keys, "new").await, Some(false), "old keys are asked for again though one of them would do");
    }

    /// More than a fetch may take.
    const PATIENCE: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn who_comes_during_the_first_fetch_waits_for_it() {
        let server = Server::start().await;
        server.has(&["k"]);
        let keys = Jwks::new(&server.url).expect("a URL");
        assert_eq!(tokio::join!(has(&keys, "k"), has(&keys, "k"), has(&keys, "other")), (Some(true), Some(true), Some(false)));
    }

    #[tokio::test]
    async fn who_hangs_up_keeps_the_keys_from_nobody() {
        let server = Server::start().await;
        server.has(&["k"]);
        let keys = Jwks::new(&server.url).expect("a URL");
        let kept_back = server.may_answer.acquire().await.expect("open");
        let hung_up = tokio::select! {
            _ = keys.find("made-up", Algorithm::Rs256) => false,
            asked = timeout(PATIENCE, server.asked.acquire()) => asked.is_ok(),
        };
        assert!(hung_up);
        drop(kept_back);
        assert_eq!(has(&keys, "k").await, Some(true));
    }

    #[tokio::test]
    async fn keys_outlive_their_issuer_for_a_day() {
        let server = Server::start().await;
        let keys = Jwks::new(&server.url).expect("a URL");
        server.fails();
        assert_eq!(has(&keys, "k").await, None);
        server.has(&["k"]);
        assert_eq!(has(&keys, "k").await, None, "asked for a moment ago");
        later(RETRY).await;
        assert_eq!(has(&keys, "k").await, Some(true));
        server.fails();
        later(FRESH).await;
        assert_eq!((has(&keys, "k").await, has(&keys, "other").await), (Some(true), None));
        later(STALE).await;
        assert_eq!(has(&keys, "k").await, None);
    }
}
