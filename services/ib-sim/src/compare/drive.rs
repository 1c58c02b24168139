//! The client side of one recorded connection, said again to a gateway.
//!
//! Invariant: every wait has an end: a request goes out once the gateway has sent as many messages of each kind as were
//! recorded before it, or has been quiet for [`QUIET_MAX`].

use std::collections::HashMap;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::time::timeout;

use super::CompareError;
use crate::transcript::Section;
use crate::transcript::catalogue::Direction;
use crate::transcript::frame::{Cutter, Frame, Payload, split_text, with_length};
use crate::transcript::marks::{self, Mark, Seen};

const CONNECT_MAX: Duration = Duration::from_secs(10);
const WRITE_MAX: Duration = Duration::from_secs(10);
/// A gateway that says nothing for this long has nothing more to say.
const QUIET_MAX: Duration = Duration::from_secs(2);
/// Frames of one connection; a recording that is worth comparing has far fewer.
const MAX_FRAMES: usize = 200_000;
const READ_BYTES: usize = 64 * 1024;
/// Place, cancel, replace the allocation, exercise, cancel all, change the configuration.
const ACTS: [u32; 6] = [3, 4, 19, 21, 58, 109];

/// What the gateway said, each frame behind the request after which it came.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) version: i32,
    pub(crate) steps: Vec<(Direction, Frame)>,
    /// How many messages of each number the gateway has sent.
    heard: Kinds,
    /// Requests that act on the account and were not sent.
    pub(crate) left_out: Vec<&'static str>,
}

/// Counts of message numbers.
type Kinds = HashMap<u32, usize>;

/// Says the client side of `section` to the gateway and notes both sides.
pub(crate) async fn run(section: &Section, gateway: &str, orders: bool, ids: &mut Ids) -> Result<Said, CompareError> {
    let mut wire = Wire::open(section, gateway).await?;
    let mut said = Said { version: wire.version, ..Said::default() };
    ids.next_connection();
    let mut recorded = Kinds::new();
    for step in &section.steps {
        match step.from {
            Direction::Gateway => {
                *recorded.entry(step.frame.number).or_default() += 1;
                ids.recorded(section.server_version, &step.frame);
            }
            Direction::Client => {
                wire.listen(&mut said, ids, Some(&recorded)).await?;
                if ACTS.contains(&step.frame.number) && !orders {
                    said.left_out.push(step.frame.name(Direction::Client));
                    continue;
                }
                let frame = ids.outgoing(section.server_version, &step.frame);
                wire.send(&frame.write()).await?;
                said.steps.push((Direction::Client, step.frame.clone()));
            }
        }
    }
    wire.listen(&mut said, ids, None).await?;
    Ok(said)
}

struct Wire {
    reader: OwnedReadHalf,
    writer: tokio::net::tcp::OwnedWriteHalf,
    cutter: Cutter,
    version: i32,
    open: bool,
}

impl Wire {
    async fn open(section: &Section, gateway: &str) -> Result<Self, CompareError> {
        let no_gateway = |source| CompareError::Gateway { gateway: gateway.to_owned(), source };
        let late = || std::io::Error::from(std::io::ErrorKind::TimedOut);
        let stream = timeout(CONNECT_MAX, TcpStream::connect(gateway)).await.unwrap_or_else(|_| Err(late())).map_err(no_gateway)?;
        let (reader, writer) = stream.into_split();
        let mut wire = Self { reader, writer, cutter: Cutter::default(), version: 0, open: true };
        let hello = [b"API\0".as_slice(), &with_length(section.hello.as_bytes())].concat();
        wire.send(&hello).await?;
        let mut first = None;
        while first.is_none() && wire.open {
            wire.read(QUIET_MAX * 5, |body| {
                first.get_or_insert_with(|| split_text(body));
            })
            .await?;
        }
        let version = first.and_then(|fields| fields.first()?.parse().ok());
        wire.version = version.ok_or_else(|| CompareError::NoVersion { hello: section.hello.clone() })?;
        Ok(wire)
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), CompareError> {
        let written = timeout(WRITE_MAX, self.writer.write_all(bytes)).await;
        // A gateway that closed is a difference, found by what it no longer says.
        self.open &= matches!(written, Ok(Ok(())));
        Ok(())
    }

    /// Reads until the gateway has sent all that is `wanted` or is quiet.
    async fn listen(&mut self, said: &mut Said, ids: &mut Ids, wanted: Option<&Kinds>) -> Result<(), CompareError> {
        let complete =
            |heard: &Kinds, wanted: &Kinds| wanted.iter().all(|(number, count)| heard.get(number).is_some_and(|heard| heard >= count));
        while self.open && said.steps.len() < MAX_FRAMES && !wanted.is_some_and(|wanted| complete(&said.heard, wanted)) {
            let version = self.version;
            let heard = self
                .read(QUIET_MAX, |body| {
                    if let Some(frame) = Frame::read(body) {
                        *said.heard.entry(frame.number).or_default() += 1;
                        said.steps.push((Direction::Gateway, ids.incoming(version, &frame)));
                    }
                })
                .await?;
            if !heard {
                break;
            }
        }
        Ok(())
    }

    /// One read; false if nothing came in time.
    async fn read(&mut self, max: Duration, found: impl FnMut(&[u8])) -> Result<bool, CompareError> {
        let mut buffer = vec![0_u8; READ_BYTES];
        match timeout(max, self.reader.read(&mut buffer)).await {
            Err(_) => Ok(false),
            Ok(Ok(read @ 1..)) => {
                self.cutter.push(&buffer[..read], found).map_err(|error| CompareError::Unreadable(error.to_string()))?;
                Ok(true)
            }
            Ok(_) => {
                self.open = false;
                Ok(false)
            }
        }
    }
}

/// Accounts and order ids of the recording, and those that stand for them on this gateway.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    recorded_accounts: Vec<String>,
    live_accounts: Vec<String>,
    recorded_order: Option<i64>,
    live_order: Option<i64>,
    /// Of all connections: a later one may see and cancel the orders of an earlier one.
    orders: HashMap<i64, i64>,
}

impl Ids {
    /// Every client id counts its orders from a number of its own.
    fn next_connection(&mut self) {
        (self.recorded_order, self.live_order) = (None, None);
    }

    /// How much higher this gateway's order ids are.
    fn offset(&self) -> i64 {
        self.live_order.zip(self.recorded_order).map_or(0, |(live, recorded)| live - recorded)
    }

    /// Reads what a recorded frame of the welcome gives.
    fn recorded(&mut self, version: i32, frame: &Frame) {
        let (mut accounts, mut order) = (Vec::new(), None);
        welcome(version, frame, &mut accounts, &mut order);
        if self.recorded_accounts.is_empty() {
            self.recorded_accounts = accounts;
        }
        self.recorded_order = self.recorded_order.or(order);
    }

    /// The client's frame with this gateway's accounts and order ids.
    fn outgoing(&mut self, version: i32, frame: &Frame) -> Frame {
        let offset = self.offset();
        if frame.number == 3
            && let Some(id) = marks::id(Direction::Client, version, frame)
        {
            self.orders.insert(id + offset, id);
        }
        let accounts: HashMap<&str, &str> = pairs(&self.recorded_accounts, &self.live_accounts);
        let mut edit = |mark: Option<Mark>, seen: Seen| {
            Some(match (mark, seen) {
                (Some(Mark::OrderId), Seen::Number(id)) if id > 0 => Seen::Number(id + offset),
                (Some(Mark::RequestId), Seen::Number(id)) if matches!(frame.number, 3 | 4) && !is_protobuf(frame) => {
                    Seen::Number(id + offset)
                }
                (Some(Mark::Account), Seen::Text(text)) => {
                    Seen::Text(accounts.get(&text[..]).map_or(text.clone(), |&live| live.to_owned()))
                }
                (_, seen) => seen,
            })
        };
        marks::rewrite(Direction::Client, version, frame, &mut edit).unwrap_or_else(|| frame.clone())
    }

    /// The gateway's frame with the recording's accounts and order ids.
    fn incoming(&mut self, version: i32, frame: &Frame) -> Frame {
        let (mut live_accounts, mut live_order) = (Vec::new(), None);
        welcome(version, frame, &mut live_accounts, &mut live_order);
        if self.live_accounts.is_empty() {
            self.live_accounts = live_accounts;
        }
        self.live_order = self.live_order.or(live_order);
        let accounts: HashMap<&str, &str> = pairs(&self.live_accounts, &self.recorded_accounts);
        let (offset, next) = (self.offset(), frame.number == 9);
        let mut edit = |mark: Option<Mark>, seen: Seen| {
            Some(match (mark, seen) {
                (Some(Mark::OrderId), Seen::Number(id)) if next => Seen::Number(id - offset),
                (Some(Mark::OrderId | Mark::RequestId), Seen::Number(id)) => Seen::Number(self.orders.get(&id).copied().unwrap_or(id)),
                (Some(Mark::Account | Mark::Accounts), Seen::Text(text)) => {
                    Seen::Text(accounts.get(&text[..]).map_or(text.clone(), |&recorded| recorded.to_owned()))
                }
                (_, seen) => seen,
            })
        };
        marks::rewrite(Direction::Gateway, version, frame, &mut edit).unwrap_or_else(|| frame.clone())
    }
}

fn is_protobuf(frame: &Frame) -> bool {
    matches!(frame.payload, Payload::Protobuf(_))
}

fn pairs<'a>(from: &'a [String], to: &'a [String]) -> HashMap<&'a str, &'a str> {
    from.iter().map(String::as_str).zip(to.iter().map(String::as_str)).collect()
}

/// The accounts of a `ManagedAccounts`, the id of a `NextValidId`.
fn welcome(version: i32, frame: &Frame, accounts: &mut Vec<String>, order: &mut Option<i64>) {
    if !matches!(frame.number, 9 | 15) {
        return;
    }
    marks::rewrite(Direction::Gateway, version, frame, &mut |mark, seen| {
        match (mark, &seen) {
            (Some(Mark::Accounts), Seen::Text(list)) => *accounts = list.split(',').map(|account| account.trim().to_owned()).collect(),
            (Some(Mark::OrderId), Seen::Number(id)) => *order = Some(*id),
            _ => {}
        }
        Some(seen)
    });
}
