//! Services of one login with a real nats-server between them. No gateway: how the login's messages are shared out is
//! decided without one.

mod gateway;
mod pace;
mod support;
