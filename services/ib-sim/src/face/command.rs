//! IBC's command server: one command a line, answered with a line that begins `OK` or `ERROR`.
//!
//! Without a prompt it says nothing unasked, as IBC does by default; with one it greets and tells what
//! it does in `INFO` lines. Invariant: loopback unless told otherwise, few connections, short lines, a deadline on each wait.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::codec::{FramedRead, LinesCodec};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::lines;
use super::phase::Action;
use crate::door::accept_failed;
use crate::gateway::Gateway;

const MAX_CONNECTIONS: usize = 8;
const MAX_LINE: usize = 256;
/// A connection without a command for so long is closed.
const IDLE: Duration = Duration::from_secs(600);
const WRITE_DEADLINE: Duration = Duration::from_secs(5);

pub(crate) async fn serve(listener: TcpListener, gateway: Arc<Gateway>, cancel: CancellationToken, tasks: TaskTracker) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut exit = gateway.face.exit();
    loop {
        let accepted = tokio::select! {
            () = cancel.cancelled() => return,
            // The command server ends with the gateway.
            _ = exit.wait_for(Option::is_some) => return,
            accepted = listener.accept() => accepted,
        };
        match (accepted, Arc::clone(&room).try_acquire_owned()) {
            (Ok((stream, peer)), Ok(place)) => {
                gateway.face.say(&gateway, vec![lines::command_from(peer.ip())]);
                let (gateway, cancel) = (Arc::clone(&gateway), cancel.clone());
                tasks.spawn(async move {
                    tokio::select! {
                        () = cancel.cancelled() => {}
                        () = converse(stream, gateway) => {}
                    }
                    drop(place);
                });
            }
            (Ok((_, peer)), Err(_)) => warn!(%peer, "too many command connections at once"),
            (Err(error), _) => accept_failed(&error).await,
        }
    }
}

/// The way back to whoever sends commands.
#[derive(Debug)]
struct Channel {
    writer: OwnedWriteHalf,
    prompt: Option<String>,
}

/// Whether the conversation goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Command,
    Close,
}

impl Channel {
    async fn write(&mut self, text: &str) {
        // A peer that is gone is noticed when it is read.
        let _ = timeout(WRITE_DEADLINE, self.writer.write_all(text.as_bytes())).await;
    }

    async fn line(&mut self, kind: &str, text: &str) {
        self.write(&format!("{kind} {text}\n")).await;
    }

    async fn info(&mut self, text: &str) {
        if self.prompt.is_some() {
            self.line("INFO", text).await;
        }
    }

    async fn prompt(&mut self) {
        if let Some(prompt) = self.prompt.clone() {
            self.write(&prompt).await;
        }
    }
}

async fn converse(stream: TcpStream, gateway: Arc<Gateway>) {
    let (reader, writer) = stream.into_split();
    let mut commands = FramedRead::new(reader, LinesCodec::new_with_max_length(MAX_LINE));
    let mut channel = Channel { writer, prompt: gateway.settings.command_prompt.clone() };
    channel.info("IBC Command Server").await;
    channel.prompt().await;
    while let Ok(Some(Ok(command))) = timeout(IDLE, commands.next()).await {
        let command = command.trim();
        if !command.is_empty() && answer(&gateway, &mut channel, command).await == Next::Close {
            break;
        }
        channel.prompt().await;
    }
    let _ = channel.writer.shutdown().await;
}

async fn answer(gateway: &Gateway, channel: &mut Channel, command: &str) -> Next {
    gateway.face.say(gateway, vec![lines::command(command)]);
    match command.to_ascii_uppercase().as_str() {
        "EXIT" => {
            channel.line("OK", "Goodbye").await;
            return Next::Close;
        }
        "STOP" => {
            channel.info("Closing IBC").await;
            channel.line("OK", "Shutting down: STOP command").await;
            // A gateway that has ended already needs no second end.
            let _ = gateway.face.act(gateway, Action::Stop);
            return Next::Close;
        }
        "RESTART" => return restart(gateway, channel, false).await,
        "PAUSE" => return restart(gateway, channel, true).await,
        "ENABLEAPI" => channel.line("ERROR", "ENABLEAPI is not valid for the IB Gateway").await,
        // Both are key presses to IBC: it says OK whatever the gateway makes of them.
        "RECONNECTDATA" => {
            let _ = gateway.face.act(gateway, Action::ReconnectData);
            channel.line("OK", "").await;
        }
        "RECONNECTACCOUNT" => {
            let _ = gateway.face.act(gateway, Action::ReconnectAccount);
            channel.line("OK", "").await;
        }
        _ => {
            gateway.face.say(gateway, lines::invalid_command(command));
            channel.line("ERROR", "Command invalid").await;
        }
    }
    Next::Command
}

async fn restart(gateway: &Gateway, channel: &mut Channel, pause: bool) -> Next {
    let (verb, info) = if pause { ("PAUSE", "Pausing TWS") } else { ("RESTART", "Restarting TWS") };
    match gateway.face.plan_restart(gateway, pause) {
        Err(reason) => channel.line("ERROR", &format!("{verb} {reason}")).await,
        Ok(at) => {
            channel.info(info).await;
            channel.line("OK", &format!("{verb} in progress")).await;
            channel.line("OK", &format!("{verb} at {}", lines::clock(at))).await;
        }
    }
    Next::Close
}
