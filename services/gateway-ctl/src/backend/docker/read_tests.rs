use bollard::models::ContainerInspectResponse;
use serde_json::{Value, json};

use super::*;

fn inspect(body: Value) -> ContainerInspectResponse {
    serde_json::from_value(body).expect("an inspection")
}

fn life(state: Value) -> Life {
    life_of(&inspect(json!({ "State": state })))
}

const STARTED: &str = "2026-11-20T10:15:30.123456789Z";
const NEVER: &str = "0001-01-01T00:00:00Z";

#[test]
fn each_state_of_docker_has_one_meaning() {
    let started_at: Option<Timestamp> = STARTED.parse().ok();
    let of = |status: &str| {
        life(
            json!({ "Status": status, "Running": status == "running", "ExitCode": 87, "OOMKilled": false, "StartedAt": STARTED, "FinishedAt": STARTED }),
        )
    };
    let exited = Container::Exited { code: Some(87), oom_killed: false, finished_at: started_at };
    assert_eq!(of("running"), Life { container: Container::Running { started_at }, started_at });
    assert_eq!(of("paused").container, Container::Paused);
    for status in ["exited", "dead", "restarting"] {
        assert_eq!(of(status), Life { container: exited, started_at }, "{status}");
    }
    assert_eq!(of("removing").container, Container::Missing);
    let never = life(json!({ "Status": "created", "ExitCode": 0, "StartedAt": NEVER, "FinishedAt": NEVER }));
    assert_eq!(never, Life { container: Container::Exited { code: None, oom_killed: false, finished_at: None }, started_at: None });
    assert_eq!(life(json!({ "Running": true, "StartedAt": STARTED })).container, Container::Running { started_at });
    assert_eq!(
        life(json!({ "Running": false, "ExitCode": 137, "OOMKilled": true })).container,
        Container::Exited { code: Some(137), oom_killed: true, finished_at: None }
    );
    assert_eq!(life_of(&inspect(json!({}))).container, Container::Unknown);
}

#[test]
fn settings_and_names_are_read_and_no_value_is_kept() {
    let body = |env: Value, mounts: Value| {
        inspected_of(&inspect(json!({
            "Config": { "Image": "ghcr.io/gnzsnz/ib-gateway:10.45", "Env": env },
            "HostConfig": { "RestartPolicy": { "Name": "always", "MaximumRetryCount": 0 } },
            "Mounts": mounts,
        })))
    };
    let volume = json!([{ "Type": "volume", "Destination": "/home/ibgateway/tws_settings" }]);
    let path = "TWS_SETTINGS_PATH=/home/ibgateway/tws_settings";
    let whole = body(json!([path, "TWS_USERID=somebody", "TWS_PASSWORD_FILE=/run/secrets/p"]), volume.clone());
    assert_eq!((whole.image.as_deref(), whole.restart_policy.as_deref()), (Some("ghcr.io/gnzsnz/ib-gateway:10.45"), Some("always")));
    assert_eq!((whole.settings_kept, whole.missing_env.len()), (Some(true), 0));
    assert!(!format!("{whole:?}").contains("somebody"));
    let bare = body(json!(["IBC_INI=/x", "TWS_USERID="]), volume.clone());
    assert_eq!(
        (bare.settings_kept, bare.missing_env),
        (Some(false), vec!["TWS_USERID or IB_USERNAME".into(), "TWS_PASSWORD or TWS_PASSWORD_FILE or IB_PASSWORD".into()])
    );
    let elsewhere =
        body(json!([path, "TWS_USERID=a", "TWS_PASSWORD=b"]), json!([{ "Type": "bind", "Destination": "/home/ibgateway/tws" }]));
    assert_eq!(elsewhere.settings_kept, Some(false));
    // docker-compose.ib.yml: the start script makes the image's names of ours, and the password is a secret.
    let secret = |source: &str| json!([{ "Type": "bind", "Source": source, "Destination": "/run/secrets/ib_password" }]);
    let shipped = json!(["TWS_USERID=", "TWS_PASSWORD=", "IB_USERNAME=somebody", "IB_PASSWORD="]);
    assert_eq!(body(shipped.clone(), secret("/srv/secrets/ib-paper")).missing_env.len(), 0);
    assert_eq!(body(shipped, secret("/dev/null")).missing_env.len(), 1);
    let read_only = body(json!([path]), json!([{ "Type": "volume", "Destination": "/home/ibgateway/tws_settings", "RW": false }]));
    assert_eq!((read_only.settings_kept, read_only.settings_read_only, whole.settings_read_only), (Some(true), true, false));
    let simulator = body(json!(["PATH=/bin"]), json!([]));
    assert_eq!((simulator.settings_kept, simulator.missing_env.len()), (None, 0));
    assert_eq!(inspected_of(&inspect(json!({}))), Inspected::default());
}
