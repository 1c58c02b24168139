//! Asks every process with an IB session for reads to drop it and connect anew.
//!
//! Invariants: each is asked by its heartbeat id, at the same time and once; one that hangs is asked all the same, and named
//! for as long as it may still hold a session. While the message server knows it, it does as asked when it wakes.

use std::time::Duration;

use futures::future::join_all;
use schemas::{
    FaultCode, GatewayName,
    control::{RESTART, Restart, Restarting},
    gateway::RestartWorkersReply,
    health::{Heartbeat, State},
    subject::{OPTIONS_QUEUE, WORKER_QUEUE},
};

use crate::{connection::Bus, fleet::Seen};

/// One that fell silent without a good-bye holds its session unless another process has come into the client id: the
/// gateway gives each id once. What never had one has nothing to restart.
fn may_hold_a_session(silent: &Heartbeat, seen: &[Seen]) -> bool {
    let id = |beat: &Heartbeat| beat.ib.as_ref().and_then(|ib| ib.client_id);
    id(silent).is_some_and(|held| !seen.iter().any(|other| other.is_alive() && id(&other.beat) == Some(held)))
}

/// How one of them ended.
enum Asked {
    Restarts,
    Silent(String),
    /// Nobody has this id any more.
    Gone,
}

impl Bus {
    /// Asks everybody who is alive and everybody who fell silent with a session, and waits for each for `budget` at most.
    pub async fn restart_workers(&self, gateway: &GatewayName, seen: &[Seen], budget: Duration) -> RestartWorkersReply {
        let has_session =
            |beat: &Heartbeat| [WORKER_QUEUE, OPTIONS_QUEUE].contains(&beat.service.as_str()) && beat.state != State::Draining;
        let asked = seen.iter().filter(|one| has_session(&one.beat) && (one.is_alive() || may_hold_a_session(&one.beat, seen)));
        let ended = join_all(asked.map(|one| self.restart(gateway, one, budget))).await;
        let mut restarted = 0_u32;
        let mut not_answering = Vec::new();
        for one in ended {
            match one {
                Asked::Restarts => restarted += 1,
                Asked::Silent(id) => not_answering.push(id),
                Asked::Gone => {}
            }
        }
        let message = message(restarted, not_answering.len());
        RestartWorkersReply { success: true, restarted, not_answering, message }
    }

    async fn restart(&self, gateway: &GatewayName, seen: &Seen, budget: Duration) -> Asked {
        let of = &seen.beat;
        match self.control::<_, Restarting>(gateway, of, RESTART, &Restart {}, budget).await {
            Ok(Restarting {}) => Asked::Restarts,
            // The message server drops who hangs after some seconds, and its connection to the gateway stays.
            Err(fault) if fault.code == FaultCode::NoWorker && seen.is_alive() => Asked::Gone,
            Err(fault) => {
                tracing::warn!(service = of.service, id = of.id, %fault, "asked to restart its IB session, without success");
                Asked::Silent(of.id.clone())
            }
        }
    }
}

fn message(restarted: u32, silent: usize) -> String {
    let processes = |count: usize| if count == 1 { "1 process".to_owned() } else { format!("{count} processes") };
    let silent = match silent {
        0 => String::new(),
        1 => "; 1 process was asked and did not answer, end it if it stays silent".to_owned(),
        count => format!("; {count} processes were asked and did not answer, end those that stay silent"),
    };
    let anew = if restarted == 1 { "drops its IB connection and connects" } else { "drop their IB connections and connect" };
    format!("{} {anew} anew{silent}", processes(restarted as usize))
}
