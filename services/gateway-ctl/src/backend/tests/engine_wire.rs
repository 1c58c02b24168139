//! What the engine answers: paths with a version or without, JSON, the framed log, events, upgraded connections.

use std::{io, sync::Arc};

use axum::{
    body::Body,
    extract::{Request, State},
    response::Response,
};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use super::engine::{Held, NAME, Shared};

fn reply(status: u16, body: &Value) -> Response {
    let body = if status == 304 || status == 204 { Body::empty() } else { Body::from(body.to_string()) };
    Response::builder().status(status).body(body).expect("a response")
}

fn refusal(status: u16) -> Response {
    reply(status, &json!({ "message": format!("refused by the test with {status}") }))
}

fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

pub(super) async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (method, path) = (request.method().as_str().to_owned(), request.uri().path().to_owned());
    let query = request.uri().query().unwrap_or_default().to_owned();
    let (mute, api) = shared.change(|held| {
        held.asked.push(format!("{method} {path}?{query}"));
        (held.mute, held.api)
    });
    if mute {
        return std::future::pending().await;
    }
    let mut words: Vec<&str> = path.split('/').filter(|word| !word.is_empty()).collect();
    if let Some(asked) = words.first().and_then(|word| word.strip_prefix('v')).and_then(version) {
        words.remove(0);
        if Some(asked) > version(api.0) || Some(asked) < version(api.1) {
            return refusal(400);
        }
    }
    let refused = words.last().and_then(|last| shared.held().refused.get(last).copied());
    if let Some(status) = refused {
        return refusal(status);
    }
    match (method.as_str(), words.as_slice()) {
        ("GET", ["version"]) => reply(200, &json!({ "Version": "20.10.24", "ApiVersion": api.0, "MinAPIVersion": api.1 })),
        ("GET", ["events"]) => Response::new(events(shared)),
        ("POST", ["exec", id, "start"]) => exec(&shared, id.parse().expect("an id"), request),
        ("GET", ["exec", id, "json"]) => {
            let held = shared.held();
            let command = &held.ran[id.parse::<usize>().expect("an id")];
            reply(200, &json!({ "ID": id, "ExitCode": held.outputs.get(command.as_str()).map_or(127, |(_, code)| *code) }))
        }
        (_, ["containers", name, ..]) if *name != NAME || shared.held().status.is_empty() => {
            reply(404, &json!({ "message": format!("No such container: {name}") }))
        }
        ("GET", ["containers", _, "json"]) => reply(200, &inspection(&shared.held())),
        ("GET", ["containers", _, "logs"]) => Response::new(log(shared, &query)),
        ("GET", ["containers", _, "top"]) => {
            let socat = ["1000", "77", "1", "socat TCP-LISTEN:4004,fork TCP:127.0.0.1:4002"];
            reply(200, &json!({ "Titles": ["UID", "PID", "PPID", "CMD"], "Processes": [["1000", "1", "0", "/bin/bash run.sh"], socat] }))
        }
        ("POST", ["containers", _, "start"]) => shared.change(|held| match held.status {
            "running" => refusal(304),
            _ => {
                held.start();
                refusal(204)
            }
        }),
        ("POST", ["containers", _, "stop"]) => shared.change(|held| match held.runs() {
            false => refusal(304),
            true => {
                held.die(143);
                refusal(204)
            }
        }),
        ("POST", ["containers", _, "exec"]) => {
            let body: Value =
                serde_json::from_slice(&axum::body::to_bytes(request.into_body(), 65_536).await.expect("a body")).expect("JSON");
            let words: Vec<&str> = body["Cmd"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let id = shared.change(|held| {
                held.ran.push(words.join(" "));
                held.ran.len() - 1
            });
            reply(201, &json!({ "Id": id.to_string() }))
        }
        _ => refusal(405),
    }
}

fn inspection(held: &Held) -> Value {
    let time = |at: Option<Timestamp>| at.map_or("0001-01-01T00:00:00Z".to_owned(), |at| at.to_string());
    json!({
        "Id": "c0",
        "Name": format!("/{NAME}"),
        "State": {
            "Status": held.status, "Running": held.runs(), "Paused": held.status == "paused", "Restarting": false, "OOMKilled": false,
            "Dead": false, "Pid": 4711, "ExitCode": held.code, "Error": "",
            "StartedAt": time(held.started_at), "FinishedAt": time(held.finished_at),
        },
        "Config": { "Image": "ghcr.io/gnzsnz/ib-gateway:stable", "Env": ["TWS_USERID=u", "TWS_PASSWORD=p", "TWS_SETTINGS_PATH=/home/ibgateway/set"] },
        "HostConfig": { "RestartPolicy": { "Name": "no", "MaximumRetryCount": 0 } },
        "Mounts": [{ "Type": "volume", "Name": "settings", "Destination": "/home/ibgateway/set", "RW": true }],
    })
}

/// Docker's frame around one line with its time stamp.
fn frame(held: &Held, line: usize) -> Vec<u8> {
    let line = &held.lines[line];
    let payload = format!("{:.9} {}\n", line.at, line.text);
    let length = u32::try_from(payload.len()).expect("a short line");
    let mut bytes = vec![if line.stderr { 2 } else { 1 }, 0, 0, 0];
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(payload.as_bytes());
    bytes
}

/// Counts as long as the stream is there.
struct Follower(Arc<Shared>);

impl Follower {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.held().followers += 1;
        Self(Arc::clone(shared))
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.0.held().followers -= 1;
    }
}

/// As Docker does, following ends with the life of the container.
fn log(shared: Arc<Shared>, query: &str) -> Body {
    let is = |pair: &str| query.split('&').any(|given| given == pair);
    assert!(is("timestamps=true") && is("stdout=true") && is("stderr=true"), "{query}");
    let since: i64 = query.split('&').find_map(|pair| pair.strip_prefix("since=")).and_then(|since| since.parse().ok()).expect("since");
    let follow = is("follow=true");
    let (first, cuts, life) = {
        let held = shared.held();
        let first = held.lines.iter().position(|line| line.at.as_second() >= since).unwrap_or(held.lines.len());
        (first, held.cuts, held.started_at)
    };
    let follower = follow.then(|| Follower::new(&shared));
    let changes = shared.changes();
    let frames = stream::unfold((shared, changes, first, false), move |(shared, mut changes, line, broken)| {
        let _ = &follower;
        async move {
            if broken {
                return None;
            }
            loop {
                changes.borrow_and_update();
                let (next, pieces) = {
                    let held = shared.held();
                    if held.cuts != cuts && follow {
                        // Half of the line before, and the end of the connection.
                        let half = line.checked_sub(1).map(|line| frame(&held, line)).unwrap_or_default();
                        let half = Bytes::copy_from_slice(&half[..half.len() / 2]);
                        (Some((line, true)), vec![Ok(half), Err(io::Error::other("cut"))])
                    } else if held.lines.get(line).is_some_and(|line| !follow || held.started_at == life || Some(line.at) < held.started_at)
                    {
                        let bytes = frame(&held, line);
                        (
                            Some((line + 1, false)),
                            bytes.chunks(held.piece.min(bytes.len())).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect(),
                        )
                    } else if follow && held.runs() && held.started_at == life {
                        (None, Vec::new())
                    } else {
                        return None;
                    }
                };
                match next {
                    Some((line, broken)) => return Some((stream::iter(pieces), (shared, changes, line, broken))),
                    None => changes.changed().await.ok()?,
                }
            }
        }
    });
    Body::from_stream(frames.flatten().then(|piece| async move {
        // So that each piece is a chunk of its own.
        tokio::task::yield_now().await;
        piece
    }))
}

fn events(shared: Arc<Shared>) -> Body {
    let (first, changes) = (shared.held().events.len(), shared.changes());
    Body::from_stream(stream::unfold((shared, changes, first), |(shared, mut changes, at)| async move {
        loop {
            changes.borrow_and_update();
            let event = shared.held().events.get(at).cloned();
            match event {
                Some(event) => return Some((Ok::<_, io::Error>(event), (shared, changes, at + 1))),
                None => changes.changed().await.ok()?,
            }
        }
    }))
}

fn exec(shared: &Shared, id: usize, mut request: Request) -> Response {
    let output = {
        let held = shared.held();
        held.outputs.get(held.ran[id].as_str()).map_or("", |(output, _)| *output)
    };
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let mut connection = TokioIo::new(upgrade.await.expect("an upgrade"));
        let mut bytes = vec![1, 0, 0, 0];
        bytes.extend_from_slice(&u32::try_from(output.len()).expect("short").to_be_bytes());
        bytes.extend_from_slice(output.as_bytes());
        connection.write_all(&bytes).await.expect("written");
        connection.shutdown().await.expect("ended");
    });
    let upgraded = Response::builder().status(101).header("Connection", "Upgrade").header("Upgrade", "tcp");
    upgraded.body(Body::empty()).expect("a response")
}
