// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A body encoded once, for both things that the ledger makes of it: what recognises a retry, and the event.

use alloc::vec::Vec;

use super::{Body, EventError, Header, wire};
use crate::digest::Sha256Digest;
use crate::time::Time;
use crate::tsp::der;

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
        let epoch = wire::instant_text(Time::from_unix_nanos(0));
        match bytes.get_mut(claimed) {
            Some(time) if time.len() == epoch.len() => time.copy_from_slice(epoch.as_bytes()),
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
