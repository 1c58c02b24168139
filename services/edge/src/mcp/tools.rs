//! `tools/list` and `tools/call`.
//!
//! Invariants: a failed call makes one log line, with its request id and without its arguments; a call that nobody waits
//! for any more ends.

use std::{borrow::Cow, sync::OnceLock};

use ::tools::{GatewayContext, Profile, RenderError, Rendered, Tool, Toolset};
use bytes::Bytes;
use schemas::{Fault, FaultCode, RequestId};
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};
use tokio::time::Instant;

use super::{
    Asker,
    confirm::{self, Brought, Word},
    frame::Frame,
    level::Level,
    seal::Bound,
};
use crate::{
    ask::{self, Question},
    audit::{Change, Entry},
    auth::Principal,
    breaker::Evidence,
    caller::Meta,
    edge::Edge,
    fault_map, health,
    own::{self, OwnCall},
    reply::{self, Shown},
    rpc::{self, Problem, Request},
};

/// The results of `tools/list`, each made once: one for every set of profiles that a caller may have.
#[derive(Debug)]
pub(crate) struct Listings {
    toolsets: Vec<Toolset>,
    made: [OnceLock<Bytes>; 1 << Profile::ALL.len()],
}

impl Listings {
    pub(crate) fn new(toolsets: Vec<Toolset>) -> Self {
        Self { toolsets, made: Default::default() }
    }

    pub(crate) fn of(&self, principal: &Principal) -> &Bytes {
        let has = |profile: Profile| principal.has(profile);
        let which = Profile::ALL.iter().enumerate().fold(0, |bits, (bit, profile)| bits | (usize::from(has(*profile)) << bit));
        self.made[which].get_or_init(|| listing(has, &self.toolsets))
    }
}

/// One page: the whole is small, so a cursor is never given and never needed.
fn listing(has: impl Fn(Profile) -> bool, toolsets: &[Toolset]) -> Bytes {
    let listed = ::tools::TOOLS.iter().filter(|tool| toolsets.contains(&tool.toolset));
    let names = listed.flat_map(|tool| tool.listed_as(&has).map(move |name| (name, tool.listing(name))));
    let mut tools: Vec<(&str, Value)> = names.collect();
    // A stable order keeps clients' prompt caches valid.
    tools.sort_by_key(|(name, _)| *name);
    let tools: Vec<Value> = tools.into_iter().map(|(_, tool)| tool).collect();
    let mut out = Vec::new();
    rpc::write_json(&mut out, &json!({ "tools": tools }));
    out.into()
}

pub(crate) fn list(edge: &Edge, request: &Request<'_>, asker: &Asker<'_>) -> Result<Vec<u8>, Problem> {
    if request.params.is_some_and(|params| !params.get().starts_with('{')) {
        return Err(Problem::invalid_params("`params` of tools/list must be an object"));
    }
    Ok(Frame::new(edge, asker, request.id).ready("tools/list", edge.listings.of(&asker.principal)))
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

impl Asked<'_> {
    /// The record of a call that is no read.
    fn audited<'e>(&self, edge: &'e Edge) -> Option<Entry<'e>> {
        if self.tool.annotations.read_only {
            return None;
        }
        let mut arguments = Vec::new();
        rpc::write_json(&mut arguments, &self.params.arguments);
        let (who, row) = (self.params.meta.caller(&self.asker.principal), self.tool.operation());
        Some(edge.audit.begin(Change { who, asked: self.tool.name, row, arguments: &arguments, request: self.request }))
    }
}

pub(crate) async fn call(edge: &Edge, request: &Request<'_>, asker: &Asker<'_>) -> Result<Vec<u8>, Problem> {
    let started = Instant::now();
    let params = Params::read(request.params)?;
    let tool = ::tools::find(&params.name).ok_or_else(|| unknown_tool(&params.name))?;
    let asked = Asked { tool, params, request: RequestId::mint(), asker };
    let counted = edge.metrics.begin(tool.name, started);
    let frame = Frame::new(edge, asker, request.id);
    let audited = asked.audited(edge);
    let cancel = edge.cancels.enter(asker.cancel_key(request.id.as_json()));
    let ended = tokio::select! {
        biased;
        ended = allowed(edge, &asked, request, &frame) => ended,
        () = cancel.cancelled() => Err(Stop::Fault(Fault::new(FaultCode::Cancelled, "the caller cancelled this call"))),
    };
    let outcome = match &ended {
        Ok((outcome, _)) => outcome,
        Err(Stop::Fault(fault)) => fault.code.as_str(),
        Err(Stop::Problem(_)) => FaultCode::InvalidParams.as_str(),
    };
    counted.end(outcome);
    if let Some(audited) = audited {
        audited.end(outcome);
    }
    let level = if ended.is_ok() { Level::Info } else { Level::Warning };
    asker.log(level, || {
        let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        json!({ "tool": tool.name, "outcome": outcome, "elapsed_ms": elapsed_ms, "request_id": asked.request.to_string() })
    });
    match ended {
        Ok((_, answer)) => Ok(answer),
        Err(Stop::Problem(problem)) => Err(problem),
        Err(Stop::Fault(fault)) => {
            ask::log(asked.request, tool.name, &fault, started);
            Ok(reply::failure(&frame, &asked.request, &fault))
        }
    }
}

/// Why a call ends without an answer.
enum Stop {
    /// A failed tool.
    Fault(Fault),
    /// A call that was not one.
    Problem(Problem),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// What takes the gateway from everybody is asked about first.
pub(super) fn asks_first(tool: &Tool) -> bool {
    tool.profile == Profile::Admin && tool.annotations.destructive == Some(true)
}

/// How it ended, in one word, and the answer.
type Ended = (&'static str, Vec<u8>);

async fn allowed(edge: &Edge, asked: &Asked<'_>, request: &Request<'_>, frame: &Frame<'_>) -> Result<Ended, Stop> {
    let tool = asked.tool;
    // What is refused anyway is not asked about.
    if asks_first(tool) && asked.asker.principal.has(tool.profile) && tool.bind(&asked.params.arguments).is_ok() {
        let (brought, arguments) = (Brought::read(request)?, &asked.params.arguments);
        let bound = Bound { principal: asked.asker.principal.key(), method: "tools/call", name: tool.name, arguments };
        let question = format!("{} the gateway `{}`? Everybody who uses it is without IB until it is back.", tool.title, edge.gateway);
        match confirm::confirm(edge, asked.asker, &bound, &brought, &question).await? {
            Word::Go => {}
            Word::Ask(result) => return Ok(("asked", frame.value("tools/call", result))),
            Word::Stop(fault) => return Err(fault.into()),
        }
    }
    Ok(("ok", perform(edge, asked, frame).await?))
}

/// The tool that a `tools/call` names.
pub(super) fn named(request: &Request<'_>) -> Option<&'static Tool> {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        name: &'a RawValue,
    }
    let params = request.params.and_then(|params| serde_json::from_str::<Named<'_>>(params.get()).ok());
    let name = params.and_then(|params| rpc::string(params.name).ok());
    name.and_then(|name| ::tools::find(&name))
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
async fn perform(edge: &Edge, asked: &Asked<'_>, frame: &Frame<'_>) -> Result<Vec<u8>, Fault> {
    let tool = asked.tool;
    if !edge.profile.has(tool.profile) {
        return Err(outside_profile(edge, tool));
    }
    asked.asker.principal.trusted_with(tool.name, tool.profile, health::mode(&edge.seen()))?;
    let granted = asked.asker.timeout.clone()?;
    let mut call = tool.bind(&asked.params.arguments)?;
    let meta = &asked.params.meta;
    if !tool.operation().over_nats() {
        let principal = &asked.asker.principal;
        let own = OwnCall { row: tool.operation(), params: &call.params, caller: meta.caller(principal), principal };
        let body = own::answer(edge, &own).await?;
        let reply = bus::Reply { body, served_by: None, client_id: None, queue_ms: None, work_ms: None, attempts: 0 };
        return Ok(rendered(edge, asked, frame, edge.texts.render(tool, &call, &reply.body), &reply)?.0);
    }
    let question = Question {
        row: tool.operation(),
        params: Bytes::from(std::mem::take(&mut call.params)),
        request: asked.request,
        granted,
        caller: meta.caller(&asked.asker.principal),
        // The call's own trace is nearer than the connection's.
        traces: [meta.traceparent.as_deref(), asked.asker.traceparent],
        progress: asked.asker.progress(),
    };
    let answered = ask::ask(edge, question).await?;
    let reply = &answered.reply;
    let (answer, stale) = rendered(edge, asked, frame, edge.texts.render(tool, &call, &reply.body), reply)?;
    // An answer from memory that is stale was given because IB is away.
    answered.passage.ended(if stale { Evidence::None } else { Evidence::Answered });
    Ok(answer)
}

/// The whole JSON-RPC response, and whether it tells from memory because IB is away.
fn rendered(
    edge: &Edge,
    asked: &Asked<'_>,
    frame: &Frame<'_>,
    rendered: Result<Rendered, RenderError>,
    reply: &bus::Reply,
) -> Result<(Vec<u8>, bool), Fault> {
    let mut rendered = rendered.map_err(|error| {
        tracing::error!(request_id = %asked.request, %error, served_by = reply.served_by, "a reply that cannot be read");
        Fault::new(FaultCode::Internal, error.to_string())
            .hint("the edge and the process that answered are of different releases, or that one is broken; update both")
    })?;
    let tool = asked.tool;
    Ok(match rendered.context.take() {
        Some(context) => (reply::success(frame, &asked.request, shown(tool, &rendered.text), &context, reply), context.stale),
        None => {
            let context = gateway_context(edge);
            rendered.about_gateway(&context);
            (reply::success(frame, &asked.request, shown(tool, &rendered.text), &context, reply), false)
        }
    })
}

/// A tool that looks beyond IB's own records brings what anybody can have written.
fn shown<'a>(tool: &Tool, text: &'a str) -> Shown<'a> {
    Shown { text, untrusted: tool.annotations.open_world }
}

fn gateway_context(edge: &Edge) -> GatewayContext {
    GatewayContext { mode: health::mode(&edge.seen()), gateway: edge.gateway.to_string(), time: service::clock::now() }
}

fn outside_profile(edge: &Edge, tool: &Tool) -> Fault {
    let (own, needed) = (edge.profile.as_str(), tool.profile.as_str());
    // Who may only read is refused an order for that reason; who may not control the gateway, for lack of leave.
    let writes = tool.profile == Profile::Trading && !tool.annotations.read_only;
    let code = if writes { FaultCode::ReadOnly } else { FaultCode::Forbidden };
    Fault::new(code, format!("`{}` is not in this edge's profile `{own}`", tool.name))
        .hint(format!("an edge with EDGE_PROFILE={needed} has it"))
}

#[cfg(test)]
#[path = "tools_tests.rs"]
mod tests;
