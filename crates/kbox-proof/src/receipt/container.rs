// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The proof file (*dossier de preuve*): an ASiC-E container (ETSI EN 319 162-1), a zip of stored entries.
//!
//! The manifest is for other people's tools. Nothing here relies on it: documents are matched with the papers of a
//! verified submission by their digest.

use std::io::{Read, Seek, SeekFrom, Write};

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

    /// Writes the container. The same content gives the same bytes.
    ///
    /// # Errors
    /// The writer's, or a document name that is no plain file name.
    pub fn write<W: Write + Seek>(&self, writer: W) -> Result<W, ReceiptError> {
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
            entries.push((
                name,
                super::RECEIPT_MEDIA_TYPE,
                receipt.to_json().into_bytes(),
            ));
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
        put(MANIFEST, manifest(&entries).as_bytes())?;
        zip.finish().map_err(container)
    }

    /// Reads a container.
    ///
    /// # Errors
    /// [`ReceiptError`]: not a zip, not an ASiC-E container of kbox, an unknown or repeated entry, too large.
    pub fn read<R: Read + Seek>(mut reader: R) -> Result<Self, ReceiptError> {
        check_end(&mut reader)?;
        let mut zip = ZipArchive::new(reader).map_err(container)?;
        if zip.len() > MAX_ENTRIES {
            return Err(ReceiptError::TooMany {
                what: "entries",
                max: MAX_ENTRIES,
            });
        }
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
                    return Err(problem("is longer than a receipt may be"));
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

/// The file ends with a directory's end without comment, of an archive that needs no Zip64. The reader of archives looks for ends
/// anywhere, and takes apart as many entries as it finds there before anybody can count them.
fn check_end<R: Read + Seek>(reader: &mut R) -> Result<(), ReceiptError> {
    const END: usize = 22;
    let refused = || {
        let words = "it does not end as a ZIP archive without comment and Zip64 does";
        Err(ReceiptError::Container(words.to_string()))
    };
    let mut end = [0; END];
    if reader.seek(SeekFrom::End(-22)).is_err() || reader.read_exact(&mut end).is_err() {
        return refused();
    }
    // Signature, four numbers of two octets, two of four, length of the comment (APPNOTE 4.3.16).
    let (is_end, numbers) = (end.starts_with(b"PK\x05\x06"), &end[4..20]);
    let [.., comment_low, comment_high] = end;
    let is_zip64 = numbers[4..8].iter().all(|octet| *octet == 0xff)
        || numbers[8..].chunks(4).any(|size| size == [0xff; 4]);
    match is_end && comment_low == 0 && comment_high == 0 && !is_zip64 {
        true => Ok(()),
        false => refused(),
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

    /// A Zip64 directory of 1.2 million entries took most of a gigabyte, and each record of its end elsewhere some more.
    #[test]
    fn an_archive_with_zip64_or_a_comment_is_not_taken_apart() {
        let good = file().write(Cursor::new(Vec::new())).unwrap().into_inner();
        let end = good.len() - 22;
        let of_all_entries = |bytes: &mut [u8]| bytes[end + 8..end + 12].fill(0xff);
        let of_the_size = |bytes: &mut [u8]| bytes[end + 12..end + 16].fill(0xff);
        let of_the_place = |bytes: &mut [u8]| bytes[end + 16..end + 20].fill(0xff);
        let of_a_comment = |bytes: &mut [u8]| bytes[end + 20] = 1;
        let changes: [&dyn Fn(&mut [u8]); 4] =
            [&of_all_entries, &of_the_size, &of_the_place, &of_a_comment];
        for change in changes {
            let mut bad = good.clone();
            change(&mut bad);
            let read = ProofFile::read(Cursor::new(bad));
            let Err(ReceiptError::Container(words)) = read else {
                unreachable!("{read:?}");
            };
            assert!(words.contains("Zip64"), "{words}");
        }
        let longer = [&good[..], &[0]].concat();
        assert!(ProofFile::read(Cursor::new(longer)).is_err());
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
