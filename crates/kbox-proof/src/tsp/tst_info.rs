// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `TSTInfo` (RFC 3161 §2.4.2) and its parts.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::algorithm::{AlgorithmIdentifier, HashAlgorithm};
use super::der::{self, Element, Elements};
use super::error::{SerialFault, TspError};
use super::oid::{Oid, TsaPolicyId};
use crate::digest::{Sha256Digest, hex};
use crate::time::Time;

/// What is stamped: `MessageImprint ::= SEQUENCE { hashAlgorithm AlgorithmIdentifier, hashedMessage OCTET STRING }`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MessageImprint {
    algorithm: AlgorithmIdentifier,
    hashed_message: Vec<u8>,
}

impl MessageImprint {
    /// An imprint by a digest computed elsewhere.
    ///
    /// # Errors
    /// [`TspError::ImprintLength`].
    pub fn new(algorithm: HashAlgorithm, hashed_message: &[u8]) -> Result<Self, TspError> {
        if hashed_message.len() != algorithm.digest_len() {
            return Err(TspError::ImprintLength {
                expected: algorithm.digest_len(),
                found: hashed_message.len(),
            });
        }
        Ok(Self {
            algorithm: AlgorithmIdentifier::without_parameters(algorithm.oid_content()),
            hashed_message: hashed_message.to_vec(),
        })
    }

    /// The imprint of `data`.
    #[must_use]
    pub fn of(algorithm: HashAlgorithm, data: &[u8]) -> Self {
        Self {
            algorithm: AlgorithmIdentifier::without_parameters(algorithm.oid_content()),
            hashed_message: algorithm.digest(data),
        }
    }

    /// The imprint of all that can be read, which is not kept.
    ///
    /// # Errors
    /// The reader's.
    #[cfg(feature = "std")]
    pub fn of_reader(
        algorithm: HashAlgorithm,
        reader: impl std::io::Read,
    ) -> std::io::Result<Self> {
        Ok(Self {
            algorithm: AlgorithmIdentifier::without_parameters(algorithm.oid_content()),
            hashed_message: algorithm.digest_of_reader(reader)?,
        })
    }

    /// The imprint that holds this SHA-256 digest.
    #[must_use]
    pub fn sha256(digest: &Sha256Digest) -> Self {
        Self {
            algorithm: AlgorithmIdentifier::without_parameters(HashAlgorithm::Sha256.oid_content()),
            hashed_message: digest.as_bytes().to_vec(),
        }
    }

    pub(crate) fn from_element(element: &Element<'_>) -> Result<Self, TspError> {
        let mut parts = element.elements();
        let algorithm = AlgorithmIdentifier::from_element(&parts.expect(der::SEQUENCE)?)?;
        let hashed_message = parts.expect(der::OCTET_STRING)?.content.to_vec();
        parts.finish()?;
        Ok(Self {
            algorithm,
            hashed_message,
        })
    }

    /// The hash algorithm, when it is one of those accepted; SHA-1, MD5 and unknown ones give `None`.
    #[must_use]
    pub fn hash_algorithm(&self) -> Option<HashAlgorithm> {
        self.algorithm.hash()
    }

    /// The algorithm as written, accepted or not.
    #[must_use]
    pub fn algorithm(&self) -> &AlgorithmIdentifier {
        &self.algorithm
    }

    /// The digest.
    #[must_use]
    pub fn hashed_message(&self) -> &[u8] {
        &self.hashed_message
    }

    /// Same algorithm and same digest, whether NULL parameters are written or not.
    #[must_use]
    pub fn means_the_same_as(&self, other: &Self) -> bool {
        self.algorithm.algorithm == other.algorithm.algorithm
            && self.algorithm.has_no_parameters()
            && other.algorithm.has_no_parameters()
            && self.hashed_message == other.hashed_message
    }

    /// The DER encoding.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let content = self.algorithm.encoded_len() + der::encoded_len(self.hashed_message.len());
        out.reserve(der::encoded_len(content));
        der::write_header(out, der::SEQUENCE, content);
        self.algorithm.write(out);
        der::write(out, der::OCTET_STRING, &[&self.hashed_message]);
    }
}

/// A serial number: positive, at most 160 bits (RFC 3161 §2.4.2). Holds the minimal INTEGER content.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SerialNumber(Vec<u8>);

impl SerialNumber {
    /// From `epoch` (random, one a start) and a counter: unique across crashes, clones and restores.
    #[must_use]
    pub fn from_epoch_and_counter(epoch: u64, counter: u64) -> Self {
        // Zero is not positive; a random epoch makes it anyway impossible.
        let value = (u128::from(epoch) << 64 | u128::from(counter)).max(1);
        Self(der::unsigned_content(&value.to_be_bytes()))
    }

    /// From big-endian bytes of its value.
    ///
    /// # Errors
    /// [`TspError::SerialNumber`].
    pub fn from_be_bytes(bytes: &[u8]) -> Result<Self, TspError> {
        Self::from_content(&der::unsigned_content(bytes))
    }

    pub(crate) fn from_content(content: &[u8]) -> Result<Self, TspError> {
        let digits = content.strip_prefix(&[0]).unwrap_or(content);
        let fault = match content {
            [0] => SerialFault::Zero,
            [first, ..] if first & 0x80 != 0 => SerialFault::Negative,
            _ if !der::is_minimal_integer(content) => SerialFault::Encoding,
            _ if digits.len() > 20 => SerialFault::TooLong,
            _ => return Ok(Self(content.to_vec())),
        };
        Err(TspError::SerialNumber { fault })
    }

    /// The content octets of its INTEGER.
    #[must_use]
    pub fn as_content(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex(self.0.strip_prefix(&[0]).unwrap_or(&self.0)))
    }
}

impl fmt::Debug for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A nonce: an INTEGER of any size and sign, compared as the number that it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Nonce(Vec<u8>);

impl Nonce {
    /// A nonce from the big-endian bytes of a non-negative number.
    #[must_use]
    pub fn from_be_bytes(bytes: &[u8]) -> Self {
        Self(der::unsigned_content(bytes))
    }

    pub(crate) fn from_element(element: &Element<'_>) -> Result<Self, TspError> {
        if der::is_minimal_integer(element.content) {
            Ok(Self(element.content.to_vec()))
        } else {
            Err(TspError::Der {
                offset: element.offset,
            })
        }
    }

    /// The content octets of its INTEGER.
    #[must_use]
    pub fn as_content(&self) -> &[u8] {
        &self.0
    }

    /// Length in bytes, without the zero that only keeps a number from being negative.
    #[cfg(feature = "issue")]
    pub(crate) fn len(&self) -> usize {
        match self.0.as_slice() {
            [0, digits @ ..] if !digits.is_empty() => digits.len(),
            content => content.len(),
        }
    }
}

/// `Accuracy ::= SEQUENCE { seconds INTEGER OPTIONAL, millis [0] INTEGER (1..999) OPTIONAL, micros [1] INTEGER (1..999) OPTIONAL }`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Accuracy {
    seconds: Option<u32>,
    millis: Option<u32>,
    micros: Option<u32>,
}

impl Accuracy {
    /// From a duration, in whole microseconds rounded up; parts that are zero are left out.
    ///
    /// # Errors
    /// [`TspError::Accuracy`] for zero and for more than 2^31 seconds.
    pub fn from_duration(duration: Duration) -> Result<Self, TspError> {
        let all = duration.as_nanos().div_ceil(1000);
        let part = |value: u128, limit: u128| {
            u32::try_from(value % limit)
                .ok()
                .filter(|value| *value != 0)
        };
        let seconds = u32::try_from(all / 1_000_000).map_err(|_| TspError::Accuracy)?;
        if all == 0 || seconds > i32::MAX.unsigned_abs() {
            return Err(TspError::Accuracy);
        }
        Ok(Self {
            seconds: Some(seconds).filter(|seconds| *seconds != 0),
            millis: part(all / 1000, 1000),
            micros: part(all, 1000),
        })
    }

    /// As a duration.
    #[must_use]
    pub fn to_duration(self) -> Duration {
        Duration::from_secs(self.seconds.unwrap_or(0).into())
            + Duration::from_millis(self.millis.unwrap_or(0).into())
            + Duration::from_micros(self.micros.unwrap_or(0).into())
    }

    fn from_element(element: &Element<'_>) -> Result<Self, TspError> {
        let mut parts = element.elements();
        let seconds = match parts.optional(der::INTEGER)? {
            Some(part) => Some(der::small_unsigned(part.content).ok_or(TspError::Accuracy)?),
            None => None,
        };
        let mut small = |tag| match parts.optional(tag)? {
            Some(part) => der::small_unsigned(part.content)
                .filter(|value| (1..=999).contains(value))
                .map(Some)
                .ok_or(TspError::Accuracy),
            None => Ok(None),
        };
        let (millis, micros) = (small(0x80)?, small(0x81)?);
        parts.finish()?;
        Ok(Self {
            seconds,
            millis,
            micros,
        })
    }

    pub(crate) fn to_der(self) -> Vec<u8> {
        let mut content = Vec::new();
        let parts = [
            (der::INTEGER, self.seconds),
            (0x80, self.millis),
            (0x81, self.micros),
        ];
        for (tag, value) in parts {
            if let Some(value) = value {
                der::write(&mut content, tag, &[&der::integer_content(value)]);
            }
        }
        der::element(der::SEQUENCE, &[&content])
    }
}

/// `TSTInfo` (RFC 3161 §2.4.2): parsed, nothing trusted.
///
/// ```text
/// TSTInfo ::= SEQUENCE {
///   version        INTEGER { v1(1) },
///   policy         TSAPolicyId,
///   messageImprint MessageImprint,
///   serialNumber   INTEGER,
///   genTime        GeneralizedTime,
///   accuracy       Accuracy OPTIONAL,
///   ordering       BOOLEAN DEFAULT FALSE,
///   nonce          INTEGER OPTIONAL,
///   tsa            [0] GeneralName OPTIONAL,
///   extensions     [1] IMPLICIT Extensions OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TstInfo {
    pub(crate) policy: TsaPolicyId,
    pub(crate) imprint: MessageImprint,
    pub(crate) serial: SerialNumber,
    pub(crate) gen_time: Time,
    pub(crate) accuracy: Option<Accuracy>,
    pub(crate) ordering: bool,
    pub(crate) nonce: Option<Nonce>,
    /// The GeneralName, in DER.
    pub(crate) tsa: Option<Vec<u8>>,
    /// The `[1]` element, in DER.
    pub(crate) extensions: Option<Vec<u8>>,
}

impl TstInfo {
    /// Reads the DER form; only the one canonical encoding passes.
    ///
    /// # Errors
    /// [`TspError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, TspError> {
        let mut parts = der::single(bytes, der::SEQUENCE)?.elements();
        parts.version_one("TSTInfo")?;
        let policy = Oid::from_element(&parts.expect(der::OID)?)?;
        let imprint = MessageImprint::from_element(&parts.expect(der::SEQUENCE)?)?;
        let serial = SerialNumber::from_content(parts.expect(der::INTEGER)?.content)?;
        let gen_time = parse_gen_time(parts.expect(der::GENERALIZED_TIME)?.content)?;
        let accuracy = parts
            .optional(der::SEQUENCE)?
            .map(|part| Accuracy::from_element(&part))
            .transpose()?;
        let ordering = parts.optional(der::BOOLEAN)?;
        let nonce = parts
            .optional(der::INTEGER)?
            .map(|part| Nonce::from_element(&part))
            .transpose()?;
        let tsa = match parts.optional(0xa0)? {
            Some(part) => {
                let mut inner = part.elements();
                let name = inner.any()?.der.to_vec();
                inner.finish()?;
                Some(name)
            }
            None => None,
        };
        let extensions = match parts.optional(0xa1)? {
            Some(part) => {
                check_extensions(part.elements())?;
                Some(part.der.to_vec())
            }
            None => None,
        };
        parts.finish()?;
        // All else that was read has one encoding, the one that `to_der` gives; FALSE is left out.
        if ordering.is_some_and(|part| part.content != [0xff]) {
            return Err(TspError::NotCanonical {
                structure: "TSTInfo",
            });
        }
        Ok(Self {
            policy,
            imprint,
            serial,
            gen_time,
            accuracy,
            ordering: ordering.is_some(),
            nonce,
            tsa,
            extensions,
        })
    }

    /// The DER encoding.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        let mut content = Vec::with_capacity(256);
        content.extend_from_slice(&[der::INTEGER, 1, 1]);
        der::write(&mut content, der::OID, &[self.policy.as_content()]);
        self.imprint.write(&mut content);
        der::write(&mut content, der::INTEGER, &[self.serial.as_content()]);
        write_gen_time(&mut content, self.gen_time);
        if let Some(accuracy) = self.accuracy {
            content.extend_from_slice(&accuracy.to_der());
        }
        if self.ordering {
            content.extend_from_slice(&[der::BOOLEAN, 1, 0xff]);
        }
        if let Some(nonce) = &self.nonce {
            der::write(&mut content, der::INTEGER, &[nonce.as_content()]);
        }
        if let Some(name) = &self.tsa {
            der::write(&mut content, 0xa0, &[name]);
        }
        content.extend_from_slice(self.extensions.as_deref().unwrap_or_default());
        der::element(der::SEQUENCE, &[&content])
    }

    /// Under which policy the token was made.
    #[must_use]
    pub fn policy(&self) -> &TsaPolicyId {
        &self.policy
    }

    /// What was stamped.
    #[must_use]
    pub fn message_imprint(&self) -> &MessageImprint {
        &self.imprint
    }

    /// The token's number, unique at its authority.
    #[must_use]
    pub fn serial_number(&self) -> &SerialNumber {
        &self.serial
    }

    /// The instant that the authority states.
    #[must_use]
    pub fn gen_time(&self) -> Time {
        self.gen_time
    }

    /// Before this it was not made, by its own word: `gen_time` less its accuracy.
    #[must_use]
    pub fn earliest(&self) -> Time {
        let accuracy = self.accuracy.map(Accuracy::to_duration);
        self.gen_time.saturating_sub(accuracy.unwrap_or_default())
    }

    /// How far off `gen_time` may be; absent means unstated, not zero.
    #[must_use]
    pub fn accuracy(&self) -> Option<Accuracy> {
        self.accuracy
    }

    /// The authority orders all its tokens by genTime.
    #[must_use]
    pub fn ordering(&self) -> bool {
        self.ordering
    }

    pub(crate) fn has_critical_extension(&self) -> bool {
        self.extensions.as_deref().is_some_and(|field| {
            der::single(field, 0xa1)
                .and_then(|field| check_extensions(field.elements()))
                .unwrap_or(true)
        })
    }

    /// The request's nonce.
    #[must_use]
    pub fn nonce(&self) -> Option<&Nonce> {
        self.nonce.as_ref()
    }
}

/// `Extensions ::= SEQUENCE SIZE (1..MAX) OF SEQUENCE { extnID, critical BOOLEAN DEFAULT FALSE, extnValue }`: the shape.
pub(crate) fn check_extensions(mut extensions: Elements<'_>) -> Result<bool, TspError> {
    if extensions.is_empty() {
        return Err(extensions.error());
    }
    let mut any_critical = false;
    while !extensions.is_empty() {
        let mut parts = extensions.expect(der::SEQUENCE)?.elements();
        Oid::from_element(&parts.expect(der::OID)?)?;
        if let Some(critical) = parts.optional(der::BOOLEAN)? {
            if critical.content != [0xff] {
                return Err(TspError::NotCanonical {
                    structure: "Extension",
                });
            }
            any_critical = true;
        }
        parts.expect(der::OCTET_STRING)?;
        parts.finish()?;
    }
    Ok(any_critical)
}

/// GeneralizedTime as RFC 3161 §2.4.2 has it: UTC with seconds, `Z`, a fraction without trailing zeros. At most nine
/// fraction digits, as [`Time`] counts nanoseconds.
pub(crate) fn parse_gen_time(content: &[u8]) -> Result<Time, TspError> {
    let text = core::str::from_utf8(content).map_err(|_| TspError::GenTime)?;
    let text = text.strip_suffix('Z').ok_or(TspError::GenTime)?;
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let all_digits = |part: &str| part.bytes().all(|digit| digit.is_ascii_digit());
    if whole.len() != 14 || !all_digits(whole) {
        return Err(TspError::GenTime);
    }
    let nanos = match fraction {
        None => 0,
        Some(digits) => {
            if !(1..=9).contains(&digits.len()) || !all_digits(digits) || digits.ends_with('0') {
                return Err(TspError::GenTime);
            }
            // At most nine digits, filled up to nine.
            digits
                .bytes()
                .chain(core::iter::repeat(b'0'))
                .take(9)
                .fold(0, |value, digit| value * 10 + i32::from(digit - b'0'))
        }
    };
    let number = |from: usize, to: usize| {
        whole
            .get(from..to)
            .and_then(|digits| digits.parse::<i16>().ok())
            .ok_or(TspError::GenTime)
    };
    civil_time(
        number(0, 4)?,
        [
            number(4, 6)?,
            number(6, 8)?,
            number(8, 10)?,
            number(10, 12)?,
            number(12, 14)?,
        ],
        nanos,
    )
    .ok_or(TspError::GenTime)
}

/// The UTC instant of a year and month, day, hour, minute, second.
pub(crate) fn civil_time(year: i16, rest: [i16; 5], nanos: i32) -> Option<Time> {
    let [month, day, hour, minute, second] = rest.map(|part| i8::try_from(part).unwrap_or(-1));
    let civil = jiff::civil::DateTime::new(year, month, day, hour, minute, second, nanos).ok()?;
    let timestamp = jiff::tz::Offset::UTC.to_timestamp(civil).ok()?;
    i64::try_from(timestamp.as_nanosecond())
        .ok()
        .map(Time::from_unix_nanos)
}

/// Appends a genTime: seconds always, a fraction only where it is not zero, no trailing zeros.
pub(crate) fn write_gen_time(out: &mut Vec<u8>, time: Time) {
    let civil = jiff::tz::Offset::UTC.to_datetime(time.to_timestamp());
    // A Time's year has four digits.
    let pairs = [
        civil.year() / 100,
        civil.year() % 100,
        civil.month().into(),
        civil.day().into(),
        civil.hour().into(),
        civil.minute().into(),
        civil.second().into(),
    ];
    let mut fraction = civil.subsec_nanosecond().unsigned_abs();
    let mut places = 9;
    while places > 0 && fraction.is_multiple_of(10) {
        fraction /= 10;
        places -= 1;
    }
    let point = usize::from(places > 0);
    der::write_header(out, der::GENERALIZED_TIME, 14 + point + places + 1);
    for pair in pairs.map(i16::unsigned_abs) {
        out.extend_from_slice(&[digit(pair / 10), digit(pair % 10)]);
    }
    if places > 0 {
        let mut digits = *b".000000000";
        for place in digits.iter_mut().skip(1).take(places).rev() {
            *place = digit((fraction % 10) as u16);
            fraction /= 10;
        }
        out.extend_from_slice(digits.get(..=places).unwrap_or_default());
    }
    out.push(b'Z');
}

/// The last decimal digit of a number, in ASCII.
fn digit(number: u16) -> u8 {
    b"0123456789"[usize::from(number % 10)]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn time(text: &str) -> Time {
        Time::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn gen_time_fraction_has_no_trailing_zeros_and_midnight_is_the_next_day() {
        for (instant, text) in [
            ("2026-11-24T18:30:00Z", "20261124183000Z"),
            ("2026-11-24T18:30:00.1Z", "20261124183000.1Z"),
            ("2026-11-24T18:30:00.120Z", "20261124183000.12Z"),
            ("2026-11-24T18:30:00.000Z", "20261124183000Z"),
            ("2026-11-25T00:00:00Z", "20261125000000Z"),
        ] {
            let mut written = Vec::new();
            write_gen_time(&mut written, time(instant));
            assert_eq!(
                written,
                der::element(der::GENERALIZED_TIME, &[text.as_bytes()])
            );
            assert_eq!(parse_gen_time(text.as_bytes()), Ok(time(instant)));
        }
        for text in [
            "20261124183000.10Z",
            "20261124183000.0Z",
            "20261124183000.Z",
            "20261124183060Z",
            "20261124240000Z",
            "202611241830Z",
            "20261124183000+0100",
            "20261124183000,5Z",
            "20261324183000Z",
        ] {
            assert_eq!(
                parse_gen_time(text.as_bytes()),
                Err(TspError::GenTime),
                "{text}"
            );
        }
    }

    #[test]
    fn accuracy_leaves_zero_parts_out() {
        for (nanos, encoded) in [
            (1_000_000_000, &[0x30, 3, 2, 1, 1][..]),
            (500_000_000, &[0x30, 4, 0x80, 2, 1, 0xf4]),
            (1_002_003_000, &[0x30, 9, 2, 1, 1, 0x80, 1, 2, 0x81, 1, 3]),
        ] {
            let accuracy = Accuracy::from_duration(Duration::from_nanos(nanos)).unwrap();
            assert_eq!(accuracy.to_der(), encoded);
            assert_eq!(accuracy.to_duration(), Duration::from_nanos(nanos));
        }
        assert_eq!(
            Accuracy::from_duration(Duration::ZERO),
            Err(TspError::Accuracy)
        );
    }

    #[test]
    fn accuracy_parts_of_zero_or_a_thousand_negative_or_out_of_order_do_not_parse() {
        let parse = |content: &[u8]| {
            let bytes = der::element(der::SEQUENCE, &[content]);
            Accuracy::from_element(&der::single(&bytes, der::SEQUENCE).unwrap())
        };
        for (content, nanos) in [
            (&[0x80, 1, 1][..], 1_000_000),
            (&[0x81, 1, 1], 1_000),
            (&[0x80, 2, 3, 0xe7], 999_000_000),
            (&[0x81, 2, 3, 0xe7], 999_000),
            (&[2, 1, 0], 0),
        ] {
            let accuracy = parse(content).unwrap();
            assert_eq!(accuracy.to_duration(), Duration::from_nanos(nanos));
        }
        for content in [
            &[0x80, 1, 0][..],
            &[0x81, 1, 0],
            &[0x80, 2, 3, 0xe8],
            &[0x81, 2, 3, 0xe8],
            &[0x80, 1, 0xff],
            &[2, 1, 0xff],
            &[0x80, 2, 0, 1],
            &[0x81, 1, 1, 0x80, 1, 1],
            &[0x80, 1, 1, 2, 1, 1],
            &[0x82, 1, 1],
        ] {
            assert!(parse(content).is_err(), "{content:02x?}");
        }
    }

    /// Larger than what is read at a time, by a reader that gives little.
    #[cfg(feature = "std")]
    #[test]
    fn the_imprint_of_what_is_read_is_that_of_its_bytes() {
        struct Slow<'a>(&'a [u8]);
        impl std::io::Read for Slow<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                let length = buffer.len().min(self.0.len()).min(50_000);
                let (now, later) = self.0.split_at(length);
                buffer[..length].copy_from_slice(now);
                self.0 = later;
                Ok(length)
            }
        }
        let data: Vec<u8> = (0..200_000_u32).map(|byte| byte.to_be_bytes()[3]).collect();
        for hash in HashAlgorithm::ALL {
            for length in [0, 1, 65_536, data.len()] {
                let data = &data[..length];
                let read = MessageImprint::of_reader(hash, Slow(data)).unwrap();
                assert_eq!(read, MessageImprint::of(hash, data), "{hash} {length}");
            }
        }
        let read = Sha256Digest::of_reader(Slow(&data)).unwrap();
        assert_eq!(read, Sha256Digest::of(&data));
    }

    #[test]
    fn serials_are_positive_minimal_and_at_most_160_bits() {
        let serial = SerialNumber::from_epoch_and_counter(u64::MAX, 7);
        assert_eq!(serial.as_content().len(), 17);
        assert_eq!(SerialNumber::from_content(serial.as_content()), Ok(serial));
        assert!(SerialNumber::from_be_bytes(&[0xff; 20]).is_ok());
        for (content, fault) in [
            (&[][..], SerialFault::Encoding),
            (&[0], SerialFault::Zero),
            (&[0x80], SerialFault::Negative),
            (&[0, 1], SerialFault::Encoding),
            (&[1; 21], SerialFault::TooLong),
        ] {
            assert_eq!(
                SerialNumber::from_content(content),
                Err(TspError::SerialNumber { fault })
            );
        }
    }
}
