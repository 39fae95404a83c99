// SPDX-License-Identifier: Apache-2.0 OR MIT
//! French words for events and rejections.

use alloc::format;
use alloc::string::{String, ToString};

use super::witnesses::shortfall;
use super::{Language, level_name, token, unreadable};
use crate::event::{Detail, ErasureBasis, OpeningReason};
use crate::receipt::Demand;
use crate::verify::Rejection;

pub(super) const fn event(detail: &Detail) -> &'static str {
    match detail {
        Detail::SubmissionAcceptance(_) => "envoi scellé",
        Detail::ContentConsignment(_) => "mise à disposition",
        Detail::ContentConsignmentFailure(_) => "mise à disposition impossible",
        Detail::ConsignmentNotification(_) => "avis",
        Detail::ConsignmentNotificationFailure(_) => "avis impossible",
        Detail::RelayToNonErds(_) => "avis pris en charge par un relais de courriel",
        Detail::RelayToNonErdsFailure(_) => "avis refusé par un relais de courriel",
        Detail::ContentAccessTracking(_) => "ouverture",
        Detail::ContentHandover(_) => "remise d'une pièce",
        Detail::ConsignmentAcceptance(_) => "accusé de réception",
        Detail::TrustBundlePublication(_) => "publication des clés de confiance",
        Detail::PersonalDataErasure(_) => "effacement de données personnelles",
        Detail::ShardOpening(_) => "ouverture d'un journal à la suite d'un autre",
    }
}

/// With what it takes.
pub(super) const fn level(level: Demand) -> &'static str {
    match level {
        Demand::Horodate => "horodaté (le jeton est valable ; aucun journal ne le contient)",
        Demand::Journalise => {
            "journalisé (inscrit au journal du service, sans témoin ni autorité extérieure)"
        }
        Demand::Temoigne => {
            "témoigné (inscrit au journal, dont la tête est signée par des témoins indépendants)"
        }
        Demand::Ancre => {
            "ancré (inscrit au journal, dont la tête est signée par des témoins et horodatée par une autorité extérieure)"
        }
    }
}

pub(super) const fn basis(basis: ErasureBasis) -> &'static str {
    match basis {
        ErasureBasis::NoLongerNecessary => "données qui ne sont plus nécessaires",
        ErasureBasis::ConsentWithdrawn => "retrait du consentement",
        ErasureBasis::Objection => "opposition de la personne",
        ErasureBasis::UnlawfulProcessing => "traitement illicite",
        ErasureBasis::LegalObligation => "obligation légale",
        ErasureBasis::ChildsData => "données d'un enfant",
    }
}

pub(super) const fn opening(reason: OpeningReason) -> &'static str {
    match reason {
        OpeningReason::Restore => "restauration d'une sauvegarde",
        OpeningReason::Copy => "une copie de ce journal a continué ailleurs",
        OpeningReason::WrongClock => "une horloge fausse l'avait daté de l'avenir",
        OpeningReason::Damage => "journal endommagé",
    }
}

/// One sentence.
pub(super) fn rejection(rejection: &Rejection) -> String {
    match rejection {
        Rejection::Event(error) => format!("l'événement est illisible ou altéré : {}", unreadable::event(error)),
        Rejection::Environment => "l'événement relève d'un autre environnement (production ou démonstration) que celui auquel vous faites confiance".to_string(),
        Rejection::LogUnknown { origin } => format!("le journal {origin} ne figure pas parmi ceux auxquels vous faites confiance"),
        Rejection::TokenMalformed(error) => format!("le jeton d'horodatage est illisible ou altéré : {}", token::unread_words(error, Language::French)),
        Rejection::Token(cause) => format!("le jeton d'horodatage ne prouve pas cet événement : {}", token::french(cause)),
        Rejection::TokenPolicy { policy } => format!("le jeton relève de la politique {policy}, qui n'est pas celle des preuves : il vient peut-être du service public d'horodatage"),
        Rejection::TokenAuthority => "le jeton est signé par une autre autorité que celle des preuves".to_string(),
        Rejection::AuthorityRange { index } => format!("l'autorité d'horodatage n'était pas en service à l'entrée {index} du journal"),
        Rejection::Proof(error) => format!("la preuve d'inscription au journal ne tient pas : {}", unreadable::tlog_proof(error)),
        Rejection::CheckpointOrigin { found } => format!("la preuve vient du journal {found}, non de celui de l'événement"),
        Rejection::BeyondEnd { size, final_size } => format!("la clé du journal a signé {size} entrées, et le trust.json clôt ce journal à {final_size}"),
        Rejection::NotFinal { size, final_size } => format!("le récépissé s'appuie sur un état à {size} entrées d'un journal clos à {final_size} : demandez-le de nouveau"),
        Rejection::FromTheFuture { gen_time, now } => format!("le jeton est daté du {gen_time}, et l'horloge de cette machine indique {now} : l'une des deux est fausse"),
        Rejection::TwoHistories { witnessed: false } => "le journal montre deux histoires différentes".to_string(),
        Rejection::TwoHistories { witnessed: true } => "les témoins ont signé, pour ce journal, une autre histoire que celle du trust.json".to_string(),
        Rejection::Opening { previous, closed: None, .. } => format!("le journal fait suite à {previous}, que votre trust.json ne clôt pas"),
        Rejection::Opening { previous, size, closed: Some(closed) } if closed == size => format!("le journal fait suite à {previous} depuis un autre état à {size} entrées que celui auquel votre trust.json le clôt"),
        Rejection::Opening { previous, size, closed: Some(closed) } => format!("le journal fait suite à {previous} depuis {size} entrées, et votre trust.json clôt celui-ci à {closed}"),
        Rejection::Checkpoint(error) => format!("une tête de journal n'est pas valable : {}", unreadable::checkpoint(error)),
        Rejection::Consistency(error) => format!("rien ne montre que deux têtes de journal appartiennent à la même histoire : {}", unreadable::merkle(error)),
        Rejection::BeforeContainsEntry => "la tête de journal présentée comme antérieure contient déjà l'entrée".to_string(),
        Rejection::Cosignature(error) => format!("la signature d'un témoin ne tient pas : {}", unreadable::note(error)),
        Rejection::OutsideBounds { gen_time, low: Some(low), high: Some(high) } => format!("le jeton dit {gen_time}, mais les témoins situent l'entrée entre {low} et {high}"),
        Rejection::OutsideBounds { gen_time, low: Some(low), .. } => format!("le jeton dit {gen_time}, mais des témoins ont vu le journal sans cette entrée le {low}"),
        Rejection::OutsideBounds { gen_time, high: Some(high), .. } => format!("le jeton dit {gen_time}, mais des témoins avaient déjà vu l'entrée le {high}"),
        Rejection::OutsideBounds { gen_time, .. } => format!("le jeton dit {gen_time}, ce que les témoins contredisent"),
        Rejection::Gap { gen_time, low, high } => format!("le jeton dit {gen_time} ; les témoins ({low} et {high}) en sont trop éloignés pour exclure une antidate"),
        Rejection::AnchorMalformed(error) => format!("le jeton extérieur est illisible : {}", token::unread_words(error, Language::French)),
        Rejection::Anchor(cause) => format!("le jeton extérieur ne prouve pas la tête de journal : {}", token::french(cause)),
        Rejection::AnchorBefore { gen_time, anchored } => format!("le jeton dit {gen_time}, mais une autorité extérieure avait scellé l'entrée dès le {anchored} : l'une des deux horloges est fausse"),
        Rejection::AnchorNotOutside => "l'autorité des preuves ne peut sceller son propre journal".to_string(),
        Rejection::Level { reached: reached @ Demand::Temoigne, demanded, .. } => format!("niveau atteint : {} ; niveau exigé : {} ; aucun horodatage du journal par une autorité extérieure reconnue n'est joint (ancrage)", level_name(*reached), level_name(*demanded)),
        Rejection::Level { reached, demanded, shown } => format!("niveau atteint : {} ; niveau exigé : {} ; {}", level_name(*reached), level_name(*demanded), shortfall(shown, Language::French)),
        Rejection::Personal => "les données personnelles jointes ne sont pas celles de cet événement".to_string(),
        Rejection::Roster { recipient } => format!("les données personnelles désignent une autre personne que le destinataire n° {recipient}"),
        Rejection::NoSubmission => "le dossier ne contient aucun envoi".to_string(),
        Rejection::Unjudged { left } => format!("{left} des récépissés suivants n'ont pas été jugés, tant d'autres ayant été rejetés"),
        Rejection::Mixed => "le dossier mêle plusieurs journaux ou collectivités".to_string(),
        Rejection::Duplicate { rank, same: true } => format!("le récépissé de rang {rank} y figure deux fois"),
        Rejection::Duplicate { rank, same: false } => format!("deux événements différents portent le rang {rank} : le journal montre deux histoires"),
        Rejection::Gaps { from, to } if from == to => format!("dossier incomplet : il manque l'événement de rang {from}"),
        Rejection::Gaps { from, to } => format!("dossier incomplet : il manque les événements de rang {from} à {to}"),
        Rejection::Chain { rank } => format!("l'événement de rang {rank} ne cite pas celui qui le précède"),
        Rejection::Reference { rank } => format!("l'événement de rang {rank} renvoie à un événement absent du dossier ou qui ne lui convient pas"),
        Rejection::OutsideSending { rank } => format!("l'événement de rang {rank} désigne un destinataire ou une pièce étrangers à l'envoi"),
        Rejection::DocumentUnknown { name } => format!("la pièce {name} n'est pas l'une de celles qui ont été envoyées : elle a été modifiée ou ajoutée"),
        Rejection::DocumentMissing { title, .. } => format!("la pièce « {title} » manque au dossier"),
        Rejection::Rule { declared, law } => format!("la règle déclarée, {declared}, n'est pas celle de la loi pour les faits déclarés : {law}"),
        Rejection::Law { problem } => format!("le délai ne peut être jugé : {problem}"),
    }
}
