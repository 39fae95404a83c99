// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Why bytes could not be read as a timestamp message.

use core::fmt;

/// Bytes that are no timestamp message, or not in the one form that is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TspError {
    /// Not the DER expected here (X.690), counted in bytes from the start of the message or of its inner structure.
    Der {
        /// Where reading stopped.
        offset: usize,
    },
    /// The file ends before the message does, by the message's own length.
    CutOff {
        /// Bytes there are.
        found: usize,
        /// Bytes that the message says it has.
        expected: usize,
    },
    /// Something follows the message.
    TrailingBytes {
        /// Where it begins.
        offset: usize,
    },
    /// Larger than any honest message of its kind.
    TooLarge {
        /// Size found, in bytes.
        size: usize,
        /// Size allowed, in bytes.
        limit: usize,
    },
    /// Read, but not encoded as DER demands (an explicit default, an unsorted SET OF, …).
    NotCanonical {
        /// The structure, in the standard's words.
        structure: &'static str,
    },
    /// A version number that the standard does not know.
    Version {
        /// The structure, in the standard's words.
        structure: &'static str,
        /// Version found; `u32::MAX` for any that is negative or above 2^31.
        found: u32,
    },
    /// `genTime` is no UTC instant in the form of RFC 3161 §2.4.2.
    GenTime,
    /// The imprint's length is not that of its hash algorithm (RFC 3161 §2.4.1).
    ImprintLength {
        /// Bytes the algorithm makes.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// Serial numbers are positive and at most 160 bits (RFC 3161 §2.4.2).
    SerialNumber {
        /// What is wrong with it.
        fault: SerialFault,
    },
    /// Accuracy: milliseconds and microseconds lie between 1 and 999, or are absent (RFC 3161 §2.4.2).
    Accuracy,
    /// A content type other than the one demanded (RFC 3161 §2.4.2).
    ContentType {
        /// The structure, in the standard's words.
        structure: &'static str,
    },
    /// A token has exactly one SignerInfo (RFC 3161 §2.4.2).
    SignerInfos {
        /// Number found.
        found: usize,
    },
    /// More certificates than any honest token carries.
    TooManyCertificates {
        /// Number found.
        found: usize,
        /// As many are read.
        limit: usize,
    },
    /// More digest algorithms than any honest token names.
    TooManyDigestAlgorithms {
        /// Number allowed.
        limit: usize,
    },
    /// More extensions in one list than any honest certificate, revocation list, entry or response has.
    TooManyExtensions {
        /// Number allowed.
        limit: usize,
    },
    /// More names, or distribution points, than any honest certificate or revocation list has.
    TooManyNames {
        /// Number allowed.
        limit: usize,
    },
    /// More answers than any honest OCSP response has.
    TooManyAnswers {
        /// Number allowed.
        limit: usize,
    },
    /// A status that RFC 3161 §2.4.2 does not know.
    Status {
        /// Status found.
        found: u32,
    },
    /// A PKIFailureInfo that RFC 3161 §2.4.2 does not know.
    FailureInfo,
    /// A token in a refusal, or a grant without one (RFC 3161 §2.4.2).
    TokenPresence {
        /// It is a grant.
        granted: bool,
    },
    /// The token departs from the leaf's fixed form, so the log cannot hold it.
    Leaf {
        /// What departs.
        what: &'static str,
    },
    /// No PEM block of this kind could be read.
    Pem {
        /// The label looked for.
        label: &'static str,
    },
}

/// What is wrong with a serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SerialFault {
    /// It is zero.
    Zero,
    /// It is negative.
    Negative,
    /// It exceeds 160 bits.
    TooLong,
    /// It has no bytes, or more than its value needs.
    Encoding,
}

impl fmt::Display for TspError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Der { offset } => write!(f, "not the DER expected, at byte {offset}"),
            Self::CutOff { found, expected } => {
                write!(f, "the file is cut off: {found} of {expected} bytes")
            }
            Self::TrailingBytes { offset } => {
                write!(f, "bytes follow the message, from byte {offset}")
            }
            Self::TooLarge { size, limit } => {
                write!(f, "{size} bytes are more than the {limit} allowed")
            }
            Self::NotCanonical { structure } => {
                write!(f, "{structure} is not encoded as DER demands")
            }
            Self::Version { structure, found } => write!(f, "{structure} has version {found}"),
            Self::GenTime => f.write_str("genTime is not a UTC instant in the form of RFC 3161"),
            Self::ImprintLength { expected, found } => write!(
                f,
                "the imprint has {found} bytes where its hash algorithm makes {expected}"
            ),
            Self::SerialNumber { fault } => f.write_str(match fault {
                SerialFault::Zero => "the serial number is zero, and not positive",
                SerialFault::Negative => "the serial number is negative",
                SerialFault::TooLong => "the serial number exceeds 160 bits",
                SerialFault::Encoding => "the serial number is no INTEGER in DER",
            }),
            Self::Accuracy => f.write_str("accuracy parts must lie between 1 and 999 or be absent"),
            Self::ContentType { structure } => write!(f, "{structure} has another content type"),
            Self::SignerInfos { found: 0 } => f.write_str("the token has no signer"),
            Self::SignerInfos { found } => {
                write!(
                    f,
                    "the token has {found} signers where exactly one is allowed"
                )
            }
            Self::TooManyDigestAlgorithms { limit } => {
                write!(f, "the token names more than {limit} digest algorithms")
            }
            Self::TooManyCertificates { found, limit } => {
                write!(
                    f,
                    "the token carries {found} certificates; {limit} at most are read"
                )
            }
            Self::TooManyExtensions { limit } => {
                write!(f, "more than {limit} extensions in one list")
            }
            Self::TooManyNames { limit } => {
                write!(f, "more than {limit} distribution points or names of them")
            }
            Self::TooManyAnswers { limit } => write!(f, "more than {limit} answers"),
            Self::Status { found } => write!(f, "unknown response status {found}"),
            Self::FailureInfo => f.write_str("unknown failure information"),
            Self::TokenPresence { granted: true } => {
                f.write_str("the response grants a token and holds none")
            }
            Self::TokenPresence { granted: false } => {
                f.write_str("the response refuses a token and holds one all the same")
            }
            Self::Leaf { what } => write!(f, "the token is not in the leaf's fixed form: {what}"),
            Self::Pem { label } => write!(f, "no PEM block {label:?} could be read"),
        }
    }
}

impl core::error::Error for TspError {}
