//! From parsed settings to an exit code: the one shape of every service.
//!
//! Order: logs, warnings, admin port, body; on SIGTERM, Ctrl-C or the parent's end the body is told to drain and has
//! [`DRAIN_MAX`] to do so.

use std::{
    future::Future,
    io::{Read, Write},
    process::ExitCode,
    time::Duration,
};

use jiff::Timestamp;
use schemas::RequestId;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{Admin, Settings, clock, telemetry};

/// Finishing what was begun may take this long; compose grants 40 s before it kills.
pub const DRAIN_MAX: Duration = Duration::from_secs(25);

/// What a running service is given.
#[derive(Debug, Clone)]
pub struct Process {
    pub settings: Settings,
    /// Cancelled when it is time to drain.
    pub shutdown: CancellationToken,
    pub admin: Admin,
    /// Names this process start in heartbeats.
    pub id: String,
    pub started_at: Timestamp,
}

impl Process {
    /// A process around `settings` that somebody else shuts down: for tests and for [`run`].
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            shutdown: CancellationToken::new(),
            admin: Admin::default(),
            id: RequestId::mint().to_string(),
            started_at: clock::now(),
        }
    }

    /// Tells the parent process, on stdout as one line of JSON, that this service runs and where.
    pub fn announce(&self, addresses: &Value) {
        announce(self.settings.service(), addresses);
    }
}

/// Writes the announcement line of `service`: `{"event":"listening","service":...,"addresses":{...}}`.
pub fn announce(service: &str, addresses: &Value) {
    let line = json!({ "event": "listening", "service": service, "addresses": addresses });
    // A parent that no longer reads is no reason to stop serving.
    if writeln!(std::io::stdout(), "{line}").is_err() {
        tracing::debug!("nobody reads the announcement");
    }
}

/// How a service ends besides being told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunOptions {
    /// End when stdin ends: a parent that holds the other end takes its children with it, however it dies.
    pub exit_with_parent: bool,
}

/// Runs `body` until it ends or is told to; what it does after `shutdown` is its drain.
pub async fn run<F, Fut, E>(settings: Settings, options: RunOptions, body: F) -> ExitCode
where
    F: FnOnce(Process) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    E: std::error::Error,
{
    telemetry::init(&settings);
    for warning in settings.warnings() {
        tracing::warn!("{warning}");
    }
    let process = Process::new(settings);
    let (service, id) = (process.settings.service(), process.id.clone());
    let admin_bind = process.settings.address("ADMIN_BIND");
    let admin_end = CancellationToken::new();
    match process.admin.serve(admin_bind, admin_end.clone()).await {
        Ok(address) => tracing::info!(service, id, %address, "admin port"),
        Err(error) => {
            tracing::error!(service, address = %admin_bind, %error, "cannot bind ADMIN_BIND");
            return ExitCode::FAILURE;
        }
    }
    let shutdown = process.shutdown.clone();
    let admin = process.admin.clone();
    tokio::spawn(async move {
        let why = end_requested(options).await;
        tracing::info!(service, why, "draining");
        shutdown.cancel();
        admin.set_ready(false);
    });
    let shutdown = process.shutdown.clone();
    let drain_over = async {
        shutdown.cancelled().await;
        #[expect(clippy::disallowed_methods, reason = "the drain budget is time itself")]
        tokio::time::sleep(DRAIN_MAX).await;
    };
    let code = tokio::select! {
        ended = body(process) => match ended {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                tracing::error!(service, error = %chain(&error), "stopped");
                ExitCode::FAILURE
            }
        },
        () = drain_over => {
            tracing::error!(service, budget_s = DRAIN_MAX.as_secs(), "the drain took too long");
            ExitCode::FAILURE
        }
    };
    admin_end.cancel();
    code
}

/// An error and its causes in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

/// Waits for SIGTERM, Ctrl-C or the parent's end.
pub async fn end_requested(options: RunOptions) -> &'static str {
    let parent_ended = async {
        if !options.exit_with_parent {
            return std::future::pending().await;
        }
        // A plain thread: tokio's stdin would keep the runtime from ending while its read blocks.
        let (ended, wait) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            let mut buffer = [0_u8; 64];
            while matches!(std::io::stdin().read(&mut buffer), Ok(1..)) {}
            drop(ended);
        });
        drop(wait.await);
    };
    tokio::select! {
        () = terminated() => "SIGTERM",
        _ = tokio::signal::ctrl_c() => "interrupt",
        () = parent_ended => "the parent ended",
    }
}

#[cfg(unix)]
async fn terminated() {
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(error) => {
            tracing::warn!(%error, "SIGTERM cannot be watched");
            std::future::pending().await
        }
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}
