//! What a server is started with, and nats-server's configuration file made of it.

use std::{
    ffi::OsString,
    fmt,
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{Error, START_DEADLINE};

/// The size at which nats-server begins a new log file, and how many it keeps.
const LOG_SIZE_LIMIT: u64 = 4 << 20;
const LOG_FILES: u32 = 3;

/// Who is the parent of nats-server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Launcher {
    /// This process. When it is killed by SIGKILL, nats-server stays behind.
    #[default]
    Direct,
    /// A guard (see [`crate::run_guard`]): `program args... nats-server -c FILE`. It ends nats-server when this
    /// process is gone, however that went.
    Guard { program: PathBuf, args: Vec<OsString> },
}

/// How to start a server. The defaults suit a test: a free port on loopback, and a store that ends with the handle.
#[derive(Clone)]
pub struct StartOptions {
    pub host: IpAddr,
    /// 0: a free one, which a restart keeps.
    pub port: u16,
    /// Where streams, the configuration and the log are kept; without one, in a temporary folder of the handle.
    pub store_dir: Option<PathBuf>,
    pub jetstream: bool,
    /// In bytes; without one nats-server's own limit (1 MiB) holds.
    pub max_payload: Option<u32>,
    pub server_name: Option<String>,
    /// How often the server asks a silent client for a sign of life; it gives one up after two missed answers.
    pub ping_interval: Duration,
    /// Put at the end of the configuration, in nats-server's own syntax: users, permissions, TLS, monitoring. A key
    /// that is set above it is overridden by it. TLS with `handshake_first` is not to be had: no INFO is seen then.
    pub extra_config: String,
    pub launcher: Launcher,
    /// How long the server may take until it serves INFO. A store with many messages is read before that.
    pub start_deadline: Duration,
}

impl Default for StartOptions {
    fn default() -> Self {
        Self {
            host: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            store_dir: None,
            jetstream: true,
            max_payload: None,
            server_name: None,
            ping_interval: Duration::from_secs(10),
            extra_config: String::new(),
            launcher: Launcher::Direct,
            start_deadline: START_DEADLINE,
        }
    }
}

impl fmt::Debug for StartOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartOptions")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("store_dir", &self.store_dir)
            .field("jetstream", &self.jetstream)
            .field("max_payload", &self.max_payload)
            .field("server_name", &self.server_name)
            .field("ping_interval", &self.ping_interval)
            // Passwords live there.
            .field("extra_config", &format_args!("<{} bytes>", self.extra_config.len()))
            .field("launcher", &self.launcher)
            .field("start_deadline", &self.start_deadline)
            .finish()
    }
}

/// The files that the configuration names.
pub(crate) struct Paths<'a> {
    pub(crate) store: &'a Path,
    pub(crate) ports: &'a Path,
    pub(crate) log: &'a Path,
}

/// The configuration file. `port` is apart from the options, since a restart keeps the port that was free.
pub(crate) fn render(options: &StartOptions, port: u16, paths: &Paths<'_>) -> Result<String, Error> {
    let port = if port == 0 { "-1".to_owned() } else { port.to_string() };
    let mut lines = vec![
        format!("host: {}", quote("the host", &options.host.to_string())?),
        format!("port: {port}"),
        format!("ping_interval: \"{}ms\"", options.ping_interval.as_millis()),
        "ping_max: 2".to_owned(),
        format!("ports_file_dir: {}", quote_path("the store's path", paths.ports)?),
        format!("log_file: {}", quote_path("the store's path", paths.log)?),
        format!("log_size_limit: {LOG_SIZE_LIMIT}"),
        format!("log_max_num: {LOG_FILES}"),
    ];
    if let Some(name) = &options.server_name {
        lines.push(format!("server_name: {}", quote("the server's name", name)?));
    }
    if let Some(bytes) = options.max_payload {
        lines.push(format!("max_payload: {bytes}"));
    }
    if options.jetstream {
        lines.push(format!("jetstream {{ store_dir: {} }}", quote_path("the store's path", paths.store)?));
    }
    lines.push(options.extra_config.clone());
    Ok(lines.join("\n") + "\n")
}

fn quote_path(what: &'static str, path: &Path) -> Result<String, Error> {
    let text = path.to_str().ok_or_else(|| Error::Option { what, reason: "it is not UTF-8".to_owned() })?;
    quote(what, text)
}

/// A string in nats-server's syntax. Quoted ones know `\\` and `\"`, and no variables are put into them.
fn quote(what: &'static str, text: &str) -> Result<String, Error> {
    if text.chars().any(char::is_control) {
        return Err(Error::Option { what, reason: "it has control characters".to_owned() });
    }
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths() -> Paths<'static> {
        Paths { store: Path::new("/s"), ports: Path::new("/s/ports"), log: Path::new("/s/log") }
    }

    #[test]
    fn extra_text_comes_last_so_that_it_overrides() -> Result<(), Error> {
        let options = StartOptions { extra_config: "max_payload: 2MB".to_owned(), ..StartOptions::default() };
        let text = render(&options, 0, &paths())?;
        assert!(text.contains("port: -1\n") && text.contains("host: \"127.0.0.1\"\n"), "{text}");
        assert!(text.ends_with("jetstream { store_dir: \"/s\" }\nmax_payload: 2MB\n"), "{text}");
        Ok(())
    }

    #[test]
    fn strings_cannot_break_out_of_their_quotes() -> Result<(), Error> {
        let name = |name: &str| StartOptions { server_name: Some(name.to_owned()), ..StartOptions::default() };
        let text = render(&name(r#"a" \ $HOME"#), 4222, &paths())?;
        assert!(text.contains(r#"server_name: "a\" \\ $HOME""#), "{text}");
        assert!(matches!(render(&name("a\nport: 1"), 4222, &paths()), Err(Error::Option { .. })));
        Ok(())
    }

    #[test]
    fn debug_output_keeps_secrets() {
        let options = StartOptions { extra_config: "password: hunter2".to_owned(), ..StartOptions::default() };
        assert!(!format!("{options:?}").contains("hunter2"));
    }
}
