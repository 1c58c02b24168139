//! What `ibmesh up` will start, decided before anything is: options and environment to a plan, or every reason why not.
//!
//! Pure: the environment is a function that is handed in. Invariant: with a gateway asked for (by `--gateway` or
//! `IB_HOST`) the plan never holds a simulator.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use schemas::GatewayName;
use service::{
    Settings,
    settings::{EDGE, GATEWAY_CTL, OPTIONS, TABLE, WORKER, table},
};

use super::Options;

/// Where paper sessions listen on a machine of one's own: IB Gateway, the usual container, TWS.
const PAPER_PORTS: [u16; 3] = [4002, 4004, 7497];
const THIS_HOST: &str = "127.0.0.1";

/// Settings that would point outside of the stack that `up` starts: neither it nor its children read them.
const NOT_READ: [&str; 3] = ["NATS_URL", "NATS_CREDS_FILE", "ADMIN_BIND"];

/// Those, and the halves of the edge's address, which children get whole and as a flag.
pub(crate) const NOT_INHERITED: [&str; 5] = [NOT_READ[0], NOT_READ[1], NOT_READ[2], "SERVER_HOST", "SERVER_PORT"];

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    pub(crate) edge_bind: SocketAddr,
    pub(crate) conformance: bool,
    pub(crate) nats_port: u16,
    pub(crate) workers: u64,
    pub(crate) data_dir: PathBuf,
    pub(crate) gateway: GatewayName,
    pub(crate) ib: Ib,
    /// The environment says how a gateway is started (GATEWAY_BACKEND).
    pub(crate) backend_said: bool,
    /// What a person should know about settings that have no effect.
    pub(crate) notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ib {
    Simulator(Simulated),
    /// The first that answers is used.
    Gateway {
        candidates: Vec<Target>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Simulated {
    /// 0: a free one.
    pub(crate) port: u16,
    pub(crate) clock: String,
    pub(crate) seed: u64,
}

/// Where a gateway listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} {} in the way of a start:\n{}", .0.len(), if .0.len() == 1 { "thing is" } else { "things are" }, bullets(.0))]
pub(crate) struct Refusal(pub(crate) Vec<String>);

fn bullets(problems: &[String]) -> String {
    problems.iter().map(|problem| format!("  - {problem}")).collect::<Vec<_>>().join("\n")
}

/// Everything that is wrong is told at once.
pub(crate) fn plan(options: &Options, env: &dyn Fn(&str) -> Option<String>) -> Result<Plan, Refusal> {
    let env = |name: &str| env(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let mut problems = Vec::new();
    let ib = where_is_ib(options, &env).unwrap_or_else(|told| {
        problems.extend(told);
        simulator(options)
    });
    let targets = match &ib {
        Ib::Gateway { candidates } => candidates.clone(),
        // Port 0 is a port for the simulator to choose, and none that a worker could be given.
        Ib::Simulator(Simulated { port: 0, .. }) => vec![Target { host: THIS_HOST.to_owned(), port: PAPER_PORTS[0] }],
        Ib::Simulator(Simulated { port, .. }) => vec![Target { host: THIS_HOST.to_owned(), port: *port }],
    };
    let mut edge_settings = None;
    let backend_said = env("GATEWAY_BACKEND").is_some();
    for target in &targets {
        let mut flags = flags(options, target);
        // What the simulator gets later; the program is known only then.
        flags.extend(control_flags(&ib, backend_said, None));
        for service in [EDGE, WORKER, OPTIONS, GATEWAY_CTL] {
            match Settings::load(service, &flags, |name| if NOT_READ.contains(&name) { None } else { env(name) }) {
                Ok(settings) if service == EDGE => edge_settings = Some(settings),
                Ok(_) => {}
                Err(error) => problems.extend(error.problems.into_iter().map(|problem| in_words_of_up(&problem))),
            }
        }
    }
    problems.extend(own_options(options));
    problems.extend(shared_ports(options, &ib, edge_settings.as_ref()));
    let mut seen = std::collections::BTreeSet::new();
    problems.retain(|problem| seen.insert(problem.clone()));
    match edge_settings {
        Some(settings) if problems.is_empty() => Ok(Plan {
            edge_bind: settings.address("EDGE_BIND"),
            conformance: settings.flag("EDGE_CONFORMANCE"),
            nats_port: options.nats_port,
            workers: settings.number("IB_POOL_SIZE"),
            data_dir: options.data_dir.clone(),
            gateway: settings.gateway(),
            notes: notes(&ib, &env),
            backend_said,
            ib,
        }),
        _ => Err(Refusal(problems)),
    }
}

/// What the children get as flags; a flag wins over the environment that they inherit.
pub(crate) fn child_flags(
    nats_url: &str,
    target: &Target,
    plan: &Plan,
    simulator: Option<&SimulatorProcess>,
) -> BTreeMap<&'static str, String> {
    let mut flags = control_flags(&plan.ib, plan.backend_said, simulator);
    flags.extend([
        ("NATS_URL", nats_url.to_owned()),
        ("IB_HOST", target.host.clone()),
        ("IB_PORT", target.port.to_string()),
        ("IB_POOL_SIZE", plan.workers.to_string()),
        ("EDGE_BIND", plan.edge_bind.to_string()),
        ("EDGE_CONFORMANCE", plan.conformance.to_string()),
    ]);
    flags
}

/// What gateway-ctl controls: the simulator is a process of its own, a gateway that was named is a person's, unless the
/// environment says how it is started.
fn control_flags(ib: &Ib, backend_said: bool, simulator: Option<&SimulatorProcess>) -> BTreeMap<&'static str, String> {
    match (ib, simulator) {
        (Ib::Simulator(_), Some(simulator)) => BTreeMap::from([
            ("GATEWAY_BACKEND", "process".to_owned()),
            ("GATEWAY_PROCESS", serde_json::json!(simulator.command).to_string()),
            ("GATEWAY_COMMAND_ADDR", format!("{THIS_HOST}:{}", simulator.command_port)),
            ("GATEWAY_YIELD_FILE", simulator.yield_file.clone()),
            // Nobody restarts servers that do not exist.
            ("IB_RESET_REGION", "none".to_owned()),
        ]),
        (Ib::Simulator(_), None) => BTreeMap::from([("GATEWAY_BACKEND", "external".to_owned())]),
        (Ib::Gateway { .. }, _) if backend_said => BTreeMap::new(),
        (Ib::Gateway { .. }, _) => BTreeMap::from([("GATEWAY_BACKEND", "external".to_owned())]),
    }
}

/// How gateway-ctl starts the simulator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SimulatorProcess {
    /// The program and its arguments.
    pub(crate) command: Vec<String>,
    pub(crate) command_port: u16,
    /// Where gateway-ctl tells a start to give way.
    pub(crate) yield_file: String,
}

/// The rows of `flags` that `service` reads, as its command line has them.
pub(crate) fn command_line(service: &'static str, flags: &BTreeMap<&'static str, String>) -> Vec<(String, String)> {
    table::of(service).filter_map(|row| Some((format!("--{}", table::flag(row.name)), flags.get(row.name)?.clone()))).collect()
}

fn where_is_ib(options: &Options, env: &dyn Fn(&str) -> Option<String>) -> Result<Ib, Vec<String>> {
    let host = said("IB_HOST", env);
    match (options.gateway.as_deref(), host) {
        (None, None) => Ok(simulator(options)),
        (Some(""), None) => Ok(candidates(THIS_HOST, said_port(env)?)),
        (None | Some(""), Some(host)) => Ok(candidates(&host, Some(said_port(env)?.unwrap_or(PAPER_PORTS[0])))),
        (Some(text), _) => parse_target(text).map_err(|problem| vec![problem]),
    }
}

fn simulator(options: &Options) -> Ib {
    Ib::Simulator(Simulated { port: options.sim_port, clock: options.sim_clock.clone(), seed: options.seed })
}

fn candidates(host: &str, port: Option<u16>) -> Ib {
    let ports = port.map_or_else(|| PAPER_PORTS.to_vec(), |port| vec![port]);
    Ib::Gateway { candidates: ports.into_iter().map(|port| Target { host: host.to_owned(), port }).collect() }
}

/// `HOST:PORT`, or a host alone, on which the usual ports are tried.
fn parse_target(text: &str) -> Result<Ib, String> {
    let wrong =
        || format!("--gateway must be HOST:PORT such as 127.0.0.1:4002, or stand alone to try the usual ports of this host; got `{text}`");
    let (host, port) = match text.rsplit_once(':') {
        None => (text, None),
        Some((host, port)) => (host, Some(port.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(wrong)?)),
    };
    if host.is_empty() { Err(wrong()) } else { Ok(candidates(host, port)) }
}

/// The value of a setting under any of its names.
fn said(name: &str, env: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let row = TABLE.iter().find(|row| row.name == name)?;
    std::iter::once(&row.name).chain(row.aliases).find_map(|name| env(name))
}

/// The port that the environment names, by number or by IBKR_MODE.
fn said_port(env: &dyn Fn(&str) -> Option<String>) -> Result<Option<u16>, Vec<String>> {
    if said("IB_PORT", env).is_none() && env("IBKR_MODE").is_none() {
        return Ok(None);
    }
    // The rule of the settings table, with nothing else in sight: whether this port is allowed is asked with the rest.
    let of_the_port = |name: &str| {
        name == "IBKR_MODE" || TABLE.iter().any(|row| row.name == "IB_PORT" && (row.name == name || row.aliases.contains(&name)))
    };
    let flags = BTreeMap::from([("TRADING_MODE", "live".to_owned())]);
    let settings =
        Settings::load(WORKER, &flags, |name| if of_the_port(name) { env(name) } else { None }).map_err(|error| error.problems)?;
    Ok(Some(settings.ib_port()))
}

/// The options as flags of the settings table, so that its checks and its rules apply to them.
fn flags(options: &Options, target: &Target) -> BTreeMap<&'static str, String> {
    let mut flags = BTreeMap::from([("IB_HOST", target.host.clone()), ("IB_PORT", target.port.to_string())]);
    if let Some(bind) = &options.edge_bind {
        flags.insert("EDGE_BIND", bind.clone());
    }
    if options.conformance {
        flags.insert("EDGE_CONFORMANCE", "true".to_owned());
    }
    if let Some(workers) = &options.workers {
        flags.insert("IB_POOL_SIZE", workers.clone());
    }
    flags
}

/// The table names flags of `ibmesh worker`; a person typed those of `up`.
fn in_words_of_up(problem: &str) -> String {
    problem
        .replace("--ib-port", "the gateway's address")
        .replace("--ib-host", "the gateway's address")
        .replace("--ib-pool-size", "--workers")
}

/// What the settings table does not know.
fn own_options(options: &Options) -> Vec<String> {
    let mut problems = Vec::new();
    if let Err(error) = options.sim_clock.parse::<ib_sim::ClockSetting>() {
        problems.push(format!("--sim-clock: {error}"));
    }
    problems
}

/// Two parts cannot listen on one port; 0 is a free one for each.
fn shared_ports(options: &Options, ib: &Ib, edge: Option<&Settings>) -> Vec<String> {
    let mut ports = vec![("--nats-port", options.nats_port)];
    if let Ib::Simulator(simulated) = ib {
        ports.push(("--sim-port", simulated.port));
    }
    ports.extend(edge.map(|settings| ("--edge-bind", settings.address("EDGE_BIND").port())));
    let mut problems = Vec::new();
    for (index, (name, port)) in ports.iter().enumerate() {
        let same = ports[index + 1..].iter().filter(|(_, other)| *port != 0 && other == port);
        problems.extend(same.map(|(other, _)| format!("{name} and {other} are both {port}")));
    }
    problems
}

fn notes(ib: &Ib, env: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let mut notes = Vec::new();
    if env("NATS_URL").is_some() || env("NATS_CREDS_FILE").is_some() {
        notes.push("NATS_URL and NATS_CREDS_FILE are not used: `up` runs a nats-server of its own".to_owned());
    }
    let port_said = said("IB_PORT", env).is_some() || env("IBKR_MODE").is_some();
    if port_said && matches!(ib, Ib::Simulator(_)) {
        notes.push("IB_PORT and IBKR_MODE are not used: without --gateway or IB_HOST the simulator runs".to_owned());
    }
    notes
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
