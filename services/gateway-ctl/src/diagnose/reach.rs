//! The way to the API: name, TCP, forwarder, the socket inside the container, the API's hello.
//!
//! Invariant: one open family of addresses is enough, and an open port alone is no pass for the API.

use schemas::gateway::{
    Check,
    CheckStatus::{Fail, Pass, Skip, Warn},
};

use super::{Hello, Seen, check, checks::With, verdict};
use crate::policy::Policy;

pub(super) fn network(seen: &Seen) -> Vec<Check> {
    let (host, port) = (&seen.target.host, seen.target.port);
    let mut checks = vec![match &seen.resolved {
        None => check("network", "name", Skip, "not looked at"),
        Some(addresses) if addresses.is_empty() => {
            check("network", "name", Fail, format!("{host} cannot be resolved")).fix("correct IB_HOST")
        }
        Some(addresses) => {
            let families = (addresses.iter().any(std::net::IpAddr::is_ipv4), addresses.iter().any(std::net::IpAddr::is_ipv6));
            let text: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            let detail = match families {
                (true, true) => "resolved, to IPv4 and IPv6",
                (true, false) => "resolved, to IPv4",
                _ => "resolved, to IPv6 only",
            };
            check("network", "name", Pass, detail).evidence(text.join(", "))
        }
    }];
    for tcp in &seen.tcp {
        let family = if tcp.address.is_ipv4() { "IPv4" } else { "IPv6" };
        // One open family is enough: connections try them all.
        let status = if tcp.open {
            Pass
        } else if seen.tcp_open() {
            Warn
        } else {
            Fail
        };
        let line = check(
            "network",
            &format!("tcp {family}"),
            status,
            format!("{}:{port} {}", tcp.address, if tcp.open { "takes connections" } else { "does not" }),
        );
        checks.push(match &tcp.error {
            Some(error) => line.evidence(error.clone()),
            None => line,
        });
    }
    if seen.tcp.is_empty() && seen.hello == Hello::NotAsked {
        checks.push(check("network", "tcp", Skip, "not looked at"));
    }
    if let Some(other) = seen.answers_on {
        checks.push(
            check("network", "other port", Warn, format!("the API answers on {other}, not on {port}")).fix(format!("set IB_PORT={other}")),
        );
    }
    checks
}

/// What was seen inside the container.
pub(super) fn inside(seen: &Seen, policy: &Policy) -> Vec<Check> {
    let own = seen.target.own_port();
    let mut checks = Vec::new();
    let announced = policy.facts().log.as_ref().and_then(|log| log.forward);
    if let Some(forwarder) = &seen.forwarder {
        let line = |status| {
            check(
                "network",
                "forwarder",
                status,
                format!("port {} goes to {}:{}", forwarder.listen_port, forwarder.target_host, forwarder.target_port),
            )
        };
        checks.push(match (forwarder.target_port == own, forwarder.is_ipv6()) {
            (false, _) => line(Fail).fix(format!("it has to go to 127.0.0.1:{own}")),
            (true, true) => line(Warn).fix(format!("let it go to 127.0.0.1:{own}: the gateway trusts no other address")),
            (true, false) => line(Pass),
        });
    } else if let Some(forward) = announced {
        let right = forward.target_port == own;
        let line = check(
            "network",
            "forwarder",
            if right { Pass } else { Fail },
            format!("announced: port {} goes to {}", forward.listen_port, forward.target_port),
        );
        checks.push(if right { line } else { line.fix(format!("it has to go to 127.0.0.1:{own}")) });
    }
    if let Some(sockets) = seen.sockets {
        let (status, detail) = match (sockets.ipv4, sockets.ipv6) {
            (false, false) => (Fail, format!("nothing listens on {own} in the container")),
            (true, _) => (Pass, format!("the gateway listens on {own}")),
            // Java's dual socket shows itself in the table of IPv6 alone.
            (false, true) => (Pass, format!("the gateway listens on {own}, shown as IPv6")),
        };
        checks.push(check("api", "socket", status, detail));
    }
    if let Some(answers) = seen.command_server {
        let line =
            check("container", "command server", if answers { Pass } else { Warn }, if answers { "answers" } else { "does not answer" });
        checks.push(if answers {
            line
        } else {
            line.fix("without it a stop loses the gateway's settings, and every restart is a full log-in: see GATEWAY_COMMAND_ADDR")
        });
    }
    checks
}

pub(super) fn hello(seen: &Seen) -> Check {
    let line = |status, detail: String| check("api", "hello", status, detail);
    match &seen.hello {
        Hello::NotAsked => line(Skip, "not looked at".to_owned()),
        Hello::NoConnection => line(Skip, "no TCP connection to ask over".to_owned()),
        Hello::Silent => line(Fail, "TCP is open, but the API does not answer".to_owned())
            .fix("a dialog may wait for a click, or `Allow connections from localhost only` is ticked: look at the gateway's window"),
        Hello::Closed => line(Fail, "the connection was closed instead of answered".to_owned())
            .fix("the gateway is down behind the forwarder, or does not trust this address"),
        Hello::NotIb(said) => {
            line(Fail, "what answers is no IB gateway".to_owned()).evidence(said.clone()).fix("correct IB_HOST and IB_PORT")
        }
        Hello::Answers(version) if *version < verdict::SERVER_VERSION_MIN => line(Fail, format!("server version {version} is too old"))
            .fix(format!("install a gateway with {} or newer", verdict::SERVER_VERSION_MIN)),
        Hello::Answers(version) => line(Pass, format!("server version {version}")),
    }
}
