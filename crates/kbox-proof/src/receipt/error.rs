// SPDX-License-Identifier: Apache-2.0 OR MIT
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use crate::tsp::certificate_name::printable;

/// Why a file is not a receipt, a proof file or a trust bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReceiptError {
    /// Longer than allowed, in bytes.
    TooLong {
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// More elements than allowed.
    TooMany {
        /// Of what.
        what: &'static str,
        /// Elements allowed.
        max: usize,
    },
    /// Not the JSON that was expected, with line and column.
    Json(String),
    /// A file of another kind or version.
    Kind {
        /// Tag expected.
        expected: &'static str,
        /// Tag found.
        found: String,
    },
    /// A hash that is not 32 bytes.
    HashLength,
    /// A trust bundle that contradicts itself.
    Bundle(&'static str),
    /// A container that cannot be read, with the reader's words.
    Container(String),
    /// A container entry where none may be.
    Entry {
        /// Its name.
        name: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A receipt inside a container that cannot be read.
    InEntry {
        /// The entry's name.
        name: String,
        /// What is wrong.
        problem: String,
    },
}

impl From<serde_json::Error> for ReceiptError {
    fn from(error: serde_json::Error) -> Self {
        // What an unknown member is called stands in the words, and the place at their end.
        let words = error.to_string();
        let words = match words.rsplit_once(" at line ") {
            Some((words, place)) => format!("{} at line {place}", printable(words)),
            None => printable(&words),
        };
        Self::Json(words)
    }
}

impl fmt::Display for ReceiptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { found, max } => write!(f, "{found} bytes, at most {max} are allowed"),
            Self::TooMany { what, max } => write!(f, "more than {max} {what}"),
            Self::Json(detail) => write!(f, "not the expected JSON: {detail}"),
            Self::Kind { expected, found } => write!(
                f,
                "the file says it is {found:?}, {expected:?} was expected; a newer kbox-verify may know it"
            ),
            Self::HashLength => f.write_str("a hash is not 32 bytes long"),
            Self::Bundle(problem) => write!(f, "trust bundle: {problem}"),
            Self::Container(detail) => write!(f, "not a readable proof file: {detail}"),
            Self::Entry { name, problem } => write!(f, "proof file entry {name:?} {problem}"),
            Self::InEntry { name, problem } => write!(f, "proof file entry {name:?}: {problem}"),
        }
    }
}

impl core::error::Error for ReceiptError {}
