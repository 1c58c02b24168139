//! `ibmesh doctor`: what is wrong, with evidence, a verdict and the next step in one sentence.
//!
//! gateway-ctl sees most and is asked through the edge; where nobody answers, [`local`] looks from here and [`verdict`]
//! says what that means, so that it says something useful with everything down. Invariant: it changes nothing.

mod local;
mod notify;
mod verdict;

use std::{pin::pin, process::ExitCode, time::Duration};

use schemas::gateway::{Check, CheckStatus, DiagnoseReply};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    checks,
    http::{EdgeArg, EdgeClient},
    out,
};

/// Say what is wrong with the gateway and the stack, and what to do next.
///
/// Exit code: 0 no check failed, 1 one did, 2 wrong usage.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    edge: EdgeArg,
    /// Also what takes longer: inside the container, a session, a call through the edge.
    #[arg(long)]
    deep: bool,
    /// Look again and again, and tell what changes.
    #[arg(long)]
    watch: bool,
    /// Port of the gateway on IB_HOST, instead of IB_PORT.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// The gateway's container, looked at with the `docker` command.
    #[arg(long, value_name = "C")]
    container: Option<String>,
    /// Print one JSON document, for programs; with --watch one for each change.
    #[arg(long)]
    json: bool,
    /// Send a test message to NOTIFY_URL, and look at nothing.
    #[arg(long, conflicts_with_all = ["deep", "watch", "port", "container"])]
    notify_test: bool,
}

const FAILED: u8 = 1;
const USAGE: u8 = 2;
/// Above the operation's deadline (30 s), so that the edge's own answer arrives first.
const DIAGNOSE_MAX: Duration = Duration::from_secs(35);
/// What a call through the whole stack may take.
const CALL_MAX: Duration = Duration::from_secs(15);
const WATCH_PERIOD: Duration = Duration::from_secs(5);

pub(crate) async fn run(options: Options) -> ExitCode {
    if options.notify_test {
        return notify::test().await;
    }
    let edge = match EdgeClient::new(&options.edge.url()) {
        Ok(edge) => edge,
        Err(error) => {
            out::problem(format_args!("ibmesh doctor: {error}"));
            return ExitCode::from(USAGE);
        }
    };
    let mut report = examine(&options, &edge).await;
    show(&options, &report, &report.layers.iter().collect::<Vec<_>>());
    if options.watch {
        let mut looks = interval(WATCH_PERIOD);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        looks.tick().await;
        // Ends with Ctrl-C, also where whoever started it has interrupts ignored, as a shell does for what runs behind it.
        let mut interrupt = pin!(tokio::signal::ctrl_c());
        loop {
            let look = async {
                looks.tick().await;
                examine(&options, &edge).await
            };
            let next = tokio::select! {
                biased;
                _ = &mut interrupt => break,
                next = look => next,
            };
            let news = news(&report, &next);
            if !news.is_empty() || next.verdict != report.verdict {
                show(&options, &next, &news);
            }
            report = next;
        }
    }
    if failed(&report) { ExitCode::from(FAILED) } else { ExitCode::SUCCESS }
}

fn failed(report: &DiagnoseReply) -> bool {
    report.layers.iter().any(|check| check.status == CheckStatus::Fail)
}

/// The checks that have another status than before, or were not there.
fn news<'a>(before: &DiagnoseReply, now: &'a DiagnoseReply) -> Vec<&'a Check> {
    let same =
        |check: &Check| before.layers.iter().any(|old| (&old.layer, &old.check, old.status) == (&check.layer, &check.check, check.status));
    now.layers.iter().filter(|check| !same(check)).collect()
}

fn show(options: &Options, report: &DiagnoseReply, checks: &[&Check]) {
    if options.json {
        out::line(json!(report));
        return;
    }
    let mut lines: Vec<String> = checks.iter().map(|check| checks::line(check)).collect();
    lines.push(format!("\nVerdict: {}\nNext: {}", report.verdict, report.next_action));
    out::line(lines.join("\n"));
}

async fn examine(options: &Options, edge: &EdgeClient) -> DiagnoseReply {
    let path = if options.deep { "/gateway/diagnose?deep=true" } else { "/gateway/diagnose" };
    let seen = match edge.get(path, DIAGNOSE_MAX).await {
        Ok(answer) if answer.is_success() => match serde_json::from_value::<DiagnoseReply>(answer.body) {
            Ok(reply) => return with_own(options, edge, reply).await,
            Err(error) => local::EdgeSeen::Refuses(format!("its diagnosis cannot be read: {error}")),
        },
        Ok(answer) => local::EdgeSeen::Refuses(answer.message()),
        Err(error) => local::EdgeSeen::Away(error.to_string()),
    };
    let facts = local::look(&options.edge.url(), edge, seen, options.port, options.container.as_deref()).await;
    let mut report = verdict::report(&facts);
    if options.deep && matches!(facts.edge, local::EdgeSeen::Refuses(_)) {
        report.layers.push(call(edge).await);
    }
    report
}

/// gateway-ctl's diagnosis, with what only this side can see.
async fn with_own(options: &Options, edge: &EdgeClient, mut reply: DiagnoseReply) -> DiagnoseReply {
    let mut own = vec![verdict::check("edge", "answers", CheckStatus::Pass, format!("at {}", options.edge.url()))];
    if let Some(port) = options.port {
        let (host, _) = local::target(Some(port));
        own.push(verdict::port(&host, port, &local::probe(&host, port).await));
    }
    if let Some(name) = &options.container {
        own.extend(verdict::container(name, &local::container(name).await));
    }
    if options.deep {
        own.push(call(edge).await);
    }
    own.append(&mut reply.layers);
    reply.layers = own;
    reply
}

/// One call through the whole stack, as an agent makes it.
async fn call(edge: &EdgeClient) -> Check {
    const TOOL: &str = "get_account_summary";
    let status = |status, detail: String| verdict::check("edge", TOOL, status, detail);
    match edge.call(TOOL, &json!({}), CALL_MAX).await {
        Ok(answer) if answer.pointer("/result/isError") == Some(&json!(false)) => status(CheckStatus::Pass, "answered".to_owned()),
        Ok(answer) => {
            let said = answer.pointer("/result/content/0/text").and_then(|text| text.as_str()).unwrap_or("no result");
            status(CheckStatus::Fail, said.replace('\n', " "))
        }
        Err(error) => status(CheckStatus::Fail, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(verdict: &str, checks: &[(&str, CheckStatus)]) -> DiagnoseReply {
        let layers = checks.iter().map(|(name, status)| verdict::check("api", name, *status, "d")).collect();
        DiagnoseReply { verdict: verdict.to_owned(), next_action: "n".to_owned(), layers }
    }

    #[test]
    fn watching_tells_what_changed() {
        use CheckStatus::{Fail, Pass, Warn};
        let before = report("healthy", &[("hello", Pass), ("port", Pass)]);
        let now = report("silent", &[("hello", Fail), ("port", Pass), ("session", Warn)]);
        let names: Vec<&str> = news(&before, &now).iter().map(|check| check.check.as_str()).collect();
        assert_eq!(names, ["hello", "session"]);
        assert!(news(&now, &now).is_empty() && failed(&now) && !failed(&before));
    }
}
