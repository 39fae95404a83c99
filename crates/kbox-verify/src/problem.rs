// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Why nothing could be judged, in both languages: exit 2.

use std::io;
use std::path::Path;

use kbox_proof::receipt::ReceiptError;
use kbox_proof::report::{self, Language};
use kbox_proof::tsp::{RevocationRejection, TspError, TspRejection};
use kbox_proof::verify::TrustProblem;
use serde_json::{Value, json};

/// A path for people to read. Whoever sends evidence names its files: no letter of a name may steer a terminal or pass for words of the report. Of a
/// long one the end counts.
pub(crate) fn shown(path: &Path) -> String {
    let all = path.display().to_string();
    let name = path.file_name().map(|name| name.display().to_string());
    match name {
        Some(name) if all.chars().count() > 200 => format!("…/{}", report::printable(&name)),
        _ => report::printable(&all),
    }
}

/// Codes are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Usage,
    File,
    Trust,
    Evidence,
    Future,
    Machine,
}

impl Kind {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 6] = [
        Self::Usage,
        Self::File,
        Self::Trust,
        Self::Evidence,
        Self::Future,
        Self::Machine,
    ];

    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::File => "file.unreadable",
            Self::Trust => "trust.unusable",
            Self::Evidence => "evidence.unreadable",
            Self::Future => "existed_by.future",
            Self::Machine => "machine",
        }
    }

    pub(crate) const fn advice(self, language: Language) -> &'static str {
        let (french, english) = match self {
            Self::Usage => (
                "voyez « kbox-verify --help ».",
                "see `kbox-verify --help --lang en`.",
            ),
            Self::File => (
                "vérifiez que c'est bien le fichier que l'option demande, en entier, et que vous avez le droit de le lire.",
                "make sure that it is the file that the option asks for, whole, and that you may read it.",
            ),
            Self::Trust => (
                "donnez avec --trust un trust.json, des certificats ou des listes de révocation (PEM ou DER), une réponse OCSP (DER) ou un tlog-policy, entiers, et repris à leur source.",
                "give a trust.json, certificates or revocation lists (PEM or DER), an OCSP response (DER) or a tlog-policy with --trust, whole, and fetched again from its source.",
            ),
            Self::Evidence => (
                "vérifiez que c'est bien un récépissé (.kbox.json), un dossier de preuve (.asice), un jeton (.tst, .tsr) ou un .tlog-proof, et reprenez-le à sa source, en entier.",
                "make sure that it is a receipt (.kbox.json), a proof file (.asice), a token (.tst, .tsr) or a .tlog-proof, and fetch it again from its source, whole.",
            ),
            Self::Future => (
                "indiquez une date passée, à laquelle vous pouvez montrer que le jeton existait, ou vérifiez l'horloge de cette machine.",
                "give a time of the past, by which you can show that the token existed, or check this machine's clock.",
            ),
            Self::Machine => (
                "vérifiez l'horloge et la place disponible de cette machine.",
                "check this machine's clock and free space.",
            ),
        };
        pick(language, french, english)
    }
}

const fn pick<'a>(language: Language, french: &'a str, english: &'a str) -> &'a str {
    match language {
        Language::French => french,
        Language::English => english,
    }
}

/// Why nothing could be judged.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) kind: Kind,
    french: String,
    english: String,
    /// Which file it is about, where it is about one.
    file: Option<String>,
    /// What to do, where that of the kind does not fit.
    advice: Option<(&'static str, &'static str)>,
}

impl Problem {
    pub(crate) fn new(kind: Kind, french: impl Into<String>, english: impl Into<String>) -> Self {
        let (french, english) = (french.into(), english.into());
        Self {
            kind,
            french,
            english,
            file: None,
            advice: None,
        }
    }

    /// In the words that a library's error has in each language.
    pub(crate) fn words(kind: Kind, words: impl Fn(Language) -> String) -> Self {
        Self::new(kind, words(Language::French), words(Language::English))
    }

    pub(crate) fn io(path: &Path, error: &io::Error) -> Self {
        let (french, english) = match error.kind() {
            io::ErrorKind::NotFound => (
                "ce fichier n'existe pas".to_string(),
                "this file does not exist".to_string(),
            ),
            io::ErrorKind::PermissionDenied => (
                "vous n'avez pas le droit de lire ce fichier".to_string(),
                "you may not read this file".to_string(),
            ),
            io::ErrorKind::IsADirectory => (
                "c'est un répertoire, et non un fichier".to_string(),
                "this is a directory, not a file".to_string(),
            ),
            _ => match error.raw_os_error() {
                Some(number) => (
                    format!("la lecture échoue (erreur {number} du système)"),
                    format!("reading fails ({error})"),
                ),
                None => (
                    "la lecture échoue".to_string(),
                    format!("reading fails ({error})"),
                ),
            },
        };
        Self::new(Kind::File, french, english).in_file(path)
    }

    /// Of trust settings or a timestamp message.
    pub(crate) fn tsp(kind: Kind, error: &TspError) -> Self {
        Self::words(kind, |language| report::unread_words(error, language))
    }

    pub(crate) fn no_token(error: &TspError) -> Self {
        Self::tsp(Kind::Evidence, error).after(
            "ce n'est pas un jeton d'horodatage",
            "not a timestamp token",
        )
    }

    pub(crate) fn revocation(error: RevocationRejection) -> Self {
        let rejection = TspRejection::Revocation(error);
        let advice = |language| report::rejection_advice(&rejection, language);
        Self::words(Kind::Trust, |language| {
            report::rejection_words(&rejection, language)
        })
        .with_advice(advice(Language::French), advice(Language::English))
    }

    pub(crate) fn receipt(kind: Kind, error: &ReceiptError) -> Self {
        Self::words(kind, |language| report::receipt_words(error, language))
    }

    pub(crate) fn trust(problem: &TrustProblem) -> Self {
        Self::words(Kind::Trust, |language| {
            report::trust_words(problem, language)
        })
    }

    /// Says first what is spoken of.
    pub(crate) fn after(self, french: &str, english: &str) -> Self {
        Self {
            french: format!("{french} : {}", self.french),
            english: format!("{english}: {}", self.english),
            ..self
        }
    }

    /// Other advice than that of its kind.
    pub(crate) fn with_advice(self, french: &'static str, english: &'static str) -> Self {
        Self {
            advice: Some((french, english)),
            ..self
        }
    }

    /// Of an option that asks for less than all that its reader knows.
    pub(crate) fn unless_advised(self, advice: (&'static str, &'static str)) -> Self {
        Self {
            advice: self.advice.or(Some(advice)),
            ..self
        }
    }

    fn advice(&self, language: Language) -> &'static str {
        match self.advice {
            Some((french, english)) => pick(language, french, english),
            None => self.kind.advice(language),
        }
    }

    /// `place` is the file, and which in it where it holds several.
    pub(crate) fn at(self, place: &str) -> Self {
        Self {
            file: Some(place.to_string()),
            ..self.after(place, place)
        }
    }

    pub(crate) fn in_file(self, path: &Path) -> Self {
        self.at(&shown(path))
    }

    pub(crate) fn message(&self, language: Language) -> &str {
        pick(language, &self.french, &self.english)
    }

    /// For a terminal.
    pub(crate) fn text(&self, language: Language) -> String {
        format!(
            "kbox-verify{} {}\n{} {}\n",
            pick(language, " :", ":"),
            self.message(language),
            pick(language, "Que faire :", "What to do:"),
            self.advice(language)
        )
    }

    /// As an answer that decides nothing.
    pub(crate) fn json(&self, language: Language) -> Value {
        json!({
            "kind": null,
            "outcome": "undecided",
            "findings": [{
                "code": self.kind.code(),
                "source": "kbox",
                "renewal": null,
                "file": self.file,
                "undecided": true,
                "message": self.message(language),
                "advice": self.advice(language),
            }],
            "facts": null,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_kind_of_problem_has_a_code_of_its_own_and_advice_in_both_languages() {
        let mut seen = std::collections::BTreeSet::new();
        for kind in Kind::ALL {
            assert!(seen.insert(kind.code()));
            for language in [Language::French, Language::English] {
                assert!(seen.insert(kind.advice(language)));
            }
        }
    }
}
