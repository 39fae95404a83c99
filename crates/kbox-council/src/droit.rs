// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Questions to `kbox_proof::law`, in the form of `POST /api/v1/delai`.

use kbox_proof::event;
use kbox_proof::law::{self, DelaiRequest, Faits, Fuseau, Instance, LocalDateTime, Regle};
use kbox_proof::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::CouncilError;
use crate::model::{Collectivite, Seance};

/// The law's answer for one séance and, where given, one instant of sending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delai {
    /// Article.
    pub regle: String,
    /// Days demanded.
    pub delai: u16,
    /// `franc` or `non_franc`.
    pub nature: String,
    /// Full local days between sending and séance.
    #[serde(default)]
    pub jours_francs: Option<i64>,
    /// Calendar days from sending to séance.
    #[serde(default)]
    pub ecart: Option<i64>,
    /// Those days, one by one, `2026-11-19`.
    #[serde(default)]
    pub jours: Vec<String>,
    /// Send before this instant.
    pub envoyer_avant: Time,
    /// By the text alone, where it is less strict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envoyer_avant_au_texte: Option<Time>,
    /// `respecte`, `respecte_au_texte`, `non_respecte`, `indetermine`; absent without an instant of sending.
    #[serde(default)]
    pub verdict: Option<String>,
    /// In a French sentence.
    #[serde(default)]
    pub explication: String,
}

fn invalid(field: &'static str, problem: impl ToString) -> CouncilError {
    CouncilError::Field {
        field,
        problem: problem.to_string(),
    }
}

/// Is it in time? Without `envoi`: until when to send.
pub(crate) fn delai(
    collectivite: &Collectivite,
    seance: &Seance,
    envoi: Option<(Time, u64)>,
) -> Result<Delai, CouncilError> {
    let mut question = json!({
        "instance": collectivite.instance,
        "fuseau": collectivite.fuseau,
        "seance": seance.debut,
        "urgence": seance.urgence.is_some(),
        "seconde_convocation": seance.seconde_convocation,
    });
    let mut set = |name: &str, value: Value| {
        if let Some(members) = question.as_object_mut() {
            members.insert(name.to_string(), value);
        }
    };
    if let Some(population) = collectivite.population {
        set("population", json!(population));
    }
    if let Some(departement) = &collectivite.departement {
        set("departement", json!(departement));
    }
    if let Some((instant, precision_ms)) = envoi {
        set("envoi", json!(instant));
        set("precision_ms", json!(precision_ms));
    }
    let request: DelaiRequest =
        serde_json::from_value(question).map_err(|error| invalid("seance", error))?;
    let answer = law::delai(&request)?;
    serde_json::to_value(&answer)
        .and_then(serde_json::from_value)
        .map_err(|error| invalid("delai", error))
}

/// Checks that a text is a day of the calendar, `2026-03-21`.
pub(crate) fn date(field: &'static str, text: &str) -> Result<(), CouncilError> {
    let day = (text.len() == 10)
        .then(|| LocalDateTime::parse(&format!("{text}T00:00")).ok())
        .flatten();
    match day {
        Some(_) => Ok(()),
        None => Err(invalid(
            field,
            "une date est attendue, par exemple 2026-03-21",
        )),
    }
}

/// Local date and time in French: `mercredi 2 décembre 2026 à 18 h 30`.
pub(crate) fn quand(seance: &Seance) -> Result<String, CouncilError> {
    Ok(LocalDateTime::parse(&seance.debut)?.en_lettres())
}

/// The séance as an event holds it, with what the zone meant at that time.
pub(crate) fn seance(
    collectivite: &Collectivite,
    seance: &Seance,
) -> Result<event::Seance, CouncilError> {
    let local = LocalDateTime::parse(&seance.debut)?;
    let zone = Fuseau::parse(&collectivite.fuseau)?;
    Ok(event::Seance {
        id: event::Text::new(seance.id.as_str())?,
        instance: event::Text::new(collectivite.instance.as_str())?,
        intitule: event::Text::new(seance.intitule.as_str())?,
        lieu: event::Text::new(seance.lieu.as_str())?,
        debut: event::Text::new(seance.debut.as_str())?,
        fuseau: event::Text::new(collectivite.fuseau.as_str())?,
        utc_offset: zone.instant(local)?.offset_secs,
        tzdb: event::Text::new(law::tzdb_version())?,
    })
}

/// The rule and the declared facts that select it.
pub(crate) fn rule(
    collectivite: &Collectivite,
    seance: &Seance,
) -> Result<event::Rule, CouncilError> {
    let instance: Instance = serde_json::from_value(json!(collectivite.instance))
        .map_err(|error| invalid("instance", error))?;
    let regle = Regle::select(&Faits {
        instance,
        population: collectivite.population,
        departement: collectivite.departement.as_deref(),
        urgence: seance.urgence.is_some(),
        seconde_convocation: seance.seconde_convocation,
        installation: false,
    })?;
    let text = |text: &Option<String>| text.as_deref().map(event::Text::new).transpose();
    Ok(event::Rule {
        id: event::Text::new(regle.id)?,
        article: event::Text::new(regle.article)?,
        jours: regle.delai,
        nature: match regle.nature {
            law::Nature::Franc => event::Nature::Franc,
            law::Nature::NonFranc => event::Nature::NonFranc,
        },
        population: collectivite.population,
        departement: text(&collectivite.departement)?,
        urgence: text(&seance.urgence)?,
        seconde_convocation: seance.seconde_convocation,
    })
}
