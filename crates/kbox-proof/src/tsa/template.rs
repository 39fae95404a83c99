// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A token with everything constant encoded beforehand.

use alloc::vec::Vec;

use super::policies::Policy;
use crate::key::{KeyError, TokenSigner};
use crate::time::Time;
use crate::tsp::der;
use crate::tsp::oid::known;
use crate::tsp::token::{SignedDataParts, encode_signed_data};
use crate::tsp::tst_info::gen_time_text;
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
    /// The signed attributes before and after the bytes of the message digest.
    attributes_start: Vec<u8>,
    attributes_end: Vec<u8>,
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
        let mut message_digest = attribute(known::MESSAGE_DIGEST, &digest);
        // DER order: the two short attributes by their length, then the long one.
        let content_type = attribute(
            known::CONTENT_TYPE,
            &der::element(der::OID, &[known::TST_INFO]),
        );
        message_digest.truncate(message_digest.len() - hash.digest_len());
        let mut attributes_start = content_type;
        attributes_start.extend_from_slice(&message_digest);
        let attributes_end = attribute(
            known::SIGNING_CERTIFICATE_V2,
            &signing_certificate_v2(certificate),
        );
        let digest_algorithm = der::element(
            der::SEQUENCE,
            &[&der::element(der::OID, &[hash.oid_content()])],
        );
        let mut sorted: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
        sorted.sort_unstable();
        sorted.dedup();
        Self {
            accuracy: accuracy.to_der(),
            attributes_start,
            attributes_end,
            sid: certificate.issuer_and_serial(),
            digest_algorithms: der::element(der::SET, &[&digest_algorithm]),
            digest_algorithm,
            signature_algorithm: signer.signature_algorithm(),
            certificates: der::element(0xa0, &sorted),
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
        let mut varying = imprint.to_der();
        der::write(&mut varying, der::INTEGER, &[serial.as_content()]);
        der::write(
            &mut varying,
            der::GENERALIZED_TIME,
            &[gen_time_text(gen_time).as_bytes()],
        );
        varying.extend_from_slice(&self.accuracy);
        if let Some(nonce) = nonce {
            der::write(&mut varying, der::INTEGER, &[nonce.as_content()]);
        }
        let tst_info = der::element(der::SEQUENCE, &[policy.tst_info_start(), &varying]);
        let digest = signer.hash().digest(&tst_info);
        let parts: [&[u8]; 3] = [&self.attributes_start, &digest, &self.attributes_end];
        let attributes = parts.concat();
        let signature = signer.sign(&der::element(der::SET, &[&attributes]))?;
        Ok(encode_signed_data(&SignedDataParts {
            version: 3,
            digest_algorithms: &self.digest_algorithms,
            tst_info: &tst_info,
            certificates: if certificates {
                &self.certificates
            } else {
                &[]
            },
            crls: &[],
            signer_version: 1,
            sid: &self.sid,
            digest_algorithm: &self.digest_algorithm,
            signed_attrs: &attributes,
            signature_algorithm: &self.signature_algorithm,
            signature: &signature,
            unsigned_attrs: &[],
        }))
    }
}
