//! Asking the person behind a client before something is done.
//!
//! A client of 2026-07-28 gets `input_required` with a sealed state and calls again with the answer; the edge keeps
//! nothing. A client with a session is asked over the stream of its call. Whoever can be asked in neither way is not: the
//! action is done, because its profile allows it (orders have rules of their own).
//!
//! Invariants: a client is asked only for what it says it can; an answer counts for the very call that was asked about,
//! once; anything but a clear yes is no.

use schemas::{Fault, FaultCode};
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use super::{Asker, seal::Bound, sessions::NoWord};
use crate::{
    edge::Edge,
    rpc::{self, Problem, Request},
};

/// The one question of a confirmation.
const CONFIRM: &str = "confirm";

/// What a call that is made again brings with it.
#[derive(Debug, Default)]
pub(crate) struct Brought {
    pub(crate) responses: Map<String, Value>,
    pub(crate) state: Option<String>,
}

impl Brought {
    pub(crate) fn read(request: &Request<'_>) -> Result<Self, Problem> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Params<'a> {
            #[serde(borrow, default, deserialize_with = "rpc::present")]
            input_responses: Option<&'a RawValue>,
            #[serde(borrow, default, deserialize_with = "rpc::present")]
            request_state: Option<&'a RawValue>,
        }
        let object = request.params.map(RawValue::get).filter(|text| text.starts_with('{'));
        let Some(Ok(params)) = object.map(serde_json::from_str::<Params<'_>>) else { return Ok(Self::default()) };
        let responses = match params.input_responses {
            None => Map::new(),
            Some(raw) => serde_json::from_str(raw.get())
                .map_err(|_| Problem::invalid_params("`inputResponses` must be an object: the answer to each input request by its key"))?,
        };
        let state = params.request_state.map(rpc::string).transpose();
        let state = state.map_err(|_| Problem::invalid_params("`requestState` must be the text that was given"))?;
        Ok(Self { responses, state: state.map(std::borrow::Cow::into_owned) })
    }
}

/// How an action goes on.
#[derive(Debug)]
pub(crate) enum Word {
    Go,
    /// This is the answer to the call; it will come again.
    Ask(Value),
    Stop(Fault),
}

/// The result that asks for more. At least one of both must be there.
pub(crate) fn input_required(requests: &Value, state: Option<String>) -> Value {
    let mut result = json!({ "resultType": "input_required", "inputRequests": requests });
    if let Some(state) = state {
        result["requestState"] = state.into();
    }
    result
}

/// Whether the person can be asked about a call of this client.
pub(crate) fn can_ask(asker: &Asker<'_>) -> bool {
    asker.terms.capabilities.elicitation && (asker.terms.modern || asker.terms.session.is_some())
}

/// Asks for leave to do what `bound` names, where somebody can be asked.
pub(crate) async fn confirm(edge: &Edge, asker: &Asker<'_>, bound: &Bound<'_>, brought: &Brought, question: &str) -> Result<Word, Problem> {
    if !can_ask(asker) {
        return Ok(Word::Go);
    }
    let params = json!({ "mode": "form", "message": question, "requestedSchema": { "type": "object", "required": [CONFIRM],
        "properties": { CONFIRM: { "type": "boolean", "title": "Do it", "default": false } } } });
    if !asker.terms.modern {
        let (Some(session), Some(teller)) = (&asker.terms.session, asker.teller()) else { return Ok(Word::Go) };
        return Ok(match session.ask(teller, "elicitation/create", &params).await {
            Ok(answer) => said(&answer),
            Err(why) => Word::Stop(unheard(why)),
        });
    }
    let ask = || {
        let state = edge.seal.seal(bound, &Value::Null).ok_or_else(|| Problem::new(rpc::INTERNAL_ERROR, "no random numbers"))?;
        Ok(Word::Ask(input_required(&json!({ CONFIRM: { "method": "elicitation/create", "params": params } }), Some(state))))
    };
    let Some(state) = &brought.state else { return ask() };
    let answer = brought.responses.get(CONFIRM);
    // Without an answer the state is checked all the same, and not spent: it is asked once more.
    edge.seal.open(bound, state, answer.is_some())?;
    answer.map_or_else(ask, |answer| Ok(said(answer)))
}

fn said(answer: &Value) -> Word {
    if answer["action"] == json!("accept") && answer["content"][CONFIRM] == json!(true) {
        return Word::Go;
    }
    Word::Stop(
        Fault::new(FaultCode::Cancelled, "the person who was asked did not say yes; nothing was done")
            .hint("ask the person what they want"),
    )
}

fn unheard(why: NoWord) -> Fault {
    let why = match why {
        NoWord::Busy => "the client is asked too much already",
        NoWord::TooLate => "nobody answered in time",
        NoWord::Refused => "the client cannot ask",
    };
    Fault::new(FaultCode::Cancelled, format!("a person's leave is needed, and {why}; nothing was done"))
        .hint("call again when somebody can answer, or without the elicitation capability")
}
