//! The options service in this process, with a real nats-server in front and the simulated gateway behind: what a caller
//! on NATS is told, what IB is asked, and that no line stays open.

mod bad_input;
mod chain;
mod discovery;
mod lines;
mod market;
mod support;
