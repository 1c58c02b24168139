//! The documents are true where a program can tell: who may depend on whom, which crate alone names a big dependency, and
//! the script that the README shows.

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

/// Ours, and what of ours each may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    ("schemas", &[]),
    ("tools", &["schemas"]),
    ("bus", &["schemas"]),
    ("service", &["schemas"]),
    ("ib-link", &["schemas"]),
    ("ib-service", &["schemas", "bus", "service", "ib-link"]),
    ("nats-local", &[]),
    ("edge", &["schemas", "tools", "bus", "service"]),
    ("ib-worker", &["schemas", "bus", "service", "ib-link", "ib-service"]),
    ("options", &["schemas", "bus", "service", "ib-link", "ib-service"]),
    ("gateway-ctl", &["schemas", "bus", "service", "ib-link", "ib-service"]),
    ("ib-sim", &[]),
    // For tests only: services name it among their dev-dependencies.
    ("test-rig", &["schemas", "bus", "service", "ib-sim", "nats-local"]),
    ("cli", &["schemas", "tools", "bus", "service", "nats-local", "edge", "ib-link", "ib-worker", "options", "gateway-ctl", "ib-sim"]),
];

/// Big dependencies and the only crates that may name them, tests included.
const NAMED_BY: &[(&str, &[&str])] = &[
    ("async-nats", &["bus", "cli"]), // cli: the benchmark's floor only
    ("bollard", &["gateway-ctl"]),
    ("ibapi", &["ib-link", "ib-sim"]), // ib-sim's tests only: a real client is its oracle
    ("prost", &["ib-sim"]),
    ("reqwest", &["cli", "service", "edge"]),
    // Who may call: signatures and digests are looked at in one place.
    ("ring", &["edge"]),
    // cli: the benchmark's floor; gateway-ctl: its tests' Docker engine
    ("axum", &["edge", "service", "ib-sim", "cli", "gateway-ctl"]),
    ("testcontainers", &["cli"]),
];

struct Package {
    normal: Vec<String>,
    all: Vec<String>,
}

fn packages() -> BTreeMap<String, Package> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo metadata");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let packages = metadata["packages"].as_array().expect("packages").iter().map(|package| {
        let dependencies = package["dependencies"].as_array().expect("dependencies");
        let names = |kinds: &dyn Fn(&Value) -> bool| dependencies.iter().filter(|d| kinds(&d["kind"])).map(|d| text(&d["name"])).collect();
        (text(&package["name"]), Package { normal: names(&Value::is_null), all: names(&|_| true) })
    });
    packages.collect()
}

#[test]
fn arrows_between_our_crates_are_the_documented_ones() {
    let packages = packages();
    let listed: Vec<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    for (name, package) in &packages {
        let Some((_, allowed)) = ARROWS.iter().find(|(crate_name, _)| crate_name == name) else {
            panic!("{name} is in the workspace but not in ARROWS; add it here and to docs/architecture.md");
        };
        for dependency in package.normal.iter().filter(|dependency| listed.contains(&dependency.as_str())) {
            assert!(allowed.contains(&dependency.as_str()), "{name} may not depend on {dependency} (docs/architecture.md)");
        }
    }
    assert_eq!(packages.len(), ARROWS.len(), "ARROWS names a crate that is gone");
}

#[test]
fn one_crate_names_each_big_dependency() {
    for (name, package) in &packages() {
        for (dependency, owners) in NAMED_BY {
            let names_it = package.all.iter().any(|used| used == dependency);
            assert!(!names_it || owners.contains(&name.as_str()), "{name} names {dependency}; only {owners:?} may");
        }
    }
}

/// The rules of the MCP registry that are easily broken.
#[test]
fn the_entry_for_the_registry_is_of_this_release() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let read = |path: &str| std::fs::read_to_string(format!("{root}/{path}")).expect(path);
    let entry: Value = serde_json::from_str(&read("server.json")).expect("JSON");
    let text = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("server.json lacks {pointer}"));
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(text("/version"), version);
    assert!(text("/packages/0/identifier").ends_with(&format!(":{version}")), "the image's tag is the release");
    assert!((1..=100).contains(&text("/description").chars().count()), "at most 100 characters");
    assert_eq!(text("/name").matches('/').count(), 1);
    let label = format!("LABEL io.modelcontextprotocol.server.name=\"{}\"", text("/name"));
    assert!(read("deploy/Dockerfile").contains(&label), "the image says whose it is: {label}");
    // What an entry asks people for and nothing reads is asked in vain.
    let told = read("README.md");
    let section = told.split("\n## ").find(|section| section.starts_with("Clients that start a process")).expect("a section");
    let variables = entry.pointer("/packages/0/environmentVariables").and_then(Value::as_array).expect("variables");
    for variable in variables.iter().filter_map(|variable| variable["name"].as_str()) {
        let known = section.contains(&format!("`{variable}`")) || read(".env.example").contains(&format!("\n#{variable}="));
        assert!(known, "server.json asks for {variable}, which nothing reads");
    }
}

#[test]
fn the_readme_shows_the_script_that_ci_runs() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let read = |path: &str| std::fs::read_to_string(format!("{root}/{path}")).expect(path);
    let (readme, script) = (read("README.md"), read("tests/interop/nats_ten_lines.py"));
    assert!(readme.contains(script.trim_end()), "README.md and tests/interop/nats_ten_lines.py differ");
    assert!(script.lines().count() <= 10, "ten lines are promised");
}
