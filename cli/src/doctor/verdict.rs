//! From what was seen from here to checks, a verdict and the next step. Pure.
//!
//! Invariant: the verdict is the first cause that fits, from the gateway up: what stands on it cannot work without it.

use ib_link::{ProbeFault, SERVER_VERSION_MIN};
use schemas::gateway::{Check, CheckStatus, DiagnoseReply};

use super::local::{EdgeSeen, Facts, Inspected, Probed};

pub(super) fn check(layer: &str, name: &str, status: CheckStatus, detail: impl Into<String>) -> Check {
    Check { layer: layer.to_owned(), check: name.to_owned(), status, detail: detail.into(), evidence: None, fix: None }
}

fn mended(mut check: Check, fix: impl Into<String>) -> Check {
    check.fix = Some(fix.into());
    check
}

const UNTICK: &str =
    "open the gateway's window, answer any dialog, untick `Allow connections from localhost only` in Configure, Settings, API";

pub(super) fn report(facts: &Facts) -> DiagnoseReply {
    let mut layers = Vec::new();
    layers.extend(facts.settings.as_ref().map(|problem| check("settings", "environment", CheckStatus::Warn, problem.clone())));
    layers.push(edge(facts));
    layers.extend(gateway_ctl(facts));
    layers.push(nats(facts));
    layers.extend(fleet(facts));
    if let Some((name, seen)) = &facts.container {
        layers.extend(container(name, seen));
    }
    layers.push(port(&facts.host, facts.port, &facts.probed));
    layers.extend(facts.others.iter().map(|(number, probed)| other(&facts.host, *number, probed)));
    let (verdict, next_action) = verdict(facts);
    DiagnoseReply { verdict: verdict.to_owned(), next_action, layers }
}

fn edge(facts: &Facts) -> Check {
    match &facts.edge {
        EdgeSeen::Away(why) => {
            mended(check("edge", "answers", CheckStatus::Fail, why.clone()), "`ibmesh up`, or `docker compose up -d`; --edge names another")
        }
        EdgeSeen::Refuses(_) => check("edge", "answers", CheckStatus::Pass, format!("at {}", facts.edge_url)),
    }
}

fn gateway_ctl(facts: &Facts) -> Option<Check> {
    match &facts.edge {
        EdgeSeen::Away(_) => None,
        EdgeSeen::Refuses(why) => {
            Some(mended(check("control", "gateway-ctl", CheckStatus::Fail, why.clone()), "start it with `ibmesh gateway-ctl`"))
        }
    }
}

fn nats(facts: &Facts) -> Check {
    match &facts.nats {
        Ok(version) => check("nats", "answers", CheckStatus::Pass, format!("nats-server {version} at {}", facts.nats_url)),
        // The edge's NATS may be one that this machine cannot reach.
        Err(why) if facts.health.is_some() => {
            check("nats", "answers", CheckStatus::Skip, format!("{}: {why}, seen from here", facts.nats_url))
        }
        Err(why) => {
            mended(check("nats", "answers", CheckStatus::Fail, format!("{}: {why}", facts.nats_url)), "start nats-server, or set NATS_URL")
        }
    }
}

fn fleet(facts: &Facts) -> Option<Check> {
    let health = facts.health.as_ref()?;
    let pool = &health.pool;
    let detail = format!("{} alive of {}, {} connected to IB", pool.workers_alive, pool.pool_size, pool.workers_ib_connected);
    let status = match (pool.workers_alive, pool.workers_ib_connected) {
        (0, _) | (_, 0) => CheckStatus::Fail,
        (_, connected) if connected < pool.pool_size => CheckStatus::Warn,
        _ => CheckStatus::Pass,
    };
    let mut fleet = check("fleet", "workers", status, detail);
    fleet.evidence = pool.workers.iter().find_map(|worker| worker.reason.clone());
    Some(fleet)
}

pub(super) fn port(host: &str, port: u16, probed: &Probed) -> Check {
    match probed {
        Ok(reply) if reply.server_version < SERVER_VERSION_MIN => mended(
            check("api", "hello", CheckStatus::Fail, format!("{host}:{port} speaks server version {}", reply.server_version)),
            format!("install a gateway of server version {SERVER_VERSION_MIN} or newer"),
        ),
        Ok(reply) => {
            let mut told =
                check("api", "hello", CheckStatus::Pass, format!("{host}:{port} answers, server version {}", reply.server_version));
            told.evidence = Some(reply.connection_time.clone());
            told
        }
        Err(fault) => {
            let failed = check("api", "hello", CheckStatus::Fail, fault.to_string());
            match fault {
                ProbeFault::HelloTimeout { .. } | ProbeFault::Closed { .. } => mended(failed, UNTICK),
                _ => failed,
            }
        }
    }
}

fn other(host: &str, number: u16, probed: &Probed) -> Check {
    let detail = match probed {
        Ok(reply) => format!("{host}:{number} answers, server version {}", reply.server_version),
        Err(fault) => fault.to_string(),
    };
    check("api", &format!("port {number}"), CheckStatus::Warn, detail)
}

pub(super) fn container(name: &str, seen: &Result<Inspected, String>) -> Vec<Check> {
    let seen = match seen {
        Ok(seen) => seen,
        Err(why) => return vec![check("container", "inspect", CheckStatus::Skip, why.clone())],
    };
    let running = seen.status == "running";
    let detail = match (running, seen.out_of_memory) {
        (true, _) => format!("{name} is running since {}", seen.since),
        (false, true) => format!("{name} is {}: it had too little memory", seen.status),
        (false, false) => format!("{name} is {}, exit code {}", seen.status, seen.exit_code),
    };
    let state = check("container", "running", if running { CheckStatus::Pass } else { CheckStatus::Fail }, detail);
    let mut checks = vec![if running { state } else { mended(state, "`ibmesh gateway login` starts it, `docker logs` says why it ended") }];
    if !["", "no"].contains(&seen.restart_policy.as_str()) {
        let policy = format!("{name} has the restart policy {}, which undoes a logout", seen.restart_policy);
        checks.push(mended(check("container", "restart policy", CheckStatus::Warn, policy), format!("docker update --restart no {name}")));
    }
    checks
}

fn verdict(facts: &Facts) -> (&'static str, String) {
    let elsewhere = facts.others.iter().find(|(_, probed)| probed.is_ok()).map(|(number, _)| *number);
    let silent = |probed: &Probed| matches!(probed, Err(ProbeFault::HelloTimeout { .. } | ProbeFault::Closed { .. }));
    let stopped = facts.container.as_ref().is_some_and(|(_, seen)| seen.as_ref().is_ok_and(|seen| seen.status != "running"));
    let edge_away = matches!(facts.edge, EdgeSeen::Away(_));
    let says = |verdict: &'static str, next: String| (verdict, next);
    match &facts.probed {
        Ok(reply) if reply.server_version < SERVER_VERSION_MIN => {
            says("gateway_too_old", format!("Install a gateway that speaks server version {SERVER_VERSION_MIN} or newer."))
        }
        Ok(_) if edge_away => says("edge_down", "The gateway answers; start the stack with `ibmesh up --gateway` or `docker compose up -d`.".to_owned()),
        Ok(_) => control(facts),
        // The edge's gateway is where the edge says, which may be nowhere that this machine can reach.
        Err(_) if !facts.port_named && facts.health.as_ref().is_some_and(|health| health.ib_connected) => control(facts),
        Err(_) if stopped => says("container_stopped", "`ibmesh gateway login` starts it; `docker logs` says why it ended.".to_owned()),
        Err(ProbeFault::Unresolved { host }) => says("unknown_host", format!("Correct IB_HOST: {host} is no name that can be resolved here.")),
        Err(_) if elsewhere.is_some() => {
            says("wrong_port", format!("Set IB_PORT={}: that is where a gateway answers.", elsewhere.unwrap_or_default()))
        }
        probed if silent(probed) || facts.others.iter().any(|(_, probed)| silent(probed)) => {
            says("localhost_only", format!("The port is open and silent: {UNTICK}, or wait while it starts."))
        }
        Err(ProbeFault::NotIb { address, .. }) => says("not_ib", format!("Correct IB_HOST and IB_PORT: what answers on {address} is no IB gateway.")),
        Err(_) if edge_away && facts.nats.is_err() => says(
            "nothing_runs",
            "`ibmesh up` starts everything with the simulator, `docker compose up -d` the containers; with your own gateway, log it in first.".to_owned(),
        ),
        Err(_) => says("gateway_down", "Start IB Gateway or TWS, log it in and let programs in (Configure, Settings, API); `ibmesh gateway login` starts the container.".to_owned()),
    }
}

/// The gateway is there; what is wrong is ours.
fn control(facts: &Facts) -> (&'static str, String) {
    let connected = facts.health.as_ref().is_some_and(|health| health.ib_connected);
    if connected {
        ("no_gateway_ctl", "Calls are answered; start gateway-ctl (`ibmesh gateway-ctl`) to see and control the gateway.".to_owned())
    } else {
        let next =
            "Look at `ibmesh status`: the gateway answers and no worker is connected; compare their IB_HOST and IB_PORT, or restart them.";
        ("workers_not_connected", next.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use ib_link::ProbeReply;
    use serde_json::json;

    use super::*;

    fn answers(server_version: i32) -> Probed {
        Ok(ProbeReply { server_version, connection_time: "20261121 10:06:18 UTC".to_owned() })
    }

    fn refused() -> Probed {
        Err(ProbeFault::Refused { address: "127.0.0.1:4002".to_owned() })
    }

    fn silent() -> Probed {
        Err(ProbeFault::HelloTimeout { address: "127.0.0.1:4002".to_owned(), waited_ms: 4_000 })
    }

    fn down() -> Facts {
        Facts {
            edge_url: "http://127.0.0.1:48012".to_owned(),
            edge: EdgeSeen::Away("no edge answers".to_owned()),
            health: None,
            settings: None,
            nats_url: "nats://127.0.0.1:4222".to_owned(),
            nats: Err("Connection refused".to_owned()),
            host: "127.0.0.1".to_owned(),
            port: 4002,
            port_named: false,
            probed: refused(),
            others: Vec::new(),
            container: None,
        }
    }

    fn up(connected: bool) -> Facts {
        let count = u64::from(connected);
        let health = json!({"ib_connected": connected, "pool": {"pool_size": 1, "workers_alive": 1, "workers_ib_connected": count}});
        Facts {
            edge: EdgeSeen::Refuses("gateway-ctl does not run".to_owned()),
            health: Some(serde_json::from_value(health).unwrap()),
            nats: Ok("2.15.1".to_owned()),
            probed: answers(213),
            ..down()
        }
    }

    fn exited() -> Option<(String, Result<Inspected, String>)> {
        let seen = Inspected {
            status: "exited".to_owned(),
            exit_code: "137".to_owned(),
            out_of_memory: true,
            restart_policy: "always".to_owned(),
            since: "2026".to_owned(),
        };
        Some(("gw".to_owned(), Ok(seen)))
    }

    #[test]
    fn the_first_cause_is_the_verdict() {
        let unknown = Err(ProbeFault::Unresolved { host: "gw".to_owned() });
        let not_ib = Err(ProbeFault::NotIb { address: "a".to_owned(), reason: "r".to_owned() });
        let table = [
            (down(), "nothing_runs"),
            (Facts { nats: Ok("2".to_owned()), ..down() }, "gateway_down"),
            (Facts { probed: answers(213), ..down() }, "edge_down"),
            (Facts { probed: answers(178), ..down() }, "gateway_too_old"),
            (Facts { probed: silent(), ..down() }, "localhost_only"),
            (Facts { others: vec![(4004, silent())], ..down() }, "localhost_only"),
            (Facts { others: vec![(7497, silent()), (4004, answers(213))], ..down() }, "wrong_port"),
            (Facts { probed: unknown, ..down() }, "unknown_host"),
            (Facts { probed: not_ib, ..down() }, "not_ib"),
            (Facts { container: exited(), ..down() }, "container_stopped"),
            (up(true), "no_gateway_ctl"),
            (up(false), "workers_not_connected"),
            // In containers the gateway's port need not be published.
            (Facts { probed: refused(), ..up(true) }, "no_gateway_ctl"),
            (Facts { probed: refused(), port_named: true, ..up(true) }, "gateway_down"),
            (Facts { probed: refused(), ..up(false) }, "gateway_down"),
        ];
        for (facts, verdict) in table {
            let report = report(&facts);
            assert_eq!(report.verdict, verdict, "{facts:?}");
            assert!(report.next_action.ends_with('.') && report.layers.iter().any(|check| check.status == CheckStatus::Fail), "{report:?}");
        }
        assert!(report(&Facts { others: vec![(4004, answers(213))], ..down() }).next_action.contains("IB_PORT=4004"));
    }

    #[test]
    fn checks_tell_evidence_and_what_mends_them() {
        let report = report(&Facts { probed: silent(), container: exited(), settings: Some("IB_PORT is wrong".to_owned()), ..down() });
        let lines: Vec<String> = report.layers.iter().map(crate::checks::line).collect();
        let text = lines.join("\n");
        for part in [
            "WARN  settings    environment: IB_PORT is wrong",
            "FAIL  edge        answers: no edge answers",
            "FAIL  nats        answers: nats://127.0.0.1:4222: Connection refused",
            "FAIL  container   running: gw is exited: it had too little memory",
            "WARN  container   restart policy",
            "docker update --restart no gw",
            "FAIL  api         hello: 127.0.0.1:4002 takes connections but did not answer",
            "fix: open the gateway's window",
        ] {
            assert!(text.contains(part), "{part} missing in:\n{text}");
        }
        let text = report_text(&up(true));
        for part in [
            "PASS  edge",
            "FAIL  control     gateway-ctl: gateway-ctl does not run",
            "PASS  fleet       workers: 1 alive of 1",
            "seen: 20261121",
        ] {
            assert!(text.contains(part), "{part} missing in:\n{text}");
        }
    }

    fn report_text(facts: &Facts) -> String {
        report(facts).layers.iter().map(crate::checks::line).collect::<Vec<_>>().join("\n")
    }
}
