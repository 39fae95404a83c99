// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Whose key signed: the certificate that the token names under its signature (RFC 5035, RFC 5816), and whether it may sign tokens.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use sha2::Digest;

use super::super::TspError;
use super::super::algorithm::{AlgorithmIdentifier, HashAlgorithm};
use super::super::certificate::{Certificate, TimeStampingUsage, issuer_and_serial};
use super::super::certificate_name::CertificateName;
use super::super::der;
use super::super::oid::known;
use super::super::signature::{SignatureAlgorithm, SignatureFailure, VerifyingKey};
use super::super::token::{SignerIdentifier, TimeStampToken};
use super::super::unsupported::{Refused, refused, refused_hash};
use super::{MissingSigner, TokenTrust, TspRejection, only_attribute, refused_algorithm};
#[cfg(feature = "issue")]
use crate::digest::Sha256Digest;

/// The attributes that name the signer's certificate.
pub(super) const ESS_ATTRIBUTES: [&[u8]; 2] =
    [known::SIGNING_CERTIFICATE, known::SIGNING_CERTIFICATE_V2];

/// What an ESSCertID(v2) says of the signer's certificate.
pub(super) struct EssCertificateId {
    /// `None` is SHA-1.
    hash: Option<HashAlgorithm>,
    value: Vec<u8>,
    /// Issuer's Name in DER, and content of the serial number.
    issuer_serial: Option<(Vec<u8>, Vec<u8>)>,
}

impl EssCertificateId {
    fn matches(&self, certificate: &Certificate) -> bool {
        self.allows_name_of(certificate) && self.has_digest_of(certificate.to_der())
    }

    /// It says nothing of the issuer's name and serial number, or the certificate's.
    pub(super) fn allows_name_of(&self, certificate: &Certificate) -> bool {
        self.issuer_serial.as_ref().is_none_or(|(issuer, serial)| {
            *issuer == certificate.issuer() && *serial == certificate.serial()
        })
    }

    fn has_digest_of(&self, certificate: &[u8]) -> bool {
        self.value == Self::digest_by(self.hash, certificate)
    }

    /// `None` is SHA-1.
    pub(super) fn hash(&self) -> Option<HashAlgorithm> {
        self.hash
    }

    pub(super) fn value(&self) -> &[u8] {
        &self.value
    }

    /// The digest of a certificate by an id's algorithm.
    pub(super) fn digest_by(hash: Option<HashAlgorithm>, certificate: &[u8]) -> Vec<u8> {
        match hash {
            Some(hash) => hash.digest(certificate),
            None => sha1::Sha1::digest(certificate).to_vec(),
        }
    }
}

/// ```text
/// SigningCertificateV2 ::= SEQUENCE { certs SEQUENCE OF ESSCertIDv2, policies SEQUENCE OF PolicyInformation OPTIONAL }
/// ESSCertIDv2 ::= SEQUENCE { hashAlgorithm AlgorithmIdentifier DEFAULT {sha256}, certHash, issuerSerial OPTIONAL }
/// IssuerSerial ::= SEQUENCE { issuer GeneralNames, serialNumber INTEGER }
/// ```
/// The first id is the signer's; further ones limit the certificates of its chain (RFC 5035 §3).
fn parse_ess(value: &[u8], v2: bool) -> Result<Vec<EssCertificateId>, TspRejection> {
    let mut unknown = None;
    let mut read = || {
        let mut attribute = der::single(value, der::SEQUENCE)?.elements();
        let mut ids = attribute.expect(der::SEQUENCE)?.elements();
        attribute.optional(der::SEQUENCE)?;
        attribute.finish()?;
        let mut found = Vec::new();
        while !ids.is_empty() {
            found.push(parse_ess_id(&ids.expect(der::SEQUENCE)?, v2, &mut unknown)?);
        }
        Ok(found)
    };
    let found = read().map_err(|_: TspError| TspRejection::EssMalformed { repeated: false })?;
    if let Some(algorithm) = unknown {
        return Err(match refused_hash(&algorithm) {
            Refused::Unknown(algorithm) => TspRejection::UnsupportedAlgorithm { algorithm },
            Refused::Fault(_) => TspRejection::EssMalformed { repeated: false },
        });
    }
    match found.is_empty() {
        true => Err(TspRejection::EssMalformed { repeated: false }),
        false => Ok(found),
    }
}

/// A hash that is not known goes to `unknown`, and the id is then of no use.
fn parse_ess_id(
    element: &der::Element<'_>,
    v2: bool,
    unknown: &mut Option<AlgorithmIdentifier>,
) -> Result<EssCertificateId, TspError> {
    let mut id = element.elements();
    let hash = match (v2, id.peek()) {
        (true, Some(der::SEQUENCE)) => {
            let algorithm = AlgorithmIdentifier::from_element(&id.any()?)?;
            let hash = algorithm.hash();
            if hash.is_none() {
                unknown.get_or_insert(algorithm);
            }
            hash
        }
        _ => v2.then_some(HashAlgorithm::Sha256),
    };
    let value = id.expect(der::OCTET_STRING)?.content.to_vec();
    let mut issuer_serial = None;
    if let Some(part) = id.optional(der::SEQUENCE)? {
        let mut parts = part.elements();
        let mut names = parts.expect(der::SEQUENCE)?.elements();
        let issuer = names.expect(0xa4)?.content.to_vec();
        names.finish()?;
        let serial = parts.expect(der::INTEGER)?.content.to_vec();
        parts.finish()?;
        issuer_serial = Some((issuer, serial));
    }
    id.finish()?;
    Ok(EssCertificateId {
        hash,
        value,
        issuer_serial,
    })
}

/// Whose key signed a token, by its own word: a certificate that may sign tokens.
#[derive(Debug)]
pub(super) struct Signer {
    pub(super) certificate: Arc<Certificate>,
    pub(super) key: VerifyingKey,
    /// The token binds it by SHA-1 alone.
    pub(super) is_bound_by_sha1: bool,
}

/// The signer, and the ids beside its own that limit its chain.
///
/// Depends on the token's certificates, sid and [`ESS_ATTRIBUTES`], and on `trust`'s certificates and strictness: what
/// [`ChainCache`](super::ChainCache) compares.
pub(super) fn find_signer(
    token: &TimeStampToken,
    trust: &TokenTrust<'_>,
) -> Result<(Signer, Vec<EssCertificateId>), TspRejection> {
    let attribute = |kind| {
        only_attribute(token, kind).map_err(|_| TspRejection::EssMalformed { repeated: true })
    };
    let v2 = attribute(known::SIGNING_CERTIFICATE_V2)?
        .map(|value| parse_ess(value, true))
        .transpose()?;
    let v1 = attribute(known::SIGNING_CERTIFICATE)?
        .map(|value| parse_ess(value, false))
        .transpose()?;
    if v1.is_none() && v2.is_none() {
        return Err(TspRejection::EssMissing);
    }
    let is_bound_by_sha1 = v2.is_none();
    if is_bound_by_sha1 && trust.strict {
        return Err(TspRejection::EssSha1);
    }
    // By sid first: position in the bag says nothing.
    let everywhere = token
        .certificates()
        .iter()
        .chain(trust.extra_certificates)
        .chain(trust.roots);
    for bytes in everywhere {
        // Most certificates at hand are others': they need not be read to their end.
        if let SignerIdentifier::IssuerAndSerial { issuer, serial } = &token.sid
            && issuer_and_serial(bytes) != Some((issuer, serial))
        {
            continue;
        }
        let Ok(certificate) = Certificate::parse(bytes) else {
            continue;
        };
        if let SignerIdentifier::SubjectKeyIdentifier(identifier) = &token.sid
            && certificate.subject_key_identifier() != Some(identifier)
        {
            continue;
        }
        // Where both are present, both name the same certificate (RFC 5816 §2.2.1).
        let is_bound = [&v1, &v2]
            .into_iter()
            .flatten()
            .filter_map(|ids| ids.first())
            .all(|id| id.matches(&certificate));
        if is_bound {
            let ids = v2.or(v1).unwrap_or_default();
            check_signer_fitness(&certificate)?;
            let info = certificate.public_key_info();
            let key = VerifyingKey::from_public_key_info(info)
                .map_err(|_| refused_algorithm(refused(info, &token.signature_algorithm)))?;
            let signer = Signer {
                certificate: Arc::new(certificate),
                key,
                is_bound_by_sha1,
            };
            return Ok((signer, ids.into_iter().skip(1).collect()));
        }
    }
    let ids = [v1, v2].map(|ids| ids.and_then(|ids| ids.into_iter().next()));
    Err(unfit_for_all(token, trust, &ids).unwrap_or_else(|| {
        let given = trust.extra_certificates.iter().chain(trust.roots);
        let has_twin = |pair| {
            let mut everywhere = token.certificates().iter().chain(given);
            everywhere.any(|bytes| issuer_and_serial(bytes) == Some(pair))
        };
        TspRejection::SignerCertificateMissing {
            named: Box::new(match &token.sid {
                SignerIdentifier::IssuerAndSerial { issuer, serial }
                    if has_twin((issuer, serial)) =>
                {
                    MissingSigner::Twin(CertificateName::of_missing(issuer, serial))
                }
                SignerIdentifier::IssuerAndSerial { issuer, serial } => {
                    MissingSigner::Certificate(CertificateName::of_missing(issuer, serial))
                }
                SignerIdentifier::SubjectKeyIdentifier(identifier) => {
                    MissingSigner::KeyIdentifier(crate::digest::hex(identifier))
                }
            }),
        }
    }))
}

/// Why no certificate whatever is what the token says of its signer's under its signature, if that is so. One that has only the name
/// which the token gives says nothing: anybody can put it into the bag, and the right one may be elsewhere.
fn unfit_for_all(
    token: &TimeStampToken,
    trust: &TokenTrust<'_>,
    ids: &[Option<EssCertificateId>; 2],
) -> Option<TspRejection> {
    let ids = || ids.iter().flatten();
    // One hash has one certificate; where it is at hand and is not the signer's, none is.
    let given = trust.extra_certificates.iter().chain(trust.roots);
    let mut everywhere = token.certificates().iter().chain(given);
    let named = everywhere.find(|bytes| ids().any(|id| id.has_digest_of(bytes)))?;
    let Ok(named) = Certificate::parse(named) else {
        return Some(TspRejection::SignerCertificateMalformed);
    };
    // Then only sid is against it, which the signature does not cover.
    let is_all_that_is_signed = ids().all(|id| id.matches(&named));
    Some(
        match is_all_that_is_signed && may_have_signed(token, &named) {
            true => TspRejection::SidMismatch {
                certificate: CertificateName::boxed(&named),
            },
            false => TspRejection::EssMismatch,
        },
    )
}

/// The token's signature is by this certificate's key, or by an algorithm that is not known.
fn may_have_signed(token: &TimeStampToken, certificate: &Certificate) -> bool {
    let checked =
        SignatureAlgorithm::new(&token.signature_algorithm, token.digest_algorithm.hash())
            .and_then(|algorithm| {
                let key = VerifyingKey::from_public_key_info(certificate.public_key_info())?;
                key.verify(algorithm, token.signed_attrs_der(), &token.signature)
            });
    !matches!(checked, Err(SignatureFailure::Signature))
}

/// A certificate may sign tokens (RFC 3161 §2.3).
pub(crate) fn check_signer_fitness(signer: &Certificate) -> Result<(), TspRejection> {
    let malformed = |_| TspRejection::SignerCertificateMalformed;
    match signer.time_stamping_usage().map_err(malformed)? {
        TimeStampingUsage::Absent => return Err(TspRejection::EkuAbsent),
        TimeStampingUsage::NotIncluded => return Err(TspRejection::EkuWrong),
        TimeStampingUsage::NotAlone { .. } => return Err(TspRejection::EkuNotAlone),
        TimeStampingUsage::Alone { critical: false } => return Err(TspRejection::EkuNotCritical),
        TimeStampingUsage::Alone { critical: true } => {}
    }
    if signer.basic_constraints().map_err(malformed)?.0 {
        return Err(TspRejection::SignerIsCa);
    }
    // digitalSignature or nonRepudiation (contentCommitment), and nothing else.
    const SIGNING: u8 = 0b1100_0000;
    if let Some(usage) = signer.key_usage().map_err(malformed)?
        && (usage & SIGNING == 0 || usage & !SIGNING != 0)
    {
        return Err(TspRejection::KeyUsage {
            signs: usage & SIGNING != 0,
        });
    }
    if let Some(extension) = signer.unknown_critical_extension() {
        return Err(TspRejection::ChainUnsupported {
            extension: extension.clone(),
            certificate: CertificateName::boxed(signer),
        });
    }
    Ok(())
}

/// The ESSCertIDv2 attribute's value for a signer's certificate, by SHA-256 (the default, so left out, RFC 5035 §4).
#[cfg(feature = "issue")]
pub(crate) fn signing_certificate_v2(certificate: &Certificate) -> Vec<u8> {
    let digest = Sha256Digest::of(certificate.to_der());
    let issuer_serial = der::element(
        der::SEQUENCE,
        &[
            &der::element(
                der::SEQUENCE,
                &[&der::element(0xa4, &[certificate.issuer()])],
            ),
            &der::element(der::INTEGER, &[certificate.serial()]),
        ],
    );
    let id = der::element(
        der::SEQUENCE,
        &[
            &der::element(der::OCTET_STRING, &[digest.as_bytes()]),
            &issuer_serial,
        ],
    );
    der::element(der::SEQUENCE, &[&der::element(der::SEQUENCE, &[&id])])
}
