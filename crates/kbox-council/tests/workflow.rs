// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The workflow against a relay that speaks real SMTP and a ledger of its own that only counts.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use kbox_council::{
    Collectivite, Council, CouncilConfig, CouncilError, Elu, Evidence, EvidenceError, NewPaper,
    Seance, Step, Trace,
};
use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::{self, Channel, Environment, EventId, PaperNature};
use kbox_proof::receipt::Receipt;
use kbox_proof::time::Time;
use serde_json::json;
use support::{Inbox, tokens};

type Records = BTreeMap<Vec<u8>, Vec<u8>>;

/// Counts events and keeps records; refuses when told to. What real evidence needs is tested with the ledger.
struct Counting {
    records: Mutex<Records>,
    events: Mutex<Vec<(String, Vec<u8>, Trace)>>,
    clock: AtomicI64,
    no_time: AtomicBool,
    random: AtomicU8,
}

impl Counting {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            records: Mutex::default(),
            events: Mutex::default(),
            clock: AtomicI64::new(
                Time::parse_rfc3339("2026-11-24T10:00:00Z")
                    .unwrap()
                    .unix_secs(),
            ),
            no_time: AtomicBool::new(false),
            random: AtomicU8::new(0),
        })
    }
    fn count(&self) -> usize {
        self.events.lock().unwrap().len()
    }
}

impl Evidence for Counting {
    fn record(
        &self,
        owner: &event::Collectivite,
        steps: &[&Step],
        puts: Vec<(Vec<u8>, Vec<u8>)>,
    ) -> Result<Vec<Trace>, EvidenceError> {
        if !steps.is_empty() {
            self.now()?;
        }
        let mut events = self.events.lock().unwrap();
        let mut traces = Vec::new();
        for step in steps {
            let mut content = step.body.idempotency_bytes().unwrap();
            if let Some(personal) = &step.personal {
                content.extend(personal.to_der().unwrap());
            }
            // As in the ledger, a request id is its collectivité's own.
            let name = format!("{}/{}", owner.as_str(), step.request_id);
            if let Some((_, known, trace)) = events.iter().find(|(id, ..)| *id == name) {
                if *known != content {
                    return Err(EvidenceError::Conflict(step.request_id.clone()));
                }
                traces.push(trace.clone());
                continue;
            }
            let rank = u64::try_from(events.len()).unwrap();
            let trace = Trace {
                event_id: format!("{rank:032x}"),
                digest: Sha256Digest::of(name.as_bytes()),
                gen_time: self.now()?,
                precision_ms: 1000,
                rank,
            };
            events.push((name, content, trace.clone()));
            traces.push(trace);
        }
        self.records.lock().unwrap().extend(puts);
        Ok(traces)
    }
    fn receipt(&self, id: &EventId) -> Result<Receipt, EvidenceError> {
        Ok(Receipt {
            event: id.as_bytes().to_vec(),
            personal: None,
            token: vec![],
            proof: String::new(),
            before: None,
            consistency: vec![],
            anchors: vec![],
        })
    }
    fn receipts(
        &self,
        _: &event::Collectivite,
        first: u64,
        last: u64,
    ) -> Result<Vec<Receipt>, EvidenceError> {
        (first..=last)
            .map(|rank| self.receipt(&EventId::from_bytes(u128::from(rank).to_be_bytes())))
            .collect()
    }
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EvidenceError> {
        Ok(self.records.lock().unwrap().get(key).cloned())
    }
    fn scan(&self, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Vec<u8>)>, EvidenceError> {
        let records = self.records.lock().unwrap();
        let from = records
            .range(prefix.to_vec()..)
            .take_while(|(key, _)| key.starts_with(prefix));
        Ok(from
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }
    fn now(&self) -> Result<Time, EvidenceError> {
        if self.no_time.load(Ordering::SeqCst) {
            return Err(EvidenceError::TimeNotAvailable("stepped".into()));
        }
        Ok(Time::from_unix_secs(self.clock.fetch_add(1, Ordering::SeqCst)).unwrap())
    }
    fn random(&self) -> Result<[u8; 32], EvidenceError> {
        Ok([self.random.fetch_add(1, Ordering::SeqCst); 32])
    }
    fn environment(&self) -> Environment {
        Environment::Demonstration
    }
}

struct Scene {
    council: Council,
    evidence: Arc<Counting>,
    inbox: Inbox,
}

const SIREN: &str = "218002531";

fn paper(nom: &str, nature: PaperNature) -> NewPaper {
    NewPaper {
        nom: nom.into(),
        titre: nom.into(),
        nature,
        digest: None,
    }
}

fn scene(members: u8) -> Scene {
    let inbox = Inbox::default();
    let evidence = Counting::new();
    let relay = inbox.start();
    let config = CouncilConfig {
        base_url: "http://127.0.0.1:1".into(),
        relay: Some(relay),
    };
    let council = Council::new(evidence.clone(), config);
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
        council
            .add_elu(
                SIREN,
                &Elu {
                    id: format!("elu-{number:02}"),
                    nom: format!("Élu {number}"),
                    fonction: "Conseiller municipal".into(),
                    courriel: format!("elu{number}@example.invalid"),
                    canal: Channel::Dematerialise,
                    canal_choisi_le: "2026-03-21".into(),
                    pour_information: false,
                },
            )
            .unwrap();
    }
    council
        .add_seance(
            SIREN,
            &Seance {
                id: "2026-12-02".into(),
                intitule: "Conseil municipal de Doullens".into(),
                lieu: "Hôtel de ville".into(),
                debut: "2026-12-02T18:30".into(),
                auteur: "Le maire".into(),
                urgence: None,
                seconde_convocation: false,
            },
        )
        .unwrap();
    for (nom, nature) in [
        ("convocation.pdf", PaperNature::Convocation),
        ("note.pdf", PaperNature::NoteDeSynthese),
    ] {
        council
            .add_paper(SIREN, "2026-12-02", &paper(nom, nature), nom.as_bytes())
            .unwrap();
    }
    Scene {
        council,
        evidence,
        inbox,
    }
}

const SEANCE: &str = "2026-12-02";

#[test]
fn every_step_tried_again_records_and_sends_nothing_more() {
    let Scene {
        council,
        evidence,
        inbox,
    } = scene(3);
    let first = council.seal(SIREN, SEANCE).unwrap();
    assert_eq!(council.seal(SIREN, SEANCE).unwrap(), first);
    assert_eq!(evidence.count(), 1);
    let consigned = council.consign(SIREN, SEANCE).unwrap();
    assert_eq!(council.consign(SIREN, SEANCE).unwrap(), consigned);
    assert_eq!(evidence.count(), 4);
    council.notify(SIREN, SEANCE, &mut |_| ()).unwrap();
    council.notify(SIREN, SEANCE, &mut |_| ()).unwrap();
    assert_eq!(
        (evidence.count(), inbox.mails.lock().unwrap().len()),
        (7, 3)
    );
    let token = &tokens(&inbox)[0];
    council.member(token).unwrap();
    assert_eq!(evidence.count(), 7, "looking at the link records nothing");
    for _ in 0..2 {
        council.open(token, Some("127.0.0.1")).unwrap();
        council
            .handover(token, &Sha256Digest::of(b"note.pdf"), None)
            .unwrap();
        council.acknowledge(token, None).unwrap();
    }
    assert_eq!(evidence.count(), 10);
    let dashboard = council.dashboard(SIREN, SEANCE).unwrap();
    assert_eq!(
        (
            dashboard.total.avises,
            dashboard.total.ouverts,
            dashboard.total.accuses
        ),
        (3, 1, 1)
    );
    assert_eq!(
        dashboard.verdict.unwrap().verdict.as_deref(),
        Some("respecte")
    );
    let file = council.proof_file(SIREN, SEANCE).unwrap();
    assert_eq!((file.receipts.len(), file.documents.len()), (10, 2));
    assert!(
        file.receipts
            .is_sorted_by_key(|receipt| receipt.event.clone())
    );
}

#[test]
fn a_permanent_refusal_is_recorded_once_and_the_member_is_shown_as_not_told() {
    let Scene {
        council,
        evidence,
        inbox,
    } = scene(2);
    inbox.refuse.lock().unwrap().push(("elu1@".into(), 550));
    council.seal(SIREN, SEANCE).unwrap();
    council.consign(SIREN, SEANCE).unwrap();
    council.notify(SIREN, SEANCE, &mut |_| ()).unwrap();
    council.notify(SIREN, SEANCE, &mut |_| ()).unwrap();
    assert_eq!(evidence.count(), 5);
    let dashboard = council.dashboard(SIREN, SEANCE).unwrap();
    assert_eq!((dashboard.total.avises, dashboard.total.refuses), (1, 1));
    assert_eq!(dashboard.sans_avis, [1]);
    assert!(
        dashboard.lignes[1]
            .reponse_du_relais
            .as_deref()
            .unwrap()
            .starts_with("550 ")
    );
    assert!(dashboard.lignes[1].delai.is_none());
}

#[test]
fn a_temporary_refusal_is_tried_again_by_the_next_round() {
    let Scene { council, inbox, .. } = scene(1);
    inbox.refuse.lock().unwrap().push(("elu0@".into(), 450));
    council.seal(SIREN, SEANCE).unwrap();
    council.consign(SIREN, SEANCE).unwrap();
    council.notify(SIREN, SEANCE, &mut |_| ()).unwrap();
    assert_eq!(council.dashboard(SIREN, SEANCE).unwrap().total.refuses, 1);
    inbox.refuse.lock().unwrap().clear();
    council.notify(SIREN, SEANCE, &mut |_| ()).unwrap();
    let total = council.dashboard(SIREN, SEANCE).unwrap().total;
    assert_eq!((total.avises, total.refuses), (1, 0));
}

#[test]
fn without_time_nothing_is_recorded_and_no_mail_leaves() {
    let Scene {
        council,
        evidence,
        inbox,
    } = scene(1);
    evidence.no_time.store(true, Ordering::SeqCst);
    let refused = council.seal(SIREN, SEANCE);
    assert!(matches!(
        refused,
        Err(CouncilError::Evidence(EvidenceError::TimeNotAvailable(_)))
    ));
    assert!(council.envoi(SIREN, SEANCE).unwrap().is_none());
    evidence.no_time.store(false, Ordering::SeqCst);
    council.seal(SIREN, SEANCE).unwrap();
    council.consign(SIREN, SEANCE).unwrap();
    evidence.no_time.store(true, Ordering::SeqCst);
    assert!(council.notify(SIREN, SEANCE, &mut |_| ()).is_err());
    assert_eq!(
        (evidence.count(), inbox.mails.lock().unwrap().len()),
        (2, 0)
    );
}

#[test]
fn a_paper_other_than_stated_is_refused_and_not_kept() {
    let Scene { council, .. } = scene(1);
    let stated = NewPaper {
        digest: Some(Sha256Digest::of(b"other")),
        ..paper("rapport.pdf", PaperNature::Rapport)
    };
    let refused = council.add_paper(SIREN, SEANCE, &stated, b"bytes");
    assert!(matches!(refused, Err(CouncilError::DigestMismatch { .. })));
    assert_eq!(council.papers(SIREN, SEANCE).unwrap().len(), 2);
    council.seal(SIREN, SEANCE).unwrap();
    let late = council.add_paper(
        SIREN,
        SEANCE,
        &paper("rapport.pdf", PaperNature::Rapport),
        b"bytes",
    );
    assert!(matches!(late, Err(CouncilError::Sealed)));
}

#[test]
fn unknown_links_and_steps_out_of_order_are_refused() {
    let Scene { council, inbox, .. } = scene(1);
    for token in ["", "x", &"A".repeat(43), &"é".repeat(22)] {
        assert!(
            matches!(council.open(token, None), Err(CouncilError::UnknownLink)),
            "{token}"
        );
    }
    assert!(matches!(
        council.consign(SIREN, SEANCE),
        Err(CouncilError::NotSealed)
    ));
    council.seal(SIREN, SEANCE).unwrap();
    assert!(matches!(
        council.notify(SIREN, SEANCE, &mut |_| ()),
        Err(CouncilError::NotConsigned)
    ));
    council.consign(SIREN, SEANCE).unwrap();
    council.notify(SIREN, SEANCE, &mut |_| ()).unwrap();
    let token = &tokens(&inbox)[0];
    assert!(matches!(
        council.acknowledge(token, None),
        Err(CouncilError::NotOpened)
    ));
    council.open(token, None).unwrap();
    let other = Sha256Digest::of(b"not of this sending");
    assert!(matches!(
        council.handover(token, &other, None),
        Err(CouncilError::UnknownPaper(_))
    ));
}

#[test]
fn the_link_itself_is_nowhere_in_the_records() {
    let Scene {
        council,
        evidence,
        inbox,
    } = scene(1);
    council.seal(SIREN, SEANCE).unwrap();
    council.consign(SIREN, SEANCE).unwrap();
    council.notify(SIREN, SEANCE, &mut |_| ()).unwrap();
    let token = tokens(&inbox).remove(0);
    let records = evidence.records.lock().unwrap();
    let holds = |bytes: &[u8]| {
        bytes
            .windows(token.len())
            .any(|window| window == token.as_bytes())
    };
    assert!(
        !records
            .iter()
            .any(|(key, value)| holds(key) || holds(value))
    );
}

#[test]
fn a_missing_explanatory_note_stops_the_sealing_wherever_the_rule_demands_it_in_urgency_too() {
    let Scene { council, .. } = scene(0);
    // Instance, population, département, whether the note is due.
    let bodies = [
        ("200000008", "commune", Some(5751), "80", true),
        ("200000016", "commune", Some(3499), "80", false),
        ("200000024", "commune", Some(5751), "67", true),
        ("200000032", "commune", Some(5751), "987", true),
        ("200000040", "epci", None, "80", true),
        ("200000057", "syndicat_mixte_ferme", None, "80", true),
        ("200000065", "departement", None, "80", false),
    ];
    for (siren, instance, population, departement, due) in bodies {
        let collectivite = Collectivite {
            siren: siren.into(),
            nom: "Collectivité d’essai".into(),
            instance: instance.into(),
            population,
            departement: Some(departement.into()),
            fuseau: "Europe/Paris".into(),
        };
        council.add_collectivite(&collectivite).unwrap();
        council
            .add_elu(siren, &elu("un", "un@example.invalid"))
            .unwrap();
        for (id, urgence) in [("sans", None), ("urgence", Some("péril"))] {
            let seance = Seance {
                id: id.into(),
                intitule: "Séance d’essai".into(),
                lieu: "Salle".into(),
                debut: "2026-12-02T18:30".into(),
                auteur: "L’exécutif".into(),
                urgence: urgence.map(Into::into),
                seconde_convocation: false,
            };
            council.add_seance(siren, &seance).unwrap();
            let convocation = paper("convocation.pdf", PaperNature::Convocation);
            council.add_paper(siren, id, &convocation, b"c").unwrap();
            let sealed = council.seal(siren, id);
            match due {
                true => assert!(
                    matches!(sealed, Err(CouncilError::PaperMissing(_))),
                    "{instance} {departement} {id}: {sealed:?}"
                ),
                false => assert!(sealed.is_ok(), "{instance} {departement} {id}: {sealed:?}"),
            }
        }
    }
}

fn elu(id: &str, courriel: &str) -> Elu {
    Elu {
        id: id.into(),
        nom: "Élue d’essai".into(),
        fonction: "Conseillère municipale".into(),
        courriel: courriel.into(),
        canal: Channel::Dematerialise,
        canal_choisi_le: "2026-03-21".into(),
        pour_information: false,
    }
}

/// Parsed as addresses, but no envelope takes them.
const NO_ENVELOPE: [&str; 2] = ["\"q b\"@example.invalid", "f@[127.0.0.1]"];

#[test]
fn an_address_that_no_envelope_takes_is_refused_when_the_member_is_added() {
    let Scene { council, .. } = scene(1);
    for address in
        NO_ENVELOPE
            .into_iter()
            .chain(["", "sans-arobase", "a@b@c", "a@b.fr\r\nBcc: c@d.fr"])
    {
        let refused = council.add_elu(SIREN, &elu("autre", address));
        assert!(
            matches!(
                refused,
                Err(CouncilError::Field {
                    field: "courriel",
                    ..
                })
            ),
            "{address}: {refused:?}"
        );
    }
    council
        .add_elu(
            SIREN,
            &elu("autre", "prenom.nom+conseil@mairie-doullens.fr"),
        )
        .unwrap();
}

#[test]
fn a_member_for_whom_no_mail_can_be_made_does_not_keep_the_others_from_being_told() {
    let Scene {
        council,
        evidence,
        inbox,
    } = scene(3);
    // Kept by an earlier version, which took such addresses.
    for (id, address) in ["elu-00", "elu-01"].into_iter().zip(NO_ENVELOPE) {
        evidence.records.lock().unwrap().insert(
            format!("council/elu/{SIREN}/{id}").into_bytes(),
            serde_json::to_vec(&elu(id, address)).unwrap(),
        );
    }
    council.seal(SIREN, SEANCE).unwrap();
    council.consign(SIREN, SEANCE).unwrap();
    for _ in 0..2 {
        let all = council.notify(SIREN, SEANCE, &mut |_| ()).unwrap();
        assert_eq!(inbox.mails.lock().unwrap().len(), 1);
        assert_eq!(evidence.count(), 7, "each is recorded once");
        for told_nothing in &all[..2] {
            let step = told_nothing.steps.last().unwrap();
            assert!(matches!(
                step.body.detail,
                event::Detail::RelayToNonErdsFailure(_)
            ));
            assert_eq!(
                step.body.reasons[0].as_str(),
                "le courriel n’a pas pu être composé"
            );
        }
    }
    assert_eq!(council.dashboard(SIREN, SEANCE).unwrap().sans_avis, [0, 1]);
}

#[test]
fn papers_beyond_what_a_proof_file_may_hold_are_refused_in_all() {
    let Scene {
        council, evidence, ..
    } = scene(1);
    // As if large papers had been handed in.
    let large = json!({"nom": "plans.pdf", "titre": "Plans", "nature": "annexe", "digest": Sha256Digest::of(b""),
        "taille": 511_999_900});
    evidence.records.lock().unwrap().insert(
        format!("council/piece/{SIREN}/{SEANCE}/00002").into_bytes(),
        serde_json::to_vec(&large).unwrap(),
    );
    let add = |nom: &str, bytes: &[u8]| {
        council.add_paper(SIREN, SEANCE, &paper(nom, PaperNature::Rapport), bytes)
    };
    let refused = add("trop.pdf", &[0; 200]);
    assert!(
        matches!(refused, Err(CouncilError::SendingTooLarge { .. })),
        "{refused:?}"
    );
    add("assez.pdf", &[0; 50]).unwrap();
}

#[test]
fn the_day_of_the_channels_choice_is_a_day_of_the_calendar() {
    let Scene { council, .. } = scene(0);
    for day in [
        "",
        "hier",
        "2026-02-30",
        "2026-3-21",
        "21/03/2026",
        "2026-03-21T10",
        "0000-01-01",
    ] {
        let member = Elu {
            canal_choisi_le: day.into(),
            ..elu("un", "un@example.invalid")
        };
        let refused = council.add_elu(SIREN, &member);
        assert!(
            matches!(
                refused,
                Err(CouncilError::Field {
                    field: "canal_choisi_le",
                    ..
                })
            ),
            "{day}: {refused:?}"
        );
    }
}

#[test]
fn a_round_of_one_collectivite_holds_up_no_other_and_not_its_own_records() {
    let Scene { council, inbox, .. } = scene(2);
    let other = "200000008";
    let mut own = council.collectivite(SIREN).unwrap();
    own.siren = other.into();
    council.add_collectivite(&own).unwrap();
    council
        .add_elu(other, &elu("un", "un@example.invalid"))
        .unwrap();
    let seance = council.seance(SIREN, SEANCE).unwrap();
    council.add_seance(other, &seance).unwrap();
    for (nom, nature) in [
        ("convocation.pdf", PaperNature::Convocation),
        ("note.pdf", PaperNature::NoteDeSynthese),
    ] {
        council
            .add_paper(other, SEANCE, &paper(nom, nature), nom.as_bytes())
            .unwrap();
    }
    council.seal(SIREN, SEANCE).unwrap();
    council.consign(SIREN, SEANCE).unwrap();
    // Inside the round of one, everything of the other, and what the first one's members do meanwhile.
    let mut rounds = 0;
    council
        .notify(SIREN, SEANCE, &mut |_| {
            council.seal(other, SEANCE).unwrap();
            council.consign(other, SEANCE).unwrap();
            council.notify(other, SEANCE, &mut |_| ()).unwrap();
            council.open(&tokens(&inbox)[0], None).unwrap();
            council.proof_file(SIREN, SEANCE).unwrap();
            rounds += 1;
        })
        .unwrap();
    assert_eq!((rounds, inbox.mails.lock().unwrap().len()), (2, 3));
}

#[test]
fn a_stop_ends_a_round_between_two_members_and_the_next_process_goes_on() {
    let Scene {
        council,
        evidence,
        inbox,
    } = scene(3);
    council.seal(SIREN, SEANCE).unwrap();
    council.consign(SIREN, SEANCE).unwrap();
    let ended = council.notify(SIREN, SEANCE, &mut |_| council.stop());
    assert!(matches!(ended, Err(CouncilError::Stopping)));
    assert_eq!(
        (evidence.count(), inbox.mails.lock().unwrap().len()),
        (5, 1),
        "what was sent is recorded"
    );
    let config = CouncilConfig {
        base_url: "http://127.0.0.1:1".into(),
        relay: Some(inbox.start()),
    };
    let next = Council::new(evidence.clone(), config);
    next.notify(SIREN, SEANCE, &mut |_| ()).unwrap();
    assert_eq!(
        (evidence.count(), inbox.mails.lock().unwrap().len()),
        (7, 3)
    );
}

#[test]
fn a_relay_that_is_not_reached_is_told_apart_from_a_refusal_and_tried_again() {
    let Scene {
        council,
        evidence,
        inbox,
    } = scene(1);
    council.seal(SIREN, SEANCE).unwrap();
    council.consign(SIREN, SEANCE).unwrap();
    // A port that nobody listens on any more.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let relay = inbox.start();
    let unreachable = kbox_council::Relay {
        port,
        ..relay.clone()
    };
    let over = |relay| {
        let config = CouncilConfig {
            base_url: "http://127.0.0.1:1".into(),
            relay: Some(relay),
        };
        Council::new(evidence.clone(), config)
    };
    let all = over(unreachable)
        .notify(SIREN, SEANCE, &mut |_| ())
        .unwrap();
    assert_eq!(
        all[0].steps.last().unwrap().body.reasons[0].as_str(),
        "relais de courriel injoignable ou sans réponse"
    );
    let answer = all[0].reponse_du_relais().unwrap();
    assert!(
        !answer.starts_with(|first: char| first.is_ascii_digit()),
        "{answer}"
    );
    let all = over(relay).notify(SIREN, SEANCE, &mut |_| ()).unwrap();
    assert!(all[0].avis().is_some());
}
