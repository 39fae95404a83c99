// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Receipts, proof files and trust bundles: reading and writing. Nothing is trusted because it parsed; that is `verify`'s.
//!
//! A [`Receipt`] is a delivery proof of kbox, not an IETF COSE receipt.

#[cfg(feature = "std")]
mod container;
mod error;
mod object;
mod trust;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

#[cfg(feature = "std")]
pub use self::container::{Document, MEDIA_TYPE as PROOF_FILE_MEDIA_TYPE, ProofFile};
pub use self::error::{BundleFault, ReceiptError};
use self::object::Object;
pub use self::trust::{
    ClockClaim, Demand, KnownTree, Shard, TrustBundle, TrustedAuthority, WitnessOperator, Witnesses,
};
use crate::tsp::certificate_name::printable;

/// Media type of a receipt.
pub const RECEIPT_MEDIA_TYPE: &str = "application/vnd.kbox.receipt+json";
/// No receipt file is longer: a 1 MiB event in base64 and proofs fit.
pub const MAX_RECEIPT_BYTES: usize = 4 << 20;
/// No receipt carries more anchors.
pub const MAX_ANCHORS: usize = 64;
/// No Merkle proof is longer: trees have less than 2^64 leaves.
const MAX_CONSISTENCY: usize = 128;
const RECEIPT_TAG: &str = "receipt/1";

/// Bytes written in base64 (RFC 4648 section 4, padded, one form only).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Base64(pub(crate) Vec<u8>);

impl Serialize for Base64 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <alloc::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        STANDARD
            .decode(text.as_bytes())
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireReceipt {
    kbox: String,
    event: Base64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    personal: Option<Base64>,
    token: Base64,
    proof: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    consistency: Vec<Base64>,
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "object::objects"
    )]
    anchors: Vec<WireAnchor>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireAnchor {
    checkpoint: String,
    #[serde(default)]
    consistency: Vec<Base64>,
    token: Base64,
}

/// An outside authority's token over a whole cosigned checkpoint note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The note, cosignatures included: the token's imprint covers all of it.
    pub checkpoint: String,
    /// From the proof's checkpoint to this one, 32 bytes each.
    pub consistency: Vec<[u8; 32]>,
    /// DER of the `TimeStampToken`.
    pub token: Vec<u8>,
}

/// What a proof file holds, borrowed: `verify` needs no container.
#[derive(Clone, Debug, Default)]
pub struct ProofFileContent<'a> {
    /// Name and bytes of each paper.
    pub documents: Vec<(&'a str, &'a [u8])>,
    /// The receipts.
    pub receipts: &'a [Receipt],
}

/// Everything that proves one event. The level is derived by `verify`, never stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// DER of the `EvidenceEvent`.
    pub event: Vec<u8>,
    /// DER of the `ErasablePart`; absent when erased or withheld.
    pub personal: Option<Vec<u8>>,
    /// DER of the `TimeStampToken` over the event, with its authority's certificates.
    pub token: Vec<u8>,
    /// C2SP tlog-proof text: index, path and signed checkpoint.
    pub proof: String,
    /// Last cosigned checkpoint that does not contain the entry.
    pub before: Option<String>,
    /// From `before` to the proof's checkpoint, 32 bytes each.
    pub consistency: Vec<[u8; 32]>,
    /// Outside timestamps of later checkpoints.
    pub anchors: Vec<Anchor>,
}

fn hashes(list: Vec<Base64>) -> Result<Vec<[u8; 32]>, ReceiptError> {
    if list.len() > MAX_CONSISTENCY {
        return Err(ReceiptError::TooMany {
            what: "consistency hashes",
            max: MAX_CONSISTENCY,
        });
    }
    list.into_iter()
        .map(|Base64(bytes)| bytes.try_into().map_err(|_| ReceiptError::HashLength))
        .collect()
}

fn wire_hashes(list: &[[u8; 32]]) -> Vec<Base64> {
    list.iter().map(|hash| Base64(hash.to_vec())).collect()
}

impl Receipt {
    /// Reads the JSON form.
    ///
    /// # Errors
    /// [`ReceiptError`]: too long, not JSON, unknown or repeated members, another version.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ReceiptError> {
        if bytes.len() > MAX_RECEIPT_BYTES {
            return Err(ReceiptError::TooLong {
                found: bytes.len(),
                max: MAX_RECEIPT_BYTES,
            });
        }
        let Object(wire) = serde_json::from_slice::<Object<WireReceipt>>(bytes)?;
        if wire.kbox != RECEIPT_TAG {
            return Err(ReceiptError::Kind {
                expected: RECEIPT_TAG,
                found: short(&wire.kbox),
            });
        }
        if wire.anchors.len() > MAX_ANCHORS {
            return Err(ReceiptError::TooMany {
                what: "anchors",
                max: MAX_ANCHORS,
            });
        }
        Ok(Self {
            event: wire.event.0,
            personal: wire.personal.map(|part| part.0),
            token: wire.token.0,
            proof: wire.proof,
            before: wire.before,
            consistency: hashes(wire.consistency)?,
            anchors: wire
                .anchors
                .into_iter()
                .map(|anchor| {
                    Ok(Anchor {
                        checkpoint: anchor.checkpoint,
                        consistency: hashes(anchor.consistency)?,
                        token: anchor.token.0,
                    })
                })
                .collect::<Result<_, ReceiptError>>()?,
        })
    }

    /// The JSON form, one object, indented, with a final newline.
    #[must_use]
    pub fn to_json(&self) -> String {
        let wire = WireReceipt {
            kbox: RECEIPT_TAG.to_string(),
            event: Base64(self.event.clone()),
            personal: self.personal.clone().map(Base64),
            token: Base64(self.token.clone()),
            proof: self.proof.clone(),
            before: self.before.clone(),
            consistency: wire_hashes(&self.consistency),
            anchors: self
                .anchors
                .iter()
                .map(|anchor| WireAnchor {
                    checkpoint: anchor.checkpoint.clone(),
                    consistency: wire_hashes(&anchor.consistency),
                    token: Base64(anchor.token.clone()),
                })
                .collect(),
        };
        to_json(&wire)
    }
}

fn to_json<T: Serialize>(value: &T) -> String {
    // Strings, numbers and lists alone: serde_json has no way to fail on them.
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

fn short(text: &str) -> String {
    printable(text).chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloc::{format, vec};

    use super::*;

    pub(super) fn receipt() -> Receipt {
        Receipt {
            event: vec![1, 2],
            personal: Some(vec![3]),
            token: vec![4],
            proof: "c2sp.org/tlog-proof@v1\n".into(),
            before: Some("note\n".into()),
            consistency: vec![[5; 32]],
            anchors: vec![Anchor {
                checkpoint: "c".into(),
                consistency: vec![],
                token: vec![6],
            }],
        }
    }

    #[test]
    fn json_round_trips() {
        let one = receipt();
        assert_eq!(Receipt::from_json(one.to_json().as_bytes()).unwrap(), one);
    }

    /// serde reads a list of values as a struct too.
    #[test]
    fn a_list_in_place_of_an_object_is_refused() {
        let good = receipt().to_json();
        let list = r#"["receipt/1", "AQI=", null, "BA==", "proof"]"#;
        assert!(Receipt::from_json(list.as_bytes()).is_err());
        let start = good.find("\"anchors\"").unwrap();
        let bad = format!(r#"{}"anchors": [["c", [], "Bg=="]]}}"#, &good[..start]);
        assert!(Receipt::from_json(bad.as_bytes()).is_err());
        let bad = bad.replace(
            r#"["c", [], "Bg=="]"#,
            r#"{"checkpoint": "c", "consistency": [], "token": "Bg=="}"#,
        );
        assert_eq!(Receipt::from_json(bad.as_bytes()).unwrap(), receipt());
    }

    #[test]
    fn unknown_repeated_and_misshapen_members_are_refused() {
        let good = receipt().to_json();
        for (from, to) in [
            ("\"proof\"", "\"level\": 1, \"proof\""),
            ("\"proof\"", "\"token\": \"BA==\", \"proof\""),
            ("receipt/1", "receipt/2"),
            ("AQI=", "AQJ="),
            ("AQI=", "AQI"),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good);
            assert!(Receipt::from_json(bad.as_bytes()).is_err(), "{to}");
        }
        assert!(Receipt::from_json(&good.as_bytes()[..good.len() - 3]).is_err());
    }
}
