//! Logs on stderr; stdout belongs to the announcement of [`crate::process`].

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::Settings;

/// Installs the process's log subscriber. A second call in one process (tests) changes nothing.
pub(crate) fn init(settings: &Settings) {
    let filter = EnvFilter::new(settings.text("LOG_LEVEL").unwrap_or("info"));
    let registry = tracing_subscriber::registry().with(filter);
    let installed = if settings.text("LOG_FORMAT") == Some("json") {
        registry.with(fmt::layer().json().with_writer(std::io::stderr)).try_init()
    } else {
        let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
        registry.with(fmt::layer().with_ansi(ansi).with_writer(std::io::stderr)).try_init()
    };
    // The only error is "already installed", which a test that runs two services in one process meets.
    drop(installed);
}
