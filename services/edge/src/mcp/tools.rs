//! `tools/list` and `tools/call`.
//!
//! Invariants: a failed call makes one log line, with its request id and without its arguments; a call that nobody waits
//! for any more ends.

use std::borrow::Cow;

use ::tools::{GatewayContext, Profile, RenderError, Rendered, Tool, Toolset};
use bytes::Bytes;
use schemas::{Fault, FaultCode, RequestId};
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};
use tokio::time::Instant;

use super::Asker;
use crate::{
    ask::{self, Question},
    breaker::Evidence,
    caller::Meta,
    cancels::Key,
    edge::Edge,
    fault_map, health,
    own::{self, OwnCall},
    reply,
    rpc::{self, Id, Problem, Request},
};

/// The result of `tools/list`, made once. One page: the whole is small, so a cursor is never given and never needed.
pub(crate) fn listing(profile: Profile, toolsets: &[Toolset]) -> Bytes {
    let listed = ::tools::TOOLS.iter().filter(|tool| toolsets.contains(&tool.toolset));
    let names = listed.flat_map(|tool| tool.listed_as(profile).map(move |name| (name, tool.listing(name))));
    let mut tools: Vec<(&str, Value)> = names.collect();
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
    let cancel = edge.cancels.enter(Key::new(asker.peer, &asker.agent, request.id.as_json()));
    let ended = tokio::select! {
        biased;
        ended = perform(edge, &asked, request.id) => ended,
        () = cancel.cancelled() => Err(Fault::new(FaultCode::Cancelled, "the caller cancelled this call")),
    };
    counted.end(ended.as_ref().map_or_else(|fault| fault.code.as_str(), |_| "ok"));
    Ok(ended.unwrap_or_else(|fault| {
        ask::log(asked.request, tool.name, &fault, started);
        reply::failure(request.id, &asked.request, &fault)
    }))
}

/// Whether the tool that a `tools/call` names tells how far it is.
pub(super) fn tells_progress(request: &Request<'_>) -> bool {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        name: &'a RawValue,
    }
    let params = request.params.and_then(|params| serde_json::from_str::<Named<'_>>(params.get()).ok());
    let name = params.and_then(|params| rpc::string(params.name).ok());
    name.and_then(|name| ::tools::find(&name)).is_some_and(|tool| tool.operation().tells_progress)
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
    let meta = &asked.params.meta;
    if !tool.operation().over_nats() {
        let (params, caller) = (&*call.params, meta.caller(asked.asker.peer));
        let own = OwnCall { row: tool.operation(), params, caller, profile: edge.profile };
        let body = own::answer(edge, &own).await?;
        let reply = bus::Reply { body, served_by: None, client_id: None, queue_ms: None, work_ms: None, attempts: 0 };
        return Ok(rendered(edge, asked, id, edge.texts.render(tool, &call, &reply.body), &reply)?.0);
    }
    let question = Question {
        row: tool.operation(),
        params: Bytes::from(std::mem::take(&mut call.params)),
        request: asked.request,
        granted,
        caller: meta.caller(asked.asker.peer),
        // The call's own trace is nearer than the connection's.
        traces: [meta.traceparent.as_deref(), asked.asker.traceparent],
        progress: asked.asker.progress(),
    };
    let answered = ask::ask(edge, question).await?;
    let reply = &answered.reply;
    let (answer, stale) = rendered(edge, asked, id, edge.texts.render(tool, &call, &reply.body), reply)?;
    // An answer from memory that is stale was given because IB is away.
    answered.passage.ended(if stale { Evidence::None } else { Evidence::Answered });
    Ok(answer)
}

/// The whole JSON-RPC response, and whether it tells from memory because IB is away.
fn rendered(
    edge: &Edge,
    asked: &Asked<'_>,
    id: Id<'_>,
    rendered: Result<Rendered, RenderError>,
    reply: &bus::Reply,
) -> Result<(Vec<u8>, bool), Fault> {
    let mut rendered = rendered.map_err(|error| {
        tracing::error!(request_id = %asked.request, %error, served_by = reply.served_by, "a reply that cannot be read");
        Fault::new(FaultCode::Internal, error.to_string())
            .hint("the edge and the process that answered are of different releases, or that one is broken; update both")
    })?;
    Ok(match rendered.context.take() {
        Some(context) => (reply::success(id, &asked.request, &rendered.text, &context, reply), context.stale),
        None => {
            let context = gateway_context(edge);
            rendered.about_gateway(&context);
            (reply::success(id, &asked.request, &rendered.text, &context, reply), false)
        }
    })
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
