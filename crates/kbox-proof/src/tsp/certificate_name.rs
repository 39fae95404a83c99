// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Which certificate is spoken of, for people to read.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::certificate::{Certificate, issuer_name};

/// Subject, issuer and serial number of a certificate. They are whatever an issuer wrote, so nothing in them may steer a terminal
/// or turn the text around.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateName {
    /// Common name and organisation; `None` where only the two others are known.
    pub subject: Option<String>,
    /// Common name, or else organisation.
    pub issuer: String,
    /// In hexadecimal.
    pub serial: String,
    /// It names its own subject as its issuer.
    pub is_self_issued: bool,
}

impl CertificateName {
    /// Of this certificate.
    #[must_use]
    pub fn of(certificate: &Certificate) -> Self {
        let parts = [
            certificate.subject_common_name(),
            certificate.subject_organization(),
        ];
        let name = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
        let subject = match name.is_empty() {
            true => "?".to_string(),
            false => printable(&name),
        };
        Self {
            subject: Some(subject),
            issuer: printable(&certificate.issuer_name()),
            serial: certificate.serial_hex(),
            is_self_issued: certificate.is_self_issued(),
        }
    }

    /// Rejections are small, whatever certificates they name.
    pub(super) fn boxed(certificate: &Certificate) -> Box<Self> {
        Box::new(Self::of(certificate))
    }

    /// Of a certificate that is not at hand: its issuer's Name in DER, and the content of its serial number.
    pub(super) fn of_missing(issuer: &[u8], serial: &[u8]) -> Self {
        Self {
            subject: None,
            issuer: printable(&issuer_name(issuer)),
            serial: crate::digest::hex(serial),
            is_self_issued: false,
        }
    }
}

impl fmt::Display for CertificateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subject = self.subject.as_deref().unwrap_or("a certificate");
        let (issuer, serial) = (&self.issuer, &self.serial);
        write!(f, "{subject} (issued by {issuer}, serial number {serial})")
    }
}

pub(crate) fn printable(text: &str) -> String {
    let is_plain = |letter: char| {
        !letter.is_control()
            && !matches!(letter, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    if text.chars().all(is_plain) {
        return text.to_owned();
    }
    text.chars()
        .map(|letter| match is_plain(letter) {
            true => letter,
            false => char::REPLACEMENT_CHARACTER,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_certificate_cannot_steer_the_terminal_or_turn_the_text_around() {
        assert_eq!(printable("Autorité n° 1, ÉTAT"), "Autorité n° 1, ÉTAT");
        assert_eq!(
            printable("a\u{1b}[2J\r\nb\u{202e}c"),
            "a\u{fffd}[2J\u{fffd}\u{fffd}b\u{fffd}c"
        );
    }
}
