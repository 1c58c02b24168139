//! Who may do what on the shipped message server: deploy/users.conf, tried subject by subject as each user.
//!
//! The table here is written from the specification, not from that file.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use nats_local::{NatsServer, StartOptions};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use crate::support::{TestResult, gateway, nats_with};

const USERS: [&str; 8] = ["edge", "worker", "options", "gateway-ctl", "reader", "trader", "approver", "admin"];
const PEOPLE: [&str; 4] = ["reader", "trader", "approver", "admin"];
/// In a container `ibmesh provision` writes that file.
const INCLUDE: &str = "include \"../../run/ib-mesh/nats/logins.conf\"\n";
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// The shipped users; each one's password is his name and `-pw`.
async fn server() -> NatsServer {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/users.conf");
    let users = std::fs::read_to_string(path).expect("deploy/users.conf");
    let variable = |user: &str| format!("{}_PASSWORD: \"{user}-pw\"\n", user.to_ascii_uppercase().replace('-', "_"));
    let passwords = USERS.map(variable).concat();
    let extra_config = users.replace(INCLUDE, &passwords);
    assert_ne!(extra_config, users, "{INCLUDE} is not in deploy/users.conf");
    nats_with(StartOptions { jetstream: true, extra_config, ..StartOptions::default() }).await
}

/// One user's connection, without a client library: a refusal is an answer here, not a time-out.
struct Wire {
    reader: BufReader<TcpStream>,
}

impl Wire {
    async fn login(addr: SocketAddr, user: &str, password: &str) -> Result<Self, String> {
        let stream = TcpStream::connect(addr).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let mut wire = Self { reader: BufReader::new(stream) };
        wire.send(&format!("CONNECT {{\"verbose\":false,\"user\":\"{user}\",\"pass\":\"{password}\"}}\r\n")).await?;
        match wire.refusal().await {
            Ok(None) => Ok(wire),
            Ok(Some(refusal)) | Err(refusal) => Err(refusal),
        }
    }

    async fn send(&mut self, text: &str) -> Result<(), String> {
        self.reader.get_mut().write_all(text.as_bytes()).await.map_err(|error| error.to_string())
    }

    /// What the server has against what was sent so far: its PONG comes after every complaint.
    async fn refusal(&mut self) -> Result<Option<String>, String> {
        self.send("PING\r\n").await?;
        let mut found = None;
        loop {
            let mut line = String::new();
            let read = timeout(ANSWER_MAX, self.reader.read_line(&mut line)).await.map_err(|_| "no answer".to_owned())?;
            match read {
                Ok(0) => return Err(found.unwrap_or_else(|| "closed".to_owned())),
                Err(error) => return Err(found.unwrap_or_else(|| error.to_string())),
                Ok(_) if line.starts_with("PONG") => return Ok(found),
                Ok(_) if line.starts_with("-ERR") => found = Some(line.trim().to_owned()),
                Ok(_) => {}
            }
        }
    }

    async fn may_publish(&mut self, subject: &str) -> Result<bool, String> {
        self.send(&format!("PUB {subject} 2\r\n{{}}\r\n")).await?;
        Ok(self.refusal().await?.is_none())
    }

    /// `subject`, or `subject group`.
    async fn may_subscribe(&mut self, what: &str) -> Result<bool, String> {
        self.send(&format!("SUB {what} 7\r\nUNSUB 7\r\n")).await?;
        Ok(self.refusal().await?.is_none())
    }
}

fn with<'a>(users: &[&'a str], more: &[&'a str]) -> BTreeSet<&'a str> {
    users.iter().chain(more).copied().collect()
}

/// What the edge answers itself has no subject.
fn over_nats() -> impl Iterator<Item = &'static schemas::Row> {
    schemas::OPERATIONS.iter().filter(|row| row.over_nats())
}

/// Who may ask an operation of `family`, and which user and group answer it. A new family needs a row.
fn family(name: &str) -> (BTreeSet<&'static str>, &'static str, &'static str) {
    match name {
        "account" | "contracts" | "fundamentals" | "history" | "news" | "session" => (with(&PEOPLE, &["edge"]), "worker", "ib-worker"),
        "options" => (with(&PEOPLE, &["edge"]), "options", "options"),
        "gateway" => (with(&["admin"], &["edge"]), "gateway-ctl", "gateway-ctl"),
        other => panic!("the family {other} has no row here: who may ask it?"),
    }
}

/// Subjects, and exactly those who may publish them.
fn publishers() -> Vec<(String, BTreeSet<&'static str>)> {
    let rows: &[(&str, &[&str])] = &[
        ("ib.v1.paper.rpc.quotes.get", &["edge", "reader", "trader", "approver", "admin"]),
        ("ib.v1.paper.rpc.gateway.logout", &["edge", "admin"]),
        ("ib.v1.paper.rpc.orders.place", &["edge", "trader"]),
        ("ib.v1.paper.rpc.orders.cancel", &["edge", "trader"]),
        ("ib.v1.paper.rpc.orders.approve", &["edge", "approver"]),
        ("ib.v1.paper.rpc.orders.reject", &["edge", "approver"]),
        ("ib.v1.paper.rpc.orders.approve.x", &[]),
        ("ib.v1.paper.cancel.0193", &["edge", "admin"]),
        ("ib.v1.paper.ctl.ib-worker.0193.rpc.account.summary", &["edge", "admin"]),
        ("ib.v1.paper.ctl.ib-worker.0193.restart", &["edge", "admin", "gateway-ctl"]),
        ("ib.v1.paper.ctl.options.0193.lend", &["edge", "admin", "worker", "options", "gateway-ctl"]),
        ("ib.v1.paper.health.ib-worker.0193", &["worker"]),
        ("ib.v1.paper.health.options.0193", &["options"]),
        ("ib.v1.paper.health.gateway-ctl.0193", &["gateway-ctl"]),
        ("ib.v1.paper.health.edge.0193", &["edge"]),
        ("ib.v1.paper.evt.gateway.connected", &["gateway-ctl"]),
        ("ib.v1.paper.evt.order.1", &[]),
        ("ib.v1.paper.audit.orders.placed.2026-11", &[]),
        ("ib.v1.paper.audit.edge.gateway-logout.2026-11", &["edge"]),
        ("ib.v1.paper.md.265598.tick", &[]),
        ("ib.v1.paper.mdctl.acquire", &PEOPLE),
        ("$SRV.PING", &PEOPLE),
        ("$KV.ib-pacing.paper", &["worker"]),
        ("$KV.ib-answers.paper", &["worker"]),
        ("$KV.gateway-ctl.paper", &["gateway-ctl"]),
        ("$JS.API.STREAM.DELETE.KV_ib-pacing", &[]),
        ("$JS.API.STREAM.PURGE.KV_gateway-ctl", &[]),
        ("$JS.API.STREAM.CREATE.KV_ib-pacing", &["worker", "gateway-ctl", "edge"]),
        ("$JS.API.STREAM.CREATE.ib-audit-paper-2026-11", &["gateway-ctl", "edge"]),
        ("$JS.API.STREAM.UPDATE.ib-audit-paper-2026-11", &[]),
        ("$JS.API.STREAM.PURGE.ib-audit-paper-2026-11", &[]),
        ("$JS.API.STREAM.DELETE.ib-audit-paper-2026-11", &[]),
        ("$JS.API.STREAM.MSG.DELETE.ib-audit-paper-2026-11", &[]),
        ("$JS.API.STREAM.INFO.ib-audit-paper-2026-11", &["gateway-ctl", "edge", "admin"]),
        ("$JS.API.STREAM.MSG.GET.ib-audit-paper-2026-11", &["admin"]),
        // A consumer could be told to deliver to any subject at all.
        ("$JS.API.CONSUMER.CREATE.ib-audit-paper-2026-11", &[]),
        ("$JS.API.CONSUMER.CREATE.ib-evt-paper", &[]),
        ("$SYS.REQ.SERVER.PING", &[]),
        ("anything", &[]),
        // Answers are given by services alone, so that nobody forges one.
        ("_INBOX.reader.1", &["worker", "options", "gateway-ctl"]),
        ("_INBOX_trader.1", &["worker", "options", "gateway-ctl"]),
        ("_INBOX_edge.1", &["edge", "worker", "options", "gateway-ctl"]),
    ];
    let operations = over_nats().map(|row| (gateway().rpc(row.family, row.op), family(row.family).0));
    rows.iter().map(|(subject, users)| ((*subject).to_owned(), users.iter().copied().collect())).chain(operations).collect()
}

/// Subscriptions, and exactly those who may make them.
fn subscribers() -> Vec<(String, BTreeSet<&'static str>)> {
    let rows: &[(&str, &[&str])] = &[
        ("ib.v1.*.rpc.>", &[]),
        ("ib.v1.paper.rpc.account.summary", &[]),
        ("ib.v1.paper.rpc.orders.approve", &[]),
        (">", &[]),
        ("_INBOX.>", &["reader"]),
        ("_INBOX_edge.>", &["edge"]),
        ("_INBOX_worker.>", &["worker"]),
        ("_INBOX_options.>", &["options"]),
        ("_INBOX_gateway-ctl.>", &["gateway-ctl"]),
        ("_INBOX_trader.>", &["trader"]),
        ("_INBOX_approver.>", &["approver"]),
        ("_INBOX_admin.>", &["admin"]),
        ("ib.v1.paper.health.*.*", &USERS),
        ("ib.v1.paper.evt.gateway.>", &["edge", "reader", "trader", "approver", "admin"]),
        ("ib.v1.paper.md.265598.tick", &PEOPLE),
        ("ib.v1.paper.cancel.*", &["worker", "options", "gateway-ctl"]),
        ("ib.v1.paper.ctl.ib-worker.0193.*", &["worker"]),
        ("ib.v1.paper.ctl.options.0193.rpc.*.*", &["options"]),
        ("ib.v1.paper.ctl.gateway-ctl.0193.*", &["gateway-ctl"]),
        ("ib.v1.paper.audit.>", &[]),
        ("$SRV.PING", &["worker", "options", "gateway-ctl"]),
        ("$KV.ib-pacing.>", &[]),
        ("$SYS.>", &[]),
    ];
    let mut found: Vec<(String, BTreeSet<&str>)> =
        rows.iter().map(|(subject, users)| ((*subject).to_owned(), users.iter().copied().collect())).collect();
    for row in over_nats() {
        let (_, user, queue) = family(row.family);
        let subject = gateway().rpc(row.family, row.op);
        found.push((format!("{subject} {queue}"), BTreeSet::from([user])));
        found.push((format!("{subject} another-group"), BTreeSet::new()));
        found.push((subject, BTreeSet::new()));
    }
    found
}

#[tokio::test]
async fn every_subject_as_every_user() -> TestResult {
    let nats = server().await;
    let (publishers, subscribers) = (publishers(), subscribers());
    let mut wrong = Vec::new();
    for user in USERS {
        let mut wire = Wire::login(nats.addr(), user, &format!("{user}-pw")).await?;
        for (subject, allowed) in &publishers {
            if wire.may_publish(subject).await? != allowed.contains(user) {
                wrong.push(format!("{user} publishes {subject}: may {}", !allowed.contains(user)));
            }
        }
        for (what, allowed) in &subscribers {
            if wire.may_subscribe(what).await? != allowed.contains(user) {
                wrong.push(format!("{user} subscribes to {what}: may {}", !allowed.contains(user)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[tokio::test]
async fn nobody_gets_in_without_a_password() {
    let nats = server().await;
    for (user, password) in [("", ""), ("edge", ""), ("edge", "reader-pw"), ("nobody", "edge-pw"), ("anonymous", "")] {
        let refused = Wire::login(nats.addr(), user, password).await.err();
        assert!(refused.as_ref().is_some_and(|text| text.contains("Authorization")), "{user}: {refused:?}");
    }
}

#[tokio::test]
async fn the_edge_may_write_what_was_changed() -> TestResult {
    let nats = server().await;
    let url = format!("nats://edge:edge-pw@{}", nats.addr());
    let bus = bus::Bus::connect(&bus::Settings { url, creds_file: None, name: "edge".to_owned() }).await?;
    let at = "2026-11-21T12:00:00Z".parse()?;
    bus::Audit::new(&bus, &gateway(), "edge").record("gateway-logout", at, "{}".into()).await?;
    Ok(())
}
