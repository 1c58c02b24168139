//! Workers in this process, with a real nats-server in front and the simulated gateway behind: what a caller on NATS
//! is told, and what IB is asked.

mod news;
mod pacing;
mod support;
mod upstream;
mod words;
