// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The proof file (*dossier de preuve*): an ASiC-E container (ETSI EN 319 162-1), a zip of stored entries.
//!
//! The manifest is for other people's tools. Nothing here relies on it: documents are matched with the papers of a
//! verified submission by their digest.

use std::io::{BufReader, Read, Seek, SeekFrom, Write};

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::{MAX_RECEIPT_BYTES, ProofFileContent, Receipt, ReceiptError};
use crate::digest::Sha256Digest;
use crate::tsp::certificate_name::printable;

/// Media type, and content of the entry `mimetype`.
pub const MEDIA_TYPE: &str = "application/vnd.etsi.asic-e+zip";
/// No container has more entries: 4,096 recipients with a dozen events each, and their papers. More would need Zip64.
const MAX_ENTRIES: usize = 65_534;
/// No container unpacks to more.
const MAX_TOTAL_BYTES: u64 = 1 << 30;
const LONG_RECEIPT: &str = "is longer than a receipt may be";
const DOCUMENTS: &str = "documents/";
const RECEIPTS: &str = "receipts/";
const REPORT_HTML: &str = "rapport.html";
const REPORT_TEXT: &str = "rapport.txt";
const TRUST: &str = "trust.json";
const MANIFEST: &str = "META-INF/ASiCManifest.xml";
const MIMETYPE: &str = "mimetype";

/// One paper in a proof file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// File name without folder.
    pub name: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Papers and receipts of a séance, as read: nothing is verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProofFile {
    /// The papers.
    pub documents: Vec<Document>,
    /// The receipts, in the container's order.
    pub receipts: Vec<Receipt>,
    /// A trust bundle for looking at; never trusted.
    pub trust: Option<Vec<u8>>,
    /// A readable report, HTML and text; never trusted.
    pub report: Option<(String, String)>,
}

fn container<E: ToString>(error: E) -> ReceiptError {
    ReceiptError::Container(printable(&error.to_string()))
}

impl ProofFile {
    /// The parts that evidence consists of.
    #[must_use]
    pub fn content(&self) -> ProofFileContent<'_> {
        ProofFileContent {
            documents: self
                .documents
                .iter()
                .map(|document| (document.name.as_str(), document.bytes.as_slice()))
                .collect(),
            receipts: &self.receipts,
        }
    }

    /// As many entries as it is written with; `mimetype` and the manifest are two of them.
    fn entries(&self) -> usize {
        let others = 2 * usize::from(self.report.is_some()) + usize::from(self.trust.is_some());
        self.documents.len() + self.receipts.len() + others + 2
    }

    /// Writes the container. The same content gives the same bytes.
    ///
    /// # Errors
    /// The writer's, a document name that is no plain file name, and what [`ProofFile::read`] would refuse as too large:
    /// [`ReceiptError::TooMany`], [`ReceiptError::TooLong`], [`ReceiptError::Entry`].
    pub fn write<W: Write + Seek>(&self, writer: W) -> Result<W, ReceiptError> {
        if self.entries() > MAX_ENTRIES {
            return Err(too_many());
        }
        // Before anything is copied.
        let papers = self.documents.iter().map(|document| document.bytes.len());
        check_total(papers)?;
        let mut entries: Vec<(String, &str, Vec<u8>)> = Vec::new();
        for document in &self.documents {
            if !plain(&document.name) {
                return Err(ReceiptError::Entry {
                    name: document.name.clone(),
                    problem: "is not a plain file name",
                });
            }
            let name = format!("{DOCUMENTS}{}", document.name);
            entries.push((name, "application/octet-stream", document.bytes.clone()));
        }
        for (index, receipt) in self.receipts.iter().enumerate() {
            let name = format!("{RECEIPTS}{index:05}.kbox.json");
            let json = receipt.to_json().into_bytes();
            if json.len() > MAX_RECEIPT_BYTES {
                return Err(ReceiptError::Entry {
                    name,
                    problem: LONG_RECEIPT,
                });
            }
            entries.push((name, super::RECEIPT_MEDIA_TYPE, json));
        }
        if let Some((html, text)) = &self.report {
            entries.push((
                REPORT_HTML.to_string(),
                "text/html",
                html.clone().into_bytes(),
            ));
            entries.push((
                REPORT_TEXT.to_string(),
                "text/plain",
                text.clone().into_bytes(),
            ));
        }
        if let Some(trust) = &self.trust {
            entries.push((TRUST.to_string(), "application/json", trust.clone()));
        }
        let manifest = manifest(&entries).into_bytes();
        let lengths = entries.iter().map(|(_, _, bytes)| bytes.len());
        check_total(lengths.chain([MEDIA_TYPE.len(), manifest.len()]))?;
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default());
        let mut zip = ZipWriter::new(writer);
        let mut put = |name: &str, bytes: &[u8]| {
            zip.start_file(name, options).map_err(container)?;
            zip.write_all(bytes).map_err(container)
        };
        put(MIMETYPE, MEDIA_TYPE.as_bytes())?;
        for (name, _, bytes) in &entries {
            put(name, bytes)?;
        }
        put(MANIFEST, &manifest)?;
        zip.finish().map_err(container)
    }

    /// Reads a container.
    ///
    /// # Errors
    /// [`ReceiptError`]: not a zip, not an ASiC-E container of kbox, an unknown or repeated entry, too large.
    pub fn read<R: Read + Seek>(mut reader: R) -> Result<Self, ReceiptError> {
        check_end(&mut reader)?;
        let mut zip = ZipArchive::new(reader).map_err(container)?;
        // Two entries of one name, entries that only some programs see, or bytes that many entries share: programs would show
        // something else than what is verified, or unpack a small file to a large one.
        zip.validate_header_consistency().map_err(container)?;
        let mut file = Self::default();
        let (mut html, mut text) = (None, None);
        let mut left = MAX_TOTAL_BYTES;
        for index in 0..zip.len() {
            let mut entry = zip.by_index(index).map_err(container)?;
            let name = entry.name().map_err(container)?.to_string();
            let problem = |problem| ReceiptError::Entry {
                name: printable(&name),
                problem,
            };
            if entry.compression() != CompressionMethod::Stored {
                return Err(problem(
                    "is compressed; proof files hold stored entries only",
                ));
            }
            let mut bytes = Vec::new();
            // The size in the directory is the file's own claim: the reader is cut off at what is left.
            let read = entry
                .by_ref()
                .take(left.saturating_add(1))
                .read_to_end(&mut bytes);
            let read = u64::try_from(read.map_err(container)?).unwrap_or(u64::MAX);
            left = left
                .checked_sub(read)
                .ok_or(problem("makes the proof file larger than 1 GiB"))?;
            if index == 0 && (name != MIMETYPE || bytes != MEDIA_TYPE.as_bytes()) {
                return Err(ReceiptError::Container(
                    "its first entry is not `mimetype` of an ASiC-E container".to_string(),
                ));
            }
            let utf8 = |bytes| String::from_utf8(bytes).map_err(|_| problem("is not UTF-8"));
            if let Some(document) = name.strip_prefix(DOCUMENTS).filter(|rest| plain(rest)) {
                file.documents.push(Document {
                    name: document.to_string(),
                    bytes,
                });
            } else if name.strip_prefix(RECEIPTS).is_some_and(plain) {
                if bytes.len() > MAX_RECEIPT_BYTES {
                    return Err(problem(LONG_RECEIPT));
                }
                let receipt =
                    Receipt::from_json(&bytes).map_err(|error| ReceiptError::InEntry {
                        name: printable(&name),
                        problem: error.to_string(),
                    })?;
                file.receipts.push(receipt);
            } else {
                match name.as_str() {
                    MIMETYPE | MANIFEST => {}
                    TRUST => file.trust = Some(bytes),
                    REPORT_HTML => html = Some(utf8(bytes)?),
                    REPORT_TEXT => text = Some(utf8(bytes)?),
                    _ => return Err(problem("has no place in a proof file")),
                }
            }
        }
        if zip.is_empty() {
            return Err(ReceiptError::Container("it is empty".to_string()));
        }
        file.report = html.zip(text);
        Ok(file)
    }
}

/// Octets of a directory's record before the name.
const DIRECTORY_RECORD: usize = 46;

/// The file ends with the one end record of an archive without comment and Zip64, right after a directory of as many entries as may
/// be. The reader of archives looks for ends anywhere, and takes apart as many entries as it finds there before anybody can count
/// them: of this end it is certain that it is the one that is used, and that no other is looked for when its directory is broken.
fn check_end<R: Read + Seek>(reader: &mut R) -> Result<(), ReceiptError> {
    const END: usize = 22;
    let refused = || {
        let words = "it does not end as a ZIP archive without comment and Zip64 does";
        ReceiptError::Container(words.to_string())
    };
    let mut end = [0; END];
    let Ok(place) = reader.seek(SeekFrom::End(-22)) else {
        return Err(refused());
    };
    reader.read_exact(&mut end).map_err(|_| refused())?;
    // Signature, four numbers of two octets, two of four, length of the comment (APPNOTE 4.3.16).
    let two = |at: usize| u16::from_le_bytes([end[at], end[at + 1]]);
    let four = |at: usize| u32::from_le_bytes([end[at], end[at + 1], end[at + 2], end[at + 3]]);
    let (disk, directory_disk, count_here, count, comment) =
        (two(4), two(6), two(8), two(10), two(20));
    let (size, start) = (four(12), four(16));
    let is_one_archive = end.starts_with(b"PK\x05\x06")
        && (disk, directory_disk, comment) == (0, 0, 0)
        && count_here == count
        && ![size, start].contains(&u32::MAX)
        && u64::from(start) + u64::from(size) == place
        && u64::from(size) / DIRECTORY_RECORD as u64 >= u64::from(count);
    if !is_one_archive {
        return Err(refused());
    }
    if usize::from(count) > MAX_ENTRIES {
        return Err(too_many());
    }
    check_directory(reader, start.into(), size.into(), count)
}

/// The directory is its records and nothing else: in a comment or an extra field there is room for a second directory, and for the
/// mark by which other programs find it.
fn check_directory<R: Read + Seek>(
    reader: &mut R,
    start: u64,
    size: u64,
    count: u16,
) -> Result<(), ReceiptError> {
    let unreadable = |error: std::io::Error| ReceiptError::Container(error.to_string());
    reader.seek(SeekFrom::Start(start)).map_err(unreadable)?;
    let mut directory = BufReader::new(reader).take(size);
    let mut is_plain = true;
    for _ in 0..count {
        let mut record = [0; DIRECTORY_RECORD];
        directory.read_exact(&mut record).map_err(unreadable)?;
        // APPNOTE 4.3.12: signature, sizes, lengths of name, extra field and comment, number of the disk, place of the entry.
        let two = |at: usize| u16::from_le_bytes([record[at], record[at + 1]]);
        is_plain &= record.starts_with(b"PK\x01\x02")
            && (two(30), two(32), two(34)) == (0, 0, 0)
            && [20, 24, 42]
                .iter()
                .all(|at| record[*at..*at + 4] != [0xff; 4]);
        let name = u64::from(two(28));
        let read = std::io::copy(&mut directory.by_ref().take(name), &mut std::io::sink());
        is_plain &= read.map_err(unreadable)? == name;
        if !is_plain {
            break;
        }
    }
    match is_plain && directory.limit() == 0 {
        true => Ok(()),
        false => {
            let words =
                "its directory is not one of entries without comment, extra field and Zip64";
            Err(ReceiptError::Container(words.to_string()))
        }
    }
}

fn check_total(lengths: impl Iterator<Item = usize>) -> Result<(), ReceiptError> {
    let found = lengths.fold(0, usize::saturating_add);
    match usize::try_from(MAX_TOTAL_BYTES) {
        Ok(max) if found > max => Err(ReceiptError::TooLong { found, max }),
        _ => Ok(()),
    }
}

fn too_many() -> ReceiptError {
    ReceiptError::TooMany {
        what: "entries",
        max: MAX_ENTRIES,
    }
}

fn plain(name: &str) -> bool {
    (1..=200).contains(&name.len())
        && !name.starts_with('.')
        && name
            .chars()
            .all(|c| !c.is_control() && !matches!(c, '/' | '\\' | ':' | '"' | '<' | '>' | '&'))
}

/// EN 319 162-1 annex A.4: one DataObjectReference an entry.
fn manifest(entries: &[(String, &str, Vec<u8>)]) -> String {
    use base64::Engine;
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<asic:ASiCManifest \
         xmlns:asic=\"http://uri.etsi.org/02918/v1.2.1#\" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">\n",
    );
    for (name, media_type, bytes) in entries {
        let digest =
            base64::engine::general_purpose::STANDARD.encode(Sha256Digest::of(bytes).as_bytes());
        xml.push_str(&format!(
            "  <asic:DataObjectReference URI=\"{name}\" MimeType=\"{media_type}\">\n    \
             <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/>\n    \
             <ds:DigestValue>{digest}</ds:DigestValue>\n  </asic:DataObjectReference>\n"
        ));
    }
    xml.push_str("</asic:ASiCManifest>\n");
    xml
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Cursor;

    use alloc::vec;

    use super::*;

    fn file() -> ProofFile {
        ProofFile {
            documents: vec![Document {
                name: "01-convocation.pdf".into(),
                bytes: vec![1; 300],
            }],
            receipts: vec![super::super::tests::receipt()],
            trust: Some(b"{}".to_vec()),
            report: Some(("<p>".into(), "x".into())),
        }
    }

    #[test]
    fn container_round_trips_and_is_deterministic() {
        let bytes = file().write(Cursor::new(Vec::new())).unwrap().into_inner();
        let again = file().write(Cursor::new(Vec::new())).unwrap().into_inner();
        assert_eq!(bytes, again);
        assert_eq!(&bytes[30..38], b"mimetype");
        assert_eq!(&bytes[38..38 + MEDIA_TYPE.len()], MEDIA_TYPE.as_bytes());
        assert_eq!(ProofFile::read(Cursor::new(bytes)).unwrap(), file());
    }

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        for name in ["../x", "a/b", ".x", "", "a\\b", "c:x"] {
            let mut bad = file();
            bad.documents[0].name = name.into();
            assert!(bad.write(Cursor::new(Vec::new())).is_err(), "{name}");
        }
    }

    #[test]
    fn a_truncated_or_spoiled_container_is_refused_or_reads_as_another() {
        let bytes = file().write(Cursor::new(Vec::new())).unwrap().into_inner();
        for cut in (0..bytes.len()).step_by(7) {
            assert!(ProofFile::read(Cursor::new(bytes[..cut].to_vec())).is_err());
        }
    }

    #[test]
    fn as_many_entries_as_are_read_are_written_and_not_one_more() {
        let papers = |count: usize| ProofFile {
            documents: (0..count)
                .map(|number| Document {
                    name: format!("{number}"),
                    bytes: Vec::new(),
                })
                .collect(),
            ..ProofFile::default()
        };
        let largest = papers(MAX_ENTRIES - 2);
        let bytes = largest.write(Cursor::new(Vec::new())).unwrap();
        assert!(ProofFile::read(bytes).unwrap() == largest);
        let mut more = papers(MAX_ENTRIES + 1);
        for too_many in [MAX_ENTRIES + 1, MAX_ENTRIES - 1] {
            more.documents.truncate(too_many);
            let written = more.write(Cursor::new(Vec::new()));
            assert_eq!(written.err(), Some(super::too_many()));
        }
        // Whatever it is that is too many.
        for change in [
            |file: &mut ProofFile| file.receipts = vec![super::super::tests::receipt()],
            |file: &mut ProofFile| file.trust = Some(Vec::new()),
            |file: &mut ProofFile| file.report = Some(Default::default()),
        ] {
            let mut more = largest.clone();
            change(&mut more);
            let written = more.write(Cursor::new(Vec::new()));
            assert_eq!(written.err(), Some(super::too_many()));
        }
    }

    #[test]
    fn what_is_too_large_to_be_read_is_not_written() {
        let mut longest = file();
        let tokens = |length: usize| {
            let mut receipt = super::super::tests::receipt();
            receipt.token = vec![0; length];
            receipt
        };
        // Base64, of four letters for three bytes.
        let others = tokens(0).to_json().len();
        let room = (MAX_RECEIPT_BYTES - others) / 4 * 3;
        longest.receipts = vec![tokens(room)];
        let bytes = longest.write(Cursor::new(Vec::new())).unwrap();
        assert!(ProofFile::read(bytes).unwrap() == longest);
        longest.receipts.push(tokens(room + 3));
        let refused = longest.write(Cursor::new(Vec::new())).err().unwrap();
        assert!(
            matches!(&refused, ReceiptError::Entry { name, .. } if name == "receipts/00001.kbox.json"),
            "{refused}"
        );

        let mut large = file();
        let max = usize::try_from(MAX_TOTAL_BYTES).unwrap();
        for (found, papers) in [(max + 1, [max, 1]), (max + 2, [1, max + 1])] {
            large.documents = (0..)
                .zip(papers)
                .map(|(number, length): (u8, _)| Document {
                    name: format!("{number}"),
                    bytes: vec![0; length],
                })
                .collect();
            let refused = large.write(Cursor::new(Vec::new())).err();
            assert_eq!(refused, Some(ReceiptError::TooLong { found, max }));
        }
    }

    /// A container whose directory lists the entry `documents/a` once more under each of these names.
    fn with_more_names(names: &[u8]) -> Vec<u8> {
        let mut one = file();
        one.documents[0].name = "a".into();
        let good = one.write(Cursor::new(Vec::new())).unwrap().into_inner();
        let find = |from: usize, what: &[u8]| {
            let found = good[from..]
                .windows(what.len())
                .position(|part| part == what);
            from + found.unwrap()
        };
        let directory = find(0, b"PK\x01\x02");
        let start = find(directory + 1, b"PK\x01\x02");
        let record = &good[start..find(start + 1, b"PK\x01\x02")];
        assert!(record.ends_with(b"documents/a"));
        let end = find(start, b"PK\x05\x06");
        let mut bytes = good[..end].to_vec();
        for name in names {
            bytes.extend_from_slice(&record[..record.len() - 1]);
            bytes.push(*name);
        }
        let size = u32::try_from(bytes.len() - directory).unwrap();
        let mut tail = good[end..].to_vec();
        let count = u16::from_le_bytes([tail[10], tail[11]]) + u16::try_from(names.len()).unwrap();
        for at in [8, 10] {
            tail[at..at + 2].copy_from_slice(&count.to_le_bytes());
        }
        tail[12..16].copy_from_slice(&size.to_le_bytes());
        bytes.extend(tail);
        bytes
    }

    /// A reader that follows Zip64, or an end before the last one, takes apart entries that nobody counted.
    #[test]
    fn an_archive_with_zip64_another_end_or_a_comment_is_not_taken_apart() {
        let good = file().write(Cursor::new(Vec::new())).unwrap().into_inner();
        let end = good.len() - 22;
        let set = |at: usize, octets: &[u8]| {
            let mut bad = good.clone();
            bad[end + at..end + at + octets.len()].copy_from_slice(octets);
            bad
        };
        let four = |at: usize, more: u32| {
            let old = u32::from_le_bytes(good[end + at..end + at + 4].try_into().unwrap());
            set(at, &old.wrapping_add(more).to_le_bytes())
        };
        let last = |octets: &[u8]| [&good[..], octets].concat();
        let mut passed_over = good[end..].to_vec();
        passed_over[8] += 1;
        for (what, bad) in [
            ("another disk", set(4, &[1])),
            ("a directory on another disk", set(6, &[1])),
            ("one count of Zip64", set(10, &[0xff; 2])),
            ("the other count of Zip64", set(8, &[0xff; 2])),
            (
                "more entries than the directory has room for",
                set(8, &[0xfe; 4]),
            ),
            ("both counts of Zip64", set(8, &[0xff; 4])),
            ("a size of Zip64", set(12, &[0xff; 4])),
            ("a place of Zip64", set(16, &[0xff; 4])),
            (
                "a directory that ends before",
                four(12, 1_u32.wrapping_neg()),
            ),
            ("a directory that ends after", four(12, 1)),
            ("a directory elsewhere", four(16, 1)),
            ("a comment", set(20, &[1])),
            ("an octet more", last(&[0])),
            ("a second end", last(&good[end..])),
            ("a last end that is passed over", last(&passed_over)),
        ] {
            let read = ProofFile::read(Cursor::new(bad));
            let Err(ReceiptError::Container(words)) = read else {
                unreachable!("{what}: {read:?}");
            };
            assert!(words.contains("Zip64"), "{what}: {words}");
        }
    }

    /// In them there is room for a second directory, which other programs would show.
    #[test]
    fn a_directory_with_comments_extra_fields_or_anything_beside_its_records_is_not_read() {
        let good = file().write(Cursor::new(Vec::new())).unwrap().into_inner();
        let end = good.len() - 22;
        let number = |at: usize| u32::from_le_bytes(good[at..at + 4].try_into().unwrap());
        let (size, start) = (number(end + 12), usize::try_from(number(end + 16)).unwrap());
        let set = |at: usize, octets: &[u8]| {
            let mut bad = good.clone();
            bad[start + at..start + at + octets.len()].copy_from_slice(octets);
            bad
        };
        // Behind the last record, counted as its comment or extra field, or as nothing.
        let behind = |octets: &[u8], counted: Option<usize>| {
            let mut bad = [&good[..end], octets, &good[end..]].concat();
            let more = u32::try_from(octets.len()).unwrap();
            let size_at = end + octets.len() + 12;
            bad[size_at..size_at + 4].copy_from_slice(&(size + more).to_le_bytes());
            if let Some(at) = counted {
                let (mut last, mut next) = (start, start);
                while next < end {
                    last = next;
                    next += 46 + usize::from(good[next + 28]);
                }
                bad[last + at..last + at + 2]
                    .copy_from_slice(&u16::try_from(more).unwrap().to_le_bytes());
            }
            bad
        };
        let locator = [&b"PK\x06\x07"[..], &[0; 16]].concat();
        for (what, bad) in [
            ("no record", set(0, &[0])),
            ("a size of Zip64", set(20, &[0xff; 4])),
            ("another size of Zip64", set(24, &[0xff; 4])),
            ("a place of Zip64", set(42, &[0xff; 4])),
            ("another disk", set(34, &[1])),
            ("a longer name", set(28, &[0xff, 0xff])),
            ("a comment", behind(&locator, Some(32))),
            ("an extra field", behind(&locator, Some(30))),
            ("something behind", behind(&locator, None)),
        ] {
            let read = ProofFile::read(Cursor::new(bad));
            assert!(
                matches!(read, Err(ReceiptError::Container(_))),
                "{what}: {read:?}"
            );
        }
    }

    #[test]
    fn more_entries_than_may_be_are_not_taken_apart() {
        // Not even the directory's first record is looked at.
        let mut bytes = vec![0; 46 * 65_535];
        let size = u32::try_from(bytes.len()).unwrap().to_le_bytes();
        bytes.extend(b"PK\x05\x06\0\0\0\0\xff\xff\xff\xff");
        bytes.extend([&size[..], &[0; 6]].concat());
        let read = ProofFile::read(Cursor::new(bytes));
        assert!(
            matches!(read, Err(ReceiptError::TooMany { .. })),
            "{read:?}"
        );
    }

    #[test]
    fn neither_two_entries_of_one_name_nor_entries_that_share_bytes_are_read() {
        assert!(ProofFile::read(Cursor::new(with_more_names(b""))).is_ok());
        for names in [b"a".as_slice(), b"b", b"bcdefghijklmnopqrstuvwxyz"] {
            let read = ProofFile::read(Cursor::new(with_more_names(names)));
            assert!(matches!(read, Err(ReceiptError::Container(_))), "{read:?}");
        }
    }
}
