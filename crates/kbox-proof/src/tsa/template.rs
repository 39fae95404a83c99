// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A token with everything constant encoded beforehand.

use alloc::vec::Vec;

use super::policies::Policy;
use crate::key::{KeyError, TokenSigner};
use crate::time::Time;
use crate::tsp::der;
use crate::tsp::oid::known;
use crate::tsp::token::{SignedDataParts, certificates_field, encode_signed_data};
use crate::tsp::tst_info::write_gen_time;
use crate::tsp::{
    Accuracy, Certificate, MessageImprint, Nonce, SerialNumber, signing_certificate_v2,
};

/// What differs from token to token.
#[derive(Clone, Copy)]
pub(super) struct TokenParts<'a> {
    pub(super) policy: &'a Policy,
    pub(super) imprint: &'a MessageImprint,
    pub(super) gen_time: Time,
    pub(super) serial: &'a SerialNumber,
    pub(super) nonce: Option<&'a Nonce>,
    pub(super) certificates: bool,
}

#[derive(Debug)]
pub(super) struct Template {
    accuracy: Vec<u8>,
    /// The signed attributes as they are signed, with room for the message digest, and where that is.
    attributes: Vec<u8>,
    /// Where the attributes themselves begin, behind the SET's header.
    attributes_content: usize,
    message_digest: usize,
    sid: Vec<u8>,
    digest_algorithm: Vec<u8>,
    digest_algorithms: Vec<u8>,
    signature_algorithm: Vec<u8>,
    /// The `[0]` field with the whole chain in DER order.
    certificates: Vec<u8>,
}

impl Template {
    pub(super) fn new(
        certificate: &Certificate,
        chain: &[Vec<u8>],
        signer: &TokenSigner,
        accuracy: Accuracy,
    ) -> Self {
        let attribute = |kind: &[u8], value: &[u8]| {
            der::element(
                der::SEQUENCE,
                &[
                    &der::element(der::OID, &[kind]),
                    &der::element(der::SET, &[value]),
                ],
            )
        };
        let hash = signer.hash();
        let digest = der::element(der::OCTET_STRING, &[&alloc::vec![0; hash.digest_len()]]);
        let message_digest = attribute(known::MESSAGE_DIGEST, &digest);
        // DER order: the two short attributes by their length, then the long one.
        let content_type = attribute(
            known::CONTENT_TYPE,
            &der::element(der::OID, &[known::TST_INFO]),
        );
        let signing_certificate = attribute(
            known::SIGNING_CERTIFICATE_V2,
            &signing_certificate_v2(certificate),
        );
        let attributes = der::element(
            der::SET,
            &[&content_type, &message_digest, &signing_certificate],
        );
        let digest_end = attributes.len() - signing_certificate.len();
        let digest_algorithm = der::element(
            der::SEQUENCE,
            &[&der::element(der::OID, &[hash.oid_content()])],
        );
        Self {
            accuracy: accuracy.to_der(),
            attributes_content: digest_end - message_digest.len() - content_type.len(),
            message_digest: digest_end - hash.digest_len(),
            attributes,
            sid: certificate.issuer_and_serial(),
            digest_algorithms: der::element(der::SET, &[&digest_algorithm]),
            digest_algorithm,
            signature_algorithm: signer.signature_algorithm(),
            certificates: certificates_field(chain),
        }
    }

    pub(super) fn token(
        &self,
        signer: &TokenSigner,
        parts: &TokenParts<'_>,
    ) -> Result<Vec<u8>, KeyError> {
        let TokenParts {
            policy,
            imprint,
            gen_time,
            serial,
            nonce,
            certificates,
        } = *parts;
        let mut varying = Vec::with_capacity(256);
        imprint.write(&mut varying);
        der::write(&mut varying, der::INTEGER, &[serial.as_content()]);
        write_gen_time(&mut varying, gen_time);
        varying.extend_from_slice(&self.accuracy);
        if let Some(nonce) = nonce {
            der::write(&mut varying, der::INTEGER, &[nonce.as_content()]);
        }
        let tst_info = der::element(der::SEQUENCE, &[policy.tst_info_start(), &varying]);
        // The attributes as they are kept, the digest in its place, which is as long as the signer's hash.
        let hash = signer.hash();
        let (before, rest) = self.attributes.split_at(self.message_digest);
        let mut attributes = Vec::with_capacity(self.attributes.len());
        attributes.extend_from_slice(before);
        hash.write_digest(&mut attributes, &tst_info);
        attributes.extend_from_slice(rest.get(hash.digest_len()..).unwrap_or_default());
        let signature = signer.sign(&attributes)?;
        Ok(encode_signed_data(&SignedDataParts {
            version: &[der::INTEGER, 1, 3],
            digest_algorithms: &self.digest_algorithms,
            tst_info: &tst_info,
            certificates: if certificates {
                &self.certificates
            } else {
                &[]
            },
            crls: &[],
            signer_version: &[der::INTEGER, 1, 1],
            sid: &self.sid,
            digest_algorithm: &self.digest_algorithm,
            signed_attrs: attributes
                .get(self.attributes_content..)
                .unwrap_or_default(),
            signature_algorithm: &self.signature_algorithm,
            signature: &signature,
            unsigned_attrs: &[],
        }))
    }
}
