// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What the service keeps, as JSON records.

use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::{Body, Channel, Detail, PaperNature, PersonalData, Salt};
use kbox_proof::time::Time;
use serde::{Deserialize, Serialize};

/// A body that convenes: its SIREN and the facts that select its rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collectivite {
    /// Nine digits.
    pub siren: String,
    /// `Commune de Doullens`.
    pub nom: String,
    /// `commune`, `epci`, … as in `kbox_proof::law::Instance`.
    pub instance: String,
    /// Legal population, where the rule depends on it.
    #[serde(default)]
    pub population: Option<u32>,
    /// Département code, `80`.
    #[serde(default)]
    pub departement: Option<String>,
    /// IANA time zone of the seat.
    pub fuseau: String,
}

/// A member of the assembly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Elu {
    /// The collectivité's own identifier: lower-case letters, digits, hyphens.
    pub id: String,
    /// Name as the convocation writes it.
    pub nom: String,
    /// `Conseillère municipale`.
    pub fonction: String,
    /// E-mail address.
    pub courriel: String,
    /// The channel chosen (CGCT L.2121-10).
    pub canal: Channel,
    /// Local date of that choice, `2026-03-21`.
    pub canal_choisi_le: String,
    /// Receives a copy for information only: no legal period runs.
    #[serde(default)]
    pub pour_information: bool,
}

/// A meeting to be convened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seance {
    /// Lower-case letters, digits, hyphens.
    pub id: String,
    /// `Conseil municipal de Doullens`.
    pub intitule: String,
    /// Where it is held.
    pub lieu: String,
    /// Local date and time, `2026-12-02T18:30`.
    pub debut: String,
    /// Function of the convocation's author, `Le maire`.
    pub auteur: String,
    /// Reason of the urgency, where it is declared.
    #[serde(default)]
    pub urgence: Option<String>,
    /// Second convocation after a lacking quorum.
    #[serde(default)]
    pub seconde_convocation: bool,
}

/// A paper that is handed in.
#[derive(Clone, Debug)]
pub struct NewPaper {
    /// File name without folder.
    pub nom: String,
    /// Title.
    pub titre: String,
    /// Kind.
    pub nature: PaperNature,
    /// The digest that the sender states; other bytes are refused.
    pub digest: Option<Sha256Digest>,
}

/// A paper as kept; its bytes lie under its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paper {
    /// File name without folder.
    pub nom: String,
    /// Title.
    pub titre: String,
    /// Kind.
    pub nature: PaperNature,
    /// SHA-256 of the bytes.
    pub digest: Sha256Digest,
    /// Bytes.
    pub taille: u64,
}

/// A paper with its bytes.
#[derive(Clone, Debug)]
pub struct PaperFile {
    /// What it is.
    pub paper: Paper,
    /// Its bytes, checked against the digest.
    pub bytes: Vec<u8>,
}

/// What a receipt says, kept so that pages need not parse receipts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trace {
    /// 32 hexadecimal digits, as in `/api/v1/receipts/{id}`.
    pub event_id: String,
    /// Digest of the event, which later events refer to.
    pub digest: Sha256Digest,
    /// genTime of its token: the legal instant.
    pub gen_time: Time,
    /// Accuracy of genTime, milliseconds, rounded up.
    pub precision_ms: u64,
    /// Rank in the collectivité.
    pub rank: u64,
}

/// One event asked for, and its trace once it is recorded.
///
/// The step is stored with the event, in one commit, and its trace right after: after a crash in between, asking the ledger
/// for the same step again gives the same receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Follows from what the step is about.
    pub request_id: String,
    /// What happened.
    pub body: Body,
    /// Whom it concerns.
    #[serde(default)]
    pub personal: Option<PersonalData>,
    /// The receipt's facts.
    #[serde(default)]
    pub trace: Option<Trace>,
    /// Rank of the `PersonalDataErasure` by which `personal` went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effacement: Option<u64>,
}

/// A sealed sending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envoi {
    /// From 1.
    pub version: u32,
    /// The `SubmissionAcceptance`.
    pub depot: Step,
    /// The papers as sealed, in order.
    pub papers: Vec<Paper>,
    /// Recipients.
    pub destinataires: u32,
}

/// One recipient of a sending and all that happened to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destinataire {
    /// Index in the roster.
    pub index: u32,
    /// The member as at the sealing.
    pub elu: Elu,
    /// Opens the roster's commitment.
    pub sel: Salt,
    /// In the order of their recording.
    pub steps: Vec<Step>,
}

impl Destinataire {
    /// What identified the person was erased from every step: who it is is known no longer.
    #[must_use]
    pub fn est_efface(&self) -> bool {
        !self.steps.is_empty() && self.steps.iter().all(|step| step.personal.is_none())
    }

    /// Takes a step's personal part away, and with the last one the person.
    pub(crate) fn effacer(&mut self, request_id: &str, rank: Option<u64>) -> bool {
        let Some(step) = self
            .steps
            .iter_mut()
            .find(|step| step.request_id == request_id)
        else {
            return false;
        };
        step.personal = None;
        step.effacement = step.effacement.or(rank);
        if self.est_efface() {
            self.sel = Salt::from_bytes([0; 32]);
            let elu = &mut self.elu;
            elu.id = "efface".to_string();
            elu.nom = "Données effacées".to_string();
            elu.fonction = "—".to_string();
            elu.courriel = String::new();
        }
        true
    }

    /// The first recorded step whose detail satisfies `wanted`.
    fn first(&self, wanted: impl Fn(&Detail) -> bool) -> Option<&Trace> {
        self.steps
            .iter()
            .filter(|step| wanted(&step.body.detail))
            .find_map(|step| step.trace.as_ref())
    }
    /// Put at the member's disposal.
    #[must_use]
    pub fn consignation(&self) -> Option<&Trace> {
        self.first(|detail| matches!(detail, Detail::ContentConsignment(_)))
    }
    /// The first notice that a relay took.
    #[must_use]
    pub fn avis(&self) -> Option<&Trace> {
        self.first(|detail| {
            matches!(
                detail,
                Detail::RelayToNonErds(_) | Detail::ConsignmentNotification(_)
            )
        })
    }
    /// The first notice that a relay refused.
    #[must_use]
    pub fn avis_refuse(&self) -> Option<&Trace> {
        self.first(|detail| matches!(detail, Detail::RelayToNonErdsFailure(_)))
    }
    /// The relay's last answer.
    #[must_use]
    pub fn reponse_du_relais(&self) -> Option<&str> {
        self.steps.iter().rev().find_map(|step| {
            let answer = step.personal.as_ref()?.relay_answer.as_ref()?;
            Some(answer.as_str())
        })
    }
    /// Opened.
    #[must_use]
    pub fn ouverture(&self) -> Option<&Trace> {
        self.first(|detail| matches!(detail, Detail::ContentAccessTracking(_)))
    }
    /// Papers handed over.
    #[must_use]
    pub fn remises(&self) -> usize {
        self.steps
            .iter()
            .filter(|step| {
                matches!(step.body.detail, Detail::ContentHandover(_)) && step.trace.is_some()
            })
            .count()
    }
    /// Acknowledged.
    #[must_use]
    pub fn accuse(&self) -> Option<&Trace> {
        self.first(|detail| matches!(detail, Detail::ConsignmentAcceptance(_)))
    }
}

/// What a member's page shows.
#[derive(Clone, Debug)]
pub struct MemberView {
    /// Who convenes.
    pub collectivite: Collectivite,
    /// The meeting.
    pub seance: Seance,
    /// The member and what was recorded.
    pub destinataire: Destinataire,
    /// The papers, to be shown after the opening only.
    pub papers: Vec<Paper>,
}
