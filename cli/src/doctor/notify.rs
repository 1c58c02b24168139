//! `ibmesh doctor --notify-test`: whether NOTIFY_URL reaches somebody.

use std::{process::ExitCode, time::Duration};

use serde_json::json;

use super::{FAILED, USAGE};
use crate::out;

const ANSWER_MAX: Duration = Duration::from_secs(10);

pub(super) async fn test() -> ExitCode {
    let Some(url) = std::env::var("NOTIFY_URL").ok().filter(|url| !url.is_empty()) else {
        out::problem("ibmesh doctor: NOTIFY_URL is not set; gateway-ctl reads it, so set it here to the same");
        return ExitCode::from(USAGE);
    };
    match send(&url).await {
        Ok(()) => {
            out::line("A test message was taken; see whether it arrived.");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            out::problem(format_args!("ibmesh doctor: {problem}"));
            ExitCode::from(FAILED)
        }
    }
}

/// As gateway-ctl posts; the URL may hold a secret and is never told.
async fn send(url: &str) -> Result<(), String> {
    let told = |error: reqwest::Error| format!("NOTIFY_URL was not reached: {}", error.without_url());
    let client = reqwest::Client::builder().timeout(ANSWER_MAX).build().map_err(told)?;
    let body = json!({ "event": "test", "title": "IB gateway", "text": "A test of NOTIFY_URL by `ibmesh doctor --notify-test`." });
    let request = client.post(url).json(&body);
    // ntfy makes its message of these; everybody else ignores them.
    let request = request.header("X-Template", "yes").header("X-Title", "{{.title}}").header("X-Message", "{{.text}}");
    let status = request.send().await.map_err(told)?.status();
    if status.is_success() { Ok(()) } else { Err(format!("NOTIFY_URL answered HTTP {status}")) }
}
