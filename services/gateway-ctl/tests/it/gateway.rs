//! The gateway's program: this very test binary, told by its environment to be the simulator.
//!
//! Invariant: it does what `ibmesh sim --container-face --exit-with-parent` does.

use std::{collections::BTreeMap, io::Write as _};

use ib_sim::{LoginPlan, Settings, Sim};
use service::process::{RunOptions, end_requested};

/// Where the child finds what it should be: JSON of [`Plan`].
const PLAN: &str = "IB_SIM_OF_A_TEST";

/// What a test chooses of the simulator.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Plan {
    pub(crate) api: u16,
    pub(crate) control: u16,
    pub(crate) command: u16,
    pub(crate) login_ms: u64,
    /// As the simulator's flag has it; empty is `ok`.
    pub(crate) login: String,
    pub(crate) existing_session: String,
    pub(crate) two_factor_timeout_ms: Option<u64>,
    /// As the simulator's flag has it.
    pub(crate) fault: Option<String>,
    /// Where it listens; empty is `127.0.0.1`.
    pub(crate) host: String,
    pub(crate) read_only_api: bool,
    pub(crate) max_server_version: Option<i32>,
    /// As the simulator's flag has it.
    pub(crate) yield_file: Option<std::path::PathBuf>,
}

impl Plan {
    /// For `GATEWAY_PROCESS`.
    pub(crate) fn program(&self) -> String {
        let text = |path: std::path::PathBuf| path.to_str().expect("a path of text").to_owned();
        let exe = text(std::env::current_exe().expect("this binary"));
        let plan = format!("{PLAN}={}", serde_json::to_string(self).expect("JSON"));
        let words = ["env", &plan, &exe, "--exact", "gateway::be_the_gateway", "--ignored", "--nocapture", "--test-threads=1"];
        serde_json::to_string(&words).expect("JSON")
    }

    pub(crate) fn host(&self) -> &str {
        if self.host.is_empty() { "127.0.0.1" } else { &self.host }
    }

    fn settings(&self) -> Settings {
        let local = |port: u16| ([127, 0, 0, 1], port).into();
        let default = LoginPlan::default();
        let login = LoginPlan {
            login_ms: self.login_ms,
            login: if self.login.is_empty() { default.login } else { self.login.parse().expect("a log-in") },
            existing_session: match self.existing_session.as_str() {
                _ if self.yield_file.as_ref().is_some_and(|file| file.exists()) => ib_sim::ExistingSession::Secondary,
                "" => default.existing_session,
                text => text.parse().expect("an action"),
            },
            two_factor_timeout_ms: self.two_factor_timeout_ms.unwrap_or(default.two_factor_timeout_ms),
            ..default
        };
        Settings {
            bind: (self.host().parse::<std::net::IpAddr>().expect("an address"), self.api).into(),
            orders: ib_sim::OrderSettings { read_only_api: self.read_only_api, ..Settings::default().orders },
            max_server_version: self.max_server_version.unwrap_or(Settings::default().max_server_version),
            control_bind: Some(local(self.control)),
            command_port: Some(self.command),
            login,
            faults: self.fault.iter().map(|fault| fault.parse().expect("a fault")).collect(),
            ..Settings::default()
        }
    }
}

/// Not a test: the program that gateway-ctl starts. Alone it does nothing.
#[test]
#[ignore = "the simulated gateway of the other tests"]
fn be_the_gateway() {
    let Ok(plan) = std::env::var(PLAN) else { return };
    let plan: Plan = serde_json::from_str(&plan).expect("a plan");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let code = runtime.block_on(live(plan.settings()));
    std::process::exit(i32::from(code));
}

async fn live(settings: Settings) -> u8 {
    let sim = Sim::start(settings).await.expect("the simulator");
    let mut log = sim.log();
    let print = |lines: Vec<String>| {
        let mut out = std::io::stdout().lock();
        // Whoever reads it may be gone.
        let _ = lines.iter().try_for_each(|line| writeln!(out, "{line}")).and_then(|()| out.flush());
    };
    let mut end = std::pin::pin!(end_requested(RunOptions { exit_with_parent: true }));
    let code = loop {
        tokio::select! {
            lines = log.next() => print(lines),
            _ = &mut end => {
                sim.terminate();
                break sim.ended().await;
            }
            code = sim.ended() => break code,
        }
    };
    print(log.rest());
    sim.shutdown().await;
    code
}

/// Ports that nobody listens on now, each another.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    let mut held = BTreeMap::new();
    while held.len() < N {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        held.insert(listener.local_addr().expect("address").port(), listener);
    }
    let ports: Vec<u16> = held.into_keys().collect();
    ports.try_into().expect("so many")
}
