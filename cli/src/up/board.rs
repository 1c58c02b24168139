//! The board of `ibmesh up` as text. Pure: what is shown is handed in.
//!
//! Invariant: what is said about money (simulated, paper, live) comes from the accounts, never from a port or a name.

use std::{fmt::Write as _, net::SocketAddr, path::Path};

use schemas::GatewayName;
use serde_json::json;

use crate::{explain, health::Health};

/// What runs, and where.
#[derive(Debug)]
pub(crate) struct Board<'a> {
    pub(crate) edge: SocketAddr,
    pub(crate) nats: SocketAddr,
    pub(crate) nats_version: String,
    pub(crate) gateway: &'a GatewayName,
    pub(crate) ib: String,
    /// The last that /health said, if it said anything.
    pub(crate) health: Option<&'a Health>,
    /// From an answer's context.
    pub(crate) mode: Option<String>,
    /// Why there was no answer.
    pub(crate) why: Option<String>,
    /// Of `ibmesh` itself.
    pub(crate) program: &'a Path,
    pub(crate) data_dir: &'a Path,
    pub(crate) notes: &'a [String],
}

impl Board<'_> {
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let edge = format!("http://{}", self.edge);
        let mcp = format!("{edge}/mcp");
        writeln!(out, "\nib-mesh {}   {}\n", schemas::VERSION, self.headline())?;
        for (part, at, state) in self.parts(&edge, &mcp) {
            writeln!(out, "{}", format!("  {part:<9} {at:<33} {state}").trim_end())?;
        }
        for note in self.notes {
            writeln!(out, "  note      {note}")?;
        }
        writeln!(out, "\nTry it")?;
        writeln!(out, "  {}", explain::curl(&edge, "get_account_summary", &json!({})))?;
        writeln!(out, "  {}", self.nats_line())?;
        writeln!(out, "\nClaude Code\n  claude mcp add --transport http ib {mcp}")?;
        writeln!(
            out,
            "\nClaude Desktop, in claude_desktop_config.json (it starts processes; its own remote connectors come from the internet and"
        )?;
        writeln!(out, "reach no loopback address)")?;
        writeln!(out, "  {}", desktop_entry(self.program, &edge))?;
        write!(out, "\nCtrl-C drains and ends everything.")
    }

    fn headline(&self) -> String {
        let of_health = || self.health.and_then(|health| health.mode.as_deref());
        self.mode.as_deref().or_else(of_health).map_or_else(|| "mode not known: no worker is connected to IB".to_owned(), str::to_uppercase)
    }

    fn parts(&self, edge: &str, mcp: &str) -> Vec<(&'static str, String, String)> {
        let edge_state = self.health.map_or_else(|| "no answer".to_owned(), |health| health.status.clone());
        vec![
            ("edge", edge.to_owned(), edge_state),
            ("MCP", mcp.to_owned(), String::new()),
            ("NATS", format!("nats://{}", self.nats), format!("nats-server {}", self.nats_version)),
            ("IB", self.ib.clone(), self.ib_state()),
            ("workers", self.workers(), self.client_ids()),
            ("options", self.options(), String::new()),
            ("data", self.data_dir.display().to_string(), "with the logs of every part in logs/".to_owned()),
        ]
    }

    fn ib_state(&self) -> String {
        match (self.health, &self.why) {
            (Some(health), _) if health.ib_connected => "connected".to_owned(),
            (_, Some(why)) => format!("not connected: {why}"),
            _ => "not connected".to_owned(),
        }
    }

    fn workers(&self) -> String {
        let pool = self.health.map(|health| &health.pool);
        pool.map_or_else(|| "not seen".to_owned(), |pool| format!("{} of {} connected to IB", pool.workers_ib_connected, pool.pool_size))
    }

    fn options(&self) -> String {
        let state = match self.health.map(|health| health.options_client_connected) {
            None => "not seen",
            Some(true) => "connected to IB",
            Some(false) => "not connected to IB",
        };
        state.to_owned()
    }

    fn client_ids(&self) -> String {
        match self.health.map(Health::client_ids) {
            Some(ids) if !ids.is_empty() => format!("client ids {ids}"),
            _ => String::new(),
        }
    }

    /// `nats` asks port 4222 of this host unless it is told another.
    fn nats_line(&self) -> String {
        let server = if self.nats.port() == 4222 { String::new() } else { format!("-s nats://{} ", self.nats) };
        format!("nats {server}req {} '{{}}'", self.gateway.rpc("account", "summary"))
    }
}

fn desktop_entry(program: &Path, edge: &str) -> String {
    json!({ "mcpServers": { "ib": { "command": program, "args": ["mcp", "--edge", edge] } } }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(mode: Option<&str>, nats: &str, why: Option<&str>) -> String {
        rendered(Some(&json!({"status": "degraded", "pool": {"pool_size": 3}})), mode, nats, why)
    }

    fn rendered(health: Option<&serde_json::Value>, mode: Option<&str>, nats: &str, why: Option<&str>) -> String {
        let health: Option<Health> = health.map(|said| serde_json::from_value(said.clone()).unwrap());
        let gateway = "paper".parse().unwrap();
        let board = Board {
            edge: "127.0.0.1:48012".parse().unwrap(),
            nats: nats.parse().unwrap(),
            nats_version: "2.15.1".to_owned(),
            gateway: &gateway,
            ib: "ib-sim at 127.0.0.1:4002".to_owned(),
            health: health.as_ref(),
            why: why.map(str::to_owned),
            mode: mode.map(str::to_owned),
            program: Path::new("/bin/ibmesh"),
            data_dir: Path::new("/data"),
            notes: &["something".to_owned()],
        };
        board.render()
    }

    #[test]
    fn the_lines_to_copy_are_the_documented_ones() {
        let text = render(Some("simulated"), "127.0.0.1:4222", None);
        for line in [
            "SIMULATED",
            "claude mcp add --transport http ib http://127.0.0.1:48012/mcp",
            "nats req ib.v1.paper.rpc.account.summary '{}'",
            r#"{"mcpServers":{"ib":{"command":"/bin/ibmesh","args":["mcp","--edge","http://127.0.0.1:48012"]}}}"#,
            "curl -X POST http://127.0.0.1:48012/mcp",
            "something",
        ] {
            assert!(text.contains(line), "{line} missing in:\n{text}");
        }
        assert!(render(None, "127.0.0.1:4300", None).contains("nats -s nats://127.0.0.1:4300 req "));
    }

    #[test]
    fn why_nothing_is_connected_is_on_the_board() {
        let text = render(None, "127.0.0.1:4222", Some("the gateway refuses"));
        assert!(text.contains("not connected: the gateway refuses\n") && text.contains("mode not known"), "{text}");
        assert!(text.contains("0 of 3 connected"), "{text}");
    }

    #[test]
    fn options_are_connected_not_connected_or_not_seen() {
        let options = |health: Option<serde_json::Value>| {
            let text = rendered(health.as_ref(), None, "127.0.0.1:4222", None);
            text.lines().find_map(|line| line.strip_prefix("  options ")).expect("a line").trim().to_owned()
        };
        assert_eq!(options(None), "not seen");
        assert_eq!(options(Some(json!({"options_client_connected": true}))), "connected to IB");
        assert_eq!(options(Some(json!({"options_client_connected": false}))), "not connected to IB");
    }
}
