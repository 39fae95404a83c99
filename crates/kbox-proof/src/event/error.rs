// SPDX-License-Identifier: Apache-2.0 OR MIT
use alloc::string::String;
use core::fmt;

/// Why bytes or a request are not an evidence event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventError {
    /// ASN.1 that cannot be read, with the decoder's own words.
    Asn1(String),
    /// Readable, but not in the one form that `docs/formats.md` allows (DER).
    NotDer,
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
    /// Fewer than one element.
    None {
        /// Of what.
        what: &'static str,
    },
    /// A version other than 1.
    UnknownVersion(u64),
    /// Text that is empty, too long, not NFC, or holds control or bidirectional characters.
    Text {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Neither nine digits nor `kbox`.
    NotASiren,
    /// Not the name of a log.
    NotAnOrigin,
    /// Not a local date and time such as `2026-12-02T18:30`.
    NotALocalDateTime,
    /// Not an instant with whole seconds such as `20261124183000Z`.
    NotAnInstant,
    /// `claimedTime` is in whole seconds.
    ClaimedTimeHasFraction,
    /// The event's URI is not that of its detail.
    NameMismatch {
        /// The URI found.
        found: String,
    },
    /// A negative event must say why.
    ReasonMissing {
        /// The event.
        event: &'static str,
    },
    /// This event follows from another one and must name it.
    ReferenceMissing {
        /// The event.
        event: &'static str,
    },
    /// This event follows from none.
    ReferenceUnexpected {
        /// The event.
        event: &'static str,
    },
    /// Versions count from 1.
    VersionZero,
    /// A digest, salt or identifier of the wrong length.
    Length {
        /// Which field.
        field: &'static str,
    },
    /// Rank 0 has no previous event, and every other rank has one.
    PreviousAndRank,
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asn1(detail) => write!(f, "not an evidence event: {detail}"),
            Self::NotDer => f.write_str("not in DER: the bytes differ from their one canonical form"),
            Self::TooLong { found, max } => write!(f, "{found} bytes, at most {max} are allowed"),
            Self::TooMany { what, max } => write!(f, "more than {max} {what}"),
            Self::None { what } => write!(f, "no {what}: at least one is needed"),
            Self::UnknownVersion(version) => {
                write!(f, "event version {version}; this program knows version 1 only")
            }
            Self::Text { problem } => write!(f, "text {problem}"),
            Self::NotASiren => f.write_str("not a SIREN: nine digits are expected"),
            Self::NotAnOrigin => f.write_str(
                "not the name of a log: at most 200 visible ASCII characters without '+'",
            ),
            Self::NotALocalDateTime => {
                f.write_str("not a local date and time; write it as 2026-12-02T18:30")
            }
            Self::NotAnInstant => {
                f.write_str("not an instant in UTC and whole seconds such as 20261124183000Z")
            }
            Self::ClaimedTimeHasFraction => f.write_str("claimed_time must be in whole seconds"),
            Self::NameMismatch { found } => {
                write!(f, "the event is named {found}, which is not what its detail says")
            }
            Self::ReasonMissing { event } => write!(f, "{event} must give at least one reason"),
            Self::ReferenceMissing { event } => {
                write!(f, "{event} must refer to the event that it follows from")
            }
            Self::ReferenceUnexpected { event } => write!(f, "{event} refers to no other event"),
            Self::VersionZero => f.write_str("versions count from 1"),
            Self::Length { field } => write!(f, "{field} has the wrong length"),
            Self::PreviousAndRank => f.write_str(
                "rank 0 has no previous event and every other rank has one: rank and previous disagree",
            ),
        }
    }
}

impl core::error::Error for EventError {}
