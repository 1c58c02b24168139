//! What the tasks of an attempt or a session tell the supervisor, and how they are spawned.
//!
//! Invariant: a task that a session cannot do without never ends unheard: when it panics, the session is over.

use ibapi::Notice;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::{open::Opened, policy::Event, probe::ProbeReply};

/// Reports of a session's tasks that wait for the supervisor; a full queue holds up the tasks.
pub(crate) const REPORTS_MAX: usize = 256;

/// What a task tells the supervisor.
pub(crate) enum Report {
    Event(Event),
    Probed(ProbeReply),
    Opened(Box<Opened>),
    Notice(Notice),
}

/// Where the tasks of one attempt or session report to.
pub(crate) struct Reporter {
    pub(crate) reports: mpsc::Sender<(u64, Report)>,
    pub(crate) number: u64,
}

impl Reporter {
    /// False when the supervisor is gone.
    pub(crate) async fn tell(&self, report: Report) -> bool {
        self.reports.send((self.number, report)).await.is_ok()
    }
}

/// A task that ends with its handle.
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(task))
}

/// The same for one that the session cannot do without: nobody would miss it, since it waits for IB most of the time.
pub(crate) fn spawn_vital(
    reporter: Reporter,
    what: &'static str,
    task: impl Future<Output = ()> + Send + 'static,
) -> AbortOnDropHandle<()> {
    let task = spawn(task);
    spawn(async move {
        if task.await.is_err_and(|error| error.is_panic()) {
            tracing::error!(what, "a task of the IB session failed; the session is opened anew");
            let lost = Event::SocketLost(format!("the session's own task failed: {what}"));
            reporter.tell(Report::Event(lost)).await;
        }
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_vital_task_that_panics_ends_its_session_and_one_that_ends_does_not() {
        let (reports, mut inbox) = mpsc::channel(REPORTS_MAX);
        let reporter = |number| Reporter { reports: reports.clone(), number };
        spawn_vital(reporter(1), "what ends", async {}).await.expect("no panic of its own");
        let _failing = spawn_vital(reporter(7), "what fails", async { panic!("as told") });
        let (number, told) = timeout(Duration::from_secs(20), inbox.recv()).await.expect("in time").expect("a report");
        let Report::Event(Event::SocketLost(reason)) = told else { panic!("another report") };
        assert!(number == 7 && reason.contains("what fails"), "{number}: {reason}");
    }

    #[tokio::test]
    async fn a_vital_task_ends_with_its_handle() {
        let (reports, mut inbox) = mpsc::channel(REPORTS_MAX);
        let (alive, ended) = tokio::sync::oneshot::channel::<()>();
        let task = spawn_vital(Reporter { reports, number: 1 }, "what is dropped", async move {
            let _alive = alive;
            std::future::pending().await
        });
        drop(task);
        assert!(timeout(Duration::from_secs(20), ended).await.expect("in time").is_err(), "dropped with its handle");
        assert!(inbox.recv().await.is_none(), "and nothing is told");
    }
}
