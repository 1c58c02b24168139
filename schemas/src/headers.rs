//! NATS header names. Values are ASCII; a request with no headers at all is served with the operation's default deadline.

/// Milliseconds of the caller's budget that are left. Relative, because clocks of two machines differ.
pub const TIMEOUT_MS: &str = "Ib-Timeout-Ms";
/// A uuid v7 that names the request in logs, in cancels and in the audit.
pub const REQUEST_ID: &str = "Ib-Request-Id";
/// Who called. Only the edge's NATS user may be believed.
pub const CALLER: &str = "Ib-Caller";
/// W3C trace context. Lower case: NATS header names keep their case, and W3C's is lower.
pub const TRACEPARENT: &str = "traceparent";

/// A request that carries it wants to be told, some time into the work, who has it. Without it a plain ten-line caller
/// would take that message for the reply.
pub const ACCEPT: &str = "Ib-Accept";

/// The only header of that message, whose body is empty: the heartbeat id of the process at work.
pub const ACCEPTED_BY: &str = "Ib-Accepted-By";
/// A request that carries it wants to be told how far the work is, in messages before the reply. Without it a plain
/// ten-line caller sees only the reply.
pub const ACCEPT_PROGRESS: &str = "Ib-Accept-Progress";
/// On such a message, whose body is empty: JSON of a [`crate::Progress`]. [`ACCEPTED_BY`] stands beside it.
pub const PROGRESS: &str = "Ib-Progress";

/// The heartbeat id of the process that answered.
pub const SERVED_BY: &str = "Ib-Served-By";
/// The IB client id of the process that answered.
pub const CLIENT_ID: &str = "Ib-Client-Id";
/// Milliseconds between arrival and start of work.
pub const QUEUE_MS: &str = "Ib-Queue-Ms";
/// Milliseconds of work, IB's time included.
pub const WORK_MS: &str = "Ib-Work-Ms";
/// For `busy`, `pacing` and their like: when a retry makes sense.
pub const RETRY_AFTER_MS: &str = "Ib-Retry-After-Ms";
/// ADR-32 of NATS: text of a service error.
pub const SERVICE_ERROR: &str = "Nats-Service-Error";
/// ADR-32 of NATS: code of a service error; ours is [`crate::FaultCode`]'s name.
pub const SERVICE_ERROR_CODE: &str = "Nats-Service-Error-Code";
