//! `resources/list`, `resources/templates/list` and `resources/read`.
//!
//! A resource is read as a tool is called: a slot, the breaker's leave, the operation's deadline. Its text is the
//! operation's reply, as it came.
//!
//! Invariants: a list never waits longer than [`ACCOUNTS_WAIT`] for the accounts, and without them names what needs none;
//! a failed read is a protocol error that carries the fault.

pub(crate) mod table;

use std::time::Duration;

use bus::Reply;
use bytes::Bytes;
use schemas::{Fault, FaultCode, RequestId, Row, account::AccountParams, account::Summary, fault::Blame};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use tokio::time::Instant;

use super::{Asker, given};
use crate::{
    ask::{self, Question},
    breaker::Evidence,
    caller::Meta,
    edge::Edge,
    reply,
    rpc::{self, Problem},
};
use table::{MIME_TYPE, RESOURCES, Source};

/// A list is asked for at the start of a session, often before anybody is logged in.
pub(super) const ACCOUNTS_WAIT: Duration = Duration::from_millis(700);
/// Accounts whose resources are listed one by one; the others are read by the templates. IB's advisors have hundreds.
const ACCOUNTS_LISTED_MAX: usize = 50;
/// Accounts that an error names.
const ACCOUNTS_NAMED_MAX: usize = 10;

/// Which accounts the login has.
static ACCOUNTS: Row = Row::of::<Summary>();

pub(super) async fn list(edge: &Edge, params: Option<&RawValue>, asker: &Asker<'_>) -> Result<Value, Problem> {
    given::no_cursor(params, "resources/list")?;
    let accounts = accounts(edge, &Who::of(asker, None), ACCOUNTS_WAIT).await.unwrap_or_else(|_| edge.watch.accounts());
    let mut listed = Vec::new();
    for resource in RESOURCES {
        if resource.is_template() {
            listed.extend(accounts.iter().take(ACCOUNTS_LISTED_MAX).map(|account| resource.listed(Some(account))));
        } else {
            listed.push(resource.listed(None));
        }
    }
    Ok(json!({ "resources": listed }))
}

pub(super) fn templates(params: Option<&RawValue>) -> Result<Value, Problem> {
    given::no_cursor(params, "resources/templates/list")?;
    let templates: Vec<Value> = RESOURCES.iter().filter(|resource| resource.is_template()).map(table::Resource::template).collect();
    Ok(json!({ "resourceTemplates": templates }))
}

pub(super) async fn read(edge: &Edge, params: Option<&RawValue>, asker: &Asker<'_>) -> Result<Value, Problem> {
    #[derive(Deserialize)]
    struct Members<'a> {
        #[serde(borrow)]
        uri: Option<&'a RawValue>,
        #[serde(borrow, rename = "_meta")]
        meta: Option<&'a RawValue>,
    }
    let started = Instant::now();
    let members: Members<'_> = given::object(params, "resources/read")?;
    let uri = given::text(members.uri, "uri")?;
    let target = table::find(&uri).map_err(|fault| problem(&fault))?;
    let counted = edge.metrics.begin(target.resource.uri, started);
    let who = Who::of(asker, members.meta);
    let request = who.request;
    let ended = match &target.resource.source {
        Source::Health => Ok(local(edge)),
        Source::Kept { row, params, .. } => ask(edge, row, params(target.account).into(), &who, None).await,
    };
    counted.end(ended.as_ref().map_or_else(|fault| fault.code.as_str(), |_| "ok"));
    // Who listens to it and has read it just now must hear of every later change.
    edge.watch.answered(edge, &uri, ended.as_ref());
    let reply = ended.map_err(|fault| {
        ask::log(request, target.resource.uri, &fault, started);
        problem(&fault)
    })?;
    // The reply has been read as JSON, so it is UTF-8.
    let text = String::from_utf8_lossy(&reply.body);
    Ok(json!({
        "contents": [{ "uri": uri, "mimeType": MIME_TYPE, "text": text }],
        "_meta": reply::meta(&request, &reply),
    }))
}

/// Refuses to follow what cannot be read.
pub(super) fn known(uri: &str) -> Result<(), Problem> {
    table::find(uri).map(|_| ()).map_err(|fault| problem(&fault))
}

/// The edge's own report, as a reply.
pub(super) fn local(edge: &Edge) -> Reply {
    let mut body = Vec::with_capacity(2_048);
    rpc::write_json(&mut body, &edge.health());
    Reply { body: body.into(), served_by: None, client_id: None, queue_ms: None, work_ms: None, attempts: 0 }
}

/// On whose behalf an operation is asked.
#[derive(Debug)]
pub(super) struct Who<'a> {
    request: RequestId,
    caller: String,
    traces: [Option<String>; 2],
    granted: &'a Result<Option<Duration>, Fault>,
}

impl<'a> Who<'a> {
    pub(super) fn of(asker: &'a Asker<'_>, meta: Option<&RawValue>) -> Self {
        let meta = meta.and_then(Meta::read).unwrap_or_default();
        Self {
            request: RequestId::mint(),
            caller: meta.caller(&asker.principal),
            traces: [meta.traceparent.as_deref().map(str::to_owned), asker.traceparent.map(str::to_owned)],
            granted: &asker.timeout,
        }
    }
}

/// Asks an operation; `at_most` where that is less than its deadline. The reply is JSON.
pub(super) async fn ask(edge: &Edge, row: &'static Row, params: Bytes, who: &Who<'_>, at_most: Option<Duration>) -> Result<Reply, Fault> {
    #[derive(Deserialize)]
    struct Aged {
        #[serde(default)]
        context: Age,
    }
    #[derive(Default, Deserialize)]
    struct Age {
        #[serde(default)]
        stale: bool,
    }
    let granted = who.granted.clone()?;
    let question = Question {
        row,
        params,
        request: who.request,
        granted: [granted, at_most].into_iter().flatten().min(),
        caller: who.caller.clone(),
        traces: [who.traces[0].as_deref(), who.traces[1].as_deref()],
        progress: None,
    };
    let answered = ask::ask(edge, question).await?;
    match serde_json::from_slice::<Aged>(&answered.reply.body) {
        Ok(aged) => {
            // An answer from memory that is stale was given because IB is away.
            answered.passage.ended(if aged.context.stale { Evidence::None } else { Evidence::Answered });
            Ok(answered.reply)
        }
        Err(error) => Err(unreadable(row, &error)),
    }
}

fn unreadable(row: &Row, error: &serde_json::Error) -> Fault {
    Fault::new(FaultCode::Internal, format!("the reply of {} cannot be read: {error}", row.name()))
        .hint("the edge and the process that answered are of different releases, or that one is broken; update both")
}

/// The accounts of the login, asked now. Who listens to the list hears when they are others than before.
pub(super) async fn accounts(edge: &Edge, who: &Who<'_>, at_most: Duration) -> Result<Vec<String>, Fault> {
    let params = serde_json::to_vec(&AccountParams::default()).unwrap_or_default();
    let reply = ask(edge, &ACCOUNTS, params.into(), who, Some(at_most)).await?;
    let accounts = names(&reply.body)?;
    edge.watch.logged_in(edge, &accounts);
    Ok(accounts)
}

/// Asks as the edge itself, which says nothing about the gateway: nobody's call waits for it.
pub(super) async fn accounts_unasked(edge: &Edge, at_most: Duration) -> Result<(), Fault> {
    let Some(caller) = edge.caller() else { return Err(Fault::new(FaultCode::NoWorker, "the edge has not reached NATS yet")) };
    let params = serde_json::to_vec(&AccountParams::default()).unwrap_or_default();
    let reply = caller.call(&ACCOUNTS, params.into(), super::watch::options(at_most)).await?;
    edge.watch.logged_in(edge, &names(&reply.body)?);
    Ok(())
}

fn names(body: &[u8]) -> Result<Vec<String>, Fault> {
    #[derive(Deserialize)]
    struct Told {
        accounts: Vec<Account>,
    }
    #[derive(Deserialize)]
    struct Account {
        account: String,
    }
    let told: Told = serde_json::from_slice(body).map_err(|error| unreadable(&ACCOUNTS, &error))?;
    let names = told.accounts.into_iter().map(|account| account.account);
    // What could not be read back by its URI is not listed.
    Ok(names.filter(|name| table::is_account(name)).collect())
}

/// A read that failed, as MCP wants it: the caller's mistakes are -32602, also a resource that does not exist.
fn problem(fault: &Fault) -> Problem {
    let mut message = format!("{}: {}", fault.code, fault.message);
    if fault.field.as_deref() == Some(table::ACCOUNT) && !fault.allowed.is_empty() {
        let named: Vec<&str> = fault.allowed.iter().take(ACCOUNTS_NAMED_MAX).map(String::as_str).collect();
        let more = if fault.allowed.len() > named.len() { " and others" } else { "" };
        message.push_str(&format!("; its accounts are {}{more}", named.join(", ")));
    } else if let Some(hint) = &fault.hint {
        message.push_str("; ");
        message.push_str(hint);
    }
    let code = if fault.blame == Blame::Caller { rpc::INVALID_PARAMS } else { rpc::INTERNAL_ERROR };
    Problem::new(code, message).data(serde_json::to_value(fault).unwrap_or(Value::Null))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_with_its_code_and_the_way_on() {
        let accounts: Vec<String> = (0..12).map(|n| format!("DU{n}")).collect();
        let mut foreign = Fault::new(FaultCode::NotFound, "this login has no account `U1`").hint("leave account out").allowed(accounts);
        foreign.field = Some("account".to_owned());
        let foreign = problem(&foreign);
        assert_eq!(foreign.code, rpc::INVALID_PARAMS);
        assert!(
            foreign.message.contains("`U1`; its accounts are DU0, DU1,") && foreign.message.ends_with("DU9 and others"),
            "{}",
            foreign.message
        );
        assert_eq!(foreign.data.expect("the fault")["allowed"].as_array().map(Vec::len), Some(12));
        let away = problem(&Fault::new(FaultCode::GatewayDown, "IB is away").hint("wait"));
        assert_eq!((away.code, away.message.as_str()), (rpc::INTERNAL_ERROR, "gateway_down: IB is away; wait"));
    }

    #[test]
    fn accounts_are_names_that_a_uri_can_hold() {
        let body = br#"{"accounts":[{"account":"DU1","values":[]},{"account":"a/b"},{"account":""}],"context":{}}"#;
        assert_eq!(names(body).expect("readable"), ["DU1"]);
        assert_eq!(names(b"{}").map_err(|fault| fault.code), Err(FaultCode::Internal));
    }
}
