//! gateway-ctl with processes that die and processes that are too many, in containers of the shipped images.
//!
//! Invariant: each test has a network and containers of its own. tests/docker/run.py makes the images and runs it; alone:
//! `cargo test --workspace --test docker -- --ignored`.

use std::{future::Future, time::Duration};

use serde_json::Value;
use testcontainers::{
    ContainerAsync, ContainerRequest, GenericImage, ImageExt,
    core::{IntoContainerPort, Mount, WaitFor},
    runners::AsyncRunner,
};
use tokio::time::{interval, timeout};

type TestResult = Result<(), Box<dyn std::error::Error>>;

/// Longer than a log-in, a back-off after an unclean end, and gateway-ctl's own start.
const WITHIN: Duration = Duration::from_secs(180);
const STAYS: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(200);
/// Made by tests/docker/run.py.
const TAG: &str = "ci";
const LOGIN_MS: &str = "1500";
/// What the container says once per start.
const START_LINE: &str = "Starting IBC/IB gateway";

/// The gateway, what controls it, and the edge through which it is asked.
struct World {
    name: String,
    edge: String,
    http: reqwest::Client,
    gateway: ContainerAsync<GenericImage>,
    ctl: ContainerAsync<GenericImage>,
    _others: Vec<ContainerAsync<GenericImage>>,
}

/// The shipped image with a service as its command.
fn ours(service: &[&str], ready: WaitFor) -> ContainerRequest<GenericImage> {
    GenericImage::new("ib-mesh", TAG).with_wait_for(ready).with_cmd(service.iter().copied())
}

impl World {
    async fn start(test: &str) -> Result<Self, testcontainers::TestcontainersError> {
        let name = format!("ib-mesh-ci-{test}-{}", std::process::id());
        let nats = GenericImage::new("nats", "2.14").with_wait_for(WaitFor::message_on_stderr("Server is ready")).with_cmd(["-js"]);
        let nats = nats.with_network(&name).with_container_name(format!("{name}-nats")).start().await?;
        let sim = ["sim", "--bind", "0.0.0.0:4004", "--container-face", "--command-host", "0.0.0.0", "--command-port", "7462"];
        let sim = ours(&[&sim[..], &["--login-ms", LOGIN_MS]].concat(), WaitFor::message_on_stdout(START_LINE));
        let gateway = sim.with_network(&name).with_container_name(format!("{name}-gateway")).start().await?;
        let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/proxy/haproxy.cfg");
        let proxy = GenericImage::new("haproxy", "2.6")
            .with_user("0:0")
            .with_env_var("GATEWAY_CONTAINER", format!("{name}-gateway"))
            .with_mount(Mount::bind_mount(rules, "/usr/local/etc/haproxy/haproxy.cfg"))
            .with_mount(Mount::bind_mount("/var/run/docker.sock", "/var/run/docker.sock"));
        let proxy = proxy.with_network(&name).with_container_name(format!("{name}-proxy")).start().await?;
        let ctl = Self::ctl(&name, "ctl").await?;
        let edge = GenericImage::new("ib-mesh", TAG)
            .with_exposed_port(8000.tcp())
            .with_wait_for(WaitFor::message_on_stdout("listening"))
            .with_cmd(["edge"])
            .with_env_var("NATS_URL", format!("nats://{name}-nats:4222"))
            .with_env_var("EDGE_BIND", "0.0.0.0:8000")
            .with_env_var("EDGE_AUTH", "none");
        let edge = edge.with_network(&name).with_container_name(format!("{name}-edge")).start().await?;
        let port = edge.get_host_port_ipv4(8000).await?;
        let http = reqwest::Client::builder().no_proxy().timeout(WITHIN).build().expect("a client");
        let url = format!("http://127.0.0.1:{port}");
        Ok(Self { name, edge: url, http, gateway, ctl, _others: vec![nats, proxy, edge] })
    }

    async fn ctl(name: &str, role: &str) -> Result<ContainerAsync<GenericImage>, testcontainers::TestcontainersError> {
        ours(&["gateway-ctl"], WaitFor::message_on_stdout("listening"))
            .with_env_var("NATS_URL", format!("nats://{name}-nats:4222"))
            .with_env_var("IB_HOST", format!("{name}-gateway"))
            .with_env_var("IB_PORT", "4004")
            .with_env_var("GATEWAY_CONTAINER", format!("{name}-gateway"))
            .with_env_var("DOCKER_HOST", format!("tcp://{name}-proxy:2375"))
            .with_env_var("IB_RESET_REGION", "none")
            .with_network(name)
            .with_container_name(format!("{name}-{role}"))
            .start()
            .await
    }

    async fn state(&self) -> String {
        let asked = self.http.get(format!("{}/gateway/status", self.edge)).send().await;
        let said: Option<Value> = match asked {
            Ok(answer) => answer.json().await.ok(),
            Err(_) => None,
        };
        said.and_then(|said| said["state"].as_str().map(str::to_owned)).unwrap_or_else(|| "nobody answers".to_owned())
    }

    async fn reaches(&self, state: &str) -> TestResult {
        eventually(&format!("the gateway is {state}"), async || self.state().await == state).await
    }

    /// How often the container was started.
    async fn starts(&self) -> Result<usize, testcontainers::TestcontainersError> {
        let log = self.gateway.stdout_to_vec().await?;
        Ok(String::from_utf8_lossy(&log).matches(START_LINE).count())
    }
}

async fn eventually<F: Future<Output = bool>>(what: &str, mut state: impl FnMut() -> F) -> TestResult {
    let mut poll = interval(POLL);
    let wait = async {
        while !state().await {
            poll.tick().await;
        }
    };
    timeout(WITHIN, wait).await.map_err(|_| format!("not within {} s: {what}", WITHIN.as_secs()).into())
}

/// Fails as soon as `state` does not hold.
async fn stays<F: Future<Output = bool>>(what: &str, mut state: impl FnMut() -> F) -> TestResult {
    let mut poll = interval(POLL);
    let until_broken = async {
        while state().await {
            poll.tick().await;
        }
    };
    match timeout(STAYS, until_broken).await {
        Err(_) => Ok(()),
        Ok(()) => Err(format!("not any more: {what}").into()),
    }
}

/// F25.
#[tokio::test]
#[ignore = "needs a Docker engine and the images: tests/docker/run.py"]
async fn a_logout_outlives_a_gateway_ctl_that_dies_in_the_middle_of_it() -> TestResult {
    let world = World::start("dies").await?;
    world.reaches("CONNECTED").await?;
    let logout = world.http.post(format!("{}/gateway/logout", world.edge)).send();
    let mut poll = interval(POLL);
    let in_the_middle = async {
        while world.state().await == "CONNECTED" {
            poll.tick().await;
        }
    };
    // Whether the command was answered or not: its process is gone now.
    tokio::select! {
        _ = logout => {}
        () = in_the_middle => {}
    }
    world.ctl.stop_with_timeout(Some(0)).await?;
    world.ctl.start().await?;
    world.reaches("LOGGED_OUT").await?;
    stays("logged out", async || world.state().await == "LOGGED_OUT" && !world.gateway.is_running().await.unwrap_or(true)).await?;
    assert_eq!(world.starts().await?, 1);
    Ok(())
}

/// F26.
#[tokio::test]
#[ignore = "needs a Docker engine and the images: tests/docker/run.py"]
async fn of_two_gateway_ctls_one_acts_and_the_other_takes_over() -> TestResult {
    let world = World::start("two").await?;
    let second = World::ctl(&world.name, "second").await?;
    world.reaches("CONNECTED").await?;
    world.gateway.stop_with_timeout(Some(0)).await?;
    eventually("the gateway is started again", async || world.starts().await.is_ok_and(|starts| starts == 2)).await?;
    world.reaches("CONNECTED").await?;
    world.ctl.stop_with_timeout(Some(0)).await?;
    world.gateway.stop_with_timeout(Some(0)).await?;
    eventually("the other one has started it", async || world.starts().await.is_ok_and(|starts| starts == 3)).await?;
    world.reaches("CONNECTED").await?;
    assert_eq!(world.starts().await?, 3, "nobody started it twice");
    assert!(second.is_running().await?);
    Ok(())
}
