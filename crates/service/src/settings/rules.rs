//! Rules that look at more than one setting.

use schemas::ClientId;

use super::{Given, Settings};

/// Ports at which a live session listens: gateway, the container's socat, TWS.
const LIVE_PORTS: [u16; 3] = [4001, 4003, 7496];

pub(super) fn apply(settings: &mut Settings, problems: &mut Vec<String>) {
    port_of_mode(settings);
    live_port(settings, problems);
    client_id_range(settings);
    bind_halves(settings, problems);
    bind_off_loopback(settings, problems);
}

/// `IBKR_MODE` sets the port unless a port was said: behind a container's socat it is another one.
fn port_of_mode(settings: &mut Settings) {
    let port = match settings.text("IBKR_MODE") {
        Some("paper_tws") => "7497",
        Some("paper_gateway") => "4002",
        Some("live_tws") => "7496",
        Some("live_gateway") => "4001",
        _ => return,
    };
    if settings.values.get("IB_PORT").is_some_and(|given| given.is_default) {
        settings.values.insert("IB_PORT", Given { text: port.to_owned(), origin: "IBKR_MODE".to_owned(), is_default: false });
    }
}

/// One predecessor's documents have 4001 and 4002 reversed: paper on a live port must not get past the start.
fn live_port(settings: &Settings, problems: &mut Vec<String>) {
    let (Some(given), Some("paper")) = (settings.values.get("IB_PORT"), settings.text("TRADING_MODE")) else { return };
    if given.text.parse().is_ok_and(|port| LIVE_PORTS.contains(&port)) {
        problems.push(format!(
            "IB_PORT {} (from {}) is a live port but TRADING_MODE is paper; paper is 4002 (gateway), 4004 (container), 7497 (TWS), or set TRADING_MODE=live",
            given.text, given.origin
        ));
    }
}

/// Old files say 1, which `orders` needs; ids 90-99 belong to probes, market data and options.
fn client_id_range(settings: &mut Settings) {
    let Some(said) = settings.text("IB_CLIENT_ID").and_then(|text| text.parse().ok()).map(ClientId) else { return };
    if said.range_is_free() {
        return;
    }
    settings.warnings.push(format!(
        "IB_CLIENT_ID {said}: the {} ids from there touch reserved ones (0, 1, 90-99); workers start at {} instead",
        ClientId::WORKERS_COUNT,
        ClientId::WORKERS_FROM
    ));
    let moved = Given { text: ClientId::WORKERS_FROM.to_string(), origin: "moved off the reserved ids".to_owned(), is_default: false };
    settings.values.insert("IB_CLIENT_ID", moved);
}

/// `SERVER_HOST` and `SERVER_PORT` together are `EDGE_BIND`.
pub(super) fn bind_halves(settings: &mut Settings, problems: &mut Vec<String>) {
    let host = settings.values.get("SERVER_HOST").cloned();
    let port = settings.values.get("SERVER_PORT").cloned();
    let Some(bind) = settings.values.get("EDGE_BIND").cloned() else { return };
    // A flag wins over the environment, also where the environment says it in two halves.
    if (host.is_none() && port.is_none()) || bind.origin.starts_with("--") {
        return;
    }
    let (default_host, default_port) = bind.text.rsplit_once(':').unwrap_or(("127.0.0.1", "48012"));
    let joined = format!(
        "{}:{}",
        host.map_or(default_host.to_owned(), |given| given.text),
        port.map_or(default_port.to_owned(), |given| given.text)
    );
    if !bind.is_default && bind.text != joined {
        problems.push(format!("EDGE_BIND ({}) and SERVER_HOST + SERVER_PORT ({joined}) differ; set one of them", bind.text));
        return;
    }
    match super::kind::address(&joined) {
        Ok(_) => {
            settings.values.insert("EDGE_BIND", Given { text: joined, origin: "SERVER_HOST + SERVER_PORT".to_owned(), is_default: false });
        }
        Err(problem) => problems.push(format!("SERVER_HOST + SERVER_PORT {problem}; got `{joined}`")),
    }
}

/// Off loopback anybody can call: that must be meant.
fn bind_off_loopback(settings: &Settings, problems: &mut Vec<String>) {
    let Some(Ok(address)) = settings.text("EDGE_BIND").map(super::kind::address) else { return };
    if !address.ip().is_loopback() && settings.text("EDGE_AUTH") != Some("none") {
        problems.push(format!("EDGE_BIND {address} is not loopback and this release has no tokens yet; bind to 127.0.0.1, or set EDGE_AUTH=none to serve anyone who reaches it"));
    }
}
