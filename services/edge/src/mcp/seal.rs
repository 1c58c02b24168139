//! State that goes through a client's hands: sealed, so that what comes back is what was given.
//!
//! The key is made when the edge starts and never leaves it. So a restart, or another edge behind the same address, refuses
//! every state given before, and the caller starts its call anew: nothing that was half confirmed survives.
//!
//! Invariants: a state is good for one principal, one method and one subject with its arguments; for [`TTL`]; and where
//! it is spent, once. What is remembered of spent ones is bounded; where there is no room, nothing more is accepted.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    digest, hmac,
    rand::{SecureRandom, SystemRandom},
};
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::{Error, auth, rpc::Problem};

/// A person has this long to answer.
const TTL: Duration = Duration::from_secs(300);
/// Spent states that are remembered until they would have expired.
const SPENT_MAX: usize = 4_096;
/// Bytes of a state that is looked at.
const STATE_BYTES_MAX: usize = 8 * 1024;
const NONCE_BYTES: usize = 16;
const TAG_BYTES: usize = 32;
const TIME_BYTES: usize = 8;

type Nonce = [u8; NONCE_BYTES];

/// What a state is good for.
#[derive(Debug)]
pub(crate) struct Bound<'a> {
    pub(crate) principal: &'a auth::Key,
    pub(crate) method: &'a str,
    /// The tool or prompt.
    pub(crate) name: &'a str,
    pub(crate) arguments: &'a Map<String, Value>,
}

impl Bound<'_> {
    fn digest(&self) -> [u8; TAG_BYTES] {
        let mut arguments = Value::Object(self.arguments.clone());
        // A client may order members as it likes.
        arguments.sort_all_objects();
        let mut digest = digest::Context::new(&digest::SHA256);
        for part in [&format!("{:?}", self.principal), self.method, self.name, &arguments.to_string()] {
            // With its length, so that no two lists of parts read the same.
            digest.update(&part.len().to_be_bytes());
            digest.update(part.as_bytes());
        }
        let mut out = [0; TAG_BYTES];
        out.copy_from_slice(digest.finish().as_ref());
        out
    }
}

pub(crate) struct Seal {
    key: hmac::Key,
    random: SystemRandom,
    born: Instant,
    spent: Mutex<HashMap<Nonce, Instant>>,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seal").finish_non_exhaustive()
    }
}

impl Seal {
    pub(crate) fn new() -> Result<Self, Error> {
        let random = SystemRandom::new();
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &random).map_err(|_| Error::Random)?;
        Ok(Self { key, random, born: Instant::now(), spent: Mutex::default() })
    }

    /// 128 random bits in hex.
    pub(crate) fn id(&self) -> Option<String> {
        let mut bytes = Nonce::default();
        self.random.fill(&mut bytes).ok()?;
        Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// `data` as the client carries it. It can be read by the client, and not changed.
    pub(crate) fn seal(&self, bound: &Bound<'_>, data: &Value) -> Option<String> {
        let mut nonce = Nonce::default();
        self.random.fill(&mut nonce).ok()?;
        let until = self.millis(Instant::now() + TTL);
        let mut bytes = Vec::with_capacity(128);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&until.to_be_bytes());
        bytes.extend_from_slice(data.to_string().as_bytes());
        let tag = hmac::sign(&self.key, &[&bound.digest()[..], &bytes].concat());
        bytes.extend_from_slice(tag.as_ref());
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What was sealed. With `spend` it is good this once.
    pub(crate) fn open(&self, bound: &Bound<'_>, state: &str, spend: bool) -> Result<Value, Problem> {
        let again = "call again without requestState and inputResponses";
        let refused = |why: &str| Problem::invalid_params(format!("requestState is refused: {why}; {again}"));
        let forged = || refused("it was altered, or given to another caller, for another call, or before this edge was restarted");
        let bytes = Some(state).filter(|state| state.len() <= STATE_BYTES_MAX).and_then(|state| URL_SAFE_NO_PAD.decode(state).ok());
        let bytes = bytes.ok_or_else(forged)?;
        let (signed, tag) = bytes.len().checked_sub(TAG_BYTES).map(|at| bytes.split_at(at)).ok_or_else(forged)?;
        hmac::verify(&self.key, &[&bound.digest()[..], signed].concat(), tag).map_err(|_| forged())?;
        let (nonce, rest) = signed.split_first_chunk::<NONCE_BYTES>().ok_or_else(forged)?;
        let (until, data) = rest.split_first_chunk::<TIME_BYTES>().ok_or_else(forged)?;
        let (now, until) = (Instant::now(), u64::from_be_bytes(*until));
        if self.millis(now) >= until {
            return Err(refused(&format!("it is older than {} s", TTL.as_secs())));
        }
        if spend {
            self.spend(*nonce, now, refused)?;
        }
        serde_json::from_slice(data).map_err(|_| forged())
    }

    fn spend(&self, nonce: Nonce, now: Instant, refused: impl Fn(&str) -> Problem) -> Result<(), Problem> {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.len() >= SPENT_MAX {
            spent.retain(|_, until| *until > now);
        }
        if spent.contains_key(&nonce) {
            return Err(refused("it was used already"));
        }
        if spent.len() >= SPENT_MAX {
            return Err(refused("too many confirmations in a short time"));
        }
        spent.insert(nonce, now + TTL);
        Ok(())
    }

    fn millis(&self, at: Instant) -> u64 {
        u64::try_from(at.duration_since(self.born).as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(address: &str) -> auth::Key {
        auth::Key::of_peer(address.parse().expect("an address"))
    }

    fn arguments(json: &str) -> Map<String, Value> {
        serde_json::from_str(json).expect("an object")
    }

    #[tokio::test(start_paused = true)]
    async fn a_state_is_good_for_its_caller_and_call_alone() {
        let seal = Seal::new().expect("random");
        let (own, other) = (key("127.0.0.1"), key("127.0.0.2"));
        let (given, turned, changed) =
            (arguments(r#"{"a":1,"b":{"c":2,"d":3}}"#), arguments(r#"{"b":{"d":3,"c":2},"a":1}"#), arguments(r#"{"a":2}"#));
        let bound = |principal, method, name, arguments| Bound { principal, method, name, arguments };
        let data = json!({ "step": 1 });
        let state = seal.seal(&bound(&own, "tools/call", "t", &given), &data).expect("sealed");
        let opens = |bound: &Bound<'_>, state: &str| seal.open(bound, state, false).map_err(|problem| problem.code);
        assert_eq!(opens(&bound(&own, "tools/call", "t", &given), &state), Ok(data.clone()));
        assert_eq!(opens(&bound(&own, "tools/call", "t", &turned), &state), Ok(data));
        for bound in [
            bound(&other, "tools/call", "t", &given),
            bound(&own, "prompts/get", "t", &given),
            bound(&own, "tools/call", "u", &given),
            bound(&own, "tools/call", "t", &changed),
        ] {
            assert_eq!(opens(&bound, &state), Err(-32602), "{bound:?}");
        }
        let another = Seal::new().expect("random");
        assert!(another.open(&bound(&own, "tools/call", "t", &given), &state, false).is_err(), "a restart");
    }

    #[tokio::test(start_paused = true)]
    async fn a_state_that_was_altered_is_refused_wherever_it_was() {
        let seal = Seal::new().expect("random");
        let (own, none) = (key("::1"), Map::new());
        let bound = Bound { principal: &own, method: "tools/call", name: "t", arguments: &none };
        let state = seal.seal(&bound, &json!({ "step": 1 })).expect("sealed");
        for at in 0..state.len() {
            let mut altered = state.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).expect("ASCII");
            // The last letter's lowest bits mean nothing, and are refused all the same.
            assert!(seal.open(&bound, &altered, true).is_err(), "{at}");
        }
        for bad in ["", "x", "-TAMPERED", &format!("{state}-TAMPERED"), &state[..state.len() - 1], &"A".repeat(1 << 20)] {
            assert!(seal.open(&bound, bad, true).is_err());
        }
        assert!(seal.open(&bound, &state, true).is_ok(), "nothing above has spent it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_state_is_spent_once_and_expires() {
        let seal = Seal::new().expect("random");
        let (own, none) = (key("::1"), Map::new());
        let bound = Bound { principal: &own, method: "tools/call", name: "t", arguments: &none };
        let state = seal.seal(&bound, &json!(null)).expect("sealed");
        assert!(seal.open(&bound, &state, true).is_ok());
        let said = seal.open(&bound, &state, true).expect_err("a replay").message;
        assert!(said.contains("used already") && said.contains("call again"), "{said}");
        let late = seal.seal(&bound, &json!(null)).expect("sealed");
        tokio::time::advance(TTL).await;
        assert!(seal.open(&bound, &late, true).expect_err("late").message.contains("older than 300 s"));
    }

    #[tokio::test(start_paused = true)]
    async fn where_no_more_can_be_remembered_nothing_is_accepted() {
        let seal = Seal::new().expect("random");
        let (own, none) = (key("::1"), Map::new());
        let bound = Bound { principal: &own, method: "tools/call", name: "t", arguments: &none };
        let open = || seal.open(&bound, &seal.seal(&bound, &json!(null)).expect("sealed"), true);
        assert!((0..SPENT_MAX).all(|_| open().is_ok()));
        assert!(open().is_err());
        tokio::time::advance(TTL).await;
        assert!(open().is_ok(), "what has expired makes room");
        assert!(seal.spent.lock().expect("lock").len() <= 1);
    }
}
