//! A simulator, a recorder before it, and frames by hand.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ib_sim::{RecordSettings, Recorder, Settings, Sim};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Every wait in these tests ends here; nothing sleeps.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A Friday morning in New York.
pub(crate) const FRIDAY: &str = "2026-11-20T10:15:30-05:00";

pub(crate) async fn sim() -> Sim {
    start(Settings { clock: FRIDAY.parse().unwrap(), ..settings() }).await
}

pub(crate) fn settings() -> Settings {
    Settings { bind: ([127, 0, 0, 1], 0).into(), pacing: false, ..Settings::default() }
}

pub(crate) async fn start(settings: Settings) -> Sim {
    Sim::start(settings).await.unwrap()
}

/// A recorder on a free port in a folder of its own.
pub(crate) struct Tape {
    pub(crate) recorder: Recorder,
    pub(crate) out: PathBuf,
    folder: tempfile::TempDir,
}

impl Tape {
    pub(crate) async fn before(gateway: std::net::SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("transcript.jsonl");
        let recorder = Recorder::start(recording(gateway, &out)).await.unwrap();
        Self { recorder, out, folder }
    }

    /// Ends the recording; the file, and the folder that holds it.
    pub(crate) async fn finish(self) -> (PathBuf, tempfile::TempDir) {
        self.recorder.shutdown().await.unwrap();
        (self.out, self.folder)
    }

    /// Ends the recording; its lines, parsed.
    pub(crate) async fn lines(self) -> Vec<Value> {
        self.recorder.shutdown().await.unwrap();
        let text = std::fs::read_to_string(&self.out).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

pub(crate) fn recording(gateway: impl std::fmt::Display, out: &Path) -> RecordSettings {
    RecordSettings { listen: ([127, 0, 0, 1], 0).into(), gateway: gateway.to_string(), out: out.to_owned() }
}

pub(crate) async fn soon<F: std::future::IntoFuture>(future: F) -> F::Output {
    tokio::time::timeout(DEADLINE, future).await.expect("answered in time")
}

/// Frames by hand.
pub(crate) struct Raw(pub(crate) TcpStream);

impl Raw {
    /// Says hello and starts the API.
    pub(crate) async fn started(addr: std::net::SocketAddr, client_id: u8) -> Self {
        let mut raw = Self(TcpStream::connect(addr).await.unwrap());
        raw.0.write_all(b"API\0\0\0\0\x09v213..226").await.unwrap();
        assert!(raw.body().await.unwrap().starts_with(b"226\0"));
        raw.send(71, &[8, client_id]).await;
        raw
    }

    pub(crate) async fn send(&mut self, message: u32, payload: &[u8]) {
        let mut frame = u32::try_from(payload.len() + 4).unwrap().to_be_bytes().to_vec();
        frame.extend((message + 200).to_be_bytes());
        frame.extend(payload);
        self.0.write_all(&frame).await.unwrap();
    }

    /// The next frame's body; `None` once the other side closed.
    pub(crate) async fn body(&mut self) -> Option<Vec<u8>> {
        soon(async {
            let length = self.0.read_u32().await.ok()?;
            let mut body = vec![0; usize::try_from(length).unwrap()];
            self.0.read_exact(&mut body).await.ok()?;
            Some(body)
        })
        .await
    }

    /// Reads on until the message with this number, and returns its payload.
    pub(crate) async fn until(&mut self, message: u32) -> Vec<u8> {
        loop {
            let body = self.body().await.expect("a frame");
            if body[..4] == (message + 200).to_be_bytes() {
                return body[4..].to_vec();
            }
        }
    }
}
