//! Starting the parts, each in one function: nats-server, what IB is, the services.
//!
//! Invariant: a part that was started is held by what these functions return, and is killed when that is dropped.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
};

use nats_local::{Launcher, Locate, NatsServer, StartOptions, Step};
use serde_json::Value;
use service::settings::{EDGE, GATEWAY_CTL, OPTIONS, WORKER};
use tokio::task::JoinSet;

use super::{
    Progress,
    child::{self, Running, Spec},
    plan::{Plan, Simulated, SimulatorProcess, Target, command_line},
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

    /// How the simulator is started, if that is what IB is, where IB is, and the board's words for it. gateway-ctl starts
    /// it, as it would the container of a real one.
    pub(crate) fn ib(&self, found: Found) -> Result<(Option<SimulatorProcess>, Target, String), Error> {
        let Simulated { port, clock, seed } = match found {
            Found::Simulator(simulated) => simulated,
            Found::Gateway(target) => {
                self.said.line(format_args!("a gateway answers at {target}"));
                let words = format!("gateway at {target}");
                return Ok((None, target, words));
            }
        };
        // It is started again and again on the same ports, which others have to know before.
        let [api, control, command] = ports([port, 0, 0]).map_err(Error::Port)?;
        let program = self.program.to_str().ok_or_else(|| Error::Program(io::Error::other("its path is not UTF-8")))?;
        let yield_file = self.logs.with_file_name("gateway.yield");
        let yield_file =
            yield_file.to_str().ok_or_else(|| Error::Program(io::Error::other("the data directory's path is not UTF-8")))?.to_owned();
        let local = |port: u16| format!("127.0.0.1:{port}");
        let (api_at, control_at, seed, command_port) = (local(api), local(control), seed.to_string(), command.to_string());
        let words = [
            program,
            "sim",
            "--exit-with-parent",
            "--container-face",
            "--bind",
            &api_at,
            "--control-bind",
            &control_at,
            "--command-port",
            &command_port,
            "--clock",
            &clock,
            "--seed",
            &seed,
            "--yield-file",
            &yield_file,
        ];
        self.said.line(format_args!("ib-sim on {api_at}, its control port on http://{control_at}"));
        let simulator = SimulatorProcess { command: words.map(str::to_owned).to_vec(), command_port: command, yield_file };
        Ok((Some(simulator), Target { host: "127.0.0.1".to_owned(), port: api }, format!("ib-sim at {api_at}")))
    }

    /// The edge, gateway-ctl, and what answers: the options service and the workers. They need each other only over NATS and so start at once.
    pub(crate) async fn services(&self, plan: &Plan, flags: &BTreeMap<&'static str, String>) -> Result<Services, Error> {
        let mut starting = JoinSet::new();
        let mut specs: Vec<Spec> =
            [EDGE, GATEWAY_CTL, OPTIONS].into_iter().map(|service| self.spec(service, service, command_line(service, flags))).collect();
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
        let mut next = |name: &str| parts.next().ok_or_else(|| Error::NoAddress { name: name.to_owned(), addresses: Value::Null });
        Ok(Services { edge: next(EDGE)?, control: next(GATEWAY_CTL)?, answering: parts.collect() })
    }
}

/// The services that run.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) edge: Part,
    pub(crate) control: Part,
    pub(crate) answering: Vec<Part>,
}

/// Ports of this host, each another: those that are said, a free one for each 0.
fn ports<const COUNT: usize>(said: [u16; COUNT]) -> io::Result<[u16; COUNT]> {
    // All are held until all are found.
    let mut held = Vec::new();
    let mut found = said;
    for port in found.iter_mut().filter(|port| **port == 0) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(found)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_free_port_is_another_and_a_port_that_is_said_is_kept() {
        let [said, one, other] = ports([4_002, 0, 0]).unwrap();
        assert!(said == 4_002 && one != other && one > 0 && other > 0, "{said} {one} {other}");
    }
}
