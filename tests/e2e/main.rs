//! The whole system from outside: real processes, a real nats-server, the simulator on TCP, HTTP in front.
//!
//! Every test has a stack of its own on free ports, so that tests neither wait for nor disturb each other. Nothing here
//! sleeps for a while and hopes: what is waited for is a state, with a deadline.

mod bad_input;
mod curls;
mod doctor;
mod faults;
mod fleet;
mod gateway;
mod harness;
mod health;
mod options;
mod resources;
mod tools;
mod up;
