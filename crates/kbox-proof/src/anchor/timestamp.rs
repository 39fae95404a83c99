// SPDX-License-Identifier: Apache-2.0 OR MIT
//! One token of an outside RFC 3161 authority over a whole note, by HTTP (RFC 3161 §3.4).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::http::{HttpClient, HttpError, Login};
use crate::clock::{Clock, ClockError};
use crate::digest::Sha256Digest;
use crate::key::{KeyError, random_bytes};
use crate::ledger::LedgerError;
use crate::time::Time;
use crate::tsp::{
    ChainTime, MAX_TOKEN_BYTES, MessageImprint, Nonce, TimeStampReq, TimeStampResp, TimeStampToken,
    Timeliness, TokenTrust, TsaPolicyId, TspError, TspRejection, VerifiedTimeStamp,
    verify_response,
};

/// A status and some words beside the token.
const MAX_ANSWER_BYTES: usize = MAX_TOKEN_BYTES + (16 << 10);
/// How far the authority's clock and ours may be apart. An old token is excluded by the nonce; this tells of a clock that errs.
const CLOCKS_APART: Duration = Duration::from_secs(60);

/// An outside authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnchorAuthority {
    /// What it is called in reports.
    pub name: String,
    /// Where it answers.
    pub url: String,
    /// As whom it knows us, where it answers nobody else.
    pub login: Option<Login>,
    /// The certificates, in DER, to one of which its tokens must lead.
    pub roots: Vec<Vec<u8>>,
    /// The policy asked for; by default whichever it states.
    pub policy: Option<TsaPolicyId>,
}

/// Why there is no token that could be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnchorProblem {
    /// No answer.
    Http(HttpError),
    /// An answer with this status.
    Status(u16),
    /// An answer of another media type than `application/timestamp-reply`.
    MediaType(String),
    /// The answer is no `TimeStampResp`.
    Answer(TspError),
    /// The token is refused, or was not granted.
    Rejected(TspRejection),
    /// The token's time is not near that of our clock.
    Clocks {
        /// What the token says.
        gen_time: Time,
        /// What our clock says.
        now: Time,
    },
    /// Our own clock is not trusted: no token can be judged.
    Clock(ClockError),
    /// There is no random number for the nonce.
    Random(KeyError),
    /// The token could not be kept.
    Ledger(LedgerError),
}

impl fmt::Display for AnchorProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(error) => error.fmt(f),
            Self::Status(status @ (401 | 403)) => write!(
                f,
                "it answered with HTTP status {status}: it wants a login, or another than the one given"
            ),
            Self::Status(status) => write!(f, "it answered with HTTP status {status}"),
            Self::MediaType(found) => write!(
                f,
                "it answered with {found:?}, no application/timestamp-reply: hold its url against what its operator gave"
            ),
            Self::Answer(error) => write!(f, "its answer is no RFC 3161 response: {error}"),
            Self::Rejected(error) => write!(f, "{error} ({})", error.code()),
            Self::Clocks { gen_time, now } => write!(
                f,
                "its token says {gen_time}, and it is {now} here: one of the two clocks is wrong"
            ),
            Self::Clock(error) => write!(f, "nothing is judged without a time: {error}"),
            Self::Random(error) => error.fmt(f),
            Self::Ledger(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for AnchorProblem {}

impl AnchorAuthority {
    fn judge<T>(
        &self,
        now: Time,
        with: impl FnOnce(&TokenTrust<'_>) -> Result<T, TspRejection>,
    ) -> Result<T, TspRejection> {
        let policies = self.policy.as_ref().map(core::slice::from_ref);
        with(&TokenTrust {
            policies,
            now: Some(now),
            ..TokenTrust::new(&self.roots, ChainTime::At(now))
        })
    }

    /// Whether it made this token over this note.
    pub(super) fn made(&self, token: &[u8], note: &str, now: Time) -> bool {
        let Ok(token) = TimeStampToken::parse(token) else {
            return false;
        };
        let algorithm = token.tst_info().message_imprint().hash_algorithm();
        let Some(algorithm) = algorithm else {
            return false;
        };
        let imprint = MessageImprint::of(algorithm, note.as_bytes());
        self.judge(now, |trust| {
            crate::tsp::verify_token(&token, &imprint, trust)
        })
        .is_ok()
    }

    /// Asks for a token over `note`, and judges it as any verifier would, besides its nonce and its time.
    ///
    /// # Errors
    /// [`AnchorProblem`].
    pub fn timestamp(
        &self,
        client: &HttpClient,
        clock: &dyn Clock,
        note: &str,
    ) -> Result<VerifiedAnchor, AnchorProblem> {
        let nonce: [u8; 16] = random_bytes().map_err(AnchorProblem::Random)?;
        let imprint = MessageImprint::sha256(&Sha256Digest::of(note.as_bytes()));
        let mut request = TimeStampReq::new(imprint)
            .with_nonce(Nonce::from_be_bytes(&nonce))
            .with_certificates();
        if let Some(policy) = &self.policy {
            request = request.with_policy(policy.clone());
        }
        let answer = client
            .post(
                &self.url,
                self.login.as_ref(),
                "application/timestamp-query",
                request.to_der(),
                MAX_ANSWER_BYTES,
            )
            .map_err(AnchorProblem::Http)?;
        if answer.status != 200 {
            return Err(AnchorProblem::Status(answer.status));
        }
        if answer.media_type != "application/timestamp-reply" {
            let found = answer.media_type.chars().take(100).collect();
            return Err(AnchorProblem::MediaType(found));
        }
        let response = TimeStampResp::parse(&answer.body).map_err(AnchorProblem::Answer)?;
        let now = clock.read().map_err(AnchorProblem::Clock)?.time;
        let verified = self
            .judge(now, |trust| verify_response(&response, &request, trust))
            .map_err(AnchorProblem::Rejected)?;
        if verified.timeliness(now, CLOCKS_APART) != Timeliness::Timely {
            let gen_time = verified.gen_time();
            return Err(AnchorProblem::Clocks { gen_time, now });
        }
        let token = response.token().map(|token| token.to_der().to_vec());
        Ok(VerifiedAnchor {
            token: token.unwrap_or_default(),
            verified,
        })
    }
}

/// A token that its authority was just asked for.
#[derive(Clone, Debug)]
pub struct VerifiedAnchor {
    /// Its DER.
    pub token: Vec<u8>,
    /// What it says.
    pub verified: VerifiedTimeStamp,
}

/// The time of a token that was kept.
pub(super) fn time_of(token: &[u8]) -> Option<Time> {
    let token = TimeStampToken::parse(token).ok()?;
    Some(token.tst_info().gen_time())
}
