// SPDX-License-Identifier: Apache-2.0 OR MIT
//! SHA-256 as `sha256sum` and `openssl dgst` write it.

use std::fmt;

use kbox_proof::digest::Sha256Digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A digest that is read and written in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(Sha256Digest);

impl Fingerprint {
    /// What stands for the line before the first.
    pub(crate) const ZERO: Self = Self(Sha256Digest::from_bytes([0; 32]));

    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(Sha256Digest::of(bytes))
    }
}

impl From<Sha256Digest> for Fingerprint {
    fn from(digest: Sha256Digest) -> Self {
        Self(digest)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Sha256Digest::from_hex(&text)
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("64 hexadecimal digits are expected"))
    }
}
