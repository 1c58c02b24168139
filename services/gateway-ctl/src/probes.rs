//! Looks at the way to the gateway's API, layer by layer: name, TCP to each address, the API's hello; and seldom at what
//! changes seldom.
//!
//! Invariants: no client id is used here, the session is another's business; every look has a deadline; what could not be
//! looked at is told as not known.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use futures::future::join_all;
use ib_link::{Link, ProbeFault};
use tokio::{
    net::TcpStream,
    sync::{Notify, mpsc},
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use crate::{
    backend::{Backend, CommandServer},
    diagnose::{Hello, Target, Tcp},
    input::{Input, Sight, Slow},
};

/// Addresses of one host that are tried.
const ADDRESSES_MAX: usize = 8;
/// Of a diagnosis: all its parts at once.
const LOOK_MAX: Duration = Duration::from_secs(8);

/// Periods and deadlines of the probes. The defaults are those for a real gateway.
#[derive(Debug, Clone, Copy)]
pub struct Rhythm {
    pub tcp_ms: u64,
    pub tcp_timeout_ms: u64,
    pub hello_ms: u64,
    pub hello_timeout_ms: u64,
    /// The gateway's clock, the container's settings, the command server.
    pub slow_ms: u64,
}

impl Default for Rhythm {
    fn default() -> Self {
        Self { tcp_ms: 5_000, tcp_timeout_ms: 2_000, hello_ms: 15_000, hello_timeout_ms: 5_000, slow_ms: 60_000 }
    }
}

/// Everything that the probes need.
#[derive(Debug, Clone)]
pub(crate) struct Probes {
    pub(crate) target: Target,
    pub(crate) rhythm: Rhythm,
    pub(crate) backend: Backend,
    pub(crate) commands: Option<CommandServer>,
    pub(crate) link: Link,
    pub(crate) inputs: mpsc::Sender<Input>,
    /// Something has changed: look at once.
    pub(crate) poke: Arc<Notify>,
}

impl Probes {
    async fn tell(&self, sight: Sight) {
        // The reader has ended with the process.
        let _ = self.inputs.send(Input::Seen(Box::new(sight))).await;
    }

    /// Looks at name, TCP and hello; never ends.
    pub(crate) async fn follow_network(self) {
        let mut looks = interval(Duration::from_millis(self.rhythm.tcp_ms));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut said_hello: Option<Instant> = None;
        let mut was_open = false;
        loop {
            let poked = tokio::select! {
                _ = looks.tick() => false,
                () = self.poke.notified() => true,
            };
            let open = self.look_at_network().await;
            let due = said_hello.is_none_or(|at| at.elapsed() >= Duration::from_millis(self.rhythm.hello_ms));
            if open && (due || poked || !was_open) {
                said_hello = Some(Instant::now());
                let hello = self.say_hello().await;
                self.tell(Sight::Hello(hello)).await;
            } else if !open {
                said_hello = None;
            }
            was_open = open;
        }
    }

    /// Whether any address takes connections.
    async fn look_at_network(&self) -> bool {
        let (resolved, tcp) = self.network().await;
        let open = tcp.iter().any(|tcp| tcp.open);
        self.tell(Sight::Network { resolved, tcp }).await;
        open
    }

    async fn network(&self) -> (Vec<IpAddr>, Vec<Tcp>) {
        let (host, port) = (self.target.host.as_str(), self.target.port);
        let limit = Duration::from_millis(self.rhythm.tcp_timeout_ms);
        let resolved: BTreeSet<IpAddr> = match timeout(limit, tokio::net::lookup_host((host, port))).await {
            Ok(Ok(found)) => found.map(|address| address.ip()).take(ADDRESSES_MAX).collect(),
            Ok(Err(_)) | Err(_) => BTreeSet::new(),
        };
        let tcp = join_all(resolved.iter().map(|&address| connect(address, port, limit))).await;
        (resolved.into_iter().collect(), tcp)
    }

    async fn say_hello(&self) -> Hello {
        hello(&self.target.host, self.target.port, self.rhythm.hello_timeout_ms).await
    }

    /// Looks at what changes seldom; never ends.
    pub(crate) async fn follow_slowly(self) {
        let mut looks = interval(Duration::from_millis(self.rhythm.slow_ms));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let slow = self.look(false).await;
            self.tell(Sight::Slow(slow)).await;
        }
    }

    /// For a diagnosis: everything anew, told before this returns.
    pub(crate) async fn look_at_all(&self, deep: bool) {
        let network = async {
            let (resolved, tcp) = self.network().await;
            let hello = if tcp.iter().any(|tcp| tcp.open) { self.say_hello().await } else { Hello::NoConnection };
            (resolved, tcp, hello)
        };
        let ((resolved, tcp, hello), mut slow, other) = tokio::join!(network, self.look(deep), self.other_port());
        // Another gateway may well answer there; it says something only while this one does not.
        slow.answers_on = other.filter(|_| !matches!(hello, Hello::Answers(_)));
        self.tell(Sight::Network { resolved, tcp }).await;
        self.tell(Sight::Hello(hello)).await;
        self.tell(Sight::Slow(slow)).await;
    }

    async fn look(&self, deep: bool) -> Slow {
        let looked = self.backend.look(deep, self.target.own_port(), LOOK_MAX);
        let command_server = async {
            match &self.commands {
                Some(commands) => Some(commands.is_reachable().await),
                None => None,
            }
        };
        let (looked, command_server, (read_only, clock_skew_ms)) = tokio::join!(looked, command_server, self.ask_gateway());
        Slow { looked, command_server, clock_skew_ms, read_only, answers_on: None }
    }

    /// The gateway's setting `Read-Only API`, which an older one does not tell, and how far its clock is from ours. One
    /// after the other, what matters more first: the probe may send one message a second.
    async fn ask_gateway(&self) -> (Option<bool>, Option<i64>) {
        if !self.link.state().borrow().connected() {
            return (None, None);
        }
        let deadline = Instant::now() + Duration::from_millis(self.rhythm.hello_timeout_ms);
        let read_only = self.link.gateway_settings(deadline).await.ok().and_then(|settings| settings.read_only_api);
        let theirs = self.link.server_time(deadline).await.ok();
        let skew_ms = theirs.and_then(|theirs| i64::try_from(theirs.duration_since(service::clock::now()).as_millis()).ok());
        (read_only, skew_ms)
    }

    async fn other_port(&self) -> Option<u16> {
        let (own, forwarded) = (self.target.own_port(), self.target.forwarded_port());
        let other = if self.target.port == own { forwarded } else { own };
        let answer = hello(&self.target.host, other, self.rhythm.hello_timeout_ms).await;
        matches!(answer, Hello::Answers(_)).then_some(other)
    }
}

async fn connect(address: IpAddr, port: u16, limit: Duration) -> Tcp {
    let (open, error) = match timeout(limit, TcpStream::connect(SocketAddr::new(address, port))).await {
        Ok(Ok(_)) => (true, None),
        Ok(Err(error)) => (false, Some(error.to_string())),
        Err(_) => (false, Some(format!("no answer within {} ms", limit.as_millis()))),
    };
    Tcp { address, open, error }
}

async fn hello(host: &str, port: u16, timeout_ms: u64) -> Hello {
    match ib_link::probe(host, port, Duration::from_millis(timeout_ms)).await {
        Ok(reply) => Hello::Answers(reply.server_version),
        Err(ProbeFault::HelloTimeout { .. }) => Hello::Silent,
        Err(ProbeFault::Closed { .. }) => Hello::Closed,
        Err(ProbeFault::NotIb { reason, .. }) => Hello::NotIb(reason),
        // `ProbeFault` may grow: what else can happen happens before the hello.
        Err(_) => Hello::NoConnection,
    }
}
