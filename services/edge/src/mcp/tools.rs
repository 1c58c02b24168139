//! `tools/list` and `tools/call`.
//!
//! Invariants: which subject is asked comes from the tool's row, never from the request; a failed call
//! makes one log line, with its request id and without its arguments; a call that nobody waits for any more ends.

use std::{borrow::Cow, time::Duration};

use ::tools::{Profile, Tool, Toolset};
use bus::{CallOptions, Reply};
use bytes::Bytes;
use schemas::{Fault, FaultCode, Freshness, RequestId, fault::Blame};
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};
use tokio::time::Instant;

use super::Asker;
use crate::{
    breaker::{Decision, Event, Evidence, Pass},
    caller::{self, Meta},
    cancels::Key,
    edge::{CALLS_MAX, Edge},
    fault_map, reply,
    rpc::{self, Id, Problem, Request},
};

/// The result of `tools/list`, made once. One page: the whole is small, so a cursor is never given and never needed.
pub(crate) fn listing(profile: Profile, toolsets: &[Toolset]) -> Bytes {
    let listed = ::tools::TOOLS.iter().filter(|tool| profile.has(tool.profile) && toolsets.contains(&tool.toolset));
    let mut tools: Vec<(&str, Value)> = listed.map(|tool| (tool.name, tool.listing(tool.name))).collect();
    // A stable order keeps clients' prompt caches valid.
    tools.sort_by_key(|(name, _)| *name);
    let tools: Vec<Value> = tools.into_iter().map(|(_, tool)| tool).collect();
    let mut out = Vec::new();
    rpc::write_json(&mut out, &json!({ "tools": tools }));
    out.into()
}

pub(crate) fn list(edge: &Edge, request: &Request<'_>) -> Result<Vec<u8>, Problem> {
    if request.params.is_some_and(|params| !params.get().starts_with('{')) {
        return Err(Problem::invalid_params("`params` of tools/list must be an object"));
    }
    Ok(rpc::result(request.id, &edge.listing))
}

/// The parameters of `tools/call`.
struct Params<'a> {
    name: Cow<'a, str>,
    arguments: Map<String, Value>,
    meta: Meta<'a>,
}

impl<'a> Params<'a> {
    fn read(params: Option<&'a RawValue>) -> Result<Self, Problem> {
        #[derive(Deserialize)]
        struct Members<'a> {
            #[serde(borrow)]
            name: Option<&'a RawValue>,
            #[serde(borrow)]
            arguments: Option<&'a RawValue>,
            #[serde(borrow, rename = "_meta")]
            meta: Option<&'a RawValue>,
        }
        let wrong = |text: &str| Problem::invalid_params(text);
        let params = params.map(RawValue::get).filter(|text| text.starts_with('{'));
        let params = params.ok_or_else(|| wrong("`params` of tools/call must be an object with `name` and `arguments`"))?;
        let members: Members<'a> =
            serde_json::from_str(params).map_err(|error| wrong(&format!("`params` of tools/call cannot be read: {error}")))?;
        let name = members.name.and_then(|name| rpc::string(name).ok()).ok_or_else(|| wrong("`name` must be the name of a tool"))?;
        let meta = members.meta.map_or(Some(Meta::default()), Meta::read).ok_or_else(|| wrong("`_meta` must be an object"))?;
        Ok(Self { name, arguments: arguments(members.arguments)?, meta })
    }
}

/// Absent and null mean none.
fn arguments(raw: Option<&RawValue>) -> Result<Map<String, Value>, Problem> {
    match raw.map(RawValue::get) {
        None | Some("{}") => Ok(Map::new()),
        Some(text) if text.starts_with('{') => {
            // The only thing left to fail at is the parser's own limit of nesting; its words name a position only.
            serde_json::from_str(text).map_err(|error| Problem::invalid_params(format!("`arguments` cannot be read: {error}")))
        }
        Some(_) => Err(Problem::invalid_params("`arguments` must be an object, such as {\"symbol\":\"AAPL\"}")),
    }
}

/// Everything that one call needs, once its tool is known.
struct Asked<'a> {
    tool: &'static Tool,
    params: Params<'a>,
    request: RequestId,
    asker: &'a Asker<'a>,
}

pub(crate) async fn call(edge: &Edge, request: &Request<'_>, asker: &Asker<'_>) -> Result<Vec<u8>, Problem> {
    let started = Instant::now();
    let params = Params::read(request.params)?;
    let tool = ::tools::find(&params.name).ok_or_else(|| unknown_tool(&params.name))?;
    let asked = Asked { tool, params, request: RequestId::mint(), asker };
    let counted = edge.metrics.begin(tool.name, started);
    let cancel = edge.cancels.enter(Key::new(asker.peer, asker.agent, request.id.as_json()));
    let ended = tokio::select! {
        biased;
        ended = perform(edge, &asked, request.id) => ended,
        () = cancel.cancelled() => Err(Fault::new(FaultCode::Cancelled, "the caller cancelled this call")),
    };
    counted.end(ended.as_ref().map_or_else(|fault| fault.code.as_str(), |_| "ok"));
    Ok(ended.unwrap_or_else(|fault| {
        log(&asked, &fault, started);
        reply::failure(request.id, &asked.request, &fault)
    }))
}

fn unknown_tool(name: &str) -> Problem {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    let nearest = ::tools::nearest(name);
    let hint = match nearest {
        Some(nearest) => format!("did you mean `{nearest}`? tools/list names the tools"),
        None => "tools/list names the tools".to_owned(),
    };
    fault_map::problem(&Fault::new(FaultCode::UnknownTool, format!("there is no tool `{shown}`")).hint(hint).nearest(nearest))
}

/// Asks and renders. The answer is the whole JSON-RPC response.
async fn perform(edge: &Edge, asked: &Asked<'_>, id: Id<'_>) -> Result<Vec<u8>, Fault> {
    let tool = asked.tool;
    if !edge.profile.has(tool.profile) {
        return Err(outside_profile(edge, tool));
    }
    let granted = asked.asker.timeout.clone()?;
    let mut call = tool.bind(&asked.params.arguments)?;
    let row = tool.operation();
    let Ok(_slot) = edge.calls.try_acquire() else {
        return Err(Fault::new(FaultCode::Busy, format!("the edge works on {CALLS_MAX} calls already")));
    };
    let Some(caller) = edge.caller() else {
        return Err(Fault::new(FaultCode::NoWorker, "the edge has not reached NATS yet").hint("start nats-server, or set NATS_URL"));
    };
    let passage = Passage::ask(edge, row.freshness == Freshness::Kept)?;
    let meta = &asked.params.meta;
    // The call's own trace is nearer than the connection's.
    let traces = [meta.traceparent.as_deref(), asked.asker.traceparent];
    let options = CallOptions {
        timeout: granted,
        request_id: asked.request,
        caller: Some(meta.caller(asked.asker.peer)),
        traceparent: traces.into_iter().flatten().find(|text| caller::is_traceparent(text)).map(str::to_owned),
    };
    let answered: Result<Reply, Fault> = caller.call(row, Bytes::from(std::mem::take(&mut call.params)), options).await;
    let reply = match answered {
        Ok(reply) => reply,
        Err(fault) => {
            let whole_budget = granted.is_none_or(|granted| granted >= Duration::from_millis(row.deadline_ms));
            passage.ended(fault_map::evidence(&fault, whole_budget, !edge.ib_reachable()));
            return Err(fault);
        }
    };
    match edge.texts.render(tool, &call, &reply.body) {
        Ok(rendered) => {
            // An answer from memory that is stale was given because IB is away.
            passage.ended(if rendered.context.stale { Evidence::None } else { Evidence::Answered });
            Ok(reply::success(id, &asked.request, &rendered, &reply))
        }
        Err(error) => {
            passage.ended(Evidence::None);
            tracing::error!(request_id = %asked.request, %error, served_by = reply.served_by, "a reply that cannot be read");
            Err(Fault::new(FaultCode::Internal, error.to_string())
                .hint("edge and workers are of different releases, or a worker is broken; update both"))
        }
    }
}

fn outside_profile(edge: &Edge, tool: &Tool) -> Fault {
    let (own, needed) = (edge.profile.as_str(), tool.profile.as_str());
    let code = if tool.annotations.read_only { FaultCode::Forbidden } else { FaultCode::ReadOnly };
    Fault::new(code, format!("`{}` is not in this edge's profile `{own}`", tool.name))
        .hint(format!("an edge with EDGE_PROFILE={needed} has it"))
}

/// One call that the breaker let pass. Dropped without a word, it says nothing about the gateway: but a probe that
/// nobody waits for any more must make room for the next.
struct Passage<'a> {
    edge: &'a Edge,
    pass: Pass,
    told: bool,
}

impl<'a> Passage<'a> {
    fn ask(edge: &'a Edge, kept: bool) -> Result<Self, Fault> {
        match edge.breaker(Event::Asked { kept }) {
            Decision::Passed(pass) => Ok(Self { edge, pass, told: false }),
            Decision::Refused { retry_after } => {
                let wait_ms = u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX).max(1);
                Err(Fault::new(FaultCode::GatewayDown, "IB Gateway failed several calls in a row, so this one was not tried")
                    .hint("account values and positions that were known within the last 15 minutes are still answered; GET /health tells when the next call is tried")
                    .retry_after_ms(wait_ms))
            }
            // Only events that ask nothing are merely noted.
            Decision::Noted => Ok(Self { edge, pass: Pass::Beside, told: false }),
        }
    }

    fn ended(mut self, evidence: Evidence) {
        self.told = true;
        self.edge.breaker(Event::Ended(self.pass, evidence));
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        if !self.told {
            self.edge.breaker(Event::Ended(self.pass, Evidence::None));
        }
    }
}

/// One line for a failed call. The message of a fault that the caller is to blame for quotes the arguments, so it stays
/// out of the log.
fn log(asked: &Asked<'_>, fault: &Fault, started: Instant) {
    let (request_id, tool, code, ib_code) = (asked.request, asked.tool.name, fault.code, fault.ib_code);
    // A name that the caller made up may be of any length.
    let field = fault.field.as_deref().map(|field| field.chars().take(40).collect::<String>());
    let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    match fault.blame {
        Blame::Caller | Blame::Ib => {
            tracing::info!(%request_id, tool, %code, ib_code, field, elapsed_ms, "call failed");
        }
        Blame::Gateway | Blame::Mesh => {
            tracing::warn!(%request_id, tool, %code, ib_code, elapsed_ms, said = fault.message, "call failed");
        }
    }
}

#[cfg(test)]
#[path = "tools_tests.rs"]
mod tests;
