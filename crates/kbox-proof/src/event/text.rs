// SPDX-License-Identifier: Apache-2.0 OR MIT
use alloc::string::{String, ToString};
use core::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::is_nfc;

use super::EventError;

/// A text that shows what it is: 1 to 1,024 bytes of UTF-8 in NFC, without control characters, and without those that
/// change the direction or hide text (bidirectional controls, zero-width characters, line separators).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text(String);

impl Text {
    /// The longest text, in bytes.
    pub const MAX: usize = 1024;

    /// Checks a text.
    ///
    /// # Errors
    /// [`EventError::Text`].
    pub fn new(text: impl Into<String>) -> Result<Self, EventError> {
        let text = text.into();
        let problem = if text.is_empty() {
            "is empty"
        } else if text.len() > Self::MAX {
            "is longer than 1,024 bytes"
        } else if text.chars().any(hides_something) {
            "holds control, zero-width or bidirectional characters"
        } else if !is_nfc(&text) {
            "is not in Unicode normalization form C"
        } else {
            return Ok(Self(text));
        };
        Err(EventError::Text { problem })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// It steers a terminal, shows nothing, or turns the text around.
pub(crate) fn hides_something(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}')
}

impl TryFrom<String> for Text {
    type Error = EventError;
    fn try_from(text: String) -> Result<Self, EventError> {
        Self::new(text)
    }
}
impl TryFrom<&str> for Text {
    type Error = EventError;
    fn try_from(text: &str) -> Result<Self, EventError> {
        Self::new(text.to_string())
    }
}
impl From<Text> for String {
    fn from(value: Text) -> Self {
        value.0
    }
}
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
