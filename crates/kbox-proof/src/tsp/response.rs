// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `TimeStampResp` (RFC 3161 §2.4.2).

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::TspError;
use super::der;
use super::token::{MAX_TOKEN_BYTES, TimeStampToken};

/// `PKIStatus` (RFC 3161 §2.4.2)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PkiStatus {
    /// A token as requested is present.
    Granted = 0,
    /// A token is present, with modifications.
    GrantedWithMods = 1,
    /// The request is refused.
    Rejection = 2,
    /// The request has not yet been processed.
    Waiting = 3,
    /// A revocation is imminent.
    RevocationWarning = 4,
    /// A revocation has occurred.
    RevocationNotification = 5,
}

impl PkiStatus {
    const ALL: [Self; 6] = [
        Self::Granted,
        Self::GrantedWithMods,
        Self::Rejection,
        Self::Waiting,
        Self::RevocationWarning,
        Self::RevocationNotification,
    ];

    /// A token is present.
    #[must_use]
    pub fn is_granted(self) -> bool {
        matches!(self, Self::Granted | Self::GrantedWithMods)
    }
}

/// `PKIFailureInfo` (RFC 3161 §2.4.2): why a request was refused. The value is the bit's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PkiFailureInfo {
    /// Unrecognised or unsupported algorithm.
    BadAlg = 0,
    /// Transaction not permitted or supported.
    BadRequest = 2,
    /// The data submitted has the wrong format.
    BadDataFormat = 5,
    /// The TSA's time source is not available.
    TimeNotAvailable = 14,
    /// The requested policy is not supported.
    UnacceptedPolicy = 15,
    /// A requested extension is not supported.
    UnacceptedExtension = 16,
    /// The additional information requested is not understood or not available.
    AddInfoNotAvailable = 17,
    /// The request cannot be handled due to a system failure.
    SystemFailure = 25,
}

impl PkiFailureInfo {
    /// All that RFC 3161 knows.
    pub const ALL: [Self; 8] = [
        Self::BadAlg,
        Self::BadRequest,
        Self::BadDataFormat,
        Self::TimeNotAvailable,
        Self::UnacceptedPolicy,
        Self::UnacceptedExtension,
        Self::AddInfoNotAvailable,
        Self::SystemFailure,
    ];

    /// The name in RFC 3161.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BadAlg => "badAlg",
            Self::BadRequest => "badRequest",
            Self::BadDataFormat => "badDataFormat",
            Self::TimeNotAvailable => "timeNotAvailable",
            Self::UnacceptedPolicy => "unacceptedPolicy",
            Self::UnacceptedExtension => "unacceptedExtension",
            Self::AddInfoNotAvailable => "addInfoNotAvailable",
            Self::SystemFailure => "systemFailure",
        }
    }

    /// It says nothing of the request: the same may be granted later.
    #[must_use]
    pub const fn may_pass_by_itself(self) -> bool {
        matches!(self, Self::TimeNotAvailable | Self::SystemFailure)
    }

    /// The named bit list, trailing zero bits removed.
    fn to_der(self) -> Vec<u8> {
        let bit = self as usize;
        let mut content = alloc::vec![0; bit / 8 + 2];
        if let [unused, .., last] = content.as_mut_slice() {
            // Both below eight.
            *unused = u8::try_from(7 - bit % 8).unwrap_or(0);
            *last = 0x80 >> (bit % 8);
        }
        der::element(der::BIT_STRING, &[&content])
    }
}

impl fmt::Display for PkiFailureInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A response of an authority: parsed, nothing trusted.
///
/// ```text
/// TimeStampResp ::= SEQUENCE { status PKIStatusInfo, timeStampToken TimeStampToken OPTIONAL }
/// PKIStatusInfo ::= SEQUENCE { status PKIStatus, statusString PKIFreeText OPTIONAL, failInfo PKIFailureInfo OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeStampResp {
    status: PkiStatus,
    status_string: Vec<String>,
    fail_info: Option<PkiFailureInfo>,
    token: Option<TimeStampToken>,
}

impl TimeStampResp {
    /// A refusal for one reason.
    #[must_use]
    pub fn rejection(reason: PkiFailureInfo, text: &str) -> Self {
        Self {
            status: PkiStatus::Rejection,
            status_string: alloc::vec![text.to_string()],
            fail_info: Some(reason),
            token: None,
        }
    }

    /// Reads the DER form; only the one canonical encoding passes.
    ///
    /// # Errors
    /// [`TspError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, TspError> {
        if bytes.len() > MAX_TOKEN_BYTES {
            return Err(TspError::TooLarge {
                size: bytes.len(),
                limit: MAX_TOKEN_BYTES,
            });
        }
        let mut parts = der::message(bytes, der::SEQUENCE)?.elements();
        let mut info = parts.expect(der::SEQUENCE)?.elements();
        let number = info.small_integer()?;
        let status = PkiStatus::ALL
            .into_iter()
            .find(|status| *status as u32 == number)
            .ok_or(TspError::Status { found: number })?;
        let mut status_string = Vec::new();
        if let Some(texts) = info.optional(der::SEQUENCE)? {
            let mut texts = texts.elements();
            while !texts.is_empty() {
                let error = texts.error();
                let text = texts.expect(der::UTF8_STRING)?;
                let text = core::str::from_utf8(text.content).map_err(|_| error)?;
                status_string.push(text.to_string());
            }
        }
        let fail_info = match info.optional(der::BIT_STRING)? {
            Some(bits) => Some(
                PkiFailureInfo::ALL
                    .into_iter()
                    .find(|reason| reason.to_der() == bits.der)
                    .ok_or(TspError::FailureInfo)?,
            ),
            None => None,
        };
        info.finish()?;
        let token = match parts.is_empty() {
            true => None,
            false => Some(TimeStampToken::parse(parts.expect(der::SEQUENCE)?.der)?),
        };
        parts.finish()?;
        if status.is_granted() != token.is_some() {
            return Err(TspError::TokenPresence {
                granted: status.is_granted(),
            });
        }
        let response = Self {
            status,
            status_string,
            fail_info,
            token,
        };
        if response.to_der() == bytes {
            Ok(response)
        } else {
            Err(TspError::NotCanonical {
                structure: "TimeStampResp",
            })
        }
    }

    /// The DER encoding.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        let mut info = alloc::vec![der::INTEGER, 1, self.status as u8];
        if !self.status_string.is_empty() {
            let mut texts = Vec::new();
            for text in &self.status_string {
                der::write(&mut texts, der::UTF8_STRING, &[text.as_bytes()]);
            }
            der::write(&mut info, der::SEQUENCE, &[&texts]);
        }
        if let Some(reason) = self.fail_info {
            info.extend_from_slice(&reason.to_der());
        }
        der::element(
            der::SEQUENCE,
            &[
                &der::element(der::SEQUENCE, &[&info]),
                self.token
                    .as_ref()
                    .map(TimeStampToken::to_der)
                    .unwrap_or_default(),
            ],
        )
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> PkiStatus {
        self.status
    }

    /// What the authority says in words.
    #[must_use]
    pub fn status_string(&self) -> &[String] {
        &self.status_string
    }

    /// Why it refused.
    #[must_use]
    pub fn fail_info(&self) -> Option<PkiFailureInfo> {
        self.fail_info
    }

    /// The token, in a granted response.
    #[must_use]
    pub fn token(&self) -> Option<&TimeStampToken> {
        self.token.as_ref()
    }
}

/// Wraps a token in a granted response, without parsing it again.
#[cfg(feature = "issue")]
pub(crate) fn granted(token: &[u8]) -> Vec<u8> {
    der::element(
        der::SEQUENCE,
        &[&[der::SEQUENCE, 3, der::INTEGER, 1, 0], token],
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_failure_round_trips_as_a_named_bit_list() {
        for reason in PkiFailureInfo::ALL {
            let response = TimeStampResp::rejection(reason, "refused");
            assert_eq!(TimeStampResp::parse(&response.to_der()), Ok(response));
        }
        assert_eq!(PkiFailureInfo::BadAlg.to_der(), [3, 2, 7, 0x80]);
        assert_eq!(
            PkiFailureInfo::SystemFailure.to_der(),
            [3, 5, 6, 0, 0, 0, 0x40]
        );
    }

    #[test]
    fn unknown_status_unknown_failure_and_a_grant_without_token_are_refused() {
        let response = |info: &[u8]| {
            TimeStampResp::parse(&der::element(
                der::SEQUENCE,
                &[&der::element(der::SEQUENCE, &[info])],
            ))
        };
        assert_eq!(response(&[2, 1, 6]), Err(TspError::Status { found: 6 }));
        assert_eq!(
            response(&[2, 1, 2, 3, 2, 6, 0x40]),
            Err(TspError::FailureInfo)
        );
        let granted = true;
        assert_eq!(
            response(&[2, 1, 0]),
            Err(TspError::TokenPresence { granted })
        );
    }
}
