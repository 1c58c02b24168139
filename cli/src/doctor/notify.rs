//! `ibmesh doctor --notify-test`: whether NOTIFY_URL reaches somebody, by the very post that gateway-ctl makes.

use std::process::ExitCode;

use gateway_ctl::notify::{Message, Post};
use schemas::GatewayName;
use service::{clock, process::chain};

use super::{FAILED, USAGE};
use crate::out;

const TEXT: &str = "A test of NOTIFY_URL by `ibmesh doctor --notify-test`.";

pub(super) async fn test() -> ExitCode {
    let Some(url) = std::env::var("NOTIFY_URL").ok().filter(|url| !url.is_empty()) else {
        out::problem("ibmesh doctor: NOTIFY_URL is not set; gateway-ctl reads it, so set it here to the same");
        return ExitCode::from(USAGE);
    };
    let gateway: GatewayName = match std::env::var("IB_GATEWAY").as_deref().unwrap_or("paper").parse() {
        Ok(gateway) => gateway,
        Err(error) => {
            out::problem(format_args!("ibmesh doctor: IB_GATEWAY: {error}"));
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
