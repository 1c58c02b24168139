//! Workers in this process, with a real nats-server in front and the simulated gateway behind: what a caller on NATS
//! is told, and what IB is asked.

mod beyond;
mod news;
mod orders;
mod pacing;
mod support;
mod upstream;
mod words;
