// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What the secretariat sees.

use kbox_proof::time::Time;
use serde::Serialize;

use crate::droit::{self, Delai};
use crate::error::CouncilError;
use crate::model::{Collectivite, Destinataire, Envoi, Paper, Seance, Trace};

/// A séance and where its sending stands.
#[derive(Clone, Debug, Serialize)]
pub struct Dashboard {
    /// Who convenes.
    pub collectivite: Collectivite,
    /// The meeting.
    pub seance: Seance,
    /// Its date in French.
    pub quand: String,
    /// The papers.
    pub papers: Vec<Paper>,
    /// Until when to send.
    pub limite: Delai,
    /// The sealing.
    pub scelle: Option<Trace>,
    /// One line a member, by index.
    pub lignes: Vec<Ligne>,
    /// Counts.
    pub total: Total,
    /// Index of the member for whom the period stands worst, among those who were told and for whom it runs.
    pub pire: Option<u32>,
    /// That member's verdict, which is the séance's.
    pub verdict: Option<Delai>,
    /// Members for whom the period runs and whom no relay has taken a notice for: the verdict does not cover them.
    pub sans_avis: Vec<u32>,
}

/// One member.
#[derive(Clone, Debug, Serialize)]
pub struct Ligne {
    /// Index in the roster.
    pub index: u32,
    /// Name.
    pub nom: String,
    /// Function.
    pub fonction: String,
    /// E-mail address.
    pub courriel: String,
    /// For information only.
    pub pour_information: bool,
    /// Papers put at disposal.
    pub consignation: Option<Trace>,
    /// A relay took the notice.
    pub avis: Option<Trace>,
    /// A relay refused it.
    pub avis_refuse: Option<Trace>,
    /// The relay's last words.
    pub reponse_du_relais: Option<String>,
    /// Opened.
    pub ouverture: Option<Trace>,
    /// Papers handed over.
    pub remises: usize,
    /// Acknowledged.
    pub accuse: Option<Trace>,
    /// The instant that counts as the sending: the later of consignment and first notice.
    pub envoi: Option<Time>,
    /// The law's answer for that instant.
    pub delai: Option<Delai>,
}

/// How many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Total {
    /// Recipients.
    pub destinataires: usize,
    /// Papers at disposal.
    pub consignes: usize,
    /// Told.
    pub avises: usize,
    /// Notice refused, and none taken.
    pub refuses: usize,
    /// Opened.
    pub ouverts: usize,
    /// Acknowledged.
    pub accuses: usize,
}

/// From best to worst; what is not known stands before what is lost, since it may still be argued.
fn rank(delai: &Delai) -> u8 {
    match delai.verdict.as_deref() {
        Some("respecte") => 0,
        Some("respecte_au_texte") => 1,
        Some("indetermine") => 2,
        _ => 3,
    }
}

pub(crate) fn build(
    collectivite: Collectivite,
    seance: Seance,
    papers: Vec<Paper>,
    envoi: Option<Envoi>,
    destinataires: Vec<Destinataire>,
) -> Result<Dashboard, CouncilError> {
    let mut lignes = Vec::new();
    let mut total = Total {
        destinataires: destinataires.len(),
        ..Total::default()
    };
    let mut sans_avis = Vec::new();
    for destinataire in destinataires {
        let (consignation, avis) = (destinataire.consignation(), destinataire.avis());
        let later = consignation.zip(avis).map(|(one, other)| {
            if one.gen_time >= other.gen_time {
                one
            } else {
                other
            }
        });
        let delai = later
            .map(|trace| {
                droit::delai(
                    &collectivite,
                    &seance,
                    Some((trace.gen_time, trace.precision_ms)),
                )
            })
            .transpose()?;
        total.consignes += usize::from(consignation.is_some());
        total.avises += usize::from(avis.is_some());
        total.refuses += usize::from(avis.is_none() && destinataire.avis_refuse().is_some());
        total.ouverts += usize::from(destinataire.ouverture().is_some());
        total.accuses += usize::from(destinataire.accuse().is_some());
        if avis.is_none() && !destinataire.elu.pour_information {
            sans_avis.push(destinataire.index);
        }
        lignes.push(Ligne {
            index: destinataire.index,
            envoi: later.map(|trace| trace.gen_time),
            consignation: consignation.cloned(),
            avis: avis.cloned(),
            avis_refuse: destinataire.avis_refuse().cloned(),
            reponse_du_relais: destinataire.reponse_du_relais().map(str::to_string),
            ouverture: destinataire.ouverture().cloned(),
            remises: destinataire.remises(),
            accuse: destinataire.accuse().cloned(),
            pour_information: destinataire.elu.pour_information,
            nom: destinataire.elu.nom,
            fonction: destinataire.elu.fonction,
            courriel: destinataire.elu.courriel,
            delai,
        });
    }
    let worst = lignes
        .iter()
        .filter(|ligne| !ligne.pour_information)
        .filter_map(|ligne| Some((ligne, ligne.delai.as_ref()?)))
        .max_by_key(|(ligne, delai)| (rank(delai), ligne.envoi));
    let (pire, verdict) = worst
        .map(|(ligne, delai)| (ligne.index, delai.clone()))
        .unzip();
    Ok(Dashboard {
        quand: droit::quand(&seance)?,
        limite: droit::delai(&collectivite, &seance, None)?,
        scelle: envoi.and_then(|envoi| envoi.depot.trace),
        collectivite,
        seance,
        papers,
        lignes,
        total,
        pire,
        verdict,
        sans_avis,
    })
}
