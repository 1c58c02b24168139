//! One client of a replay.
//!
//! Invariant: answers leave in the order of their times; while [`MAX_WAITING`] of them wait, no further request is read.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::BytesMut;
use futures::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::codec::FramedRead;
use tracing::{info, warn};

use super::Tape;
use super::player::{Met, Player};
use crate::transcript::catalogue::Direction;
use crate::transcript::frame::Frame;
use crate::wire::{frame, hello};

/// A client that acknowledged the version but never starts is no client.
const START_MAX: Duration = Duration::from_secs(60);
/// A client that takes no byte for this long is gone.
const WRITE_MAX: Duration = Duration::from_secs(10);
/// Answers that wait for their time; a client that asks on meanwhile waits too.
const MAX_WAITING: usize = 100_000;
/// No answer waits longer, however slow the replay.
const MAX_PAUSE: Duration = Duration::from_secs(86_400);

pub(super) async fn run(stream: TcpStream, tape: &Tape) {
    let _ = stream.set_nodelay(true);
    let (mut reader, mut writer) = stream.into_split();
    let Ok(announced) = hello::read(&mut reader).await else { return };
    let Some(section) = tape.version(&announced) else {
        let recorded: Vec<i32> = tape.transcript.sections.iter().map(|section| section.server_version).collect();
        warn!(?announced, ?recorded, "no recorded connection has a version that this client takes");
        return;
    };
    let version = section.server_version;
    if !send(&mut writer, &frame::text(&[&version.to_string(), &section.connection_time])).await {
        return;
    }
    let mut frames = FramedRead::new(reader, frame::inbound_codec());
    let Ok(Some(Ok(body))) = timeout(START_MAX, frames.next()).await else { return };
    let Some(start) = read(&body) else { return };
    let Some(section) = tape.take(version, |section| section.first_request() == Some(&start)) else { return };
    info!(connection = section.connection, version, "replaying a connection");
    let mut player = Player::new(section, tape.transcript.started_ms);
    let mut waiting = Waiting::default();
    waiting.ask(tape, &mut player, &start);
    loop {
        let next = waiting.next_at();
        let due = async {
            match next {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = due => {
                let Some(frame) = waiting.pop() else { continue };
                if !send(&mut writer, &frame.write()).await {
                    return;
                }
                if waiting.is_empty() && player.at_its_end() {
                    let _ = timeout(WRITE_MAX, writer.shutdown()).await;
                    return;
                }
            }
            body = frames.next(), if waiting.frames.len() < MAX_WAITING => match body {
                Some(Ok(body)) => {
                    if let Some(request) = read(&body) {
                        waiting.ask(tape, &mut player, &request);
                    }
                }
                Some(Err(error)) => {
                    warn!(%error, "closing: an unreadable frame");
                    return;
                }
                None => return,
            },
        }
    }
}

fn read(body: &BytesMut) -> Option<Frame> {
    let frame = Frame::read(body);
    if frame.is_none() {
        warn!(bytes = body.len(), "a frame without a message number");
    }
    frame
}

async fn send(writer: &mut OwnedWriteHalf, bytes: &[u8]) -> bool {
    matches!(timeout(WRITE_MAX, writer.write_all(bytes)).await, Ok(Ok(())))
}

/// A recorded pause at another speed.
fn paced(after_ms: u64, speed: f64) -> Duration {
    Duration::try_from_secs_f64(Duration::from_millis(after_ms).as_secs_f64() / speed).map_or(MAX_PAUSE, |pause| pause.min(MAX_PAUSE))
}

/// What is yet to be sent, by the time at which it is due.
#[derive(Debug, Default)]
struct Waiting {
    frames: BTreeMap<(Instant, u64), Frame>,
    count: u64,
}

impl Waiting {
    fn ask(&mut self, tape: &Tape, player: &mut Player, request: &Frame) {
        let (met, answers) = player.ask(request, tape.clock.now_ms());
        let count = match met {
            Met::Matched => &tape.counts.matched,
            Met::Repeated => &tape.counts.repeated,
            Met::Unmatched => {
                warn!(request = request.name(Direction::Client), "not in the transcript");
                &tape.counts.unmatched
            }
        };
        count.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        for due in answers {
            let after = tape.speed.map_or(Duration::ZERO, |speed| paced(due.after_ms, speed));
            self.count += 1;
            self.frames.insert((now + after, self.count), due.frame);
        }
    }

    fn next_at(&self) -> Option<Instant> {
        self.frames.keys().next().map(|(at, _)| *at)
    }

    fn pop(&mut self) -> Option<Frame> {
        self.frames.pop_first().map(|(_, frame)| frame)
    }

    fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_follow_the_speed_and_never_overflow() {
        assert_eq!((paced(1_000, 1.0), paced(1_000, 10.0)), (Duration::from_secs(1), Duration::from_millis(100)));
        for (after_ms, speed) in [(u64::MAX, 1.0), (1, f64::MIN_POSITIVE), (u64::MAX, 0.001)] {
            assert_eq!(paced(after_ms, speed), MAX_PAUSE, "{after_ms} at {speed}");
        }
    }
}
