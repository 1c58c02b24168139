//! The table itself: one row makes a flag, a variable, its aliases, its check and its line in `.env.example`.

use super::kind::Kind;

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Environment name; the flag is `--` and the same in lower case with `-`.
    pub name: &'static str,
    /// Names of the predecessors that are read too.
    pub aliases: &'static [&'static str],
    pub default: Option<&'static str>,
    pub kind: Kind,
    /// The services that read it.
    pub services: &'static [&'static str],
    /// Never printed; also read from the file that `NAME_FILE` names.
    pub secret: bool,
    pub about: &'static str,
}

impl Setting {
    /// Whether the text may also come from the file that `NAME_FILE` names: a secret, or an address that may hold one.
    pub(super) fn may_be_a_file(&self) -> bool {
        self.secret || matches!(self.kind, Kind::NatsUrl)
    }
}

pub const EDGE: &str = "edge";
pub const WORKER: &str = "worker";
pub const OPTIONS: &str = "options";
pub const GATEWAY_CTL: &str = "gateway-ctl";

const ALL: &[&str] = &[EDGE, WORKER, OPTIONS, GATEWAY_CTL];
const IB: &[&str] = &[EDGE, WORKER, OPTIONS, GATEWAY_CTL];

const fn row(
    name: &'static str,
    default: Option<&'static str>,
    kind: Kind,
    services: &'static [&'static str],
    about: &'static str,
) -> Setting {
    Setting { name, aliases: &[], default, kind, services, secret: false, about }
}

const fn aliased(setting: Setting, aliases: &'static [&'static str]) -> Setting {
    Setting { aliases, ..setting }
}

const fn secret(setting: Setting) -> Setting {
    Setting { secret: true, ..setting }
}

/// Every setting of every service, in the order in which people are told.
pub const TABLE: &[Setting] = &[
    row(
        "NATS_URL",
        Some("nats://127.0.0.1:4222"),
        Kind::NatsUrl,
        ALL,
        "Where the NATS server is; may hold user and password, and is also read from the file that NATS_URL_FILE names.",
    ),
    row("NATS_CREDS_FILE", None, Kind::File, ALL, "NATS credentials file (JWT and seed) of this service's user."),
    row("IB_GATEWAY", Some("paper"), Kind::GatewayName, ALL, "Name of the IB login: the <gw> part of every subject."),
    aliased(row("IB_HOST", Some("127.0.0.1"), Kind::Host, IB, "Host of IB Gateway, TWS or ib-sim."), &["IBKR_HOST", "TWS_HOST"]),
    aliased(row("IB_PORT", Some("4002"), Kind::Port, IB, "API port; without it IBKR_MODE decides."), &["IBKR_PORT", "TWS_PORT"]),
    row(
        "IBKR_MODE",
        None,
        Kind::Choice(&["paper_tws", "paper_gateway", "live_tws", "live_gateway"]),
        IB,
        "Sets the port: 7497, 4002, 7496, 4001.",
    ),
    row(
        "TRADING_MODE",
        Some("paper"),
        Kind::Choice(&["paper", "live"]),
        IB,
        "What the operator means to run; a live port with `paper` is refused.",
    ),
    aliased(
        row(
            "IB_CLIENT_ID",
            Some("10"),
            Kind::Number { min: 0, max: 2_000_000_000 },
            &[WORKER],
            "First IB client id of the worker range (20 ids).",
        ),
        &["IBKR_CLIENT_ID", "TWS_CLIENT_ID"],
    ),
    row(
        "IB_POOL_SIZE",
        Some("3"),
        Kind::Number { min: 1, max: 20 },
        ALL,
        "How many workers there should be: /health tells it, and IB's limits per login are split by it.",
    ),
    row("IB_READONLY", Some("true"), Kind::Flag, ALL, "Refuses every write."),
    row(
        "WORKER_SLOTS",
        Some("8"),
        Kind::Number { min: 1, max: 256 },
        &[WORKER],
        "Requests that one worker handles at once; more wait, then get `busy`.",
    ),
    row("WORKER_CHECK_MS", Some("30000"), Kind::Number { min: 100, max: 600_000 }, &[WORKER], "Period of the check that IB still answers."),
    row(
        "OPTIONS_LINES",
        Some("60"),
        Kind::Number { min: 2, max: 1_000 },
        &[OPTIONS],
        "Market data lines that chains use at once, of the 100 or more that a login has.",
    ),
    row(
        "OPTIONS_CHECK_MS",
        Some("30000"),
        Kind::Number { min: 100, max: 600_000 },
        &[OPTIONS],
        "Period of the check that IB still answers.",
    ),
    row(
        "OPTIONS_RATE_BP",
        Some("400"),
        Kind::Number { min: 0, max: 5_000 },
        &[OPTIONS],
        "Yearly interest rate behind Greeks of our own (where IB gives only prices), in hundredths of a percent.",
    ),
    aliased(row("EDGE_BIND", Some("127.0.0.1:48012"), Kind::Address, &[EDGE], "Address of the HTTP edge."), &[]),
    row("SERVER_HOST", None, Kind::Host, &[EDGE], "Predecessors' half of EDGE_BIND."),
    row("SERVER_PORT", None, Kind::Port, &[EDGE], "Predecessors' other half of EDGE_BIND."),
    aliased(
        row(
            "EDGE_API_PREFIX",
            Some("/api/v1"),
            Kind::UrlPath,
            &[EDGE],
            "Prefix under which /mcp, /health, /options and /gateway are served too.",
        ),
        &["API_PREFIX"],
    ),
    row("EDGE_AUTH", None, Kind::Choice(&["none"]), &[EDGE], "`none` allows a bind off loopback without tokens, in so many words."),
    row("EDGE_ALLOWED_HOSTS", None, Kind::List, &[EDGE], "Host names beside loopback that a request may name, comma-separated."),
    row("EDGE_ALLOWED_ORIGINS", None, Kind::List, &[EDGE], "Browser origins that may call, comma-separated."),
    row(
        "EDGE_RATE_PER_S",
        Some("200"),
        Kind::Number { min: 0, max: 1_000_000 },
        &[EDGE],
        "Requests a second of one caller, ten seconds' worth of them at once; 0 is no limit.",
    ),
    row(
        "EDGE_PROFILE",
        Some("readonly"),
        Kind::Choice(&["readonly", "trading", "admin", "compat-tws"]),
        &[EDGE],
        "Which tools callers get; admin has those that control the gateway.",
    ),
    row(
        "EDGE_TOOLSETS",
        Some("core,account,options"),
        Kind::List,
        &[EDGE],
        "Toolsets listed by tools/list: core, account, market, options, news, orders, admin.",
    ),
    row(
        "EDGE_CONFORMANCE",
        Some("false"),
        Kind::Flag,
        &[EDGE],
        "The fixtures of MCP's conformance suite stand beside the real tools: for tests of the edge itself.",
    ),
    row(
        "GATEWAY_BACKEND",
        Some("docker"),
        Kind::Choice(&["docker", "process", "external"]),
        &[GATEWAY_CTL],
        "What starts and stops the gateway: docker, a process of gateway-ctl's own, or external: a person.",
    ),
    row(
        "GATEWAY_CONTAINER",
        None,
        Kind::Text,
        &[GATEWAY_CTL],
        "Name of the gateway's container; without it mcp-ib-gateway- and IB_GATEWAY.",
    ),
    row("DOCKER_HOST", Some("unix:///var/run/docker.sock"), Kind::Text, &[GATEWAY_CTL], "Docker's socket, or tcp://HOST:PORT of a proxy."),
    row(
        "GATEWAY_EXEC",
        Some("false"),
        Kind::Flag,
        &[GATEWAY_CTL],
        "Commands may be run inside the container: for deep diagnoses, and to end its port forwarder.",
    ),
    row(
        "GATEWAY_COMMAND_ADDR",
        None,
        Kind::HostPort,
        &[GATEWAY_CTL],
        "IBC's command server; without it, for a container, IB_HOST and port 7462.",
    ),
    row(
        "GATEWAY_PROCESS",
        None,
        Kind::Text,
        &[GATEWAY_CTL],
        "Program and arguments of the backend `process`, as a JSON list; `ibmesh up` sets it.",
    ),
    row(
        "GATEWAY_YIELD_FILE",
        None,
        Kind::Text,
        &[GATEWAY_CTL],
        "A file that is there while the next start is to give way to another session; whatever starts the gateway looks for it.",
    ),
    row(
        "IB_RESET_REGION",
        Some("america"),
        Kind::Choice(&["america", "europe", "asia", "none"]),
        &[GATEWAY_CTL],
        "Where IB's servers are that restart: nothing is repaired in their windows.",
    ),
    row("GATEWAY_CHECK_MS", Some("30000"), Kind::Number { min: 100, max: 600_000 }, &[GATEWAY_CTL], "Period of the check of the workers."),
    secret(row(
        "NOTIFY_URL",
        None,
        Kind::HttpUrl,
        &[GATEWAY_CTL],
        "Where people are told, by one POST per event, what only they can do: an ntfy topic or a Slack webhook.",
    )),
    row("ADMIN_BIND", Some("127.0.0.1:0"), Kind::Address, ALL, "Address of /live, /ready and /metrics; port 0 takes a free one."),
    row("LOG_LEVEL", Some("info"), Kind::LogLevel, ALL, "error, warn, info, debug, trace, or a tracing filter."),
    row("LOG_FORMAT", Some("text"), Kind::Choice(&["text", "json"]), ALL, "How log lines look on stderr."),
];

/// The rows that `service` reads.
pub fn of(service: &str) -> impl Iterator<Item = &'static Setting> + '_ {
    TABLE.iter().filter(move |row| row.services.contains(&service))
}

/// `IB_HOST` to `ib-host`.
pub fn flag(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}
