//! The last text of each tool that is answered from memory: between two pushes of IB's only the context of such a reply
//! changes, and whoever asks again is asking for the same table.
//!
//! Invariant: what is told is what [`Tool::render`] tells. The body of such a tool depends on the arguments and on the
//! reply without its context; a test renders each tool both ways.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use schemas::{Context, Freshness};

use crate::{
    asked::Asked,
    page::Rendered,
    tool::{Call, RenderError, Tool},
};

/// A reply larger than this is rendered each time; some 200 holdings are smaller.
const FACTS_BYTES_MAX: usize = 64 * 1024;
/// What stands before the context of a reply, which is its last member.
const MARK: &[u8] = br#","context":"#;

/// One text for each tool.
#[derive(Debug, Default)]
pub struct Texts {
    last: Mutex<HashMap<&'static str, Arc<Last>>>,
}

#[derive(Debug)]
struct Last {
    asked: Asked,
    facts: Vec<u8>,
    body: String,
}

impl Texts {
    /// As [`Tool::render`].
    pub fn render(&self, tool: &Tool, call: &Call, reply: &[u8]) -> Result<Rendered, RenderError> {
        let kept = tool.operation().freshness == Freshness::Kept;
        let Some((facts, context)) = split(reply).filter(|(facts, _)| kept && facts.len() <= FACTS_BYTES_MAX) else {
            return tool.render(call, reply);
        };
        let last = self.lock().get(tool.name).cloned();
        if let Some(last) = last.filter(|last| last.asked == call.asked && last.facts == facts)
            && let Some(context) = read(context)
        {
            return Ok(Rendered::of(&last.body, context));
        }
        let rendered = tool.render(call, reply)?;
        // A split that found something else than the context is of no use.
        if let Some(body) = rendered.whole_body().filter(|_| read(context).is_some_and(|read| rendered.context.as_ref() == Some(&read))) {
            let last = Last { asked: call.asked.clone(), facts: facts.to_vec(), body: body.to_owned() };
            self.lock().insert(tool.name, Arc::new(last));
        }
        Ok(rendered)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<&'static str, Arc<Last>>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is told, and the JSON of its context. The mark cannot stand in a text, where quotes are escaped; where it belongs
/// to a context deeper inside, what follows it is no context alone.
fn split(reply: &[u8]) -> Option<(&[u8], &[u8])> {
    let object = reply.strip_suffix(b"}")?;
    let at = (0..object.len()).rev().find(|at| object[*at] == b',' && object[*at..].starts_with(MARK))?;
    Some((&object[..at], &object[at + MARK.len()..]))
}

fn read(context: &[u8]) -> Option<Context> {
    serde_json::from_slice(context).ok()
}
