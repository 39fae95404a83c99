// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What whoever holds a receipt or a proof file that is not proven can do.

use alloc::format;
use alloc::string::{String, ToString};

use super::token::{rejection_advice, rejection_words, unread_advice, unread_words};
use super::witnesses::{Lack, shortfall};
use super::{Language, english, french};
use crate::event::EventError;
use crate::tsp::{RevocationRejection, TspRejection};
use crate::verify::Rejection;

/// Why a receipt or a proof file is not proven, in one sentence.
#[must_use]
pub fn finding_words(rejection: &Rejection, language: Language) -> String {
    match (language, rejection) {
        (Language::French, _) => french::rejection(rejection),
        // Every fact that the French words tell.
        (Language::English, Rejection::Token(cause)) => {
            format!("the timestamp token: {}", rejection_words(cause, language))
        }
        (Language::English, Rejection::TokenMalformed(error)) => {
            format!("the timestamp token: {}", unread_words(error, language))
        }
        (Language::English, Rejection::Level { reached, demanded, shown }) => format!(
            "the level reached is {}; demanded is {}; {}",
            english::level(*reached),
            english::level(*demanded),
            match Lack::of(*reached, shown) {
                Lack::Anchor => "no timestamp of the log by an outside authority that is trusted (anchor) is there".to_string(),
                _ => shortfall(shown, language),
            }
        ),
        (Language::English, _) => rejection.to_string(),
    }
}

/// What to do about it.
#[must_use]
pub fn finding_advice(rejection: &Rejection, language: Language) -> &'static str {
    const ALTERED: (&str, &str) = (
        "reprenez le fichier à sa source ; s'il y est identique, il a été altéré ou contrefait : conservez-le, et signalez-le au service.",
        "fetch the file again from its source; if it is the same there, it was altered or forged: keep it, and tell the service.",
    );
    const UNSIGNED: (&str, &str) = (
        "quiconque a eu ce fichier en main a pu changer cette partie du récépissé, ce qui ne dit rien contre l'événement : redemandez le récépissé au service, qui le refait d'après son journal. S'il ne le peut, conservez ce fichier et signalez-le aux témoins du journal.",
        "whoever held this file could have changed this part of the receipt, which tells nothing against the event: ask the service for the receipt again, which it makes anew from its log. If it cannot, keep this file and tell the log's witnesses.",
    );
    const OLD_TRUST: (&str, &str) = (
        "obtenez du service, hors de ces preuves, un trust.json plus récent, et vérifiez qu'il est bien celui de ce service.",
        "get a newer trust.json from the service, outside this evidence, and make sure that it is this service's.",
    );
    const NEWER_PROGRAM: (&str, &str) = (
        "vérifiez ces preuves avec une version plus récente de kbox-verify.",
        "verify this evidence with a newer version of kbox-verify.",
    );
    let (french, english) = match rejection {
        Rejection::Event(EventError::UnknownVersion(_)) => NEWER_PROGRAM,
        Rejection::Proof(_)
        | Rejection::CheckpointOrigin { .. }
        | Rejection::Checkpoint(_)
        | Rejection::Consistency(_)
        | Rejection::BeforeContainsEntry
        | Rejection::Cosignature(_) => UNSIGNED,
        Rejection::Event(_)
        | Rejection::Chain { .. }
        | Rejection::Reference { .. }
        | Rejection::OutsideSending { .. } => ALTERED,
        Rejection::Environment => (
            "prenez le trust.json de l'environnement dont viennent ces preuves ; celles d'une démonstration n'ont pas de valeur probante.",
            "take the trust.json of the environment that this evidence comes from; a demonstration's has no probative value.",
        ),
        Rejection::LogUnknown { .. }
        | Rejection::AuthorityRange { .. }
        | Rejection::Opening { closed: None, .. } => OLD_TRUST,
        Rejection::TokenMalformed(error) | Rejection::AnchorMalformed(error) => {
            return unread_advice(error, language);
        }
        Rejection::Token(cause) | Rejection::Anchor(cause) => return of_token(cause, language),
        Rejection::TokenPolicy { .. } | Rejection::TokenAuthority => (
            "vérifiez que le trust.json est bien celui du service qui a délivré ce récépissé ; s'il l'est, ce n'est pas une preuve de ce service : demandez-lui-en une.",
            "make sure that the trust.json is that of the service which gave this receipt; if it is, this is no evidence of that service: ask it for one.",
        ),
        Rejection::FromTheFuture { .. } => (
            "vérifiez l'horloge de cette machine ; si elle est juste, signalez l'heure du jeton au service.",
            "check this machine's clock; if it is right, tell the service about the token's time.",
        ),
        Rejection::BeyondEnd { .. } | Rejection::TwoHistories { witnessed: true } => (
            "conservez ce fichier : l'exploitant a clos son journal sur un autre état que celui-ci, par une restauration qui a perdu des entrées ou pour en écarter. Demandez aux témoins du journal le plus haut état qu'ils ont signé, et au service un récépissé sous le dernier état du journal ou de s'en expliquer ; le trust.json d'avant la clôture, si vous l'avez par une autre voie, juge ce récépissé sans elle.",
            "keep this file: the operator closed the log at another state than this one, by a restore that lost entries or to be rid of some. Ask the log's witnesses for the highest checkpoint that they cosigned, and the service for a receipt under the log's last checkpoint, or to explain it; the trust.json from before the closing, if you have it by another way, judges this receipt without it.",
        ),
        Rejection::TwoHistories { witnessed: false }
        | Rejection::Opening { .. }
        | Rejection::Duplicate { same: false, .. } => (
            "conservez ce fichier et le trust.json, et montrez-les aux témoins du journal : son exploitant a montré deux histoires.",
            "keep this file and the trust.json, and show them to the log's witnesses: its operator showed two histories.",
        ),
        Rejection::NotFinal { .. } => (
            "redemandez le récépissé au service : le journal est clos, et le récépissé doit se tenir sous sa dernière tête.",
            "ask the service for the receipt again: the log is closed, and the receipt has to stand under its last checkpoint.",
        ),
        Rejection::AnchorBefore { .. } => (
            "demandez au service, et à l'autorité extérieure, laquelle de leurs horloges était fausse à cette date ; sans réponse, ce récépissé ne prouve aucune des deux heures.",
            "ask the service, and the outside authority, which of their clocks was wrong on that day; without an answer this receipt proves neither time.",
        ),
        Rejection::OutsideBounds { .. } => (
            "conservez ce fichier et demandez au service de s'en expliquer : l'heure du jeton est fausse, ou celle des témoins ; ce récépissé n'en prouve aucune.",
            "keep this file and ask the service to explain it: the token's time is wrong, or the witnesses'; this receipt proves neither.",
        ),
        Rejection::Gap { .. } => (
            "redemandez le récépissé, avec des têtes de journal plus proches si le service en a ; si un tel écart vous suffit, augmentez max_gap_s dans votre trust.json.",
            "ask for the receipt again, with nearer checkpoints if the service has them; if such a gap will do for you, raise max_gap_s in your trust.json.",
        ),
        Rejection::AnchorNotOutside => (
            "demandez au service de faire sceller son journal par une autorité d'horodatage qui ne dépend pas de lui.",
            "ask the service to have its log stamped by a timestamp authority that does not depend on it.",
        ),
        Rejection::Level { reached, shown, .. } => below_demand(Lack::of(*reached, shown)),
        Rejection::Personal | Rejection::Roster { .. } => (
            "redemandez le récépissé avec ses données personnelles ; si elles sont les mêmes, elles sont celles d'une autre personne ou ont été changées : signalez-le au service.",
            "ask for the receipt again with its personal data; if they are the same, they are another person's or were changed: tell the service.",
        ),
        Rejection::Unjudged { .. } => (
            "voyez d'abord ce qui est dit des premiers récépissés : le plus souvent, le trust.json est celui d'un autre service, ou le dossier a été altéré.",
            "see first to what is said about the first receipts: most often the trust.json belongs to another service, or the file was altered.",
        ),
        Rejection::NoSubmission
        | Rejection::Gaps { .. }
        | Rejection::DocumentMissing { .. }
        | Rejection::Mixed
        | Rejection::Duplicate { .. } => (
            "redemandez au service le dossier de preuve, entier, d'une seule séance.",
            "ask the service for the proof file again, whole, and of one séance.",
        ),
        Rejection::DocumentUnknown { .. } => (
            "comparez cette pièce avec celle que le service a envoyée ; redemandez le dossier de preuve s'il le faut.",
            "compare this paper with the one that the service sent; ask for the proof file again if need be.",
        ),
        Rejection::Rule { .. } => (
            "vérifiez les faits déclarés (assemblée, population, urgence) ; s'ils sont exacts, le délai est celui de la loi, et non celui qui a été déclaré : faites juger la convocation.",
            "check the declared facts (assembly, population, urgency); if they are right, the period is the law's, not the one declared: have the convening judged.",
        ),
        Rejection::Law { .. } => (
            "vérifiez les faits déclarés, et ces preuves avec une version plus récente de kbox-verify ; sinon faites juger le délai par un juriste.",
            "check the declared facts, and this evidence with a newer version of kbox-verify; otherwise have a lawyer judge the period.",
        ),
    };
    match language {
        Language::French => french,
        Language::English => english,
    }
}

const fn below_demand(lack: Lack) -> (&'static str, &'static str) {
    match lack {
        Lack::Anchor => (
            "redemandez le récépissé plus tard, quand une autorité extérieure aura horodaté le journal (le récépissé d'un journal que le trust.json clôt ne monte plus) ; si le niveau atteint vous suffit, changez demand dans votre trust.json.",
            "ask for the receipt again later, when an outside authority has stamped the log (a receipt of a log that the trust.json closes grows no more); if the level reached will do for you, change demand in your trust.json.",
        ),
        Lack::Cosignatures => (
            "redemandez le récépissé plus tard, quand davantage de témoins indépendants auront signé (le récépissé d'un journal que le trust.json clôt ne monte plus) ; si le niveau atteint vous suffit, changez demand dans votre trust.json.",
            "ask for the receipt again later, when more independent witnesses have signed (a receipt of a log that the trust.json closes grows no more); if the level reached will do for you, change demand in your trust.json.",
        ),
        Lack::Independence => (
            "attendre n'y change rien : votre trust.json nomme moins d'opérateurs de témoins indépendants que son quorum n'en demande. Demandez au service un trust.json qui en nomme assez, et le récépissé qu'ils ont signé à temps ; s'il n'en a pas, ce niveau ne sera pas atteint. Si le niveau atteint vous suffit, changez demand dans votre trust.json.",
            "waiting changes nothing: your trust.json names fewer independent operators of witnesses than its quorum asks for. Ask the service for a trust.json that names enough, and for the receipt that they signed in time; if it has none, this level will not be reached. If the level reached will do for you, change demand in your trust.json.",
        ),
        Lack::Before => (
            "redemandez le récépissé au service, entier : il y manque une tête de journal d'avant l'entrée, que quiconque a pu retirer. Si le service n'en a pas, ce niveau ne sera pas atteint ; si le niveau atteint vous suffit, changez demand dans votre trust.json.",
            "ask the service for the receipt again, whole: a checkpoint from before the entry is missing, which anybody can have taken out. If the service has none, this level will not be reached; if the level reached will do for you, change demand in your trust.json.",
        ),
        Lack::BeforeCosigned => (
            "redemandez le récépissé au service, avec une tête de journal d'avant l'entrée qu'un quorum des témoins a signée à temps. S'il n'en a pas, attendre n'y change rien, et ce niveau ne sera pas atteint ; si le niveau atteint vous suffit, changez demand dans votre trust.json.",
            "ask the service for the receipt again, with a checkpoint from before the entry that a quorum of the witnesses signed in time. If it has none, waiting changes nothing, and this level will not be reached; if the level reached will do for you, change demand in your trust.json.",
        ),
        Lack::OtherKey => (
            "obtenez du service, hors de ces preuves, un trust.json plus récent, et faites-vous confirmer par ces témoins leurs clés : des lignes à leur nom sont d'autres clés que celles du vôtre. Si le niveau atteint vous suffit, changez demand dans votre trust.json.",
            "get a newer trust.json from the service, outside this evidence, and have these witnesses confirm their keys: lines in their name are of other keys than those in yours. If the level reached will do for you, change demand in your trust.json.",
        ),
    }
}

/// As of a lone token, but for what is given otherwise: trust by trust.json, the proof of existence by the log.
fn of_token(cause: &TspRejection, language: Language) -> &'static str {
    let (french, english) = match cause {
        TspRejection::NoChain { .. }
        | TspRejection::SignerCertificateMissing { .. }
        | TspRejection::TrustMalformed { .. }
        | TspRejection::PolicyNotAccepted { .. } => (
            "obtenez du service, hors de ces preuves, un trust.json plus récent : ses certificats ne sont pas ceux de l'autorité de ce jeton, ou sont illisibles.",
            "get a newer trust.json from the service, outside this evidence: its certificates are not those of this token's authority, or cannot be read.",
        ),
        TspRejection::ChainExpired { .. } if cause.is_expired_at_any_time() => (
            "obtenez du service, hors de ces preuves, un trust.json plus récent, dont une autre chaîne ou racine ait été valable à l'heure de ce jeton ; aucune preuve d'existence ne répare celle-ci.",
            "get a newer trust.json from the service, outside this evidence, of which another chain or root was valid at this token's time; no proof of existence mends this one.",
        ),
        TspRejection::ChainExpired { .. } | TspRejection::AlgorithmEnded { .. } => (
            "redemandez le récépissé avec une tête de journal, signée de témoins ou scellée au dehors, d'avant la fin de ces certificats ou algorithmes : rien de ce qu'il contient ne montre qu'il existait avant.",
            "ask for the receipt again with a checkpoint, witnessed or stamped from outside, of before these certificates or algorithms ended: nothing in it shows that it existed before.",
        ),
        TspRejection::Revocation(
            RevocationRejection::KeyCompromise { .. }
            | RevocationRejection::OnHold { .. }
            | RevocationRejection::Revoked { .. }
            | RevocationRejection::RevokedNoPoe { .. }
            | RevocationRejection::IssuerRevoked { .. },
        ) => (
            "demandez au service si une tête de journal, signée de témoins ou scellée au dehors, montre que le jeton existait avant la révocation ; sinon il ne prouve plus rien.",
            "ask the service whether a checkpoint, witnessed or stamped from outside, shows that the token existed before the revocation; otherwise it proves nothing any more.",
        ),
        TspRejection::ImprintMismatch { .. } => (
            "reprenez le récépissé à sa source ; s'il y est identique, le jeton est celui d'un autre événement : signalez-le au service.",
            "fetch the receipt again from its source; if it is the same there, the token is another event's: tell the service.",
        ),
        TspRejection::BudgetCertificates { .. }
        | TspRejection::BudgetSignatures { .. }
        | TspRejection::BudgetPathSteps { .. }
        | TspRejection::BudgetChainLength { .. } => (
            "obtenez du service un trust.json aux seuls certificats de ses autorités, dont la chaîne est trop longue ou noyée parmi d'autres.",
            "get a trust.json of the service with the certificates of its authorities alone, whose chain is too long or lost among others.",
        ),
        _ => return rejection_advice(cause, language),
    };
    match language {
        Language::French => french,
        Language::English => english,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloc::boxed::Box;
    use alloc::collections::BTreeSet;
    use alloc::vec;
    use alloc::vec::Vec;
    use core::time::Duration;

    use super::*;
    use crate::digest::Sha256Digest;
    use crate::merkle::MerkleError;
    use crate::receipt::Demand;
    use crate::time::Time;
    use crate::tlog::{CheckpointError, NoteError, TlogProofError};
    use crate::tsp::TspError;
    use crate::verify::Witnessing;

    /// One of each code.
    fn rejections() -> Vec<Rejection> {
        let at = Time::from_unix_nanos(0);
        let note = || NoteError::NotUtf8;
        vec![
            Rejection::Event(EventError::NotDer),
            Rejection::Environment,
            Rejection::LogUnknown { origin: "x".into() },
            Rejection::TokenMalformed(TspError::GenTime),
            Rejection::TokenPolicy {
                policy: "1.2.3".into(),
            },
            Rejection::TokenAuthority,
            Rejection::FromTheFuture {
                gen_time: at,
                now: at,
            },
            Rejection::AuthorityRange { index: 7 },
            Rejection::Proof(TlogProofError::Index),
            Rejection::CheckpointOrigin { found: "x".into() },
            Rejection::BeyondEnd {
                size: 8,
                final_size: 7,
            },
            Rejection::TwoHistories { witnessed: false },
            Rejection::TwoHistories { witnessed: true },
            Rejection::Opening {
                previous: "x".into(),
                size: 6,
                closed: None,
            },
            Rejection::Opening {
                previous: "x".into(),
                size: 6,
                closed: Some(6),
            },
            Rejection::Opening {
                previous: "x".into(),
                size: 6,
                closed: Some(7),
            },
            Rejection::NotFinal {
                size: 6,
                final_size: 7,
            },
            Rejection::Checkpoint(CheckpointError::Note(note())),
            Rejection::Consistency(MerkleError::OldTreeEmpty),
            Rejection::BeforeContainsEntry,
            Rejection::Cosignature(note()),
            Rejection::OutsideBounds {
                gen_time: at,
                low: Some(at),
                high: Some(at),
            },
            Rejection::AnchorBefore {
                gen_time: at,
                anchored: at,
            },
            Rejection::Gap {
                gen_time: at,
                low: at,
                high: at,
            },
            Rejection::AnchorMalformed(TspError::GenTime),
            Rejection::AnchorNotOutside,
            Rejection::Level {
                reached: Demand::Journalise,
                demanded: Demand::Temoigne,
                shown: Box::new(Witnessing {
                    operators: Vec::new(),
                    quorum: 1,
                    max_gap: Duration::from_secs(300),
                    shows_before: false,
                    low: None,
                    high: None,
                }),
            },
            Rejection::Personal,
            Rejection::Roster { recipient: 7 },
            Rejection::NoSubmission,
            Rejection::Unjudged { left: 7 },
            Rejection::Mixed,
            Rejection::Duplicate {
                rank: 7,
                same: true,
            },
            Rejection::Duplicate {
                rank: 7,
                same: false,
            },
            Rejection::Gaps { from: 6, to: 7 },
            Rejection::Chain { rank: 7 },
            Rejection::Reference { rank: 7 },
            Rejection::OutsideSending { rank: 7 },
            Rejection::DocumentUnknown { name: "x".into() },
            Rejection::DocumentMissing {
                title: "x".into(),
                digest: Sha256Digest::of(b"x"),
            },
            Rejection::Rule {
                declared: "x".into(),
                law: "y".into(),
            },
            Rejection::Law {
                problem: "x".into(),
            },
        ]
    }

    #[test]
    fn every_code_of_a_receipt_or_proof_file_has_words_and_advice_in_both_languages() {
        let rejections = rejections();
        let codes: BTreeSet<&str> = rejections.iter().map(Rejection::code).collect();
        // These two have the words of each of a token's own causes, which are held beside those.
        let of_tokens = ["token.rejected", "anchor.rejected"];
        let all = Rejection::CODES.iter().copied();
        assert_eq!(
            codes,
            all.filter(|code| !of_tokens.contains(code)).collect()
        );
        let mut seen = BTreeSet::new();
        for rejection in &rejections {
            let code = rejection.code();
            let [french, english] = [Language::French, Language::English].map(|language| {
                let advice = finding_advice(rejection, language);
                assert!(advice.ends_with('.'), "{code}: {advice}");
                (finding_words(rejection, language), advice)
            });
            assert!(seen.insert(french.0.clone()), "{code}: {}", french.0);
            assert_ne!(french.0, english.0, "{code}");
            assert_ne!(french.1, english.1, "{code}");
            let words = [" the ", " is ", " of "];
            for text in [french.0.as_str(), french.1] {
                assert!(
                    !words.iter().any(|word| text.contains(word)),
                    "{code}: {text}"
                );
            }
        }
    }

    #[test]
    fn advice_about_a_receipts_token_names_no_option_for_lone_tokens() {
        let is_of_a_lone_token = |cause: &TspRejection| {
            matches!(
                cause,
                TspRejection::NonceMismatch { .. }
                    | TspRejection::RenewalMismatch
                    | TspRejection::RenewalOrder { .. }
            )
        };
        let causes = super::super::token::causes().into_iter();
        for cause in causes.filter(|cause| !is_of_a_lone_token(cause)) {
            for rejection in [
                Rejection::Token(cause.clone()),
                Rejection::Anchor(cause.clone()),
            ] {
                for language in [Language::French, Language::English] {
                    let advice = finding_advice(&rejection, language);
                    let options = [
                        "--policy",
                        "--existed-by",
                        "--renewed-by",
                        "--request",
                        "--anchor",
                    ];
                    let named = options.iter().find(|option| advice.contains(**option));
                    assert_eq!(named, None, "{}: {advice}", cause.code());
                    assert!(!finding_words(&rejection, language).is_empty());
                }
            }
        }
    }
}
