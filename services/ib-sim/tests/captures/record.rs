//! The recorder between real sockets.

use std::os::unix::fs::PermissionsExt;

use ib_sim::{RecordError, Recorder, Transcript};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Raw, Tape, recording, sim, soon};

#[tokio::test]
async fn writes_down_both_sides_without_the_account() {
    let sim = sim().await;
    let tape = Tape::before(sim.addr()).await;
    let mut client = Raw::started(tape.recorder.addr(), 7).await;
    client.send(61, &[]).await;
    let passed = client.until(61).await;
    assert!(String::from_utf8_lossy(&passed).contains("DUSIM00001"), "the client gets what the gateway sent");
    client.until(62).await;
    let out = tape.out.clone();
    assert_eq!(std::fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    drop(client);
    let lines = tape.lines().await;
    let of = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).collect::<Vec<_>>();
    assert_eq!(lines[0]["format"], "ibmesh-transcript");
    assert_eq!((&lines[1]["server_version"], &lines[1]["hello"]), (&json!(226), &json!("v213..226")));
    let names: Vec<_> = of("frame").iter().map(|line| line["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names[..3], ["StartApiRequest", "ManagedAccounts", "NextValidId"]);
    assert_eq!(names.last().unwrap(), "PositionEnd");
    let accounts: Vec<_> = lines.iter().filter(|line| line["name"] == "ManagedAccounts").collect();
    assert_eq!(accounts[0]["fields"]["accountsList"], "DU0000001");
    let position = lines.iter().find(|line| line["name"] == "Position").unwrap();
    assert_eq!(position["fields"]["account"], "DU0000001");
    assert!(!format!("{lines:?}").contains("DUSIM00001"));
    sim.shutdown().await;
}

/// Both dialects, mixed on one connection, cut and glued by the socket as it likes.
#[tokio::test]
async fn passes_every_byte_and_reads_every_frame() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tape = Tape::before(listener.local_addr().unwrap()).await;
    drop(soon(listener.accept()).await.unwrap());
    let mut client = TcpStream::connect(tape.recorder.addr()).await.unwrap();
    let (mut gateway, _) = soon(listener.accept()).await.unwrap();
    let sent = [
        &b"API\0\0\0\0\x12v100..201 +PACEAPI"[..],
        b"\0\0\0\x0871\x002\x007\0\0",
        b"\0\0\0\x06\0\0\0\x3d1\0",
        b"\0\0\0\x06\0\0\x01\x0f\x08\x07",
    ]
    .concat();
    for byte in &sent {
        client.write_all(&[*byte]).await.unwrap();
    }
    let mut got = vec![0; sent.len()];
    soon(gateway.read_exact(&mut got)).await.unwrap();
    assert_eq!(got, sent);
    let answer = [&b"\0\0\0\x08201\0now\0"[..], b"\0\0\0\x0e15\x001\0U1234567\0"].concat();
    gateway.write_all(&answer).await.unwrap();
    let mut got = vec![0; answer.len()];
    soon(client.read_exact(&mut got)).await.unwrap();
    assert_eq!(got, answer);
    // The client closes its half; what the gateway says afterwards still arrives.
    client.shutdown().await.unwrap();
    assert_eq!(soon(gateway.read(&mut got)).await.unwrap(), 0);
    gateway.write_all(b"\0\0\0\x049\x001\0").await.unwrap();
    drop(gateway);
    let mut rest = Vec::new();
    soon(client.read_to_end(&mut rest)).await.unwrap();
    assert_eq!(rest, b"\0\0\0\x049\x001\0");
    let lines = tape.lines().await;
    assert_eq!(lines[1]["hello"], "v100..201 +PACEAPI");
    let forms: Vec<_> = lines.iter().filter(|line| line["kind"] == "frame").map(|line| (&line["dialect"], &line["name"])).collect();
    let expected = [
        ("text", "StartApiRequest"),
        ("numbered_text", "PositionsRequest"),
        ("protobuf", "StartApiRequest"),
        ("text", "ManagedAccounts"),
        ("text", "NextValidId"),
    ]
    .map(|(dialect, name)| (json!(dialect), json!(name)));
    assert_eq!(forms, expected.iter().map(|(a, b)| (a, b)).collect::<Vec<_>>());
    assert_eq!(lines.last().unwrap()["by"], "client");
}

/// What is no frame is said once; the bytes pass all the same.
#[tokio::test]
async fn a_forged_length_passes_and_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tape = Tape::before(listener.local_addr().unwrap()).await;
    drop(soon(listener.accept()).await.unwrap());
    let mut client = TcpStream::connect(tape.recorder.addr()).await.unwrap();
    let (mut gateway, _) = soon(listener.accept()).await.unwrap();
    client.write_all(b"API\0\0\0\0\x09v213..226").await.unwrap();
    gateway.write_all(b"\0\0\0\x08226\0now\0\xff\xff\xff\xffgarbage").await.unwrap();
    let mut got = [0; 23];
    soon(client.read_exact(&mut got)).await.unwrap();
    assert!(got.ends_with(b"garbage"));
    drop((client, gateway));
    let lines = tape.lines().await;
    let unreadable: Vec<_> = lines.iter().filter(|line| line["kind"] == "unreadable").collect();
    assert_eq!(unreadable.len(), 1, "{lines:?}");
    assert!(unreadable[0]["reason"].as_str().unwrap().contains("4294967295"));
}

#[tokio::test]
async fn many_clients_at_once_are_kept_apart() {
    let sim = sim().await;
    let tape = Tape::before(sim.addr()).await;
    let addr = tape.recorder.addr();
    let clients = (1..=16).map(|id| async move {
        let mut client = Raw::started(addr, id).await;
        for _ in 0..20 {
            client.send(49, &[]).await;
            client.until(49).await;
        }
    });
    futures::future::join_all(clients).await;
    let out = tape.out.clone();
    let recorded = tape.recorder.shutdown().await.unwrap();
    assert_eq!((recorded.connections, recorded.frames), (16, 16 * (1 + 5 + 40)));
    Transcript::open(&out).unwrap();
    sim.shutdown().await;
}

#[tokio::test]
async fn says_what_stands_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.jsonl");
    let sim = sim().await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let absent = Recorder::start(recording(closed, &out)).await.unwrap_err();
    assert!(matches!(absent, RecordError::Gateway { .. }), "{absent:?}");
    let mut busy = recording(sim.addr(), &out);
    busy.listen = sim.addr();
    let busy = Recorder::start(busy).await.unwrap_err();
    assert!(matches!(busy, RecordError::Listen { .. }), "{busy:?}");
    std::fs::write(&out, "mine").unwrap();
    let exists = Recorder::start(recording(sim.addr(), &out)).await.unwrap_err();
    assert!(matches!(exists, RecordError::File { .. }), "{exists:?}");
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "mine");
    sim.shutdown().await;
}
