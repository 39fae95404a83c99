// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Bodies and the rules that they obey.

use alloc::string::ToString;

use serde::{Deserialize, Serialize};

use super::LawError;
use super::fuseau::departement_existe;

/// A deliberating or consultative body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Instance {
    /// Conseil municipal.
    Commune,
    /// Organe délibérant of an EPCI: communauté, métropole, syndicat de communes.
    Epci,
    /// Comité of a closed mixed syndicate.
    SyndicatMixteFerme,
    /// Conseil départemental.
    Departement,
    /// Conseil régional.
    Region,
    /// Comité social territorial or its formation spécialisée.
    Cst,
}

impl Instance {
    /// In French.
    #[must_use]
    pub const fn nom(self) -> &'static str {
        match self {
            Self::Commune => "conseil municipal",
            Self::Epci => {
                "organe délibérant d'un établissement public de coopération intercommunale"
            }
            Self::SyndicatMixteFerme => "comité d'un syndicat mixte fermé",
            Self::Departement => "conseil départemental",
            Self::Region => "conseil régional",
            Self::Cst => "comité social territorial",
        }
    }
}

/// How the days of a period are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nature {
    /// Whole days strictly between the day of sending and the day of the meeting.
    Franc,
    /// "n days at least before": the dates differ by n.
    NonFranc,
}

/// The facts on which the choice of a rule rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faits<'a> {
    /// The body.
    pub instance: Instance,
    /// Legal population of the commune on the day of sending.
    pub population: Option<u32>,
    /// Code of the département or overseas collectivité; without it, ordinary law, which is never the laxer.
    pub departement: Option<&'a str>,
    /// Urgency is declared.
    pub urgence: bool,
    /// The first meeting lacked its quorum.
    pub seconde_convocation: bool,
    /// First meeting after a general renewal.
    pub installation: bool,
}

/// One rule: a row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Regle {
    /// Stable id of the row, for example `COM-L`.
    pub id: &'static str,
    /// The text, for example `CGCT L.2121-12`.
    pub article: &'static str,
    /// Days.
    pub delai: u16,
    /// How they are counted by the text.
    pub nature: Nature,
    /// A reading in clear days is also upheld, so that keeping only the text is a risk.
    pub lecture_franche: bool,
    /// Whom it concerns and what it demands: a French sentence.
    pub explication: &'static str,
    /// What else the convener must mind: French sentences.
    pub rappels: &'static [&'static str],
    /// Days under declared urgency, where the law knows it.
    pub plancher_urgence: Option<u16>,
}

impl Regle {
    const fn new(
        id: &'static str,
        article: &'static str,
        delai: u16,
        nature: Nature,
        explication: &'static str,
    ) -> Self {
        Self {
            id,
            article,
            delai,
            nature,
            lecture_franche: matches!(nature, Nature::NonFranc),
            explication,
            rappels: &[],
            plancher_urgence: None,
        }
    }

    const fn rappels(self, rappels: &'static [&'static str]) -> Self {
        Self { rappels, ..self }
    }

    const fn urgence(self, jours: u16) -> Self {
        Self {
            plancher_urgence: Some(jours),
            ..self
        }
    }

    const fn texte_seul(self) -> Self {
        Self {
            lecture_franche: false,
            ..self
        }
    }

    /// The rule for these facts.
    ///
    /// # Errors
    /// [`LawError`] when the facts are incomplete, or no rule with a period is known.
    pub fn select(faits: &Faits<'_>) -> Result<Self, LawError> {
        if let Some(code) = faits.departement
            && !departement_existe(code)
        {
            return Err(LawError::DepartementInconnu(
                code.chars().take(40).collect(),
            ));
        }
        let regle = match faits.instance {
            Instance::Commune => commune(faits)?,
            _ if matches!(
                faits.departement,
                Some("977" | "978" | "984" | "986" | "987" | "988" | "989")
            ) =>
            {
                return Err(droit_local(faits));
            }
            Instance::Epci => epci(faits),
            Instance::SyndicatMixteFerme => syndicat(faits),
            Instance::Departement | Instance::Region => departement_region(faits)?,
            Instance::Cst => cst(faits)?,
        };
        if faits.urgence && regle.plancher_urgence.is_none() && !regle.id.ends_with("-U") {
            return Err(LawError::SansUrgence { regle: regle.id });
        }
        Ok(regle)
    }
}

const RAPPORT_MAIRE: &[&str] = &[
    "À l'ouverture de la séance, le maire rend compte de l'urgence ; le conseil se prononce sur celle-ci et peut renvoyer tout ou partie de la discussion.",
];
const RAPPORT_PRESIDENT: &[&str] = &[
    "À l'ouverture de la séance, le président rend compte de l'urgence ; l'assemblée se prononce sur celle-ci et peut renvoyer tout ou partie de la discussion.",
];
const RAPPEL_CARENCE: &[&str] = &[
    "Le conseil ne délibère sans condition de quorum que sur les questions inscrites au premier ordre du jour.",
];
const RAPPEL_CARENCE_URGENCE: &[&str] = &[
    "Si la seconde convocation invoque l'urgence, la condition de quorum s'applique à nouveau.",
    RAPPORT_MAIRE[0],
];
const RAPPEL_ALSACE: &[&str] = &[
    "La seconde convocation doit rappeler expressément que le conseil délibérera quel que soit le nombre des présents (CGCT, article L.2541-4).",
];
const RAPPEL_AVIS: &[&str] = &[
    "Si les rapports sont mis à disposition par voie électronique sécurisée, c'est l'avis adressé à chaque conseiller qui doit être daté.",
];
const RAPPEL_VOTE: &[&str] =
    &["L'ordre du jour joint à la convocation mentionne les points soumis au vote."];
const RAPPEL_NOTE: &[&str] = &["Une note explicative de synthèse accompagne la convocation."];
const RAPPEL_PYF: &[&str] = &[
    "En Polynésie française, la convocation électronique suppose une demande de l'élu (CGCT, article L.2573-5).",
];

fn droit_local(faits: &Faits<'_>) -> LawError {
    LawError::DroitLocalInconnu {
        departement: faits.departement.unwrap_or_default().to_string(),
    }
}

fn commune(faits: &Faits<'_>) -> Result<Regle, LawError> {
    use Nature::{Franc, NonFranc};
    let alsace_moselle = matches!(faits.departement, Some("57" | "67" | "68"));
    let polynesie = faits.departement == Some("987");
    if matches!(
        faits.departement,
        Some("977" | "978" | "984" | "986" | "988" | "989")
    ) {
        return Err(droit_local(faits));
    }
    if faits.seconde_convocation && !alsace_moselle {
        return Ok(if faits.urgence {
            Regle::new(
                "COM-2-U", "CGCT L.2121-17", 1, Franc,
                "Seconde convocation d'un conseil municipal faute de quorum, en urgence : un jour franc au moins sépare l'envoi de la séance.",
            )
            .rappels(RAPPEL_CARENCE_URGENCE)
        } else {
            Regle::new(
                "COM-2", "CGCT L.2121-17", 3, Franc,
                "Seconde convocation d'un conseil municipal faute de quorum : trois jours francs au moins séparent l'envoi de la séance, quelle que soit la population.",
            )
            .rappels(RAPPEL_CARENCE)
            .urgence(1)
        });
    }
    if faits.installation && !faits.seconde_convocation {
        return Ok(Regle::new(
            "INST", "CGCT L.2121-7", 3, Franc,
            "Première réunion d'un conseil municipal après son renouvellement général : trois jours francs au moins séparent l'envoi de la séance, quelle que soit la population.",
        )
        .rappels(&["La convocation mentionne l'élection à laquelle il sera procédé (CGCT, article L.2122-8)."]));
    }
    let petite = faits.population.ok_or(LawError::PopulationManquante)? < 3_500;
    Ok(match (alsace_moselle, petite, faits.urgence) {
        (true, true, true) => Regle::new(
            "ALS-S-U", "CGCT L.2541-2", 1, NonFranc,
            "Conseil municipal de moins de 3 500 habitants en Alsace-Moselle, en urgence : la convocation part au plus tard la veille de la séance.",
        )
        .texte_seul(),
        (true, true, false) => Regle {
            rappels: if faits.seconde_convocation { RAPPEL_ALSACE } else { &[] },
            id: if faits.seconde_convocation { "ALS-2" } else { "ALS-S" },
            ..Regle::new(
                "", "CGCT L.2541-2", 3, NonFranc,
                "Conseil municipal de moins de 3 500 habitants en Alsace-Moselle : la convocation part trois jours au moins avant la séance ; le ministère de l'intérieur recommande trois jours francs.",
            )
            .urgence(1)
        },
        (true, false, true) => Regle::new(
            "ALS-L-U", "CGCT L.2541-1 et L.2121-12", 1, Franc,
            "Conseil municipal d'au moins 3 500 habitants en Alsace-Moselle, en urgence : un jour franc au moins sépare l'envoi de la séance.",
        )
        .rappels(RAPPORT_MAIRE),
        (true, false, false) => Regle {
            rappels: if faits.seconde_convocation { RAPPEL_ALSACE } else { RAPPEL_NOTE },
            id: if faits.seconde_convocation { "ALS-2" } else { "ALS-L" },
            ..Regle::new(
                "", "CGCT L.2541-1 et L.2121-12", 5, Franc,
                "Conseil municipal d'au moins 3 500 habitants en Alsace-Moselle : cinq jours francs au moins séparent l'envoi de la séance.",
            )
            .urgence(1)
        },
        (false, true, true) => Regle::new(
            if polynesie { "PYF-S-U" } else { "COM-S-U" },
            if polynesie { "CGCT L.2573-5 et L.2121-11" } else { "CGCT L.2121-11" },
            1, Franc,
            "Conseil municipal de moins de 3 500 habitants, en urgence : un jour franc au moins sépare l'envoi de la séance.",
        )
        .rappels(RAPPORT_MAIRE),
        (false, true, false) => Regle::new(
            if polynesie { "PYF-S" } else { "COM-S" },
            if polynesie { "CGCT L.2573-5 et L.2121-11" } else { "CGCT L.2121-11" },
            3, Franc,
            "Conseil municipal de moins de 3 500 habitants : trois jours francs au moins séparent l'envoi de la séance.",
        )
        .rappels(if polynesie { RAPPEL_PYF } else { &[] })
        .urgence(1),
        (false, false, true) => Regle::new(
            if polynesie { "PYF-L-U" } else { "COM-L-U" },
            if polynesie { "CGCT L.2573-5 et L.2121-12" } else { "CGCT L.2121-12" },
            1, Franc,
            "Conseil municipal d'au moins 3 500 habitants, en urgence : un jour franc au moins sépare l'envoi de la séance.",
        )
        .rappels(RAPPORT_MAIRE),
        (false, false, false) => Regle::new(
            if polynesie { "PYF-L" } else { "COM-L" },
            if polynesie { "CGCT L.2573-5 et L.2121-12" } else { "CGCT L.2121-12" },
            5, Franc,
            "Conseil municipal d'au moins 3 500 habitants : cinq jours francs au moins séparent l'envoi de la séance.",
        )
        .rappels(if polynesie { RAPPEL_PYF } else { RAPPEL_NOTE })
        .urgence(1),
    })
}

fn epci(faits: &Faits<'_>) -> Regle {
    use Nature::Franc;
    if faits.seconde_convocation && !faits.urgence {
        // By L.5211-1 the rules of municipal councils apply, L.2121-17 among them.
        return Regle::new(
            "EPCI-2", "CGCT L.5211-1 et L.2121-17", 3, Franc,
            "Seconde convocation du conseil d'un établissement public de coopération intercommunale faute de quorum : trois jours francs au moins séparent l'envoi de la séance.",
        )
        .rappels(RAPPEL_CARENCE)
        .urgence(1);
    }
    if faits.urgence {
        return Regle::new(
            "EPCI-U", "CGCT L.5211-1 et L.2121-12", 1, Franc,
            "Conseil d'un établissement public de coopération intercommunale, en urgence : un jour franc au moins sépare l'envoi de la séance.",
        )
        .rappels(RAPPORT_PRESIDENT);
    }
    if faits.installation {
        return Regle::new(
            "INST-EPCI", "CGCT L.5211-1", 5, Franc,
            "Première réunion du conseil d'un établissement public de coopération intercommunale après son renouvellement : cinq jours francs au moins séparent l'envoi de la séance.",
        )
        .urgence(1);
    }
    Regle::new(
        "EPCI", "CGCT L.5211-1 et L.2121-12", 5, Franc,
        "Conseil d'un établissement public de coopération intercommunale : cinq jours francs au moins séparent l'envoi de la séance, quelle que soit la population.",
    )
    .rappels(RAPPEL_NOTE)
    .urgence(1)
}

fn syndicat(faits: &Faits<'_>) -> Regle {
    // L.5711-1 applies the rules of EPCI as they stand.
    match epci(faits) {
        regle if regle.id == "EPCI-2" => Regle {
            id: "SM-F-2",
            article: "CGCT L.5711-1 et L.2121-17",
            explication: "Seconde convocation du comité d'un syndicat mixte fermé faute de quorum : trois jours francs au moins séparent l'envoi de la séance.",
            ..regle
        },
        regle if regle.id == "EPCI-U" => Regle {
            id: "SM-F-U",
            article: "CGCT L.5711-1 et L.2121-12",
            explication: "Comité d'un syndicat mixte fermé, en urgence : un jour franc au moins sépare l'envoi de la séance.",
            ..regle
        },
        regle => Regle {
            id: "SM-F",
            article: "CGCT L.5711-1 et L.2121-12",
            explication: "Comité d'un syndicat mixte fermé : cinq jours francs au moins séparent l'envoi de la séance.",
            ..regle
        },
    }
}

fn departement_region(faits: &Faits<'_>) -> Result<Regle, LawError> {
    use Nature::{Franc, NonFranc};
    if faits.seconde_convocation {
        return Err(LawError::SansDelai {
            instance: faits.instance,
            raison: "faute de quorum, la réunion se tient de plein droit trois jours plus tard ; il n'y a pas de délai de convocation à vérifier",
        });
    }
    if faits.installation {
        return Err(LawError::SansDelai {
            instance: faits.instance,
            raison: "la réunion de droit qui suit le renouvellement a lieu à la date fixée par la loi ; kbox n'en vérifie pas le délai",
        });
    }
    Ok(match (faits.instance, faits.urgence) {
        (Instance::Departement, false) => Regle::new(
            "DEP", "CGCT L.3121-19", 12, NonFranc,
            "Conseil départemental : le rapport sur chaque affaire est adressé douze jours au moins avant la réunion ; le texte ne dit pas « francs ».",
        )
        .rappels(RAPPEL_AVIS)
        .urgence(1),
        (Instance::Departement, true) => Regle::new(
            "DEP-U", "CGCT L.3121-19", 1, Franc,
            "Conseil départemental, en urgence : un jour franc au moins sépare l'envoi du rapport de la réunion.",
        )
        .rappels(RAPPORT_PRESIDENT),
        (_, false) => Regle::new(
            "REG", "CGCT L.4132-18", 12, NonFranc,
            "Conseil régional : le rapport sur chaque affaire est adressé douze jours au moins avant la réunion ; le texte ne dit pas « francs ».",
        )
        .rappels(RAPPEL_AVIS)
        .urgence(1),
        (_, true) => Regle::new(
            "REG-U", "CGCT L.4132-18", 1, Franc,
            "Conseil régional, en urgence : un jour franc au moins sépare l'envoi du rapport de la réunion.",
        )
        .rappels(RAPPORT_PRESIDENT),
    })
}

fn cst(faits: &Faits<'_>) -> Result<Regle, LawError> {
    use Nature::NonFranc;
    if faits.seconde_convocation {
        return Err(LawError::SansDelai {
            instance: faits.instance,
            raison: "faute de quorum, une nouvelle convocation est adressée et la réunion se tient dans les huit jours, sur le même ordre du jour ; il n'y a pas de délai minimal à vérifier",
        });
    }
    Ok(if faits.urgence {
        Regle::new(
            "CST-U", "CGFP R.254-38", 8, NonFranc,
            "Comité social territorial, en urgence : la convocation part huit jours au moins avant la séance ; le texte ne dit pas « francs ».",
        )
        .rappels(RAPPEL_VOTE)
    } else {
        Regle::new(
            "CST", "CGFP R.254-38", 15, NonFranc,
            "Comité social territorial : la convocation part quinze jours au moins avant la séance ; le texte ne dit pas « francs ».",
        )
        .rappels(RAPPEL_VOTE)
        .urgence(8)
    })
}
