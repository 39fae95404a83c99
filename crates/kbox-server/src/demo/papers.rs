// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The papers of the demonstration's séance, as PDF files that a council member could really be sent.
//!
//! Texts are in `papers/*.txt`, in a small markup that [`layout`] sets. The same context gives the same bytes.

mod layout;

use core::fmt;

use kbox_proof::event::PaperNature;
use kbox_proof::law::LocalDateTime;

/// What the papers speak of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PaperContext {
    /// Name of the commune.
    pub(crate) commune: String,
    /// Its SIREN; empty when it has none.
    pub(crate) siren: String,
    /// Local date and time of the séance.
    pub(crate) seance: LocalDateTime,
    /// Where it is held, as after a comma: `salle du conseil, hôtel de ville`.
    pub(crate) lieu: String,
    /// The convener's function, as above a signature: `Le maire`.
    pub(crate) fonction: String,
}

/// One paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PaperFile {
    /// Kind.
    pub(crate) nature: PaperNature,
    /// Title.
    pub(crate) title: String,
    /// Name of the file, ASCII.
    pub(crate) file_name: &'static str,
    /// The PDF.
    pub(crate) bytes: Vec<u8>,
}

/// Why papers could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum PaperError {
    /// A font compiled into this program cannot be read.
    Font,
    /// A name or place is longer than a line can hold.
    TooLong {
        /// Which field.
        field: &'static str,
    },
    /// The PDF library refused the document.
    Pdf(String),
}

impl fmt::Display for PaperError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Font => f.write_str(
                "a font of this program cannot be read: build it again from a clean checkout",
            ),
            Self::TooLong { field } => {
                write!(f, "{field} is longer than 120 characters: shorten it")
            }
            Self::Pdf(cause) => write!(f, "the PDF library refused a paper: {cause}"),
        }
    }
}

impl core::error::Error for PaperError {}

const TEMPLATES: [(PaperNature, &str, &str, &str); 6] = [
    (
        PaperNature::Convocation,
        "Convocation",
        "1-convocation.pdf",
        include_str!("papers/convocation.txt"),
    ),
    (
        PaperNature::OrdreDuJour,
        "Ordre du jour",
        "2-ordre-du-jour.pdf",
        include_str!("papers/ordre_du_jour.txt"),
    ),
    (
        PaperNature::NoteDeSynthese,
        "Note explicative de synthèse",
        "3-note-explicative-de-synthese.pdf",
        include_str!("papers/note.txt"),
    ),
    (
        PaperNature::Rapport,
        "Rapport n° 1 : budget supplémentaire",
        "4-rapport-1-budget-supplementaire.pdf",
        include_str!("papers/rapport_budget.txt"),
    ),
    (
        PaperNature::Rapport,
        "Rapport n° 2 : rénovation énergétique de l'école élémentaire",
        "5-rapport-2-renovation-ecole.pdf",
        include_str!("papers/rapport_ecole.txt"),
    ),
    (
        PaperNature::Rapport,
        "Rapport n° 3 : convention avec la communauté de communes",
        "6-rapport-3-convention.pdf",
        include_str!("papers/rapport_convention.txt"),
    ),
];

/// Makes the six papers, in the order in which they are sent.
///
/// # Errors
/// [`PaperError`].
pub(crate) fn papers(context: &PaperContext) -> Result<Vec<PaperFile>, PaperError> {
    for (field, text) in [
        ("commune", &context.commune),
        ("siren", &context.siren),
        ("lieu", &context.lieu),
        ("fonction", &context.fonction),
    ] {
        if text.chars().count() > 120 {
            return Err(PaperError::TooLong { field });
        }
    }
    let fonts = layout::Fonts::load()?;
    TEMPLATES
        .into_iter()
        .map(|(nature, title, file_name, template)| {
            let sheet = layout::Sheet {
                title,
                commune: &context.commune,
                siren: &context.siren,
            };
            Ok(PaperFile {
                nature,
                title: title.to_owned(),
                file_name,
                bytes: layout::pdf(&fonts, &sheet, &fill(template, context))?,
            })
        })
        .collect()
}

/// Puts the facts in place of the names in braces. Values are plain text: what would be markup in them is taken out.
fn fill(template: &str, context: &PaperContext) -> String {
    let plain = |text: &str| text.replace(['*', '|', '{', '}', '\n', '\r'], " ");
    template
        .replace("{de_commune}", &de(&plain(&context.commune)))
        .replace("{seance}", &context.seance.en_lettres())
        .replace("{jour}", &context.seance.jour().en_lettres())
        .replace("{annee}", &context.seance.jour().ymd().0.to_string())
        .replace("{lieu}", &plain(&context.lieu))
        .replace("{fonction}", &capital(&plain(&context.fonction)))
}

/// With a capital, as a signature begins.
fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// "de" before the name of a commune, contracted or elided as French wants it: `du Havre`, `d'Amiens`.
pub(crate) fn de(name: &str) -> String {
    for (article, contracted) in [("Le ", "du "), ("Les ", "des ")] {
        if let Some(rest) = name.strip_prefix(article) {
            return format!("{contracted}{rest}");
        }
    }
    // Before H, usage differs from place to place; "de" is never wrong for an aspirated one.
    let elided = name.starts_with([
        'A', 'E', 'I', 'O', 'U', 'À', 'Â', 'É', 'È', 'Ê', 'Î', 'Ô', 'Œ', 'Y',
    ]);
    if elided {
        format!("d'{name}")
    } else {
        format!("de {name}")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use std::process::{Command, Stdio};

    use super::*;

    fn context() -> PaperContext {
        PaperContext {
            commune: "Saint-Étienne-du-Grès".to_owned(),
            siren: "211300942".to_owned(),
            seance: LocalDateTime::parse("2026-12-02T18:30").unwrap(),
            lieu: "salle du conseil, hôtel de ville".to_owned(),
            fonction: "Le maire".to_owned(),
        }
    }

    /// The text of a PDF by poppler's pdftotext, spaces evened out.
    fn text(pdf: &[u8]) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("paper.pdf");
        std::fs::write(&path, pdf).unwrap();
        let output = Command::new("pdftotext")
            .args(["-enc", "UTF-8"])
            .arg(&path)
            .arg("-")
            .stderr(Stdio::inherit())
            .output()
            .unwrap_or_else(|error| {
                panic!("pdftotext, of the package poppler-utils, is needed: {error}")
            });
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout)
            .unwrap()
            .replace('\u{2019}', "'");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_paper_holds_the_commune_its_accents_and_the_demonstration_notice() {
        let papers = papers(&context()).unwrap();
        assert_eq!(papers.len(), 6);
        for (paper, phrase) in papers.iter().zip([
            "mercredi 2 décembre 2026 à 18 h 30",
            "salle du conseil, hôtel de ville",
            "Rénovation énergétique de l'école élémentaire",
            "Excédent antérieur reporté",
            "Ventilation double flux et éclairage",
            "Déclaration préalable",
        ]) {
            assert!(paper.bytes.starts_with(b"%PDF-"), "{}", paper.file_name);
            let text = text(&paper.bytes);
            for wanted in [
                phrase,
                "Saint-Étienne-du-Grès",
                "211 300 942",
                "Démonstration, sans valeur probante",
            ] {
                assert!(
                    text.contains(wanted),
                    "{wanted:?} is not in {}:\n{text}",
                    paper.file_name
                );
            }
            assert!(
                !text.contains(['{', '}', '|']) && !text.contains("**"),
                "{text}"
            );
        }
    }

    #[test]
    fn the_same_context_gives_the_same_bytes() {
        assert_eq!(papers(&context()), papers(&context()));
    }

    #[test]
    fn names_that_would_be_markup_or_overflow_do_no_harm() {
        let mut context = context();
        context.commune = "**|# {lieu}\n>> x".to_owned();
        assert!(papers(&context).is_ok());
        context.commune = "é".repeat(120);
        assert!(papers(&context).is_ok());
        context.commune.push('x');
        assert_eq!(
            papers(&context),
            Err(PaperError::TooLong { field: "commune" })
        );
    }

    #[test]
    fn names_of_communes_follow_de_as_in_french() {
        for (name, with_de) in [
            ("Doullens", "de Doullens"),
            ("Amiens", "d'Amiens"),
            ("Le Havre", "du Havre"),
            ("Les Sables-d'Olonne", "des Sables-d'Olonne"),
            ("La Rochelle", "de La Rochelle"),
            ("L'Île-d'Yeu", "de L'Île-d'Yeu"),
            ("Étampes", "d'Étampes"),
        ] {
            assert_eq!(de(name), with_de);
        }
    }
}
