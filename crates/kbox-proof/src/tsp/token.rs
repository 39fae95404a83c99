// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The time-stamp token: a CMS SignedData over a TSTInfo (RFC 3161 §2.4.2, RFC 5652), and the leaf that the log holds of it.

use alloc::vec::Vec;
use core::ops::Range;

use super::TspError;
use super::algorithm::{AlgorithmIdentifier, HashAlgorithm};
use super::certificate::Certificate;
use super::certificate_name::CertificateName;
use super::der::{self, Element};
use super::oid::{Oid, known};
use super::tst_info::TstInfo;

/// A token with a long chain and its CRLs still fits.
pub const MAX_TOKEN_BYTES: usize = 1024 * 1024;
/// Real tokens carry up to five.
const MAX_CERTIFICATES: usize = 32;
/// Real tokens name one, for their one signer.
const MAX_DIGEST_ALGORITHMS: usize = 32;

/// Who signed: `SignerIdentifier` (RFC 5652 §5.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SignerIdentifier {
    /// The issuer's Name in DER, and the content of the serial number.
    IssuerAndSerial { issuer: Vec<u8>, serial: Vec<u8> },
    /// The subject key identifier.
    SubjectKeyIdentifier(Vec<u8>),
}

impl SignerIdentifier {
    fn to_der(&self) -> Vec<u8> {
        match self {
            Self::IssuerAndSerial { issuer, serial } => der::element(
                der::SEQUENCE,
                &[issuer, &der::element(der::INTEGER, &[serial])],
            ),
            Self::SubjectKeyIdentifier(identifier) => der::element(0x80, &[identifier]),
        }
    }
}

/// A signed attribute: its type and its only value.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SignedAttribute {
    kind: Oid,
    /// Where in the SET OF Attribute the value stands, in DER; `None` when there is not exactly one.
    value: Option<Range<usize>>,
}

/// A time-stamp token: parsed, nothing trusted. Its time means nothing before [`verify_token`](super::verify_token).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeStampToken {
    der: Vec<u8>,
    tst_info: TstInfo,
    tst_info_der: Vec<u8>,
    signed_data_version: u32,
    digest_algorithms: Vec<AlgorithmIdentifier>,
    certificates: Vec<Vec<u8>>,
    has_certificates_field: bool,
    crls: Option<Vec<u8>>,
    signer_version: u32,
    pub(crate) sid: SignerIdentifier,
    pub(crate) digest_algorithm: AlgorithmIdentifier,
    /// The SET OF Attribute, in DER.
    signed_attrs: Vec<u8>,
    attributes: Vec<SignedAttribute>,
    pub(crate) signature_algorithm: AlgorithmIdentifier,
    pub(crate) signature: Vec<u8>,
    unsigned_attrs: Option<Vec<u8>>,
}

impl TimeStampToken {
    /// Reads the DER form of a `ContentInfo`; only the canonical encoding passes, except that certificates stay raw and
    /// their SET may be unsorted, as real authorities have it.
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
        let mut info = der::message(bytes, der::SEQUENCE)?.elements();
        expect_type(&mut info, known::SIGNED_DATA, "ContentInfo")?;
        let mut wrapped = info.expect(0xa0)?.elements();
        info.finish()?;
        let mut data = wrapped.expect(der::SEQUENCE)?.elements();
        wrapped.finish()?;

        let signed_data_version = data.small_integer()?;
        let mut algorithms = data.expect(der::SET)?.elements();
        let mut encoded = Vec::new();
        let mut digest_algorithms = Vec::new();
        while !algorithms.is_empty() {
            if digest_algorithms.len() == MAX_DIGEST_ALGORITHMS {
                return Err(TspError::TooManyDigestAlgorithms {
                    limit: MAX_DIGEST_ALGORITHMS,
                });
            }
            let algorithm = algorithms.expect(der::SEQUENCE)?;
            digest_algorithms.push(AlgorithmIdentifier::from_element(&algorithm)?);
            encoded.push(algorithm.der);
        }
        let mut encap = data.expect(der::SEQUENCE)?.elements();
        expect_type(&mut encap, known::TST_INFO, "EncapsulatedContentInfo")?;
        let mut content = encap.expect(0xa0)?.elements();
        encap.finish()?;
        let tst_info_der = content.expect(der::OCTET_STRING)?.content.to_vec();
        content.finish()?;
        let tst_info = TstInfo::parse(&tst_info_der)?;

        let mut certificates = Vec::new();
        let field = data.optional(0xa0)?;
        let has_certificates_field = field.is_some();
        if let Some(field) = field {
            let mut set = field.elements();
            while !set.is_empty() {
                certificates.push(set.any()?.der.to_vec());
            }
        }
        if certificates.len() > MAX_CERTIFICATES {
            return Err(TspError::TooManyCertificates {
                found: certificates.len(),
                limit: MAX_CERTIFICATES,
            });
        }
        let crls = data.optional(0xa1)?.map(|field| field.der.to_vec());

        let mut signers = data.expect(der::SET)?.elements();
        data.finish()?;
        let mut infos = Vec::new();
        while !signers.is_empty() {
            infos.push(signers.expect(der::SEQUENCE)?);
        }
        let [signer] = infos.as_slice() else {
            return Err(TspError::SignerInfos { found: infos.len() });
        };
        let mut signer = signer.elements();
        let signer_version = signer.small_integer()?;
        let sid = match signer.peek() {
            Some(0x80) => SignerIdentifier::SubjectKeyIdentifier(signer.any()?.content.to_vec()),
            _ => {
                let mut parts = signer.expect(der::SEQUENCE)?.elements();
                let issuer = parts.expect(der::SEQUENCE)?.der.to_vec();
                let serial = parts.expect(der::INTEGER)?;
                parts.finish()?;
                SignerIdentifier::IssuerAndSerial {
                    issuer,
                    serial: serial.content.to_vec(),
                }
            }
        };
        // RFC 5652 §5.3: 1 with issuerAndSerialNumber, 3 with subjectKeyIdentifier.
        let expected = match sid {
            SignerIdentifier::IssuerAndSerial { .. } => 1,
            SignerIdentifier::SubjectKeyIdentifier(_) => 3,
        };
        if signer_version != expected {
            return Err(TspError::Version {
                structure: "SignerInfo",
                found: signer_version,
            });
        }
        let digest_algorithm = AlgorithmIdentifier::from_element(&signer.expect(der::SEQUENCE)?)?;
        let attrs = signer.expect(0xa0)?;
        let signed_attrs = der::element(der::SET, &[attrs.content]);
        let attributes = parse_attributes(&attrs)?;
        let signature_algorithm =
            AlgorithmIdentifier::from_element(&signer.expect(der::SEQUENCE)?)?;
        let signature = signer.expect(der::OCTET_STRING)?.content.to_vec();
        let unsigned_attrs = signer.optional(0xa1)?.map(|field| field.der.to_vec());
        signer.finish()?;

        let token = Self {
            der: bytes.to_vec(),
            tst_info,
            tst_info_der,
            signed_data_version,
            digest_algorithms,
            certificates,
            has_certificates_field,
            crls,
            signer_version,
            sid,
            digest_algorithm,
            signed_attrs,
            attributes,
            signature_algorithm,
            signature,
            unsigned_attrs,
        };
        // RFC 5652 §5.1: 3, because the content is not id-data; 4 and 5 come with exotic certificates or CRLs.
        if !(3..=5).contains(&signed_data_version) {
            return Err(TspError::Version {
                structure: "SignedData",
                found: signed_data_version,
            });
        }
        // All else that was read has one encoding, the one that `encode` gives.
        if der::is_sorted(&encoded) {
            Ok(token)
        } else {
            Err(TspError::NotCanonical {
                structure: "TimeStampToken",
            })
        }
    }

    /// Reads a stored leaf and adds the certificates that it leaves out.
    ///
    /// # Errors
    /// [`TspError`], in particular when `leaf` is not in the leaf's fixed form.
    pub fn from_leaf_with_certificates(
        leaf: &[u8],
        certificates: &[Vec<u8>],
    ) -> Result<Self, TspError> {
        let mut token = Self::parse(leaf)?;
        if token.leaf_bytes()? != leaf {
            return Err(TspError::Leaf {
                what: "the leaf holds certificates",
            });
        }
        if !certificates.is_empty() {
            token.certificates = certificates.to_vec();
            token.certificates.sort();
            token.certificates.dedup();
            token.has_certificates_field = true;
            token.der = token.encode();
        }
        Ok(token)
    }

    /// The encoding of the token that a leaf was made of, with its certificates again: as
    /// [`from_leaf_with_certificates`](Self::from_leaf_with_certificates), for a leaf that is known to be one.
    ///
    /// `certificates` is the encoded field, as [`certificates_field`] gives it.
    ///
    /// # Errors
    /// [`TspError`] when this is no SignedData.
    #[cfg(feature = "issue")]
    pub(crate) fn encode_leaf_with_certificates(
        leaf: &[u8],
        certificates: &[u8],
    ) -> Result<Vec<u8>, TspError> {
        let mut outer = der::Elements::new(leaf);
        let mut info = outer.expect(der::SEQUENCE)?.elements();
        outer.finish()?;
        let kind = info.expect(der::OID)?.der;
        let mut explicit = info.expect(0xa0)?.elements();
        info.finish()?;
        let mut data = explicit.expect(der::SEQUENCE)?.elements();
        explicit.finish()?;
        let before = [
            data.expect(der::INTEGER)?.der,
            data.expect(der::SET)?.der,
            data.expect(der::SEQUENCE)?.der,
        ];
        let signers = data.expect(der::SET)?.der;
        data.finish()?;
        let length = before.iter().map(|part| part.len()).sum::<usize>()
            + certificates.len()
            + signers.len();
        let explicit = der::encoded_len(length);
        let info = kind.len() + der::encoded_len(explicit);
        let mut token = Vec::with_capacity(der::encoded_len(info));
        der::write_header(&mut token, der::SEQUENCE, info);
        token.extend_from_slice(kind);
        der::write_header(&mut token, 0xa0, explicit);
        der::write_header(&mut token, der::SEQUENCE, length);
        for part in before {
            token.extend_from_slice(part);
        }
        token.extend_from_slice(certificates);
        token.extend_from_slice(signers);
        Ok(token)
    }

    /// The leaf that the log holds of this token: the token itself in one fixed form, without certificates.
    ///
    /// SignedData version 3; one digest algorithm, the signer's, without parameters; issuerAndSerialNumber; the signature
    /// algorithm with its standard parameters; ECDSA signatures with low S; no certificates, CRLs or unsigned
    /// attributes. One token has one leaf.
    ///
    /// # Errors
    /// [`TspError::Leaf`] when the token departs from that form in anything but its certificates.
    pub fn leaf_bytes(&self) -> Result<Vec<u8>, TspError> {
        let fail = |what| Err(TspError::Leaf { what });
        if self.signed_data_version != 3 {
            return fail("the SignedData version is not 3");
        }
        if self.digest_algorithms.as_slice() != core::slice::from_ref(&self.digest_algorithm) {
            return fail("the digest algorithms are not exactly the signer's");
        }
        if self.digest_algorithm.parameters.is_some() || self.digest_algorithm.hash().is_none() {
            return fail("the digest algorithm is unknown or has parameters");
        }
        if matches!(self.sid, SignerIdentifier::SubjectKeyIdentifier(_)) {
            return fail("the signer is named by a key identifier");
        }
        if self.crls.is_some() {
            return fail("the token carries revocation lists");
        }
        if self.unsigned_attrs.is_some() {
            return fail("the token carries unsigned attributes");
        }
        if self.has_certificates_field && !self.certificates.is_sorted() {
            return fail("the certificates are not sorted");
        }
        if self.has_certificates_field && self.certificates.is_empty() {
            return fail("the certificates field is present and empty");
        }
        check_leaf_signature(
            &self.signature_algorithm,
            self.digest_algorithm.hash(),
            &self.signature,
        )?;
        let mut leaf = self.clone();
        leaf.certificates = Vec::new();
        leaf.has_certificates_field = false;
        Ok(leaf.encode())
    }

    fn encode(&self) -> Vec<u8> {
        let mut certificates = Vec::new();
        if self.has_certificates_field {
            let parts: Vec<&[u8]> = self.certificates.iter().map(Vec::as_slice).collect();
            der::write(&mut certificates, 0xa0, &parts);
        }
        let mut algorithms: Vec<Vec<u8>> = self
            .digest_algorithms
            .iter()
            .map(AlgorithmIdentifier::to_der)
            .collect();
        algorithms.sort();
        let algorithms: Vec<&[u8]> = algorithms.iter().map(Vec::as_slice).collect();
        let integer = |value| der::element(der::INTEGER, &[&der::integer_content(value)]);
        encode_signed_data(&SignedDataParts {
            version: &integer(self.signed_data_version),
            digest_algorithms: &der::element(der::SET, &algorithms),
            tst_info: &self.tst_info_der,
            certificates: &certificates,
            crls: self.crls.as_deref().unwrap_or_default(),
            signer_version: &integer(self.signer_version),
            sid: &self.sid.to_der(),
            digest_algorithm: &self.digest_algorithm.to_der(),
            signed_attrs: der::single(&self.signed_attrs, der::SET).map_or(&[], |set| set.content),
            signature_algorithm: &self.signature_algorithm.to_der(),
            signature: &self.signature,
            unsigned_attrs: self.unsigned_attrs.as_deref().unwrap_or_default(),
        })
    }

    /// The DER encoding.
    #[must_use]
    pub fn to_der(&self) -> &[u8] {
        &self.der
    }

    /// What the authority states.
    #[must_use]
    pub fn tst_info(&self) -> &TstInfo {
        &self.tst_info
    }

    /// The TSTInfo as signed.
    #[must_use]
    pub fn tst_info_der(&self) -> &[u8] {
        &self.tst_info_der
    }

    /// The certificates that the token carries, as they are, in DER.
    #[must_use]
    pub fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }

    /// The certificate of whoever signed, by the token's own word: one that it carries, or else what it names it by. `None` where it is
    /// named by a key identifier alone. Nobody has checked that.
    #[must_use]
    pub fn claimed_signer(&self) -> Option<CertificateName> {
        let mut carried = self
            .certificates
            .iter()
            .filter_map(|der| Certificate::parse(der).ok());
        match &self.sid {
            SignerIdentifier::IssuerAndSerial { issuer, serial } => Some(
                carried
                    .find(|one| one.issuer() == issuer && one.serial() == serial)
                    .map_or_else(
                        || CertificateName::of_missing(issuer, serial),
                        |one| CertificateName::of(&one),
                    ),
            ),
            SignerIdentifier::SubjectKeyIdentifier(identifier) => carried
                .find(|one| one.subject_key_identifier() == Some(identifier))
                .map(|one| CertificateName::of(&one)),
        }
    }

    /// The certificate SET is not in DER order; real authorities do that.
    #[must_use]
    pub fn has_unsorted_certificates(&self) -> bool {
        !self.certificates.is_sorted()
    }

    /// What the signature covers: the signed attributes as a SET OF (RFC 5652 §5.4).
    #[must_use]
    pub fn signed_attrs_der(&self) -> &[u8] {
        &self.signed_attrs
    }

    /// The values of the signed attributes of this kind, in DER; `None` for one that has not exactly one.
    pub(crate) fn attribute_values(&self, kind: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
        self.attributes
            .iter()
            .filter(move |attribute| attribute.kind.as_content() == kind)
            .map(|attribute| self.signed_attrs.get(attribute.value.clone()?))
    }
}

fn expect_type(
    parts: &mut der::Elements<'_>,
    kind: &[u8],
    structure: &'static str,
) -> Result<(), TspError> {
    if parts.expect(der::OID)?.content == kind {
        Ok(())
    } else {
        Err(TspError::ContentType { structure })
    }
}

fn parse_attributes(field: &Element<'_>) -> Result<Vec<SignedAttribute>, TspError> {
    let start = field.span().start;
    let mut set = field.elements();
    let mut encoded = Vec::with_capacity(8);
    let mut attributes = Vec::with_capacity(8);
    while !set.is_empty() {
        let attribute = set.expect(der::SEQUENCE)?;
        encoded.push(attribute.der);
        let mut parts = attribute.elements();
        let kind = Oid::from_element(&parts.expect(der::OID)?)?;
        let mut values = parts.expect(der::SET)?.elements();
        parts.finish()?;
        let value = values.any()?.span();
        // The SET has as long a header as the field.
        let value = value.start - start..value.end - start;
        let value = values.is_empty().then_some(value);
        while !values.is_empty() {
            values.any()?;
        }
        attributes.push(SignedAttribute { kind, value });
    }
    if der::is_sorted(&encoded) {
        Ok(attributes)
    } else {
        Err(TspError::NotCanonical {
            structure: "signedAttrs",
        })
    }
}

/// The signature algorithm has its one standard form, and an ECDSA signature is the low one of the two that verify.
fn check_leaf_signature(
    algorithm: &AlgorithmIdentifier,
    digest: Option<HashAlgorithm>,
    signature: &[u8],
) -> Result<(), TspError> {
    let fail = |what| Err(TspError::Leaf { what });
    let null: &[u8] = &[der::NULL, 0];
    let (hash, parameters) = match algorithm.algorithm.as_content() {
        known::ECDSA_SHA256 => (HashAlgorithm::Sha256, None),
        known::ECDSA_SHA384 => (HashAlgorithm::Sha384, None),
        known::SHA256_RSA => (HashAlgorithm::Sha256, Some(null)),
        known::SHA384_RSA => (HashAlgorithm::Sha384, Some(null)),
        known::SHA512_RSA => (HashAlgorithm::Sha512, Some(null)),
        _ => return fail("the signature algorithm is not one of the leaf's"),
    };
    if algorithm.parameters.as_deref() != parameters || digest != Some(hash) {
        return fail("the signature algorithm's parameters or digest are not its standard ones");
    }
    let malformed = "the ECDSA signature is malformed";
    let is_low = match algorithm.algorithm.as_content() {
        known::ECDSA_SHA256 => match p256::ecdsa::Signature::from_der(signature) {
            Ok(value) => value.normalize_s() == value,
            Err(_) => return fail(malformed),
        },
        known::ECDSA_SHA384 => match p384::ecdsa::Signature::from_der(signature) {
            Ok(value) => {
                let (r, s) = value.split_bytes();
                // A P-256 key may sign by SHA-384 too; low and high S of its group are both low in this one. Its numbers fit in
                // 32 bytes; of P-384's pairs one in 2^256 does.
                let is_short = |number: &[u8]| number.iter().take(16).all(|byte| *byte == 0);
                if is_short(&r) && is_short(&s) {
                    return fail("the ECDSA signature is not one by P-384");
                }
                value.normalize_s() == value
            }
            Err(_) => return fail(malformed),
        },
        _ => true,
    };
    match is_low {
        true => Ok(()),
        false => fail("the ECDSA signature has a high S"),
    }
}

/// The `certificates [0]` field of a token, in DER order; empty without any.
#[cfg(feature = "issue")]
pub(crate) fn certificates_field(certificates: &[Vec<u8>]) -> Vec<u8> {
    let mut sorted: Vec<&[u8]> = certificates.iter().map(Vec::as_slice).collect();
    sorted.sort_unstable();
    sorted.dedup();
    match sorted.is_empty() {
        true => Vec::new(),
        false => der::element(0xa0, &sorted),
    }
}

/// What a token consists of, each part in DER (the attributes and the TSTInfo as content).
pub(crate) struct SignedDataParts<'a> {
    pub(crate) version: &'a [u8],
    pub(crate) digest_algorithms: &'a [u8],
    pub(crate) tst_info: &'a [u8],
    pub(crate) certificates: &'a [u8],
    pub(crate) crls: &'a [u8],
    pub(crate) signer_version: &'a [u8],
    pub(crate) sid: &'a [u8],
    pub(crate) digest_algorithm: &'a [u8],
    pub(crate) signed_attrs: &'a [u8],
    pub(crate) signature_algorithm: &'a [u8],
    pub(crate) signature: &'a [u8],
    pub(crate) unsigned_attrs: &'a [u8],
}

/// The ContentInfo of a token, written once, front to back, as every length is known beforehand.
///
/// ```text
/// SignedData ::= SEQUENCE { version, digestAlgorithms SET, encapContentInfo, certificates [0] OPTIONAL,
///   crls [1] OPTIONAL, signerInfos SET OF SignerInfo }
/// SignerInfo ::= SEQUENCE { version, sid, digestAlgorithm, signedAttrs [0], signatureAlgorithm, signature,
///   unsignedAttrs [1] OPTIONAL }
/// ```
pub(crate) fn encode_signed_data(parts: &SignedDataParts<'_>) -> Vec<u8> {
    let with_header = der::encoded_len;
    let octets = with_header(parts.tst_info.len());
    let encap = with_header(known::TST_INFO.len()) + with_header(octets);
    let signer = parts.signer_version.len()
        + parts.sid.len()
        + parts.digest_algorithm.len()
        + with_header(parts.signed_attrs.len())
        + parts.signature_algorithm.len()
        + with_header(parts.signature.len())
        + parts.unsigned_attrs.len();
    let data = parts.version.len()
        + parts.digest_algorithms.len()
        + with_header(encap)
        + parts.certificates.len()
        + parts.crls.len()
        + with_header(with_header(signer));
    let info = with_header(known::SIGNED_DATA.len()) + with_header(with_header(data));

    let mut out = Vec::with_capacity(with_header(info));
    der::write_header(&mut out, der::SEQUENCE, info);
    der::write(&mut out, der::OID, &[known::SIGNED_DATA]);
    der::write_header(&mut out, 0xa0, with_header(data));
    der::write_header(&mut out, der::SEQUENCE, data);
    out.extend_from_slice(parts.version);
    out.extend_from_slice(parts.digest_algorithms);
    der::write_header(&mut out, der::SEQUENCE, encap);
    der::write(&mut out, der::OID, &[known::TST_INFO]);
    der::write_header(&mut out, 0xa0, octets);
    der::write(&mut out, der::OCTET_STRING, &[parts.tst_info]);
    out.extend_from_slice(parts.certificates);
    out.extend_from_slice(parts.crls);
    der::write_header(&mut out, der::SET, with_header(signer));
    der::write_header(&mut out, der::SEQUENCE, signer);
    out.extend_from_slice(parts.signer_version);
    out.extend_from_slice(parts.sid);
    out.extend_from_slice(parts.digest_algorithm);
    der::write(&mut out, 0xa0, &[parts.signed_attrs]);
    out.extend_from_slice(parts.signature_algorithm);
    der::write(&mut out, der::OCTET_STRING, &[parts.signature]);
    out.extend_from_slice(parts.unsigned_attrs);
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use core::time::Duration;

    use super::super::{Accuracy, MessageImprint, SerialNumber};
    use super::*;
    use crate::time::Time;

    /// A token with all that one may have, its signature aside.
    fn full_token(digest_algorithms: &[HashAlgorithm]) -> Vec<u8> {
        let identifier = |hash: &HashAlgorithm| {
            AlgorithmIdentifier::without_parameters(hash.oid_content()).to_der()
        };
        let octets = |value: &[u8]| der::element(der::OCTET_STRING, &[value]);
        let extension = [
            &der::element(der::OID, &[known::QC_STATEMENTS])[..],
            &[der::BOOLEAN, 1, 0xff],
            &octets(&[]),
        ]
        .concat();
        let info = TstInfo {
            policy: Oid::evidence_policy(),
            imprint: MessageImprint::of(HashAlgorithm::Sha512, b"event"),
            serial: SerialNumber::from_epoch_and_counter(u64::MAX, 1),
            gen_time: Time::parse_rfc3339("2026-11-24T18:30:00.120Z").unwrap(),
            accuracy: Some(Accuracy::from_duration(Duration::from_micros(1_002_003)).unwrap()),
            ordering: true,
            nonce: Some(super::super::Nonce::from_be_bytes(&[0x80, 1])),
            tsa: Some(der::element(0xa4, &[&der::element(der::SEQUENCE, &[])])),
            extensions: Some(der::element(
                0xa1,
                &[&der::element(der::SEQUENCE, &[&extension])],
            )),
        };
        let attribute = |kind: &[u8], values: &[u8]| {
            let kind = der::element(der::OID, &[kind]);
            der::element(der::SEQUENCE, &[&kind, &der::element(der::SET, &[values])])
        };
        let mut attributes = [
            attribute(known::CONTENT_TYPE, &[der::NULL, 0]),
            attribute(known::MESSAGE_DIGEST, &octets(&[7; 64])),
            attribute(known::SIGNING_CERTIFICATE_V2, &[der::NULL, 0, 5, 0]),
        ];
        attributes.sort();
        let algorithms: Vec<Vec<u8>> = digest_algorithms.iter().map(identifier).collect();
        let mut sid = der::element(der::SEQUENCE, &[]);
        sid.extend_from_slice(&[der::INTEGER, 1, 5]);
        encode_signed_data(&SignedDataParts {
            version: &[der::INTEGER, 1, 3],
            digest_algorithms: &der::element(der::SET, &[&algorithms.concat()]),
            tst_info: &info.to_der(),
            certificates: &der::element(0xa0, &[&der::element(der::SEQUENCE, &[&[7; 300]])]),
            crls: &der::element(0xa1, &[&[der::SEQUENCE, 0]]),
            signer_version: &[der::INTEGER, 1, 1],
            sid: &der::element(der::SEQUENCE, &[&sid]),
            digest_algorithm: &identifier(&HashAlgorithm::Sha256),
            signed_attrs: &attributes.concat(),
            signature_algorithm: &identifier(&HashAlgorithm::Sha384),
            signature: &[7; 70],
            unsigned_attrs: &der::element(0xa1, &[&[der::SEQUENCE, 0]]),
        })
    }

    /// Every octet replaced by every other, every octet left out, every octet written twice.
    #[test]
    fn whatever_is_read_as_a_token_encodes_to_the_same_bytes() {
        let good = full_token(&[HashAlgorithm::Sha256, HashAlgorithm::Sha384]);
        let mut accepted = 0;
        let mut read = |bytes: &[u8]| {
            let Ok(token) = TimeStampToken::parse(bytes) else {
                return false;
            };
            assert_eq!(token.encode(), bytes);
            assert_eq!(token.tst_info().to_der(), token.tst_info_der());
            accepted += 1;
            true
        };
        assert!(read(&good));
        for place in 0..good.len() {
            let mut changed = good.clone();
            for octet in 0..=u8::MAX {
                changed[place] = octet;
                read(&changed);
            }
            changed.remove(place);
            assert!(!read(&changed));
            changed = good.clone();
            changed.insert(place, good[place]);
            assert!(!read(&changed));
        }
        // Digests, names, signature: much may change and still be read.
        assert!(accepted > 10_000, "{accepted}");
    }

    #[test]
    fn digest_algorithms_out_of_order_are_refused() {
        use HashAlgorithm::{Sha256, Sha384};
        let read = |algorithms: &[HashAlgorithm]| TimeStampToken::parse(&full_token(algorithms));
        assert!(read(&[]).is_ok());
        assert!(read(&[Sha256, Sha256, Sha384]).is_ok());
        assert_eq!(
            read(&[Sha384, Sha256]),
            Err(TspError::NotCanonical {
                structure: "TimeStampToken"
            })
        );
    }

    #[test]
    fn digest_algorithms_without_end_are_not_read() {
        let read = |count| TimeStampToken::parse(&full_token(&vec![HashAlgorithm::Sha256; count]));
        assert!(read(32).is_ok());
        assert_eq!(
            read(33),
            Err(TspError::TooManyDigestAlgorithms { limit: 32 })
        );
    }

    #[test]
    fn the_value_of_a_signed_attribute_is_found_and_of_two_values_none() {
        let token = TimeStampToken::parse(&full_token(&[HashAlgorithm::Sha256])).unwrap();
        let values = |kind| token.attribute_values(kind).collect::<Vec<_>>();
        let digest = der::element(der::OCTET_STRING, &[&[7; 64]]);
        assert_eq!(values(known::MESSAGE_DIGEST), [Some(&digest[..])]);
        assert_eq!(values(known::CONTENT_TYPE), [Some(&[der::NULL, 0][..])]);
        assert_eq!(values(known::SIGNING_CERTIFICATE_V2), [None]);
        assert_eq!(values(known::SIGNING_CERTIFICATE), []);
    }
}
