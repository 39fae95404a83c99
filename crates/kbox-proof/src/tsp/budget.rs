// SPDX-License-Identifier: Apache-2.0 OR MIT
//! How much a check may cost, whatever it is given.

/// What one check of a token may spend; beyond it the answer is "cannot decide" (`tsp.budget_…`).
///
/// After the `Budget` of rustls-webpki, which bounds signatures (100) and path-building calls (200,000) for the same reason:
/// certificates of the same name and key can be arranged so that a search through them grows exponentially. Ours are
/// smaller, as a token carries 32 certificates at most and real chains have up to five. The sizes of single messages are
/// bounded where they are read (docs/formats.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Certificates at hand: the token's, the trusted and the extra ones. A system's whole store of roots has about 150.
    pub certificates: usize,
    /// Certificates in a chain, signer and root included; real ones have up to five.
    pub chain_length: usize,
    /// Certificates tried as somebody's issuer.
    pub path_steps: usize,
    /// Signatures of certificates.
    pub signatures: usize,
    /// Signatures of revocation lists and OCSP responses, and of their responders' certificates.
    pub revocation_signatures: usize,
}

impl Budget {
    /// The budget of every check that is not given another.
    pub const DEFAULT: Self = Self {
        certificates: 1024,
        chain_length: 8,
        path_steps: 1024,
        signatures: 64,
        revocation_signatures: 64,
    };
}

impl Default for Budget {
    fn default() -> Self {
        Self::DEFAULT
    }
}
