//! The gateway's settings as the API shows and changes them.
//!
//! Invariant: a change is whole or nothing: with an error or a warning that was not accepted, nothing
//! changes. What the simulator reads at its start only is refused instead of being shown as changed.

use prost::Message;
use serde::Serialize;
use serde_json::Value;

use super::super::live::Live;
use crate::proto::event::Event;
use crate::settings::Settings;
use crate::wire::pb::config::{
    ApiConfig, ApiPrecautionsConfig, ApiSettingsConfig, ConfigResponse, LockAndExitConfig, MessageConfig, OrdersConfig,
    OrdersSmartRoutingConfig, UpdateConfigRequest, UpdateConfigResponse, UpdateConfigWarning,
};

/// Settings that this gateway takes from its command line.
const FIXED: &[&str] = &["api.settings.readOnlyApi", "api.settings.socketPort", "api.settings.masterClientId"];

/// Everything that can be asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Config {
    lock_and_exit: LockAndExitConfig,
    messages: Vec<MessageConfig>,
    api: ApiConfig,
    orders: OrdersConfig,
}

impl Config {
    pub(super) fn new(settings: &Settings) -> Self {
        let text = |text: &str| Some(text.to_owned());
        let prompt = |id, title: &str, message: &str| MessageConfig {
            id: Some(id),
            title: text(title),
            message: text(message),
            default_action: text("Yes"),
            enabled: Some(true),
        };
        Self {
            lock_and_exit: LockAndExitConfig {
                auto_logoff_time: text("11:45"),
                auto_logoff_period: text("PM"),
                auto_logoff_type: text("restart"),
            },
            messages: vec![
                prompt(131, "Confirm Mandatory Cap Price", "The price of the order may be capped by the exchange's rules."),
                prompt(2_109, "Outside Regular Trading Hours", "The attribute is ignored for this order type and destination."),
            ],
            api: ApiConfig {
                precautions: Some(ApiPrecautionsConfig { bypass_order_precautions: Some(false), ..Default::default() }),
                settings: Some(ApiSettingsConfig {
                    read_only_api: Some(settings.orders.read_only_api),
                    download_open_orders_on_connection: Some(true),
                    send_status_updates_for_volatility_orders: Some(false),
                    socket_port: Some(i32::from(settings.bind.port())),
                    create_api_message_log_file: Some(false),
                    logging_level: text("Error"),
                    master_client_id: settings.orders.master_client_id,
                    bulk_data_timeout: Some(30),
                    reject_messages_above_max_rate: Some(settings.pacing),
                    send_instrument_timezone: text("instrument timezone"),
                    maintain_and_resubmit_orders_on_reconnect: Some(true),
                    allow_localhost_only: Some(settings.bind.ip().is_loopback()),
                    ..Default::default()
                }),
            },
            orders: OrdersConfig {
                smart_routing: Some(OrdersSmartRoutingConfig {
                    seek_price_improvement: Some(false),
                    pre_open_reroute: Some(false),
                    do_not_route_to_dark_pools: Some(false),
                    default_algorithm: None,
                }),
            },
        }
    }

    /// The settings with a change in them, and the warnings about it that were not accepted.
    fn changed(&self, update: &UpdateConfigRequest) -> (Self, Vec<UpdateConfigWarning>) {
        let mut next = self.clone();
        merge(&mut next.lock_and_exit, update.lock_and_exit.as_ref());
        merge(&mut next.api, update.api.as_ref());
        merge(&mut next.orders, update.orders.as_ref());
        let mut warnings = Vec::new();
        for wanted in &update.messages {
            let Some(prompt) = next.messages.iter_mut().find(|prompt| prompt.id == wanted.id) else { continue };
            let silenced = prompt.enabled == Some(true) && wanted.enabled == Some(false);
            let accepted = update.accepted_warnings.iter().any(|warning| warning.message_id == wanted.id);
            if silenced && !accepted {
                let message = Some("Orders will be placed without this confirmation.".to_owned());
                warnings.push(UpdateConfigWarning { message_id: wanted.id, title: prompt.title.clone(), message });
            }
            merge(prompt, Some(wanted));
        }
        (next, warnings)
    }
}

/// Protobuf's own rule: what is given replaces, what is absent stays.
fn merge<M: Message + Default>(into: &mut M, update: Option<&M>) {
    if let Some(update) = update {
        // Merging what was encoded just now cannot fail.
        let _ = into.merge(update.encode_to_vec().as_slice());
    }
}

/// The settings that differ, as paths of IB's names.
fn differences(before: &Value, after: &Value, path: &str, found: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            for (name, value) in new {
                let path = if path.is_empty() { camel(name) } else { format!("{path}.{}", camel(name)) };
                differences(old.get(name).unwrap_or(&Value::Null), value, &path, found);
            }
        }
        (Value::Null, Value::Object(new)) => new.iter().for_each(|(name, value)| {
            differences(&Value::Null, value, &format!("{path}.{}", camel(name)), found);
        }),
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (old, new) in old.iter().zip(new) {
                differences(old, new, &format!("{path}[{}]", new["id"]), found);
            }
        }
        (old, new) if old != new => found.push(path.to_owned()),
        _ => {}
    }
}

fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let (head, tail) = part.split_at(part.len().min(1));
        text + &head.to_ascii_uppercase() + tail
    })
}

impl Live {
    pub(super) fn tell_config(&mut self, req_id: i32) {
        let now = self.gateway.reference.config().clone();
        self.send(&Event::Config(Box::new(ConfigResponse {
            req_id: Some(req_id),
            lock_and_exit: Some(now.lock_and_exit),
            messages: now.messages,
            api: Some(now.api),
            orders: Some(now.orders),
        })));
    }

    pub(super) fn update_config(&mut self, update: UpdateConfigRequest) {
        let mut answer = UpdateConfigResponse { req_id: update.req_id, ..Default::default() };
        {
            let mut config = self.gateway.reference.config();
            let (next, warnings) = config.changed(&update);
            let shown = |config: &Config| serde_json::to_value(config).unwrap_or(Value::Null);
            differences(&shown(&config), &shown(&next), "", &mut answer.changed_fields);
            let fixed = answer.changed_fields.iter().filter(|path| FIXED.contains(&path.as_str()));
            answer.errors.extend(fixed.map(|path| format!("{path} can be set at the start only")));
            for wanted in update.messages.iter().filter(|wanted| !next.messages.iter().any(|prompt| prompt.id == wanted.id)) {
                answer.errors.push(format!("message {} is unknown", wanted.id.unwrap_or_default()));
            }
            answer.warnings = warnings;
            if answer.errors.is_empty() && answer.warnings.is_empty() {
                *config = next;
            }
        }
        if update.reset_api_order_sequence == Some(true) && answer.errors.is_empty() && answer.warnings.is_empty() {
            self.reset_order_ids(&mut answer);
        }
        let refused = !answer.errors.is_empty() || !answer.warnings.is_empty();
        if refused {
            answer.changed_fields.clear();
        }
        answer.status = Some(if refused { "Failed" } else { "Success" }.to_owned());
        let reason = answer.errors.first().cloned();
        answer.message = Some(match (reason, answer.warnings.is_empty()) {
            (Some(error), _) => error,
            (None, false) => "Accept the warnings to apply the change.".to_owned(),
            (None, true) => String::new(),
        });
        self.send(&Event::UpdateConfig(Box::new(answer)));
    }

    /// IB resets the ids of all clients, and only while no order works that could carry one of them.
    fn reset_order_ids(&mut self, answer: &mut UpdateConfigResponse) {
        let reset = self.gateway.broker_step(|book, _| {
            let idle = !book.has_working();
            if idle {
                book.reset_ids();
            }
            idle
        });
        if reset {
            answer.changed_fields.push("resetAPIOrderSequence".to_owned());
        } else {
            answer.errors.push("The order id sequence cannot be reset while orders are working".to_owned());
        }
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
