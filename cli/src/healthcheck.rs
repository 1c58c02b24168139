//! `ibmesh healthcheck`: whether the service in this container lives, for container engines.
//!
//! Invariant: it asks `/live` and nothing else: a gateway or a NATS that is away must not get a healthy process restarted.

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs as _},
    process::ExitCode,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{http::reachable, out};

/// Exit 0 when the service at ADMIN_BIND lives, else 1: for container health checks.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Where the service's admin port is [ADMIN_BIND].
    #[arg(long, value_name = "HOST:PORT")]
    admin_bind: Option<String>,
}

/// An engine waits longer than this.
const ANSWER_MAX: Duration = Duration::from_secs(3);
/// A status line is shorter.
const HEAD_BYTES_MAX: u64 = 256;

pub(crate) async fn run(options: Options) -> ExitCode {
    let said = options.admin_bind.or_else(|| std::env::var("ADMIN_BIND").ok()).unwrap_or_default();
    let lives = match address(&said) {
        Ok(address) => timeout(ANSWER_MAX, live(address))
            .await
            .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", ANSWER_MAX.as_secs()))))
            .map_err(|error| format!("{address}: {error}")),
        Err(problem) => Err(problem),
    };
    match lives {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            out::problem(format_args!("ibmesh healthcheck: {problem}"));
            ExitCode::FAILURE
        }
    }
}

/// A service on all addresses is asked on loopback.
fn address(said: &str) -> Result<SocketAddr, String> {
    let problem = || format!("ADMIN_BIND must be HOST:PORT with a port of its own, such as 127.0.0.1:9000; got `{said}`");
    let address = said.to_socket_addrs().ok().and_then(|mut found| found.next()).filter(|found| found.port() > 0).ok_or_else(problem)?;
    Ok(reachable(address))
}

async fn live(address: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("GET /live HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes()).await?;
    let mut head = Vec::new();
    stream.take(HEAD_BYTES_MAX).read_to_end(&mut head).await?;
    let head = String::from_utf8_lossy(&head);
    match head.split_ascii_whitespace().nth(1) {
        Some("200") => Ok(()),
        _ => Err(io::Error::other(format!("/live was answered `{}`", head.lines().next().unwrap_or_default()))),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn a_service_on_all_addresses_is_asked_on_loopback() {
        for (said, asked) in [("0.0.0.0:9000", "127.0.0.1:9000"), ("[::]:9000", "[::1]:9000"), ("127.0.0.2:1", "127.0.0.2:1")] {
            assert_eq!(address(said).map(|address| address.to_string()).as_deref(), Ok(asked));
        }
        for bad in ["", "127.0.0.1:0", "9000", "127.0.0.1"] {
            assert!(address(bad).is_err_and(|problem| problem.contains("ADMIN_BIND")), "{bad}");
        }
    }

    async fn asked(answer: &'static str) -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1_024];
            let read = stream.read(&mut request).await.unwrap();
            assert!(request[..read].starts_with(b"GET /live "));
            stream.write_all(answer.as_bytes()).await.unwrap();
        };
        tokio::join!(served, live(address)).1
    }

    #[tokio::test]
    async fn only_200_is_life() {
        assert!(asked("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nlive\n").await.is_ok());
        let said = asked("HTTP/1.1 503 Service Unavailable\r\n\r\n").await.unwrap_err().to_string();
        assert!(said.contains("503"), "{said}");
        assert!(asked("").await.is_err());
    }
}
