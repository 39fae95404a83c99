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
    Bundle(BundleFault),
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

/// In what a trust bundle contradicts itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BundleFault {
    /// `version` is 0.
    Version,
    /// Production whose clock nobody vouches for.
    Clock,
    /// No authority, no root or no shard.
    Empty,
    /// A shard with `final_size` or `final_root` alone.
    FinalTree,
    /// A tree of an open shard, or as large as a closed one.
    Trees,
    /// Two shards of one origin.
    ShardTwice,
    /// The quorum is 0, or more than there are operators.
    Quorum,
    /// `demand` needs witnesses, and none is named.
    NoWitnesses,
}

impl BundleFault {
    /// Each once.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 8] = [
        Self::Version,
        Self::Clock,
        Self::Empty,
        Self::FinalTree,
        Self::Trees,
        Self::ShardTwice,
        Self::Quorum,
        Self::NoWitnesses,
    ];
}

impl fmt::Display for BundleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "versions count from 1",
            Self::Clock => "production has no unverified clock",
            Self::Empty => "needs at least one authority, one root and one shard",
            Self::FinalTree => "final_size and final_root belong together",
            Self::Trees => "trees are smaller than the final size of a closed shard",
            Self::ShardTwice => "two shards of one origin",
            Self::Quorum => "the quorum must be between 1 and the number of operators",
            Self::NoWitnesses => "its demand needs witnesses, and it names none",
        })
    }
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
