// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Events in DER and JSON: one form each, and nothing that can be read as something else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/sending.rs"]
mod sending;

use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::*;
use kbox_proof::time::Time;
use sending::*;

#[test]
fn every_event_type_round_trips_in_der_and_json() {
    for event in every_event() {
        let der = event.to_der().unwrap();
        assert_eq!(EvidenceEvent::from_der(&der).unwrap(), event);
        let json = serde_json::to_string(&event.body).unwrap();
        assert_eq!(
            serde_json::from_str::<Body>(&json).unwrap(),
            event.body,
            "{json}"
        );
    }
}

#[test]
fn no_event_can_be_read_in_two_ways_nor_two_byte_strings_as_one_event() {
    for event in every_event() {
        let der = event.to_der().unwrap();
        for index in 0..der.len() {
            for bit in 0..8 {
                let mut changed = der.clone();
                changed[index] ^= 1 << bit;
                if let Ok(other) = EvidenceEvent::from_der(&changed) {
                    assert_ne!(other, event);
                    assert_eq!(other.to_der().unwrap(), changed);
                }
            }
        }
        let mut longer = der.clone();
        longer.push(0);
        assert!(EvidenceEvent::from_der(&longer).is_err());
        for cut in 0..der.len() {
            assert!(EvidenceEvent::from_der(&der[..cut]).is_err());
        }
    }
}

#[test]
fn a_log_that_goes_on_for_another_says_which_and_why_in_one_form() {
    let mut seen = std::collections::BTreeSet::new();
    for reason in OpeningReason::ALL {
        let event = event(Detail::ShardOpening(shard_opening(reason)), None);
        let der = event.to_der().unwrap();
        assert_eq!(EvidenceEvent::from_der(&der).unwrap(), event);
        assert!(seen.insert(der));
    }
    let opening = Detail::ShardOpening(shard_opening(OpeningReason::Copy));
    let with_reference = body(opening, Some(Sha256Digest::of(b"before")));
    assert!(matches!(
        with_reference.check(),
        Err(EventError::ReferenceUnexpected { .. })
    ));
}

#[test]
fn rejects_a_detail_under_another_events_name() {
    let event = event(
        Detail::ContentConsignment(step(0)),
        Some(Sha256Digest::of(b"before")),
    );
    let der = event.to_der().unwrap();
    // [1] contentConsignment becomes [3] consignmentNotification under the first one's URI.
    let at = der
        .windows(5)
        .rposition(|window| window == [0xA1, 3, 2, 1, 0])
        .unwrap();
    let mut changed = der;
    changed[at] = 0xA3;
    assert!(matches!(
        EvidenceEvent::from_der(&changed),
        Err(EventError::NameMismatch { .. })
    ));
}

#[test]
fn a_failure_needs_a_reason_and_a_step_its_reference() {
    let mut failure = event(
        Detail::RelayToNonErdsFailure(step(0)),
        Some(Sha256Digest::of(b"x")),
    );
    failure.body.reasons.clear();
    assert!(matches!(
        failure.to_der(),
        Err(EventError::ReasonMissing { .. })
    ));
    let orphan = event(Detail::ContentAccessTracking(step(0)), None);
    assert!(matches!(
        orphan.to_der(),
        Err(EventError::ReferenceMissing { .. })
    ));
    let mut first = event(
        Detail::ContentConsignment(step(0)),
        Some(Sha256Digest::of(b"x")),
    );
    first.header.rank = 0;
    assert_eq!(first.to_der(), Err(EventError::PreviousAndRank));
}

#[test]
fn text_that_hides_something_is_refused() {
    for bad in ["", "a\u{202E}b", "a\nb", "e\u{301}", "zero\u{200B}width"] {
        assert!(
            matches!(Text::new(bad), Err(EventError::Text { .. })),
            "{bad:?}"
        );
    }
    assert!(Text::new("Élu").is_ok());
}

#[test]
fn personal_part_is_bound_by_its_salt_and_opens_the_roster() {
    let part = ErasablePart {
        salt: Salt::from_bytes([9; 32]),
        data: PersonalData {
            recipient: Some(opening(0)),
            address: Some(text("helene@exemple.fr")),
            channel: Some(Channel::Dematerialise),
            channel_chosen_on: Some(text("2026-03-21")),
            ..PersonalData::default()
        },
    };
    let der = part.to_der().unwrap();
    assert_eq!(ErasablePart::from_der(&der).unwrap(), part);
    let other = ErasablePart {
        salt: Salt::from_bytes([8; 32]),
        data: part.data.clone(),
    };
    assert_ne!(other.digest().unwrap(), part.digest().unwrap());
    assert_eq!(submission().roster[0], opening(0).entry(false).unwrap());
}

#[test]
fn the_same_request_at_another_claimed_time_is_the_same_request() {
    let one = every_event().remove(0).body;
    let mut two = one.clone();
    two.claimed_time = Time::from_unix_secs(1).unwrap();
    assert_eq!(
        one.idempotency_bytes().unwrap(),
        two.idempotency_bytes().unwrap()
    );
}
