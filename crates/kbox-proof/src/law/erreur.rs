// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Why a question of law got no answer.

use alloc::string::String;
use core::fmt;

use super::fuseau::LocalDateTime;
use super::periode::ECART_MAX;
use super::{Instance, PRECISION_MAX_MS};

/// A question that the rules of this module cannot answer. The sentences are French: secretaries read them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LawError {
    /// The rule of this body depends on the population, and none was given.
    PopulationManquante,
    /// Not the code of a French département or collectivité.
    DepartementInconnu(String),
    /// Local law that this module does not hold.
    DroitLocalInconnu {
        /// The code of the département or collectivité.
        departement: String,
    },
    /// This body has no rule on this kind of meeting with a period to check.
    SansDelai {
        /// The body.
        instance: Instance,
        /// Why there is no period, as a sentence.
        raison: &'static str,
    },
    /// Urgency was declared where the law knows none.
    SansUrgence {
        /// The row of the rule.
        regle: &'static str,
    },
    /// Neither a zone nor a département with one single legal time.
    FuseauManquant,
    /// Not a name of the IANA database.
    FuseauInconnu(String),
    /// A local date and time that is not written `2026-11-24T18:30`, or does not exist in the calendar.
    DateHeure(String),
    /// A local time that the clocks of the zone skip.
    HeureInexistante {
        /// As written.
        locale: LocalDateTime,
        /// The zone in which it does not exist.
        fuseau: String,
    },
    /// Outside the years 1970 to 2199.
    AnneeHorsLimites {
        /// The year found.
        annee: i16,
    },
    /// Sending and meeting lie further apart than a convocation can.
    EcartExcessif {
        /// Days from sending to meeting.
        jours: i32,
    },
    /// The stated precision is wider than a day.
    PrecisionExcessive {
        /// In milliseconds.
        precision_ms: u64,
    },
}

impl fmt::Display for LawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PopulationManquante => f.write_str(
                "la règle dépend de la population de la commune : indiquez sa population légale (champ « population »)",
            ),
            Self::DepartementInconnu(code) => write!(
                f,
                "« {code} » n'est pas un code de département : écrivez par exemple « 80 », « 2A » ou « 974 »"
            ),
            Self::DroitLocalInconnu { departement } => write!(
                f,
                "la collectivité {departement} a ses propres textes, que kbox ne connaît pas encore : aucun délai n'est calculé"
            ),
            Self::SansDelai { instance, raison } => {
                write!(f, "{} : {raison}", instance.nom())
            }
            Self::SansUrgence { regle } => write!(
                f,
                "la règle {regle} ne connaît pas l'urgence : retirez l'urgence ou vérifiez la nature de la séance"
            ),
            Self::FuseauManquant => f.write_str(
                "le fuseau horaire ne se déduit pas du département : indiquez-le (champ « fuseau »), par exemple « Europe/Paris »",
            ),
            Self::FuseauInconnu(nom) => write!(
                f,
                "« {nom} » n'est pas un fuseau horaire de la base IANA : écrivez par exemple « Europe/Paris » ou « Indian/Reunion »"
            ),
            Self::DateHeure(texte) => write!(
                f,
                "« {texte} » n'est pas une date et une heure locales : écrivez par exemple « 2026-11-24T18:30 »"
            ),
            Self::HeureInexistante { locale, fuseau } => write!(
                f,
                "le {locale} n'existe pas à l'heure de {fuseau} (passage à l'heure d'été) : corrigez l'heure de la séance"
            ),
            Self::AnneeHorsLimites { annee } => write!(
                f,
                "l'année {annee} est hors de ce que kbox sait calculer (1970 à 2199) : vérifiez la date"
            ),
            Self::EcartExcessif { jours } => write!(
                f,
                "{jours} jours séparent l'envoi de la séance, plus de {ECART_MAX} : vérifiez les deux dates"
            ),
            Self::PrecisionExcessive { precision_ms } => write!(
                f,
                "une précision de {precision_ms} ms dépasse {PRECISION_MAX_MS} ms, soit un jour : l'instant d'envoi n'est pas connu"
            ),
        }
    }
}

impl core::error::Error for LawError {}
