// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Values for the tests of the pages. The law's answers are the law's own, not written by hand.
#![allow(clippy::unwrap_used)]

use kbox_council::{
    Collectivite, Dashboard, Delai, Destinataire, Elu, Ligne, MemberView, Paper, Seance, Step,
    Total, Trace,
};
use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::{Body, Channel, Detail, Handover, PaperNature, RecipientStep, Salt};
use kbox_proof::law::{self, LocalDateTime};
use kbox_proof::time::Time;
use serde_json::json;

use super::{Cadre, SeanceLigne};

/// Ends an attribute, an element and a sentence, if it is let.
const HOSTILE: &str = "<script>alert('x')</script>\" data-x='&amp; onclick=\"y";

/// For the fixture's séance, Wednesday 2 December 2026: eight days before it.
pub(super) const A_TEMPS: &str = "2026-11-24T10:00:02Z";
/// Half a second before the midnight that decides.
pub(super) const MINUIT: &str = "2026-11-26T22:59:59.500Z";
/// The second day before the séance.
pub(super) const TARD: &str = "2026-11-30T10:00:02Z";

const NOMS: [(&str, &str); 6] = [
    ("Élise Delattre", "Maire"),
    ("Jean-Baptiste Lefebvre", "Premier adjoint"),
    ("Fatima Benali", "Deuxième adjointe"),
    ("Ludovic Caron", "Conseiller municipal délégué à la voirie"),
    (
        "Marie-Thérèse de La Bassée-Verhaeghe",
        "Conseillère municipale",
    ),
    ("Yann O’Brien", "Conseiller municipal"),
];

pub(super) fn collectivite() -> Collectivite {
    Collectivite {
        siren: "218002467".into(),
        nom: "Commune de Doullens".into(),
        instance: "commune".into(),
        population: Some(5_900),
        departement: Some("80".into()),
        fuseau: "Europe/Paris".into(),
    }
}

fn seance() -> Seance {
    Seance {
        id: "cm-2026-12-02".into(),
        intitule: "Conseil municipal de Doullens".into(),
        lieu: "Salle du conseil, hôtel de ville".into(),
        debut: "2026-12-02T18:30".into(),
        auteur: "Le maire".into(),
        urgence: None,
        seconde_convocation: false,
    }
}

pub(super) fn lignes_de_seances() -> Vec<SeanceLigne> {
    [
        (
            "cm-2026-12-02",
            "mercredi 2 décembre 2026 à 18 h 30",
            "Délai respecté pour 12 élus sur 14",
        ),
        (
            "cm-2026-10-07",
            "mercredi 7 octobre 2026 à 18 h 30",
            "Délai respecté",
        ),
    ]
    .map(|(id, quand, etat)| SeanceLigne {
        id: id.into(),
        intitule: seance().intitule,
        quand: quand.into(),
        lieu: seance().lieu,
        etat: etat.into(),
    })
    .into()
}

fn papers() -> Vec<Paper> {
    [
        (PaperNature::Convocation, "Convocation", 31_047),
        (PaperNature::OrdreDuJour, "Ordre du jour", 28_310),
        (
            PaperNature::NoteDeSynthese,
            "Note explicative de synthèse",
            48_204,
        ),
        (
            PaperNature::Rapport,
            "Rapport n° 1 : budget supplémentaire",
            1_204_881,
        ),
    ]
    .into_iter()
    .enumerate()
    .map(|(index, (nature, titre, taille))| Paper {
        nom: format!("{}-piece.pdf", index + 1),
        titre: titre.into(),
        nature,
        digest: Sha256Digest::of(titre.as_bytes()),
        taille,
    })
    .collect()
}

/// The trace of an event of the given name, which also makes its identifier.
fn trace(name: &str, instant: &str) -> Trace {
    let digest = Sha256Digest::of(name.as_bytes());
    Trace {
        event_id: digest.to_hex().chars().take(32).collect(),
        digest,
        gen_time: Time::parse_rfc3339(instant).unwrap(),
        precision_ms: 1000,
        rank: 1,
    }
}

fn delai(collectivite: &Collectivite, seance: &Seance, envoi: Option<Time>) -> Delai {
    let request = law::DelaiRequest {
        instance: serde_json::from_value(json!(collectivite.instance)).unwrap(),
        population: collectivite.population,
        departement: collectivite.departement.clone(),
        fuseau: Some(collectivite.fuseau.clone()),
        envoi,
        precision_ms: 1000,
        seance: LocalDateTime::parse(&seance.debut).unwrap(),
        urgence: false,
        seconde_convocation: false,
        installation: false,
    };
    let answer = serde_json::to_value(law::delai(&request).unwrap()).unwrap();
    serde_json::from_value(answer).unwrap()
}

fn ligne(index: usize, avis: Option<Trace>, delai: Option<Delai>) -> Ligne {
    let (nom, fonction) = NOMS[index % NOMS.len()];
    let refused = avis.is_none() && index == 1;
    let opened = avis.as_ref().filter(|_| index.is_multiple_of(2));
    let later = |what: &str, trace: &Trace| Trace {
        gen_time: trace
            .gen_time
            .saturating_add(std::time::Duration::from_secs(4000)),
        ..self::trace(&format!("{what} {index}"), A_TEMPS)
    };
    Ligne {
        index: index.try_into().unwrap(),
        nom: nom.into(),
        fonction: fonction.into(),
        courriel: format!("elu-{index}@doullens.invalid"),
        pour_information: false,
        consignation: Some(trace(&format!("depot {index}"), "2026-11-24T10:00:01Z")),
        avis_refuse: refused.then(|| trace(&format!("refus {index}"), A_TEMPS)),
        reponse_du_relais: match (&avis, refused) {
            (Some(_), _) => Some("250 2.0.0 Ok: queued".into()),
            (None, true) => Some("550 5.1.1 boite aux lettres inconnue".into()),
            (None, false) => None,
        },
        ouverture: opened.map(|trace| later("ouverture", trace)),
        remises: if opened.is_some() { 3 } else { 0 },
        accuse: opened.map(|trace| later("accuse", trace)),
        envoi: avis.as_ref().map(|trace| trace.gen_time),
        avis,
        delai,
    }
}

fn construit(collectivite: Collectivite, avis: &[Option<&str>]) -> Dashboard {
    let seance = seance();
    let lignes: Vec<Ligne> = avis
        .iter()
        .enumerate()
        .map(|(index, instant)| {
            let avis = instant.map(|instant| trace(&format!("avis {index}"), instant));
            let envoi = avis.as_ref().map(|trace| trace.gen_time);
            let delai = envoi.map(|envoi| delai(&collectivite, &seance, Some(envoi)));
            ligne(index, avis, delai)
        })
        .collect();
    let count = |wanted: fn(&Ligne) -> bool| lignes.iter().filter(|ligne| wanted(ligne)).count();
    // In these fixtures the latest stands worst.
    let worst = lignes.iter().max_by_key(|ligne| ligne.envoi);
    let worst = worst.filter(|ligne| ligne.envoi.is_some());
    Dashboard {
        quand: LocalDateTime::parse(&seance.debut).unwrap().en_lettres(),
        papers: papers(),
        limite: delai(&collectivite, &seance, None),
        scelle: Some(trace("scelle", "2026-11-24T10:00:00Z")),
        total: Total {
            destinataires: lignes.len(),
            consignes: count(|ligne| ligne.consignation.is_some()),
            avises: count(|ligne| ligne.avis.is_some()),
            refuses: count(|ligne| ligne.avis_refuse.is_some()),
            ouverts: count(|ligne| ligne.ouverture.is_some()),
            accuses: count(|ligne| ligne.accuse.is_some()),
        },
        pire: worst.map(|ligne| ligne.index),
        verdict: worst.and_then(|ligne| ligne.delai.clone()),
        sans_avis: lignes
            .iter()
            .filter(|ligne| ligne.avis.is_none())
            .map(|ligne| ligne.index)
            .collect(),
        lignes,
        collectivite,
        seance,
    }
}

/// A sealed sending whose members' notices were accepted at these instants. Without one, the second member's was refused, and
/// other members chose paper.
pub(super) fn tableau(avis: &[Option<&str>]) -> Dashboard {
    construit(collectivite(), avis)
}

/// Likewise, under a rule that does not count in clear days.
pub(super) fn departement(avis: &[Option<&str>]) -> Dashboard {
    let collectivite = Collectivite {
        nom: "Département de la Somme".into(),
        instance: "departement".into(),
        population: None,
        ..collectivite()
    };
    construit(collectivite, avis)
}

pub(super) fn pas_scelle() -> Dashboard {
    Dashboard {
        scelle: None,
        ..tableau(&[])
    }
}

fn step(detail: Detail, name: &str, instant: &str) -> Step {
    Step {
        request_id: name.into(),
        body: Body {
            claimed_time: Time::parse_rfc3339(instant).unwrap(),
            reasons: vec![],
            refers_to: None,
            detail,
        },
        personal: None,
        trace: Some(trace(name, instant)),
        effacement: None,
    }
}

/// A member's sending, put at disposal and not opened.
pub(super) fn vue() -> MemberView {
    let recipient = RecipientStep { recipient: 4 };
    MemberView {
        collectivite: collectivite(),
        seance: seance(),
        papers: papers(),
        destinataire: Destinataire {
            index: 4,
            elu: Elu {
                id: "verhaeghe-mt".into(),
                nom: NOMS[4].0.into(),
                fonction: NOMS[4].1.into(),
                courriel: "mt.verhaeghe@doullens.invalid".into(),
                canal: Channel::Dematerialise,
                canal_choisi_le: "2026-03-21".into(),
                pour_information: false,
            },
            sel: Salt::from_bytes([7; 32]),
            steps: vec![step(
                Detail::ContentConsignment(recipient),
                "depot",
                "2026-11-24T10:00:01Z",
            )],
        },
    }
}

/// The same, opened, with one paper handed over.
pub(super) fn vue_ouverte() -> MemberView {
    let mut vue = vue();
    let handover = Handover {
        recipient: 4,
        paper: vue.papers[2].digest,
    };
    vue.destinataire.steps.extend([
        step(
            Detail::ContentAccessTracking(RecipientStep { recipient: 4 }),
            "ouverture",
            "2026-11-24T17:12:40Z",
        ),
        step(
            Detail::ContentHandover(handover),
            "remise",
            "2026-11-24T17:13:02Z",
        ),
    ]);
    vue
}

/// The same, acknowledged.
pub(super) fn vue_accusee() -> MemberView {
    let mut vue = vue_ouverte();
    vue.destinataire.steps.push(step(
        Detail::ConsignmentAcceptance(RecipientStep { recipient: 4 }),
        "accuse",
        "2026-11-24T17:20:00Z",
    ));
    vue
}

fn piege(text: &mut String) {
    text.push_str(HOSTILE);
}

fn vue_piegee(mut vue: MemberView) -> MemberView {
    let elu = &mut vue.destinataire.elu;
    for text in [&mut elu.nom, &mut elu.fonction, &mut elu.courriel] {
        piege(text);
    }
    piege(&mut vue.collectivite.nom);
    piege(&mut vue.collectivite.fuseau);
    let seance = &mut vue.seance;
    for text in [
        &mut seance.intitule,
        &mut seance.lieu,
        &mut seance.debut,
        &mut seance.auteur,
    ] {
        piege(text);
    }
    for paper in &mut vue.papers {
        piege(&mut paper.titre);
        piege(&mut paper.nom);
    }
    vue
}

fn delai_piege(delai: &mut Delai) {
    for text in [&mut delai.regle, &mut delai.nature, &mut delai.explication] {
        piege(text);
    }
    delai.jours.iter_mut().for_each(piege);
}

fn tableau_piege(mut tableau: Dashboard) -> Dashboard {
    piege(&mut tableau.collectivite.nom);
    piege(&mut tableau.quand);
    let seance = &mut tableau.seance;
    for text in [
        &mut seance.id,
        &mut seance.intitule,
        &mut seance.lieu,
        &mut seance.auteur,
    ] {
        piege(text);
    }
    seance.urgence = Some(HOSTILE.into());
    delai_piege(&mut tableau.limite);
    tableau.verdict.iter_mut().for_each(delai_piege);
    for ligne in &mut tableau.lignes {
        for text in [&mut ligne.nom, &mut ligne.fonction, &mut ligne.courriel] {
            piege(text);
        }
        ligne.reponse_du_relais.iter_mut().for_each(piege);
        ligne.delai.iter_mut().for_each(delai_piege);
        for trace in [
            &mut ligne.consignation,
            &mut ligne.avis,
            &mut ligne.ouverture,
        ]
        .into_iter()
        .flatten()
        {
            piege(&mut trace.event_id);
        }
    }
    for paper in &mut tableau.papers {
        piege(&mut paper.titre);
        piege(&mut paper.nom);
    }
    tableau
}

/// Every page in every state that changes its form, with [`HOSTILE`] wherever a text can stand.
pub(super) fn pages(cadre: Cadre) -> Vec<(&'static str, String)> {
    let hostile_link = format!("/m/{HOSTILE}");
    let mut seances = lignes_de_seances();
    for seance in &mut seances {
        for text in [
            &mut seance.id,
            &mut seance.intitule,
            &mut seance.quand,
            &mut seance.lieu,
            &mut seance.etat,
        ] {
            piege(text);
        }
    }
    let mut collectivite = collectivite();
    piege(&mut collectivite.nom);
    let dashboard = |tableau| super::tableau(cadre, &tableau_piege(tableau));
    let member = |page: fn(Cadre, &MemberView, &str) -> String, vue| {
        page(cadre, &vue_piegee(vue), &hostile_link)
    };
    vec![
        ("connexion", super::connexion(cadre, Some(HOSTILE))),
        ("erreur", super::erreur(cadre, HOSTILE, HOSTILE, true)),
        ("seances", super::seances(cadre, &collectivite, &seances)),
        ("seances vides", super::seances(cadre, &collectivite, &[])),
        ("tableau non scellé", dashboard(pas_scelle())),
        ("tableau sans verdict", dashboard(tableau(&[None, None]))),
        ("tableau respecté", dashboard(tableau(&[Some(A_TEMPS)]))),
        (
            "tableau avec avertissement",
            dashboard(tableau(&[Some(A_TEMPS), None, None])),
        ),
        ("tableau non respecté", dashboard(tableau(&[Some(TARD)]))),
        ("tableau indéterminé", dashboard(tableau(&[Some(MINUIT)]))),
        (
            "tableau du département",
            dashboard(departement(&[Some(A_TEMPS)])),
        ),
        ("lien", member(super::lien, vue())),
        ("cartable", member(super::cartable, vue_ouverte())),
        ("cartable accusé", member(super::cartable, vue_accusee())),
    ]
}

/// The pages as a user would see them, for looking at.
pub(super) fn belles_pages() -> Vec<(&'static str, String)> {
    let cadre = Cadre {
        demonstration: true,
    };
    let many: Vec<_> = (0..NOMS.len())
        .map(|index| (index != 1 && index != 3).then_some(A_TEMPS))
        .collect();
    let late = [Some(A_TEMPS), Some(TARD), Some(A_TEMPS)];
    vec![
        ("connexion", super::connexion(cadre, None)),
        (
            "connexion-refus",
            super::connexion(cadre, Some("Cette clé n’est pas connue de ce serveur.")),
        ),
        (
            "erreur",
            super::erreur(
                cadre,
                "Lien inconnu",
                "Ce lien ne mène à aucune convocation. Vérifiez que vous l’avez copié en entier.",
                false,
            ),
        ),
        (
            "seances",
            super::seances(cadre, &collectivite(), &lignes_de_seances()),
        ),
        ("tableau", super::tableau(cadre, &tableau(&many))),
        (
            "tableau-respecte",
            super::tableau(cadre, &tableau(&[Some(A_TEMPS); 3])),
        ),
        ("tableau-tard", super::tableau(cadre, &tableau(&late))),
        (
            "tableau-minuit",
            super::tableau(cadre, &tableau(&[Some(MINUIT)])),
        ),
        (
            "tableau-departement",
            super::tableau(cadre, &departement(&[Some("2026-11-20T10:00:00Z")])),
        ),
        ("tableau-non-scelle", super::tableau(cadre, &pas_scelle())),
        ("lien", super::lien(cadre, &vue(), "/m/AbC-123_x")),
        (
            "cartable",
            super::cartable(cadre, &vue_ouverte(), "/m/AbC-123_x"),
        ),
        (
            "cartable-accuse",
            super::cartable(cadre, &vue_accusee(), "/m/AbC-123_x"),
        ),
    ]
}
