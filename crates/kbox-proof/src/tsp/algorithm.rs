// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Hash algorithms, and the AlgorithmIdentifier that names them.

use alloc::vec::Vec;
use core::fmt;

use sha2::Digest;

use super::TspError;
use super::der::{self, Element};
use super::oid::{Oid, known};

/// The hash algorithms that an imprint may use (TS 119 312).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum HashAlgorithm {
    /// SHA-256 (FIPS 180-4)
    Sha256,
    /// SHA-384 (FIPS 180-4)
    Sha384,
    /// SHA-512 (FIPS 180-4)
    Sha512,
    /// SHA3-256 (FIPS 202)
    Sha3_256,
    /// SHA3-384 (FIPS 202)
    Sha3_384,
    /// SHA3-512 (FIPS 202)
    Sha3_512,
}

impl HashAlgorithm {
    /// All that are accepted.
    pub const ALL: [Self; 6] = [
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
        Self::Sha3_256,
        Self::Sha3_384,
        Self::Sha3_512,
    ];

    /// Length of a digest, in bytes.
    #[must_use]
    pub const fn digest_len(self) -> usize {
        match self {
            Self::Sha256 | Self::Sha3_256 => 32,
            Self::Sha384 | Self::Sha3_384 => 48,
            Self::Sha512 | Self::Sha3_512 => 64,
        }
    }

    /// The digest of `bytes`.
    #[must_use]
    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.digest_len());
        self.write_digest(&mut out, bytes);
        out
    }

    /// The digest of all that can be read, which is not kept.
    ///
    /// # Errors
    /// The reader's.
    #[cfg(feature = "std")]
    pub fn digest_of_reader(self, reader: impl std::io::Read) -> std::io::Result<Vec<u8>> {
        use crate::digest::digest_of;
        Ok(match self {
            Self::Sha256 => digest_of::<sha2::Sha256>(reader)?.to_vec(),
            Self::Sha384 => digest_of::<sha2::Sha384>(reader)?.to_vec(),
            Self::Sha512 => digest_of::<sha2::Sha512>(reader)?.to_vec(),
            Self::Sha3_256 => digest_of::<sha3::Sha3_256>(reader)?.to_vec(),
            Self::Sha3_384 => digest_of::<sha3::Sha3_384>(reader)?.to_vec(),
            Self::Sha3_512 => digest_of::<sha3::Sha3_512>(reader)?.to_vec(),
        })
    }

    /// Appends the digest of `bytes`.
    pub(crate) fn write_digest(self, out: &mut Vec<u8>, bytes: &[u8]) {
        match self {
            Self::Sha256 => out.extend_from_slice(&sha2::Sha256::digest(bytes)),
            Self::Sha384 => out.extend_from_slice(&sha2::Sha384::digest(bytes)),
            Self::Sha512 => out.extend_from_slice(&sha2::Sha512::digest(bytes)),
            Self::Sha3_256 => out.extend_from_slice(&sha3::Sha3_256::digest(bytes)),
            Self::Sha3_384 => out.extend_from_slice(&sha3::Sha3_384::digest(bytes)),
            Self::Sha3_512 => out.extend_from_slice(&sha3::Sha3_512::digest(bytes)),
        }
    }

    pub(crate) const fn oid_content(self) -> &'static [u8] {
        match self {
            Self::Sha256 => known::SHA256,
            Self::Sha384 => known::SHA384,
            Self::Sha512 => known::SHA512,
            Self::Sha3_256 => known::SHA3_256,
            Self::Sha3_384 => known::SHA3_384,
            Self::Sha3_512 => known::SHA3_512,
        }
    }

    pub(crate) fn from_oid_content(content: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.oid_content() == content)
    }
}

impl fmt::Display for HashAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
            Self::Sha3_256 => "SHA3-256",
            Self::Sha3_384 => "SHA3-384",
            Self::Sha3_512 => "SHA3-512",
        })
    }
}

/// `AlgorithmIdentifier ::= SEQUENCE { algorithm OBJECT IDENTIFIER, parameters ANY OPTIONAL }` (RFC 5280 §4.1.1.2)
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlgorithmIdentifier {
    /// Which algorithm.
    pub algorithm: Oid,
    /// Its parameters, in DER.
    pub parameters: Option<Vec<u8>>,
}

impl AlgorithmIdentifier {
    pub(crate) fn without_parameters(oid_content: &[u8]) -> Self {
        Self {
            // Only called with constants of `known`, which are all well formed.
            algorithm: Oid::from_content(oid_content).unwrap_or_else(Oid::evidence_policy),
            parameters: None,
        }
    }

    pub(crate) fn from_element(element: &Element<'_>) -> Result<Self, TspError> {
        let mut parts = element.elements();
        let algorithm = Oid::from_element(&parts.expect(der::OID)?)?;
        let parameters = match parts.is_empty() {
            true => None,
            false => Some(parts.any()?.der.to_vec()),
        };
        parts.finish()?;
        Ok(Self {
            algorithm,
            parameters,
        })
    }

    /// Parameters absent or NULL: RFC 5754 §2 has both mean the same.
    #[must_use]
    pub fn has_no_parameters(&self) -> bool {
        self.parameters
            .as_deref()
            .is_none_or(|parameters| parameters == [der::NULL, 0])
    }

    pub(crate) fn hash(&self) -> Option<HashAlgorithm> {
        HashAlgorithm::from_oid_content(self.algorithm.as_content())
            .filter(|_| self.has_no_parameters())
    }

    /// The DER encoding.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.encoded_len());
        self.write(&mut out);
        out
    }

    fn content_len(&self) -> usize {
        der::encoded_len(self.algorithm.as_content().len())
            + self.parameters.as_ref().map_or(0, Vec::len)
    }

    pub(crate) fn encoded_len(&self) -> usize {
        der::encoded_len(self.content_len())
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        der::write_header(out, der::SEQUENCE, self.content_len());
        der::write(out, der::OID, &[self.algorithm.as_content()]);
        out.extend_from_slice(self.parameters.as_deref().unwrap_or_default());
    }
}
