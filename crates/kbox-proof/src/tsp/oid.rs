// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Object identifiers by their DER content. Ours hang under a 128-bit UUID arc (X.667), which the usual libraries, with
//! 32-bit arcs, cannot hold.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use super::TspError;
use super::der;

/// More than any registered identifier needs, and little enough that printing one is cheap.
const MAX_BYTES: usize = 64;

/// So many groups of seven bits fit in 128 bits whatever they hold.
const SHORT_BYTES: usize = 18;

/// An OBJECT IDENTIFIER of any arc size up to 128 bits. In place, as a token has a dozen of them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid {
    /// The content octets, then zeros: so the derived order is that of the content.
    bytes: [u8; MAX_BYTES],
    length: u8,
}

/// A timestamp policy: `TSAPolicyId ::= OBJECT IDENTIFIER` (RFC 3161 §2.4.1).
pub type TsaPolicyId = Oid;

impl Oid {
    /// From the content octets of its DER encoding; `None` when they are not minimal, or an arc exceeds 128 bits.
    #[must_use]
    pub fn from_content(content: &[u8]) -> Option<Self> {
        if content.is_empty() || content.len() > MAX_BYTES || content.last()? & 0x80 != 0 {
            return None;
        }
        if content.len() > SHORT_BYTES && !has_short_arcs(content) {
            return None;
        }
        // An arc that begins with a zero group is not minimal.
        let is_padded = |pair: &[u8]| matches!(pair, [end, 0x80] if end & 0x80 == 0);
        if content.first() == Some(&0x80) || content.windows(2).any(is_padded) {
            return None;
        }
        Some(Self::from_checked(content))
    }

    /// Content no longer than [`MAX_BYTES`], and well formed.
    fn from_checked(content: &[u8]) -> Self {
        let mut bytes = [0; MAX_BYTES];
        if let Some(place) = bytes.get_mut(..content.len()) {
            place.copy_from_slice(content);
        }
        Self {
            bytes,
            // At most 64.
            length: u8::try_from(content.len()).unwrap_or(0),
        }
    }

    pub(crate) fn from_element(element: &der::Element<'_>) -> Result<Self, TspError> {
        Self::from_content(element.content).ok_or(TspError::Der {
            offset: element.offset,
        })
    }

    /// The content octets of its DER encoding.
    #[must_use]
    pub fn as_content(&self) -> &[u8] {
        self.bytes.get(..self.length.into()).unwrap_or_default()
    }

    /// The DER encoding.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        der::element(der::OID, &[self.as_content()])
    }

    /// Policy of the authority that stamps evidence events.
    #[must_use]
    pub fn evidence_policy() -> Self {
        Self::under_ours(&[1, 1])
    }

    /// Policy of the public `POST /tsa`.
    #[must_use]
    pub fn public_policy() -> Self {
        Self::under_ours(&[1, 2])
    }

    /// Evidence policy of a demonstration, whose clock nobody verified.
    #[must_use]
    pub fn demonstration_evidence_policy() -> Self {
        Self::under_ours(&[9, 1])
    }

    /// Public policy of a demonstration, whose clock nobody verified.
    #[must_use]
    pub fn demonstration_public_policy() -> Self {
        Self::under_ours(&[9, 2])
    }

    /// A policy of evidence events, of a demonstration or not.
    #[must_use]
    pub fn is_evidence(&self) -> bool {
        *self == Self::evidence_policy() || *self == Self::demonstration_evidence_policy()
    }

    /// One of a demonstration's, which promise nothing of the clock, or made from one by further arcs.
    #[must_use]
    pub fn is_demonstration(&self) -> bool {
        [
            Self::demonstration_evidence_policy(),
            Self::demonstration_public_policy(),
        ]
        .iter()
        .any(|policy| self.as_content().starts_with(policy.as_content()))
    }

    fn under_ours(arcs: &[u8]) -> Self {
        // 2.25.51118242154837226066215980302773697965
        let mut content = alloc::vec![0x69];
        push_arc(
            &mut content,
            51_118_242_154_837_226_066_215_980_302_773_697_965,
        );
        content.extend_from_slice(arcs);
        Self::from_checked(&content)
    }
}

/// No arc of the content exceeds 128 bits.
fn has_short_arcs(content: &[u8]) -> bool {
    let mut arc = 0_u128;
    content.iter().all(|byte| {
        let fits = arc <= u128::MAX >> 7;
        arc = match byte & 0x80 {
            0 => 0,
            _ => arc << 7 | u128::from(byte & 0x7f),
        };
        fits
    })
}

fn push_arc(out: &mut Vec<u8>, arc: u128) {
    let groups = (u128::BITS - arc.leading_zeros()).div_ceil(7).max(1);
    for group in (0..groups).rev() {
        let more = if group == 0 { 0 } else { 0x80 };
        // Masked to seven bits.
        out.push(more | u8::try_from(arc >> (7 * group) & 0x7f).unwrap_or(0));
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut arc = 0_u128;
        let mut first = true;
        for byte in self.as_content() {
            arc = arc << 7 | u128::from(byte & 0x7f);
            if byte & 0x80 != 0 {
                continue;
            }
            if first {
                let top = (arc / 40).min(2);
                write!(f, "{top}.{}", arc - top * 40)?;
                first = false;
            } else {
                write!(f, ".{arc}")?;
            }
            arc = 0;
        }
        Ok(())
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no dotted object identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidError(String);

impl fmt::Display for OidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is not an object identifier; write it as 1.2.3.4",
            self.0
        )
    }
}

impl core::error::Error for OidError {}

impl FromStr for Oid {
    type Err = OidError;

    fn from_str(text: &str) -> Result<Self, OidError> {
        let error = || OidError(text.chars().take(80).collect());
        let mut arcs = text.split('.').map(|arc| {
            let plain = !arc.is_empty() && arc.bytes().all(|digit| digit.is_ascii_digit());
            let canonical = arc == "0" || !arc.starts_with('0');
            if plain && canonical {
                arc.parse::<u128>().map_err(|_| error())
            } else {
                Err(error())
            }
        });
        let top = arcs.next().ok_or_else(error)??;
        let second = arcs.next().ok_or_else(error)??;
        if top > 2 || top < 2 && second > 39 {
            return Err(error());
        }
        let mut content = Vec::new();
        push_arc(
            &mut content,
            second.checked_add(top * 40).ok_or_else(error)?,
        );
        for arc in arcs {
            push_arc(&mut content, arc?);
        }
        Self::from_content(&content).ok_or_else(error)
    }
}

/// Content octets of the identifiers that this module knows.
pub(crate) mod known {
    /// id-signedData, 1.2.840.113549.1.7.2
    pub(crate) const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
    /// id-ct-TSTInfo, 1.2.840.113549.1.9.16.1.4
    pub(crate) const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 4];
    /// id-contentType, 1.2.840.113549.1.9.3
    pub(crate) const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 3];
    /// id-messageDigest, 1.2.840.113549.1.9.4
    pub(crate) const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4];
    /// id-aa-signingCertificate, 1.2.840.113549.1.9.16.2.12
    pub(crate) const SIGNING_CERTIFICATE: &[u8] =
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 2, 12];
    /// id-aa-signingCertificateV2, 1.2.840.113549.1.9.16.2.47
    pub(crate) const SIGNING_CERTIFICATE_V2: &[u8] =
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 2, 47];

    pub(crate) const SHA256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
    pub(crate) const SHA384: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2];
    pub(crate) const SHA512: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3];
    pub(crate) const SHA3_256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 8];
    pub(crate) const SHA3_384: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 9];
    pub(crate) const SHA3_512: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 10];

    /// rsaEncryption, 1.2.840.113549.1.1.1
    pub(crate) const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
    pub(crate) const SHA256_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
    pub(crate) const SHA384_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12];
    pub(crate) const SHA512_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13];
    /// id-RSASSA-PSS, 1.2.840.113549.1.1.10
    pub(crate) const RSASSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];
    /// id-mgf1, 1.2.840.113549.1.1.8
    pub(crate) const MGF1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8];
    /// id-Ed25519, 1.3.101.112: key and signature alike
    pub(crate) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
    /// id-ecPublicKey, 1.2.840.10045.2.1
    pub(crate) const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
    pub(crate) const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    pub(crate) const P384: &[u8] = &[0x2b, 0x81, 4, 0, 34];
    pub(crate) const P521: &[u8] = &[0x2b, 0x81, 4, 0, 35];
    pub(crate) const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    pub(crate) const ECDSA_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];
    pub(crate) const ECDSA_SHA512: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4];

    /// id-ce-keyUsage, 2.5.29.15
    pub(crate) const KEY_USAGE: &[u8] = &[0x55, 29, 15];
    /// id-ce-subjectAltName, 2.5.29.17
    pub(crate) const SUBJECT_ALT_NAME: &[u8] = &[0x55, 29, 17];
    /// id-ce-basicConstraints, 2.5.29.19
    pub(crate) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 29, 19];
    /// id-ce-certificatePolicies, 2.5.29.32
    pub(crate) const CERTIFICATE_POLICIES: &[u8] = &[0x55, 29, 32];
    /// id-ce-extKeyUsage, 2.5.29.37
    pub(crate) const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 29, 37];
    /// anyExtendedKeyUsage, 2.5.29.37.0
    pub(crate) const ANY_EXTENDED_KEY_USAGE: &[u8] = &[0x55, 29, 37, 0];
    /// id-kp-timeStamping, 1.3.6.1.5.5.7.3.8
    pub(crate) const TIME_STAMPING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 8];
    /// id-kp-OCSPSigning, 1.3.6.1.5.5.7.3.9
    pub(crate) const OCSP_SIGNING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 9];
    /// id-pkix-ocsp-basic, 1.3.6.1.5.5.7.48.1.1
    pub(crate) const OCSP_BASIC: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 48, 1, 1];
    /// id-sha1, 1.3.14.3.2.26: only to say which certificate an OCSP response means
    pub(crate) const SHA1: &[u8] = &[0x2b, 14, 3, 2, 26];
    /// id-ce-cRLReasons, 2.5.29.21
    pub(crate) const REASON_CODE: &[u8] = &[0x55, 29, 21];
    /// id-ce-invalidityDate, 2.5.29.24
    pub(crate) const INVALIDITY_DATE: &[u8] = &[0x55, 29, 24];
    /// id-ce-deltaCRLIndicator, 2.5.29.27
    pub(crate) const DELTA_CRL_INDICATOR: &[u8] = &[0x55, 29, 27];
    /// id-ce-issuingDistributionPoint, 2.5.29.28
    pub(crate) const ISSUING_DISTRIBUTION_POINT: &[u8] = &[0x55, 29, 28];
    /// id-ce-nameConstraints, 2.5.29.30
    pub(crate) const NAME_CONSTRAINTS: &[u8] = &[0x55, 29, 30];
    /// id-ce-authorityKeyIdentifier, 2.5.29.35
    pub(crate) const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 29, 35];
    /// id-at-commonName, 2.5.4.3
    pub(crate) const COMMON_NAME: &[u8] = &[0x55, 4, 3];
    /// id-at-countryName, 2.5.4.6
    pub(crate) const COUNTRY_NAME: &[u8] = &[0x55, 4, 6];
    /// id-at-organizationName, 2.5.4.10
    pub(crate) const ORGANIZATION_NAME: &[u8] = &[0x55, 4, 10];
    /// id-at-organizationIdentifier, 2.5.4.97
    pub(crate) const ORGANIZATION_IDENTIFIER: &[u8] = &[0x55, 4, 97];
    /// Best practices time-stamp policy (EN 319 421), 0.4.0.2023.1.1
    pub(crate) const BTSP: &[u8] = &[4, 0, 0x8f, 0x67, 1, 1];
    /// id-pe-qcStatements, 1.3.6.1.5.5.7.1.3
    pub(crate) const QC_STATEMENTS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 3];
    /// esi4-qtstStatement-1 (EN 319 422), 0.4.0.19422.1.1
    pub(crate) const QTST_STATEMENT: &[u8] = &[4, 0, 0x81, 0x97, 0x5e, 1, 1];
    /// id-ce-cRLDistributionPoints, 2.5.29.31
    pub(crate) const CRL_DISTRIBUTION_POINTS: &[u8] = &[0x55, 29, 31];
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn text_and_der_forms_round_trip_with_a_uuid_arc() {
        for text in ["0.39", "1.2.840.113549.1.7.2", "2.999.3", "2.25.0"] {
            assert_eq!(text.parse::<Oid>().unwrap().to_string(), text);
        }
        let ours = Oid::evidence_policy();
        assert_eq!(
            ours.to_string(),
            "2.25.51118242154837226066215980302773697965.1.1"
        );
        assert_eq!(ours.to_string().parse(), Ok(ours.clone()));
        assert_eq!(Oid::from_content(ours.as_content()), Some(ours));
    }

    #[test]
    fn the_order_is_that_of_the_content() {
        let contents: [&[u8]; 5] = [&[1], &[1, 0], &[1, 0, 0], &[1, 1], &[2]];
        let identifiers = contents.map(|content| Oid::from_content(content).unwrap());
        assert!(identifiers.is_sorted_by(|one, other| one < other));
    }

    #[test]
    fn non_minimal_or_overlong_forms_are_refused() {
        for content in [&[][..], &[0x80, 1], &[0x2a, 0x80, 1], &[0x2a, 0x86]] {
            assert_eq!(Oid::from_content(content), None);
        }
        assert_eq!(Oid::from_content(&[0xff; 20]), None);
        let longest = [&[0x69, 0x83][..], &[0xff; 17], &[0x7f, 1]].concat();
        assert!(Oid::from_content(&longest).is_some());
        for (place, octet) in [(1, 0x84), (19, 0xff), (2, 0x80)] {
            let mut other = longest.clone();
            other[place] = octet;
            assert_eq!(Oid::from_content(&other).is_some(), place == 2);
        }
        // A zero group amid an arc is none before it.
        assert!(Oid::from_content(&[0x2a, 0x81, 0x80, 1]).is_some());
        assert!(Oid::from_content(&[1; MAX_BYTES]).is_some());
        assert_eq!(Oid::from_content(&[1; MAX_BYTES + 1]), None);
        for text in ["", "1", "3.1", "1.40", "1.2.", "1.02", "1.+2"] {
            assert!(text.parse::<Oid>().is_err(), "{text}");
        }
    }
}
