use serde_json::{json, to_value};

use super::*;

#[test]
fn states_have_the_names_of_the_specification() {
    for (state, name) in
        [(State::Connected, "CONNECTED"), (State::WaitTwoFactor, "WAIT_2FA"), (State::DockerUnreachable, "DOCKER_UNREACHABLE")]
    {
        assert_eq!(to_value(state).expect("json"), json!(name));
        assert_eq!(serde_json::from_value::<State>(json!(name)).expect("state"), state);
    }
    assert_eq!(serde_json::from_value::<State>(json!("INVENTED_LATER")).expect("state"), State::Unknown);
}

#[test]
fn a_body_without_anything_is_a_request() {
    assert_eq!(serde_json::from_str::<LogoutParams>("{}").expect("params"), LogoutParams::default());
    assert_eq!(serde_json::from_str::<EnsureReadyParams>("{}").expect("params").timeout, None);
    assert!(serde_json::from_str::<LoginParams>(r#"{"force":true}"#).is_err(), "unknown parameters are refused");
}

#[test]
fn a_failure_says_success_false_message_and_code() {
    let fault = Fault::new(FaultCode::Conflict, "the gateway is logged out").hint("POST /gateway/login starts it.");
    let body = to_value(CommandFailure::from(&fault)).expect("json");
    assert_eq!(body, json!({"success": false, "message": "the gateway is logged out: POST /gateway/login starts it.", "code": "conflict"}));
}

#[test]
fn a_state_in_a_subject_is_its_name_in_lower_case() {
    for name in [
        "DOCKER_UNREACHABLE",
        "LOGGED_OUT",
        "STOPPING",
        "STOPPED",
        "PAUSED",
        "STARTING",
        "LOGIN",
        "WAIT_2FA",
        "API_WAIT",
        "API_READY",
        "CONNECTED",
        "UPSTREAM_LOST",
        "SOFT_RESTART",
        "SESSION_CONFLICT",
        "BACKOFF",
        "HALTED",
        "INVENTED_LATER",
    ] {
        let state: State = serde_json::from_value(name.into()).expect("an open enum");
        let said = if name == "INVENTED_LATER" { "unknown".to_owned() } else { name.to_ascii_lowercase() };
        assert_eq!(state.token(), said);
        let gateway: crate::GatewayName = "paper".parse().expect("a name");
        assert_eq!(gateway.gateway_event(state), format!("ib.v1.paper.evt.gateway.{said}"));
    }
}
