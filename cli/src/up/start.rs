//! Starting the parts, each in one function: nats-server, what IB is, the services.
//!
//! Invariant: a part that was started is held by what these functions return, and is killed when that is dropped.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
};

use nats_local::{Launcher, Locate, NatsServer, StartOptions, Step};
use serde_json::Value;
use service::settings::{EDGE, OPTIONS, WORKER};
use tokio::task::JoinSet;

use super::{
    Progress,
    child::{self, Running, Spec},
    plan::{Plan, Simulated, Target, command_line},
    preflight::DataDir,
    stack::Error,
};

/// What the workers will connect to.
#[derive(Debug)]
pub(crate) enum Found {
    Gateway(Target),
    Simulator(Simulated),
}

pub(crate) type Part = (Spec, Running);

/// What every start needs.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) program: PathBuf,
    pub(crate) logs: PathBuf,
    pub(crate) said: Progress,
}

impl Start {
    fn spec(&self, name: &str, service: &'static str, flags: Vec<(String, String)>) -> Spec {
        let log = self.logs.join(format!("{}.log", name.replace(' ', "-")));
        if let Err(error) = child::set_aside(&log) {
            self.said.line(format_args!("the log of the last run stays in {}: {error}", log.display()));
        }
        Spec { name: name.to_owned(), service, flags, log }
    }

    /// The simulator, if that is what IB is, where IB is, and the board's words for it.
    pub(crate) async fn ib(&self, found: Found) -> Result<(Option<Part>, Target, String), Error> {
        let Simulated { port, clock, seed } = match found {
            Found::Simulator(simulated) => simulated,
            Found::Gateway(target) => {
                self.said.line(format_args!("a gateway answers at {target}"));
                let words = format!("gateway at {target}");
                return Ok((None, target, words));
            }
        };
        let flags = [
            ("--bind", format!("127.0.0.1:{port}")),
            ("--control-bind", "127.0.0.1:0".to_owned()),
            ("--clock", clock),
            ("--seed", seed.to_string()),
        ];
        let spec = self.spec("ib-sim", "sim", flags.map(|(flag, value)| (flag.to_owned(), value)).to_vec());
        let running = child::launch(&self.program, &spec).await?;
        let mut part = (spec, running);
        let (api, control) = (address(&part, "api")?, address(&part, "control")?);
        part.0.pin("--bind", &api.to_string());
        part.0.pin("--control-bind", &control.to_string());
        self.said.line(format_args!("ib-sim on {api}, its control port on http://{control}"));
        let target = Target { host: api.ip().to_string(), port: api.port() };
        Ok((Some(part), target, format!("ib-sim at {api}")))
    }

    /// The edge, and what answers it: the options service and the workers. They need each other only over NATS and so start at once.
    pub(crate) async fn services(&self, plan: &Plan, flags: &BTreeMap<&'static str, String>) -> Result<(Part, Vec<Part>), Error> {
        let mut starting = JoinSet::new();
        let mut specs =
            vec![self.spec("edge", EDGE, command_line(EDGE, flags)), self.spec("options", OPTIONS, command_line(OPTIONS, flags))];
        for number in 1..=plan.workers {
            specs.push(self.spec(&format!("worker {number}"), WORKER, command_line(WORKER, flags)));
        }
        for (index, spec) in specs.into_iter().enumerate() {
            let program = self.program.clone();
            starting.spawn(async move {
                let running = child::launch(&program, &spec).await?;
                Ok::<_, child::Error>((index, (spec, running)))
            });
        }
        let mut parts = BTreeMap::new();
        while let Some(joined) = starting.join_next().await {
            let (index, part) = joined.map_err(|error| child::Error::Spawn { name: "a service".to_owned(), source: error.into() })??;
            parts.insert(index, part);
        }
        let mut parts = parts.into_values();
        let edge = parts.next().ok_or_else(|| Error::NoAddress { name: EDGE.to_owned(), addresses: Value::Null })?;
        Ok((edge, parts.collect()))
    }
}

/// Finds or fetches a nats-server, telling each step, and starts it under a guard that outlives this process for a moment.
pub(crate) async fn start_nats(plan: &Plan, data: &DataDir, program: &Path, said: &Progress) -> Result<NatsServer, Error> {
    let progress = *said;
    let binary = nats_local::locate(&Locate::from_env(), &move |step: Step| progress.line(step)).await?;
    let options = StartOptions {
        port: plan.nats_port,
        store_dir: Some(data.nats()),
        launcher: Launcher::Guard { program: program.to_owned(), args: vec!["nats-guard".into(), "--".into()] },
        ..StartOptions::default()
    };
    let server = NatsServer::start(&binary, options).await?;
    said.line(format_args!("nats-server {} on {}", server.version(), server.url()));
    Ok(server)
}

/// An address of a part's announcement.
pub(crate) fn address((spec, running): &Part, which: &str) -> Result<SocketAddr, Error> {
    let missing = || Error::NoAddress { name: spec.name.clone(), addresses: running.addresses.clone() };
    running.addresses[which].as_str().and_then(|text| text.parse().ok()).ok_or_else(missing)
}

/// Where a client on this machine finds a server that listens on all addresses.
pub(crate) fn reachable(mut bound: SocketAddr) -> SocketAddr {
    if bound.ip().is_unspecified() {
        bound.set_ip(if bound.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    bound
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_all_addresses_is_shown_where_it_can_be_reached() {
        for (bound, shown) in [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:1", "[::1]:1"), ("10.0.0.1:1", "10.0.0.1:1")] {
            assert_eq!(reachable(bound.parse().unwrap()).to_string(), shown);
        }
    }
}
