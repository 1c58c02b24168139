//! What is asked of this process by its heartbeat id: `ctl.<service>.<id>.<verb>`, also while it is in no queue group.
//!
//! Invariant: at most [`AT_ONCE_MAX`] are at work, each no longer than [`CONTROL_DEADLINE_MS`]; one more is refused at
//! once. A verb takes no slot: what is asked here must be quick, and must be possible while every slot is taken.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_nats::{HeaderMap, Message};
use bytes::Bytes;
use futures::{FutureExt, StreamExt, future::BoxFuture};
use schemas::{
    Fault, FaultCode,
    control::{CONTROL_BYTES_MAX, CONTROL_DEADLINE_MS},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::task::AbortOnDropHandle;

use super::{Shared, answer, route::object, run::guarded};
use crate::{
    connection::{BusError, within},
    names,
    text::clipped,
};

const AT_ONCE_MAX: usize = 16;
const SUBSCRIBE_MAX: Duration = Duration::from_secs(2);
/// Text of a caller that is quoted back, in characters.
const QUOTE_MAX: usize = 300;
/// To whoever asks what cannot be read.
const HINT: &str = "schemas/src/control.rs has the verbs and their parameters";

type Handler = Box<dyn Fn(Bytes) -> BoxFuture<'static, Result<Vec<u8>, Fault>> + Send + Sync>;

/// The verbs and who answers them.
pub(super) type Controls = BTreeMap<&'static str, Handler>;

/// A handler with its types erased.
pub(super) fn handler<P, R, H, F>(verb: &'static str, handle: H) -> Handler
where
    P: DeserializeOwned,
    R: Serialize,
    H: Fn(P) -> F + Send + Sync + 'static,
    F: Future<Output = Result<R, Fault>> + Send + 'static,
{
    Box::new(move |body| match decode(verb, &body) {
        Ok(params) => handle(params).map(move |reply| reply.and_then(|reply| encode(verb, &reply))).boxed(),
        Err(fault) => std::future::ready(Err(fault)).boxed(),
    })
}

/// As with operations, an empty body counts as `{}`, and only an object is read.
fn decode<P: DeserializeOwned>(verb: &str, body: &[u8]) -> Result<P, Fault> {
    if body.len() > CONTROL_BYTES_MAX {
        let message = format!("the body of {verb} has {} bytes, at most {CONTROL_BYTES_MAX} are read", body.len());
        return Err(Fault::new(FaultCode::TooLarge, message).hint(HINT));
    }
    let invalid = |what: String| Fault::invalid("body", format!("the body of {verb}{what}")).hint(HINT);
    let body = object(body).map_err(|_| invalid(" is no JSON object".to_owned()))?;
    serde_json::from_slice(body).map_err(|error| invalid(format!(": {}", clipped(&error.to_string(), QUOTE_MAX))))
}

fn encode<R: Serialize>(verb: &str, reply: &R) -> Result<Vec<u8>, Fault> {
    let internal = |what: String| Fault::new(FaultCode::Internal, format!("the answer to {verb} {what}"));
    let json = serde_json::to_vec(reply).map_err(|error| internal(format!("cannot be written: {error}")))?;
    if json.len() <= CONTROL_BYTES_MAX { Ok(json) } else { Err(internal(format!("has {} bytes, at most {CONTROL_BYTES_MAX}", json.len()))) }
}

/// Answers the verbs for as long as the handle lives.
pub(super) async fn listen(shared: &Arc<Shared>) -> Result<AbortOnDropHandle<()>, BusError> {
    let subject = shared.gateway.controls_of(shared.settings.service, &shared.settings.id);
    let mut asked = within(SUBSCRIBE_MAX, shared.bus.client.subscribe(subject)).await?;
    let (weak, at_once) = (Arc::downgrade(shared), Arc::new(Semaphore::new(AT_ONCE_MAX)));
    Ok(AbortOnDropHandle::new(tokio::spawn(async move {
        while let Some(message) = asked.next().await {
            let Some(shared) = weak.upgrade() else { break };
            let permit = Arc::clone(&at_once).try_acquire_owned();
            // Tracked, so that a drain waits for the answer.
            shared.tracker.clone().spawn(async move {
                let outcome = match permit {
                    Ok(_permit) => work(&shared, &message).await,
                    Err(_) => {
                        Err(Fault::new(FaultCode::Busy, format!("{AT_ONCE_MAX} questions by id are at work")).hint("ask again shortly"))
                    }
                };
                reply(&shared, &message, outcome).await;
            });
        }
    })))
}

async fn work(shared: &Shared, message: &Message) -> Result<Vec<u8>, Fault> {
    let arrived = Instant::now();
    let verb = message.subject.rsplit('.').next().unwrap_or_default();
    let Some((verb, handler)) = shared.controls.get_key_value(verb) else {
        let (service, shown) = (shared.settings.service, clipped(verb, QUOTE_MAX));
        let known = shared.controls.keys().map(|&verb| verb.to_owned());
        let fault = Fault::new(FaultCode::Unsupported, format!("{service} knows no `{shown}`"));
        return Err(fault.allowed(known).hint("update the process to the asking one's release, or ask one of the verbs that it knows"));
    };
    let asked_ms = names::value(message.headers.as_ref(), &names::TIMEOUT_MS).and_then(|text| text.parse::<u64>().ok());
    let budget_ms = asked_ms.unwrap_or(CONTROL_DEADLINE_MS).min(CONTROL_DEADLINE_MS);
    let answer_by = arrived + Duration::from_millis(budget_ms);
    let work = guarded(|| (*verb).to_owned(), async { handler(message.payload.clone()).await });
    tokio::time::timeout_at(answer_by, work).await.unwrap_or_else(|_| {
        let message = format!("{verb} was not done after {budget_ms} ms");
        Err(Fault::new(FaultCode::Timeout, message).hint(format!("grant it up to {CONTROL_DEADLINE_MS} ms, or ask again later")))
    })
}

async fn reply(shared: &Shared, message: &Message, outcome: Result<Vec<u8>, Fault>) {
    let Some(reply_to) = message.reply.clone() else { return };
    let mut map = HeaderMap::new();
    map.insert(names::SERVED_BY.clone(), shared.settings.id.as_str());
    let body = outcome.unwrap_or_else(|fault| answer::fault(&mut map, fault));
    // While disconnected it is dropped, as every reply is.
    if shared.bus.is_connected()
        && let Err(error) = within(answer::PUBLISH_MAX, shared.bus.client.publish_with_headers(reply_to, map, body.into())).await
    {
        tracing::warn!(subject = %message.subject, %error, "an answer was not sent");
    }
}
