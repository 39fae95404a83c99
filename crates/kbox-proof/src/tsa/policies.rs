// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The policies under which an authority issues (RFC 3161 §2.4.1, reqPolicy).

use alloc::vec::Vec;

use super::TsaError;
use crate::tsp::{TsaPolicyId, der};

/// A policy, and how a TSTInfo under it begins.
#[derive(Debug)]
pub(super) struct Policy {
    id: TsaPolicyId,
    tst_info_start: Vec<u8>,
}

impl Policy {
    fn new(id: TsaPolicyId) -> Self {
        let version: &[u8] = &[der::INTEGER, 1, 1];
        Self {
            tst_info_start: [version, &id.to_der()].concat(),
            id,
        }
    }

    pub(super) fn id(&self) -> &TsaPolicyId {
        &self.id
    }

    /// version and policy of the TSTInfo.
    pub(super) fn tst_info_start(&self) -> &[u8] {
        &self.tst_info_start
    }
}

#[derive(Debug)]
pub(super) struct Policies {
    pub(super) default: Policy,
    further: Vec<Policy>,
}

impl Policies {
    /// An authority of evidence has its one policy; every other has none of evidence.
    pub(super) fn new(default: TsaPolicyId, further: Vec<TsaPolicyId>) -> Result<Self, TsaError> {
        let others = || further.iter().filter(|policy| **policy != default);
        let is_mixed = default.is_evidence() && others().next().is_some();
        let evidence = core::iter::once(&default)
            .filter(|_| is_mixed)
            .chain(others().filter(|policy| policy.is_evidence()))
            .next();
        match evidence {
            Some(policy) => Err(TsaError::EvidencePolicy {
                policy: policy.clone(),
            }),
            None => Ok(Self {
                default: Policy::new(default),
                further: further.into_iter().map(Policy::new).collect(),
            }),
        }
    }

    /// The policy that a request gets, if any.
    pub(super) fn asked_for(&self, policy: Option<&TsaPolicyId>) -> Option<&Policy> {
        match policy {
            None => Some(&self.default),
            Some(id) => core::iter::once(&self.default)
                .chain(&self.further)
                .find(|policy| policy.id == *id),
        }
    }
}
