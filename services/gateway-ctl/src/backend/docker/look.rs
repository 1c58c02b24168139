//! What a diagnosis asks of Docker: the container's settings, its processes, and in a deep one its sockets.
//!
//! Invariants: what is refused is left out and never an error; commands are run only where the settings allow them, and
//! each of them only reads, but for the one that ends the port forwarder.

use std::time::Duration;

use bollard::{
    errors::Error as BollardError,
    exec::{CreateExecOptions, StartExecResults},
};
use futures::StreamExt as _;
use tokio::time::{Instant, timeout_at};

use super::{Docker, read::inspected_of};
use crate::{
    backend::Looked,
    diagnose::{Forwarder, Sockets, forwarder_of, sockets_of},
};

/// What is read of a command's output.
const OUTPUT_BYTES_MAX: usize = 256 * 1_024;
/// The column of `top` with the command line.
const COMMAND_COLUMN: &str = "CMD";

struct Ran {
    output: String,
    code: Option<i64>,
}

impl Docker {
    pub(in crate::backend) async fn look(&self, deep: bool, own_port: u16, within: Duration) -> Looked {
        let until = Instant::now() + within;
        let left = || until.saturating_duration_since(Instant::now());
        let engine_version = self.call(left(), async |client| client.version().await).await.ok().and_then(|version| version.version);
        let name = self.container().to_owned();
        let inspected = self.call(left(), async move |client| client.inspect_container(&name, None).await).await.ok();
        let forwarder = self.forwarder(left()).await;
        let sockets = if deep && self.settings.exec { self.sockets(own_port, until).await } else { None };
        Looked { engine_version, inspected: inspected.as_ref().map(inspected_of), forwarder, sockets }
    }

    async fn forwarder(&self, within: Duration) -> Option<Forwarder> {
        let name = self.container().to_owned();
        let top = self.call(within, async move |client| client.top_processes(&name, None).await).await.ok()?;
        let column = top.titles?.iter().position(|title| title == COMMAND_COLUMN)?;
        let processes = top.processes.unwrap_or_default();
        forwarder_of(processes.iter().filter_map(|process| process.get(column)).map(String::as_str))
    }

    async fn sockets(&self, own_port: u16, until: Instant) -> Option<Sockets> {
        let tcp = self.run(&["cat", "/proc/net/tcp"], until).await.ok()?;
        // Without IPv6 in the kernel there is no such file.
        let tcp6 = self.run(&["cat", "/proc/net/tcp6"], until).await.ok()?;
        (tcp.code == Some(0)).then(|| sockets_of(&tcp.output, &tcp6.output, own_port))
    }

    pub(in crate::backend) async fn kick_forwarder(&self, within: Duration) -> Result<(), String> {
        if !self.settings.exec {
            return Err("commands may not be run inside the container".to_owned());
        }
        let ran = self.run(&["pkill", "-x", "socat"], Instant::now() + within).await?;
        match ran.code {
            Some(0) => Ok(()),
            code => Err(format!("the port forwarder was not found: pkill ended with {code:?}")),
        }
    }

    async fn run(&self, command: &[&str], until: Instant) -> Result<Ran, String> {
        let cmd: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        let options = CreateExecOptions { attach_stdout: Some(true), cmd: Some(cmd), ..CreateExecOptions::default() };
        let name = self.container().to_owned();
        let ran = self.call(until.saturating_duration_since(Instant::now()), async move |client| {
            let id = client.create_exec(&name, options).await?.id;
            let mut bytes = Vec::new();
            if let StartExecResults::Attached { mut output, .. } = client.start_exec(&id, None).await? {
                while bytes.len() < OUTPUT_BYTES_MAX
                    && let Ok(Some(chunk)) = timeout_at(until, output.next()).await
                {
                    bytes.extend_from_slice(&chunk?.into_bytes());
                }
            }
            let code = client.inspect_exec(&id).await?.exit_code;
            Ok::<_, BollardError>(Ran { output: String::from_utf8_lossy(&bytes).into_owned(), code })
        });
        ran.await.map_err(|trouble| trouble.to_string())
    }
}
