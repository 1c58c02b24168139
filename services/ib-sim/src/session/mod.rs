//! One API connection: hello, `StartApi`, then requests and pushes until either side ends it.
//!
//! Invariant: a session holds its client id exactly as long as it may answer; before `StartApi` it
//! holds none, so that a probe of the port disturbs nobody.

mod accounts;
mod depth;
mod dispatch;
mod held;
mod link;
mod live;
mod market;
mod options;
mod orders;
mod out;
mod overtake;
mod pushes;
mod quotes;
mod reference;
mod scanner;
mod streams;
mod ticks;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use futures::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;
use tokio_util::codec::FramedRead;
use tokio_util::codec::LengthDelimitedCodec;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::errors::ApiError;
use crate::faults::state::Fate;
use crate::gateway::{Gateway, LeaseError};
use crate::journal::Count;
use crate::proto::Dialect;
use crate::proto::event::Event;
use crate::proto::request::Request;
use crate::proto::types::Contract;
use crate::wire::hello::{Hello, Negotiated};
use crate::wire::pb::order::Order;
use crate::wire::pb::order_report::{OrderState, OrderStatus};
use crate::wire::{frame, hello};
use crate::world::moment::show;
use live::Live;
use out::Out;
pub(crate) use quotes::Computations;
pub(crate) use reference::Shared as Reference;

/// A client that acknowledged the version but never starts is no client.
const START_DEADLINE: Duration = Duration::from_secs(60);

pub(crate) type Frames = FramedRead<OwnedReadHalf, LengthDelimitedCodec>;

/// Serves one accepted connection to its end.
pub(crate) async fn run(stream: TcpStream, gateway: Arc<Gateway>, cancel: CancellationToken) {
    gateway.counters.add(Count::connections);
    let _ = stream.set_nodelay(true);
    let mut drops = gateway.drops();
    tokio::select! {
        () = cancel.cancelled() => {}
        _ = drops.changed() => {}
        () = gateway.faults.unless_half_open(serve(stream, Arc::clone(&gateway))) => {}
    }
}

async fn serve(stream: TcpStream, gateway: Arc<Gateway>) {
    let peer = stream.peer_addr().map_or(Ipv4Addr::LOCALHOST.into(), |peer| peer.ip());
    if gateway.faults.silent_to(peer) {
        // The gateway that accepts only its own machine: TCP answers, the API never does.
        tokio::select! {
            () = gateway.faults.heard(peer) => {}
            () = drain(stream) => {}
        }
        return;
    }
    let (mut reader, mut writer) = stream.into_split();
    let announced = match hello::read(&mut reader).await {
        Ok(hello) => hello,
        Err(error) => {
            gateway.counters.add(Count::hellos_refused);
            debug!(%error, "connection without a hello");
            return;
        }
    };
    let Some(dialect) = acknowledge(&gateway, &announced, &mut writer).await else {
        return;
    };
    let mut frames = FramedRead::new(reader, frame::inbound_codec());
    let Some(client_id) = start_api(&gateway, dialect, &mut frames).await else {
        return;
    };
    let out = Out::new(writer, Arc::clone(&gateway));
    let lease = match gateway.lease(client_id) {
        Ok(lease) => lease,
        Err(error) => {
            warn!(%error, "connection refused");
            gateway.counters.add(Count::duplicate_client_ids);
            if matches!(error, LeaseError::InUse(_)) {
                let refusal = error_event(&gateway, -1, ApiError::fixed(326));
                if let Some(frame) = dialect.encode(&refusal) {
                    let _ = out.send(&frame, Fate::PLAIN);
                }
            }
            out.finish().await;
            return;
        }
    };
    gateway.counters.add(Count::sessions);
    info!(client_id, "API client started");
    let mut live = Live::new(Arc::clone(&gateway), dialect, lease, out);
    welcome(&gateway, &mut live, client_id);
    live.run(frames).await;
    info!(client_id, "API client ended");
}

/// Reads and forgets until the client leaves.
async fn drain(mut stream: TcpStream) {
    let mut scratch = [0_u8; 256];
    while matches!(stream.read(&mut scratch).await, Ok(read) if read > 0) {}
}

/// Answers the hello; says how the connection goes on, if it does.
async fn acknowledge(gateway: &Gateway, announced: &Hello, writer: &mut OwnedWriteHalf) -> Option<Dialect> {
    let (version, dialect) = match hello::negotiate(announced, gateway.settings.max_server_version) {
        Negotiated::Protobuf { version } => (version, Some(Dialect::Protobuf)),
        Negotiated::Text => (hello::TEXT_VERSION, Some(Dialect::Text)),
        Negotiated::Outdated { version } => (version, None),
        Negotiated::Refused(reason) => {
            gateway.counters.add(Count::hellos_refused);
            warn!(?announced, %reason, "hello refused");
            return None;
        }
    };
    let time = show(gateway.clock.now_secs(), &gateway.world.zone, "%Y%m%d %H:%M:%S");
    let time = format!("{time} {}", gateway.world.zone_name);
    let ack = frame::text(&[&version.to_string(), &time]);
    let sent = timeout(START_DEADLINE, writer.write_all(&ack)).await.is_ok_and(|written| written.is_ok());
    if dialect.is_none() {
        gateway.counters.add(Count::hellos_refused);
        warn!(?announced, version, "closing after the version: the client needs a newer gateway");
        let _ = writer.shutdown().await;
    }
    dialect.filter(|_| sent)
}

/// The client id of the first request, which has to be `StartApi`.
async fn start_api(gateway: &Gateway, dialect: Dialect, frames: &mut Frames) -> Option<i32> {
    let body: BytesMut = match timeout(START_DEADLINE, frames.next()).await {
        Ok(Some(Ok(body))) => body,
        Ok(Some(Err(error))) => {
            warn!(%error, "unreadable frame before StartApi");
            return None;
        }
        // A probe: hello, then nothing.
        Ok(None) | Err(_) => return None,
    };
    match dialect.decode(body) {
        Ok(request @ Request::StartApi { client_id, .. }) => {
            gateway.journal.record(gateway.clock.now().to_string(), client_id, request.name(), request.fields());
            Some(client_id)
        }
        Ok(request) => {
            warn!(message = request.name(), "closing: the first request is not StartApi");
            None
        }
        Err(error) => {
            warn!(%error, "closing: the first request cannot be read");
            None
        }
    }
}

/// What a gateway sends unasked, in the order of the captures: its own
/// working orders if there are any, accounts, next id, farms.
fn welcome(gateway: &Gateway, live: &mut Live, client_id: i32) {
    flood(gateway, live, client_id);
    live.replay_orders();
    live.send(&Event::ManagedAccounts(gateway.world.accounts.ids()));
    live.send(&Event::NextValidId(gateway.order_id(client_id)));
    for code in gateway.faults.greeting_codes() {
        live.error(-1, ApiError::fixed(code));
    }
}

/// The fault that plays a client with many working orders: two frames for each of them come first.
fn flood(gateway: &Gateway, live: &mut Live, client_id: i32) {
    let frames = gateway.faults.active().frames_before_ids;
    if frames == 0 {
        return;
    }
    let account = gateway.world.accounts.ids().into_iter().next().unwrap_or_default();
    let row = gateway.world.contracts.iter().find(|row| row.is("STK"));
    let contract = row.map_or_else(Contract::default, |row| row.routed("SMART"));
    for number in 0..frames {
        let order_id = i32::try_from(number / 2).unwrap_or(0) + 1;
        let status = Some("Submitted".to_owned());
        let perm_id = Some(9_000_000_000 + i64::from(order_id));
        live.send(&if number % 2 == 0 {
            let order = Order {
                client_id: Some(client_id),
                order_id: Some(order_id),
                perm_id,
                action: Some("BUY".into()),
                total_quantity: Some("1".into()),
                order_type: Some("LMT".into()),
                lmt_price: Some(1.0),
                tif: Some("GTC".into()),
                account: Some(account.clone()),
                ..Order::default()
            };
            let state = OrderState { status, ..OrderState::default() };
            Event::OpenOrder { order_id, contract: Box::new(contract.clone()), order: Box::new(order), state: Box::new(state) }
        } else {
            Event::OrderStatus(Box::new(OrderStatus {
                order_id: Some(order_id),
                status,
                filled: Some("0".into()),
                remaining: Some("1".into()),
                perm_id,
                client_id: Some(client_id),
                ..OrderStatus::default()
            }))
        });
    }
    live.send(&Event::OpenOrdersEnd);
}

fn error_event(gateway: &Gateway, id: i32, error: ApiError) -> Event {
    gateway.counters.add(Count::errors_sent);
    Event::Error { id, time_ms: gateway.clock.now_ms(), code: error.code, text: error.text }
}
