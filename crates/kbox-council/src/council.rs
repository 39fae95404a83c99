// SPDX-License-Identifier: Apache-2.0 OR MIT
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::{
    self, Body, Channel, Detail, Environment, EventId, Handover, PaperNature, PersonalData,
    RecipientIdentity, RecipientStep, RosterOpening, Salt, Submission, Text,
};
use kbox_proof::receipt::{Document, ProofFile, Receipt};
use kbox_proof::store::{Entry, RecordBatch, Store, StoreError};
use kbox_proof::time::Time;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dashboard::{self, Dashboard};
use crate::droit;
use crate::error::CouncilError;
use crate::evidence::{Evidence, Puts};
use crate::mail::{self, Notice, Outcome, Relay};
use crate::model::{
    Collectivite, Destinataire, Elu, Envoi, MemberView, NewPaper, Paper, PaperFile, Seance, Step,
};

/// No paper is larger: with its record it fits into one commit of the ledger (16 MiB).
const MAX_PAPER_BYTES: usize = 15_000_000;
/// All papers of a sending together: its proof file must stay well below what a verifier unpacks (1 GiB).
const MAX_SENDING_BYTES: u64 = 512_000_000;
/// No assembly or file list is longer than an event can hold.
const MAX_PAPERS: usize = event::MAX_PAPERS;
/// Reason of a failed notice: no message can be made for this member, now or later.
const NOT_COMPOSED: &str = "le courriel n’a pas pu être composé";
/// Reason of a failed notice: nothing is known against the address.
const NO_RELAY: &str = "relais de courriel injoignable ou sans réponse";

/// How the workflow reaches its members.
#[derive(Clone, Debug)]
pub struct CouncilConfig {
    /// Where members' links point, without a final slash: `https://kbox.doullens.fr`.
    pub base_url: String,
    /// Where mail goes; without one, nothing can be notified.
    pub relay: Option<Relay>,
}

/// The workflow. All methods block, and may be called from several threads.
pub struct Council {
    evidence: Arc<dyn Evidence>,
    config: CouncilConfig,
    /// By collectivité; held while its records are read, changed and written.
    state: Locks,
    /// By séance; held for a whole round of notices, so that two rounds do not send the same mail twice.
    sending: Locks,
    /// The process is to end: a round under way stops before the next member.
    stopping: AtomicBool,
}

/// Beyond so many, locks that nobody holds or waits for are forgotten.
const IDLE_LOCKS: usize = 1024;

/// One lock a name: what one collectivité does, and how slow its mail is, holds up no other.
#[derive(Default)]
struct Locks(Mutex<HashMap<String, Arc<Mutex<()>>>>);

impl Locks {
    fn of(&self, name: &str) -> Arc<Mutex<()>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= IDLE_LOCKS {
            // Copies are handed out under this map's own lock: one that has none is nobody's.
            all.retain(|_, lock| Arc::strong_count(lock) > 1);
        }
        Arc::clone(all.entry(name.to_string()).or_default())
    }
}

/// What a thread that panicked had begun is in the records like after a crash, and the next call goes on from there.
fn hold(mutex: &Mutex<()>) -> MutexGuard<'_, ()> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn check_id(id: &str) -> Result<(), CouncilError> {
    let fits = (1..=64).contains(&id.len());
    if fits
        && id
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    {
        Ok(())
    } else {
        Err(CouncilError::Identifier(id.chars().take(80).collect()))
    }
}

fn check_text(field: &'static str, text: &str) -> Result<(), CouncilError> {
    Text::new(text)
        .map(|_| ())
        .map_err(|error| CouncilError::Field {
            field,
            problem: error.to_string(),
        })
}

/// The relay's words as a text that can stand in an event.
fn relay_text(answer: &str) -> Text {
    let mut clean: String = answer
        .chars()
        .map(|c| {
            if c.is_ascii_graphic() || c == ' ' {
                c
            } else {
                '?'
            }
        })
        .take(1000)
        .collect();
    if clean.is_empty() {
        clean.push('-');
    }
    // Visible ASCII of at most 1,000 bytes is always a text.
    Text::new(clean).unwrap_or_else(|_| unreachable_text())
}

#[allow(clippy::expect_used)]
fn unreachable_text() -> Text {
    Text::new("-").expect("a hyphen is a text")
}

fn key_elu(siren: &str, id: &str) -> String {
    format!("council/elu/{siren}/{id}")
}
fn key_seance(siren: &str, id: &str) -> String {
    format!("council/seance/{siren}/{id}")
}
fn key_envoi(siren: &str, seance: &str) -> String {
    format!("council/envoi/{siren}/{seance}")
}
fn key_destinataire(siren: &str, seance: &str, index: u32) -> String {
    format!("council/destinataire/{siren}/{seance}/{index:05}")
}
fn key_bytes(digest: &Sha256Digest) -> String {
    format!("council/octets/{digest}")
}
fn key_link(token: &str) -> String {
    format!("council/lien/{}", Sha256Digest::of(token.as_bytes()))
}

fn json<T: Serialize>(key: &str, value: &T) -> Result<(Vec<u8>, Vec<u8>), CouncilError> {
    serde_json::to_vec(value)
        .map(|bytes| (key.as_bytes().to_vec(), bytes))
        .map_err(|error| CouncilError::Record {
            key: key.to_string(),
            problem: error.to_string(),
        })
}

fn read<T: DeserializeOwned>(key: &[u8], bytes: &[u8]) -> Result<T, CouncilError> {
    serde_json::from_slice(bytes).map_err(|error| CouncilError::Record {
        key: String::from_utf8_lossy(key).into_owned(),
        problem: error.to_string(),
    })
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Link {
    siren: String,
    seance: String,
    index: u32,
}

impl Council {
    /// A workflow over evidence.
    #[must_use]
    pub fn new(evidence: Arc<dyn Evidence>, config: CouncilConfig) -> Self {
        Self {
            evidence,
            config,
            state: Locks::default(),
            sending: Locks::default(),
            stopping: AtomicBool::new(false),
        }
    }

    /// Ends rounds of notices before their next member, for a process that is to stop. What was sent is recorded, and a
    /// later call goes on from there.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    /// Runs `change` while nothing else changes the records of a collectivité: what erases in them must.
    pub fn exclusively<T>(&self, siren: &str, change: impl FnOnce() -> T) -> T {
        let state = self.state.of(siren);
        let _held = hold(&state);
        change()
    }

    fn load<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, CouncilError> {
        self.evidence
            .get(key.as_bytes())?
            .map(|bytes| read(key.as_bytes(), &bytes))
            .transpose()
    }

    fn list<T: DeserializeOwned>(&self, prefix: &str) -> Result<Vec<T>, CouncilError> {
        self.evidence
            .scan(prefix.as_bytes())?
            .iter()
            .map(|(key, bytes)| read(key, bytes))
            .collect()
    }

    fn write(&self, siren: &str, puts: Puts) -> Result<(), CouncilError> {
        let owner = event::Collectivite::parse(siren)?;
        self.evidence.record(&owner, &[], puts)?;
        Ok(())
    }

    /// Writes a record that may stand there already with the same content.
    fn create<T: Serialize + DeserializeOwned + PartialEq>(
        &self,
        siren: &str,
        what: &'static str,
        id: &str,
        key: &str,
        value: &T,
    ) -> Result<(), CouncilError> {
        match self.load::<T>(key)? {
            Some(found) if found == *value => Ok(()),
            Some(_) => Err(CouncilError::AlreadyExists {
                what,
                id: id.to_string(),
            }),
            None => self.write(siren, vec![json(key, value)?]),
        }
    }

    /// Adds a collectivité.
    ///
    /// # Errors
    /// A field that cannot be used, or another collectivité under this SIREN.
    pub fn add_collectivite(&self, value: &Collectivite) -> Result<(), CouncilError> {
        event::Collectivite::parse(&value.siren)?;
        check_text("nom", &value.nom)?;
        kbox_proof::law::Fuseau::parse(&value.fuseau)?;
        let state = self.state.of(&value.siren);
        let _held = hold(&state);
        let key = format!("council/collectivite/{}", value.siren);
        self.create(&value.siren, "collectivité", &value.siren, &key, value)
    }

    /// One collectivité.
    ///
    /// # Errors
    /// [`CouncilError::UnknownCollectivite`].
    pub fn collectivite(&self, siren: &str) -> Result<Collectivite, CouncilError> {
        let unknown = || CouncilError::UnknownCollectivite(siren.chars().take(40).collect());
        event::Collectivite::parse(siren).map_err(|_| unknown())?;
        self.load(&format!("council/collectivite/{siren}"))?
            .ok_or_else(unknown)
    }

    /// All collectivités, by SIREN.
    ///
    /// # Errors
    /// The store's.
    pub fn collectivites(&self) -> Result<Vec<Collectivite>, CouncilError> {
        self.list("council/collectivite/")
    }

    /// Adds a member.
    ///
    /// # Errors
    /// A field that cannot be used, or another member under this identifier.
    pub fn add_elu(&self, siren: &str, elu: &Elu) -> Result<(), CouncilError> {
        self.collectivite(siren)?;
        check_id(&elu.id)?;
        check_text("nom", &elu.nom)?;
        check_text("fonction", &elu.fonction)?;
        droit::date("canal_choisi_le", &elu.canal_choisi_le)?;
        mail::check_address(&elu.nom, &elu.courriel)?;
        let state = self.state.of(siren);
        let _held = hold(&state);
        self.create(siren, "élu", &elu.id, &key_elu(siren, &elu.id), elu)
    }

    /// The members, by identifier.
    ///
    /// # Errors
    /// The store's.
    pub fn elus(&self, siren: &str) -> Result<Vec<Elu>, CouncilError> {
        self.collectivite(siren)?;
        self.list(&format!("council/elu/{siren}/"))
    }

    /// Adds a séance; the law must have a rule for it.
    ///
    /// # Errors
    /// A field that cannot be used, or another séance under this identifier.
    pub fn add_seance(&self, siren: &str, seance: &Seance) -> Result<(), CouncilError> {
        let collectivite = self.collectivite(siren)?;
        check_id(&seance.id)?;
        check_text("intitule", &seance.intitule)?;
        check_text("lieu", &seance.lieu)?;
        check_text("auteur", &seance.auteur)?;
        if let Some(reason) = &seance.urgence {
            check_text("urgence", reason)?;
        }
        droit::delai(&collectivite, seance, None)?;
        droit::seance(&collectivite, seance)?;
        let state = self.state.of(siren);
        let _held = hold(&state);
        self.create(
            siren,
            "séance",
            &seance.id,
            &key_seance(siren, &seance.id),
            seance,
        )
    }

    /// One séance.
    ///
    /// # Errors
    /// [`CouncilError::UnknownSeance`].
    pub fn seance(&self, siren: &str, id: &str) -> Result<Seance, CouncilError> {
        self.collectivite(siren)?;
        let unknown = || CouncilError::UnknownSeance(id.chars().take(80).collect());
        check_id(id).map_err(|_| unknown())?;
        self.load(&key_seance(siren, id))?.ok_or_else(unknown)
    }

    /// The séances, by identifier.
    ///
    /// # Errors
    /// The store's.
    pub fn seances(&self, siren: &str) -> Result<Vec<Seance>, CouncilError> {
        self.collectivite(siren)?;
        self.list(&format!("council/seance/{siren}/"))
    }

    /// Adds a paper to a séance whose sending is not sealed yet.
    ///
    /// # Errors
    /// Bytes that differ from the stated digest, too many of them, a sealed sending.
    pub fn add_paper(
        &self,
        siren: &str,
        seance: &str,
        new: &NewPaper,
        bytes: &[u8],
    ) -> Result<Paper, CouncilError> {
        self.seance(siren, seance)?;
        let plain = (1..=120).contains(&new.nom.len())
            && !new.nom.starts_with('.')
            && new
                .nom
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        if !plain {
            return Err(CouncilError::Field {
                field: "nom",
                problem: "a file name of letters, digits, '-', '_' and '.' is expected".into(),
            });
        }
        check_text("titre", &new.titre)?;
        if bytes.is_empty() {
            return Err(CouncilError::Field {
                field: "octets",
                problem: "the paper is empty".into(),
            });
        }
        if bytes.len() > MAX_PAPER_BYTES {
            return Err(CouncilError::PaperTooLarge {
                found: bytes.len(),
                max: MAX_PAPER_BYTES,
            });
        }
        let found = Sha256Digest::of(bytes);
        if let Some(stated) = new.digest.filter(|stated| *stated != found) {
            return Err(CouncilError::DigestMismatch { stated, found });
        }
        let paper = Paper {
            nom: new.nom.clone(),
            titre: new.titre.clone(),
            nature: new.nature,
            digest: found,
            taille: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        };
        let state = self.state.of(siren);
        let _held = hold(&state);
        let papers = self.papers(siren, seance)?;
        if papers.contains(&paper) {
            return Ok(paper);
        }
        if self.envoi(siren, seance)?.is_some() {
            return Err(CouncilError::Sealed);
        }
        if papers.iter().any(|other| other.nom == paper.nom) {
            return Err(CouncilError::AlreadyExists {
                what: "paper",
                id: paper.nom,
            });
        }
        if papers.len() >= MAX_PAPERS {
            return Err(CouncilError::Field {
                field: "papers",
                problem: format!("at most {MAX_PAPERS}"),
            });
        }
        let all = papers
            .iter()
            .fold(paper.taille, |sum, other| sum.saturating_add(other.taille));
        if all > MAX_SENDING_BYTES {
            return Err(CouncilError::SendingTooLarge {
                found: all,
                max: MAX_SENDING_BYTES,
            });
        }
        let key = format!("council/piece/{siren}/{seance}/{:05}", papers.len());
        let content = (key_bytes(&found).into_bytes(), bytes.to_vec());
        self.write(siren, vec![content, json(&key, &paper)?])?;
        Ok(paper)
    }

    /// The papers, in order.
    ///
    /// # Errors
    /// The store's.
    pub fn papers(&self, siren: &str, seance: &str) -> Result<Vec<Paper>, CouncilError> {
        check_id(seance)?;
        self.list(&format!("council/piece/{siren}/{seance}/"))
    }

    fn paper_file(&self, paper: &Paper) -> Result<PaperFile, CouncilError> {
        let key = key_bytes(&paper.digest);
        let bytes = self
            .evidence
            .get(key.as_bytes())?
            .filter(|bytes| Sha256Digest::of(bytes) == paper.digest)
            .ok_or_else(|| CouncilError::Record {
                key,
                problem: "absent, or other bytes".into(),
            })?;
        Ok(PaperFile {
            paper: paper.clone(),
            bytes,
        })
    }

    /// The sealed sending, if there is one.
    ///
    /// # Errors
    /// The store's.
    pub fn envoi(&self, siren: &str, seance: &str) -> Result<Option<Envoi>, CouncilError> {
        self.load(&key_envoi(siren, seance))
    }

    /// The recipients of a sealed sending, by index.
    ///
    /// # Errors
    /// The store's.
    pub fn destinataires(
        &self,
        siren: &str,
        seance: &str,
    ) -> Result<Vec<Destinataire>, CouncilError> {
        check_id(seance)?;
        self.list(&format!("council/destinataire/{siren}/{seance}/"))
    }

    /// The clock's reading in whole seconds, for `claimed_time`.
    fn claimed(&self) -> Result<Time, CouncilError> {
        let now = self.evidence.now()?;
        Time::from_unix_secs(now.unix_secs()).map_err(|error| CouncilError::Field {
            field: "claimed_time",
            problem: error.to_string(),
        })
    }

    /// Seals the sending: papers, rule and recipients are fixed by one `SubmissionAcceptance`.
    ///
    /// # Errors
    /// A missing paper or member, facts without a rule, the ledger's refusal.
    pub fn seal(&self, siren: &str, seance_id: &str) -> Result<Envoi, CouncilError> {
        let collectivite = self.collectivite(siren)?;
        let seance = self.seance(siren, seance_id)?;
        let owner = event::Collectivite::parse(siren)?;
        let state = self.state.of(siren);
        let _held = hold(&state);
        if let Some(mut envoi) = self.envoi(siren, seance_id)? {
            if envoi.depot.trace.is_none() {
                self.finish_envoi(&owner, siren, seance_id, &mut envoi, Vec::new())?;
            }
            return Ok(envoi);
        }
        let papers = self.papers(siren, seance_id)?;
        let elus = self.elus(siren)?;
        if elus.is_empty() {
            return Err(CouncilError::NoMembers);
        }
        let rule = droit::rule(&collectivite, &seance)?;
        let has = |nature| papers.iter().any(|paper| paper.nature == nature);
        if !has(PaperNature::Convocation) {
            return Err(CouncilError::PaperMissing("la convocation"));
        }
        // CGCT L.2121-12, urgency or not, and wherever the rule rests on it. A second convocation is on the questions of the
        // first, which the note went with.
        let of_article = rule
            .article
            .as_str()
            .split(' ')
            .any(|word| word == "L.2121-12");
        let note_due = of_article && !seance.seconde_convocation;
        if note_due && !has(PaperNature::NoteDeSynthese) {
            return Err(CouncilError::PaperMissing(
                "la note explicative de synthèse",
            ));
        }
        let mut roster = Vec::new();
        let mut puts = Puts::new();
        for (index, elu) in (0_u32..).zip(&elus) {
            let destinataire = Destinataire {
                index,
                elu: elu.clone(),
                sel: Salt::from_bytes(self.evidence.random()?),
                steps: Vec::new(),
            };
            roster.push(opening(&destinataire)?.entry(elu.pour_information)?);
            puts.push(json(
                &key_destinataire(siren, seance_id, index),
                &destinataire,
            )?);
        }
        let submission = Submission {
            seance: droit::seance(&collectivite, &seance)?,
            rule,
            author: Text::new(seance.auteur.as_str())?,
            version: 1,
            papers: papers
                .iter()
                .map(|paper| {
                    Ok(event::Paper {
                        digest: paper.digest,
                        size: paper.taille,
                        titre: Text::new(paper.titre.as_str())?,
                        nature: paper.nature,
                    })
                })
                .collect::<Result<_, CouncilError>>()?,
            roster,
        };
        let body = Body {
            claimed_time: self.claimed()?,
            reasons: Vec::new(),
            refers_to: None,
            detail: Detail::SubmissionAcceptance(submission),
        };
        body.check()?;
        let request_id = format!("seance/{seance_id}/v1/depot");
        let mut envoi = Envoi {
            version: 1,
            depot: Step {
                request_id,
                body,
                personal: None,
                trace: None,
                effacement: None,
            },
            papers,
            destinataires: u32::try_from(elus.len()).unwrap_or(u32::MAX),
        };
        self.finish_envoi(&owner, siren, seance_id, &mut envoi, puts)?;
        Ok(envoi)
    }

    fn finish_envoi(
        &self,
        owner: &event::Collectivite,
        siren: &str,
        seance: &str,
        envoi: &mut Envoi,
        mut puts: Puts,
    ) -> Result<(), CouncilError> {
        let key = key_envoi(siren, seance);
        puts.push(json(&key, envoi)?);
        let traces = self.evidence.record(owner, &[&envoi.depot], puts)?;
        envoi.depot.trace = traces.into_iter().next();
        self.write(siren, vec![json(&key, envoi)?])
    }

    /// Records every step that has no trace yet, in one commit, then keeps the traces.
    fn finish(
        &self,
        siren: &str,
        seance: &str,
        destinataires: &mut [Destinataire],
    ) -> Result<(), CouncilError> {
        let owner = event::Collectivite::parse(siren)?;
        let mut places = Vec::new();
        let mut puts = Puts::new();
        for (place, destinataire) in destinataires.iter().enumerate() {
            let open = destinataire
                .steps
                .iter()
                .enumerate()
                // One that was erased before its trace was kept cannot be asked for again.
                .filter(|(_, step)| step.trace.is_none() && step.effacement.is_none());
            let before = places.len();
            places.extend(open.map(|(number, _)| (place, number)));
            if places.len() > before {
                puts.push(json(
                    &key_destinataire(siren, seance, destinataire.index),
                    destinataire,
                )?);
            }
        }
        if places.is_empty() {
            return Ok(());
        }
        let traces = {
            let steps: Vec<&Step> = places
                .iter()
                .filter_map(|(place, number)| destinataires.get(*place)?.steps.get(*number))
                .collect();
            self.evidence.record(&owner, &steps, puts)?
        };
        for ((place, number), trace) in places.iter().zip(traces) {
            if let Some(step) = destinataires
                .get_mut(*place)
                .and_then(|d| d.steps.get_mut(*number))
            {
                step.trace = Some(trace);
            }
        }
        let mut puts = Puts::new();
        let mut last = None;
        for (place, _) in places {
            if last.replace(place) != Some(place)
                && let Some(destinataire) = destinataires.get(place)
            {
                puts.push(json(
                    &key_destinataire(siren, seance, destinataire.index),
                    destinataire,
                )?);
            }
        }
        self.write(siren, puts)
    }

    // A builder for these would be longer than its only callers.
    #[allow(clippy::too_many_arguments)]
    fn step(
        &self,
        seance: &str,
        destinataire: &Destinataire,
        name: &str,
        refers_to: Sha256Digest,
        reasons: Vec<Text>,
        detail: Detail,
        add: impl FnOnce(&mut PersonalData),
    ) -> Result<Step, CouncilError> {
        let mut personal = PersonalData {
            recipient: Some(opening(destinataire)?),
            ..PersonalData::default()
        };
        add(&mut personal);
        Ok(Step {
            request_id: format!("seance/{seance}/v1/{}/{name}", destinataire.index),
            body: Body {
                claimed_time: self.claimed()?,
                reasons,
                refers_to: Some(refers_to),
                detail,
            },
            personal: Some(personal),
            trace: None,
            effacement: None,
        })
    }

    /// Puts the papers at every member's disposal: one `ContentConsignment` each, all in one commit.
    ///
    /// # Errors
    /// [`CouncilError::NotSealed`], the ledger's refusal.
    pub fn consign(&self, siren: &str, seance: &str) -> Result<Vec<Destinataire>, CouncilError> {
        self.seance(siren, seance)?;
        let state = self.state.of(siren);
        let _held = hold(&state);
        let depot = self.depot(siren, seance)?;
        let mut all = self.destinataires(siren, seance)?;
        for destinataire in &mut all {
            let done = destinataire
                .steps
                .iter()
                .any(|step| matches!(step.body.detail, Detail::ContentConsignment(_)));
            if done {
                continue;
            }
            let detail = Detail::ContentConsignment(RecipientStep {
                recipient: destinataire.index,
            });
            let step = self.step(
                seance,
                destinataire,
                "consignation",
                depot,
                Vec::new(),
                detail,
                |personal| {
                    personal.channel = Some(destinataire.elu.canal);
                    personal.channel_chosen_on =
                        Text::new(destinataire.elu.canal_choisi_le.as_str()).ok();
                    personal.address = Text::new(destinataire.elu.courriel.as_str()).ok();
                },
            )?;
            destinataire.steps.push(step);
        }
        self.finish(siren, seance, &mut all)?;
        Ok(all)
    }

    fn depot(&self, siren: &str, seance: &str) -> Result<Sha256Digest, CouncilError> {
        self.envoi(siren, seance)?
            .and_then(|envoi| envoi.depot.trace)
            .map(|trace| trace.digest)
            .ok_or(CouncilError::NotSealed)
    }

    /// That members can be notified at all.
    ///
    /// # Errors
    /// [`CouncilError::NoRelay`], [`CouncilError::Mail`] when its sender cannot stand in a mail.
    pub fn check_relay(&self) -> Result<(), CouncilError> {
        mail::check_sender(self.config.relay.as_ref().ok_or(CouncilError::NoRelay)?)
    }

    /// Tells every member who chose the dematerialised channel and was not told yet, by a mail with the member's own link
    /// and the receipt of the consignment. The relay's exact answer is recorded. A refusal for good is not tried again;
    /// another one is, on the next call. A member for whom no mail can be made is recorded as not told, and the round goes on.
    ///
    /// # Errors
    /// No relay, papers not consigned, a clock or ledger that refuses: no mail leaves then. When the ledger refuses after a
    /// mail left, the relay's answer is kept if the store can, and recorded by the next call. After [`Council::stop`],
    /// [`CouncilError::Stopping`] before the next member.
    pub fn notify(
        &self,
        siren: &str,
        seance_id: &str,
        progress: &mut dyn FnMut(&Destinataire),
    ) -> Result<Vec<Destinataire>, CouncilError> {
        let relay = self.config.relay.as_ref().ok_or(CouncilError::NoRelay)?;
        mail::check_sender(relay)?;
        let collectivite = self.collectivite(siren)?;
        let seance = self.seance(siren, seance_id)?;
        let quand = droit::quand(&seance)?;
        let (state, sending) = (
            self.state.of(siren),
            self.sending.of(&format!("{siren}/{seance_id}")),
        );
        let _round = hold(&sending);
        let envoi = self
            .envoi(siren, seance_id)?
            .ok_or(CouncilError::NotSealed)?;
        let papers: Vec<String> = envoi
            .papers
            .iter()
            .map(|paper| paper.titre.clone())
            .collect();
        let mut all = self.destinataires(siren, seance_id)?;
        for destinataire in &mut all {
            if self.stopping.load(Ordering::SeqCst) {
                return Err(CouncilError::Stopping);
            }
            let key = key_destinataire(siren, seance_id, destinataire.index);
            // What was kept of an earlier round that the ledger cut short comes first.
            {
                let _held = hold(&state);
                *destinataire = self.load(&key)?.ok_or(CouncilError::NotSealed)?;
                self.finish(siren, seance_id, std::slice::from_mut(destinataire))?;
            }
            let trace = destinataire
                .consignation()
                .cloned()
                .ok_or(CouncilError::NotConsigned)?;
            if destinataire.est_efface()
                || destinataire.elu.canal == Channel::Papier
                || destinataire.avis().is_some()
                || refused_for_good(destinataire)
            {
                continue;
            }
            let receipt = self.receipt(&trace.event_id)?.to_json();
            let token = base64url(&self.evidence.random()?);
            let link = Link {
                siren: siren.to_string(),
                seance: seance_id.to_string(),
                index: destinataire.index,
            };
            // Only its digest is kept; this commit also shows that ledger and clock are well before a mail leaves.
            self.evidence.now()?;
            self.write(siren, vec![json(&key_link(&token), &link)?])?;
            let domain = relay.from.rsplit('@').next().unwrap_or("localhost");
            let id: String = base64url(&self.evidence.random()?)
                .chars()
                .take(22)
                .collect();
            let message_id = format!("<{id}@{domain}>");
            let link = format!("{}/m/{token}", self.config.base_url);
            let answer = mail::send(
                relay,
                &Notice {
                    to_name: &destinataire.elu.nom,
                    to: &destinataire.elu.courriel,
                    collectivite: &collectivite.nom,
                    intitule: &seance.intitule,
                    lieu: &seance.lieu,
                    quand: &quand,
                    auteur: &seance.auteur,
                    papers: &papers,
                    link: &link,
                    message_id: &message_id,
                    receipt: &receipt,
                    demonstration: self.evidence.environment() == Environment::Demonstration,
                },
            );
            let held = hold(&state);
            *destinataire = self.load(&key)?.ok_or(CouncilError::NotSealed)?;
            let attempts = destinataire
                .steps
                .iter()
                .filter(|step| is_relay(&step.body.detail))
                .count();
            let recipient = RecipientStep {
                recipient: destinataire.index,
            };
            // The relay's words may name the person: they stand in the personal part, the code here.
            let reason = match &answer.outcome {
                Outcome::Accepted => None,
                Outcome::Refused { permanent, code } => {
                    let kind = if *permanent {
                        "définitif"
                    } else {
                        "temporaire"
                    };
                    Some(format!("refus {kind} du relais, code {code}"))
                }
                Outcome::NoRelay => Some(NO_RELAY.to_string()),
                Outcome::NotComposed => Some(NOT_COMPOSED.to_string()),
            };
            let detail = match reason {
                None => Detail::RelayToNonErds(recipient),
                Some(_) => Detail::RelayToNonErdsFailure(recipient),
            };
            let reasons = reason
                .into_iter()
                .map(Text::new)
                .collect::<Result<_, _>>()?;
            let name = format!("avis/{attempts}");
            let step = self.step(
                seance_id,
                destinataire,
                &name,
                trace.digest,
                reasons,
                detail,
                |personal| {
                    personal.address = Text::new(destinataire.elu.courriel.as_str()).ok();
                    personal.relay_answer = answer.text.as_deref().map(relay_text);
                    personal.message_id = Text::new(message_id.as_str()).ok();
                },
            )?;
            destinataire.steps.push(step);
            if let Err(error) = self.finish(siren, seance_id, std::slice::from_mut(destinataire)) {
                // The mail has left: its answer must not be lost with the event.
                self.write(siren, vec![json(&key, destinataire)?])?;
                return Err(error);
            }
            drop(held);
            progress(destinataire);
        }
        Ok(all)
    }

    fn receipt(&self, event_id: &str) -> Result<Receipt, CouncilError> {
        let id = EventId::parse(event_id).ok_or_else(|| CouncilError::Record {
            key: event_id.to_string(),
            problem: "no event id".into(),
        })?;
        Ok(self.evidence.receipt(&id)?)
    }

    fn link(&self, token: &str) -> Result<Link, CouncilError> {
        let shape = token.len() == 43
            && token
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if !shape {
            return Err(CouncilError::UnknownLink);
        }
        self.load(&key_link(token))?
            .ok_or(CouncilError::UnknownLink)
    }

    fn view(&self, link: &Link) -> Result<MemberView, CouncilError> {
        let envoi = self
            .envoi(&link.siren, &link.seance)?
            .ok_or(CouncilError::NotSealed)?;
        let destinataire: Destinataire = self
            .load(&key_destinataire(&link.siren, &link.seance, link.index))?
            .ok_or(CouncilError::UnknownLink)?;
        if destinataire.est_efface() {
            return Err(CouncilError::UnknownLink);
        }
        Ok(MemberView {
            collectivite: self.collectivite(&link.siren)?,
            seance: self.seance(&link.siren, &link.seance)?,
            destinataire,
            papers: envoi.papers,
        })
    }

    /// What a member's link leads to. Records nothing.
    ///
    /// # Errors
    /// [`CouncilError::UnknownLink`].
    pub fn member(&self, token: &str) -> Result<MemberView, CouncilError> {
        self.view(&self.link(token)?)
    }

    fn member_step(
        &self,
        token: &str,
        network: Option<&str>,
        name: &str,
        detail: impl FnOnce(u32) -> Detail,
        needs_opening: bool,
    ) -> Result<MemberView, CouncilError> {
        let link = self.link(token)?;
        let state = self.state.of(&link.siren);
        let _held = hold(&state);
        let mut view = self.view(&link)?;
        let destinataire = &mut view.destinataire;
        let consignation = destinataire
            .consignation()
            .map(|trace| trace.digest)
            .ok_or(CouncilError::NotConsigned)?;
        if needs_opening && destinataire.ouverture().is_none() {
            return Err(CouncilError::NotOpened);
        }
        let detail = detail(destinataire.index);
        // The first time counts; later ones change nothing.
        if !destinataire
            .steps
            .iter()
            .any(|step| step.body.detail == detail)
        {
            let step = self.step(
                &link.seance,
                destinataire,
                name,
                consignation,
                Vec::new(),
                detail,
                |personal| {
                    personal.network_address = network.and_then(|address| Text::new(address).ok());
                },
            )?;
            destinataire.steps.push(step);
        }
        self.finish(
            &link.siren,
            &link.seance,
            std::slice::from_mut(destinataire),
        )?;
        Ok(view)
    }

    /// The member opens the sending: `ContentAccessTracking`, the first time.
    ///
    /// # Errors
    /// [`CouncilError::UnknownLink`], the ledger's refusal.
    pub fn open(&self, token: &str, network: Option<&str>) -> Result<MemberView, CouncilError> {
        let detail = |recipient| Detail::ContentAccessTracking(RecipientStep { recipient });
        self.member_step(token, network, "ouverture", detail, false)
    }

    /// A paper leaves for the member: `ContentHandover`, the first time. The bytes must then be sent.
    ///
    /// # Errors
    /// [`CouncilError::NotOpened`], [`CouncilError::UnknownPaper`], the ledger's refusal.
    pub fn handover(
        &self,
        token: &str,
        paper: &Sha256Digest,
        network: Option<&str>,
    ) -> Result<PaperFile, CouncilError> {
        let view = self.member(token)?;
        let found = view
            .papers
            .iter()
            .find(|other| other.digest == *paper)
            .ok_or(CouncilError::UnknownPaper(*paper))?;
        let file = self.paper_file(found)?;
        let short: String = paper.to_hex().chars().take(16).collect();
        let detail = |recipient| {
            Detail::ContentHandover(Handover {
                recipient,
                paper: *paper,
            })
        };
        self.member_step(token, network, &format!("remise/{short}"), detail, true)?;
        Ok(file)
    }

    /// The member acknowledges: `ConsignmentAcceptance`, the first time.
    ///
    /// # Errors
    /// [`CouncilError::NotOpened`], the ledger's refusal.
    pub fn acknowledge(
        &self,
        token: &str,
        network: Option<&str>,
    ) -> Result<MemberView, CouncilError> {
        let detail = |recipient| Detail::ConsignmentAcceptance(RecipientStep { recipient });
        self.member_step(token, network, "accuse", detail, true)
    }

    /// Who was sent, notified, opened, acknowledged, and whether it was in time.
    ///
    /// # Errors
    /// Unknown séance, the store's.
    pub fn dashboard(&self, siren: &str, seance_id: &str) -> Result<Dashboard, CouncilError> {
        dashboard::build(
            self.collectivite(siren)?,
            self.seance(siren, seance_id)?,
            self.papers(siren, seance_id)?,
            self.envoi(siren, seance_id)?,
            self.destinataires(siren, seance_id)?,
        )
    }

    /// The proof file: the séance's papers, and the receipts of the collectivité from its sealing to its last event, by
    /// rank. Those of other séances in between show that nothing is left out; their personal part stays here. The report is
    /// for the caller to add, since it says what a verification found.
    ///
    /// # Errors
    /// [`CouncilError::NotSealed`], the store's.
    pub fn proof_file(&self, siren: &str, seance: &str) -> Result<ProofFile, CouncilError> {
        self.seance(siren, seance)?;
        let owner = event::Collectivite::parse(siren)?;
        // Held for the reading of which ranks are the séance's only: receipts and papers no longer change.
        let (envoi, all) = {
            let state = self.state.of(siren);
            let _held = hold(&state);
            let envoi = self.envoi(siren, seance)?.ok_or(CouncilError::NotSealed)?;
            (envoi, self.destinataires(siren, seance)?)
        };
        let depot = envoi.depot.trace.as_ref().ok_or(CouncilError::NotSealed)?;
        let own: BTreeSet<u64> = all
            .iter()
            .flat_map(|destinataire| &destinataire.steps)
            .flat_map(|step| {
                let rank = step.trace.as_ref().map(|trace| trace.rank);
                rank.into_iter().chain(step.effacement)
            })
            .chain([depot.rank])
            .collect();
        let last = own.last().copied().unwrap_or(depot.rank);
        let mut receipts = self.evidence.receipts(&owner, depot.rank, last)?;
        for (rank, receipt) in (depot.rank..).zip(&mut receipts) {
            if !own.contains(&rank) {
                receipt.personal = None;
            }
        }
        Ok(ProofFile {
            documents: (1..)
                .zip(&envoi.papers)
                .map(|(number, paper)| {
                    Ok(Document {
                        name: format!("{number:02}-{}", paper.nom),
                        bytes: self.paper_file(paper)?.bytes,
                    })
                })
                .collect::<Result<_, CouncilError>>()?,
            receipts,
            trust: None,
            report: None,
        })
    }
}

/// What the workflow keeps of the persons of an event, written anew without it: the recipient's copy of the event's personal
/// part, and with the last of them the recipient's name, address and roster salt. A [`Scrub`](kbox_proof::ledger::Scrub).
///
/// # Errors
/// The store's, or [`StoreError::Damaged`] for a record that cannot be read.
pub fn scrub(
    store: &dyn Store,
    erased: &Entry,
    trace: Option<&Entry>,
) -> Result<RecordBatch, StoreError> {
    let mut batch = RecordBatch::new();
    let mut words = erased.request_id.as_str().split('/');
    // As in `step`; others' events, and a sending itself, have nothing personal here.
    let (Some("seance"), Some(seance), Some("v1"), Some(Ok(index))) = (
        words.next(),
        words.next(),
        words.next(),
        words.next().map(str::parse),
    ) else {
        return Ok(batch);
    };
    let key = key_destinataire(erased.collectivite.as_str(), seance, index);
    let damaged = |_| StoreError::Damaged {
        what: "a recipient's record",
    };
    if let Some(bytes) = store.get(key.as_bytes())? {
        let mut destinataire: Destinataire = read(key.as_bytes(), &bytes).map_err(damaged)?;
        if destinataire.effacer(erased.request_id.as_str(), trace.map(|trace| trace.rank)) {
            let (key, value) = json(&key, &destinataire).map_err(damaged)?;
            batch.put(key, value);
        }
    }
    Ok(batch)
}

fn is_relay(detail: &Detail) -> bool {
    matches!(
        detail,
        Detail::RelayToNonErds(_) | Detail::RelayToNonErdsFailure(_)
    )
}

/// The last notice failed, and another would fail alike: reply codes 5yz (RFC 5321 §4.2.1), or no message to send.
fn refused_for_good(destinataire: &Destinataire) -> bool {
    let mut notices = destinataire.steps.iter().rev();
    notices
        .find(|step| is_relay(&step.body.detail))
        .filter(|step| matches!(step.body.detail, Detail::RelayToNonErdsFailure(_)))
        .is_some_and(|step| {
            let answer = step
                .personal
                .as_ref()
                .and_then(|own| own.relay_answer.as_ref());
            let code = answer.is_some_and(|answer| {
                let mut bytes = answer.as_str().bytes();
                bytes.next() == Some(b'5') && bytes.next().is_some_and(|byte| byte.is_ascii_digit())
            });
            let reasons = &step.body.reasons;
            code || reasons.iter().any(|reason| reason.as_str() == NOT_COMPOSED)
        })
}

fn opening(destinataire: &Destinataire) -> Result<RosterOpening, CouncilError> {
    Ok(RosterOpening {
        identity: RecipientIdentity {
            id: Text::new(destinataire.elu.id.as_str())?,
            name: Text::new(destinataire.elu.nom.as_str())?,
            function: Text::new(destinataire.elu.fonction.as_str())?,
        },
        salt: destinataire.sel,
    })
}

fn base64url(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}
