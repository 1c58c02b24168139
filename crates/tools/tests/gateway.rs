//! The tools of group F.

#[path = "replies/gateway.rs"]
mod replies_gateway;

use replies_gateway::{LINE, check, command, context, reply, status};
use serde_json::{Value, json};
use tools::find;

fn text(tool: &str, reply: &Value) -> String {
    let tool = find(tool).expect(tool);
    let schema = jsonschema::draft202012::new(&tool.output_schema()).expect("schema");
    assert!(schema.is_valid(reply), "{}: {:?}", tool.name, schema.iter_errors(reply).map(|e| e.to_string()).collect::<Vec<_>>());
    let call = tool.bind(&serde_json::Map::new()).expect("nothing is required");
    let mut rendered = tool.render(&call, reply.to_string().as_bytes()).expect("rendered");
    assert_eq!(rendered.context, None);
    rendered.about_gateway(&context());
    rendered.text.strip_suffix(&format!("\n\n{LINE}")).expect("ends with what is known of the login").to_owned()
}

fn asked(tool: &str, arguments: Value) -> Result<Value, schemas::Fault> {
    let call = find(tool).expect(tool).bind(arguments.as_object().expect("object"))?;
    Ok(serde_json::from_slice(&call.params).expect("json"))
}

#[test]
fn arguments_become_parameters() {
    for (tool, arguments, params) in [
        ("gateway_status", json!({}), json!({})),
        ("gateway_login", json!({}), json!({})),
        ("gateway_logout", json!({}), json!({})),
        ("gateway_logout", json!({"minutes": "30", "reason": " TWS on the desk "}), json!({"minutes": 30, "reason": "TWS on the desk"})),
        ("gateway_reconnect", json!({}), json!({"hard": false})),
        ("gateway_reconnect", json!({"hard": "true"}), json!({"hard": true})),
        // Most clients of agents give up after a minute.
        ("gateway_ensure_ready", json!({}), json!({"timeout": 60})),
        ("gateway_ensure_ready", json!({"timeout": 300}), json!({"timeout": 300})),
        ("gateway_diagnose", json!({"deep": true}), json!({"deep": true})),
        ("restart_workers", json!({}), json!({})),
    ] {
        assert_eq!(asked(tool, arguments).expect(tool), params, "{tool}");
    }
    let reason = "r".repeat(200);
    assert_eq!(asked("gateway_logout", json!({ "reason": reason })).expect("200 characters")["reason"], json!(reason));
    for (tool, arguments, field) in [
        ("gateway_logout", json!({"minutes": 0}), "minutes"),
        ("gateway_logout", json!({"minutes": 10_081}), "minutes"),
        ("gateway_logout", json!({"reason": "r".repeat(201)}), "reason"),
        ("gateway_logout", json!({"reason": "a\nb"}), "reason"),
        ("gateway_ensure_ready", json!({"timeout": 301}), "timeout"),
        ("gateway_login", json!({"force": true}), "force"),
    ] {
        assert_eq!(asked(tool, arguments).expect_err(tool).field.as_deref(), Some(field), "{tool}");
    }
}

#[test]
fn a_status_tells_what_matters_first() {
    let text = text("gateway_status", &status("TWS", &[check("::1")]));
    let begins = "# Gateway: stopped\n**Docker does not answer: this is what was seen last.**\n\n- **State**: logged_out since 2026-07-24 10:00:00 EDT\n\
                  - **Wanted**: down\n- **API**: ibgateway-paper:4004, closed, server version 213\n- **Container**: TWS\n- **Reason**: TWS\n";
    assert!(text.starts_with(begins), "{text}");
    for part in
        ["by TWS since 2026-07-24T14:00:00Z (TWS)", "gateway_login ends it.", "nightly, until 2026-07-24 11:00:00 EDT", "3 in 30 minutes"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(text.ends_with("| api | ::1 | FAIL | ::1 | ::1 | ::1 |"), "{text}");
}

#[test]
fn commands_say_what_was_done_and_what_comes_next() {
    assert_eq!(text("gateway_logout", &command("Gateway stopped.", true)), "Gateway stopped.\nWait.\ngateway_login starts it again.");
    assert_eq!(
        text("gateway_login", &command("Gateway started.", false)),
        "Gateway started.\nIt was so already; nothing had to be done.\nWait.\ngateway_ensure_ready waits for it."
    );
    assert_eq!(
        text("gateway_ensure_ready", &reply("gateway_ensure_ready", "Gateway not ready after 58s: 2FA", 1)),
        "Gateway not ready after 58s: 2FA\ngateway_diagnose says what is wrong."
    );
    assert_eq!(text("restart_workers", &reply("restart_workers", "w1", 1)), "w1\n- no answer: w1");
    let text = text("gateway_diagnose", &reply("gateway_diagnose", "localhost_only", 1));
    assert!(text.starts_with("# Gateway diagnosis: localhost_only\n**Next**: localhost_only\n"), "{text}");
}
