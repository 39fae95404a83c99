// SPDX-License-Identifier: Apache-2.0 OR MIT
use core::fmt;

use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::EventError;
use kbox_proof::law::LawError;

use crate::evidence::EvidenceError;

/// Why a step of the workflow was not taken. Nothing has changed then, unless the variant says so.
#[derive(Debug)]
#[non_exhaustive]
pub enum CouncilError {
    /// No such collectivité.
    UnknownCollectivite(String),
    /// No such séance in this collectivité.
    UnknownSeance(String),
    /// The link is not one of ours.
    UnknownLink,
    /// No paper with this digest in this sending.
    UnknownPaper(Sha256Digest),
    /// Another record stands under this identifier.
    AlreadyExists {
        /// What.
        what: &'static str,
        /// Its identifier.
        id: String,
    },
    /// An identifier other than 1 to 64 lower-case letters, digits and hyphens.
    Identifier(String),
    /// A field of a record is not acceptable.
    Field {
        /// Which.
        field: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The bytes are not those whose digest was stated.
    DigestMismatch {
        /// Stated.
        stated: Sha256Digest,
        /// Of the bytes.
        found: Sha256Digest,
    },
    /// Larger than a paper may be.
    PaperTooLarge {
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// The papers of a sending together are larger than its proof file may be.
    SendingTooLarge {
        /// Bytes with the paper.
        found: u64,
        /// Bytes allowed.
        max: u64,
    },
    /// A sealed sending cannot be changed.
    Sealed,
    /// The sending is not sealed yet.
    NotSealed,
    /// Papers are not at the members' disposal yet.
    NotConsigned,
    /// No paper, or none of the kind needed.
    PaperMissing(&'static str),
    /// No member to convene.
    NoMembers,
    /// The member has not opened the sending.
    NotOpened,
    /// No mail relay is configured.
    NoRelay,
    /// The process is to end; what was done so far is recorded.
    Stopping,
    /// The message could not be built.
    Mail(String),
    /// The law has no answer for these facts.
    Law(LawError),
    /// A text cannot stand in an event.
    Event(EventError),
    /// The ledger, its clock or its store refused.
    Evidence(EvidenceError),
    /// A stored record cannot be read.
    Record {
        /// Its key.
        key: String,
        /// What is wrong.
        problem: String,
    },
}

impl CouncilError {
    /// What the secretariat reads, in French.
    #[must_use]
    pub fn secretariat(&self) -> String {
        match self {
            Self::UnknownCollectivite(id) => format!("La collectivité « {id} » n’est pas connue de ce service."),
            Self::UnknownSeance(id) => format!("La séance « {id} » n’existe pas."),
            Self::UnknownLink => "Ce lien n’est pas valable. Reprenez celui du dernier courriel reçu, ou adressez-vous au secrétariat.".into(),
            Self::UnknownPaper(_) => "Cette pièce ne fait pas partie de l’envoi.".into(),
            Self::AlreadyExists { id, .. } => format!("« {id} » existe déjà avec un autre contenu."),
            Self::Identifier(id) => format!("« {id} » n’est pas un identifiant : lettres minuscules, chiffres et traits d’union, 64 au plus."),
            Self::Field { field, problem } => format!("Le champ « {field} » est refusé : {problem}."),
            Self::DigestMismatch { .. } => "La pièce reçue n’est pas celle dont l’empreinte a été annoncée. Envoyez-la de nouveau.".into(),
            Self::PaperTooLarge { max, .. } => format!("La pièce dépasse la taille admise ({} Mo).", max / 1_000_000),
            Self::SendingTooLarge { max, .. } => format!("Avec cette pièce, l’envoi dépasserait la taille admise ({} Mo en tout) : réduisez les pièces.", max / 1_000_000),
            Self::Sealed => "L’envoi est scellé : il ne peut plus être modifié.".into(),
            Self::NotSealed => "L’envoi n’est pas encore scellé.".into(),
            Self::NotConsigned => "Les pièces ne sont pas encore à la disposition des membres.".into(),
            Self::PaperMissing(what) => format!("Il manque une pièce : {what}."),
            Self::NoMembers => "Aucun membre à convoquer.".into(),
            Self::NotOpened => "Ouvrez d’abord l’envoi.".into(),
            Self::NoRelay => "Aucun relais de courriel n’est configuré ; rien n’a été envoyé.".into(),
            Self::Stopping => "Le service s’arrête : les membres déjà avisés le sont. Relancez l’envoi ensuite, il reprendra où il en était.".into(),
            Self::Mail(_) => "Le courriel n’a pas pu être composé ; rien n’a été envoyé.".into(),
            Self::Law(error) => format!("Le délai ne peut pas être calculé : {error}."),
            Self::Event(error) => format!("L’événement ne peut pas être consigné : {error}."),
            Self::Evidence(EvidenceError::TimeNotAvailable(_)) => "L’heure du serveur n’est pas sûre : rien n’a été consigné ni envoyé. Réessayez quand l’horloge sera rétablie.".into(),
            Self::Evidence(EvidenceError::Full(_)) => "Le disque du service est plein : rien n’a été consigné. Adressez-vous à l’administrateur.".into(),
            Self::Evidence(_) => "Le registre de preuve n’a pas accepté l’opération.".into(),
            Self::Record { .. } => "Erreur interne du service ; adressez-vous à l’administrateur.".into(),
        }
    }
}

impl fmt::Display for CouncilError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCollectivite(id) => {
                write!(f, "unknown collectivité {id:?}; create it first")
            }
            Self::UnknownSeance(id) => write!(f, "unknown séance {id:?}; create it first"),
            Self::UnknownLink => f.write_str("unknown link; take the one of the last mail"),
            Self::UnknownPaper(digest) => {
                write!(f, "no paper with SHA-256 {digest} in this sending")
            }
            Self::AlreadyExists { what, id } => {
                write!(f, "{what} {id:?} exists with other content")
            }
            Self::Identifier(id) => write!(
                f,
                "{id:?} is no identifier: 1 to 64 lower-case letters, digits and hyphens are expected"
            ),
            Self::Field { field, problem } => write!(f, "{field}: {problem}"),
            Self::DigestMismatch { stated, found } => write!(
                f,
                "the paper's bytes have SHA-256 {found}, but {stated} was stated; send the paper again"
            ),
            Self::PaperTooLarge { found, max } => {
                write!(f, "a paper of {found} bytes, at most {max} are allowed")
            }
            Self::SendingTooLarge { found, max } => write!(
                f,
                "the papers of this sending would have {found} bytes together, at most {max} are allowed"
            ),
            Self::Sealed => f.write_str("the sending is sealed and cannot be changed"),
            Self::NotSealed => f.write_str("the sending is not sealed; seal it first"),
            Self::NotConsigned => f.write_str("the papers are not consigned; consign them first"),
            Self::PaperMissing(what) => write!(f, "a paper is missing: {what}"),
            Self::NoMembers => f.write_str("no member to convene; add the members first"),
            Self::NotOpened => f.write_str("the member has not opened the sending"),
            Self::NoRelay => f.write_str("no mail relay is configured; nothing was sent"),
            Self::Stopping => f.write_str(
                "the service is stopping: what was sent is recorded; call again later, and it goes on from there",
            ),
            Self::Mail(problem) => {
                write!(f, "the mail cannot be built: {problem}; nothing was sent")
            }
            Self::Law(error) => error.fmt(f),
            Self::Event(error) => error.fmt(f),
            Self::Evidence(error) => error.fmt(f),
            Self::Record { key, problem } => {
                write!(f, "stored record {key} cannot be read: {problem}")
            }
        }
    }
}

impl core::error::Error for CouncilError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Law(error) => Some(error),
            Self::Event(error) => Some(error),
            Self::Evidence(error) => Some(error),
            _ => None,
        }
    }
}

impl From<EvidenceError> for CouncilError {
    fn from(error: EvidenceError) -> Self {
        Self::Evidence(error)
    }
}
impl From<EventError> for CouncilError {
    fn from(error: EventError) -> Self {
        Self::Event(error)
    }
}
impl From<LawError> for CouncilError {
    fn from(error: LawError) -> Self {
        Self::Law(error)
    }
}
