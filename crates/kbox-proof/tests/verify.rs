// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The verification function against an operator who holds every key and cheats in one way at a time.
#![cfg(feature = "issue")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/operator.rs"]
mod operator;

use std::collections::BTreeSet;
use std::time::Duration;

use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::*;
use kbox_proof::key::{LogSigner, TokenSigner};
use kbox_proof::law::Verdict;
use kbox_proof::merkle::{self, TreeSize};
use kbox_proof::receipt::*;
use kbox_proof::report::{self, Language, Outcome};
use kbox_proof::time::Time;
use kbox_proof::tlog::{Checkpoint, Note, TlogProof, note_key_id, timestamped_signature};
use kbox_proof::tsa::{Authority, AuthorityConfig};
use kbox_proof::tsp::{
    Certificate, MessageImprint, Oid, Revocation, SerialNumber, certificate_to_pem,
};
use kbox_proof::verify::{
    Rejection, SendingVerdict, TrustPolicy, VerifiedProofFile, verify_proof_file, verify_receipt,
};
use operator::*;

fn codes(receipts: &[Receipt], documents: &[(&str, &[u8])], trust: &TrustBundle) -> Vec<String> {
    let policy = TrustPolicy::new(trust).unwrap();
    let content = ProofFileContent {
        documents: documents.to_vec(),
        receipts,
    };
    match verify_proof_file(&content, &policy, at(86_400)) {
        Ok(_) => vec![],
        Err(findings) => {
            assert!(!findings.is_empty());
            findings
                .iter()
                .map(|finding| code(&finding.rejection))
                .collect()
        }
    }
}

/// The token's own codes count as one here; the token's tests have one each.
fn code(rejection: &Rejection) -> String {
    match rejection {
        Rejection::Token(inner) => {
            assert!(inner.code().starts_with("tsp."));
            "token.rejected".to_string()
        }
        other => other.code().to_string(),
    }
}

const DOCUMENTS: &[(&str, &[u8])] = &[("01.pdf", PAPER)];

#[test]
fn proves_a_whole_sending_and_judges_its_period() {
    let operator = sent();
    let policy = TrustPolicy::new(&operator.trust(Demand::Journalise)).unwrap();
    let receipts = operator.receipts();
    let content = ProofFileContent {
        documents: DOCUMENTS.to_vec(),
        receipts: &receipts,
    };
    let result = verify_proof_file(&content, &policy, at(86_400));
    let file = result.as_ref().unwrap();
    assert_eq!(file.level(), Demand::Journalise);
    let lines = &file.sendings()[0].recipients;
    assert_eq!(lines[0].identity.as_ref().unwrap().name.as_str(), "Élue 0");
    assert_eq!(
        (lines[0].notified, lines[0].opened, lines[0].papers),
        (Some(at(2)), Some(at(4)), 1)
    );
    assert_eq!((lines[1].consigned, lines[1].opened), (Some(at(3)), None));
    let verdict = lines[0].period.verdict().unwrap();
    assert_eq!(verdict.by_gen_time.jours_francs, Some(7));
    assert!(verdict.by_existence.is_none());
    let french = report::proof_file(&result, &policy, Language::French);
    for words in [
        "PROUVÉ",
        "DÉMONSTRATION",
        "Aucun témoin",
        "respecté",
        "jamais ouvert",
    ] {
        assert!(french.to_text().contains(words), "{words}");
    }
    assert!(french.to_html().contains("<li>"));
    assert!(
        report::proof_file(&result, &policy, Language::English)
            .to_text()
            .contains("PROVEN")
    );
}

#[test]
fn a_missing_personal_part_is_told_with_the_decision_by_which_it_was_erased() {
    let mut operator = sent();
    let erased = event_digest(&operator.events[1].0);
    operator.record(
        body(Detail::PersonalDataErasure(erasure()), Some(erased)),
        None,
    );
    // Whoever made the file kept the personal part first, and then did not.
    for still_here in [true, false] {
        if !still_here {
            operator.events[1].1 = None;
        }
        let (file, reports) = file_and_reports(&operator);
        let [one] = file.erasures() else {
            panic!("{:?}", file.erasures());
        };
        assert_eq!((one.erased, &one.content), (1, &erasure()));
        assert_eq!(one.still_here, still_here);
        let french = &reports[0];
        for words in [
            "RGPD, article 17, paragraphe 1, c)",
            "opposition de la personne",
            "Déléguée à la protection des données",
            "Registre RGPD, n° 2026-17",
            "mise à disposition",
        ] {
            assert!(french.contains(words), "{words}: {french}");
        }
        assert!(reports[2].contains("GDPR art. 17(1)(c)"), "{}", reports[2]);
        assert_eq!(french.contains("les avait conservées"), still_here);
    }
    // Of an event that is not there, nothing can be said: a file from the first rank on does not hold.
    let mut other = sent();
    let unknown = Sha256Digest::of(b"unknown");
    other.record(
        body(Detail::PersonalDataErasure(erasure()), Some(unknown)),
        None,
    );
    let trust = other.trust(Demand::Journalise);
    assert_eq!(
        codes(&other.receipts(), DOCUMENTS, &trust),
        ["file.reference"]
    );
}

/// The file of an operator who may have logged anything, and its report in French and English, text and HTML.
fn file_and_reports(operator: &Operator) -> (VerifiedProofFile, [String; 4]) {
    let policy = TrustPolicy::new(&operator.trust(Demand::Journalise)).unwrap();
    let receipts = operator.receipts();
    let content = ProofFileContent {
        documents: DOCUMENTS.to_vec(),
        receipts: &receipts,
    };
    let result = verify_proof_file(&content, &policy, at(864_000));
    let [french, english] = [Language::French, Language::English]
        .map(|language| report::proof_file(&result, &policy, language));
    let reports = [
        french.to_text(),
        french.to_html(),
        english.to_text(),
        english.to_html(),
    ];
    (result.unwrap(), reports)
}

fn periods(file: &VerifiedProofFile) -> Vec<&'static str> {
    let lines = file.sendings()[0].recipients.iter();
    lines.map(|line| line.period.code()).collect()
}

fn notify(operator: &mut Operator, recipient: u32, consignment: usize) {
    let cited = event_digest(&operator.events[consignment].0);
    let detail = Detail::ConsignmentNotification(step(recipient));
    operator.record(body(detail, Some(cited)), None);
}

#[test]
fn no_period_is_proven_for_a_recipient_whom_no_accepted_notice_reached_and_the_verdict_says_whom_it_leaves_out()
 {
    let mut operator = sent();
    let (file, reports) = file_and_reports(&operator);
    assert_eq!(periods(&file), ["judged", "no_accepted_notice"]);
    let sending = &file.sendings()[0];
    let left_out: Vec<_> = sending
        .without_notice()
        .map(|line| line.recipient)
        .collect();
    assert_eq!(left_out, [1]);
    let kept = SendingVerdict {
        by_gen_time: Verdict::Respecte,
        by_existence: None,
    };
    assert_eq!(sending.verdict(), Some(kept));
    let words = [
        [
            "PROUVÉ, avec réserve",
            "Délai de la séance, d'après l'horodatage : respecté",
            "aucun délai n'est établi pour Élue 1",
            "délai non établi : aucun avis accepté",
        ],
        [
            "PROVEN, with a reservation",
            "Period of the séance, by the timestamps: kept",
            "no period is established for Élue 1",
            "period not established: no accepted notice",
        ],
    ];
    for (report, words) in reports.iter().zip([words[0], words[0], words[1], words[1]]) {
        for words in words {
            assert!(report.contains(words), "{words}: {report}");
        }
    }

    // A refusal is no notice, neither a relay's nor the platform's.
    let consignment = event_digest(&operator.events[3].0);
    for detail in [
        Detail::RelayToNonErdsFailure(step(1)),
        Detail::ConsignmentNotificationFailure(step(1)),
    ] {
        let mut body = body(detail, Some(consignment));
        body.reasons = vec![text("refus du relais")];
        operator.record(body, None);
    }
    let (file, _) = file_and_reports(&operator);
    assert_eq!(periods(&file), ["judged", "no_accepted_notice"]);

    notify(&mut operator, 1, 3);
    let (file, reports) = file_and_reports(&operator);
    assert_eq!(periods(&file), ["judged", "judged"]);
    assert!(!file.has_reservation());
    for report in reports {
        assert!(!report.contains("éserve") && !report.contains("eservation"));
    }
}

#[test]
fn the_verdict_of_a_seance_is_the_worst_of_those_who_were_told_and_nothing_when_nobody_was() {
    let mut operator = sent();
    operator.delay = Duration::from_secs(3 * 86_400);
    notify(&mut operator, 1, 3);
    let (file, reports) = file_and_reports(&operator);
    let verdict = file.sendings()[0].verdict().unwrap();
    assert_eq!(verdict.by_gen_time, Verdict::NonRespecte);
    let lines = &file.sendings()[0].recipients;
    let answer = |line: usize| lines[line].period.verdict().unwrap().by_gen_time.verdict;
    assert_eq!(
        (answer(0), answer(1)),
        (Some(Verdict::Respecte), Some(Verdict::NonRespecte))
    );
    let [french, _, english, _] = reports;
    assert!(french.contains("Délai de la séance, d'après l'horodatage : non respecté"));
    assert!(english.contains("Period of the séance, by the timestamps: not kept"));

    let mut operator = Operator::new();
    let submitted = Detail::SubmissionAcceptance(submission());
    let sending = operator.record(body(submitted, None), None);
    let consigned = Detail::ContentConsignment(step(0));
    operator.record(body(consigned, Some(sending)), None);
    let (file, [french, _, english, _]) = file_and_reports(&operator);
    assert_eq!(periods(&file), ["no_accepted_notice"; 2]);
    assert_eq!(file.sendings()[0].verdict(), None);
    assert!(
        french.contains("Délai de la séance : non établi"),
        "{french}"
    );
    assert!(english.contains("not established"), "{english}");
}

#[test]
fn no_period_runs_for_a_recipient_for_information_told_or_not() {
    let mut operator = Operator::new();
    let mut submission = submission();
    for (number, entry) in (0..).zip(&mut submission.roster) {
        *entry = opening(number).entry(true).unwrap();
    }
    let sending = operator.record(body(Detail::SubmissionAcceptance(submission), None), None);
    let consigned = Detail::ContentConsignment(step(0));
    operator.record(body(consigned, Some(sending)), None);
    notify(&mut operator, 0, 1);
    let (file, [french, _, english, _]) = file_and_reports(&operator);
    assert_eq!(periods(&file), ["for_information"; 2]);
    assert!(file.sendings()[0].verdict().is_none() && !file.has_reservation());
    assert!(french.contains("Aucun délai ne court"), "{french}");
    assert!(english.contains("No period runs"), "{english}");
}

#[test]
fn personal_parts_may_be_withheld_and_everything_else_still_verifies() {
    let operator = sent();
    let mut receipts = operator.receipts();
    receipts
        .iter_mut()
        .for_each(|receipt| receipt.personal = None);
    assert!(codes(&receipts, DOCUMENTS, &operator.trust(Demand::Journalise)).is_empty());
}

#[test]
fn no_byte_of_a_receipt_can_change() {
    let operator = sent();
    let policy = TrustPolicy::new(&operator.trust(Demand::Journalise)).unwrap();
    let good = operator.receipts().remove(1);
    assert!(verify_receipt(&good, &policy, at(9)).is_ok());
    for part in 0..4usize {
        let length = [
            good.event.len(),
            good.token.len(),
            good.proof.len(),
            good.personal.as_ref().unwrap().len(),
        ][part];
        for index in 0..length {
            let mut bad = good.clone();
            match part {
                0 => bad.event[index] ^= 1,
                1 => bad.token[index] ^= 1,
                2 => {
                    let mut bytes = bad.proof.into_bytes();
                    bytes[index] ^= 1;
                    let Ok(proof) = String::from_utf8(bytes) else {
                        continue;
                    };
                    bad.proof = proof;
                }
                _ => bad.personal.as_mut().unwrap()[index] ^= 1,
            }
            // The certificates beside a token are not signed: they may change as long as what is proven does not.
            let leaf = |receipt: &Receipt| {
                kbox_proof::tsp::TimeStampToken::parse(&receipt.token)
                    .and_then(|token| token.leaf_bytes())
            };
            if let Ok(verified) = verify_receipt(&bad, &policy, at(9)) {
                assert!(
                    part == 1 && leaf(&bad) == leaf(&good),
                    "part {part}, byte {index}"
                );
                assert_eq!(verified.digest(), event_digest(&good.event));
            }
        }
    }
}

struct Witnessed {
    operator: Operator,
    witnesses: Vec<Witness>,
    trust: TrustBundle,
    /// Whose public authority anchors the log from outside.
    outside: Operator,
}

/// Three witnesses, two needed.
fn witnessed() -> Witnessed {
    witnessed_by(sent())
}

fn witnessed_by(operator: Operator) -> Witnessed {
    let witnesses: Vec<Witness> = (1..=3).map(Witness::new).collect();
    let mut trust = operator.trust(Demand::Journalise);
    trust.witnesses = Witnesses {
        operators: witnesses
            .iter()
            .map(|witness| WitnessOperator {
                name: witness.name.to_string(),
                keys: vec![witness.vkey()],
                accuracy_ms: 1000,
                independent: true,
            })
            .collect(),
        quorum: 2,
    };
    trust.demand = Demand::Temoigne;
    let outside = Operator::new();
    trust.anchor_roots = vec![certificate_to_pem(&outside.pki_root)];
    Witnessed {
        operator,
        witnesses,
        trust,
        outside,
    }
}

impl Witnessed {
    /// Event 1's receipt: "before" cosigned at `low`, the newest checkpoint at `high` (seconds after the start).
    fn receipt(&self, low: &[i64], high: &[i64]) -> Receipt {
        self.receipt_after(1, low, high)
    }

    /// Event 1's receipt with "before" of the first `old` entries.
    fn receipt_after(&self, old: usize, low: &[i64], high: &[i64]) -> Receipt {
        self.receipt_of(1, old, low, high)
    }

    fn receipt_of(&self, event: usize, old: usize, low: &[i64], high: &[i64]) -> Receipt {
        let unix = |seconds: i64| u64::try_from(start().unix_secs() + seconds).unwrap();
        let cosign = |mut note: Note, times: &[i64]| {
            for (witness, time) in self.witnesses.iter().zip(times) {
                note = witness.cosign(note, unix(*time));
            }
            note
        };
        let mut receipt = self
            .operator
            .receipt_under(event, cosign(self.operator.checkpoint(), high));
        let (size, root) = self.operator.before[old];
        let checkpoint = Checkpoint::new(ORIGIN, size, root).unwrap();
        receipt.before = Some(
            cosign(
                signed(&self.operator.log, ORIGIN, &checkpoint.encode()),
                low,
            )
            .encode(),
        );
        if old != 0 {
            let edge = &self.operator.edge;
            let proof = merkle::consistency_proof(edge, size, edge.size()).unwrap();
            receipt.consistency = proof.hashes().iter().map(|hash| *hash.as_bytes()).collect();
        }
        receipt
    }

    /// Anchored by an outside authority, under a policy of its own or under the evidence policy.
    fn anchored(&self, outside: bool) -> Receipt {
        let mut receipt = self.receipt(&[0, 0], &[60, 60]);
        receipt
            .anchors
            .push(self.anchor(&receipt, outside, at(100)));
        receipt
    }

    /// Over the receipt's own checkpoint.
    fn anchor(&self, receipt: &Receipt, outside: bool, time: Time) -> Anchor {
        let checkpoint = TlogProof::parse(receipt.proof.as_bytes())
            .unwrap()
            .checkpoint()
            .encode();
        let authority = if outside {
            &self.outside.public
        } else {
            &self.outside.evidence
        };
        let imprint = MessageImprint::sha256(&Sha256Digest::of(checkpoint.as_bytes()));
        let serial = SerialNumber::from_epoch_and_counter(9, 1);
        let token = authority
            .issue(&imprint, time, &serial, None, true)
            .unwrap();
        Anchor {
            checkpoint,
            consistency: vec![],
            token,
        }
    }

    fn judge(&self, receipt: &Receipt) -> Result<kbox_proof::verify::VerifiedReceipt, Rejection> {
        verify_receipt(receipt, &TrustPolicy::new(&self.trust).unwrap(), at(86_400))
    }
}

#[test]
fn a_quorum_of_witnesses_bounds_the_time_and_an_anchor_adds_its_own() {
    let world = witnessed();
    let verified = world
        .judge(&world.receipt(&[-30, -10], &[40, 60, 90]))
        .unwrap();
    assert_eq!(verified.level(), Demand::Temoigne);
    // Two of three: the second latest before, the second earliest after.
    assert_eq!(
        verified.bounds(),
        Some((start().saturating_sub(Duration::from_secs(30)), at(60)))
    );
    // The witnesses' clocks may be off by a second.
    assert_eq!(verified.proof_of_existence(), Some(at(61)));
    let verified = world.judge(&world.anchored(true)).unwrap();
    assert_eq!(
        (verified.level(), verified.proof_of_existence()),
        (Demand::Ancre, Some(at(61)))
    );
    // What is presumed, and of what: of the checkpoint, never of the event.
    let anchored = verified.anchored().unwrap();
    assert!(anchored >= at(61));
    let policy = TrustPolicy::new(&world.trust).unwrap();
    let result = Ok(verified);
    for (language, words, denied) in [
        (
            Language::French,
            "la présomption d'exactitude porte sur cette tête à cet instant ; que l'événement existait alors en découle par une preuve de Merkle",
            "n'a scellé le journal",
        ),
        (
            Language::English,
            "the presumption of accuracy attaches to this checkpoint at that time; that the event existed by then follows from it by Merkle proof",
            "No outside timestamp authority",
        ),
    ] {
        let text = report::receipt(&result, &policy, language).to_text();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(words) && !text.contains(denied), "{text}");
    }
}

/// One receipt's report, in French and in English.
fn told(world: &Witnessed, receipt: &Receipt) -> [String; 2] {
    let policy = TrustPolicy::new(&world.trust).unwrap();
    let result = verify_receipt(receipt, &policy, at(86_400));
    [Language::French, Language::English]
        .map(|language| report::receipt(&result, &policy, language).to_text())
}

fn says(text: &str, words: &[&str]) {
    for words in words {
        assert!(text.contains(words), "{words} is not in: {text}");
    }
}

/// Nobody shall read "impossible" where it is limited.
#[test]
fn a_witnessed_report_says_that_backdating_is_limited_and_by_whom_and_who_could_do_it_all_the_same()
{
    let mut world = witnessed();
    world.trust.witnesses.operators[0].name = "Préfecture".into();
    world.trust.witnesses.operators[2].name = "Nobody".into();
    world.trust.max_gap_s = 240;
    let (low, high) = (start().saturating_sub(Duration::from_secs(30)), at(60));
    let in_english = [
        "Backdating is not impossible: it is limited to D = 240 s plus the accuracies of the clocks",
        "witnesses: 1 s",
        "unless a quorum of the witnesses colludes with the operator",
        "Quorum: 2 of 3 independent operators",
        &format!(
            "T_lo, the log seen without the entry: {low}, by \"Préfecture\" (witness witness.example/1), \"witness.example/2\""
        ),
        &format!(
            "T_hi, the log seen with the entry: {high}, by \"Préfecture\" (witness witness.example/1), \"witness.example/2\""
        ),
    ];
    let in_french = [
        "Antidater n'est pas impossible : l'erreur est limitée à D = 240 s, plus les précisions des horloges",
        "témoins : 1 s",
        "sauf si un quorum des témoins est de connivence avec l'exploitant",
        "Quorum : 2 opérateur(s) indépendant(s) sur 3",
        &format!("T_lo, journal vu sans l'entrée : {low}"),
        &format!("T_hi, journal vu avec l'entrée : {high}"),
        "par « Préfecture » (témoin witness.example/1), « witness.example/2 »",
    ];
    let witnessed = world.receipt(&[-30, -10], &[40, 60]);
    let mut anchored = witnessed.clone();
    anchored
        .anchors
        .push(world.anchor(&witnessed, true, at(100)));
    for receipt in [witnessed, anchored] {
        let [french, english] = told(&world, &receipt);
        says(&french, &in_french);
        says(&english, &in_english);
        // Who signed nothing counted for nothing.
        assert!(!english.contains("Nobody"), "{english}");
    }
    // Of three that signed, two set each bound: the latest before, the earliest after.
    let [_, english] = told(&world, &world.receipt(&[-30, -20, -10], &[40, 50, 60]));
    let middle = start().saturating_sub(Duration::from_secs(20));
    let line = english.lines().find(|line| line.contains("T_lo")).unwrap();
    let (low, high) = line.split_once("T_hi").unwrap();
    says(low, &[&middle.to_string(), "Nobody", "witness.example/2"]);
    assert!(!low.contains("Préfecture"), "{low}");
    says(high, &[&at(50).to_string(), "Préfecture"]);
    assert!(!high.contains("Nobody"), "{high}");

    let events = 0..world.operator.events.len();
    let receipts: Vec<Receipt> = events
        .map(|event| world.receipt_of(event, 0, &[-30, -10], &[40, 60]))
        .collect();
    let file = |receipts: &[Receipt]| {
        let mut trust = world.trust.clone();
        trust.demand = Demand::Journalise;
        let policy = TrustPolicy::new(&trust).unwrap();
        let content = ProofFileContent {
            documents: DOCUMENTS.to_vec(),
            receipts,
        };
        let result = verify_proof_file(&content, &policy, at(86_400));
        [Language::French, Language::English]
            .map(|language| report::proof_file(&result, &policy, language).to_text())
    };
    let [french, english] = file(&receipts);
    says(&french, &in_french);
    says(&english, &in_english);
    // One that is not witnessed is enough to say so, and that others are is not denied.
    let mut receipts = receipts;
    receipts[2].before = None;
    let [french, english] = file(&receipts);
    says(
        &english,
        &["No quorum of independent witnesses for 1 of the 7 receipts, such as that of rank 2"],
    );
    says(
        &french,
        &["Pas de quorum de témoins indépendants pour 1 des 7 récépissés, dont celui de rang 2"],
    );
    assert!(!english.contains("No witness:") && !french.contains("Aucun témoin"));
}

#[test]
fn the_outside_authority_is_named_with_its_policy_and_time() {
    let world = witnessed();
    let signer = Certificate::parse(&world.outside.public.chain()[0]).unwrap();
    let name = signer.subject_common_name().unwrap();
    let policy = world.outside.public.policy().to_string();
    let time = at(100).to_string();
    for text in told(&world, &world.anchored(true)) {
        let line = text
            .lines()
            .find(|line| line.starts_with("Anchor: ") || line.starts_with("Ancrage : "));
        says(line.expect(&text), &[&name, &policy, &time]);
    }
    let verified = world.judge(&world.anchored(true)).unwrap();
    let [anchor] = verified.anchors() else {
        panic!("{:?}", verified.anchors());
    };
    assert_eq!(anchor.tree_size, verified.tree_size());
}

#[test]
fn anchors_that_no_root_was_given_for_are_not_denied() {
    let mut world = witnessed();
    let mut receipt = world.anchored(true);
    world.trust.anchor_roots.clear();
    let [french, english] = told(&world, &receipt);
    says(
        &english,
        &[
            "1 timestamp of the log by an outside authority (anchor) is there and was not judged: your trust.json names no root of such an authority (anchor_roots)",
        ],
    );
    says(
        &french,
        &[
            "1 horodatage du journal par une autorité extérieure (ancrage) est joint et n'a pas été jugé : votre trust.json ne nomme aucune racine d'une telle autorité (anchor_roots)",
        ],
    );
    receipt.anchors.push(receipt.anchors[0].clone());
    let [french, english] = told(&world, &receipt);
    says(&english, &["2 timestamps of the log"]);
    says(&french, &["2 horodatages du journal"]);
    for text in [french, english] {
        assert!(!text.contains("No outside timestamp authority"), "{text}");
        assert!(!text.contains("Aucune autorité d'horodatage"), "{text}");
    }
    // There is none to be judged here.
    receipt.anchors.clear();
    let [french, english] = told(&world, &receipt);
    says(&english, &["No outside timestamp authority sealed the log"]);
    says(
        &french,
        &["Aucune autorité d'horodatage extérieure n'a scellé"],
    );
}

/// "Ask again later" is of use where somebody may still sign.
#[test]
fn below_the_demand_it_is_said_which_witnesses_did_not_count_and_why_and_what_helps() {
    let later = "ask for the receipt again later, when more independent witnesses have signed";
    let both = world_of_two();
    let judge = |world: &Witnessed, receipt: &Receipt, english: &[&str], french: &[&str]| {
        let [in_french, in_english] = told(world, receipt);
        says(&in_english, &["[level.below_demand]"]);
        says(&in_english, english);
        says(&in_french, french);
        if !english.contains(&later) {
            assert!(!in_english.contains("again later"), "{in_english}");
            assert!(!in_french.contains("plus tard, quand"), "{in_french}");
        }
    };
    // One of two.
    judge(
        &both,
        &both.receipt(&[0, 0], &[60]),
        &[
            "the quorum is 2 of 2 independent operators of witnesses; 2 counted for the checkpoint without the entry, 1 for the one with it",
            "\"witness.example/2\" cosigned only the checkpoint without the entry",
            later,
        ],
        &[
            "ont compté : 2 pour la tête de journal sans l'entrée, 1 pour celle avec l'entrée",
            "« witness.example/2 » n'a signé que la tête sans l'entrée",
            "quand davantage de témoins indépendants auront signé",
        ],
    );
    // The other way round, no later signature helps.
    judge(
        &both,
        &both.receipt(&[0], &[60, 60]),
        &[
            "\"witness.example/2\" cosigned only the checkpoint with the entry",
            "with a checkpoint from before the entry that a quorum of the witnesses signed in time",
        ],
        &[
            "« witness.example/2 » n'a signé que la tête avec l'entrée",
            "avec une tête de journal d'avant l'entrée qu'un quorum des témoins a signée à temps",
        ],
    );
    // Taken out.
    let mut stripped = both.receipt(&[0, 0], &[60, 60]);
    stripped.before = None;
    stripped.consistency.clear();
    judge(
        &both,
        &stripped,
        &[
            "0 counted for the checkpoint without the entry, 2 for the one with it; the receipt shows no checkpoint without the entry (before)",
            "which anybody can have taken out",
        ],
        &[
            "le récépissé ne montre aucune tête de journal sans l'entrée (before)",
            "que quiconque a pu retirer",
        ],
    );
    // Of the log's own operator.
    let mut own = world_of_two();
    for operator in &mut own.trust.witnesses.operators {
        operator.independent = false;
    }
    own.trust.witnesses.operators[0].name = "kbox.example".into();
    for low in [&[0, 0][..], &[]] {
        judge(
            &own,
            &own.receipt(low, &[60, 60]),
            &[
                "\"kbox.example\" cosigned and does not count: a witness of the log's own operator, not independent",
            ],
            &[
                "« kbox.example » a signé et ne compte pas : témoin de l'exploitant du journal, non indépendant",
            ],
        );
    }
    judge(
        &own,
        &own.receipt(&[0, 0], &[60, 60]),
        &[
            "waiting changes nothing: your trust.json names fewer independent operators of witnesses than its quorum asks for",
        ],
        &[
            "attendre n'y change rien : votre trust.json nomme moins d'opérateurs de témoins indépendants que son quorum",
        ],
    );
    // At the level that the same evidence reaches, the report says the same.
    own.trust.demand = Demand::Journalise;
    let [french, english] = told(&own, &own.receipt(&[0, 0], &[60, 60]));
    says(
        &english,
        &[
            "No quorum of independent witnesses (",
            "a witness of the log's own operator, not independent",
            "could have backdated",
        ],
    );
    says(
        &french,
        &[
            "Pas de quorum de témoins indépendants (",
            "témoin de l'exploitant du journal, non indépendant",
            "aurait pu antidater",
        ],
    );
    // Another key under the name.
    let mut renewed = world_of_two();
    let mut other = Witness::new(9);
    other.name = renewed.witnesses[1].name.clone();
    renewed.trust.witnesses.operators[1].keys = vec![other.vkey()];
    judge(
        &renewed,
        &renewed.receipt(&[0, 0], &[60, 60]),
        &[
            "\"witness.example/2\" did not cosign: a line in its name is of another key than those in your trust.json",
            "get a newer trust.json",
        ],
        &[
            "« witness.example/2 » n'a pas signé : une ligne à son nom est d'une autre clé que celles de votre trust.json",
            "un trust.json plus récent",
        ],
    );
    // Without a time, and not at all.
    let zero = -start().unix_secs();
    let three = witnessed();
    judge(
        &three,
        &three.receipt(&[0, zero], &[60, zero]),
        &[
            "\"witness.example/2\" cosigned without a time",
            "\"witness.example/3\" did not cosign",
            later,
        ],
        &[
            "« witness.example/2 » a signé sans date",
            "« witness.example/3 » n'a pas signé",
        ],
    );
    // Witnessed, and an anchor demanded.
    let mut anchored = world_of_two();
    anchored.trust.demand = Demand::Ancre;
    let [french, english] = told(&anchored, &anchored.receipt(&[0, 0], &[60, 60]));
    says(
        &english,
        &[
            "no timestamp of the log by an outside authority",
            "when an outside authority has stamped the log",
        ],
    );
    says(
        &french,
        &[
            "aucun horodatage du journal par une autorité extérieure",
            "quand une autorité extérieure aura horodaté",
        ],
    );
}

/// Two witnesses, both needed.
fn world_of_two() -> Witnessed {
    let mut world = witnessed();
    world.trust.witnesses.operators.truncate(2);
    world
}

/// Nobody signs the list of anchors.
#[test]
fn an_anchor_that_somebody_added_to_a_good_receipt_disproves_nothing() {
    let world = witnessed();
    let good = world.anchored(true);
    assert!(world.judge(&good).is_ok());
    let own = good.anchors[0].clone();
    let mut forged = own.token.clone();
    *forged.last_mut().unwrap() ^= 1;
    // Over something else, by nobody, spoilt, and the receipt's own.
    let other = world.operator.receipts()[1].token.clone();
    for token in [other, Vec::new(), forged, good.token.clone()] {
        let mut receipt = good.clone();
        receipt.anchors.push(Anchor {
            token,
            ..own.clone()
        });
        let rejection = world.judge(&receipt).unwrap_err();
        assert_eq!(Outcome::of([&rejection]), Outcome::Undecided, "{rejection}");
    }
}

/// Nor must what somebody added hide a contradiction.
#[test]
fn nothing_that_somebody_adds_to_a_receipt_hides_what_disproves_it() {
    let world = witnessed();
    let spoilt = |good: &Receipt| {
        let own = good.anchors[0].clone();
        let mut receipt = good.clone();
        receipt.anchors.insert(
            0,
            Anchor {
                token: Vec::new(),
                ..own.clone()
            },
        );
        let mut note = receipt.clone();
        note.anchors[0].checkpoint = "no note".into();
        let mut before = receipt.clone();
        before.before = Some("no note".into());
        let mut signature = receipt.clone();
        signature.consistency.push([0; 32]);
        [receipt, note, before, signature]
    };
    let good = world.anchored(true);
    for receipt in spoilt(&good) {
        assert!(world.judge(&receipt).unwrap_err().is_undecided());
    }
    let mut swapped = good.clone();
    swapped.personal = world.operator.receipts()[3].personal.clone();
    assert!(swapped.personal.is_some() && swapped.personal != good.personal);
    for receipt in spoilt(&swapped) {
        assert_eq!(world.judge(&receipt).unwrap_err(), Rejection::Personal);
    }
    // Of another time than its witnesses say: an anchor that does not hold stands for nothing.
    let mut backdated = world.receipt(&[3600; 3], &[3660; 3]);
    backdated.anchors = good.anchors.clone();
    let [with_anchor, with_note, ..] = spoilt(&backdated);
    for receipt in [with_anchor, with_note] {
        let rejection = world.judge(&receipt).unwrap_err();
        assert_eq!(code(&rejection), "witness.outside_bounds", "{rejection}");
    }
    // Under an authority that had been retired.
    let mut retired = witnessed();
    retired.trust = world.trust.clone();
    retired.trust.authorities[0].to = Some(0);
    for receipt in spoilt(&good) {
        let rejection = retired.judge(&receipt).unwrap_err();
        assert_eq!(code(&rejection), "token.authority_range", "{rejection}");
    }
}

/// What does not hold in each of these, anybody can add to a receipt.
fn additions(world: &Witnessed) -> Vec<(String, Box<dyn Fn(&mut Receipt)>)> {
    let good = world.anchored(true).anchors.remove(0);
    let (other, own) = (world.operator.checkpoint(), world.operator.receipts());
    let older = world.operator.before[1];
    let older = Checkpoint::new(ORIGIN, older.0, older.1).unwrap();
    let older = signed(&world.operator.log, ORIGIN, &older.encode());
    let strange = LogSigner::from_seed(&[202; 32]).unwrap();
    let text = other.text().to_string();
    let strange = signed(&strange, ORIGIN, &text);
    let anchor = |change: &dyn Fn(&mut Anchor)| {
        let mut anchor = good.clone();
        change(&mut anchor);
        anchor
    };
    let anchors = [
        ("nothing but a token", anchor(&|one| one.token = vec![0])),
        (
            "a token over something else",
            anchor(&|one| one.token = own[1].token.clone()),
        ),
        ("no note", anchor(&|one| one.checkpoint = "x".into())),
        (
            "another log's note",
            anchor(&|one| one.checkpoint = strange.encode()),
        ),
        (
            "an older note",
            anchor(&|one| one.checkpoint = older.encode()),
        ),
        (
            "another path",
            anchor(&|one| one.consistency = vec![[0; 32]]),
        ),
        (
            "a spoilt cosignature",
            anchor(&|one| {
                one.checkpoint = with_false_cosignature(&other, &world.witnesses[0]).encode()
            }),
        ),
    ];
    let mut all: Vec<(String, Box<dyn Fn(&mut Receipt)>)> = Vec::new();
    for (what, anchor) in anchors {
        for first in [true, false] {
            let anchor = anchor.clone();
            all.push((
                format!("an anchor of {what}, first: {first}"),
                Box::new(move |receipt: &mut Receipt| {
                    let place = if first { 0 } else { receipt.anchors.len() };
                    receipt.anchors.insert(place, anchor.clone());
                }),
            ));
        }
    }
    for witness in [0, 2] {
        let witness = Witness::new(witness + 1);
        all.push((
            format!("a false cosignature of {}", witness.name),
            Box::new(move |receipt: &mut Receipt| {
                let proof = TlogProof::parse(receipt.proof.as_bytes()).unwrap();
                let note = with_false_cosignature(proof.checkpoint(), &witness);
                receipt.proof =
                    TlogProof::new(None, proof.index(), proof.proof().clone(), note).encode();
            }),
        ));
    }
    let witness = Witness::new(1);
    all.push((
        "a false cosignature of the one before".to_string(),
        Box::new(move |receipt: &mut Receipt| {
            if let Some(before) = &mut receipt.before {
                let note = Note::parse(before.as_bytes()).unwrap();
                *before = with_false_cosignature(&note, &witness).encode();
            } else {
                receipt.before = Some("x".into());
            }
        }),
    ));
    all
}

fn with_false_cosignature(note: &Note, witness: &Witness) -> Note {
    let id = note_key_id(
        &witness.name,
        Witness::key_type(),
        &witness.signer.public_key(),
    );
    let line = timestamped_signature(1_795_631_400, &[0; 64]);
    note.clone().with_signature(witness.name.clone(), id, line)
}

/// Who hands on a receipt that is disproven can add to it what does not hold.
#[test]
fn nothing_that_can_be_added_to_a_receipt_hides_what_disproves_it() {
    let (operator, issuer) = revocable();
    let world = witnessed_by(operator);
    let good = world.anchored(true);
    let bare = world.operator.receipts().remove(1);
    let with_personal_of_another = |receipt: &Receipt| {
        let mut changed = receipt.clone();
        changed.personal = world.operator.receipts().remove(3).personal;
        changed
    };
    let trust = |change: &dyn Fn(&mut TrustBundle)| {
        let mut trust = world.trust.clone();
        trust.demand = Demand::Journalise;
        change(&mut trust);
        trust
    };
    let same = trust(&|_| ());
    let retired = trust(&|trust| trust.authorities[0].to = Some(1));
    let public = world.operator.public.chain();
    let public: Vec<_> = public.iter().map(|der| certificate_to_pem(der)).collect();
    let by_another = trust(&|trust| trust.authorities[0].chain = public.clone());
    let stolen = [(1, 24, rcgen::RevocationReason::KeyCompromise)];
    let revoked = trust(&|trust| trust.crls = vec![list(&issuer, &stolen)]);
    let outside_bounds = world.receipt(&[3600, 3600], &[3660, 3660]);
    let mut disproven = vec![("witness.outside_bounds", &same, outside_bounds)];
    for receipt in [&good, &bare] {
        let other_person = with_personal_of_another(receipt);
        disproven.extend([
            ("token.authority_range", &retired, receipt.clone()),
            ("token.authority", &by_another, receipt.clone()),
            ("tsp.revoked_key_compromise", &revoked, receipt.clone()),
            ("personal.mismatch", &same, other_person),
        ]);
    }
    let judge = |trust: &TrustBundle, receipt: &Receipt| {
        verify_receipt(receipt, &TrustPolicy::new(trust).unwrap(), at(86_400))
    };
    for (what, add) in additions(&world) {
        let mut receipt = good.clone();
        add(&mut receipt);
        let rejection = judge(&same, &receipt).unwrap_err();
        assert!(rejection.is_undecided(), "{what}: {rejection}");
        for (code, trust, receipt) in &disproven {
            assert_eq!(judge(trust, receipt).unwrap_err().code(), *code);
            let mut receipt = receipt.clone();
            add(&mut receipt);
            let rejection = judge(trust, &receipt).unwrap_err();
            assert_eq!(rejection.code(), *code, "{what}");
            assert!(!rejection.is_undecided(), "{what}");
        }
    }
}

/// The witnesses' cosignatures prove that the token was there before its key was stolen, whatever lines stand beside them.
#[test]
fn nothing_that_can_be_added_to_a_receipt_takes_its_proof_of_existence_away() {
    let (operator, issuer) = revocable();
    let mut world = witnessed_by(operator);
    let stolen_later = [(1, 25, rcgen::RevocationReason::KeyCompromise)];
    world.trust.crls = vec![list(&issuer, &stolen_later)];
    world.trust.demand = Demand::Journalise;
    let good = world.receipt(&[0, 0], &[60, 60]);
    assert!(world.judge(&good).is_ok());
    for (what, add) in additions(&world) {
        let mut receipt = good.clone();
        add(&mut receipt);
        let rejection = world.judge(&receipt).unwrap_err();
        assert!(rejection.is_undecided(), "{what}: {rejection}");
    }
}

/// Bounds too wide, a log that goes on, a clock that is wrong and a broken proof leave a receipt undecided, and excuse nothing.
#[test]
fn what_leaves_a_receipt_undecided_hides_no_other_persons_data() {
    let world = witnessed();
    let other_person = world.operator.receipts().remove(3).personal;
    let disproven = |trust: &TrustBundle, receipt: &Receipt, now, undecided: &str| {
        let policy = TrustPolicy::new(trust).unwrap();
        let mut receipt = receipt.clone();
        let found = verify_receipt(&receipt, &policy, now).unwrap_err();
        assert_eq!(found.code(), undecided);
        assert!(found.is_undecided());
        receipt.personal = other_person.clone();
        let found = verify_receipt(&receipt, &policy, now).unwrap_err();
        assert_eq!(found.code(), "personal.mismatch", "{undecided}");
    };
    let plain = world.operator.trust(Demand::Journalise);
    let bare = world.operator.receipts().remove(1);
    let mut closed = plain.clone();
    closed.shards[0].final_size = Some(9);
    closed.shards[0].final_root = Some(Sha256Digest::of(b"root"));
    let mut broken = bare.clone();
    broken.proof = "x".into();
    let mut another = bare.clone();
    another.proof = world.operator.receipts()[2].proof.clone();
    let wide = world.receipt(&[0, 0], &[3600, 3600]);
    let now = at(86_400);
    let early = start().saturating_sub(Duration::from_secs(60));
    disproven(&world.trust, &wide, now, "witness.gap");
    disproven(&plain, &bare, early, "token.from_the_future");
    disproven(&closed, &bare, now, "log.not_final");
    disproven(&plain, &broken, now, "log.proof");
    disproven(&plain, &another, now, "log.proof");
}

/// A bundle that is older than the new log leaves its opening undecided.
#[test]
fn a_log_that_is_not_closed_hides_no_retired_key_of_the_log_after_it() {
    let mut operator = sent();
    let opening = shard_opening(OpeningReason::Restore);
    operator.record(body(Detail::ShardOpening(opening.clone()), None), None);
    let mut trust = operator.trust(Demand::Journalise);
    trust.shards.push(Shard {
        origin: opening.previous.clone(),
        vkey: operator.log.vkey(opening.previous.as_str()),
        final_size: None,
        final_root: None,
        trees: Vec::new(),
    });
    let receipts = operator.receipts();
    let receipt = receipts.last().unwrap();
    let judge = |trust: &TrustBundle| {
        let policy = TrustPolicy::new(trust).unwrap();
        verify_receipt(receipt, &policy, at(86_400)).unwrap_err()
    };
    let rejection = judge(&trust);
    assert_eq!(rejection.code(), "log.opening");
    assert!(rejection.is_undecided());
    trust.authorities[0].to = Some(3);
    assert_eq!(judge(&trust).code(), "token.authority_range");
}

/// Whoever hands on a receipt can change what nobody signs in it: that tells nothing against the event.
#[test]
fn no_change_of_what_nobody_signs_in_a_receipt_disproves_it() {
    let world = witnessed();
    let good = world.anchored(true);
    assert!(world.judge(&good).is_ok());
    let mut changed = Vec::new();
    let mut texts: Vec<(&str, fn(&mut Receipt) -> &mut String)> = vec![
        ("proof", |receipt| &mut receipt.proof),
        ("before", |receipt| receipt.before.as_mut().unwrap()),
    ];
    texts.push(("anchor", |receipt| &mut receipt.anchors[0].checkpoint));
    for (part, text) in texts {
        let length = text(&mut good.clone()).len();
        for index in 0..length {
            let mut bad = good.clone();
            let mut bytes = std::mem::take(text(&mut bad)).into_bytes();
            bytes[index] ^= 1;
            if let Ok(other) = String::from_utf8(bytes) {
                *text(&mut bad) = other;
                changed.push((format!("{part}, byte {index}"), bad));
            }
        }
    }
    let mut change = |what: &str, change: &dyn Fn(&mut Receipt)| {
        let mut bad = good.clone();
        change(&mut bad);
        changed.push((what.to_string(), bad));
    };
    for hash in 0..good.consistency.len() {
        change("consistency", &|bad| bad.consistency[hash][0] ^= 1);
    }
    change("consistency left out", &|bad| bad.consistency.clear());
    change("consistency longer", &|bad| bad.consistency.push([0; 32]));
    change("before left out", &|bad| bad.before = None);
    change("anchors left out", &|bad| bad.anchors.clear());
    change("a later checkpoint as the one before", &|bad| {
        bad.before = Some(world.operator.checkpoint().encode());
    });
    change("another proof", &|bad| {
        bad.proof = world.operator.receipts()[2].proof.clone();
    });
    // In a receipt, a token has one form. An unsigned attribute makes it longer, at the end of each of its structures.
    change("an unsigned attribute", &|bad| {
        bad.token = with_unsigned_attributes(&bad.token, &[0xa1, 0]);
    });
    for index in 0..good.token.len().min(4) {
        change("the token's header", &|bad| bad.token[index] ^= 1);
    }
    for (what, receipt) in changed {
        if let Err(rejection) = world.judge(&receipt) {
            assert!(rejection.is_undecided(), "{what}: {rejection}");
        }
    }
}

/// Appends to the SignerInfo, with which a token ends.
fn with_unsigned_attributes(token: &[u8], field: &[u8]) -> Vec<u8> {
    fn length(der: &[u8]) -> (usize, usize) {
        match der[1] {
            short @ 0..=0x7f => (2, usize::from(short)),
            long => {
                let digits = &der[2..2 + usize::from(long & 0x7f)];
                let add = |sum, digit: &u8| sum << 8 | usize::from(*digit);
                (2 + digits.len(), digits.iter().fold(0, add))
            }
        }
    }
    fn longer(der: &[u8], field: &[u8], depth: usize) -> Vec<u8> {
        let content = &der[length(der).0..];
        let mut last = 0;
        while last + length(&content[last..]).0 + length(&content[last..]).1 < content.len() {
            last += length(&content[last..]).0 + length(&content[last..]).1;
        }
        let content = match depth {
            0 => [content, field].concat(),
            _ => [
                &content[..last],
                &longer(&content[last..], field, depth - 1),
            ]
            .concat(),
        };
        let size = u16::try_from(content.len()).unwrap().to_be_bytes();
        match content.len() {
            0..=0x7f => [&[der[0], size[1]][..], &content].concat(),
            0x80..=0xff => [&[der[0], 0x81, size[1]][..], &content].concat(),
            _ => [&[der[0], 0x82, size[0], size[1]][..], &content].concat(),
        }
    }
    // ContentInfo, [0], SignedData, signerInfos, SignerInfo.
    longer(token, field, 4)
}

/// Nobody signs which receipts a proof file holds.
#[test]
fn receipts_that_somebody_added_to_a_good_proof_file_or_took_out_disprove_nothing() {
    let operator = sent();
    let trust = operator.trust(Demand::Journalise);
    let policy = TrustPolicy::new(&trust).unwrap();
    let receipts = operator.receipts();
    let outcome = |list: &[Receipt]| {
        let content = ProofFileContent {
            documents: DOCUMENTS.to_vec(),
            receipts: list,
        };
        match verify_proof_file(&content, &policy, at(86_400)) {
            Ok(_) => Outcome::Proven,
            Err(findings) => Outcome::of(findings.iter().map(|finding| &finding.rejection)),
        }
    };
    assert_eq!(outcome(&receipts), Outcome::Proven);
    for index in 0..receipts.len() {
        let mut fewer = receipts.clone();
        fewer.remove(index);
        assert_ne!(outcome(&fewer), Outcome::Disproven, "without {index}");
        for other in 0..fewer.len() {
            let mut fewer = fewer.clone();
            fewer.remove(other);
            assert_ne!(
                outcome(&fewer),
                Outcome::Disproven,
                "without {index}, {other}"
            );
        }
        let mut more = receipts.clone();
        more.push(receipts[index].clone());
        assert_eq!(outcome(&more), Outcome::Undecided, "{index} twice");
    }
    // One of another collectivité, from the same log.
    let mut other = sent();
    let mut event = other.event(
        body(
            Detail::ContentAccessTracking(step(0)),
            Some(event_digest(&other.events[1].0)),
        ),
        None,
    );
    event.header.collectivite = Collectivite::operator();
    other.append(&event, None, false);
    let found = codes(
        &other.receipts(),
        DOCUMENTS,
        &other.trust(Demand::Journalise),
    );
    assert_eq!(found, ["file.mixed"]);
    assert!(Rejection::Mixed.is_undecided());
}

#[test]
fn after_a_hundred_rejected_receipts_of_a_file_the_rest_is_not_judged_and_that_is_said() {
    let operator = sent();
    let policy = TrustPolicy::new(&operator.trust(Demand::Journalise)).unwrap();
    let mut bad = operator.receipts()[1].clone();
    bad.proof = operator.receipts()[2].proof.clone();
    let judge = |count: usize| {
        let receipts = vec![bad.clone(); count];
        let content = ProofFileContent {
            documents: Vec::new(),
            receipts: &receipts,
        };
        let findings = verify_proof_file(&content, &policy, at(86_400)).unwrap_err();
        let left = findings.iter().find_map(|finding| match finding.rejection {
            Rejection::Unjudged { left } => Some(left),
            _ => None,
        });
        (findings.len(), left)
    };
    assert_eq!(judge(100), (100, None));
    assert_eq!(judge(103), (101, Some(3)));
}

#[test]
fn an_anchor_by_the_operators_public_authority_or_by_nobody_trusted_adds_nothing() {
    let mut world = witnessed();
    let outside = world.anchored(true);
    // The operator's own /tsa, under the same root as the evidence authority.
    let own = std::mem::replace(&mut world.outside, Operator::new());
    let public = std::mem::replace(&mut world.operator.public, own.public);
    world.outside.public = public;
    let by_public = world.anchored(true);
    assert_eq!(
        code(&world.judge(&by_public).unwrap_err()),
        "anchor.rejected"
    );
    // Whoever trusts no outside authority gets what the witnesses prove, and no more.
    world.trust.anchor_roots.clear();
    for receipt in [outside, by_public] {
        let verified = world.judge(&receipt).unwrap();
        assert_eq!(verified.level(), Demand::Temoigne);
        assert_eq!(verified.proof_of_existence(), Some(at(61)));
    }
    // A bundle that lets the evidence authorities' root anchor is no trust.
    world.trust.anchor_roots = world.trust.roots.clone();
    assert!(TrustPolicy::new(&world.trust).is_err());
}

#[test]
fn entries_of_the_first_batch_are_witnessed_by_the_empty_trees_checkpoint_which_needs_no_proof() {
    let world = witnessed();
    let good = world.receipt_after(0, &[-30, -10], &[40, 60]);
    let verified = world.judge(&good).unwrap();
    assert_eq!(verified.level(), Demand::Temoigne);
    let low = start().saturating_sub(Duration::from_secs(30));
    assert_eq!(verified.bounds(), Some((low, at(60))));

    let mut padded = good.clone();
    padded.consistency = vec![[0; 32]];
    assert_eq!(code(&world.judge(&padded).unwrap_err()), "log.consistency");
    // The empty tree has one root only.
    let mut other = good;
    let note = format!("{ORIGIN}\n0\n{}\n", "A".repeat(43) + "=");
    other.before = Some(signed(&world.operator.log, ORIGIN, &note).encode());
    assert_eq!(code(&world.judge(&other).unwrap_err()), "log.checkpoint");
}

/// Until it is shown a larger tree, a witness cosigns the old one anew for whoever asks: a stranger, or the log itself over a slow
/// way. It says of the entry nothing but that the witness had not seen it.
#[test]
fn an_old_checkpoint_cosigned_after_the_event_disproves_no_honest_receipt() {
    let world = witnessed();
    for seconds in [3, 30, 290] {
        let receipt = world.receipt(&[seconds; 2], &[seconds + 5; 2]);
        let verified = world.judge(&receipt).unwrap();
        assert_eq!(verified.level(), Demand::Temoigne);
    }
    // Beyond D the log is backdated, or was out of its witnesses' reach for as long.
    let receipt = world.receipt(&[310, 310], &[311, 311]);
    assert_eq!(
        code(&world.judge(&receipt).unwrap_err()),
        "witness.outside_bounds"
    );
}

#[test]
fn a_token_later_than_its_witnesses_is_disproven_also_without_the_checkpoint_before() {
    let mut world = witnessed();
    for demand in [Demand::Journalise, Demand::Temoigne] {
        world.trust.demand = demand;
        let whole = world.receipt(&[-3660, -3660], &[-3600, -3600]);
        let mut taken_away = whole.clone();
        taken_away.before = None;
        let mut spoilt = whole.clone();
        spoilt.before = Some("x".into());
        let mut without_cosignatures = world.receipt(&[], &[-3600, -3600]);
        without_cosignatures.anchors.clear();
        for receipt in [whole, taken_away, spoilt, without_cosignatures] {
            let rejection = world.judge(&receipt).unwrap_err();
            assert_eq!(code(&rejection), "witness.outside_bounds", "{rejection}");
        }
    }
}

/// Which of the two clocks is wrong nobody can tell.
#[test]
fn a_token_later_than_its_outside_anchor_is_not_decided() {
    let mut world = witnessed();
    world.trust.demand = Demand::Journalise;
    let anchored_at = |time: Time| {
        let mut receipt = world.receipt(&[], &[]);
        receipt.before = None;
        receipt.anchors = vec![world.anchor(&receipt, true, time)];
        world.judge(&receipt).map_err(|rejection| {
            assert!(rejection.is_undecided());
            code(&rejection)
        })
    };
    assert!(anchored_at(at(100)).is_ok());
    assert_eq!(
        anchored_at(start().saturating_sub(Duration::from_secs(3600))).unwrap_err(),
        "anchor.before_gen_time"
    );
}

#[test]
fn an_inaccurate_operator_widens_no_bound_that_does_not_need_it() {
    // Backdated by half a minute more than D, and postdated by half a minute.
    for (low, high) in [([330; 3], [360; 3]), ([-60; 3], [-30; 3])] {
        let judge = |count: usize, change: &dyn Fn(&mut [WitnessOperator])| {
            let mut world = witnessed();
            change(&mut world.trust.witnesses.operators);
            let result = world.judge(&world.receipt(&low[..count], &high[..count]));
            result.map(|_| ()).map_err(|rejection| code(&rejection))
        };
        let outside = Err("witness.outside_bounds".to_string());
        assert_eq!(judge(2, &|_| ()), outside);
        // Two suffice. The third one, whose clock may be an hour off, is absent, or not independent, or not needed.
        assert_eq!(judge(2, &|list| list[2].accuracy_ms = 3_600_000), outside);
        assert_eq!(judge(3, &|list| list[2].accuracy_ms = 3_600_000), outside);
        let dependent = |list: &mut [WitnessOperator]| {
            list[2].accuracy_ms = 3_600_000;
            list[2].independent = false;
        };
        assert_eq!(judge(3, &dependent), outside);
        // Where the quorum needs it, nothing better is known.
        assert_eq!(judge(2, &|list| list[1].accuracy_ms = 3_600_000), Ok(()));
    }
    // Its doubt is part of the proof of existence.
    let mut world = witnessed();
    world.trust.witnesses.operators[1].accuracy_ms = 3_600_000;
    let verified = world.judge(&world.receipt(&[0, 0], &[60, 60])).unwrap();
    assert_eq!(verified.proof_of_existence(), Some(at(3660)));
}

#[test]
fn neither_one_witness_nor_a_dependent_one_nor_a_zero_time_makes_a_quorum() {
    let mut world = witnessed();
    let level = |result: Result<_, Rejection>| code(&result.err().unwrap());
    assert_eq!(
        level(world.judge(&world.receipt(&[0, 0], &[60]))),
        "level.below_demand"
    );
    let zero = -start().unix_secs();
    assert_eq!(
        level(world.judge(&world.receipt(&[0, 0], &[60, zero]))),
        "level.below_demand"
    );
    world.trust.witnesses.operators[0].independent = false;
    assert_eq!(
        level(world.judge(&world.receipt(&[0, 0], &[60, 60]))),
        "level.below_demand"
    );
    // Two keys of one operator are one operator.
    let second = world.trust.witnesses.operators.remove(1);
    world.trust.witnesses.operators[0].independent = true;
    world.trust.witnesses.operators[0].keys.extend(second.keys);
    assert_eq!(
        level(world.judge(&world.receipt(&[0, 0], &[60, 60]))),
        "level.below_demand"
    );
}

#[test]
fn a_key_listed_under_two_operators_makes_no_quorum_of_one() {
    let mut world = witnessed();
    world.trust.witnesses.operators[1].keys = vec![world.witnesses[0].vkey()];
    let problem = TrustPolicy::new(&world.trust).unwrap_err();
    assert_eq!(problem.place, "witnesses.operators[1].keys");
}

/// An event, its personal part, and whether the public authority stamps it.
type Further = (EvidenceEvent, Option<ErasablePart>, bool);

fn attacks() -> Vec<(&'static str, Vec<String>)> {
    let operator = sent();
    let trust = operator.trust(Demand::Journalise);
    let receipts = operator.receipts();
    let file = |change: &dyn Fn(&mut Vec<Receipt>)| {
        let mut changed = receipts.clone();
        change(&mut changed);
        codes(&changed, DOCUMENTS, &trust)
    };
    let with_trust = |change: &dyn Fn(&mut TrustBundle)| {
        let mut changed = trust.clone();
        change(&mut changed);
        codes(&receipts, DOCUMENTS, &changed)
    };
    // An operator who records one more event, wrong in itself.
    let further = |event: &dyn Fn(&Operator) -> Further| {
        let mut other = sent();
        let (event, personal, public) = event(&other);
        other.append(&event, personal, public);
        codes(
            &other.receipts(),
            DOCUMENTS,
            &other.trust(Demand::Journalise),
        )
    };
    let consignment = |other: &Operator| event_digest(&other.events[1].0);
    let sending = |other: &Operator| event_digest(&other.events[0].0);
    let opened = |other: &Operator| {
        other.event(
            body(
                Detail::ContentAccessTracking(step(0)),
                Some(consignment(other)),
            ),
            None,
        )
    };
    let world = witnessed();
    let witness = |receipt: Receipt| vec![code(&world.judge(&receipt).unwrap_err())];
    let sent_with = |change: &dyn Fn(&mut Submission)| {
        let mut other = Operator::new();
        let mut changed = submission();
        change(&mut changed);
        other.record(body(Detail::SubmissionAcceptance(changed), None), None);
        codes(
            &other.receipts(),
            DOCUMENTS,
            &other.trust(Demand::Journalise),
        )
    };
    let closed = |size: u64, root: Sha256Digest| {
        with_trust(&|trust| {
            trust.shards[0].final_size = Some(size);
            trust.shards[0].final_root = Some(root);
        })
    };
    let mut elsewhere = Operator::new();
    elsewhere.origin = "kbox.example/log/2".to_string();
    elsewhere.record(body(Detail::SubmissionAcceptance(submission()), None), None);

    vec![
        ("event.malformed", file(&|list| list[1].event[0] ^= 1)),
        (
            "event.environment",
            with_trust(&|trust| trust.environment = Environment::Production),
        ),
        (
            "log.unknown",
            file(&|list| list.push(elsewhere.receipts().remove(0))),
        ),
        ("token.malformed", file(&|list| list[1].token[0] ^= 1)),
        (
            "token.rejected",
            file(&|list| {
                let other = list[2].event.clone();
                list[1].event = other;
            }),
        ),
        (
            "token.policy",
            further(&|other| (opened(other), None, true)),
        ),
        (
            "token.authority",
            with_trust(&|trust| {
                // The auditor trusts the other authority's certificate under the evidence policy.
                trust.authorities[0].chain = operator
                    .public
                    .chain()
                    .iter()
                    .map(|der| certificate_to_pem(der))
                    .collect();
            }),
        ),
        (
            "token.authority_range",
            with_trust(&|trust| trust.authorities[0].to = Some(3)),
        ),
        (
            "log.proof",
            file(&|list| list[1].proof = list[2].proof.clone()),
        ),
        ("log.origin", {
            let mut changed = trust.clone();
            changed.shards[0].vkey = operator.log.vkey("kbox.example/other");
            let mut other = sent();
            other.log = LogSigner::from_seed(&[200; 32]).unwrap();
            let checkpoint =
                Checkpoint::new("kbox.example/other", other.edge.size(), other.edge.root())
                    .unwrap();
            let note = signed(&other.log, "kbox.example/other", &checkpoint.encode());
            changed.authorities = other.trust(Demand::Journalise).authorities;
            changed.roots = other.trust(Demand::Journalise).roots;
            codes(&[other.receipt_under(0, note)], DOCUMENTS, &changed)
        }),
        ("log.beyond_end", closed(3, Sha256Digest::of(b"root"))),
        ("log.two_histories", closed(7, Sha256Digest::of(b"root"))),
        ("log.not_final", closed(9, Sha256Digest::of(b"root"))),
        ("log.opening", {
            let mut other = sent();
            let opening = shard_opening(OpeningReason::Restore);
            other.record(body(Detail::ShardOpening(opening.clone()), None), None);
            let mut changed = other.trust(Demand::Journalise);
            changed.shards.push(Shard {
                origin: opening.previous.clone(),
                vkey: other.log.vkey(opening.previous.as_str()),
                final_size: Some(opening.size + 1),
                final_root: Some(opening.root),
                trees: Vec::new(),
            });
            codes(&other.receipts(), DOCUMENTS, &changed)
        }),
        ("token.from_the_future", {
            let early = TrustPolicy::new(&trust).unwrap();
            let now = start().saturating_sub(Duration::from_secs(60));
            vec![code(
                &verify_receipt(&receipts[0], &early, now).unwrap_err(),
            )]
        }),
        ("log.checkpoint", {
            let mut receipt = world.receipt(&[0, 0], &[60, 60]);
            let other = LogSigner::from_seed(&[201; 32]).unwrap();
            let checkpoint =
                Checkpoint::new(ORIGIN, TreeSize::new(1), world.operator.before[1].1).unwrap();
            receipt.before = Some(signed(&other, ORIGIN, &checkpoint.encode()).encode());
            witness(receipt)
        }),
        ("log.consistency", {
            let mut receipt = world.receipt(&[0, 0], &[60, 60]);
            receipt.consistency[0][0] ^= 1;
            witness(receipt)
        }),
        ("log.before_contains_entry", {
            let mut receipt = world.receipt(&[0, 0], &[60, 60]);
            receipt.before = Some(world.operator.checkpoint().encode());
            witness(receipt)
        }),
        ("witness.cosignature", {
            let mut receipt = world.receipt(&[0, 0], &[60, 60]);
            let proof = TlogProof::parse(receipt.proof.as_bytes()).unwrap();
            let id = note_key_id(
                &world.witnesses[2].name,
                Witness::key_type(),
                &world.witnesses[2].signer.public_key(),
            );
            let forged = proof.checkpoint().clone().with_signature(
                world.witnesses[2].name.clone(),
                id,
                timestamped_signature(1_795_631_400, &[0; 64]),
            );
            receipt.proof =
                TlogProof::new(None, proof.index(), proof.proof().clone(), forged).encode();
            witness(receipt)
        }),
        (
            "witness.outside_bounds",
            witness(world.receipt(&[3600, 3600], &[3660, 3660])),
        ),
        (
            "witness.gap",
            witness(world.receipt(&[0, 0], &[3600, 3600])),
        ),
        ("anchor.before_gen_time", {
            let mut receipt = world.receipt(&[0, 0], &[60, 60]);
            let hour_before = start().saturating_sub(Duration::from_secs(3600));
            receipt
                .anchors
                .push(world.anchor(&receipt, true, hour_before));
            witness(receipt)
        }),
        ("anchor.malformed", {
            let mut receipt = world.anchored(true);
            receipt.anchors[0].token[0] ^= 1;
            witness(receipt)
        }),
        ("anchor.rejected", {
            let mut receipt = world.anchored(true);
            let later = world.receipt(&[0, 0], &[60, 60, 60]);
            let note = TlogProof::parse(later.proof.as_bytes())
                .unwrap()
                .checkpoint()
                .encode();
            receipt.anchors[0].checkpoint = note;
            witness(receipt)
        }),
        ("anchor.not_outside", witness(world.anchored(false))),
        ("level.below_demand", witness(world.receipt(&[0], &[60]))),
        (
            "personal.mismatch",
            file(&|list| {
                let (one, other) = (list[1].personal.clone(), list[3].personal.clone());
                list[1].personal = other;
                list[3].personal = one;
            }),
        ),
        (
            "personal.roster",
            further(&|other| {
                let part = personal(1);
                let event = other.event(
                    body(Detail::ContentConsignment(step(0)), Some(sending(other))),
                    Some(&part),
                );
                (event, Some(part), false)
            }),
        ),
        ("file.no_submission", {
            let mut other = Operator::new();
            let bundle = TrustBundlePublication {
                version: 1,
                bundle: Sha256Digest::of(b"{}"),
            };
            other.record(body(Detail::TrustBundlePublication(bundle), None), None);
            codes(&other.receipts(), &[], &other.trust(Demand::Journalise))
        }),
        (
            "file.mixed",
            further(&|other| {
                let mut event = opened(other);
                event.header.collectivite = Collectivite::operator();
                (event, None, false)
            }),
        ),
        (
            "file.unjudged",
            file(&|list| {
                list[1].proof = list[2].proof.clone();
                *list = vec![list[1].clone(); 103];
            }),
        ),
        ("file.duplicate", file(&|list| list.push(list[2].clone()))),
        ("file.gap", file(&|list| drop(list.remove(4)))),
        (
            "file.chain",
            further(&|other| {
                let mut event = opened(other);
                event.header.previous = Some(Sha256Digest::of(b"another past"));
                (event, None, false)
            }),
        ),
        (
            "file.reference",
            further(&|other| {
                // The second member's opening cites the first one's consignment.
                (
                    other.event(
                        body(
                            Detail::ContentAccessTracking(step(1)),
                            Some(consignment(other)),
                        ),
                        None,
                    ),
                    None,
                    false,
                )
            }),
        ),
        (
            "file.outside_sending",
            further(&|other| {
                (
                    other.event(
                        body(Detail::ContentConsignment(step(9)), Some(sending(other))),
                        None,
                    ),
                    None,
                    false,
                )
            }),
        ),
        (
            "document.unknown",
            codes(
                &receipts,
                &[("01.pdf", PAPER), ("02.pdf", b"added")],
                &trust,
            ),
        ),
        ("document.missing", codes(&receipts, &[], &trust)),
        (
            "law.rule",
            sent_with(&|submission| submission.rule.jours = 3),
        ),
        (
            "law.unknown",
            sent_with(&|submission| submission.seance.instance = text("chapitre")),
        ),
    ]
}

#[test]
fn every_attack_is_rejected_with_its_own_code_and_every_code_has_an_attack() {
    let attacks = attacks();
    for (code, found) in &attacks {
        assert!(
            found.iter().any(|one| one == code),
            "{code}: found {found:?}"
        );
    }
    let tested: BTreeSet<_> = attacks.iter().map(|(code, _)| *code).collect();
    let all: BTreeSet<_> = Rejection::CODES.iter().copied().collect();
    assert_eq!(tested, all);
}

#[test]
fn an_expired_certificate_without_proof_of_existence_is_undecided_and_with_one_it_is_proven() {
    let world = witnessed();
    let far = Time::parse_rfc3339("2200-01-01T00:00:00Z").unwrap();
    let policy = TrustPolicy::new(&world.operator.trust(Demand::Journalise)).unwrap();
    let rejection = verify_receipt(&world.operator.receipts()[1], &policy, far).unwrap_err();
    assert_eq!(Outcome::of([&rejection]), Outcome::Undecided, "{rejection}");
    let policy = TrustPolicy::new(&world.trust).unwrap();
    assert!(verify_receipt(&world.receipt(&[0, 0], &[60, 60]), &policy, far).is_ok());
}

/// A decoy in time beside the real sending that was late: the decoy's papers alone in the file.
#[test]
fn a_sending_of_the_same_seance_whose_papers_are_left_out_is_named_and_is_a_reservation() {
    let mut operator = sent();
    let mut second = submission();
    second.version = 2;
    second.papers[0].digest = Sha256Digest::of(b"what the members really got");
    let first = event_digest(&operator.events[0].0);
    operator.record(
        body(Detail::SubmissionAcceptance(second), Some(first)),
        None,
    );
    let (file, reports) = file_and_reports(&operator);
    assert_eq!(file.sendings().len(), 1);
    assert_eq!(file.unjudged().len(), 1);
    assert!(file.has_reservation());
    assert!(
        reports[0].contains("avec réserve")
            && reports[0].contains("un autre envoi pour la même séance"),
        "{}",
        reports[0]
    );
}

/// An operator under a CA whose key stays at hand, so that it can revoke: 1 is the evidence authority, 2 the public one.
fn revocable() -> (Operator, rcgen::Issuer<'static, rcgen::KeyPair>) {
    let params = |name, serial: u64| {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in [
            (rcgen::DnType::CountryName, "FR"),
            (rcgen::DnType::OrganizationName, "Test"),
            (rcgen::DnType::CommonName, name),
        ] {
            params.distinguished_name.push(kind, value);
        }
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2036, 1, 1);
        params.serial_number = Some(serial.into());
        params
    };
    let key = || rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let root_key = key();
    let mut root = params("CA", 9);
    root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
    root.key_usages = vec![
        rcgen::KeyUsagePurpose::KeyCertSign,
        rcgen::KeyUsagePurpose::CrlSign,
    ];
    let root_der = root.self_signed(&root_key).unwrap().der().to_vec();
    let issuer = rcgen::Issuer::new(root, root_key);
    let authority = |name, serial, policy| {
        let key = key();
        let mut params = params(name, serial);
        params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
        // id-kp-timeStamping alone, critical (RFC 3161 §2.3).
        let purpose = b"\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x08".to_vec();
        let mut usage = rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 37], purpose);
        usage.set_criticality(true);
        params.custom_extensions.push(usage);
        let certificate = params.signed_by(&key, &issuer).unwrap().der().to_vec();
        let config = AuthorityConfig::new(
            TokenSigner::from_pkcs8_pem(&key.serialize_pem()).unwrap(),
            vec![certificate, root_der.clone()],
            policy,
        );
        Authority::new(config, start()).unwrap()
    };
    let mut operator = Operator::new();
    operator.evidence = authority("Evidence", 1, Oid::demonstration_evidence_policy());
    operator.public = authority("Public", 2, Oid::demonstration_public_policy());
    operator.pki_root = root_der;
    (sent_by(operator), issuer)
}

/// A list of New Year 2027.
fn list(
    issuer: &rcgen::Issuer<'static, rcgen::KeyPair>,
    revoked: &[(u64, u8, rcgen::RevocationReason)],
) -> Vec<u8> {
    let entry = |(serial, day, reason): &(u64, u8, _)| rcgen::RevokedCertParams {
        serial_number: (*serial).into(),
        revocation_time: rcgen::date_time_ymd(2026, 11, *day),
        reason_code: Some(*reason),
        invalidity_date: None,
    };
    let params = rcgen::CertificateRevocationListParams {
        this_update: rcgen::date_time_ymd(2027, 1, 1),
        next_update: rcgen::date_time_ymd(2027, 2, 1),
        crl_number: 1.into(),
        issuing_distribution_point: None,
        revoked_certs: revoked.iter().map(entry).collect(),
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    params.signed_by(issuer).unwrap().der().to_vec()
}

#[test]
fn a_revoked_authority_is_judged_at_the_proof_of_existence_and_not_at_the_time_it_states() {
    use rcgen::RevocationReason as Reason;
    let (operator, issuer) = revocable();
    let mut world = witnessed_by(operator);
    let witnessed = world.receipt(&[0, 0], &[60, 60]);
    let bare = world.operator.receipts().remove(1);
    // Tokens of 24 November, witnessed within a minute; judged on the 25th where there is no witness.
    let mut verdicts = |day, reason| {
        world.trust.crls = vec![list(&issuer, &[(1, day, reason)])];
        world.trust.demand = Demand::Journalise;
        [&witnessed, &bare].map(|receipt| match world.judge(receipt) {
            Ok(verified) => (verified.revocation().code(), Outcome::Proven),
            Err(rejection) => (rejection.code(), Outcome::of([&rejection])),
        })
    };
    let stands = ("revoked_later", Outcome::Proven);
    assert_eq!(
        verdicts(25, Reason::Superseded),
        [stands, ("tsp.revoked_no_poe", Outcome::Undecided)]
    );
    assert_eq!(
        verdicts(25, Reason::KeyCompromise),
        [stands, ("tsp.revoked_key_compromise", Outcome::Disproven)]
    );
    assert_eq!(
        verdicts(24, Reason::KeyCompromise),
        [("tsp.revoked_key_compromise", Outcome::Disproven); 2]
    );
    assert_eq!(
        verdicts(24, Reason::Superseded),
        [("tsp.revoked", Outcome::Disproven); 2]
    );

    // An anchor is as good as its authority.
    let (outside, outside_issuer) = revocable();
    world.trust.anchor_roots = vec![certificate_to_pem(&outside.pki_root)];
    world.outside = outside;
    let anchored = world.anchored(true);
    for (revoked, known) in [
        (vec![], Ok(Revocation::NotRevoked)),
        (
            vec![(2, 25, Reason::KeyCompromise)],
            Err(Outcome::Undecided),
        ),
        (vec![(2, 25, Reason::Superseded)], Err(Outcome::Undecided)),
    ] {
        world.trust.crls = vec![list(&issuer, &[]), list(&outside_issuer, &revoked)];
        let found = world.judge(&anchored).map(|verified| verified.revocation());
        let found = found.map_err(|rejection| {
            assert_eq!(rejection.code(), "anchor.rejected");
            Outcome::of([&rejection])
        });
        assert_eq!(found, known);
    }
}

#[test]
fn what_is_known_of_revocation_is_said_in_every_report_and_never_left_to_silence() {
    use rcgen::RevocationReason as Reason;
    let (operator, issuer) = revocable();
    let receipts = operator.receipts();
    let content = ProofFileContent {
        documents: DOCUMENTS.to_vec(),
        receipts: &receipts,
    };
    let mut trust = operator.trust(Demand::Journalise);
    // On the 24th, hours before the date of the revocation; and two years later.
    let (soon, late) = (at(60), at(2 * 365 * 86_400));
    for (crls, now, french, english) in [
        (vec![], soon, "n'a pas été vérifiée", "was not checked"),
        (
            vec![list(&issuer, &[])],
            soon,
            "Aucun certificat n'était révoqué",
            "No certificate was revoked",
        ),
        (
            vec![list(&issuer, &[])],
            late,
            "n'est pas établie",
            "is not settled",
        ),
        (
            vec![list(&issuer, &[(1, 25, Reason::KeyCompromise)])],
            soon,
            "révoqué le 2026-11-25T00:00:00Z",
            "revoked at 2026-11-25T00:00:00Z",
        ),
        (
            vec![list(&issuer, &[(1, 25, Reason::KeyCompromise)])],
            late,
            "révoqué depuis le 2026-11-25T00:00:00Z (motif : clé compromise, keyCompromise)",
            "revoked since 2026-11-25T00:00:00Z (reason: keyCompromise)",
        ),
    ] {
        trust.crls = crls;
        let policy = TrustPolicy::new(&trust).unwrap();
        let file = verify_proof_file(&content, &policy, now);
        let receipt = verify_receipt(&receipts[1], &policy, now);
        for (language, words) in [(Language::French, french), (Language::English, english)] {
            for report in [
                report::proof_file(&file, &policy, language),
                report::receipt(&receipt, &policy, language),
            ] {
                assert!(report.to_text().contains(words), "{}", report.to_text());
                assert!(report.to_html().contains(words), "{}", report.to_html());
            }
        }
    }
}

#[test]
fn a_trust_bundle_keeps_its_revocation_lists_and_one_that_cannot_be_used_is_named() {
    let (operator, issuer) = revocable();
    let mut trust = operator.trust(Demand::Journalise);
    assert!(!trust.to_json().contains("crls") && !trust.to_json().contains("ocsp"));
    trust.crls = vec![list(&issuer, &[])];
    trust.ocsp = vec![vec![0x30, 3, 0x0a, 1, 3]];
    let json = trust.to_json();
    assert_eq!(TrustBundle::from_json(json.as_bytes()).as_ref(), Ok(&trust));
    assert!(TrustBundle::from_json(json.replace("MAMKAQM=", "MAMKAQN=").as_bytes()).is_err());
    // A response of "try later" holds no answer.
    assert_eq!(TrustPolicy::new(&trust).unwrap_err().place, "ocsp[0]");
    trust.ocsp.clear();
    assert!(TrustPolicy::new(&trust).is_ok());
    trust.crls.push(b"noise".to_vec());
    assert_eq!(TrustPolicy::new(&trust).unwrap_err().place, "crls[1]");
    trust.crls = vec![vec![0]; 257];
    assert!(TrustBundle::from_json(trust.to_json().as_bytes()).is_err());
    trust.crls.clear();
    trust.ocsp = vec![vec![0]; 257];
    assert!(TrustBundle::from_json(trust.to_json().as_bytes()).is_err());
}
