// SPDX-License-Identifier: Apache-2.0 OR MIT
//! One sending of a commune, as everything that is tested with events describes it.
#![allow(dead_code)]

use std::time::Duration;

use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::*;
use kbox_proof::time::Time;

pub(crate) const ORIGIN: &str = "kbox.example/log/1";
pub(crate) const PAPER: &[u8] = b"%PDF convocation";

pub(crate) fn start() -> Time {
    Time::parse_rfc3339("2026-11-24T17:00:00Z").unwrap()
}

pub(crate) fn at(seconds: u64) -> Time {
    start().saturating_add(Duration::from_secs(seconds))
}

pub(crate) fn text(value: &str) -> Text {
    Text::new(value).unwrap()
}

pub(crate) fn opening(number: u8) -> RosterOpening {
    RosterOpening {
        identity: RecipientIdentity {
            id: text(&format!("elu-{number}")),
            name: text(&format!("Élue {number}")),
            function: text("conseillère municipale"),
        },
        salt: Salt::from_bytes([100 + number; 32]),
    }
}

pub(crate) fn personal(number: u8) -> ErasablePart {
    ErasablePart {
        salt: Salt::from_bytes([50 + number; 32]),
        data: PersonalData {
            recipient: Some(opening(number)),
            ..PersonalData::default()
        },
    }
}

pub(crate) fn submission() -> Submission {
    Submission {
        seance: Seance {
            id: text("2026-12-02"),
            instance: text("commune"),
            intitule: text("Conseil municipal de Doullens"),
            lieu: text("Hôtel de ville"),
            debut: text("2026-12-02T18:30"),
            fuseau: text("Europe/Paris"),
            utc_offset: 3600,
            tzdb: text("2026b"),
        },
        rule: Rule {
            id: text("COM-L"),
            article: text("CGCT L.2121-12"),
            jours: 5,
            nature: Nature::Franc,
            population: Some(5751),
            departement: Some(text("80")),
            urgence: None,
            seconde_convocation: false,
        },
        author: text("Le maire"),
        version: 1,
        papers: vec![Paper {
            digest: Sha256Digest::of(PAPER),
            size: PAPER.len() as u64,
            titre: text("Convocation"),
            nature: PaperNature::Convocation,
        }],
        roster: vec![
            opening(0).entry(false).unwrap(),
            opening(1).entry(false).unwrap(),
        ],
    }
}

pub(crate) fn body(detail: Detail, refers_to: Option<Sha256Digest>) -> Body {
    Body {
        claimed_time: start(),
        reasons: vec![],
        refers_to,
        detail,
    }
}

pub(crate) fn step(recipient: u32) -> RecipientStep {
    RecipientStep { recipient }
}

/// An event of rank 1, after whatever stood at rank 0.
pub(crate) fn event(detail: Detail, refers_to: Option<Sha256Digest>) -> EvidenceEvent {
    let mut body = body(detail, refers_to);
    if body.detail.is_negative() {
        body.reasons = vec![text("refus du relais")];
    }
    EvidenceEvent {
        header: Header {
            origin: Origin::parse(ORIGIN).unwrap(),
            environment: Environment::Demonstration,
            collectivite: Collectivite::parse("218002533").unwrap(),
            event_id: EventId::from_bytes([1; 16]),
            salt: Salt::from_bytes([2; 32]),
            rank: 1,
            previous: Some(Sha256Digest::of(b"previous")),
            witnessed: None,
        },
        body,
        personal: None,
    }
}

pub(crate) fn erasure() -> PersonalDataErasure {
    PersonalDataErasure {
        basis: ErasureBasis::Objection,
        decision: text("Registre RGPD, n° 2026-17"),
        by: text("Déléguée à la protection des données"),
    }
}

pub(crate) fn shard_opening(reason: OpeningReason) -> ShardOpening {
    ShardOpening {
        previous: Origin::parse("kbox.example/log/1").unwrap(),
        size: 17,
        root: Sha256Digest::of(b"root"),
        checkpoint: Sha256Digest::of(b"note"),
        reason,
    }
}

/// One event of each type.
pub(crate) fn every_event() -> Vec<EvidenceEvent> {
    let before = Some(Sha256Digest::of(b"before"));
    let handover = Handover {
        recipient: 0,
        paper: Sha256Digest::of(PAPER),
    };
    let publication = TrustBundlePublication {
        version: 1,
        bundle: Sha256Digest::of(b"{}"),
    };
    vec![
        event(Detail::SubmissionAcceptance(submission()), None),
        event(Detail::ContentConsignment(step(0)), before),
        event(Detail::ContentConsignmentFailure(step(0)), before),
        event(Detail::ConsignmentNotification(step(0)), before),
        event(Detail::ConsignmentNotificationFailure(step(0)), before),
        event(Detail::RelayToNonErds(step(0)), before),
        event(Detail::RelayToNonErdsFailure(step(0)), before),
        event(Detail::ContentAccessTracking(step(0)), before),
        event(Detail::ContentHandover(handover), before),
        event(Detail::ConsignmentAcceptance(step(0)), before),
        event(Detail::TrustBundlePublication(publication), None),
        event(Detail::PersonalDataErasure(erasure()), before),
        event(
            Detail::ShardOpening(shard_opening(OpeningReason::Restore)),
            None,
        ),
    ]
}
