//! Call or put.
//!
//! Invariant: a text is read here only, so that every request takes the same spellings.

use schemas::Fault;

use crate::shown;

/// The call comes before the put, as in the rows of a reply.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Right {
    Call,
    Put,
}

impl Right {
    /// As IB and the replies write it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "C",
            Self::Put => "P",
        }
    }

    /// Reads `C`, `P`, `CALL` or `PUT` in any case.
    pub(crate) fn read(text: &str) -> Result<Self, Fault> {
        match text.trim().to_ascii_uppercase().as_str() {
            "C" | "CALL" => Ok(Self::Call),
            "P" | "PUT" => Ok(Self::Put),
            _ => Err(Fault::invalid("right", format!("`right` is `{}`; it is C (call) or P (put).", shown(text)))
                .allowed(["C", "P"])
                .hint("Send C or P; where it may be left out, that means both.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_and_nothing_else() {
        for (text, right) in [("C", Right::Call), ("call", Right::Call), (" p ", Right::Put), ("Put", Right::Put)] {
            assert_eq!(Right::read(text).expect(text), right);
            assert_eq!(Right::read(right.as_str()).expect("own spelling"), right);
        }
        for bad in ["", "X", "CP", "calls", "C P", "\u{441}"] {
            let fault = Right::read(bad).expect_err(bad);
            assert_eq!((fault.field.as_deref(), fault.allowed.as_slice()), (Some("right"), ["C".to_owned(), "P".to_owned()].as_slice()));
        }
    }
}
