// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The chain of lines.

use std::fmt;
use std::io::{self, BufRead, Read};

use kbox_proof::time::Time;
use serde::{Deserialize, Serialize};

use super::{Event, Fingerprint};

/// No line is longer: the longest holds a configuration, itself bounded.
const MAX_LINE: u64 = 256 * 1024;

/// Where the lines end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    /// How many there are.
    pub(crate) lines: u64,
    /// SHA-256 of the last, without its newline; 32 zeros before the first.
    pub(crate) head: Fingerprint,
    /// Bytes up to their end.
    pub(crate) bytes: u64,
}

/// What stands behind the last newline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Torn {
    pub(crate) bytes: u64,
    pub(crate) sha256: Fingerprint,
}

/// Where the chain does not hold.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The file cannot be read.
    Io(io::Error),
    /// No line is longer than ours.
    Long { line: u64 },
    /// The line is none of ours.
    Form { line: u64, problem: String },
    /// Lines are missing, or were put in.
    Number { line: u64, found: u64 },
    /// The line before is not the one that was there.
    Previous { line: u64 },
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Long { line } => write!(f, "line {line} is longer than any that kbox writes"),
            Self::Form { line, problem } => write!(f, "line {line} is none of kbox's: {problem}"),
            Self::Number { line, found } => write!(
                f,
                "line {line} says that it is number {found}: lines were removed or put in"
            ),
            Self::Previous { line } => write!(
                f,
                "line {line} names another line before it than the one that is there: one of the two was changed"
            ),
        }
    }
}

impl std::error::Error for Broken {}

#[derive(Serialize, Deserialize)]
struct Line<E> {
    /// From 1.
    number: u64,
    /// SHA-256 of the line before.
    previous: Fingerprint,
    /// What the system clock showed.
    at: Option<Time>,
    #[serde(flatten)]
    event: E,
}

impl Chain {
    pub(crate) fn new() -> Self {
        Self {
            lines: 0,
            head: Fingerprint::ZERO,
            bytes: 0,
        }
    }

    /// The next line, with its newline, and the chain that ends in it.
    pub(crate) fn next(&self, at: Option<Time>, event: &Event) -> (Self, String) {
        let line = Line {
            number: self.lines + 1,
            previous: self.head,
            at,
            event,
        };
        // Texts, numbers and lists: serde_json has no way to fail on them.
        let mut text = serde_json::to_string(&line).unwrap_or_default();
        let head = Fingerprint::of(text.as_bytes());
        text.push('\n');
        let next = Self {
            lines: line.number,
            head,
            bytes: self.bytes + text.len() as u64,
        };
        (next, text)
    }
}

/// Reads all lines, gives each whole one to `each`, and says where they end and what stands behind them.
pub(crate) fn read(
    mut source: impl BufRead,
    mut each: impl FnMut(&Event, &str),
) -> Result<(Chain, Option<Torn>), Broken> {
    let mut chain = Chain::new();
    loop {
        let number = chain.lines + 1;
        let mut bytes = Vec::new();
        source
            .by_ref()
            .take(MAX_LINE)
            .read_until(b'\n', &mut bytes)
            .map_err(Broken::Io)?;
        let length = bytes.len() as u64;
        if length == 0 {
            return Ok((chain, None));
        }
        if bytes.pop_if(|last| *last == b'\n').is_none() {
            if length == MAX_LINE {
                return Err(Broken::Long { line: number });
            }
            let torn = Torn {
                bytes: length,
                sha256: Fingerprint::of(&bytes),
            };
            return Ok((chain, Some(torn)));
        }
        let form = |problem: &dyn fmt::Display| Broken::Form {
            line: number,
            problem: problem.to_string(),
        };
        let text = std::str::from_utf8(&bytes).map_err(|error| form(&error))?;
        let line: Line<Event> = serde_json::from_str(text).map_err(|error| form(&error))?;
        if line.number != number {
            return Err(Broken::Number {
                line: number,
                found: line.number,
            });
        }
        if line.previous != chain.head {
            return Err(Broken::Previous { line: number });
        }
        each(&line.event, text);
        chain = Chain {
            lines: number,
            head: Fingerprint::of(&bytes),
            bytes: chain.bytes + length,
        };
    }
}
