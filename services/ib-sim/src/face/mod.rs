//! What a gateway in a container shows of itself beside its API: phases, log lines, a command port.
//!
//! [`machine`] decides, this module carries out. Invariant: the API port is open exactly while the
//! machine says so, and effects are carried out in the order in which they were decided.

mod command;
pub(crate) mod lines;
mod log;
mod machine;
pub(crate) mod phase;
mod plan;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::civil::Time;
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::faults::apply;
use crate::faults::link::Farm;
use crate::gateway::Gateway;
pub(crate) use command::serve as serve_commands;
use lines::Line;
use log::Log;
pub use log::LogLines;
use machine::Machine;
use phase::{Action, Effect, Now};
pub use plan::{DailyTime, ExistingSession, Login, LoginPlan, PlanError, TwoFactorTimeout};

/// A plan of no length goes through a few phases at once, and through no more than these.
const MAX_STEPS: usize = 64;

#[derive(Debug)]
pub(crate) struct Face {
    /// Held while effects are carried out, so that two steps never mix theirs.
    machine: Mutex<Machine>,
    pub(crate) log: Log,
    api: watch::Sender<bool>,
    exit: watch::Sender<Option<u8>>,
    changed: Notify,
}

impl Face {
    pub(crate) fn new(plan: LoginPlan, zone: jiff::tz::TimeZone) -> Self {
        Self {
            machine: Mutex::new(Machine::new(plan, zone)),
            log: Log::default(),
            api: watch::Sender::new(false),
            exit: watch::Sender::new(None),
            changed: Notify::new(),
        }
    }

    /// Whether the gateway listens for API clients.
    pub(crate) fn api(&self) -> watch::Receiver<bool> {
        self.api.subscribe()
    }

    /// The container's exit code, once it has ended.
    pub(crate) fn exit(&self) -> watch::Receiver<Option<u8>> {
        self.exit.subscribe()
    }

    pub(crate) fn begin(&self, gateway: &Gateway, command_port: Option<u16>) {
        self.with(gateway, |machine, now| ((), machine.begin(now, command_port)));
        self.catch_up(gateway);
    }

    pub(crate) fn act(&self, gateway: &Gateway, action: Action) -> Result<(), String> {
        self.with(gateway, |machine, now| match machine.act(now, action) {
            Ok(effects) => (Ok(()), effects),
            Err(reason) => (Err(reason), Vec::new()),
        })?;
        self.catch_up(gateway);
        self.changed.notify_one();
        Ok(())
    }

    /// When IBC is to restart or pause the gateway.
    pub(crate) fn plan_restart(&self, gateway: &Gateway, pause: bool) -> Result<Time, &'static str> {
        let at = self.with(gateway, |machine, now| match machine.plan_restart(now, pause) {
            Ok((at, effects)) => (Ok(at), effects),
            Err(reason) => (Err(reason), Vec::new()),
        })?;
        self.changed.notify_one();
        Ok(at)
    }

    pub(crate) fn set_login(&self, gateway: &Gateway, login: Login) {
        self.with(gateway, |machine, _| (machine.set_login(login), Vec::new()));
    }

    pub(crate) fn say(&self, gateway: &Gateway, lines: Vec<Line>) {
        self.with(gateway, |_, _| ((), lines.into_iter().map(Effect::Log).collect()));
    }

    pub(crate) fn to_json(&self, gateway: &Gateway) -> Value {
        self.with(gateway, |machine, now| {
            let shown = json!({
                "phase": machine.phase(),
                "for_ms": now.uptime_ms.saturating_sub(machine.since_ms()),
                "next_in_ms": machine.wait_ms(now),
                "login_attempt": machine.attempt(),
                "api": *self.api.borrow(),
                "exit_code": *self.exit.borrow(),
            });
            (shown, Vec::new())
        })
    }

    /// Everything that is due already, so that a plan of no length is over at once.
    fn catch_up(&self, gateway: &Gateway) {
        for _ in 0..MAX_STEPS {
            let more = self.with(gateway, |machine, now| match machine.wait_ms(now) {
                Some(0) => (true, machine.elapsed(now)),
                _ => (false, Vec::new()),
            });
            if !more {
                break;
            }
        }
    }

    fn with<T>(&self, gateway: &Gateway, step: impl FnOnce(&mut Machine, Now) -> (T, Vec<Effect>)) -> T {
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        let (answer, effects) = step(&mut machine, now(gateway));
        for effect in effects {
            self.carry_out(gateway, effect);
        }
        answer
    }

    fn carry_out(&self, gateway: &Gateway, effect: Effect) {
        match effect {
            Effect::Log(line) => self.log.write(line, gateway.clock.now_ms(), &gateway.world.zone),
            Effect::Api(open) => drop(self.api.send_replace(open)),
            Effect::DropClients => gateway.drop_clients(),
            Effect::Connectivity(state) => apply::connectivity(gateway, state),
            Effect::ReconnectFarms => Farm::ALL.into_iter().for_each(|farm| {
                apply::farm(gateway, farm, true);
                apply::farm(gateway, farm, false);
            }),
            Effect::Exit(code) => drop(self.exit.send_replace(Some(code))),
        }
    }
}

fn now(gateway: &Gateway) -> Now {
    let uptime_ms = u64::try_from(gateway.clock.uptime().as_millis()).unwrap_or(u64::MAX);
    Now { uptime_ms, wall_ms: gateway.clock.now_ms() }
}

/// Lets time pass for the machine, until cancelled.
pub(crate) async fn run(gateway: Arc<Gateway>, cancel: CancellationToken) {
    let face = &gateway.face;
    let mut jumps = gateway.clock.jumps();
    let mut wall_ms = gateway.clock.now_ms();
    loop {
        face.catch_up(&gateway);
        let wait = face.with(&gateway, |machine, now| (machine.wait_ms(now), Vec::new()));
        let passed = async {
            match wait {
                Some(ms) => drop(timeout(Duration::from_millis(ms), face.changed.notified()).await),
                None => face.changed.notified().await,
            }
        };
        tokio::select! {
            () = cancel.cancelled() => return,
            () = passed => {}
            _ = jumps.changed() => face.with(&gateway, |machine, now| (machine.clock_moved(now, wall_ms), Vec::new())),
        }
        wall_ms = gateway.clock.now_ms();
    }
}
