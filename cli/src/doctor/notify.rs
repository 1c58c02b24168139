//! `ibmesh doctor --notify-test`: whether NOTIFY_URL reaches somebody, by the very post that gateway-ctl makes.

use std::process::ExitCode;

use gateway_ctl::notify::{Message, Post};
use schemas::GatewayName;
use service::{Settings, clock, process::chain, settings::GATEWAY_CTL};

use super::{FAILED, USAGE};
use crate::out;

const TEXT: &str = "A test of NOTIFY_URL by `ibmesh doctor --notify-test`.";

/// As gateway-ctl reads them: the URL may also stand in a file.
fn settings() -> Result<(String, GatewayName), String> {
    let said = |name| Settings::one(GATEWAY_CTL, name, |name| std::env::var(name).ok());
    let url = said("NOTIFY_URL")?.ok_or("NOTIFY_URL is not set; gateway-ctl reads it, so set it here to the same")?;
    let gateway = said("IB_GATEWAY")?.unwrap_or_default();
    Ok((url, gateway.parse().map_err(|error| format!("IB_GATEWAY: {error}"))?))
}

pub(super) async fn test() -> ExitCode {
    let (url, gateway) = match settings() {
        Ok(settings) => settings,
        Err(problem) => {
            out::problem(format_args!("ibmesh doctor: {problem}"));
            return ExitCode::from(USAGE);
        }
    };
    let message = Message::new(&gateway, "test", TEXT.to_owned(), clock::now());
    let sent = match Post::new(&url) {
        Ok(post) => post.send(&message).await,
        Err(error) => Err(error),
    };
    match sent {
        Ok(()) => {
            out::line("A test message was taken; see whether it arrived.");
            ExitCode::SUCCESS
        }
        Err(error) => {
            out::problem(format_args!("ibmesh doctor: {}", chain(&error)));
            ExitCode::from(FAILED)
        }
    }
}
