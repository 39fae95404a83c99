// SPDX-License-Identifier: Apache-2.0 OR MIT
//! X.509 certificates (RFC 5280), as far as timestamps need them, over their raw bytes: foreign ones are never encoded again.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use sha2::Digest;

use super::TspError;
use super::algorithm::AlgorithmIdentifier;
use super::certificate_name::{printable, printable_hex};
use super::der::{self, Element, Elements};
use super::oid::{Oid, known};
use super::revocation::{check_names, full_names};
use super::signature::{SignatureFailure, verify_signature};
use super::tst_info::{civil_time, parse_gen_time};
use crate::time::Time;

/// Larger than any honest certificate of an authority.
const MAX_CERTIFICATE_BYTES: usize = 64 * 1024;

/// Some thirty kinds are known; few certificates have more than ten. Each is compared with all before it, of bytes that
/// nobody has signed yet.
const MAX_EXTENSIONS: usize = 64;

/// A certificate: parsed, nothing trusted. Its parts are places in its encoding, so that reading one copies it once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    tbs: Range<usize>,
    serial: Range<usize>,
    issuer: Range<usize>,
    subject: Range<usize>,
    not_before: Time,
    not_after: Time,
    public_key: Range<usize>,
    extensions: Vec<Extension<Range<usize>>>,
    signature_algorithm: AlgorithmIdentifier,
    /// The BIT STRING.
    signature: Range<usize>,
}

/// An extension, its value copied or as the place where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Extension<V = Vec<u8>> {
    pub(super) kind: Oid,
    pub(super) critical: bool,
    pub(super) value: V,
}

/// What extKeyUsage says about timestamping (RFC 3161 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeStampingUsage {
    Absent,
    NotIncluded,
    NotAlone { critical: bool },
    Alone { critical: bool },
}

impl Certificate {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// [`TspError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, TspError> {
        if bytes.len() > MAX_CERTIFICATE_BYTES {
            return Err(TspError::TooLarge {
                size: bytes.len(),
                limit: MAX_CERTIFICATE_BYTES,
            });
        }
        let mut outer = der::message(bytes, der::SEQUENCE)?.elements();
        let tbs = outer.expect(der::SEQUENCE)?;
        let signature_algorithm = AlgorithmIdentifier::from_element(&outer.expect(der::SEQUENCE)?)?;
        let signature = outer.expect(der::BIT_STRING)?;
        bit_string(&signature)?;
        outer.finish()?;

        let mut parts = tbs.elements();
        if let Some(version) = parts.optional(0xa0)? {
            let mut version = version.elements();
            version.small_integer()?;
            version.finish()?;
        }
        let serial = parts.expect(der::INTEGER)?.content_span();
        let inner = AlgorithmIdentifier::from_element(&parts.expect(der::SEQUENCE)?)?;
        // RFC 5280 §4.1.1.2: the same as the outer one.
        if inner != signature_algorithm {
            return Err(TspError::NotCanonical {
                structure: "Certificate",
            });
        }
        let issuer = parts.expect(der::SEQUENCE)?.span();
        let mut validity = parts.expect(der::SEQUENCE)?.elements();
        let not_before = certificate_time(&validity.any()?)?;
        let not_after = certificate_time(&validity.any()?)?;
        validity.finish()?;
        let subject = parts.expect(der::SEQUENCE)?.span();
        let public_key = parts.expect(der::SEQUENCE)?.span();
        // issuerUniqueID, subjectUniqueID
        parts.optional(0x81)?;
        parts.optional(0x82)?;
        let extensions = match parts.optional(0xa3)? {
            Some(field) => {
                let mut inner = field.elements();
                let list = inner.expect(der::SEQUENCE)?.elements();
                inner.finish()?;
                read_extensions(list, |value| value.content_span())?
            }
            None => Vec::new(),
        };
        parts.finish()?;
        Ok(Self {
            der: bytes.to_vec(),
            tbs: tbs.span(),
            serial,
            issuer,
            subject,
            not_before,
            not_after,
            public_key,
            extensions,
            signature_algorithm,
            signature: signature.span(),
        })
    }

    /// The DER encoding.
    #[must_use]
    pub fn to_der(&self) -> &[u8] {
        &self.der
    }

    fn at(&self, place: &Range<usize>) -> &[u8] {
        self.der.get(place.clone()).unwrap_or_default()
    }

    /// The content of the serial number.
    pub(crate) fn serial(&self) -> &[u8] {
        self.at(&self.serial)
    }

    /// The issuer's Name, in DER.
    pub(crate) fn issuer(&self) -> &[u8] {
        self.at(&self.issuer)
    }

    /// The subject's Name, in DER.
    pub(crate) fn subject(&self) -> &[u8] {
        self.at(&self.subject)
    }

    /// First instant of validity.
    #[must_use]
    pub fn not_before(&self) -> Time {
        self.not_before
    }

    /// Last second of validity.
    #[must_use]
    pub fn not_after(&self) -> Time {
        self.not_after
    }

    /// `time` lies within the validity, both ends included (RFC 5280 §4.1.2.5).
    #[must_use]
    pub fn is_valid_at(&self, time: Time) -> bool {
        // notAfter counts whole seconds: 12:00:00 lasts until just before 12:00:01.
        self.not_before <= time && time.unix_secs() <= self.not_after.unix_secs()
    }

    /// The subject's commonName, for people to read.
    #[must_use]
    pub fn subject_common_name(&self) -> Option<String> {
        let text = self.subject_attribute(known::COMMON_NAME)?;
        core::str::from_utf8(text).ok().map(printable)
    }

    /// The subject's organizationName, for people to read.
    #[must_use]
    pub fn subject_organization(&self) -> Option<String> {
        let text = self.subject_attribute(known::ORGANIZATION_NAME)?;
        core::str::from_utf8(text).ok().map(printable)
    }

    /// The issuer's commonName, or else its organizationName, for people to read.
    #[must_use]
    pub fn issuer_name(&self) -> String {
        issuer_name(self.issuer())
    }

    /// The serial number in hexadecimal, as other programs show it.
    #[must_use]
    pub fn serial_hex(&self) -> String {
        printable_hex(self.serial())
    }

    /// How its issuer signed it.
    pub(super) fn signature_algorithm(&self) -> &AlgorithmIdentifier {
        &self.signature_algorithm
    }

    /// The subject has an attribute of this kind that is not empty.
    pub(crate) fn subject_has(&self, kind: &[u8]) -> bool {
        self.subject_attribute(kind)
            .is_some_and(|value| !value.is_empty())
    }

    /// The content of the subject's first attribute of this kind.
    fn subject_attribute(&self, kind: &[u8]) -> Option<&[u8]> {
        name_attribute(self.subject(), kind)
    }

    fn extension(&self, kind: &[u8]) -> Option<Extension<&[u8]>> {
        self.extensions
            .iter()
            .find(|extension| extension.kind.as_content() == kind)
            .map(|extension| Extension {
                kind: extension.kind.clone(),
                critical: extension.critical,
                value: self.at(&extension.value),
            })
    }

    /// The first critical extension that this crate does not process.
    pub(crate) fn unknown_critical_extension(&self) -> Option<&Oid> {
        const PROCESSED: [&[u8]; 5] = [
            known::KEY_USAGE,
            known::SUBJECT_ALT_NAME,
            known::BASIC_CONSTRAINTS,
            known::CERTIFICATE_POLICIES,
            known::EXTENDED_KEY_USAGE,
        ];
        self.extensions
            .iter()
            .filter(|extension| extension.critical)
            .map(|extension| &extension.kind)
            .find(|kind| !PROCESSED.contains(&kind.as_content()))
    }

    /// As an issuer's: an extension that this crate would have to process. Name constraints bind whoever stands below, marked
    /// critical or not (RFC 5280 §4.2.1.10).
    pub(crate) fn unprocessed_extension(&self) -> Option<&Oid> {
        let mut kinds = self.extensions.iter().map(|extension| &extension.kind);
        let constraints = kinds.find(|kind| kind.as_content() == known::NAME_CONSTRAINTS);
        constraints.or_else(|| self.unknown_critical_extension())
    }

    /// `basicConstraints`: whether this is a CA, and how many CAs may follow below it.
    pub(crate) fn basic_constraints(&self) -> Result<(bool, Option<u32>), TspError> {
        let Some(extension) = self.extension(known::BASIC_CONSTRAINTS) else {
            return Ok((false, None));
        };
        let mut parts = der::single(extension.value, der::SEQUENCE)?.elements();
        let is_ca = parts
            .optional(der::BOOLEAN)?
            .is_some_and(|part| part.content != [0]);
        let path_len = match parts.is_empty() {
            true => None,
            false => Some(parts.small_integer()?),
        };
        parts.finish()?;
        Ok((is_ca, path_len))
    }

    /// `keyUsage` bits, the first in the highest bit; `None` when absent.
    pub(crate) fn key_usage(&self) -> Result<Option<u8>, TspError> {
        let Some(extension) = self.extension(known::KEY_USAGE) else {
            return Ok(None);
        };
        let bits = der::single(extension.value, der::BIT_STRING)?;
        // The first octet counts the unused bits.
        let octet = |index| bits.content.get(index).copied().unwrap_or(0);
        // decipherOnly is the ninth bit; told as encipherOnly, the eighth, it is as little one of signing.
        Ok(Some(octet(1) | octet(2) >> 7))
    }

    pub(crate) fn time_stamping_usage(&self) -> Result<TimeStampingUsage, TspError> {
        let Some(extension) = self.extension(known::EXTENDED_KEY_USAGE) else {
            return Ok(TimeStampingUsage::Absent);
        };
        let purposes = self.purposes()?;
        let critical = extension.critical;
        if !purposes.contains(&known::TIME_STAMPING) {
            Ok(TimeStampingUsage::NotIncluded)
        } else if purposes.len() > 1 {
            Ok(TimeStampingUsage::NotAlone { critical })
        } else {
            Ok(TimeStampingUsage::Alone { critical })
        }
    }

    /// An intermediate's extKeyUsage, when it has one, allows timestamping below it.
    pub(crate) fn allows_time_stamping_below(&self) -> Result<bool, TspError> {
        if self.extension(known::EXTENDED_KEY_USAGE).is_none() {
            return Ok(true);
        }
        Ok(self
            .purposes()?
            .iter()
            .any(|kind| [known::TIME_STAMPING, known::ANY_EXTENDED_KEY_USAGE].contains(kind)))
    }

    /// The names under which revocation lists about this certificate are published, in DER (RFC 5280 §4.2.1.13); `None` when
    /// it names none. Those that another issuer publishes, or that are for some reasons only, are left out.
    pub(super) fn distribution_points(&self) -> Result<Option<Vec<&[u8]>>, TspError> {
        let Some(extension) = self.extension(known::CRL_DISTRIBUTION_POINTS) else {
            return Ok(None);
        };
        let mut points = der::single(extension.value, der::SEQUENCE)?.elements();
        let mut names = Vec::new();
        let mut found = 0;
        while !points.is_empty() {
            let mut point = points.expect(der::SEQUENCE)?.elements();
            let name = point.optional(0xa0)?;
            if let Some(name) = name
                && point.is_empty()
            {
                names.append(&mut full_names(&name)?.unwrap_or_default());
            }
            found += 1;
            check_names(names.len().max(found))?;
        }
        Ok(Some(names))
    }

    /// keyUsage, where there is one, has cRLSign (RFC 5280 §6.3.3 (f)).
    pub(super) fn may_sign_lists(&self) -> bool {
        const CRL_SIGN: u8 = 0b0000_0010;
        self.key_usage()
            .is_ok_and(|usage| usage.is_none_or(|usage| usage & CRL_SIGN != 0))
    }

    /// extKeyUsage names id-kp-OCSPSigning (RFC 6960 §4.2.2.2).
    pub(super) fn is_for_ocsp_signing(&self) -> bool {
        self.purposes()
            .is_ok_and(|purposes| purposes.contains(&known::OCSP_SIGNING))
    }

    /// The key's own octets, without algorithm, tag and length.
    pub(super) fn public_key_bits(&self) -> Result<&[u8], TspError> {
        let mut parts = der::single(self.public_key_info(), der::SEQUENCE)?.elements();
        parts.expect(der::SEQUENCE)?;
        bit_string(&parts.expect(der::BIT_STRING)?)
    }

    fn purposes(&self) -> Result<Vec<&[u8]>, TspError> {
        let Some(extension) = self.extension(known::EXTENDED_KEY_USAGE) else {
            return Ok(Vec::new());
        };
        let mut parts = der::single(extension.value, der::SEQUENCE)?.elements();
        let mut purposes = Vec::new();
        while !parts.is_empty() {
            purposes.push(parts.expect(der::OID)?.content);
        }
        Ok(purposes)
    }

    /// The GeneralName is one of the names that this certificate gives its subject (RFC 3161 §2.4.2).
    pub(crate) fn has_subject_name(&self, general_name: &[u8]) -> bool {
        let mut directory = der::Elements::new(general_name);
        if let Ok(name) = directory.expect(0xa4)
            && name.content == self.subject()
        {
            return true;
        }
        let Some(extension) = self.extension(known::SUBJECT_ALT_NAME) else {
            return false;
        };
        let Ok(list) = der::single(extension.value, der::SEQUENCE) else {
            return false;
        };
        let mut names = list.elements();
        while let Ok(name) = names.any() {
            if name.der == general_name {
                return true;
            }
        }
        false
    }

    /// The SubjectPublicKeyInfo, in DER.
    #[must_use]
    pub fn public_key_info(&self) -> &[u8] {
        self.at(&self.public_key)
    }

    /// The IssuerAndSerialNumber that names this certificate, in DER.
    #[cfg(feature = "issue")]
    pub(crate) fn issuer_and_serial(&self) -> Vec<u8> {
        der::element(
            der::SEQUENCE,
            &[self.issuer(), &der::element(der::INTEGER, &[self.serial()])],
        )
    }

    /// `PrivateKeyUsagePeriod ::= SEQUENCE { notBefore [0] OPTIONAL, notAfter [1] OPTIONAL }` (RFC 3280 §4.2.1.4)
    #[cfg(feature = "issue")]
    pub(crate) fn private_key_usage_period(&self) -> Result<(Time, Time), TspError> {
        let mut period = (
            Time::from_unix_nanos(i64::MIN),
            Time::from_unix_nanos(i64::MAX),
        );
        if let Some(extension) = self.extension(&[0x55, 29, 16]) {
            let mut parts = der::single(extension.value, der::SEQUENCE)?.elements();
            if let Some(part) = parts.optional(0x80)? {
                period.0 = parse_gen_time(part.content)?;
            }
            if let Some(part) = parts.optional(0x81)? {
                period.1 = parse_gen_time(part.content)?;
            }
            parts.finish()?;
        }
        Ok(period)
    }

    /// The subject key identifier's octets.
    pub(crate) fn subject_key_identifier(&self) -> Option<&[u8]> {
        let extension = self.extension(&[0x55, 29, 14])?;
        der::single(extension.value, der::OCTET_STRING)
            .ok()
            .map(|element| element.content)
    }

    /// It names its own subject as its issuer (RFC 5280 §3.2): nothing stands above it.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.subject() == self.issuer()
    }

    /// Self-issued and signed by its own key, as roots are. Where that signature is by an algorithm that is no longer checked
    /// (old roots have SHA-1, which nothing rests on), the key that it names as its issuer's must be its own.
    #[must_use]
    pub fn is_self_signed(&self) -> bool {
        self.is_self_issued()
            && match self.verify_issued_by(self) {
                Ok(()) => true,
                Err(SignatureFailure::Signature) => false,
                Err(SignatureFailure::Algorithm) => {
                    let own = self.subject_key_identifier();
                    let issuer = self.authority_key_identifier();
                    issuer.is_none() || issuer.as_deref() == own
                }
            }
    }

    /// keyIdentifier of authorityKeyIdentifier (RFC 5280 §4.2.1.1); nothing readable is as none.
    fn authority_key_identifier(&self) -> Option<Vec<u8>> {
        let extension = self.extension(known::AUTHORITY_KEY_IDENTIFIER)?;
        let mut parts = der::single(extension.value, der::SEQUENCE).ok()?.elements();
        let identifier = parts.optional(0x80).ok()??;
        Some(identifier.content.to_vec())
    }

    /// It names `issuer`'s key as the one that signed it. Another authority may have the issuer's name, and the issuer other keys.
    pub(super) fn names_key_of(&self, issuer: &Self) -> bool {
        let Some(named) = self.authority_key_identifier() else {
            return false;
        };
        match issuer.subject_key_identifier() {
            Some(own) => named == own,
            // RFC 5280 §4.2.1.2 (1)
            None => issuer
                .public_key_bits()
                .is_ok_and(|bits| named == *sha1::Sha1::digest(bits)),
        }
    }

    /// Checks that `issuer`'s key signed this certificate.
    pub(crate) fn verify_issued_by(&self, issuer: &Self) -> Result<(), SignatureFailure> {
        let signature = der::single(self.at(&self.signature), der::BIT_STRING)
            .and_then(|element| bit_string(&element))
            .map_err(|_| SignatureFailure::Signature)?;
        verify_signature(
            issuer.public_key_info(),
            &self.signature_algorithm,
            None,
            self.at(&self.tbs),
            signature,
        )
    }
}

/// The commonName of a Name in DER, or else its organizationName.
pub(super) fn issuer_name(name: &[u8]) -> String {
    [known::COMMON_NAME, known::ORGANIZATION_NAME]
        .into_iter()
        .find_map(|kind| name_attribute(name, kind))
        .map_or_else(
            || "?".into(),
            |text| printable(&String::from_utf8_lossy(text)),
        )
}

/// The content of the first attribute of this kind in a Name.
fn name_attribute<'a>(name: &'a [u8], kind: &[u8]) -> Option<&'a [u8]> {
    let mut sets = der::single(name, der::SEQUENCE).ok()?.elements();
    while !sets.is_empty() {
        let mut set = sets.expect(der::SET).ok()?.elements();
        while !set.is_empty() {
            let mut parts = set.expect(der::SEQUENCE).ok()?.elements();
            if parts.expect(der::OID).ok()?.content == kind {
                return Some(parts.any().ok()?.content);
            }
        }
    }
    None
}

/// Issuer and serial number where [`Certificate::parse`] finds them, of what may be no certificate further on.
pub(super) fn issuer_and_serial(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut outer = der::single(bytes, der::SEQUENCE).ok()?.elements();
    let mut parts = outer.expect(der::SEQUENCE).ok()?.elements();
    parts.optional(0xa0).ok()?;
    let serial = parts.expect(der::INTEGER).ok()?.content;
    parts.expect(der::SEQUENCE).ok()?;
    let issuer = parts.expect(der::SEQUENCE).ok()?.der;
    Some((issuer, serial))
}

/// `Extensions ::= SEQUENCE OF Extension`, at most one of each kind (RFC 5280 §4.2).
pub(super) fn parse_extensions(list: Elements<'_>) -> Result<Vec<Extension>, TspError> {
    read_extensions(list, |value| value.content.to_vec())
}

fn read_extensions<V>(
    mut list: Elements<'_>,
    keep: impl Fn(&Element<'_>) -> V,
) -> Result<Vec<Extension<V>>, TspError> {
    // As many as an honest certificate has, so that the list seldom grows.
    let mut extensions: Vec<Extension<V>> = Vec::with_capacity(8);
    while !list.is_empty() {
        let offset = list.offset();
        let extension = parse_extension(&list.expect(der::SEQUENCE)?, &keep)?;
        if extensions.iter().any(|other| other.kind == extension.kind) {
            return Err(TspError::Der { offset });
        }
        if extensions.len() == MAX_EXTENSIONS {
            return Err(TspError::TooManyExtensions {
                limit: MAX_EXTENSIONS,
            });
        }
        extensions.push(extension);
    }
    Ok(extensions)
}

fn parse_extension<V>(
    element: &Element<'_>,
    keep: impl Fn(&Element<'_>) -> V,
) -> Result<Extension<V>, TspError> {
    let mut parts = element.elements();
    let kind = Oid::from_element(&parts.expect(der::OID)?)?;
    // An explicit FALSE is not DER, but real certificates have it, and they stay raw.
    let critical = parts
        .optional(der::BOOLEAN)?
        .is_some_and(|part| part.content != [0]);
    let value = keep(&parts.expect(der::OCTET_STRING)?);
    parts.finish()?;
    Ok(Extension {
        kind,
        critical,
        value,
    })
}

/// The octets of a BIT STRING that has whole ones.
pub(super) fn bit_string<'a>(element: &Element<'a>) -> Result<&'a [u8], TspError> {
    match element.content {
        [0, bytes @ ..] => Ok(bytes),
        _ => Err(TspError::Der {
            offset: element.offset,
        }),
    }
}

/// `Time ::= CHOICE { utcTime UTCTime, generalTime GeneralizedTime }` (RFC 5280 §4.1.2.5)
pub(super) fn certificate_time(element: &Element<'_>) -> Result<Time, TspError> {
    let error = TspError::Der {
        offset: element.offset,
    };
    match element.tag {
        // Validity in the year 9999 means "no end" (RFC 5280 §4.1.2.5), and lies beyond what Time holds.
        der::GENERALIZED_TIME if element.content == b"99991231235959Z" => {
            Ok(Time::from_unix_nanos(i64::MAX))
        }
        der::GENERALIZED_TIME => parse_gen_time(element.content),
        der::UTC_TIME => {
            let (digits, zone) = element.content.as_chunks::<2>();
            let mut numbers = [0_i16; 6];
            if digits.len() != 6 || zone != b"Z" {
                return Err(error);
            }
            for (number, [tens, ones]) in numbers.iter_mut().zip(digits) {
                if !tens.is_ascii_digit() || !ones.is_ascii_digit() {
                    return Err(error);
                }
                *number = i16::from(tens - b'0') * 10 + i16::from(ones - b'0');
            }
            let [year, rest @ ..] = numbers;
            let century = if year >= 50 { 1900 } else { 2000 };
            civil_time(century + year, rest, 0).ok_or(error)
        }
        _ => Err(error),
    }
}

/// All certificates in a PEM text, in DER, in order.
///
/// # Errors
/// [`TspError::Pem`] when there is none, or a block is malformed.
pub fn certificates_from_pem(text: &str) -> Result<Vec<Vec<u8>>, TspError> {
    pem_blocks(text, "CERTIFICATE")
}

/// A certificate in PEM.
#[must_use]
pub fn certificate_to_pem(certificate: &[u8]) -> String {
    to_pem("CERTIFICATE", certificate)
}

pub(crate) fn pem_blocks(text: &str, label: &'static str) -> Result<Vec<Vec<u8>>, TspError> {
    use base64::Engine;
    let error = || TspError::Pem { label };
    let begin = alloc::format!("-----BEGIN {label}-----");
    let end = alloc::format!("-----END {label}-----");
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(begin.as_str()) {
        let (body, after) = after.split_once(end.as_str()).ok_or_else(error)?;
        let body: String = body.split_ascii_whitespace().collect();
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(body)
            .map_err(|_| error())?;
        blocks.push(bytes);
        rest = after;
    }
    if blocks.is_empty() {
        return Err(error());
    }
    Ok(blocks)
}

pub(crate) fn to_pem(label: &str, bytes: &[u8]) -> String {
    use base64::Engine;
    let body = base64::engine::general_purpose::STANDARD.encode(bytes);
    let mut text = alloc::format!("-----BEGIN {label}-----\n");
    for line in body.as_bytes().chunks(64) {
        text.push_str(core::str::from_utf8(line).unwrap_or_default());
        text.push('\n');
    }
    text.push_str(&alloc::format!("-----END {label}-----\n"));
    text
}
