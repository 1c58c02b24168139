//! A stack whose gateway is kept: gateway-ctl has the simulator as its process, real workers and the options service have
//! their sessions there.
//!
//! Invariant: workers and options reach the simulator through proxies that count, gateway-ctl reaches it directly.

use std::{net::TcpListener, process::Stdio, time::Duration};

use nats_local::NatsServer;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use super::{
    SOON,
    beats::Beats,
    http::Edge,
    mesh_flags,
    proc::{PROGRAM, Proc, clean_command, descendants, ibmesh},
    proxy::Proxy,
    sim::Control,
    start_nats,
    wait::eventually,
};

const WORKERS: usize = 2;
/// Long enough to be seen, and to come too early in.
const LOGIN_MS: &str = "2000";

/// The fields end in this order, and the logs' folder last.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) edge: Edge,
    pub(crate) edge_proc: Proc,
    pub(crate) workers: Vec<Proc>,
    _options: Proc,
    pub(crate) ctl: Proc,
    /// Between the workers and the simulator, and between the options service and it.
    pub(crate) gateway: Proxy,
    pub(crate) options_gateway: Proxy,
    pub(crate) beats: Beats,
    /// Of the simulator's control port, whichever life it is in.
    pub(crate) sim: Control,
    pub(crate) api_port: u16,
    admin_port: u16,
    pub(crate) nats: NatsServer,
    _folder: TempDir,
}

/// What a command of the CLI has come to.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// stdout as one JSON document.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("stdout is not one JSON document: {self:?}"))
    }
}

impl Kept {
    /// Everybody connected.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder for logs");
        let nats = start_nats().await;
        let [api, control, command, admin] = free_ports();
        let program = json!([
            PROGRAM,
            "sim",
            "--exit-with-parent",
            "--container-face",
            "--bind",
            format!("127.0.0.1:{api}"),
            "--control-bind",
            format!("127.0.0.1:{control}"),
            "--command-port",
            command.to_string(),
            "--login-ms",
            LOGIN_MS,
        ]);
        let local = |port: u16| ([127, 0, 0, 1], port).into();
        let mut flags = mesh_flags(&nats, local(api));
        flags.extend([
            ("--gateway-backend", "process".to_owned()),
            ("--gateway-process", program.to_string()),
            ("--gateway-command-addr", format!("127.0.0.1:{command}")),
            ("--ib-reset-region", "none".to_owned()),
            ("--gateway-check-ms", "1000".to_owned()),
            ("--admin-bind", format!("127.0.0.1:{admin}")),
        ]);
        let ctl = ibmesh(folder.path(), "gateway-ctl", "gateway-ctl", &flags).await;
        let (gateway, options_gateway) = (Proxy::start(local(api)).await, Proxy::start(local(api)).await);
        let pool = ("--ib-pool-size", WORKERS.to_string());
        let mut flags = mesh_flags(&nats, gateway.addr);
        flags.extend([("--edge-bind", "127.0.0.1:0".to_owned()), pool.clone()]);
        let edge_proc = ibmesh(folder.path(), "edge", "edge", &flags).await;
        let mut flags = mesh_flags(&nats, gateway.addr);
        flags.extend([("--worker-check-ms", "1000".to_owned()), pool]);
        let mut workers = Vec::new();
        for n in 1..=WORKERS {
            workers.push(ibmesh(folder.path(), &format!("worker-{n}"), "worker", &flags).await);
        }
        let mut flags = mesh_flags(&nats, options_gateway.addr);
        flags.push(("--options-check-ms", "1000".to_owned()));
        let options = ibmesh(folder.path(), "options", "options", &flags).await;
        let beats = Beats::at(nats.url()).await;
        let kept = Self {
            edge: Edge::new(edge_proc.address("http")),
            edge_proc,
            workers,
            _options: options,
            ctl,
            gateway,
            options_gateway,
            beats,
            sim: Control::new(local(control)),
            api_port: api,
            admin_port: admin,
            nats,
            _folder: folder,
        };
        kept.until_all_connected().await;
        kept
    }

    /// Waits until `/health` has every worker and the options service connected, and gateway-ctl its session.
    pub(crate) async fn until_all_connected(&self) -> Value {
        eventually("everybody is connected", SOON, async || {
            let (_, health) = self.edge.health().await;
            let all = health["pool"]["workers_ib_connected"] == WORKERS
                && health["options_client_connected"] == true
                && health["gateway"]["state"] == "CONNECTED";
            if all { Ok(health) } else { Err(health.to_string()) }
        })
        .await
    }

    /// Waits until every worker and the options service have beaten so often from now on.
    pub(crate) async fn until_beats(&self, more: u64) {
        let sequences = || -> Vec<u64> { self.all_beats().iter().map(|beat| beat.sequence).collect() };
        let before = sequences();
        eventually(&format!("everybody has beaten {more} times"), SOON, async || {
            let now = sequences();
            let done = now.len() == before.len() && now.iter().zip(&before).all(|(now, before)| *now >= before + more);
            if done { Ok(()) } else { Err(format!("{before:?} to {now:?}")) }
        })
        .await;
    }

    /// Workers in a stable order, then options.
    pub(crate) fn all_beats(&self) -> Vec<schemas::health::Heartbeat> {
        let mut all = self.beats.workers();
        all.extend(self.beats.options());
        all
    }

    /// Connections that workers and options have made so far.
    pub(crate) fn attempts(&self) -> u64 {
        self.gateway.accepted() + self.options_gateway.accepted()
    }

    /// The simulator, as gateway-ctl's child.
    pub(crate) fn sim_pid(&self) -> Option<i32> {
        let of_sim = |pid: &i32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).nth(1) == Some(b"sim")
        };
        descendants(self.ctl.raw_pid().expect("it runs")).into_iter().find(of_sim)
    }

    pub(crate) fn kill_sim(&self) {
        let pid = self.sim_pid().and_then(Pid::from_raw).expect("the simulator runs");
        kill_process(pid, Signal::KILL).expect("it can be killed");
    }

    /// What `/metrics` of gateway-ctl says at this line's begin.
    pub(crate) async fn metric(&self, begin: &str) -> Option<u64> {
        let url = format!("http://127.0.0.1:{}/metrics", self.admin_port);
        let text = reqwest::get(&url).await.expect("an answer").text().await.expect("a body");
        text.lines().find_map(|line| line.strip_prefix(begin)?.trim().parse().ok())
    }

    /// Runs a command of the CLI against this stack's edge, to its end.
    pub(crate) async fn cli(&self, args: &[&str]) -> Said {
        let edge = self.edge.addr.to_string();
        run(args, &[("EDGE_BIND", edge.as_str()), ("IB_PORT", &self.api_port.to_string()), ("NATS_URL", &self.nats.url())]).await
    }
}

/// Runs a command of the CLI to its end.
pub(crate) async fn run(args: &[&str], env: &[(&str, &str)]) -> Said {
    let mut command = clean_command();
    command.args(args).envs(env.iter().copied()).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(SOON + Duration::from_secs(60), command.output()).await.expect("it ends").expect("it starts");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// Ports that nobody listens on now, each another.
fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    let held: [TcpListener; COUNT] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    held.map(|listener| listener.local_addr().expect("bound").port())
}
