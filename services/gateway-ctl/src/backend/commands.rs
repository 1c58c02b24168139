//! IBC's command server: one command a connection, answered with a line that begins `OK` or `ERROR`.
//!
//! The only way to close the gateway so that it keeps its settings, to restart it without a second factor, and to log its
//! account in anew. Where a prompt is set, the answer stands behind it, and lines that begin `INFO` come before.
//!
//! Invariant: a command is sent once and never again; each step has a deadline, and what is read is bounded.

use std::time::Duration;

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    time::timeout,
};

/// Names are resolved and addresses tried in it.
const CONNECT_MAX: Duration = Duration::from_secs(3);
const WRITE_MAX: Duration = Duration::from_secs(2);
/// IBC looks for a menu or a dialog before it answers.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// All that is read of one conversation.
const READ_BYTES_MAX: u64 = 4 * 1_024;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CommandError {
    #[error("the command server at {addr} cannot be reached: {reason}")]
    Unreachable { addr: String, reason: String },
    #[error("the command server took {command} and said nothing for {} s", ANSWER_MAX.as_secs())]
    Silent { command: &'static str },
    #[error("the command server closed the connection without an answer to {command}")]
    Closed { command: &'static str },
    #[error("the command server refused {command}: {answer}")]
    Refused { command: &'static str, answer: String },
}

/// Where IBC takes commands: `host:port`, resolved anew for each.
#[derive(Debug, Clone)]
pub struct CommandServer {
    addr: String,
}

impl CommandServer {
    pub fn new(addr: impl Into<String>) -> Self {
        Self { addr: addr.into() }
    }

    pub fn addr(&self) -> &str {
        &self.addr
    }

    /// Closes the gateway, which keeps its settings; one that is not logged in ends at once, maybe before it answers.
    pub async fn stop(&self) -> Result<(), String> {
        match self.send("STOP").await {
            // It took the command; whether the gateway ends is seen at the container.
            Ok(()) | Err(CommandError::Closed { .. }) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// A restart at the next full minute that keeps the authentication.
    pub async fn restart(&self) -> Result<(), String> {
        self.send("RESTART").await.map_err(|error| error.to_string())
    }

    /// Logs the account in anew; the process and its API connections stay.
    pub async fn reconnect_account(&self) -> Result<(), String> {
        self.send("RECONNECTACCOUNT").await.map_err(|error| error.to_string())
    }

    /// Whether anybody listens there.
    pub async fn is_reachable(&self) -> bool {
        self.connect().await.is_ok()
    }

    async fn connect(&self) -> Result<TcpStream, CommandError> {
        let unreachable = |reason: String| CommandError::Unreachable { addr: self.addr.clone(), reason };
        match timeout(CONNECT_MAX, TcpStream::connect(&self.addr)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(unreachable(error.to_string())),
            Err(_) => Err(unreachable(format!("no connection within {} s", CONNECT_MAX.as_secs()))),
        }
    }

    async fn send(&self, command: &'static str) -> Result<(), CommandError> {
        let (reader, mut writer) = self.connect().await?.into_split();
        match timeout(WRITE_MAX, writer.write_all(format!("{command}\n").as_bytes())).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(CommandError::Closed { command }),
            Err(_) => return Err(CommandError::Silent { command }),
        }
        let mut reader = BufReader::new(reader.take(READ_BYTES_MAX));
        let answer = async {
            let mut line = Vec::new();
            // An error while reading is an end like any other.
            while reader.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
                match verdict(&String::from_utf8_lossy(&line)) {
                    Some(Verdict::Ok) => return Ok(()),
                    Some(Verdict::Error(answer)) => return Err(CommandError::Refused { command, answer }),
                    None => line.clear(),
                }
            }
            Err(CommandError::Closed { command })
        };
        timeout(ANSWER_MAX, answer).await.unwrap_or(Err(CommandError::Silent { command }))
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Ok,
    Error(String),
}

/// The first of IBC's three words decides, so that a prompt before it does no harm.
fn verdict(line: &str) -> Option<Verdict> {
    let at = |word: &str| line.find(word).unwrap_or(usize::MAX);
    let (ok, error, info) = (at("OK"), at("ERROR"), at("INFO"));
    match ok.min(error).min(info) {
        usize::MAX => None,
        first if first == info => None,
        first if first == ok => Some(Verdict::Ok),
        _ => Some(Verdict::Error(line.get(error..).unwrap_or(line).trim().to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_found_behind_a_prompt_and_after_infos() {
        assert_eq!(verdict("OK Shutting down: STOP command\r\n"), Some(Verdict::Ok));
        assert_eq!(verdict("OK \n"), Some(Verdict::Ok));
        assert_eq!(verdict("IBC>OK RESTART in progress\n"), Some(Verdict::Ok));
        assert_eq!(verdict("IBC>ERROR Command invalid\n"), Some(Verdict::Error("ERROR Command invalid".to_owned())));
        assert_eq!(verdict("ERROR not OK\n"), Some(Verdict::Error("ERROR not OK".to_owned())));
        assert_eq!(verdict("IBC>INFO Closing IBC, OK\n"), None);
        assert_eq!(verdict("\n"), None);
    }
}
