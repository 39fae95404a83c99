// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Certificates and keys that end: said while there is time to renew them, and refused once they have ended.

use kbox_proof::time::Time;
use kbox_proof::tsa::{Authority, TsaError};
use kbox_proof::tsp::Certificate;
use serde_json::{Value, json};

use crate::audit::{Event, Fingerprint, Signer};
use crate::http::problem::Problem;
use crate::instance::{Instance, for_log};

/// Days before the end at which a warning is due; the last is for the end itself.
const WARNINGS: [i64; 4] = [60, 30, 7, 0];

/// What is known of an authority's key and certificate. It ends with the first of certificate, private key's usage, and
/// issuers.
pub(crate) fn signer(which: &str, authority: &Authority) -> Result<Signer, TsaError> {
    let (not_before, not_after) = authority.validity();
    let first = authority.chain().first().ok_or(TsaError::NoCertificate)?;
    let certificate = Certificate::parse(first).map_err(TsaError::Certificate)?;
    Ok(Signer {
        name: which.to_string(),
        key: Fingerprint::of(certificate.public_key_info()),
        certificate: Some(Fingerprint::of(first)),
        policy: Some(authority.policy().to_string()),
        not_before: Some(not_before),
        not_after: Some(not_after),
    })
}

/// Whole days left; below zero once it has ended.
fn days(not_after: Time, now: Time) -> i64 {
    (not_after.unix_secs() - now.unix_secs()).div_euclid(24 * 3600)
}

/// The nearest of [`WARNINGS`] that is due.
fn due(not_after: Time, now: Time) -> Option<i64> {
    let left = days(not_after, now);
    WARNINGS.into_iter().rev().find(|within| left < *within)
}

fn warning(signer: &Signer, not_after: Time, now: Time) -> Option<String> {
    let within = due(not_after, now)?;
    let name = &signer.name;
    Some(match within {
        0 => format!(
            "the {name} authority's certificate ended at {not_after}: nothing is issued; put a new one in place"
        ),
        _ => format!(
            "the {name} authority's certificate, key usage or chain ends at {not_after}, in {} days: renew it",
            days(not_after, now)
        ),
    })
}

impl Instance {
    fn ends(&self) -> impl Iterator<Item = (&Signer, Time)> {
        self.signers
            .iter()
            .filter_map(|signer| Some((signer, signer.not_after?)))
    }

    /// By authority.
    pub(crate) fn days_remaining(&self, now: Time) -> impl Iterator<Item = (&str, i64)> {
        self.ends()
            .map(move |(signer, not_after)| (signer.name.as_str(), days(not_after, now)))
    }

    /// For whoever asks whether all is well.
    pub(crate) fn certificates(&self, now: Time) -> Vec<Value> {
        self.ends()
            .map(|(signer, not_after)| {
                let mut value = json!({
                    "authority": signer.name,
                    "not_after": not_after,
                    "days_remaining": days(not_after, now),
                });
                if let Some(warning) = warning(signer, not_after, now) {
                    value["warning"] = json!(warning);
                }
                value
            })
            .collect()
    }

    /// Refuses once an authority's certificate, key usage or chain has ended.
    pub(crate) fn check_validity(&self, now: Time) -> Result<(), Problem> {
        for (signer, not_after) in self.ends() {
            if due(not_after, now) == Some(0)
                && let Some(warning) = warning(signer, not_after, now)
            {
                return Err(Problem::unavailable("certificate_ended", warning));
            }
        }
        Ok(())
    }

    /// Warns in the operator's log, and once for each of [`WARNINGS`] in the audit log.
    pub(crate) fn warn(&self) {
        let Some(now) = self.shown() else { return };
        let warned = self.audit.known().warned;
        for (signer, not_after) in self.ends() {
            let (Some(within_days), Some(certificate)) = (due(not_after, now), signer.certificate)
            else {
                continue;
            };
            if let Some(warning) = warning(signer, not_after, now) {
                eprintln!("{} warning: {warning}", for_log(now));
            }
            if !warned.contains(&(certificate, within_days)) {
                self.audit.note(Event::CertificateEnding {
                    name: signer.name.clone(),
                    certificate,
                    not_after,
                    within_days,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_warning_is_due_60_30_and_7_days_before_the_end_and_at_the_end() {
        let day = 24 * 3600;
        let end = Time::from_unix_secs(1_800_000_000).unwrap();
        let at = |before: i64| Time::from_unix_secs(end.unix_secs() - before).unwrap();
        for (before, expected) in [
            (61 * day, None),
            (60 * day, None),
            (60 * day - 1, Some(60)),
            (30 * day, Some(60)),
            (30 * day - 1, Some(30)),
            (7 * day - 1, Some(7)),
            (0, Some(7)),
            (-1, Some(0)),
            (-400 * day, Some(0)),
        ] {
            assert_eq!(due(end, at(before)), expected, "{before}");
        }
        assert_eq!((days(end, at(day)), days(end, at(-1))), (1, -1));
    }
}
