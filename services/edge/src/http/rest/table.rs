//! Every path of the REST API, as data: what it asks of whom, and the parameters it takes.
//!
//! Adding a path is a row here and a function that turns its parameters into the operation's.

use schemas::{Fault, Operation, Row};

use super::{given::Given, options};

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
}

impl Endpoint {
    pub(super) const fn of<O: Operation>(path: &'static str, params: &'static [Param], bind: fn(&Given) -> Result<Vec<u8>, Fault>) -> Self {
        Self { path, about: O::ABOUT, row: Row::of::<O>(), params, bind }
    }
}

/// One parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Param {
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    pub(crate) kind: Kind,
    pub(crate) about: &'static str,
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
        Self { name, place: Place::Path, kind: Kind::Text, about }
    }

    pub(super) const fn query(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, place: Place::Query, kind, about }
    }
}

/// Every path of this release, without the prefix.
pub(crate) static ENDPOINTS: &[Endpoint] = &[options::QUOTE, options::EXPIRATIONS, options::CHAIN];
