// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The time-stamp protocol: RFC 3161 as updated by RFC 5816.
//!
//! Here are the messages ([`TimeStampReq`], [`TimeStampResp`], [`TimeStampToken`], [`TstInfo`]), each read strictly
//! and encodable again, and **the** check of a token, [`verify_token`]. Out of scope: issuing tokens (`tsa`),
//! transport, fetching of revocation lists, and whether a token is in a log (`verify`).

mod algorithm;
mod budget;
mod certificate;
pub(crate) mod certificate_name;
pub(crate) mod der;
mod error;
pub(crate) mod oid;
mod request;
mod response;
mod revocation;
mod signature;
mod strength;
pub(crate) mod token;
pub(crate) mod tst_info;
pub(crate) mod unsupported;
mod verify;

pub use algorithm::{AlgorithmIdentifier, HashAlgorithm};
pub use budget::Budget;
pub use certificate::{Certificate, certificate_to_pem, certificates_from_pem};
pub use certificate_name::CertificateName;
pub use error::{SerialFault, TspError};
pub use oid::{Oid, OidError, TsaPolicyId};
pub use request::{MAX_REQUEST_BYTES, TimeStampReq};
pub use response::{PkiFailureInfo, PkiStatus, TimeStampResp};
pub use revocation::{
    CertificateRevocation, ResponderPeriod, Revocation, RevocationEvidence, RevocationFindings,
    RevocationItem, RevocationReason, RevocationRejection, UnusableRevocation, crls_from_pem,
};
pub use strength::{Algorithm, Strength, StrengthRule};
pub use token::{MAX_TOKEN_BYTES, TimeStampToken};
pub use tst_info::{Accuracy, MessageImprint, Nonce, SerialNumber, TstInfo};
pub use unsupported::AlgorithmFault;
pub use verify::{
    AlgorithmUse, AttributeFault, CLOCK_TOLERANCE, ChainCache, ChainRule, ChainTime, Check,
    CheckOutcome, MissingSigner, ProfileFinding, ProfileReport, Purpose, RenewalRejection, Step,
    StoredToken, Timeliness, TokenFlag, TokenTrust, TspRejection, VerifiedTimeStamp, order,
    verify_renewed_token, verify_requested_token, verify_response, verify_token,
};

#[cfg(feature = "issue")]
pub(crate) use certificate::{pem_blocks, to_pem};
#[cfg(feature = "issue")]
pub(crate) use response::granted;
#[cfg(feature = "issue")]
pub(crate) use verify::{check_signer_fitness, signing_certificate_v2};
