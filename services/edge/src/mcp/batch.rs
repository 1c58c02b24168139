//! Batches, which only MCP 2025-03-26 has.
//!
//! Invariant: one answer for each request, in the order of the batch.

use futures::{StreamExt, stream::FuturesOrdered};

use super::{Answer, Asker, one, refused};
use crate::{
    edge::Edge,
    rpc::{self, Id, Message, Problem},
};

/// Messages of one batch that are worked on at the same time: a batch is one caller.
const CONCURRENCY: usize = 8;
/// Bytes of a batch's answers together; requests whose answers come later are told to ask alone.
const BYTES_MAX: usize = 16 * 1024 * 1024;

pub(super) async fn answer(edge: &Edge, messages: &[Message<'_>], asker: &Asker<'_>) -> Answer {
    let mut out = vec![b'['];
    let (mut waiting, mut running) = (messages.iter(), FuturesOrdered::new());
    loop {
        while running.len() < CONCURRENCY
            && let Some(message) = waiting.next()
        {
            running.push_back(in_batch(edge, message, asker));
        }
        let Some((id, answer)) = running.next().await else { break };
        let Some(mut answer) = answer else { continue };
        if out.len() + answer.len() > BYTES_MAX {
            let mib = BYTES_MAX / (1024 * 1024);
            let problem =
                Problem::new(rpc::INTERNAL_ERROR, format!("the answers of this batch are larger than {mib} MiB; ask this one alone"));
            answer = refused(edge, id, &problem);
        }
        if out.len() > 1 {
            out.push(b',');
        }
        out.append(&mut answer);
    }
    if out.len() == 1 {
        return Answer::Nothing;
    }
    out.push(b']');
    Answer::Json(out)
}

async fn in_batch<'a>(edge: &Edge, message: &Message<'a>, asker: &Asker<'_>) -> (Option<Id<'a>>, Option<Vec<u8>>) {
    (id_of(message), one(edge, message, asker).await.map(|(_, body)| body))
}

pub(super) fn id_of<'a>(message: &Message<'a>) -> Option<Id<'a>> {
    match message {
        Message::Request(request) => Some(request.id),
        Message::Invalid(id, _) => *id,
        Message::Notification { .. } | Message::Response { .. } => None,
    }
}
