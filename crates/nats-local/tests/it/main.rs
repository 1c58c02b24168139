//! The tests with real processes; one program, so that it is linked once.

mod guard;
mod locate;
mod server;
mod support;
