//! The running stack: started in the order of its dependencies, watched, ended in the reverse order.
//!
//! Invariant: what a [`Stack`] holds is everything that `up` has started.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    time::{Instant, Interval, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use super::{
    Progress,
    board::Board,
    child::{self, Ended},
    plan::{Ib, Plan, child_flags},
    preflight::{self, DataDir},
    start::{Found, Services, Start, address, start_nats},
    supervise::{EVENTS_MAX, Event, Supervised, Told},
};
use crate::{
    health::Health,
    http::{EdgeClient, reachable},
    out,
};

/// How long the board waits for the workers' IB sessions; after that it is shown as things stand.
const CONNECTED_MAX: Duration = Duration::from_secs(45);
/// When a start without any session is explained.
const WHY_AFTER: Duration = Duration::from_secs(8);
/// How often /health is read while a person waits for the board, and afterwards.
const START_LOOK_PERIOD: Duration = Duration::from_millis(250);
const LOOK_PERIOD: Duration = Duration::from_secs(2);
/// How long an answer may take that is asked for only for its context.
const ASK_MAX: Duration = Duration::from_secs(5);
const LOG_TRIM_PERIOD: Duration = Duration::from_secs(30);

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Preflight(#[from] preflight::Error),
    #[error("{0}")]
    Nats(#[from] nats_local::Error),
    #[error(transparent)]
    Child(#[from] child::Error),
    #[error("cannot find this program's own file: {0}")]
    Program(std::io::Error),
    #[error("no free port on 127.0.0.1: {0}")]
    Port(std::io::Error),
    #[error("{name} announced no address: {addresses}")]
    NoAddress { name: String, addresses: Value },
    #[error(transparent)]
    Edge(#[from] crate::http::Error),
}

/// Everything that `up` has started. Dropping it kills all of it.
#[derive(Debug)]
pub(crate) struct Stack {
    plan: Plan,
    data: DataDir,
    edge_addr: SocketAddr,
    nats_addr: SocketAddr,
    nats_version: String,
    ib: String,
    client: EdgeClient,
    logs: Vec<PathBuf>,
    events: mpsc::Receiver<Event>,
    /// The status and the number of connected workers that were told last.
    told: Option<(String, u64)>,
    /// In the order of their end: what takes requests first, what the others need last.
    supervised: Vec<Vec<Supervised>>,
}

impl Stack {
    pub(crate) async fn start(plan: Plan, said: &Progress, hurry: CancellationToken) -> Result<Self, Error> {
        let program = std::env::current_exe().map_err(Error::Program)?;
        let data = DataDir::open(&plan.data_dir)?;
        preflight::ports_are_free(&plan)?;
        // Before anything is started, and never replaced by the simulator: who asks for a gateway wants that one.
        let found = match &plan.ib {
            Ib::Gateway { candidates } => Found::Gateway(preflight::find_gateway(candidates).await?),
            Ib::Simulator(simulated) => Found::Simulator(simulated.clone()),
        };
        let nats = start_nats(&plan, &data, &program, said).await?;
        let start = Start { program, logs: data.logs(), said: *said };
        let (simulator, target, ib) = start.ib(found)?;
        let flags = child_flags(&nats.url(), &target, &plan, simulator.as_ref());
        let Services { mut edge, control, answering } = start.services(&plan, &flags).await?;
        let bound = address(&edge, "http")?;
        edge.0.pin("--edge-bind", &bound.to_string());
        let edge_addr = reachable(bound);
        said.line(format_args!("edge on http://{edge_addr}, {} workers, options, gateway-ctl", plan.workers));
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        let told = Told { events: sender, hurry };
        let keep = |(spec, running)| Supervised::child(start.program.clone(), spec, running, told.clone());
        let all = [&edge, &control].into_iter().chain(&answering);
        Ok(Self {
            logs: all.map(|(spec, _)| spec.log.clone()).collect(),
            client: EdgeClient::new(&format!("http://{edge_addr}"))?,
            edge_addr,
            nats_addr: nats.addr(),
            nats_version: nats.version().to_string(),
            supervised: vec![
                vec![keep(edge)],
                answering.into_iter().map(keep).collect(),
                vec![keep(control)],
                vec![Supervised::nats(nats, told.clone())],
            ],
            ib,
            plan,
            data,
            events,
            told: None,
        })
    }

    /// Shows the board, tells what happens, and ends everything when `end` says so.
    pub(crate) async fn run_until(mut self, end: &CancellationToken, said: &Progress) {
        tokio::select! {
            () = self.watch(said) => {}
            () = end.cancelled() => {}
        }
        self.end(said).await;
    }

    async fn watch(&mut self, said: &Progress) {
        let health = self.until_connected(said).await;
        let learned = self.ask().await;
        out::line(self.board(health.as_ref(), learned).render());
        let (mut look, mut trim) = (every(LOOK_PERIOD), every(LOG_TRIM_PERIOD));
        loop {
            tokio::select! {
                Some(event) = self.events.recv() => said.line(event),
                _ = look.tick() => drop(self.look(said).await),
                _ = trim.tick() => self.trim_logs(said),
            }
        }
    }

    /// Watches /health until every worker and options are connected to IB, or for [`CONNECTED_MAX`].
    async fn until_connected(&mut self, said: &Progress) -> Option<Health> {
        let (deadline, mut why_at) = (Instant::now() + CONNECTED_MAX, Some(Instant::now() + WHY_AFTER));
        let mut tick = every(START_LOOK_PERIOD);
        let mut last: Option<Health> = None;
        while Instant::now() < deadline {
            tokio::select! {
                Some(event) = self.events.recv() => said.line(event),
                _ = tick.tick() => last = self.look(said).await.or(last),
            }
            let connected = last.as_ref().map_or(0, |health| health.pool.workers_ib_connected);
            if connected >= self.plan.workers && last.as_ref().is_some_and(|health| health.options_client_connected) {
                return last;
            }
            // A person waits, and may be the one who can help.
            if connected == 0
                && why_at.take_if(|at| *at <= Instant::now()).is_some()
                && let Some(why) = self.ask().await.why
            {
                said.line(why);
            }
        }
        said.line(format_args!("not every session is connected after {} s; they go on trying", CONNECTED_MAX.as_secs()));
        last
    }

    /// Reads /health and tells what has changed in it.
    async fn look(&mut self, said: &Progress) -> Option<Health> {
        let health: Health = serde_json::from_value(self.client.health().await.ok()?).ok()?;
        let now = (health.status.clone(), health.pool.workers_ib_connected);
        if self.told.as_ref() != Some(&now) {
            said.line(format_args!("{} of {} workers connected to IB: {}", now.1, self.plan.workers, now.0));
            self.told = Some(now);
        }
        Some(health)
    }

    /// Asks as every caller does: the answer's context says whose money it is, a fault says why there is none.
    async fn ask(&self) -> Learned {
        let answer = self.client.call("get_account_summary", &json!({}), ASK_MAX).await.unwrap_or_default();
        Learned::from(&answer)
    }

    fn board<'a>(&'a self, health: Option<&'a Health>, learned: Learned) -> Board<'a> {
        Board {
            edge: self.edge_addr,
            nats: self.nats_addr,
            nats_version: self.nats_version.clone(),
            gateway: &self.plan.gateway,
            ib: self.ib.clone(),
            health,
            mode: learned.mode,
            why: learned.why,
            data_dir: self.data.path(),
            notes: &self.plan.notes,
        }
    }

    fn trim_logs(&self, said: &Progress) {
        for log in &self.logs {
            if let Err(error) = child::trim(log) {
                said.line(format_args!("cannot shorten {}: {error}", log.display()));
            }
        }
    }

    async fn end(self, said: &Progress) {
        said.line("draining; Ctrl-C again ends at once");
        let Self { supervised, events, .. } = self;
        // A supervisor in the middle of a restart must not wait for a reader.
        drop(events);
        for group in supervised {
            for one in &group {
                one.stop();
            }
            for one in group {
                let (name, ended) = one.ended().await;
                if ended == Ended::Killed {
                    said.line(format_args!("{name} did not drain and was killed"));
                }
            }
        }
        said.line("everything has ended");
    }
}

/// What an answer tells beside what was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Learned {
    /// simulated, paper or live.
    mode: Option<String>,
    /// What a fault says happened, in its own words.
    why: Option<String>,
}

impl Learned {
    fn from(answer: &Value) -> Self {
        let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str);
        let failed = answer.pointer("/result/isError") == Some(&Value::Bool(true));
        let why = text("/result/content/0/text").filter(|_| failed).and_then(|text| text.lines().next());
        Self { mode: text("/result/structuredContent/context/mode").map(str::to_owned), why: why.map(|why| why.replace("**", "")) }
    }
}

fn every(period: Duration) -> Interval {
    let mut tick = interval(period);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_tells_whose_money_it_is_and_a_fault_why_there_is_none() {
        let good = json!({"result": {"isError": false, "content": [{"text": "# T"}], "structuredContent": {"context": {"mode": "paper"}}}});
        assert_eq!(Learned::from(&good), Learned { mode: Some("paper".to_owned()), why: None });
        let fault = json!({"result": {"isError": true, "content": [{"text": "**gateway_down**: no session\n**Next**: log in"}]}});
        assert_eq!(Learned::from(&fault), Learned { mode: None, why: Some("gateway_down: no session".to_owned()) });
        assert_eq!(Learned::from(&Value::Null), Learned::default());
    }
}
