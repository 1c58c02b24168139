//! The bus against a real nats-server; one program, so that it is linked once.

mod audit;
mod bucket;
mod calls;
mod connect;
mod control;
mod discovery;
mod events;
mod heartbeats;
mod leave;
mod outage;
mod progress;
mod round_trip;
mod slots;
mod support;
mod users;
