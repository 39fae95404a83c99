// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Refusals: RFC 9457 problem details for programs, a page in French for people.

use std::fmt;
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use kbox_council::{CouncilError, EvidenceError};
use kbox_proof::law::LawError;
use kbox_proof::ledger::LedgerError;
use kbox_proof::store::StoreError;
use serde_json::json;

use super::answer::{self, Answer};
use crate::access::keyring::KeyringError;
use crate::audit::AuditError;
use crate::pages::{self, Cadre};

/// Why a request was not served; nothing has changed then, unless the detail says so.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    /// Stable; the text may be reworded, this may not.
    code: &'static str,
    /// What was found and what to do, in English.
    detail: String,
    /// The same for the people of a council, in French.
    page: String,
    retry_after: Option<Duration>,
    allow: Option<String>,
    /// Extension members (RFC 9457 §3.2).
    members: Option<Box<serde_json::Map<String, serde_json::Value>>>,
}

const INTERNAL: &str = "Le service a rencontré une erreur. Réessayez ; si elle persiste, adressez-vous à l’administrateur.";

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        detail: impl fmt::Display,
        page: impl fmt::Display,
    ) -> Self {
        Self {
            status,
            code,
            detail: detail.to_string(),
            page: page.to_string(),
            retry_after: None,
            allow: None,
            members: None,
        }
    }

    /// With these members beside those of every problem.
    pub(crate) fn with_members(
        mut self,
        members: serde_json::Map<String, serde_json::Value>,
    ) -> Self {
        self.members = Some(Box::new(members));
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// Stable.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            format!("there is no such {what}"),
            "Cette page n’existe pas. Vérifiez l’adresse.",
        )
    }

    pub(crate) fn method(allow: String) -> Self {
        let mut problem = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            format!("this address answers to {allow}"),
            "Cette adresse ne s’ouvre pas ainsi. Revenez à la page précédente et utilisez ses boutons.",
        );
        problem.allow = Some(allow);
        problem
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "send an API key of this server as 'Authorization: Bearer kbox_…'",
            "Connectez-vous pour ouvrir cette page.",
        )
    }

    pub(crate) fn forbidden() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "the role or collectivité of this key does not permit this",
            "Votre clé ne donne pas ce droit.",
        )
    }

    pub(crate) fn foreign_form() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "foreign_origin",
            "the form came from another site (header Origin)",
            "Cette demande ne vient pas de nos pages ; rien n’a été enregistré.",
        )
    }

    pub(crate) fn too_often(wait: Duration) -> Self {
        let mut problem = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_requests",
            "too many requests from this address; wait as Retry-After says",
            "Trop de demandes en peu de temps. Réessayez dans un instant.",
        );
        problem.retry_after = Some(wait);
        problem
    }

    pub(crate) fn too_large(max: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("the body may hold at most {max} bytes"),
            "L’envoi dépasse la taille admise.",
        )
    }

    pub(crate) fn body_timeout() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "timeout",
            "the body did not arrive in time",
            "L’envoi n’est pas arrivé à temps. Réessayez.",
        )
    }

    pub(crate) fn body_broken(problem: impl fmt::Display) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "body_broken",
            format!("the body could not be read: {problem}"),
            "L’envoi n’est pas arrivé entier. Réessayez.",
        )
    }

    pub(crate) fn media_type(expected: &'static str) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "media_type",
            format!("send the body as Content-Type: {expected}"),
            "Ce format n’est pas accepté.",
        )
    }

    pub(crate) fn malformed(problem: impl fmt::Display) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "malformed",
            format!("the request cannot be read: {problem}"),
            "La demande est incomplète ou mal formée.",
        )
    }

    pub(crate) fn internal(detail: impl fmt::Display) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            detail,
            INTERNAL,
        )
    }

    pub(crate) fn unavailable(code: &'static str, detail: impl fmt::Display) -> Self {
        let mut problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            code,
            detail,
            "Le service est momentanément indisponible ; rien n’a été enregistré. Réessayez dans un instant.",
        );
        problem.retry_after = Some(Duration::from_secs(2));
        problem
    }

    fn with_page(mut self, page: String) -> Self {
        self.page = page;
        self
    }

    fn headers(&self, mut answer: Answer) -> Answer {
        if self.status == StatusCode::UNAUTHORIZED {
            answer::set(&mut answer, WWW_AUTHENTICATE, "Bearer realm=\"kbox\"");
        }
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs().saturating_add(1).to_string();
            answer::set(&mut answer, RETRY_AFTER, &seconds);
        }
        if let Some(allow) = &self.allow {
            answer::set(&mut answer, ALLOW, allow);
        }
        answer
    }

    /// RFC 9457.
    pub(crate) fn to_json(&self) -> Answer {
        let mut value = json!({
            "type": format!("urn:kbox:problem:{}", self.code),
            "title": self.status.canonical_reason().unwrap_or("error"),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        if let (Some(members), Some(value)) = (&self.members, value.as_object_mut()) {
            for (name, member) in members.iter() {
                value.entry(name).or_insert_with(|| member.clone());
            }
        }
        let bytes = value.to_string();
        self.headers(answer::body(self.status, "application/problem+json", bytes))
    }

    /// For people.
    ///
    /// `membre`: the address was a member's link, from which nothing leads to the secretariat's pages.
    pub(crate) fn to_page(&self, cadre: Cadre, membre: bool) -> Answer {
        let title = match self.status {
            StatusCode::NOT_FOUND => "Page introuvable",
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "Accès refusé",
            StatusCode::SERVICE_UNAVAILABLE => "Service indisponible",
            StatusCode::TOO_MANY_REQUESTS => "Trop de demandes",
            status if status.is_server_error() => "Erreur du service",
            _ => "Demande refusée",
        };
        let retour = self.status == StatusCode::NOT_FOUND && !membre;
        let text = pages::erreur(cadre, title, &self.page, retour);
        self.headers(answer::body(self.status, answer::HTML, text))
    }

    /// What the operator's log says of a failure of ours; nothing of the caller's input.
    pub(crate) fn for_log(&self) -> Option<&str> {
        self.status
            .is_server_error()
            .then_some(self.detail.as_str())
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full { .. } => Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "disk_full",
                error,
                "Le disque du service est plein : rien n’a été enregistré. Adressez-vous à l’administrateur.",
            ),
            _ => Self::internal(error),
        }
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        use LedgerError as E;
        let page = "L’événement ne peut pas être consigné.";
        let (status, code) = match &error {
            E::Busy => return Self::unavailable("busy", error),
            E::Closed | E::Stopped => return Self::unavailable("stopping", error),
            E::NotWitnessed => return Self::unavailable("not_witnessed", error),
            E::RolledBack { .. } => return Self::unavailable("rolled_back", error),
            E::TimeNotAvailable(_) | E::ClockInaccurate { .. } | E::ClockBehindLog { .. } => {
                return Self::unavailable("time_not_available", error).with_page(
                    "L’heure du serveur n’est pas sûre : rien n’a été consigné ni envoyé.".into(),
                );
            }
            E::Store(_) => {
                let E::Store(error) = error else {
                    return Self::internal(error);
                };
                return error.into();
            }
            E::Conflict { .. } => (StatusCode::CONFLICT, "conflict"),
            E::Held(hold) => {
                let members = serde_json::to_value(hold).map(|hold| json!({ "hold": hold }));
                let problem = Self::new(StatusCode::CONFLICT, "legal_hold", &error, page);
                return match members {
                    Ok(serde_json::Value::Object(members)) => problem.with_members(members),
                    _ => problem,
                };
            }
            E::ErasurePending(_) => return Self::unavailable("erasure_pending", error),
            E::ErasureAlone => (StatusCode::UNPROCESSABLE_ENTITY, "erasure_alone"),
            E::Gone { .. } => (StatusCode::GONE, "gone"),
            E::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            E::OperatorsEvent | E::NotOpened => (StatusCode::FORBIDDEN, "operators_event"),
            E::Event(_) => (StatusCode::UNPROCESSABLE_ENTITY, "event"),
            E::ReferenceUnknown { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "reference_unknown"),
            E::ReferenceKind { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "reference_kind"),
            E::RecipientOutsideRoster { .. } => {
                (StatusCode::UNPROCESSABLE_ENTITY, "recipient_outside_roster")
            }
            E::RecipientDiffers { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "recipient_differs"),
            E::PaperUnknown { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "paper_unknown"),
            E::VersionOrder { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "version_order"),
            _ => return Self::internal(error),
        };
        Self::new(status, code, error, page)
    }
}

impl From<KeyringError> for Problem {
    fn from(error: KeyringError) -> Self {
        match error {
            KeyringError::Collectivite => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "key_collectivite",
                error,
                "Cette clé ne peut pas être créée.",
            ),
            KeyringError::Ledger(error) => error.into(),
            KeyringError::Audit(error) => error.into(),
            _ => Self::internal(error),
        }
    }
}

impl From<AuditError> for Problem {
    fn from(error: AuditError) -> Self {
        Self::unavailable("audit_log", error)
    }
}

impl From<LawError> for Problem {
    fn from(error: LawError) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "law",
            error,
            "Le délai ne peut pas être calculé.",
        )
    }
}

impl From<CouncilError> for Problem {
    fn from(error: CouncilError) -> Self {
        use CouncilError as E;
        let page = error.secretariat();
        let (status, code) = match &error {
            E::UnknownCollectivite(_) => (StatusCode::NOT_FOUND, "unknown_collectivite"),
            E::UnknownSeance(_) => (StatusCode::NOT_FOUND, "unknown_seance"),
            E::UnknownLink => (StatusCode::NOT_FOUND, "unknown_link"),
            E::UnknownPaper(_) => (StatusCode::NOT_FOUND, "unknown_paper"),
            E::AlreadyExists { .. } => (StatusCode::CONFLICT, "already_exists"),
            E::Sealed => (StatusCode::CONFLICT, "sealed"),
            E::NotSealed => (StatusCode::CONFLICT, "not_sealed"),
            E::NotConsigned => (StatusCode::CONFLICT, "not_consigned"),
            E::NotOpened => (StatusCode::CONFLICT, "not_opened"),
            E::Identifier(_) => (StatusCode::UNPROCESSABLE_ENTITY, "identifier"),
            E::Field { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "field"),
            E::DigestMismatch { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "digest_mismatch"),
            E::PaperTooLarge { .. } | E::SendingTooLarge { .. } => {
                (StatusCode::PAYLOAD_TOO_LARGE, "too_large")
            }
            E::PaperMissing(_) => (StatusCode::CONFLICT, "paper_missing"),
            E::NoMembers => (StatusCode::CONFLICT, "no_members"),
            E::Law(_) => (StatusCode::UNPROCESSABLE_ENTITY, "law"),
            E::Event(_) => (StatusCode::UNPROCESSABLE_ENTITY, "event"),
            E::NoRelay => {
                return Self::unavailable("no_relay", &error).with_page(page);
            }
            E::Stopping => {
                return Self::unavailable("stopping", &error).with_page(page);
            }
            E::Evidence(EvidenceError::TimeNotAvailable(_)) => {
                return Self::unavailable("time_not_available", &error).with_page(page);
            }
            E::Evidence(EvidenceError::Unavailable(_)) => {
                return Self::unavailable("busy", &error).with_page(page);
            }
            E::Evidence(EvidenceError::Conflict(_)) => (StatusCode::CONFLICT, "conflict"),
            E::Evidence(EvidenceError::Full(_)) => (StatusCode::INSUFFICIENT_STORAGE, "disk_full"),
            _ => return Self::internal(&error).with_page(page),
        };
        Self::new(status, code, &error, page)
    }
}
