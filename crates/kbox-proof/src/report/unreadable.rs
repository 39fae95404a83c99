// SPDX-License-Identifier: Apache-2.0 OR MIT
//! French words for evidence and trust settings that cannot be read or do not hold; the English ones stand at the errors.

use alloc::format;
use alloc::string::{String, ToString};

use super::{Language, printable};
use crate::event::EventError;
use crate::merkle::MerkleError;
use crate::receipt::{BundleFault, ReceiptError};
use crate::tlog::{CheckpointError, NoteError, PolicyError, TlogProofError};
use crate::verify::TrustProblem;

/// Why a receipt, a proof file or a trust.json cannot be read.
#[must_use]
pub fn receipt_words(error: &ReceiptError, language: Language) -> String {
    if language == Language::English {
        return error.to_string();
    }
    match error {
        ReceiptError::TooLong { found, max } => format!("{found} octets dépassent les {max} admis"),
        ReceiptError::TooMany { max, .. } => {
            format!("une liste y dépasse les {max} éléments admis")
        }
        ReceiptError::Json(detail) => match place(detail) {
            Some((line, column)) => {
                format!("ce n'est pas le JSON attendu (ligne {line}, colonne {column})")
            }
            None => "ce n'est pas le JSON attendu".to_string(),
        },
        ReceiptError::Kind { expected, found } => format!(
            "le fichier se dit « {found} », « {expected} » était attendu ; une version plus récente de kbox-verify le connaît peut-être"
        ),
        ReceiptError::HashLength => "une empreinte n'a pas 32 octets".to_string(),
        ReceiptError::Bundle(fault) => {
            format!(
                "le fichier de confiance se contredit lui-même : {}",
                bundle(*fault)
            )
        }
        ReceiptError::Container(_) => {
            "ce n'est pas un dossier de preuve lisible : le conteneur ZIP est incomplet ou altéré"
                .to_string()
        }
        ReceiptError::Entry { name, .. } => {
            format!("dans le dossier de preuve, le fichier « {name} » n'est pas admis, ou manque")
        }
        ReceiptError::InEntry { name, .. } => {
            format!("dans le dossier de preuve, le fichier « {name} » est illisible")
        }
    }
}

const fn bundle(fault: BundleFault) -> &'static str {
    match fault {
        BundleFault::Version => "version vaut 0, alors que les versions se comptent à partir de 1",
        BundleFault::Clock => "il est de production, et dit son horloge non vérifiée (clock)",
        BundleFault::Empty => {
            "il lui faut au moins une autorité (authorities), une racine (roots) et un journal (shards)"
        }
        BundleFault::FinalTree => {
            "un journal n'a que l'un de final_size et final_root, qui vont ensemble"
        }
        BundleFault::Trees => {
            "un journal a sous trees un arbre qui n'est pas plus petit que sa taille finale, ou n'est pas clos"
        }
        BundleFault::ShardTwice => "deux journaux (shards) y portent le même nom (origin)",
        BundleFault::Quorum => {
            "quorum n'est pas compris entre 1 et le nombre d'exploitants de témoins (operators)"
        }
        BundleFault::NoWitnesses => "demand exige des témoins, et witnesses n'en nomme aucun",
    }
}

/// What to change in such a trust.json: fetched again, it would be the same.
#[must_use]
pub const fn bundle_advice(fault: BundleFault, language: Language) -> &'static str {
    let (french, english) = match fault {
        BundleFault::NoWitnesses => (
            "dans ce fichier, mettez demand à « journalise » ou « horodate », ou nommez sous witnesses les témoins auxquels vous vous fiez, avec leur quorum.",
            "in this file set demand to \"journalise\" or \"horodate\", or name the witnesses that you trust under witnesses, with their quorum.",
        ),
        BundleFault::Quorum => (
            "dans ce fichier, mettez witnesses.quorum entre 1 et le nombre d'exploitants nommés, ou 0 si aucun ne l'est.",
            "in this file set witnesses.quorum between 1 and the number of operators named, or to 0 if there are none.",
        ),
        BundleFault::Version
        | BundleFault::Clock
        | BundleFault::Empty
        | BundleFault::FinalTree
        | BundleFault::Trees
        | BundleFault::ShardTwice => (
            "si vous avez changé ce fichier, corrigez-y ce membre (docs/formats.md) ; sinon signalez-le à qui l'a publié, et demandez-lui-en un autre.",
            "if you changed this file, mend that member (docs/formats.md); otherwise tell whoever published it, and ask for another.",
        ),
    };
    match language {
        Language::French => french,
        Language::English => english,
    }
}

/// serde_json ends its words with the place.
fn place(detail: &str) -> Option<(&str, &str)> {
    detail.rsplit_once(" at line ")?.1.split_once(" column ")
}

/// Why a trust.json that was read cannot be used.
#[must_use]
pub fn trust_words(problem: &TrustProblem, language: Language) -> String {
    match language {
        Language::English => problem.to_string(),
        Language::French => format!(
            "dans le fichier de confiance, « {} » ne peut servir : une clé, un certificat ou un identifiant y manque, est illisible ou est répété",
            problem.place
        ),
    }
}

/// Why a tlog-proof cannot be read, or does not hold.
#[must_use]
pub fn tlog_proof_words(error: &TlogProofError, language: Language) -> String {
    match language {
        Language::English => error.to_string(),
        Language::French => tlog_proof(error),
    }
}

/// Why a tlog-policy cannot be read, or a checkpoint does not satisfy it.
#[must_use]
pub fn policy_words(error: &PolicyError, language: Language) -> String {
    if language == Language::English {
        return error.to_string();
    }
    match error {
        PolicyError::TooLarge => {
            "le tlog-policy est trop long, ou a trop de lignes d'une même sorte".to_string()
        }
        PolicyError::CutOff => {
            "la dernière ligne du tlog-policy n'est pas terminée : le fichier est peut-être coupé"
                .to_string()
        }
        PolicyError::ControlCharacter { line } => {
            format!("la ligne {line} du tlog-policy a un caractère de commande")
        }
        PolicyError::Line { line } => format!(
            "la ligne {line} n'a aucune des formes d'un tlog-policy (log, witness, group, quorum)"
        ),
        PolicyError::Key { line, .. } => {
            format!("la clé de la ligne {line} du tlog-policy est illisible")
        }
        PolicyError::KeyType { line } => format!(
            "la clé de la ligne {line} du tlog-policy n'est pas d'une sorte qui puisse signer là"
        ),
        PolicyError::DuplicateKey { line } => {
            format!("la clé de la ligne {line} du tlog-policy figure déjà plus haut")
        }
        PolicyError::Name { line } => {
            format!("le nom défini à la ligne {line} du tlog-policy est déjà pris ou réservé")
        }
        PolicyError::UnknownName { line } => {
            format!("le nom employé à la ligne {line} du tlog-policy n'est pas défini plus haut")
        }
        PolicyError::MemberTwice { line } => {
            format!("la ligne {line} du tlog-policy met un nom dans un second groupe")
        }
        PolicyError::Threshold { line } => format!(
            "le seuil de la ligne {line} du tlog-policy n'est ni all, ni any, ni un nombre de 1 au nombre de membres"
        ),
        PolicyError::Quorum => {
            "le tlog-policy doit avoir une ligne quorum, et une seule".to_string()
        }
        PolicyError::UnknownLog { origin } => {
            format!(
                "le tlog-policy ne connaît pas le journal {}",
                printable(origin)
            )
        }
        PolicyError::Checkpoint(error) => checkpoint(error),
        PolicyError::Cosignature(error) => {
            format!("la signature d'un témoin ne tient pas : {}", note(error))
        }
        PolicyError::QuorumNotMet { witnesses } => {
            match witnesses {
                0 => "aucun témoin du tlog-policy n'a signé, ce qui ne suffit pas au quorum"
                    .to_string(),
                1 => "un seul témoin du tlog-policy a signé, ce qui ne suffit pas au quorum"
                    .to_string(),
                _ => format!(
                    "{witnesses} témoins du tlog-policy ont signé, ce qui ne suffit pas au quorum"
                ),
            }
        }
    }
}

pub(super) fn event(error: &EventError) -> String {
    match error {
        EventError::Asn1(_) => "ce n'est pas un événement de preuve".to_string(),
        EventError::NotDer => {
            "les octets ne sont pas dans leur seule forme admise, le DER".to_string()
        }
        EventError::TooLong { found, max } => format!("{found} octets, au plus {max} sont admis"),
        EventError::TooMany { max, .. } => format!("une liste dépasse les {max} éléments admis"),
        EventError::None { .. } => {
            "une liste est vide alors qu'il y faut au moins un élément".to_string()
        }
        EventError::UnknownVersion(version) => {
            format!("il est de version {version} ; ce programme ne connaît que la version 1")
        }
        EventError::Text { .. } => {
            "un texte y est vide, trop long ou contient un caractère interdit".to_string()
        }
        EventError::NotASiren => "un SIREN n'a pas neuf chiffres".to_string(),
        EventError::NotAnOrigin => "le nom du journal n'a pas la forme voulue".to_string(),
        EventError::NotALocalDateTime => {
            "une date et heure locales n'ont pas la forme 2026-12-02T18:30".to_string()
        }
        EventError::NotAnInstant => {
            "un instant n'est pas en UTC et en secondes entières".to_string()
        }
        EventError::ClaimedTimeHasFraction => {
            "l'heure déclarée n'est pas en secondes entières".to_string()
        }
        EventError::NameMismatch { found } => {
            format!("son nom, {found}, ne correspond pas à son contenu")
        }
        EventError::ReasonMissing { event } => {
            format!("un événement {event} doit donner au moins un motif")
        }
        EventError::ReferenceMissing { event } => {
            format!("un événement {event} doit citer celui dont il découle")
        }
        EventError::ReferenceUnexpected { event } => {
            format!("un événement {event} n'en cite aucun autre")
        }
        EventError::VersionZero => "les versions se comptent à partir de 1".to_string(),
        EventError::Length { field } => format!("le champ {field} n'a pas la longueur voulue"),
        EventError::PreviousAndRank => {
            "son rang et l'événement précédent qu'il cite se contredisent".to_string()
        }
    }
}

pub(super) fn tlog_proof(error: &TlogProofError) -> String {
    match error {
        TlogProofError::TooLong { bytes } => {
            format!("la preuve a {bytes} octets, plus qu'aucune preuve admise")
        }
        TlogProofError::Header => {
            "sa première ligne n'est pas celle d'un tlog-proof de version connue".to_string()
        }
        TlogProofError::Extra => {
            "sa ligne extra est trop longue ou n'est pas en base64".to_string()
        }
        TlogProofError::Index => "sa ligne « index N » manque ou est mal écrite".to_string(),
        TlogProofError::Hash { line } => format!(
            "la ligne {line} de la preuve d'inclusion n'est pas une empreinte SHA-256 en base64, ou est de trop"
        ),
        TlogProofError::CutOff => {
            "elle s'arrête avant la tête du journal : reprenez le fichier en entier".to_string()
        }
        TlogProofError::Checkpoint(error) => checkpoint(error),
        TlogProofError::Inclusion(error) => format!(
            "l'entrée n'est pas dans l'arbre de la tête du journal : {}",
            merkle(error)
        ),
    }
}

pub(super) fn checkpoint(error: &CheckpointError) -> String {
    match error {
        CheckpointError::Note(error) => note(error),
        CheckpointError::Origin => "le nom du journal y est mal écrit".to_string(),
        CheckpointError::Size => "la taille de l'arbre y est mal écrite".to_string(),
        CheckpointError::Root => {
            "la racine de l'arbre n'y est pas une empreinte SHA-256 en base64".to_string()
        }
        CheckpointError::EmptyTreeRoot => {
            "l'arbre y est dit vide, avec une racine qui n'est pas celle d'un arbre vide"
                .to_string()
        }
        CheckpointError::Lines => "il y manque une ligne, ou une ligne y est vide".to_string(),
        CheckpointError::WrongOrigin { found, expected } => {
            format!(
                "elle est du journal {}, non de {expected}",
                printable(found)
            )
        }
        CheckpointError::UnsignedExtensions => {
            "elle a des lignes d'extension que sa signature ML-DSA-44 ne couvre pas".to_string()
        }
    }
}

pub(super) fn note(error: &NoteError) -> String {
    match error {
        NoteError::TooLong { bytes } => {
            format!("la note signée a {bytes} octets, plus qu'il n'en est lu")
        }
        NoteError::NotUtf8 => {
            "la note signée n'est pas en UTF-8 : elle est altérée, ou c'est un autre fichier"
                .to_string()
        }
        NoteError::ControlCharacter { offset } => {
            format!("la note signée a un caractère de commande à l'octet {offset}")
        }
        NoteError::Text => "le texte de la note signée est vide ou coupé".to_string(),
        NoteError::NoSignatures => {
            "la note ne porte aucune signature : reprenez-la en entier".to_string()
        }
        NoteError::TooManySignatures => {
            "la note porte plus de signatures qu'il n'en est lu".to_string()
        }
        NoteError::SignatureLine { line } => format!("la ligne de signature {line} est altérée"),
        NoteError::KeyName => "un nom de clé est mal écrit".to_string(),
        NoteError::NotSignedBy { name, key_id } => {
            format!("la note n'est pas signée par {name}+{key_id}")
        }
        NoteError::BadSignature { name, key_id } => format!(
            "la signature de {name}+{key_id} est fausse : la note a été altérée, ou la clé est une autre"
        ),
        NoteError::WrongKeyType { name } => {
            format!("la clé {name} n'est pas d'une sorte qui puisse signer cela")
        }
        NoteError::TimeOutOfRange { timestamp } => {
            format!("l'heure d'une signature de témoin, {timestamp} s, est postérieure à l'an 2262")
        }
    }
}

pub(super) fn merkle(error: &MerkleError) -> String {
    match error {
        MerkleError::IndexOutsideTree { index, size } => {
            format!("l'entrée {index} n'est pas dans un arbre de {size} entrées")
        }
        MerkleError::SizeWentBack { old, new } => {
            format!("l'arbre le plus ancien a {old} entrées, et le plus récent {new} seulement")
        }
        MerkleError::OldTreeEmpty => {
            "l'arbre le plus ancien est vide, ce qui ne prouve rien".to_string()
        }
        MerkleError::WrongLength { found } => {
            format!("la preuve compte {found} empreintes, ce qui n'est pas le nombre voulu")
        }
        MerkleError::RootMismatch { .. } => {
            "les empreintes mènent à une autre racine que celle qui est signée".to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trust_json_that_contradicts_itself_says_in_what_and_what_to_change() {
        let mut told = alloc::collections::BTreeSet::new();
        for fault in BundleFault::ALL {
            for language in [Language::French, Language::English] {
                let words = receipt_words(&ReceiptError::Bundle(fault), language);
                assert!(told.insert(words));
                let advice = bundle_advice(fault, language);
                assert!(!advice.contains("reprenez") && !advice.contains("fetch"));
            }
        }
        let french = receipt_words(
            &ReceiptError::Bundle(BundleFault::NoWitnesses),
            Language::French,
        );
        assert!(french.contains("demand exige des témoins"), "{french}");
    }

    #[test]
    fn what_cannot_be_read_is_told_in_the_readers_language_alone() {
        let index = TlogProofError::Index;
        let told = [
            (
                receipt_words(
                    &ReceiptError::Json("expected value at line 3 column 7".into()),
                    Language::French,
                ),
                "ligne 3, colonne 7",
            ),
            (
                policy_words(&PolicyError::UnknownName { line: 4 }, Language::French),
                "ligne 4",
            ),
            (tlog_proof_words(&index, Language::French), "index N"),
            (event(&EventError::Asn1("no SEQUENCE".into())), "événement"),
        ];
        for (french, words) in told {
            assert!(french.contains(words), "{french}");
            assert!(
                ![" the ", " is ", "expected", "SEQUENCE"]
                    .iter()
                    .any(|word| french.contains(word)),
                "{french}"
            );
        }
        assert_eq!(
            tlog_proof_words(&index, Language::English),
            index.to_string()
        );
    }
}
