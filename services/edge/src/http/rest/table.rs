//! Every path of the REST API, as data: what it asks of whom, and the parameters it takes.
//!
//! Adding a path is a row here and a function that turns its parameters into the operation's.

use axum::{http::Method, response::Response};
use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use schemas::{Fault, Operation, Row, fault::FaultBody};
use serde_json::Value;

use super::{gateway, given::Given, options};
use crate::http::answer;

/// One path.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// With the names of its path parameters, as the router takes it: `/options/quote/{symbol}`.
    pub(crate) path: &'static str,
    pub(crate) about: &'static str,
    /// Who answers.
    pub(crate) row: Row,
    pub(crate) params: &'static [Param],
    /// JSON of the operation's parameters.
    pub(crate) bind: fn(&Given) -> Result<Vec<u8>, Fault>,
    pub(super) verb: Verb,
    /// The HTTP status of a reply.
    pub(super) status: fn(&[u8]) -> u16,
    /// How a fault looks.
    pub(super) failure: fn(&Fault) -> Response,
    /// The same as JSON, for who describes it.
    pub(super) failure_body: fn(&Fault) -> Value,
    pub(super) failure_schema: fn() -> Schema,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// Parameters stand in path and query.
    Get,
    /// They may stand in a JSON object too.
    Post,
}

impl Verb {
    pub(super) const fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Post => Method::POST,
        }
    }

    /// For the header `Allow`.
    pub(super) const fn allowed(self) -> &'static str {
        match self {
            Self::Get => "GET, OPTIONS",
            Self::Post => "POST, OPTIONS",
        }
    }
}

impl Endpoint {
    pub(super) const fn of<O: Operation>(path: &'static str, params: &'static [Param], bind: fn(&Given) -> Result<Vec<u8>, Fault>) -> Self {
        let status = |_: &[u8]| 200;
        Self {
            path,
            about: O::ABOUT,
            row: Row::of::<O>(),
            params,
            bind,
            verb: Verb::Get,
            status,
            failure: answer::fault,
            failure_body: plain_failure,
            failure_schema: plain_failure_schema,
        }
    }

    pub(super) const fn posted(mut self) -> Self {
        self.verb = Verb::Post;
        self
    }

    /// Replies and failures as the predecessors had them.
    pub(super) const fn answered(mut self, status: fn(&[u8]) -> u16, failure: fn(&Fault) -> Response) -> Self {
        self.status = status;
        self.failure = failure;
        self.failure_body = gateway::failure_body;
        self.failure_schema = gateway::failure_schema;
        self
    }
}

/// One parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Param {
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    pub(crate) kind: Kind,
    pub(crate) about: &'static str,
    /// As it stands in a query. The examples of one path fit each other.
    pub(crate) example: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Path,
    Query,
}

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Text,
    /// One line of at most so many characters.
    Line {
        max: usize,
    },
    /// true or false, in the words that settings take.
    Flag,
    /// One of these, in upper or lower case.
    Choice(&'static [&'static str]),
    Whole {
        min: u32,
        max: u32,
    },
    Number {
        min: f64,
        max: f64,
    },
    /// Not negative, kept as its literal digits.
    Price,
    /// A fraction is allowed.
    Seconds {
        max: u32,
    },
}

impl Param {
    pub(super) const fn path(name: &'static str, about: &'static str) -> Self {
        Self { name, place: Place::Path, kind: Kind::Text, about, example: None }
    }

    pub(super) const fn query(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, place: Place::Query, kind, about, example: None }
    }

    pub(super) const fn such_as(mut self, example: &'static str) -> Self {
        self.example = Some(example);
        self
    }
}

fn plain_failure(fault: &Fault) -> Value {
    serde_json::to_value(FaultBody { error: fault.clone() }).unwrap_or_default()
}

fn plain_failure_schema() -> Schema {
    written_schema::<FaultBody>()
}

/// What is written, which is narrower than what is read.
pub(super) fn written_schema<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>()
}

/// Every path of this release, without the prefix.
pub(crate) static ENDPOINTS: &[Endpoint] = &[
    options::QUOTE,
    options::EXPIRATIONS,
    options::CHAIN,
    gateway::STATUS,
    gateway::LOGOUT,
    gateway::LOGIN,
    gateway::RECONNECT,
    gateway::ENSURE_READY,
    gateway::DIAGNOSE,
    gateway::RESTART_WORKERS,
];
