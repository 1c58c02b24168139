//! The methods beside tools: resources, prompts, completion. What an era wants around a result is not added here.

use ::tools::Profile;
use serde_json::{Value, json, value::RawValue};

use super::{Asker, completion, prompts, resources};
use crate::{edge::Edge, rpc::Problem};

/// The result of one of them; `None` where `method` is none of them.
pub(super) async fn answer(edge: &Edge, method: &str, params: Option<&RawValue>, asker: &Asker<'_>) -> Option<Result<Value, Problem>> {
    Some(match method {
        "completion/complete" => completion::complete(edge, params, asker).await,
        "prompts/get" => prompts::get(prompts::Reader { controls_gateway: asker.principal.has(Profile::Admin) }, params),
        "prompts/list" => prompts::list(params),
        "resources/list" => resources::list(edge, params, asker).await,
        "resources/read" => resources::read(edge, params, asker).await,
        "resources/templates/list" => resources::templates(params),
        _ => return None,
    })
}

/// What of them a client is told that the server can. The prompts never change.
pub(super) fn capabilities() -> [(&'static str, Value); 3] {
    let resources = json!({ "subscribe": true, "listChanged": true });
    [("completions", json!({})), ("prompts", json!({ "listChanged": false })), ("resources", resources)]
}
