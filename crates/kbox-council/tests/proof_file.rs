// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The workflow over a real ledger: what its proof files prove to a verifier, and that the dashboard says the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::Arc;

use kbox_council::{
    Collectivite, Council, CouncilConfig, Elu, EvidenceError, LedgerEvidence, NewPaper, Seance,
};
use kbox_proof::clock::{ClockError, TestClock};
use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::{
    Channel, Environment, ErasureBasis, EventId, Origin, PaperNature, PersonalDataErasure,
};
use kbox_proof::key::LogSigner;
use kbox_proof::law::Verdict;
use kbox_proof::ledger::{Erasure, Ledger, LedgerConfig};
use kbox_proof::pki::DevPki;
use kbox_proof::receipt::{Demand, ProofFile, Shard, TrustBundle, TrustedAuthority};
use kbox_proof::store::MemoryStore;
use kbox_proof::time::Time;
use kbox_proof::tsa::{Authority, AuthorityConfig};
use kbox_proof::tsp::{TsaPolicyId, certificate_to_pem};
use kbox_proof::verify::{Finding, TrustPolicy, VerifiedProofFile, verify_proof_file};
use support::{Inbox, tokens};

const SIREN: &str = "218002533";
const ORIGIN: &str = "kbox.example/log/1";

struct Scene {
    council: Council,
    ledger: Arc<Ledger>,
    clock: Arc<TestClock>,
    inbox: Inbox,
    policy: TrustPolicy,
}

fn now() -> Time {
    Time::parse_rfc3339("2026-11-24T09:00:00Z").unwrap()
}

fn scene(members: u8) -> Scene {
    let pki = DevPki::generate(now(), true).unwrap();
    let pem: Vec<String> = pki
        .evidence
        .chain
        .iter()
        .map(|der| certificate_to_pem(der))
        .collect();
    let policy = TsaPolicyId::demonstration_evidence_policy();
    let origin = Origin::parse(ORIGIN).unwrap();
    let log = LogSigner::generate().unwrap();
    let bundle = TrustBundle::new(
        Environment::Demonstration,
        TrustedAuthority {
            chain: pem.clone(),
            policy: policy.to_string(),
            origin: origin.clone(),
            from: 0,
            to: None,
        },
        vec![pem.last().unwrap().clone()],
        Shard {
            origin: origin.clone(),
            vkey: log.vkey(ORIGIN),
            final_size: None,
            final_root: None,
            trees: Vec::new(),
        },
        Demand::Journalise,
    );
    let authority = AuthorityConfig::new(pki.evidence.signer, pki.evidence.chain, policy);
    let clock = Arc::new(TestClock::at(now()));
    let mut settings = LedgerConfig::new(origin, Environment::Demonstration);
    settings.scrub = Arc::new(kbox_council::scrub);
    let ledger = Arc::new(
        Ledger::open(
            settings,
            Arc::new(MemoryStore::new()),
            Authority::new(authority, now()).unwrap(),
            log,
            clock.clone(),
        )
        .unwrap(),
    );
    let inbox = Inbox::default();
    let config = CouncilConfig {
        base_url: "http://127.0.0.1:1".into(),
        relay: Some(inbox.start()),
    };
    let evidence = LedgerEvidence::new(Arc::clone(&ledger), clock.clone());
    let council = Council::new(Arc::new(evidence), config);
    council
        .add_collectivite(&Collectivite {
            siren: SIREN.into(),
            nom: "Commune de Doullens".into(),
            instance: "commune".into(),
            population: Some(5751),
            departement: Some("80".into()),
            fuseau: "Europe/Paris".into(),
        })
        .unwrap();
    for number in 0..members {
        let elu = Elu {
            id: format!("elu-{number:02}"),
            nom: format!("Élu {number}"),
            fonction: "Conseiller municipal".into(),
            courriel: format!("elu{number}@example.invalid"),
            canal: Channel::Dematerialise,
            canal_choisi_le: "2026-03-21".into(),
            pour_information: false,
        };
        council.add_elu(SIREN, &elu).unwrap();
    }
    Scene {
        council,
        ledger,
        clock,
        inbox,
        policy: TrustPolicy::new(&bundle).unwrap(),
    }
}

impl Scene {
    fn seance(&self, id: &str) {
        let seance = Seance {
            id: id.into(),
            intitule: format!("Conseil {id}"),
            lieu: "Hôtel de ville".into(),
            debut: "2026-12-02T18:30".into(),
            auteur: "Le maire".into(),
            urgence: None,
            seconde_convocation: false,
        };
        self.council.add_seance(SIREN, &seance).unwrap();
        for (nom, nature, text) in [
            (
                "convocation.pdf",
                PaperNature::Convocation,
                format!("convocation {id}"),
            ),
            (
                "note.pdf",
                PaperNature::NoteDeSynthese,
                format!("note {id}"),
            ),
            // The same in every séance.
            (
                "reglement.pdf",
                PaperNature::Annexe,
                "règlement intérieur".to_string(),
            ),
        ] {
            let paper = NewPaper {
                nom: nom.into(),
                titre: nom.into(),
                nature,
                digest: Some(Sha256Digest::of(text.as_bytes())),
            };
            self.council
                .add_paper(SIREN, id, &paper, text.as_bytes())
                .unwrap();
        }
    }

    fn verify(&self, file: &ProofFile) -> Result<VerifiedProofFile, Vec<Finding>> {
        verify_proof_file(&file.content(), &self.policy, now())
    }

    fn proven(&self, id: &str) -> VerifiedProofFile {
        let file = self.council.proof_file(SIREN, id).unwrap();
        self.verify(&file).unwrap()
    }
}

#[test]
fn the_proof_file_of_each_of_two_interleaved_seances_is_complete_and_shows_nobody_of_the_other() {
    let scene = scene(3);
    let council = &scene.council;
    for id in ["un", "deux"] {
        scene.seance(id);
        council.seal(SIREN, id).unwrap();
        council.consign(SIREN, id).unwrap();
    }
    council.notify(SIREN, "un", &mut |_| ()).unwrap();
    council.notify(SIREN, "deux", &mut |_| ()).unwrap();
    for token in tokens(&scene.inbox) {
        council.open(&token, Some("192.0.2.7")).unwrap();
        council.acknowledge(&token, None).unwrap();
    }
    for id in ["un", "deux"] {
        let file = council.proof_file(SIREN, id).unwrap();
        let proven = scene.verify(&file).unwrap();
        let [sending] = proven.sendings() else {
            panic!("{id}: {} sendings", proven.sendings().len());
        };
        assert_eq!(sending.submission.seance.id.as_str(), id);
        assert!(
            sending
                .recipients
                .iter()
                .all(|line| line.acknowledged.is_some() && line.identity.is_some())
        );
        assert!(
            proven.others() > 0,
            "{id}: events of the other séance stand in between"
        );
        let personal = file
            .receipts
            .iter()
            .filter(|receipt| receipt.personal.is_some())
            .count();
        assert_eq!(
            personal,
            3 * 4,
            "{id}: nothing personal of the other séance leaves"
        );
    }
    // Leaving out one event of the séance, or of the other one, shows.
    let file = council.proof_file(SIREN, "un").unwrap();
    for place in 0..file.receipts.len() - 1 {
        let mut less = file.clone();
        less.receipts.remove(place);
        assert!(scene.verify(&less).is_err(), "without receipt {place}");
    }
    // And a paper of the other séance is none of this one's.
    let mut more = file;
    more.documents.push(
        council
            .proof_file(SIREN, "deux")
            .unwrap()
            .documents
            .remove(0),
    );
    assert!(scene.verify(&more).is_err());
}

#[test]
fn the_dashboard_and_the_verification_of_the_proof_file_say_the_same() {
    let scene = scene(4);
    scene
        .inbox
        .refuse
        .lock()
        .unwrap()
        .push(("elu2@".into(), 550));
    scene.seance("un");
    scene.council.seal(SIREN, "un").unwrap();
    scene.council.consign(SIREN, "un").unwrap();
    scene.council.notify(SIREN, "un", &mut |_| ()).unwrap();
    let dashboard = scene.council.dashboard(SIREN, "un").unwrap();
    let proven = scene.proven("un");
    let sending = &proven.sendings()[0];
    let without: Vec<u32> = sending
        .without_notice()
        .map(|line| line.recipient)
        .collect();
    assert_eq!((dashboard.sans_avis, without), (vec![2], vec![2]));
    assert_eq!(
        dashboard.verdict.unwrap().verdict.as_deref(),
        Some("respecte")
    );
    assert_eq!(sending.verdict().unwrap().by_gen_time, Verdict::Respecte);
}

#[test]
fn without_trusted_time_nothing_is_recorded_or_sent() {
    let scene = scene(2);
    scene.seance("un");
    scene.council.seal(SIREN, "un").unwrap();
    let size = scene.ledger.size();
    scene.clock.set(Err(ClockError::Unsynchronised));
    let error = scene.council.consign(SIREN, "un").unwrap_err();
    assert!(
        matches!(
            error,
            kbox_council::CouncilError::Evidence(EvidenceError::TimeNotAvailable(_))
        ),
        "{error}"
    );
    assert_eq!(scene.ledger.size(), size);
    assert!(scene.inbox.mails.lock().unwrap().is_empty());
}

#[test]
fn an_erased_recipient_is_nowhere_in_the_records_and_the_proof_file_says_by_whose_decision() {
    let scene = scene(3);
    let council = &scene.council;
    scene.seance("un");
    council.seal(SIREN, "un").unwrap();
    council.consign(SIREN, "un").unwrap();
    council.notify(SIREN, "un", &mut |_| ()).unwrap();
    let links = tokens(&scene.inbox);
    for token in &links {
        council.open(token, Some("192.0.2.7")).unwrap();
    }
    let before = scene.proven("un");
    let erase = |event_id: &str| {
        let erasure = Erasure {
            event_id: EventId::parse(event_id).unwrap(),
            content: PersonalDataErasure::new(
                ErasureBasis::NoLongerNecessary,
                "Registre 2026-17",
                "DPO",
            )
            .unwrap(),
            claimed_time: now(),
        };
        council.exclusively(SIREN, || scene.ledger.erase(erasure).unwrap().unwrap())
    };
    let records = || {
        let kept = scene.ledger.store().scan(b"council/destinataire/").unwrap();
        let text: Vec<_> = kept
            .iter()
            .map(|(_, value)| String::from_utf8(value.clone()).unwrap())
            .collect();
        text.join("\n")
    };
    let destinataire = council.destinataires(SIREN, "un").unwrap().remove(1);
    let salt = serde_json::to_string(&destinataire.sel).unwrap();
    let events: Vec<_> = destinataire
        .steps
        .iter()
        .map(|step| step.trace.clone().unwrap().event_id)
        .collect();
    assert_eq!(events.len(), 3);
    let (last, first) = events.split_last().unwrap();
    for event in first {
        erase(event);
        // One event of the person still needs the name.
        assert!(records().contains("elu1@example.invalid"));
        council.member(&links[1]).unwrap();
    }
    erase(last);
    for gone in ["elu1@example.invalid", "Élu 1", "elu-01", &salt] {
        assert!(!records().contains(gone), "{gone}");
    }
    assert!(records().contains("elu2@example.invalid"));
    assert!(council.member(&links[1]).is_err());
    assert!(council.open(&links[1], None).is_err());
    council.member(&links[2]).unwrap();
    // Nobody is told again.
    let mails = scene.inbox.mails.lock().unwrap().len();
    council.notify(SIREN, "un", &mut |_| ()).unwrap();
    assert_eq!(scene.inbox.mails.lock().unwrap().len(), mails);
    let dashboard = council.dashboard(SIREN, "un").unwrap();
    assert_eq!(dashboard.lignes[1].nom, "Données effacées");

    let after = scene.proven("un");
    let (was, is) = (&before.sendings()[0], &after.sendings()[0]);
    for (was, is) in was.recipients.iter().zip(&is.recipients) {
        assert_eq!(
            (was.consigned, was.notified, was.opened),
            (is.consigned, is.notified, is.opened)
        );
        assert_eq!(is.identity.is_none(), is.recipient == 1);
    }
    assert_eq!(
        was.verdict().unwrap().by_gen_time,
        is.verdict().unwrap().by_gen_time
    );
    let erased: Vec<_> = after.erasures().iter().map(|one| one.erased).collect();
    let ranks: Vec<_> = destinataire
        .steps
        .iter()
        .map(|step| step.trace.as_ref().unwrap().rank)
        .collect();
    assert_eq!(erased, ranks);
    assert!(after.erasures().iter().all(|one| !one.still_here));
}
