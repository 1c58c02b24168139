//! `subscriptions/listen`, and what a session's stream says: changes as notifications, whatever carries them.
//!
//! Invariants: the acknowledgement comes first and names what is told, nothing else is told; every word of a listener
//! carries its request's id.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    hub::{Change, Kind, Subscription, URIS_MAX},
    resources,
};
use crate::{
    edge::Edge,
    rpc::{self, Problem, Request},
};

const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";

/// One `subscriptions/listen`.
#[derive(Debug)]
pub(crate) struct Listening {
    /// JSON.
    id: String,
    honoured: Value,
    pub(crate) subscription: Subscription,
}

impl Listening {
    pub(super) fn open(edge: &Edge, request: &Request<'_>) -> Result<Self, Problem> {
        #[derive(Deserialize)]
        struct Params {
            // Serde would read an array into the filter by position.
            notifications: serde_json::Map<String, Value>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Filter {
            #[serde(default)]
            tools_list_changed: bool,
            #[serde(default)]
            prompts_list_changed: bool,
            #[serde(default)]
            resources_list_changed: bool,
            #[serde(default)]
            resource_subscriptions: Vec<String>,
        }
        let wrong = "`notifications` must be an object such as {\"resourceSubscriptions\":[\"ibkr://health\"]}";
        let object = request.params.map(|raw| raw.get()).filter(|text| text.starts_with('{'));
        let params: Option<Params> = object.and_then(|text| serde_json::from_str(text).ok());
        let filter = params.and_then(|params| serde_json::from_value::<Filter>(params.notifications.into()).ok());
        let filter = filter.ok_or_else(|| Problem::invalid_params(wrong))?;
        let asked = [
            (filter.tools_list_changed, Kind::Tools, "toolsListChanged"),
            (filter.prompts_list_changed, Kind::Prompts, "promptsListChanged"),
            (filter.resources_list_changed, Kind::Resources, "resourcesListChanged"),
        ];
        let kinds: Vec<Kind> = asked.iter().filter(|(asked, ..)| *asked).map(|(_, kind, _)| *kind).collect();
        let full = || Problem::new(rpc::INTERNAL_ERROR, "too many listen already; close one, or ask again later");
        let subscription = edge.hub.subscribe(&kinds).ok_or_else(full)?;
        let mut honoured: serde_json::Map<String, Value> =
            asked.iter().filter(|(asked, ..)| *asked).map(|(_, _, name)| ((*name).to_owned(), json!(true))).collect();
        // What no resource of ours is called never changes.
        let ours = |uri: &str| edge.conformance || resources::known(uri).is_ok();
        // Each name of a long list would be looked up and taken apart; a body holds a million.
        let (mut seen, first) = (BTreeSet::new(), filter.resource_subscriptions.iter().take(URIS_MAX));
        let followed: Vec<&String> = first.filter(|uri| seen.insert(*uri) && ours(uri) && subscription.follow(uri)).collect();
        if !followed.is_empty() {
            honoured.insert("resourceSubscriptions".to_owned(), json!(followed));
        }
        Ok(Self { id: request.id.as_json().to_owned(), honoured: honoured.into(), subscription })
    }

    fn meta(&self) -> Value {
        let id: Value = serde_json::from_str(&self.id).unwrap_or_default();
        json!({ SUBSCRIPTION_ID: id })
    }

    pub(crate) fn acknowledged(&self) -> Vec<u8> {
        let params = json!({ "_meta": self.meta(), "notifications": self.honoured });
        notification("notifications/subscriptions/acknowledged", &params)
    }

    pub(crate) fn told(&self, change: &Change) -> Vec<u8> {
        told(change, Some(self.meta()))
    }

    /// The answer to the request: the server ends it.
    pub(crate) fn ended(&self) -> Vec<u8> {
        format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{"resultType":"complete","_meta":{}}}}}"#, self.id, self.meta()).into_bytes()
    }
}

/// The notification of a change.
pub(crate) fn told(change: &Change, meta: Option<Value>) -> Vec<u8> {
    let mut params = serde_json::Map::new();
    params.extend(meta.map(|meta| ("_meta".to_owned(), meta)));
    let method = match change {
        Change::Listed(Kind::Tools) => "notifications/tools/list_changed",
        Change::Listed(Kind::Resources) => "notifications/resources/list_changed",
        Change::Listed(Kind::Prompts) => "notifications/prompts/list_changed",
        Change::Updated(uri) => {
            params.insert("uri".to_owned(), json!(uri));
            "notifications/resources/updated"
        }
    };
    notification(method, &params.into())
}

fn notification(method: &str, params: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(192);
    rpc::write_json(&mut out, &json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    out
}
