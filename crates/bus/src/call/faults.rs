//! Why a call has no answer, in words that lead on.

use std::time::Duration;

use schemas::{
    Fault, FaultCode, Operation, REPLY_BYTES_MAX, Retry, Row,
    health::{GatewayPart, Heartbeat, State},
    subject::{GATEWAY_QUEUE, OPTIONS_SERVICE},
};

use crate::{
    connection::BusError,
    fleet::Seen,
    kind::{Kind, is_of_options},
};

/// Nobody listens: say why, from the heartbeats. Those of options tell nothing about the workers, and the other way round.
pub(super) fn nobody(row: &Row, seen: &[Seen]) -> Fault {
    let name = row.name();
    if row.family == schemas::gateway::Status::FAMILY {
        return no_gateway_ctl(&name, seen);
    }
    let of_options = is_of_options(row);
    let answers = |beat: &Heartbeat| beat.ib.is_some() && beat.service != GATEWAY_QUEUE && (beat.service == OPTIONS_SERVICE) == of_options;
    let workers: Vec<&Heartbeat> = seen.iter().filter(|seen| seen.is_alive() && answers(&seen.beat)).map(|seen| &seen.beat).collect();
    let kind = Kind::of(row);
    let Kind { one, command, .. } = kind;
    if workers.is_empty() {
        return Fault::new(FaultCode::NoWorker, format!("nobody serves {name}: no {one} runs"))
            .hint(format!("start one (`ibmesh {command}`, or the whole stack with `ibmesh up`); GET /health tells who is alive"));
    }
    if let Some(fault) = logged_out(seen) {
        return fault;
    }
    if workers.iter().any(|beat| beat.ib.as_ref().is_some_and(|ib| ib.connected && ib.upstream_lost)) {
        return Fault::new(FaultCode::UpstreamLost, format!("{name} cannot be asked: the gateway has lost its connection to IB's servers"))
            .hint("IB or the gateway's network is away; the gateway reconnects by itself");
    }
    if workers.iter().any(|beat| beat.state == State::IbDown) {
        return gateway_down(&workers, kind, gateway(seen));
    }
    // The states of one release pass; a release that does not know the operation stays as it is.
    let other = workers.iter().find(|beat| beat.state == State::Ready && !beat.operations.is_empty() && beat.version != schemas::VERSION);
    if let Some(beat) = other {
        let message = format!("the {one}s that run are of ib-mesh {} and do not serve {name}; this is {}", beat.version, schemas::VERSION);
        return Fault::new(FaultCode::Unsupported, message).hint(format!("roll the {one}s to this release, before the edges"));
    }
    let states: Vec<String> = workers.iter().map(|beat| format!("{:?}", beat.state).to_lowercase()).collect();
    let (count, runs) = (workers.len(), if workers.len() == 1 { format!("{one} runs") } else { format!("{one}s run") });
    Fault::new(FaultCode::NoWorker, format!("nobody serves {name} now: {count} {runs} ({})", states.join(", ")))
        .hint(format!("the {one} serves as soon as it has its IB session; GET /health shows what it waits for"))
}

/// What gateway-ctl says of the gateway, while it lives.
fn gateway(seen: &[Seen]) -> Option<&GatewayPart> {
    seen.iter().filter(|seen| seen.is_alive()).find_map(|seen| seen.beat.gateway.as_ref())
}

/// The fault of whatever needs the gateway while somebody has logged it out.
pub fn logged_out(seen: &[Seen]) -> Option<Fault> {
    gateway(seen)?.logged_out.as_ref().map(schemas::gateway::LoggedOut::fault)
}

fn no_gateway_ctl(name: &str, seen: &[Seen]) -> Fault {
    if seen.iter().any(|seen| seen.is_alive() && seen.beat.service == GATEWAY_QUEUE) {
        return Fault::new(FaultCode::NoWorker, format!("gateway-ctl runs but does not serve {name} now"))
            .hint("it is starting, ending or of another release; ask again in a moment");
    }
    Fault::new(FaultCode::NoWorker, format!("gateway-ctl does not run, so nobody serves {name}"))
        .hint("start it (`ibmesh gateway-ctl`, or the whole stack with `ibmesh up`); `ibmesh doctor` looks at the gateway without it")
}

fn gateway_down(workers: &[&Heartbeat], Kind { one, .. }: Kind, gateway: Option<&GatewayPart>) -> Fault {
    let down = workers.iter().filter(|beat| beat.state == State::IbDown).filter_map(|beat| beat.ib.as_ref());
    // One that knows the reason tells it for all.
    let session = down.max_by_key(|ib| ib.reason.is_some());
    let place = session.map_or_else(String::new, |ib| format!(" at {}:{}", ib.host, ib.port));
    let reason = session.and_then(|ib| ib.reason.as_ref()).map_or_else(String::new, |reason| format!(": {reason}"));
    let who = match workers.len() {
        1 => format!("1 {one} runs, but it is not"),
        count => format!("{count} {one}s run, but none is"),
    };
    let hint = match gateway {
        Some(part) => {
            let state = part.state.token();
            let why = part.reason.as_ref().map_or_else(String::new, |reason| format!(" ({})", reason.trim_end_matches('.')));
            format!("the gateway is in the state {state} since {:.0}{why}; GET /gateway/diagnose says what to do", part.since)
        }
        None => "start or log in the gateway; whoever needs it connects by itself within seconds".to_owned(),
    };
    Fault::new(FaultCode::GatewayDown, format!("{who} connected to the IB gateway{place}{reason}")).hint(hint)
}

/// How a request was lost.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lost {
    NotTaken,
    Gone,
}

pub(super) fn lost(row: &Row, how: Lost, attempts: u32) -> Fault {
    let Kind { one, .. } = Kind::of(row);
    let why = match how {
        Lost::NotTaken => format!("no {one} took the request"),
        Lost::Gone => format!("the {one} that took the request is gone"),
    };
    let message = format!("{}: {why} ({attempts} attempts)", row.name());
    match row.retry {
        Retry::Safe => Fault::new(FaultCode::NoWorker, message)
            .hint(format!("GET /health shows whether the {one} hangs or died; `ibmesh up` and compose restart it")),
        Retry::Never => unknown(message),
    }
}

pub(super) fn timed_out(row: &Row, budget: Duration) -> Fault {
    let message = format!("{} had no answer within {} ms", row.name(), budget.as_millis());
    match row.retry {
        Retry::Safe => {
            Fault::new(FaultCode::Timeout, message).hint("IB was slow or the request waits for IB's pacing; ask for less, or again later")
        }
        Retry::Never => unknown(message),
    }
}

/// A write that was sent may have been done.
fn unknown(message: String) -> Fault {
    Fault::new(FaultCode::UnknownOutcome, message).hint("it may have been done: look before asking again")
}

pub(super) fn not_sent(error: &BusError) -> Fault {
    Fault::new(FaultCode::NoWorker, format!("the request was not sent: {error}")).hint("check the NATS server (NATS_URL)")
}

pub(super) fn too_large(row: &Row, bytes: usize, server_max: usize) -> Fault {
    let most = server_max.min(REPLY_BYTES_MAX);
    Fault::new(FaultCode::TooLarge, format!("the parameters of {} have {bytes} bytes, at most {most} fit one message", row.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_no_advice_to_who_waits_for_options() {
        for row in schemas::OPERATIONS {
            let kind = Kind::of(row);
            let mut told = vec![kind.when_busy.to_owned(), kind.when_ending.to_owned()];
            for fault in [lost(row, Lost::NotTaken, 2), lost(row, Lost::Gone, 2), nobody(row, &[])] {
                told.extend([fault.message, fault.hint.expect("what to do")]);
            }
            let of_workers = told.iter().filter(|text| text.contains("worker")).count();
            assert_eq!(of_workers == 0, row.family == "options", "{}: {told:?}", row.name());
        }
    }
}
