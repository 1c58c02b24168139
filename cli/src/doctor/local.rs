//! What can be seen from here with everything down: the edge's health, NATS, the gateway's ports, a container.
//!
//! Invariant: every look has a deadline, and no client id of the gateway is used.

use std::{collections::BTreeMap, net::Ipv4Addr, process::Stdio, time::Duration};

use futures::future::join_all;
use ib_link::{ProbeFault, ProbeReply};
use serde_json::Value;
use service::{
    Settings,
    settings::{EDGE, redacted},
};
use tokio::{io::AsyncReadExt as _, net::TcpStream, process::Command, time::timeout};

use crate::{health::Health, http::EdgeClient};

/// A gateway on this machine answers its hello at once, one across the world within a second.
const PROBE_MAX: Duration = Duration::from_secs(4);
const NATS_MAX: Duration = Duration::from_secs(3);
/// The greeting of a NATS server is shorter.
const GREETING_BYTES_MAX: usize = 8 * 1024;
const DOCKER_MAX: Duration = Duration::from_secs(10);
/// Where gateways and TWS usually listen: behind a container's forwarder, IB Gateway, TWS; paper, then live.
const USUAL_PORTS: [u16; 6] = [4002, 4004, 7497, 4001, 4003, 7496];

pub(super) type Probed = Result<ProbeReply, ProbeFault>;

#[derive(Debug)]
pub(super) enum EdgeSeen {
    Away(String),
    /// It answers, but has no diagnosis: gateway-ctl does not run, or something is wrong with it.
    Refuses(String),
}

/// A container, as `docker inspect` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Inspected {
    pub(super) status: String,
    pub(super) exit_code: String,
    pub(super) out_of_memory: bool,
    pub(super) restart_policy: String,
    pub(super) since: String,
}

/// Everything that was seen.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) edge_url: String,
    pub(super) edge: EdgeSeen,
    /// What the edge's /health says, where it answers.
    pub(super) health: Option<Health>,
    pub(super) settings: Option<String>,
    pub(super) nats_url: String,
    /// Its version.
    pub(super) nats: Result<String, String>,
    pub(super) host: String,
    pub(super) port: u16,
    /// Somebody asks about this very port.
    pub(super) port_named: bool,
    pub(super) probed: Probed,
    /// Other usual ports that take connections, where the wanted one has no gateway.
    pub(super) others: Vec<(u16, Probed)>,
    pub(super) container: Option<(String, Result<Inspected, String>)>,
}

fn settings() -> (Option<Settings>, Option<String>) {
    match Settings::load_from_env(EDGE, &BTreeMap::new()) {
        Ok(settings) => (Some(settings), None),
        Err(error) => (None, Some(error.problems.join("; "))),
    }
}

/// Where the gateway should be, by the settings of this shell.
pub(super) fn target(port: Option<u16>) -> (String, u16) {
    let (settings, _) = settings();
    let host = settings.as_ref().map_or_else(|| Ipv4Addr::LOCALHOST.to_string(), |settings| settings.ib_host().to_owned());
    let port = port.or_else(|| settings.map(|settings| settings.ib_port())).unwrap_or(USUAL_PORTS[0]);
    (host, port)
}

pub(super) async fn look(edge_url: &str, edge: &EdgeClient, seen: EdgeSeen, port: Option<u16>, container_name: Option<&str>) -> Facts {
    let (settings, problem) = settings();
    let nats_url = settings.and_then(|settings| settings.text("NATS_URL").map(str::to_owned)).unwrap_or_default();
    let (host, port_wanted) = target(port);
    let of_health = async {
        match seen {
            EdgeSeen::Refuses(_) => edge.health().await.ok().and_then(|body| serde_json::from_value(body).ok()),
            EdgeSeen::Away(_) => None,
        }
    };
    let of_container = async {
        match container_name {
            Some(name) => Some((name.to_owned(), container(name).await)),
            None => None,
        }
    };
    let (health, nats, probed, container) = tokio::join!(of_health, nats(&nats_url), probe(&host, port_wanted), of_container);
    // Who names a port asks about that one.
    let others = if probed.is_ok() || port.is_some() { Vec::new() } else { others(&host, port_wanted).await };
    Facts {
        edge_url: edge_url.to_owned(),
        edge: seen,
        health,
        settings: problem,
        nats_url: redacted(&nats_url),
        nats,
        host,
        port: port_wanted,
        port_named: port.is_some(),
        probed,
        others,
        container,
    }
}

pub(super) async fn probe(host: &str, port: u16) -> Probed {
    ib_link::probe(host, port, PROBE_MAX).await
}

async fn others(host: &str, wanted: u16) -> Vec<(u16, Probed)> {
    let ports = USUAL_PORTS.into_iter().filter(|port| *port != wanted);
    let probed = join_all(ports.map(async |port| (port, probe(host, port).await))).await;
    let takes_connections = |(_, probed): &(u16, Probed)| {
        matches!(probed, Ok(_) | Err(ProbeFault::HelloTimeout { .. } | ProbeFault::Closed { .. } | ProbeFault::NotIb { .. }))
    };
    probed.into_iter().filter(takes_connections).collect()
}

/// The greeting of the server at `url`, or why there is none.
async fn nats(url: &str) -> Result<String, String> {
    let address = url.split_once("://").map_or(url, |(_, rest)| rest);
    let address = address.rsplit_once('@').map_or(address, |(_, rest)| rest).trim_end_matches('/');
    let address = if address.contains(':') { address.to_owned() } else { format!("{address}:4222") };
    let greeting = async {
        let mut stream = TcpStream::connect(&address).await.map_err(|error| error.to_string())?;
        let mut received = Vec::new();
        while !received.contains(&b'\n') && received.len() < GREETING_BYTES_MAX {
            let mut piece = [0; 1_024];
            match stream.read(&mut piece).await {
                Ok(count @ 1..) => received.extend_from_slice(&piece[..count]),
                Ok(0) => break,
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(received)
    };
    let received = timeout(NATS_MAX, greeting).await.map_err(|_| format!("no greeting within {} s", NATS_MAX.as_secs()))??;
    let text = String::from_utf8_lossy(&received);
    let info: Option<Value> = text.strip_prefix("INFO ").and_then(|json| serde_json::from_str(json.trim()).ok());
    info.and_then(|info| info["version"].as_str().map(str::to_owned)).ok_or_else(|| "what listens there is no NATS server".to_owned())
}

/// What the `docker` command says of a container.
pub(super) async fn container(name: &str) -> Result<Inspected, String> {
    const FORMAT: &str =
        "{{.State.Status}}|{{.State.ExitCode}}|{{.State.OOMKilled}}|{{.HostConfig.RestartPolicy.Name}}|{{.State.StartedAt}}";
    let asked = Command::new("docker")
        .args(["inspect", "--type", "container", "--format", FORMAT, "--", name])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(DOCKER_MAX, asked).await.map_err(|_| format!("docker did not answer within {} s", DOCKER_MAX.as_secs()))?;
    let output = output.map_err(|error| format!("the command docker cannot be run here: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    inspected(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| "docker's answer cannot be read".to_owned())
}

fn inspected(line: &str) -> Option<Inspected> {
    let mut fields = line.trim().split('|').map(str::to_owned);
    let mut next = || fields.next();
    Some(Inspected { status: next()?, exit_code: next()?, out_of_memory: next()? == "true", restart_policy: next()?, since: next()? })
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncWriteExt as _, net::TcpListener};

    use super::*;

    async fn greeted(greeting: &'static [u8], scheme: &str) -> Result<String, String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{scheme}{}", listener.local_addr().unwrap());
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            // In two pieces, as a network may deliver it.
            let (head, tail) = greeting.split_at(greeting.len() / 2);
            stream.write_all(head).await.unwrap();
            stream.flush().await.unwrap();
            stream.write_all(tail).await.unwrap();
        };
        tokio::join!(server, nats(&url)).1
    }

    #[tokio::test]
    async fn a_nats_server_is_known_by_its_greeting() {
        let greeting = b"INFO {\"server_id\":\"N\",\"version\":\"2.15.1\"} \r\n";
        for scheme in ["nats://", "nats://user:secret@", ""] {
            assert_eq!(greeted(greeting, scheme).await.as_deref(), Ok("2.15.1"), "{scheme}");
        }
        assert!(greeted(b"HTTP/1.1 400 Bad Request\r\n", "nats://").await.is_err_and(|why| why.contains("no NATS server")));
        let gone = nats("nats://127.0.0.1:1").await.unwrap_err();
        assert!(!gone.is_empty());
    }

    #[test]
    fn dockers_line() {
        let seen = inspected("exited|137|true|no|2026-11-20T10:00:00Z\n").unwrap();
        assert_eq!((seen.status.as_str(), seen.exit_code.as_str(), seen.out_of_memory), ("exited", "137", true));
        assert_eq!((seen.restart_policy.as_str(), seen.since.as_str()), ("no", "2026-11-20T10:00:00Z"));
        assert_eq!(inspected("running"), None);
    }
}
