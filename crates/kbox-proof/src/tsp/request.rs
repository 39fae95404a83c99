// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `TimeStampReq` (RFC 3161 §2.4.1).

use alloc::vec::Vec;

use super::TspError;
use super::der;
use super::oid::{Oid, TsaPolicyId};
use super::tst_info::{MessageImprint, Nonce, check_extensions};

/// A request is some tens of bytes; only a giant nonce or extension makes it longer.
pub const MAX_REQUEST_BYTES: usize = 16 * 1024;

/// A request for a timestamp: parsed, nothing judged.
///
/// ```text
/// TimeStampReq ::= SEQUENCE {
///   version        INTEGER { v1(1) },
///   messageImprint MessageImprint,
///   reqPolicy      TSAPolicyId OPTIONAL,
///   nonce          INTEGER OPTIONAL,
///   certReq        BOOLEAN DEFAULT FALSE,
///   extensions     [0] IMPLICIT Extensions OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeStampReq {
    imprint: MessageImprint,
    req_policy: Option<TsaPolicyId>,
    nonce: Option<Nonce>,
    cert_req: bool,
    extensions: Option<Vec<u8>>,
}

impl TimeStampReq {
    /// A request without policy, nonce or certificates.
    #[must_use]
    pub fn new(imprint: MessageImprint) -> Self {
        Self {
            imprint,
            req_policy: None,
            nonce: None,
            cert_req: false,
            extensions: None,
        }
    }

    /// Asks for this policy.
    #[must_use]
    pub fn with_policy(mut self, policy: TsaPolicyId) -> Self {
        self.req_policy = Some(policy);
        self
    }

    /// Binds the response to this request.
    #[must_use]
    pub fn with_nonce(mut self, nonce: Nonce) -> Self {
        self.nonce = Some(nonce);
        self
    }

    /// Asks for the signer's certificates in the token.
    #[must_use]
    pub fn with_certificates(mut self) -> Self {
        self.cert_req = true;
        self
    }

    /// Reads the DER form; only the one canonical encoding passes.
    ///
    /// # Errors
    /// [`TspError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, TspError> {
        if bytes.len() > MAX_REQUEST_BYTES {
            return Err(TspError::TooLarge {
                size: bytes.len(),
                limit: MAX_REQUEST_BYTES,
            });
        }
        let mut parts = der::single(bytes, der::SEQUENCE)?.elements();
        parts.version_one("TimeStampReq")?;
        let imprint = MessageImprint::from_element(&parts.expect(der::SEQUENCE)?)?;
        let req_policy = parts
            .optional(der::OID)?
            .map(|part| Oid::from_element(&part))
            .transpose()?;
        let nonce = parts
            .optional(der::INTEGER)?
            .map(|part| Nonce::from_element(&part))
            .transpose()?;
        let cert_req = parts
            .optional(der::BOOLEAN)?
            .is_some_and(|part| part.content != [0]);
        let extensions = match parts.optional(0xa0)? {
            Some(part) => {
                check_extensions(part.elements())?;
                Some(part.der.to_vec())
            }
            None => None,
        };
        parts.finish()?;
        let request = Self {
            imprint,
            req_policy,
            nonce,
            cert_req,
            extensions,
        };
        if request.to_der() == bytes {
            Ok(request)
        } else {
            Err(TspError::NotCanonical {
                structure: "TimeStampReq",
            })
        }
    }

    /// The DER encoding.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        let nonce = self.nonce.as_ref().map_or_else(Vec::new, |nonce| {
            der::element(der::INTEGER, &[nonce.as_content()])
        });
        let cert_req: &[u8] = if self.cert_req {
            &[der::BOOLEAN, 1, 0xff]
        } else {
            &[]
        };
        der::element(
            der::SEQUENCE,
            &[
                &[der::INTEGER, 1, 1],
                &self.imprint.to_der(),
                &self.req_policy.as_ref().map_or_else(Vec::new, Oid::to_der),
                &nonce,
                cert_req,
                self.extensions.as_deref().unwrap_or_default(),
            ],
        )
    }

    /// What is to be stamped.
    #[must_use]
    pub fn message_imprint(&self) -> &MessageImprint {
        &self.imprint
    }

    /// The policy asked for.
    #[must_use]
    pub fn req_policy(&self) -> Option<&TsaPolicyId> {
        self.req_policy.as_ref()
    }

    /// The nonce.
    #[must_use]
    pub fn nonce(&self) -> Option<&Nonce> {
        self.nonce.as_ref()
    }

    /// The signer's certificates are asked for.
    #[must_use]
    pub fn cert_req(&self) -> bool {
        self.cert_req
    }

    /// The request carries extensions.
    #[must_use]
    pub fn has_extensions(&self) -> bool {
        self.extensions.is_some()
    }
}
