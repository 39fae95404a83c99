// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Reading and writing of single DER elements, over `der`'s strict reader: minimal lengths, definite form, no constructed
//! strings. What that reader lets pass (an explicit DEFAULT, an unsorted SET OF) is caught where each structure is encoded
//! again and compared.

use alloc::vec::Vec;
use core::ops::Range;

use der::{AnyRef, Decode, Reader, SliceReader};

use super::TspError;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OID: u8 = 0x06;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// A run of DER elements, read one after the other.
#[derive(Clone)]
pub(crate) struct Elements<'a> {
    rest: &'a [u8],
    /// Where `rest` begins in the message.
    offset: usize,
}

/// One element: the identifier octet, the whole encoding and the content.
#[derive(Clone, Copy)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) der: &'a [u8],
    pub(crate) content: &'a [u8],
    /// Where the content begins in the message.
    pub(crate) offset: usize,
}

impl<'a> Element<'a> {
    /// The elements that the content holds.
    pub(crate) fn elements(&self) -> Elements<'a> {
        Elements {
            rest: self.content,
            offset: self.offset,
        }
    }

    /// Where the content stands in the message.
    pub(crate) fn content_span(&self) -> Range<usize> {
        self.offset..self.offset + self.content.len()
    }

    /// Where the whole encoding stands in the message.
    pub(crate) fn span(&self) -> Range<usize> {
        let header = self.der.len() - self.content.len();
        self.offset - header..self.offset + self.content.len()
    }
}

impl<'a> Elements<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            offset: 0,
        }
    }

    /// Where the next element begins in the message.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The error for what stands here.
    pub(crate) fn error(&self) -> TspError {
        TspError::Der {
            offset: self.offset,
        }
    }

    /// The next element, whatever it is.
    pub(crate) fn any(&mut self) -> Result<Element<'a>, TspError> {
        let (header, length) = match common_header(self.rest) {
            Some(found) => found,
            None => strict_header(self.rest).ok_or_else(|| self.error())?,
        };
        let Some((der, rest)) = self.rest.split_at_checked(header + length) else {
            return Err(self.error());
        };
        let (Some(tag), Some(content)) = (der.first(), der.get(header..)) else {
            return Err(self.error());
        };
        let offset = self.offset + header;
        self.rest = rest;
        self.offset = offset + length;
        Ok(Element {
            tag: *tag,
            der,
            content,
            offset,
        })
    }

    /// The next element, which must have this identifier octet.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<Element<'a>, TspError> {
        if self.peek() == Some(tag) {
            self.any()
        } else {
            Err(self.error())
        }
    }

    /// The next element when it has this identifier octet.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, TspError> {
        if self.peek() == Some(tag) {
            self.any().map(Some)
        } else {
            Ok(None)
        }
    }

    /// Nothing may follow.
    pub(crate) fn finish(&self) -> Result<(), TspError> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(TspError::TrailingBytes {
                offset: self.offset(),
            })
        }
    }

    /// A version number, which must be 1.
    pub(crate) fn version_one(&mut self, structure: &'static str) -> Result<(), TspError> {
        let error = self.error();
        let element = self.expect(INTEGER)?;
        match element.content {
            [1] => Ok(()),
            // Negative and huge ones are versions too, if none that anybody knows.
            other if is_minimal_integer(other) => Err(TspError::Version {
                structure,
                found: small_unsigned(other).unwrap_or(u32::MAX),
            }),
            _ => Err(error),
        }
    }

    /// A small non-negative INTEGER.
    pub(crate) fn small_integer(&mut self) -> Result<u32, TspError> {
        let error = self.error();
        let element = self.expect(INTEGER)?;
        small_unsigned(element.content).ok_or(error)
    }
}

/// The lengths of header and content of the next element, by `der`'s strict reader.
fn strict_header(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut reader = SliceReader::new(bytes).ok()?;
    let any = AnyRef::decode(&mut reader).ok()?;
    let used = usize::try_from(u32::from(reader.position())).ok()?;
    let length = any.value().len();
    Some((used.checked_sub(length)?, length))
}

/// The same for most elements there are, at a tenth of the cost: known identifier octets, and lengths of at most three octets.
/// `None` says nothing; then the strict reader decides.
#[inline]
fn common_header(bytes: &[u8]) -> Option<(usize, usize)> {
    let (tag, header, length) = match *bytes {
        [tag, length @ 0..=0x7f, ..] => (tag, 2, usize::from(length)),
        [tag, 0x81, length @ 0x80..=0xff, ..] => (tag, 3, usize::from(length)),
        [tag, 0x82, high @ 1..=0xff, low, ..] => {
            (tag, 4, usize::from(high) << 8 | usize::from(low))
        }
        _ => return None,
    };
    let is_known = matches!(
        tag,
        BOOLEAN..=OID | UTF8_STRING | UTC_TIME | GENERALIZED_TIME | SEQUENCE | SET | 0x80..=0x83 | 0xa0..=0xa4
    );
    (is_known && bytes.len() - header >= length).then_some((header, length))
}

/// The one element that `bytes` holds, with nothing after it.
pub(crate) fn single(bytes: &[u8], tag: u8) -> Result<Element<'_>, TspError> {
    let mut elements = Elements::new(bytes);
    let element = elements.expect(tag)?;
    elements.finish()?;
    Ok(element)
}

/// As [`single`], of a whole file or message: one that ends before its own length says so is told apart.
pub(crate) fn message(bytes: &[u8], tag: u8) -> Result<Element<'_>, TspError> {
    single(bytes, tag).map_err(|error| match bytes.first() {
        Some(first) if *first == tag => cut_off(bytes).unwrap_or(error),
        _ => error,
    })
}

/// Fewer bytes than the header says that there are.
fn cut_off(bytes: &[u8]) -> Option<TspError> {
    let first = *bytes.get(1)?;
    let (header, content) = match first {
        0..=0x7f => (2, usize::from(first)),
        0x81..=0x84 => {
            let header = 2 + usize::from(first & 0x7f);
            let digits = bytes.get(2..header)?;
            let length = digits.iter().try_fold(0_usize, |length, digit| {
                length.checked_mul(256)?.checked_add(usize::from(*digit))
            })?;
            (header, length)
        }
        _ => return None,
    };
    let expected = header.checked_add(content)?;
    let found = bytes.len();
    (found < expected).then_some(TspError::CutOff { found, expected })
}

/// The content of an INTEGER is its shortest two's complement form.
pub(crate) fn is_minimal_integer(content: &[u8]) -> bool {
    match content {
        [] => false,
        [_] => true,
        [0x00, second, ..] => second & 0x80 != 0,
        [0xff, second, ..] => second & 0x80 == 0,
        _ => true,
    }
}

/// The value of a minimal INTEGER between 0 and 2^31 - 1.
pub(crate) fn small_unsigned(content: &[u8]) -> Option<u32> {
    if !is_minimal_integer(content) || content.len() > 4 || content.first()? & 0x80 != 0 {
        return None;
    }
    Some(
        content
            .iter()
            .fold(0, |value, byte| value << 8 | u32::from(*byte)),
    )
}

/// The content of the INTEGER `value`.
pub(crate) fn integer_content(value: u32) -> Vec<u8> {
    unsigned_content(&value.to_be_bytes())
}

/// The content of a non-negative INTEGER given in big-endian bytes.
pub(crate) fn unsigned_content(bytes: &[u8]) -> Vec<u8> {
    let start = bytes
        .iter()
        .position(|byte| *byte != 0)
        .unwrap_or(bytes.len());
    let digits = bytes.get(start..).unwrap_or_default();
    let mut content = Vec::with_capacity(digits.len() + 1);
    if digits.first().is_none_or(|byte| byte & 0x80 != 0) {
        content.push(0);
    }
    content.extend_from_slice(digits);
    content
}

/// Appends an element's identifier and length octets.
#[inline]
pub(crate) fn write_header(out: &mut Vec<u8>, tag: u8, length: usize) {
    let bytes = length.to_be_bytes();
    let [.., high, low] = bytes;
    match length {
        0..=0x7f => out.extend_from_slice(&[tag, low]),
        0x80..=0xff => out.extend_from_slice(&[tag, 0x81, low]),
        0x100..=0xffff => out.extend_from_slice(&[tag, 0x82, high, low]),
        _ => {
            let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(0);
            let digits = bytes.get(start..).unwrap_or_default();
            // At most eight digits.
            out.extend_from_slice(&[tag, 0x80 | u8::try_from(digits.len()).unwrap_or(8)]);
            out.extend_from_slice(digits);
        }
    }
}

/// How many bytes an element takes whose content takes so many.
#[inline]
pub(crate) fn encoded_len(content: usize) -> usize {
    let octets = match content {
        0..=0x7f => 1,
        0x80..=0xff => 2,
        0x100..=0xffff => 3,
        _ => 1 + (usize::BITS - content.leading_zeros()).div_ceil(8) as usize,
    };
    1 + octets + content
}

/// Appends an element whose content is the parts, one after the other.
pub(crate) fn write(out: &mut Vec<u8>, tag: u8, parts: &[&[u8]]) {
    write_header(out, tag, parts.iter().map(|part| part.len()).sum());
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// An element whose content is the parts, one after the other.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(encoded_len(content));
    write(&mut out, tag, parts);
    out
}

/// The elements are in the order that DER demands of a SET OF.
pub(crate) fn is_sorted(set: &[&[u8]]) -> bool {
    // X.690 §11.6 pads the shorter encoding with zeros; as no encoding is a prefix of another, plain order is the same.
    set.is_sorted()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_way_to_a_header_gives_what_the_strict_reader_gives() {
        let mut short = 0;
        let content = [7; 0x1_0100];
        for tag in 0..=u8::MAX {
            for length in [
                &[0][..],
                &[5],
                &[0x7f],
                &[0x80],
                &[0x81, 0x7f],
                &[0x81, 0x80],
                &[0x81, 0xff],
                &[0x82, 0, 0xff],
                &[0x82, 1, 0],
                &[0x82, 0xff, 0xff],
                &[0x83, 0, 0xff, 0xff],
                &[0x83, 1, 0, 0],
                &[0x84, 0, 1, 0, 0],
                &[0xff],
            ] {
                for available in [0, 4, 5, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000] {
                    let bytes = [&[tag][..], length, &content[..available]].concat();
                    for cut in [bytes.len(), 1 + length.len(), 1, 0] {
                        let bytes = &bytes[..cut];
                        if let Some(found) = common_header(bytes) {
                            assert_eq!(
                                Some(found),
                                strict_header(bytes),
                                "{tag:02x} {length:02x?}"
                            );
                            short += 1;
                        }
                    }
                }
            }
        }
        assert!(short > 100, "{short}");
    }

    #[test]
    fn a_message_that_ends_early_says_how_much_of_it_there_is() {
        for length in [5, 0x85, 0x185] {
            let whole = element(SEQUENCE, &[&alloc::vec![5; length]]);
            let expected = whole.len();
            assert!(message(&whole, SEQUENCE).is_ok());
            for found in 4..expected {
                assert_eq!(
                    message(&whole[..found], SEQUENCE).err(),
                    Some(TspError::CutOff { found, expected })
                );
            }
            assert!(matches!(
                message(&[&whole[..], &[0]].concat(), SEQUENCE).err(),
                Some(TspError::TrailingBytes { .. })
            ));
            assert!(matches!(
                message(&whole[..4], SET).err(),
                Some(TspError::Der { .. })
            ));
        }
    }

    #[test]
    fn the_length_said_beforehand_is_the_length_written() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, 0x100_0000] {
            let content = alloc::vec![7; length];
            assert_eq!(
                element(OCTET_STRING, &[&content]).len(),
                encoded_len(length),
                "{length:#x}"
            );
        }
    }
}
