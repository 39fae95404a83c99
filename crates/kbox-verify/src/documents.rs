// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The files of `--document` beside a receipt or a proof file: which papers of it they are, if any.

use std::path::PathBuf;

use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::{Detail, EvidenceEvent, PaperNature};
use kbox_proof::report::{Language, Outcome, printable};
use serde_json::{Value, json};

use crate::check::{Answer, digested, say};
use crate::problem::{Problem, shown};

/// A file of `--document`; its bytes are not kept.
pub(crate) struct Given {
    file: String,
    digest: Sha256Digest,
}

/// All of them: one that cannot be read decides nothing, whatever the evidence is worth.
pub(crate) fn given(paths: &[PathBuf]) -> Result<Vec<Given>, Problem> {
    let given = |path: &PathBuf| {
        Ok(Given {
            file: shown(path),
            digest: digested(path, |file| Sha256Digest::of_reader(file))?,
        })
    };
    paths.iter().map(given).collect()
}

/// Something of which an event has the digest.
struct Named<'a> {
    digest: Sha256Digest,
    event: &'a EvidenceEvent,
    french: String,
    english: String,
    title: Option<&'a str>,
    nature: Option<PaperNature>,
    version: Option<u32>,
}

fn nature(nature: PaperNature) -> (&'static str, &'static str) {
    match nature {
        PaperNature::Convocation => ("convocation", "convocation"),
        PaperNature::OrdreDuJour => ("ordre du jour", "agenda"),
        PaperNature::NoteDeSynthese => ("note de synthèse", "explanatory note"),
        PaperNature::Rapport => ("rapport", "report"),
        PaperNature::Annexe => ("annexe", "annex"),
    }
}

fn named(event: &EvidenceEvent) -> Vec<Named<'_>> {
    let one = |digest, french: String, english: String, version| Named {
        digest,
        event,
        french,
        english,
        title: None,
        nature: None,
        version,
    };
    match &event.body.detail {
        Detail::SubmissionAcceptance(submission) => submission
            .papers
            .iter()
            .map(|paper| {
                let (title, version) = (printable(paper.titre.as_str()), submission.version);
                let day = submission.seance.debut.as_str();
                let day = printable(day.split('T').next().unwrap_or(day));
                let (french, english) = nature(paper.nature);
                Named {
                    title: Some(paper.titre.as_str()),
                    nature: Some(paper.nature),
                    ..one(
                        paper.digest,
                        format!("« {title} » ({french}), version {version}, séance du {day}"),
                        format!("\"{title}\" ({english}), version {version}, meeting of {day}"),
                        Some(version),
                    )
                }
            })
            .collect(),
        Detail::ContentHandover(handover) => vec![one(
            handover.paper,
            format!("la pièce remise au destinataire {}", handover.recipient),
            format!("the paper handed over to recipient {}", handover.recipient),
            None,
        )],
        Detail::TrustBundlePublication(publication) => vec![one(
            publication.bundle,
            format!("le trust.json publié, version {}", publication.version),
            format!("the trust.json published, version {}", publication.version),
            Some(publication.version),
        )],
        _ => Vec::new(),
    }
}

/// Adds to the answer on proven evidence what its events say of the documents.
pub(crate) fn hold_against<'a>(
    answer: &mut Answer,
    documents: &[Given],
    events: impl IntoIterator<Item = &'a EvidenceEvent>,
    language: Language,
) {
    let named: Vec<Named<'_>> = events.into_iter().flat_map(named).collect();
    let (mut found, mut refused, mut facts) = (String::new(), String::new(), Vec::new());
    let mut advices = Vec::new();
    for document in documents {
        let file = &document.file;
        let papers: Vec<&Named<'_>> = named
            .iter()
            .filter(|one| one.digest == document.digest)
            .collect();
        facts.push(json!({
            "file": file,
            "sha256": document.digest.to_hex(),
            "papers": papers.iter().map(|one| json!({
                "rank": one.event.header.rank,
                "title": one.title,
                "nature": one.nature,
                "version": one.version,
            })).collect::<Vec<_>>(),
        }));
        // Once for the sending, and not again for each recipient who got it.
        let has_title = papers.iter().any(|one| one.title.is_some());
        for one in papers
            .iter()
            .filter(|one| !has_title || one.title.is_some())
        {
            found += &say(
                language,
                &format!("Le fichier « {file} » est {}.\n", one.french),
                &format!("The file \"{file}\" is {}.\n", one.english),
            );
        }
        if papers.is_empty() {
            let (code, undecided, message, advice) = match named.is_empty() {
                true => none_named(file, language),
                false => mismatch(document, language),
            };
            let verdict = match undecided {
                true => say(language, "INDÉTERMINÉ :", "CANNOT DECIDE:"),
                false => say(language, "REJETÉ :", "DISPROVEN:"),
            };
            refused += &format!("{verdict} [{code}] {message}\n");
            answer.outcome = match (answer.outcome, undecided) {
                (Outcome::Disproven, _) | (_, false) => Outcome::Disproven,
                _ => Outcome::Undecided,
            };
            answer.findings.push(json!({
                "code": code,
                "receipt": null,
                "file": file,
                "undecided": undecided,
                "message": message,
                "advice": advice,
            }));
            if !advices.contains(&advice) {
                advices.push(advice);
            }
        }
    }
    for advice in advices {
        refused += &format!("{} {advice}\n", say(language, "Que faire :", "What to do:"));
    }
    if let Value::Object(members) = &mut answer.facts {
        members.insert("documents".to_string(), facts.into());
    }
    answer.report = match refused.is_empty() {
        // Under the verdict, which is the first line.
        true => match answer.report.split_once('\n') {
            Some((verdict, rest)) => format!("{verdict}\n{found}{rest}"),
            None => format!("{}\n{found}", answer.report),
        },
        false => format!(
            "{refused}{found}\n{}\n{}",
            say(
                language,
                "La preuve elle-même, sans ces fichiers :",
                "The evidence itself, without these files:"
            ),
            answer.report
        ),
    };
}

type Refusal = (&'static str, bool, String, String);

fn mismatch(document: &Given, language: Language) -> Refusal {
    let Given { file, digest } = document;
    let message = say(
        language,
        &format!(
            "le fichier « {file} » n'est aucune des pièces que cette preuve désigne : son empreinte (SHA-256) est {digest}."
        ),
        &format!(
            "the file \"{file}\" is none of the papers that this evidence names: its digest (SHA-256) is {digest}."
        ),
    );
    let advice = say(
        language,
        "assurez-vous que c'est le fichier tel qu'il a été reçu, ni réenregistré ni converti, et que la preuve est celle de cet envoi ; s'il en est ainsi, cette preuve ne porte pas sur ce fichier.",
        "make sure that it is the file as it was received, neither saved anew nor converted, and that the evidence is of this sending; if so, this evidence is not about that file.",
    );
    ("document.mismatch", false, message, advice)
}

fn none_named(file: &str, language: Language) -> Refusal {
    let message = say(
        language,
        &format!("cette preuve ne désigne aucune pièce : elle ne dit rien du fichier « {file} »."),
        &format!("this evidence names no paper: it says nothing about the file \"{file}\"."),
    );
    let advice = say(
        language,
        "donnez le récépissé de l'envoi (SubmissionAcceptance) ou le dossier de preuve (.asice), qui désignent les pièces ; ou retirez --document pour vérifier cette preuve seule.",
        "give the receipt of the sending (SubmissionAcceptance) or the proof file (.asice), which name the papers; or leave --document out to verify this evidence alone.",
    );
    ("document.none_named", true, message, advice)
}
