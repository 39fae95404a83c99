// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The question "is it in time?" and its answer, as `POST /api/v1/delai` carries them.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::fuseau::{Fuseau, Jour, LocalDateTime, fuseau_du_departement};
use super::regle::{Faits, Instance, Nature, Regle};
use super::{LawError, Periode, Verdict, mots};
use crate::time::Time;

/// The widest precision of an instant that still makes sense: one day, in milliseconds.
pub const PRECISION_MAX_MS: u64 = 86_400_000;

/// A question about a convening period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DelaiRequest {
    /// The body.
    pub instance: Instance,
    /// Legal population of the commune on the day of sending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub population: Option<u32>,
    /// Code of the département or overseas collectivité.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub departement: Option<String>,
    /// IANA zone of the seat; by default the département's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fuseau: Option<String>,
    /// The instant of sending; left out to ask for the last moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envoi: Option<Time>,
    /// How far the true instant may lie from `envoi`, on either side.
    #[serde(default)]
    pub precision_ms: u64,
    /// Local date and time of the meeting.
    pub seance: LocalDateTime,
    /// Urgency is declared.
    #[serde(default)]
    pub urgence: bool,
    /// The first meeting lacked its quorum.
    #[serde(default)]
    pub seconde_convocation: bool,
    /// First meeting after a general renewal.
    #[serde(default)]
    pub installation: bool,
}

/// The answer to a [`DelaiRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelaiAnswer {
    /// The article.
    pub regle: String,
    /// Days demanded.
    pub delai: u16,
    /// How they count by the text.
    pub nature: Nature,
    /// Whole local days strictly between sending and meeting; absent without `envoi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jours_francs: Option<i32>,
    /// Calendar days from sending to meeting, negative when it came after; absent without `envoi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ecart: Option<i32>,
    /// The whole days, one by one; without `envoi`, those that a sending on the last safe day leaves.
    pub jours: Vec<Jour>,
    /// Sending is safe strictly before this instant.
    pub envoyer_avant: Time,
    /// Sending keeps the text strictly before this instant; only for rules that are not in clear days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envoyer_avant_au_texte: Option<Time>,
    /// Absent without `envoi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// In French, to be read aloud.
    pub explication: String,
}

/// Answers whether a sending keeps the convening period, and until when it would.
///
/// # Errors
/// [`LawError`] says what is missing, unknown or absurd.
///
/// ```
/// use kbox_proof::law::{DelaiRequest, Verdict, delai};
/// let request: DelaiRequest = serde_json::from_str(
///     r#"{"instance": "commune", "population": 12000, "departement": "80", "fuseau": "Europe/Paris",
///         "envoi": "2026-11-18T21:00:00Z", "precision_ms": 1000, "seance": "2026-11-24T18:30",
///         "urgence": false, "seconde_convocation": false}"#,
/// )?;
/// let answer = delai(&request)?;
/// assert_eq!((answer.jours_francs, answer.verdict), (Some(5), Some(Verdict::Respecte)));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub fn delai(request: &DelaiRequest) -> Result<DelaiAnswer, LawError> {
    if request.precision_ms > PRECISION_MAX_MS {
        return Err(LawError::PrecisionExcessive {
            precision_ms: request.precision_ms,
        });
    }
    let regle = Regle::select(&Faits {
        instance: request.instance,
        population: request.population,
        departement: request.departement.as_deref(),
        urgence: request.urgence,
        seconde_convocation: request.seconde_convocation,
        installation: request.installation,
    })?;
    let usual = request
        .departement
        .as_deref()
        .and_then(fuseau_du_departement);
    let name = request
        .fuseau
        .as_deref()
        .or(usual)
        .ok_or(LawError::FuseauManquant)?;
    let fuseau = Fuseau::parse(name)?;
    // A meeting at a time that no clock will show is a mistake worth stopping at.
    let seance = fuseau.instant(request.seance)?;
    let periode = Periode {
        delai: regle.delai,
        nature: regle.nature,
        lecture_franche: regle.lecture_franche,
        fuseau: &fuseau,
        seance: request.seance.jour(),
    };
    let envoyer_avant = periode.envoyer_avant()?;
    let envoyer_avant_au_texte = match regle.nature {
        Nature::Franc => None,
        Nature::NonFranc => Some(periode.envoyer_avant_au_texte()?),
    };

    let mut texte = Explication::new(&regle);
    texte.ajoute(&format!(
        "La séance est le {}, {}.",
        mots::jour_heure(request.seance),
        mots::heure_de(name)
    ));
    if seance.ambigue {
        texte.ajoute("Cette heure revient deux fois cette nuit-là, au passage à l'heure d'hiver ; seule la date compte pour le délai.");
    }
    let (ecart, jours, verdict) = match request.envoi {
        Some(envoi) => {
            let verdict = periode.verdict(envoi, Duration::from_millis(request.precision_ms))?;
            let ecart = periode.ecart(envoi)?;
            let jours = periode.jours(envoi)?;
            texte.envoi(&fuseau, envoi, ecart, &jours)?;
            if envoi >= seance.instant {
                texte.ajoute("L'envoi n'a pas précédé la séance.");
            }
            texte.verdict(verdict, &periode, request);
            (Some(ecart), jours, Some(verdict))
        }
        None => {
            let last = periode.dernier_jour();
            texte.ajoute(&format!(
                "Il faut envoyer au plus tard le {}, avant minuit ({}).",
                mots::jour(last),
                mots::heure_de(name)
            ));
            if regle.lecture_franche {
                texte.ajoute(&format!(
                    "À la lettre du texte, un envoi le {} suffirait ; il serait à risque si le juge comptait en jours francs.",
                    mots::jour(periode.dernier_jour_au_texte())
                ));
            }
            let between = last.jusqua(periode.seance);
            let jours = (1..between)
                .rev()
                .map(|back| periode.seance.plus(-back))
                .collect();
            (None, jours, None)
        }
    };
    if request.departement.is_none() && request.instance == Instance::Commune {
        texte.ajoute("Le département n'étant pas indiqué, le droit commun est appliqué.");
    }
    if let (Some(code), Some(usual)) = (&request.departement, usual)
        && usual != name
    {
        texte.ajoute(&format!(
            "Attention : le fuseau indiqué, {name}, n'est pas celui du département {code}, {usual}."
        ));
    }
    for rappel in regle.rappels {
        texte.ajoute(rappel);
    }
    Ok(DelaiAnswer {
        regle: regle.article.to_string(),
        delai: regle.delai,
        nature: regle.nature,
        jours_francs: ecart.map(|ecart| (ecart - 1).max(0)),
        ecart,
        jours,
        envoyer_avant,
        envoyer_avant_au_texte,
        verdict,
        explication: texte.0,
    })
}

/// Sentences, one after the other.
struct Explication(String);

impl Explication {
    fn new(regle: &Regle) -> Self {
        let article = regle
            .article
            .replace("CGCT ", "CGCT, ")
            .replace("CGFP ", "CGFP, ");
        Self(format!("{} Texte appliqué : {article}.", regle.explication))
    }

    fn ajoute(&mut self, sentence: &str) {
        self.0.push(' ');
        self.0.push_str(sentence);
    }

    fn envoi(
        &mut self,
        fuseau: &Fuseau,
        envoi: Time,
        ecart: i32,
        jours: &[Jour],
    ) -> Result<(), LawError> {
        self.ajoute(&format!(
            "L'envoi est du {} ({}, {}).",
            mots::jour_heure(fuseau.local(envoi)?),
            mots::heure_de(fuseau.nom()),
            mots::decalage(fuseau.offset_secs(envoi)),
        ));
        match jours.len() {
            0 => self.ajoute("Aucun jour entier ne sépare l'envoi de la séance."),
            1 => self.ajoute(&format!(
                "Sans compter le jour de l'envoi ni celui de la séance, un seul jour entier les sépare : {}.",
                mots::liste(jours)
            )),
            n @ 2..=31 => self.ajoute(&format!(
                "Sans compter le jour de l'envoi ni celui de la séance, {} jours entiers les séparent : {}.",
                mots::nombre(n),
                mots::liste(jours)
            )),
            n => self.ajoute(&format!(
                "Sans compter le jour de l'envoi ni celui de la séance, {n} jours entiers les séparent."
            )),
        }
        if ecart == 1 {
            self.ajoute("L'envoi est de la veille.");
        }
        Ok(())
    }

    fn verdict(&mut self, verdict: Verdict, periode: &Periode<'_>, request: &DelaiRequest) {
        let last = mots::jour(periode.dernier_jour());
        match verdict {
            Verdict::Respecte => self.ajoute(&format!(
                "Le délai est respecté : il fallait envoyer au plus tard le {last}, avant minuit."
            )),
            Verdict::RespecteAuTexte => self.ajoute(&format!(
                "Le délai est respecté à la lettre du texte, mais à risque : en jours francs, il fallait envoyer au plus tard le {last}, avant minuit."
            )),
            Verdict::NonRespecte => {
                self.ajoute(&format!(
                    "Le délai n'est pas respecté : il fallait envoyer au plus tard le {}, avant minuit.",
                    mots::jour(periode.dernier_jour_au_texte())
                ));
                self.piste_urgence(periode, request);
            }
            Verdict::Indetermine => self.ajoute(&format!(
                "Le respect du délai est indéterminé : à plus ou moins {} ms, l'instant d'envoi peut se trouver avant ou après le minuit qui décide. Un envoi est sûr au plus tard le {last}, avant minuit.",
                request.precision_ms
            )),
        }
    }

    /// A late sending would have kept the shorter period of a declared urgency: say so, and that it was not declared.
    fn piste_urgence(&mut self, periode: &Periode<'_>, request: &DelaiRequest) {
        let Some(envoi) = request.envoi.filter(|_| !request.urgence) else {
            return;
        };
        let urgent = Regle::select(&Faits {
            instance: request.instance,
            population: request.population,
            departement: request.departement.as_deref(),
            urgence: true,
            seconde_convocation: request.seconde_convocation,
            installation: request.installation,
        });
        let Ok(urgent) = urgent else { return };
        let shorter = Periode {
            delai: urgent.delai,
            nature: urgent.nature,
            lecture_franche: urgent.lecture_franche,
            ..periode.clone()
        };
        let precision = Duration::from_millis(request.precision_ms);
        if matches!(
            shorter.verdict(envoi, precision),
            Ok(Verdict::Respecte | Verdict::RespecteAuTexte)
        ) {
            self.ajoute("Le délai abrégé de l'urgence, lui, serait tenu ; mais l'urgence n'est pas déclarée.");
        }
    }
}
