use std::collections::BTreeMap;

use super::*;

fn load(service: &'static str, env: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let env: BTreeMap<String, String> = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Settings::load(service, &BTreeMap::new(), |name| env.get(name).cloned())
}

fn problems(service: &'static str, env: &[(&str, &str)]) -> String {
    load(service, env).expect_err("must be refused").to_string()
}

#[test]
fn defaults_alone_are_enough() {
    for service in [EDGE, WORKER, OPTIONS] {
        let settings = load(service, &[]).expect(service);
        assert_eq!((settings.ib_host(), settings.ib_port()), ("127.0.0.1", 4002));
    }
}

#[test]
fn aliases_are_read_and_may_not_differ() {
    assert_eq!(load(WORKER, &[("TWS_HOST", "gw")]).expect("alias").ib_host(), "gw");
    assert_eq!(load(WORKER, &[("TWS_HOST", "gw"), ("IBKR_HOST", "gw")]).expect("same").ib_host(), "gw");
    let said = problems(WORKER, &[("IB_HOST", "a"), ("TWS_HOST", "b")]);
    assert!(said.contains("IB_HOST and TWS_HOST differ"), "{said}");
}

#[test]
fn every_wrong_variable_is_named_in_one_message() {
    let said = problems(WORKER, &[("IB_PORT", "70000"), ("LOG_FORMAT", "xml"), ("WORKER_SLOTS", "0"), ("NATS_URL", "http://x")]);
    for name in ["IB_PORT", "LOG_FORMAT", "WORKER_SLOTS", "NATS_URL", "one of text, json", "from 1 to 256"] {
        assert!(said.contains(name), "{name} missing in: {said}");
    }
}

#[test]
fn what_is_right_is_told_beside_what_is_wrong() {
    let error = load(WORKER, &[("IB_PORT", "70000"), ("IB_HOST", "gw"), ("NATS_URL", "nats://me:secret@h:1")]).expect_err("a wrong port");
    for part in ["IB_HOST=gw  # IB_HOST", "# IB_PORT is wrong", "WORKER_SLOTS=8  # default"] {
        assert!(error.read.contains(part), "{part} missing in: {}", error.read);
    }
    assert!(!error.read.contains("secret") && !error.to_string().contains("secret"), "{}", error.read);
}

#[test]
fn mode_sets_the_port_and_a_said_port_wins() {
    assert_eq!(load(WORKER, &[("IBKR_MODE", "paper_tws")]).expect("mode").ib_port(), 7497);
    assert_eq!(load(WORKER, &[("IBKR_MODE", "paper_gateway"), ("IB_PORT", "4004")]).expect("socat").ib_port(), 4004);
}

#[test]
fn paper_on_a_live_port_is_refused_by_name() {
    for port in ["4001", "4003", "7496"] {
        let said = problems(WORKER, &[("IB_PORT", port)]);
        assert!(said.contains(port) && said.contains("TRADING_MODE"), "{said}");
        load(WORKER, &[("IB_PORT", port), ("TRADING_MODE", "live")]).expect("meant");
    }
    assert!(problems(WORKER, &[("IBKR_MODE", "live_gateway")]).contains("IBKR_MODE"));
}

#[test]
fn a_client_id_range_over_reserved_ids_moves_and_says_so() {
    for said in ["0", "1", "75", "95"] {
        let settings = load(WORKER, &[("IB_CLIENT_ID", said)]).expect("moved");
        assert_eq!(settings.client_id(), ClientId(10));
        assert_eq!(settings.warnings().len(), 1, "{said}");
    }
    assert_eq!(load(WORKER, &[("IB_CLIENT_ID", "200")]).expect("free").client_id(), ClientId(200));
}

#[test]
fn the_predecessors_bind_halves_make_the_bind() {
    let settings = load(EDGE, &[("SERVER_PORT", "9000")]).expect("half");
    assert_eq!(settings.address("EDGE_BIND").to_string(), "127.0.0.1:9000");
    assert!(problems(EDGE, &[("SERVER_PORT", "9000"), ("EDGE_BIND", "127.0.0.1:9001")]).contains("differ"));
}

#[test]
fn off_loopback_needs_the_word() {
    assert!(problems(EDGE, &[("EDGE_BIND", "0.0.0.0:8000")]).contains("EDGE_AUTH=none"));
    load(EDGE, &[("EDGE_BIND", "0.0.0.0:8000"), ("EDGE_AUTH", "none")]).expect("meant");
    load(EDGE, &[("EDGE_BIND", "0.0.0.0:8000"), ("EDGE_TOKENS_FILE", "/run/secrets/edge_tokens")]).expect("guarded");
    let issuer = [("EDGE_JWKS_URL", "https://id.example/keys"), ("EDGE_JWT_ISSUER", "https://id.example/"), ("EDGE_JWT_AUDIENCE", "mesh")];
    load(EDGE, &[&issuer[..], &[("EDGE_BIND", "0.0.0.0:8000")]].concat()).expect("guarded");
    assert!(problems(EDGE, &[&issuer[..], &[("EDGE_AUTH", "none")]].concat()).contains("contradict"));
    for left_out in 0..issuer.len() {
        let mut some = issuer.to_vec();
        let (name, _) = some.remove(left_out);
        assert!(problems(EDGE, &some).contains(&format!("{name} is not set")), "{name}");
    }
}

#[test]
fn a_password_in_the_url_is_never_shown() {
    let settings = load(WORKER, &[("NATS_URL", "nats://user:topsecret@host:4222")]).expect("good");
    assert!(settings.print().contains("nats://(redacted)@host:4222"), "{}", settings.print());
    assert!(!format!("{settings:?}").contains("topsecret"));
    assert!(!problems(WORKER, &[("NATS_URL", "natz://user:topsecret@host")]).contains("topsecret"));
}

#[test]
fn flags_win_over_the_environment() {
    let flags = BTreeMap::from([("EDGE_BIND", "127.0.0.1:9001".to_owned())]);
    let halves = Settings::load(EDGE, &flags, |name| (name == "SERVER_PORT").then(|| "9000".to_owned())).expect("good");
    assert_eq!(halves.address("EDGE_BIND").port(), 9001);
    let flags = BTreeMap::from([("IB_PORT", "7497".to_owned())]);
    let settings = Settings::load(WORKER, &flags, |name| (name == "IB_PORT").then(|| "4002".to_owned())).expect("good");
    assert_eq!(settings.ib_port(), 7497);
    assert!(settings.print().contains("IB_PORT=7497  # --ib-port"), "{}", settings.print());
}

#[test]
fn an_address_with_a_password_comes_from_a_file_and_is_never_shown() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "nats://edge:hunter2@nats:4222\n").unwrap();
    let path = file.path().to_str().unwrap();
    let settings = load(EDGE, &[("NATS_URL_FILE", path)]).expect("a good file");
    assert_eq!(settings.text("NATS_URL"), Some("nats://edge:hunter2@nats:4222"));
    assert!(settings.print().contains("NATS_URL=nats://(redacted)@nats:4222  # NATS_URL_FILE"), "{}", settings.print());
    assert!(problems(EDGE, &[("NATS_URL_FILE", path), ("NATS_URL", "nats://other")]).contains("NATS_URL and NATS_URL_FILE differ"));
}

#[test]
fn a_secret_file_that_cannot_be_read_is_named_with_the_fix() {
    let said = problems(EDGE, &[("NATS_URL_FILE", "/nowhere/nats.url")]);
    assert!(said.contains("NATS_URL_FILE /nowhere/nats.url") && said.contains("not mounted"), "{said}");
    let denied = unreadable("NATS_URL", "/run/secrets/url", &std::io::ErrorKind::PermissionDenied.into());
    assert!(denied.contains("`chown ") && denied.contains("/run/secrets/url"), "{denied}");
}

#[test]
fn the_committed_example_is_the_one_of_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.env.example");
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(path, env_example()).expect("write");
    }
    let committed = std::fs::read_to_string(path).expect(".env.example");
    assert_eq!(committed, env_example(), "run UPDATE_SCHEMAS=1 cargo test --workspace");
}

#[test]
fn the_example_explains_every_variable_of_the_compose_files() {
    // gateway-ctl's settings come with its rows of the table.
    let of_gateway_ctl = ["GATEWAY_BACKEND", "GATEWAY_COMMAND_ADDR", "IB_RESET_REGION", "NOTIFY_URL"];
    let example = env_example();
    for file in ["docker-compose.yml", "docker-compose.ib.yml"] {
        let text = std::fs::read_to_string(format!("{}/../../{file}", env!("CARGO_MANIFEST_DIR"))).expect(file);
        let names = text.split("${").skip(1).map(|rest| &rest[..rest.find([':', '}', '-']).expect("it ends")]);
        for name in names {
            assert!(example.contains(&format!("\n#{name}=")) || of_gateway_ctl.contains(&name), "{name} of {file}");
        }
    }
}

#[test]
fn the_compose_files_pass_every_setting_of_the_edge() {
    // Fixed in the container, or for tests alone.
    let not_passed = ["EDGE_BIND", "EDGE_CONFORMANCE"];
    let read = |file: &str| std::fs::read_to_string(format!("{}/../../{file}", env!("CARGO_MANIFEST_DIR"))).expect("there");
    let text = read("docker-compose.yml") + &read("docker-compose.ib.yml");
    for row in table::of(EDGE).filter(|row| row.name.starts_with("EDGE_") && !not_passed.contains(&row.name)) {
        assert!(text.contains(&format!("${{{}:", row.name)), "{}", row.name);
        assert!(text.contains(&format!("\n      {}: ", row.name)), "{} does not reach the edge", row.name);
    }
}

fn edge_bind(env: &[(&str, &str)]) -> Option<String> {
    Settings::edge_bind(|name| env.iter().find(|(key, _)| *key == name).map(|(_, text)| (*text).to_owned())).map(|bound| bound.to_string())
}

#[test]
fn whoever_asks_the_edge_learns_where_it_listens_whatever_else_is_wrong() {
    for (env, bound) in [
        (&[][..], Some("127.0.0.1:48012")),
        (&[("EDGE_BIND", "0.0.0.0:8000"), ("IB_PORT", "x")], Some("0.0.0.0:8000")),
        (&[("SERVER_HOST", "127.0.0.1"), ("SERVER_PORT", "8001")], Some("127.0.0.1:8001")),
        (&[("EDGE_BIND", "")], Some("127.0.0.1:48012")),
        (&[("EDGE_BIND", "127.0.0.1:0")], None),
        (&[("EDGE_BIND", "here")], None),
        (&[("EDGE_BIND", "127.0.0.1:8000"), ("SERVER_PORT", "8001")], None),
    ] {
        assert_eq!(edge_bind(env).as_deref(), bound, "{env:?}");
    }
}

#[test]
fn one_setting_is_read_as_its_service_reads_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("url");
    std::fs::write(&file, "http://ntfy.example/topic\n").expect("written");
    let path = file.to_str().expect("text");
    let one = |name: &str, env: &[(&str, &str)]| {
        Settings::one(GATEWAY_CTL, name, |key| env.iter().find(|(known, _)| *known == key).map(|(_, text)| (*text).to_owned()))
    };
    assert_eq!(one("NOTIFY_URL", &[("NOTIFY_URL_FILE", path), ("IB_PORT", "x")]), Ok(Some("http://ntfy.example/topic".to_owned())));
    assert_eq!(one("NOTIFY_URL", &[("NOTIFY_URL", "")]), Ok(None));
    assert_eq!(one("IB_GATEWAY", &[("IB_GATEWAY", "")]), Ok(Some("paper".to_owned())));
    let said = one("NOTIFY_URL", &[("NOTIFY_URL", "ftp://secret")]).expect_err("no URL that can be posted to");
    assert!(said.contains("NOTIFY_URL") && !said.contains("secret@") && !said.contains("ftp://secret"), "{said}");
}
