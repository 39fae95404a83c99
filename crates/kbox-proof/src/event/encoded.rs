// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What a caller gives is encoded once, for everything that the ledger makes of it: what recognises a retry, the event, the
//! erasable part and its digest.

use alloc::vec::Vec;

use super::{Body, EventError, Header, PersonalData, Salt, wire};
use crate::digest::Sha256Digest;
use crate::tsp::der;

/// The claimed time of no event: the epoch.
const NO_TIME: &[u8] = b"19700101000000Z";

/// DER of a checked body.
#[derive(Clone)]
pub(crate) struct EncodedBody(Vec<u8>);

impl EncodedBody {
    /// # Errors
    /// As [`Body::check`].
    pub(crate) fn new(body: &Body) -> Result<Self, EventError> {
        body.check()?;
        wire::encode_body(body).map(Self)
    }

    /// [`Body::idempotency_bytes`].
    pub(crate) fn timeless(&self) -> Result<Vec<u8>, EventError> {
        let claimed = self.claimed_time().ok_or(EventError::NotDer)?;
        let mut bytes = self.0.clone();
        match bytes.get_mut(claimed) {
            Some(time) if time.len() == NO_TIME.len() => time.copy_from_slice(NO_TIME),
            _ => return Err(EventError::NotDer),
        }
        Ok(bytes)
    }

    /// Where the claimed time is: the second element.
    fn claimed_time(&self) -> Option<core::ops::Range<usize>> {
        let mut outer = der::Elements::new(&self.0);
        let mut body = outer.expect(der::SEQUENCE).ok()?.elements();
        body.expect(der::UTF8_STRING).ok()?;
        Some(body.expect(der::GENERALIZED_TIME).ok()?.content_span())
    }

    /// [`EvidenceEvent::to_der`](super::EvidenceEvent::to_der) of the event with this body.
    pub(crate) fn event(
        &self,
        header: &Header,
        personal: Option<&Sha256Digest>,
    ) -> Result<Vec<u8>, EventError> {
        let header = wire::encode_header(header)?;
        let digest = personal.map_or(0, |digest| der::encoded_len(digest.as_bytes().len()));
        let version = der::integer_content(1);
        let length = der::encoded_len(version.len()) + header.len() + self.0.len() + digest;
        let mut event = Vec::with_capacity(der::encoded_len(length));
        der::write_header(&mut event, der::SEQUENCE, length);
        der::write(&mut event, der::INTEGER, &[&version]);
        event.extend_from_slice(&header);
        event.extend_from_slice(&self.0);
        if let Some(digest) = personal {
            der::write(&mut event, der::OCTET_STRING, &[digest.as_bytes()]);
        }
        Ok(event)
    }
}

/// DER of what identifies a person.
pub(crate) struct EncodedPersonal(Vec<u8>);

impl EncodedPersonal {
    pub(crate) fn new(data: &PersonalData) -> Result<Self, EventError> {
        wire::encode_personal(data).map(Self)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// [`ErasablePart::to_der`](super::ErasablePart::to_der) of the part with this salt.
    pub(crate) fn erasable(&self, salt: &Salt) -> Vec<u8> {
        let salt = der::element(der::OCTET_STRING, &[salt.as_bytes()]);
        der::element(der::SEQUENCE, &[&salt, &self.0])
    }

    /// [`ErasablePart::digest`](super::ErasablePart::digest) of the part with this salt.
    pub(crate) fn digest(&self, salt: &Salt) -> Sha256Digest {
        Sha256Digest::of_parts(&[salt.as_bytes(), &self.0])
    }
}
