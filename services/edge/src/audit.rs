//! What was changed through this edge, and who asked for it: one record for every call that is no read.
//!
//! Invariants: a call that ends in any way leaves a record, also when its caller has gone; what cannot be kept is in the log,
//! as an error with everything the record says; a call does not wait for its record.

use std::sync::{Mutex, PoisonError};

use schemas::{AuditRecord, RequestId, Row};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::link::SERVICE;

/// Records that wait to be written.
const QUEUE_MAX: usize = 1_024;
/// A stream that was deleted is made again at the second attempt.
const ATTEMPTS: usize = 2;
/// The outcome of a call that nobody waited for to the end.
const HUNG_UP: &str = "hung_up";

#[derive(Debug)]
pub(crate) struct Audit {
    queue: mpsc::Sender<AuditRecord>,
    /// Taken once, by whoever writes.
    waiting: Mutex<Option<mpsc::Receiver<AuditRecord>>>,
}

impl Default for Audit {
    fn default() -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE_MAX);
        Self { queue, waiting: Mutex::new(Some(waiting)) }
    }
}

/// A call under way.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    audit: &'a Audit,
    record: Option<AuditRecord>,
}

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Change<'a> {
    pub(crate) who: String,
    /// The tool or path.
    pub(crate) asked: &'static str,
    pub(crate) row: &'a Row,
    /// As JSON.
    pub(crate) arguments: &'a [u8],
    pub(crate) request: RequestId,
}

impl Audit {
    pub(crate) fn begin(&self, change: Change<'_>) -> Entry<'_> {
        let digest = Sha256::digest(change.arguments);
        let record = AuditRecord {
            at: service::clock::now(),
            service: SERVICE.to_owned(),
            who: change.who,
            asked: change.asked.to_owned(),
            operation: change.row.name(),
            arguments_sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            outcome: HUNG_UP.to_owned(),
            request_id: change.request.to_string(),
        };
        Entry { audit: self, record: Some(record) }
    }

    /// Writes what comes until `leave`, and then what is still waiting.
    pub(crate) fn writer(&self, to: bus::Audit, leave: CancellationToken) -> impl Future<Output = ()> + Send + use<> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        async move {
            let Some(mut waiting) = waiting else { return };
            loop {
                let record = tokio::select! {
                    record = waiting.recv() => record,
                    () = leave.cancelled() => waiting.try_recv().ok(),
                };
                let Some(record) = record else { return };
                write(&to, &record).await;
            }
        }
    }
}

impl Entry<'_> {
    pub(crate) fn end(mut self, outcome: &str) {
        if let Some(record) = &mut self.record {
            outcome.clone_into(&mut record.outcome);
        }
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        let Some(record) = self.record.take() else { return };
        tracing::info!(
            who = record.who,
            asked = record.asked,
            outcome = record.outcome,
            request_id = record.request_id,
            "a change was asked for"
        );
        if let Err(error) = self.audit.queue.try_send(record) {
            let (mpsc::error::TrySendError::Full(record) | mpsc::error::TrySendError::Closed(record)) = &error;
            lost(record, "too many wait to be kept");
        }
    }
}

async fn write(to: &bus::Audit, record: &AuditRecord) {
    // A token of a subject, from our own table.
    let kind = record.operation.replace('.', "-");
    let mut body = Vec::with_capacity(512);
    crate::rpc::write_json(&mut body, record);
    let body = bytes::Bytes::from(body);
    let mut why = String::new();
    for _ in 0..ATTEMPTS {
        match to.record(&kind, record.at, body.clone()).await {
            Ok(()) => return,
            Err(error) => why = error.to_string(),
        }
    }
    lost(record, &why);
}

fn lost(record: &AuditRecord, why: &str) {
    tracing::error!(why, ?record, "the audit has no record of this change");
}
