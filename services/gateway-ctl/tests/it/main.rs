//! gateway-ctl as a whole, over a real nats-server: its gateway is the simulator in a process of its own, started and
//! stopped by it, with its container's log and its command server.

mod conflicts;
mod diagnoses;
mod external;
mod gateway;
mod lead;
mod minutes;
mod people;
mod repairs;
mod support;
