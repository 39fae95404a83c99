// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Which certificate is spoken of, for people to read.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::certificate::{Certificate, issuer_name};
use crate::event::hides_something;

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
        let name = certificate.subject_common_name();
        // Many authorities write their organisation into their name as well.
        let organization = certificate.subject_organization().filter(|organization| {
            let named = name.as_deref().unwrap_or_default();
            !named.contains(organization.as_str())
        });
        let parts = [name, organization];
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
            serial: printable_hex(serial),
            is_self_issued: false,
        }
    }
}

impl fmt::Display for CertificateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (issuer, serial) = (&self.issuer, &self.serial);
        let Some(subject) = &self.subject else {
            return write!(f, "the one issued by {issuer}, serial number {serial}");
        };
        write!(f, "{subject} (issued by {issuer}, serial number {serial})")
    }
}

/// The longest name or number that people are shown, in characters.
const MAX_SHOWN: usize = 200;

/// What anybody may have written, so that it cannot pass for words of the report: no letter that hides or moves others, no line
/// made of spaces, and no more than 200 characters.
#[must_use]
pub fn printable(text: &str) -> String {
    // Nearly every name is plain, and each verification names the certificates of a chain.
    match is_plain(text) {
        true => text.to_string(),
        false => filtered(text),
    }
}

fn filtered(text: &str) -> String {
    let mut shown = String::new();
    let mut after_space = false;
    for (place, letter) in text
        .chars()
        .map(|letter| match letter {
            letter if hides_something(letter) || is_invisible(letter) => {
                char::REPLACEMENT_CHARACTER
            }
            letter if letter.is_whitespace() => ' ',
            letter => letter,
        })
        .filter(|letter| {
            let is_more = after_space && *letter == ' ';
            after_space = *letter == ' ';
            !is_more
        })
        .take(MAX_SHOWN + 1)
        .enumerate()
    {
        if place == MAX_SHOWN {
            shown.pop();
            shown.push('…');
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// Nothing in it is shown otherwise: short, visible ASCII, and single spaces.
fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() <= MAX_SHOWN
        && bytes.iter().all(|byte| matches!(byte, b' '..=b'~'))
        && !bytes.windows(2).any(|two| two == b"  ")
}

/// Bytes in hexadecimal, as far as people read them.
pub(crate) fn printable_hex(bytes: &[u8]) -> String {
    let shown = bytes.get(..MAX_SHOWN).unwrap_or(bytes);
    printable(&crate::digest::hex(shown))
}

/// Letters that a text of an event may have, and that show nothing or join themselves to the letter before.
const fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
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

    #[test]
    fn no_letter_in_a_name_hides_or_moves_others() {
        for letter in [
            '\u{ad}',
            '\u{180e}',
            '\u{115f}',
            '\u{1160}',
            '\u{3164}',
            '\u{fff9}',
            '\u{fffb}',
            '\u{e0041}',
            '\u{e007f}',
            '\u{fe0f}',
            '\u{34f}',
            '\u{2800}',
            '\u{1d173}',
        ] {
            let text = alloc::format!("a{letter}b");
            assert_eq!(printable(&text), "a\u{fffd}b", "{:04X}", u32::from(letter));
        }
    }

    #[test]
    fn spaces_in_a_name_make_no_line_of_their_own_and_a_long_name_is_cut() {
        let spaced = ["a", &" \u{a0}\u{3000}".repeat(99), "PROVEN"].concat();
        assert_eq!(printable(&spaced), "a PROVEN");
        let long = printable(&"é".repeat(50_000));
        assert_eq!(long.chars().count(), 200);
        assert!(long.ends_with("é…"));
        assert_eq!(printable(&long), long);
        assert_eq!(printable(&"é".repeat(200)), "é".repeat(200));
        assert_eq!(printable_hex(&[7; 50_000]).chars().count(), 200);
    }

    proptest::proptest! {
        #[test]
        fn a_plain_name_is_shown_as_any_other_would_be(text in "[ -~]{0,202}|[ a-c\t\u{7f}\u{a0}é]{0,9}") {
            proptest::prop_assert_eq!(printable(&text), filtered(&text));
        }
    }
}
