// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Signed notes: a text, an empty line, signature lines.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use super::{base64_decode, base64_encode};

/// Longest note accepted. A hundred ML-DSA-44 lines take some 330 kB.
pub const MAX_NOTE_BYTES: usize = 512 * 1024;
/// Most signature lines accepted; the specification asks for 16 at least, Go's implementation has this limit.
pub const MAX_NOTE_SIGNATURES: usize = 100;
/// Bytes of a key name; ML-DSA-44 cosignatures put it behind a one-byte length.
const MAX_KEY_NAME_BYTES: usize = 255;

/// Why a note cannot be read, or its signatures do not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoteError {
    /// The note is longer than [`MAX_NOTE_BYTES`].
    TooLong {
        /// Bytes found.
        bytes: usize,
    },
    /// The bytes are not UTF-8.
    NotUtf8,
    /// There is an ASCII control character other than newline.
    ControlCharacter {
        /// Where, in bytes from the start.
        offset: usize,
    },
    /// The text is empty or does not end in a newline.
    Text,
    /// No empty line sets signatures off from the text, or none follows it.
    NoSignatures,
    /// There are more than [`MAX_NOTE_SIGNATURES`] signature lines.
    TooManySignatures,
    /// A signature line is not of the form `— <key name> <base64>`.
    SignatureLine {
        /// Which, from 1.
        line: usize,
    },
    /// A key name is empty, too long, or has a space, a plus or a control character.
    KeyName,
    /// No signature is by that key.
    NotSignedBy {
        /// Name of the key.
        name: KeyName,
        /// ID of the key.
        key_id: KeyId,
    },
    /// A signature that claims to be by that key is not: the whole note is to be refused.
    BadSignature {
        /// Name of the key.
        name: KeyName,
        /// ID of the key.
        key_id: KeyId,
    },
    /// That kind of key does not sign this (a witness key where the log's is needed, or the reverse).
    WrongKeyType {
        /// Name of the key.
        name: KeyName,
    },
    /// A cosignature's time cannot be represented (it is after the year 2262).
    TimeOutOfRange {
        /// POSIX seconds found.
        timestamp: u64,
    },
}

impl fmt::Display for NoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes } => write!(f, "the note has {bytes} bytes, more than the {MAX_NOTE_BYTES} accepted"),
            Self::NotUtf8 => f.write_str("the note is not UTF-8; it may be damaged or another kind of file"),
            Self::ControlCharacter { offset } => {
                write!(f, "the note has a control character at byte {offset}; lines must end in a newline alone")
            }
            Self::Text => f.write_str("the note's text is empty or does not end in a newline; it may be cut off"),
            Self::NoSignatures => f.write_str("the note has no signature lines after an empty line; get it whole from the log"),
            Self::TooManySignatures => write!(f, "the note has more than {MAX_NOTE_SIGNATURES} signatures; remove those of unknown keys"),
            Self::SignatureLine { line } => write!(f, "signature line {line} is not of the form «— name base64»; the note is damaged"),
            Self::KeyName => f.write_str("a key name must have 1 to 255 bytes without spaces, plus signs or control characters"),
            Self::NotSignedBy { name, key_id } => write!(f, "the note carries no signature by {name}+{key_id}"),
            Self::BadSignature { name, key_id } => {
                write!(f, "the signature by {name}+{key_id} does not verify: the note was altered or the key is another")
            }
            Self::WrongKeyType { name } => write!(f, "the key {name} is of a type that cannot sign this; check the trust settings"),
            Self::TimeOutOfRange { timestamp } => write!(f, "a cosignature's time, {timestamp} s, lies after the year 2262"),
        }
    }
}

impl core::error::Error for NoteError {}

/// Name of a signing key: 1 to 255 bytes, without Unicode spaces, plus signs or control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

impl KeyName {
    /// Checks and takes a name.
    ///
    /// # Errors
    /// [`NoteError::KeyName`].
    pub fn new(name: impl Into<String>) -> Result<Self, NoteError> {
        let name = name.into();
        let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
        if name.is_empty() || name.len() > MAX_KEY_NAME_BYTES || name.contains(bad) {
            return Err(NoteError::KeyName);
        }
        Ok(Self(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Four bytes that, with the name, tell keys apart. Not a commitment to the key: collisions are easy to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 4]);

impl KeyId {
    /// Takes the big-endian bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// The big-endian bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

/// One signature line; not verified.
///
/// ```text
/// — <key name> base64(32-bit key ID || signature)
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    name: KeyName,
    key_id: KeyId,
    signature: Vec<u8>,
}

impl NoteSignature {
    /// Name of the key that is said to have signed.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// ID of the key that is said to have signed.
    #[must_use]
    pub const fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The signature without the key ID.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Reads one line, without its newline.
    fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix("— ")?.split_once(' ')?;
        let bytes = base64_decode(encoded)?;
        let (key_id, signature) = bytes.split_first_chunk::<4>()?;
        if signature.is_empty() {
            return None;
        }
        Some(Self {
            name: KeyName::new(name).ok()?,
            key_id: KeyId(*key_id),
            signature: signature.to_vec(),
        })
    }

    /// The line with its newline.
    #[must_use]
    pub fn encode(&self) -> String {
        let bytes = [self.key_id.0.as_slice(), &self.signature].concat();
        format!("— {} {}\n", self.name, base64_encode(&bytes))
    }
}

/// A text with signatures that nobody has checked. Parsing then encoding gives the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl Note {
    /// A text to be signed: what a signer signs is exactly these bytes.
    ///
    /// # Errors
    /// [`NoteError`] when the text is empty, does not end in a newline or has control characters.
    pub fn unsigned(text: impl Into<String>) -> Result<Self, NoteError> {
        let text = text.into();
        check_characters(&text)?;
        if !text.ends_with('\n') || text == "\n" {
            return Err(NoteError::Text);
        }
        Ok(Self {
            text,
            signatures: Vec::new(),
        })
    }

    /// Reads a note with at least one signature.
    ///
    /// # Errors
    /// [`NoteError`] when the bytes are not a note in its one form.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLong { bytes: bytes.len() });
        }
        let whole = core::str::from_utf8(bytes).map_err(|_| NoteError::NotUtf8)?;
        check_characters(whole)?;
        // The text may have empty lines itself: the last one counts.
        let at = whole.rfind("\n\n").ok_or(NoteError::NoSignatures)?;
        let (text, lines) = (whole.get(..=at), whole.get(at + 2..));
        let (Some(text), Some(lines)) = (text, lines) else {
            return Err(NoteError::NoSignatures);
        };
        if text == "\n" {
            return Err(NoteError::Text);
        }
        let lines = lines.strip_suffix('\n').ok_or(NoteError::NoSignatures)?;
        let mut signatures = Vec::new();
        for (line, place) in lines.split('\n').zip(1..) {
            if place > MAX_NOTE_SIGNATURES {
                return Err(NoteError::TooManySignatures);
            }
            signatures
                .push(NoteSignature::parse(line).ok_or(NoteError::SignatureLine { line: place })?);
        }
        Ok(Self {
            text: text.to_string(),
            signatures,
        })
    }

    /// The note with one more signature line at its end. The signature is not checked.
    #[must_use]
    pub fn with_signature(mut self, name: KeyName, key_id: KeyId, signature: Vec<u8>) -> Self {
        self.signatures.push(NoteSignature {
            name,
            key_id,
            signature,
        });
        self
    }

    /// The text that is signed, with its last newline.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines, unverified.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// The whole note.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut note = self.text.clone();
        note.push('\n');
        for signature in &self.signatures {
            note.push_str(&signature.encode());
        }
        note
    }
}

fn check_characters(text: &str) -> Result<(), NoteError> {
    match text.bytes().position(|b| b < 0x20 && b != b'\n') {
        Some(offset) => Err(NoteError::ControlCharacter { offset }),
        None => Ok(()),
    }
}
