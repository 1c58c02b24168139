//! Asking one process by its heartbeat id.

use std::time::Duration;

use async_nats::{HeaderMap, StatusCode};
use futures::StreamExt;
use schemas::{Fault, FaultCode, GatewayName, health::Heartbeat};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::timeout;

use crate::{
    call,
    connection::{Bus, BusError},
    names,
};

impl Bus {
    /// Asks the process of this heartbeat, and no other, for at most `budget`. Nothing is asked twice.
    pub async fn control<P, R>(&self, gateway: &GatewayName, of: &Heartbeat, verb: &str, params: &P, budget: Duration) -> Result<R, Fault>
    where
        P: Serialize,
        R: DeserializeOwned,
    {
        let internal = |what: String| {
            Fault::new(FaultCode::Internal, format!("{verb} of {}: {what}", of.service)).hint("update both processes to one release")
        };
        let not_sent = |error: BusError| {
            Fault::new(FaultCode::NoWorker, format!("{verb} was not asked: {error}")).hint("check the NATS server (NATS_URL)")
        };
        let body = serde_json::to_vec(params).map_err(|error| internal(error.to_string()))?;
        let subject = gateway.control(&of.service, &of.id, verb);
        let mut headers = HeaderMap::new();
        headers.insert(names::TIMEOUT_MS.clone(), budget.as_millis().to_string());
        self.require_connected().map_err(not_sent)?;
        let inbox = self.client.new_inbox();
        let asked = async {
            let mut answers = self.client.subscribe(inbox.clone()).await.map_err(|error| BusError::Client(error.to_string()))?;
            let publish = self.client.publish_with_reply_and_headers(subject, inbox, headers, body.into());
            publish.await.map_err(|error| BusError::Client(error.to_string()))?;
            answers.next().await.ok_or(BusError::Disconnected)
        };
        // One bound around all three: each can hang.
        let answer = match timeout(budget, asked).await {
            Ok(answer) => answer.map_err(not_sent)?,
            Err(_) => {
                let message = format!("{} {} did not answer {verb} within {} ms", of.service, of.id, budget.as_millis());
                return Err(
                    Fault::new(FaultCode::Timeout, message).hint("it hangs or is overloaded: look at its log, restart it if this lasts")
                );
            }
        };
        if answer.status == Some(StatusCode::NO_RESPONDERS) {
            let message = format!("{} {} is gone, or knows no questions by id", of.service, of.id);
            return Err(Fault::new(FaultCode::NoWorker, message).hint("GET /health tells who is alive; a restarted process has another id"));
        }
        let reply = call::read(&answer, 1)?;
        serde_json::from_slice(&reply.body).map_err(|error| internal(format!("cannot read the answer: {error}")))
    }
}
