use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct CommandLine {
    #[command(flatten)]
    options: Options,
}

fn planned(args: &[&str], env: &[(&str, &str)]) -> Result<Plan, Refusal> {
    let line = CommandLine::try_parse_from(std::iter::once("up").chain(args.iter().copied())).expect("a command line");
    plan(&line.options, &|name| env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
}

fn targets(args: &[&str], env: &[(&str, &str)]) -> String {
    match planned(args, env).expect("a plan").ib {
        Ib::Simulator(_) => "simulator".to_owned(),
        Ib::Gateway { candidates } => candidates.iter().map(Target::to_string).collect::<Vec<_>>().join(" "),
    }
}

#[test]
fn defaults_alone_are_the_simulated_stack() {
    let plan = planned(&[], &[]).unwrap();
    assert_eq!((plan.edge_bind.to_string().as_str(), plan.nats_port, plan.workers), ("127.0.0.1:48012", 4222, 3));
    assert_eq!(plan.ib, Ib::Simulator(Simulated { port: 4002, clock: "open".to_owned(), seed: 1 }));
    assert_eq!(plan.notes, Vec::<String>::new());
}

#[test]
fn a_gateway_is_used_when_it_is_asked_for_and_only_then() {
    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);
    let table: &[Case<'_>] = &[
        (&[], &[], "simulator"),
        (&[], &[("IB_PORT", "4004")], "simulator"),
        (&[], &[("IB_HOST", "")], "simulator"),
        (&[], &[("IB_HOST", "gw")], "gw:4002"),
        (&[], &[("TWS_HOST", "gw"), ("IB_PORT", "4004")], "gw:4004"),
        (&[], &[("IB_HOST", "gw"), ("IBKR_MODE", "paper_tws")], "gw:7497"),
        (&["--gateway"], &[], "127.0.0.1:4002 127.0.0.1:4004 127.0.0.1:7497"),
        (&["--gateway"], &[("IB_PORT", "4010")], "127.0.0.1:4010"),
        (&["--gateway"], &[("IB_HOST", "gw"), ("IB_PORT", "4010")], "gw:4010"),
        (&["--gateway", "desk"], &[], "desk:4002 desk:4004 desk:7497"),
        (&["--gateway", "desk:7497"], &[("IB_HOST", "gw"), ("IB_PORT", "4010")], "desk:7497"),
        (&["--gateway", "[::1]:4002"], &[], "[::1]:4002"),
    ];
    for (args, env, wanted) in table {
        assert_eq!(targets(args, env), *wanted, "{args:?} {env:?}");
    }
}

#[test]
fn a_live_port_needs_the_word_whoever_named_it() {
    for (args, env) in [(&["--gateway", "127.0.0.1:4001"][..], &[][..]), (&[], &[("IB_HOST", "gw"), ("IBKR_MODE", "live_tws")])] {
        let said = planned(args, env).unwrap_err().to_string();
        assert!(said.contains("is a live port but TRADING_MODE is paper") && !said.contains("--ib-port"), "{said}");
    }
    assert_eq!(targets(&["--gateway", "127.0.0.1:4001"], &[("TRADING_MODE", "live")]), "127.0.0.1:4001");
}

#[test]
fn every_problem_is_told_in_one_message() {
    let args = ["--edge-bind", "nowhere", "--workers", "99", "--sim-clock", "noon"];
    let said = planned(&args, &[("LOG_FORMAT", "xml"), ("IB_CLIENT_ID", "many")]).unwrap_err();
    let text = said.to_string();
    for part in ["EDGE_BIND", "from --edge-bind", "--workers", "--sim-clock", "LOG_FORMAT", "IB_CLIENT_ID"] {
        assert!(text.contains(part), "{part} missing in: {text}");
    }
    let said_of_ports = planned(&[], &[("IB_HOST", "gw"), ("IB_PORT", "70000"), ("LOG_FORMAT", "xml")]).unwrap_err().to_string();
    assert!(said_of_ports.contains("`70000` from IB_PORT") && said_of_ports.contains("LOG_FORMAT"), "{said_of_ports}");
    let said_of_live = planned(&[], &[("IB_HOST", "gw"), ("IB_PORT", "4001"), ("LOG_FORMAT", "xml")]).unwrap_err().to_string();
    assert!(said_of_live.contains("live port") && said_of_live.contains("LOG_FORMAT"), "{said_of_live}");
    assert_eq!(said.0.iter().filter(|problem| problem.contains("LOG_FORMAT")).count(), 1, "both services read it: {text}");
}

#[test]
fn an_address_of_a_gateway_that_is_none_starts_nothing() {
    for bad in ["desk:", ":4002", "desk:70000", "desk:0"] {
        let said = planned(&["--gateway", bad], &[]).unwrap_err().to_string();
        assert!(said.contains("--gateway must be HOST:PORT"), "{bad}: {said}");
    }
}

#[test]
fn two_parts_cannot_share_a_port() {
    let same = ["--nats-port", "4002"];
    assert!(planned(&same, &[]).unwrap_err().to_string().contains("both 4002"));
    assert!(planned(&same, &[("IB_HOST", "gw")]).is_ok(), "there is no simulator then");
    assert!(planned(&["--nats-port", "0", "--sim-port", "0"], &[]).is_ok());
    for option in ["--nats-port", "--sim-port"] {
        let said = planned(&[option, "48012"], &[]).unwrap_err().to_string();
        assert!(said.contains(&format!("{option} and --edge-bind are both 48012")), "{said}");
    }
}

#[test]
fn settings_without_effect_are_told() {
    let notes = planned(&[], &[("NATS_URL", "nats://elsewhere:4222"), ("IB_PORT", "4004")]).unwrap().notes.join("\n");
    assert!(notes.contains("NATS_URL") && notes.contains("IB_PORT"), "{notes}");
    assert!(planned(&[], &[("IB_HOST", "gw"), ("IB_PORT", "4004")]).unwrap().notes.is_empty());
}

#[test]
fn the_environment_sizes_the_pool_and_the_flag_wins() {
    assert_eq!(planned(&[], &[("IB_POOL_SIZE", "5")]).unwrap().workers, 5);
    assert_eq!(planned(&["--workers", "2"], &[("IB_POOL_SIZE", "5")]).unwrap().workers, 2);
}

#[test]
fn children_get_the_decided_values_as_flags_that_they_know() {
    let plan = planned(&["--workers", "2"], &[]).unwrap();
    let target = Target { host: "127.0.0.1".to_owned(), port: 4100 };
    let flags = child_flags("nats://127.0.0.1:4300", &target, &plan, None);
    let worker = command_line(WORKER, &flags);
    assert!(worker.contains(&("--ib-port".to_owned(), "4100".to_owned())), "{worker:?}");
    assert!(!worker.iter().any(|(flag, _)| flag == "--edge-bind"), "a flag of the edge's alone: {worker:?}");
    let edge = command_line(EDGE, &flags);
    assert!(edge.contains(&("--edge-bind".to_owned(), "127.0.0.1:48012".to_owned())), "{edge:?}");
}

#[test]
fn gateway_ctl_keeps_the_simulator_and_leaves_a_persons_gateway_alone() {
    let simulator = SimulatorProcess {
        command: vec!["ibmesh".to_owned(), "sim".to_owned()],
        command_port: 7_462,
        yield_file: "gateway.yield".to_owned(),
    };
    let flags = |args: &[&str], env: &[(&str, &str)]| {
        let plan = planned(args, env).unwrap();
        let target = Target { host: "127.0.0.1".to_owned(), port: 4_002 };
        let simulator = matches!(plan.ib, Ib::Simulator(_)).then_some(&simulator);
        child_flags("nats://127.0.0.1:4222", &target, &plan, simulator)
    };
    let simulated = flags(&[], &[("GATEWAY_BACKEND", "docker")]);
    assert_eq!(simulated["GATEWAY_BACKEND"], "process", "the simulator needs no Docker");
    assert_eq!(
        (simulated["GATEWAY_PROCESS"].as_str(), simulated["GATEWAY_COMMAND_ADDR"].as_str()),
        (r#"["ibmesh","sim"]"#, "127.0.0.1:7462")
    );
    assert_eq!(simulated["IB_RESET_REGION"], "none");
    assert_eq!(flags(&["--gateway"], &[])["GATEWAY_BACKEND"], "external");
    assert!(!flags(&["--gateway"], &[("GATEWAY_BACKEND", "docker")]).contains_key("GATEWAY_BACKEND"), "the environment says it");
}
