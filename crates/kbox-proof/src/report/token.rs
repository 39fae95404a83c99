// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Words for a lone timestamp token: what was found, by which rule, and what to do next.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use super::{
    Language, Open, Outcome, Report, Writer, failed, inconclusive_words, instant, revocation_words,
};
use crate::time::Time;
use crate::tsp::certificate_name::printable;
use crate::tsp::unsupported::named as algorithm_named;
use crate::tsp::{
    Accuracy, AlgorithmFault, AlgorithmUse, AttributeFault, Certificate, CertificateName,
    ChainRule, Check, CheckOutcome, MissingSigner, Oid, PkiFailureInfo, PkiStatus, ProfileFinding,
    Purpose, RenewalRejection, Revocation, RevocationItem, RevocationReason, RevocationRejection,
    SerialFault, Step, Strength, TimeStampToken, TokenFlag, TsaPolicyId, TspError, TspRejection,
    UnusableRevocation, VerifiedTimeStamp,
};

/// The verdict on a token, perhaps renewed, and what it was judged by.
#[derive(Clone, Copy, Debug)]
pub struct TokenJudgement<'a> {
    /// The token and its renewals, the oldest first; or the first that is not accepted.
    pub result: Result<&'a [VerifiedTimeStamp], &'a RenewalRejection>,
    /// The instant at which the newest token's certificates were judged.
    pub at: Time,
    /// The auditor stated that instant; otherwise it is the present.
    pub stated: bool,
    /// The present.
    pub now: Time,
    /// Policies that the auditor accepts, and so knows.
    pub policies: &'a [TsaPolicyId],
    /// Which of the auditor's own files a rejection is about, where it is about one.
    pub file: Option<&'a str>,
}

/// The report on a lone token.
#[must_use]
pub fn token(judgement: &TokenJudgement<'_>, language: Language) -> Report {
    let mut writer = Writer::new(language);
    match judgement.result {
        Err(refused) => {
            let rejection = &refused.rejection;
            let words = rejection_words(rejection, language);
            let code = rejection.code();
            let which = match refused.index {
                0 => String::new(),
                index => writer
                    .say(
                        &format!("renouvellement {index} : "),
                        &format!("renewal {index}: "),
                    )
                    .to_string(),
            };
            let line = format!("[{code}] {which}{words}");
            writer.item(&line, &line);
            let source = source_words(rejection.source(), language);
            if let Some(file) = judgement.file {
                writer.text(&format!("Fichier : {file}."), &format!("File: {file}."));
            }
            writer.text(&format!("Règle : {source}."), &format!("Rule: {source}."));
            writer.advice(&token_advice(refused, language));
            if refused.index > 0 && !rejection.is_undecided() {
                writer.text(
                    "Ce renouvellement ne prouve rien, ni pour ni contre le jeton : faites vérifier le jeton sans lui.",
                    "This renewal proves nothing, neither for the token nor against it: have the token checked without it.",
                );
            }
            // What to do about it has been said.
            if depends_on_time(rejection) {
                match refused.renewed_at {
                    None => writer.judged(judgement, false),
                    Some(at) => writer.judged_by_renewal(at, refused.index + 1),
                }
            }
            let outcome = match refused.is_undecided() {
                true => Outcome::Undecided,
                false => Outcome::Disproven,
            };
            failed(writer, outcome, "Horodatage", "Timestamp")
        }
        Ok(stamps) => {
            if stamps.iter().any(|stamp| stamp.policy().is_demonstration()) {
                writer.text(
                    "DÉMONSTRATION : horloge non vérifiée. Sans valeur probante.",
                    "DEMONSTRATION: unverified clock. Without probative value.",
                );
            }
            if let Some((stamp, renewals)) = stamps.split_first() {
                writer.renewals(judgement, renewals);
                if !renewals.is_empty() {
                    writer.heading("Jeton sur vos octets", "Token over your bytes");
                }
                let bytes = ("ces octets existaient", "these bytes existed");
                writer.stamp(stamp, bytes.0, bytes.1);
                match renewals.first() {
                    None => writer.judged(judgement, true),
                    Some(newer) => writer.judged_by_renewal(newer.interval().1, 1),
                }
                writer.revocation_of(stamp);
                writer.algorithms(stamp, judgement.now, renewals.is_empty());
                writer.profile(judgement, stamp);
                writer.checks(stamp, ("empreinte de vos octets", "imprint of your bytes"));
            }
            writer.heading("Ce que cela ne prouve pas", "What this does not prove");
            writer.item(
                "Que l'autorité a bien fait le jeton à l'heure qu'elle indique : qui détient sa clé peut écrire toute heure. Seuls un journal et des témoins limitent l'antidate.",
                "That the authority made the token at the time it states: whoever holds its key can write any time. Only a log and witnesses limit backdating.",
            );
            writer.finish("Horodatage : PROUVÉ", "Timestamp: PROVEN")
        }
    }
}

/// What a token that is not proven says of itself: whoever looks for the right certificates needs it, and nobody has checked it.
#[must_use]
pub fn token_claims(token: &TimeStampToken, language: Language) -> Report {
    let mut writer = Writer::new(language);
    let info = token.tst_info();
    let time = instant(info.gen_time(), language);
    writer.item(&format!("heure : {time}"), &format!("time: {time}"));
    let policy = printable(&info.policy().to_string());
    writer.item(
        &format!("politique : {policy}"),
        &format!("policy: {policy}"),
    );
    if let Some(name) = token.claimed_signer() {
        let name = certificate_words(&name, language);
        writer.item(
            &format!("certificat du signataire : {name}"),
            &format!("signer's certificate: {name}"),
        );
    }
    writer.finish(
        "Ce que le jeton affirme (non prouvé)",
        "What the token claims (not proven)",
    )
}

/// The report on a file that cannot be read as a token or response: strictly, as anything else could be read in two ways. Anybody can
/// write a good token in another encoding, or spoil it, so that nothing is disproven.
#[must_use]
pub fn unread_token(error: &TspError, language: Language) -> Report {
    let mut writer = Writer::new(language);
    let words = unread_words(error, language);
    let line = format!("[{}] {words}", unread_code(error));
    writer.item(&line, &line);
    writer.text(
        "Règle : RFC 3161 §2.4.2, RFC 5652, X.690 (DER).",
        "Rule: RFC 3161 §2.4.2, RFC 5652, X.690 (DER).",
    );
    writer.advice(unread_advice(error, language));
    failed(writer, Outcome::Undecided, "Horodatage", "Timestamp")
}

/// What is missing of a file tells nothing against who made it.
#[must_use]
pub const fn is_cut_off(error: &TspError) -> bool {
    matches!(error, TspError::CutOff { .. })
}

/// The stable code of a lone token that cannot be read.
#[must_use]
pub const fn unread_code(error: &TspError) -> &'static str {
    match is_cut_off(error) {
        true => "token.cut_off",
        false => "token.malformed",
    }
}

/// What to do about bytes that are no token or response: the file may have suffered on its way, or the authority is at fault.
#[must_use]
pub fn unread_advice(error: &TspError, language: Language) -> &'static str {
    let (french, english) = match error {
        TspError::Version { .. }
        | TspError::GenTime
        | TspError::ImprintLength { .. }
        | TspError::SerialNumber { .. }
        | TspError::Accuracy
        | TspError::SignerInfos { .. }
        | TspError::TooManyCertificates { .. }
        | TspError::TooManyDigestAlgorithms { .. }
        | TspError::TooManyExtensions { .. }
        | TspError::TooManyNames { .. }
        | TspError::TooManyAnswers { .. }
        | TspError::Status { .. }
        | TspError::FailureInfo
        | TspError::TokenPresence { .. } => (
            "signalez-le à l'autorité : sa réponse n'est pas conforme à la norme ; demandez un nouveau jeton, à elle une fois la faute corrigée, ou à une autre.",
            "tell the authority: its answer does not follow the standard; ask it for a new token once that is mended, or ask another authority.",
        ),
        TspError::CutOff { .. } => (
            "reprenez le fichier à sa source, en entier : ce qui en manque ne dit rien contre l'autorité ni contre le jeton.",
            "fetch the file again from its source, whole: what is missing of it tells nothing against the authority or the token.",
        ),
        TspError::ContentType { .. } => (
            "vérifiez que le fichier est bien un jeton d'horodatage ou la réponse d'une autorité ; si c'en est un, signalez-le à l'autorité.",
            "make sure that the file is a timestamp token or an authority's answer; if it is one, tell the authority.",
        ),
        TspError::Der { .. }
        | TspError::TrailingBytes { .. }
        | TspError::TooLarge { .. }
        | TspError::NotCanonical { .. }
        | TspError::Leaf { .. }
        | TspError::Pem { .. } => (
            "reprenez le fichier à sa source, en entier et sans conversion ; s'il y est identique, signalez-le à l'autorité. D'autres programmes sont plus tolérants, mais des octets en trop ou un codage ambigu peuvent se lire de deux façons.",
            "fetch the file again from its source, whole and unconverted; if it is the same there, tell the authority. Other programs are more lenient, but extra bytes or an ambiguous encoding can be read in two ways.",
        ),
    };
    match language {
        Language::French => french,
        Language::English => english,
    }
}

/// Why bytes are no token or response, in one sentence.
#[must_use]
pub fn unread_words(error: &TspError, language: Language) -> String {
    if language == Language::English {
        return match error {
            TspError::Version { .. } => format!("{error}, not the one that the standard demands"),
            _ => error.to_string(),
        };
    }
    match error {
        TspError::Der { offset } => {
            format!("le codage n'est pas le DER attendu, à l'octet {offset}")
        }
        TspError::CutOff { found, expected } => {
            format!("le fichier est coupé : il a {found} octets sur {expected}")
        }
        TspError::TrailingBytes { offset } => {
            format!("des octets suivent le message, à partir de l'octet {offset}")
        }
        TspError::TooLarge { size, limit } => format!("{size} octets dépassent les {limit} admis"),
        TspError::NotCanonical { structure } => {
            format!("{structure} n'est pas codé comme le DER l'exige")
        }
        TspError::Version { structure, found } => {
            format!("{structure} porte la version {found}, qui n'est pas celle qu'exige la norme")
        }
        TspError::GenTime => {
            "l'heure n'est pas un instant UTC dans la forme de la RFC 3161".to_string()
        }
        TspError::ImprintLength { expected, found } => {
            format!("l'empreinte a {found} octets, son algorithme en fait {expected}")
        }
        TspError::SerialNumber { fault } => match fault {
            SerialFault::Zero => "le numéro de série est zéro, alors qu'il doit être positif",
            SerialFault::Negative => "le numéro de série est négatif",
            SerialFault::TooLong => "le numéro de série dépasse 160 bits",
            SerialFault::Encoding => "le numéro de série n'est pas un entier en DER",
        }
        .to_string(),
        TspError::Accuracy => {
            "les millisecondes et microsecondes de la précision doivent être comprises entre 1 et 999, ou absentes"
                .to_string()
        }
        TspError::ContentType { structure } => {
            format!("{structure} est d'un autre type de contenu")
        }
        TspError::SignerInfos { found: 0 } => "le jeton n'a aucun signataire".to_string(),
        TspError::SignerInfos { found } => {
            format!("le jeton a {found} signataires, et non un seul")
        }
        TspError::TooManyCertificates { found, limit } => {
            format!("le jeton porte {found} certificats ; il en est lu {limit} au plus")
        }
        TspError::TooManyDigestAlgorithms { limit } => {
            format!("le jeton nomme plus de {limit} algorithmes de hachage, plus qu'il n'en est lu")
        }
        TspError::TooManyExtensions { limit } => {
            format!("plus de {limit} extensions dans une seule liste, plus qu'il n'en est lu")
        }
        TspError::TooManyNames { limit } => {
            format!(
                "plus de {limit} points de distribution ou noms de points, plus qu'il n'en est lu"
            )
        }
        TspError::TooManyAnswers { limit } => {
            format!("plus de {limit} réponses en une seule, plus qu'il n'en est lu")
        }
        TspError::Status { found } => format!("l'état {found} de la réponse est inconnu"),
        TspError::FailureInfo => "le motif de refus est inconnu".to_string(),
        TspError::TokenPresence { granted: true } => {
            "la réponse accorde un jeton et n'en contient pas".to_string()
        }
        TspError::TokenPresence { granted: false } => {
            "la réponse refuse le jeton et en contient un malgré tout".to_string()
        }
        TspError::Leaf { .. } => "le jeton n'a pas la forme des entrées du journal".to_string(),
        TspError::Pem { label } => format!("aucun bloc PEM « {label} » lisible"),
    }
}

impl Writer {
    /// Of what the token is over it is told that it existed: `french` and `english`.
    fn stamp(&mut self, stamp: &VerifiedTimeStamp, french: &str, english: &str) {
        let (earliest, until) = stamp.interval();
        let latest = instant(until, self.language);
        match stamp.accuracy() {
            Some(_) => self.text(
                &format!("D'après l'autorité d'horodatage, {french} au plus tard le {latest}."),
                &format!("The timestamp authority states that {english} no later than {latest}."),
            ),
            None => self.text(
                &format!("D'après l'autorité d'horodatage, {french} vers le {latest} ; elle n'indique pas à quelle précision près."),
                &format!("The timestamp authority states that {english} by about {latest}; it does not state how exactly."),
            ),
        }
        let stated = instant(stamp.gen_time(), self.language);
        match stamp.accuracy().map(Accuracy::to_duration) {
            Some(accuracy) => {
                let accuracy = duration_words(accuracy);
                self.text(
                    &format!(
                        "Heure indiquée : {stated}, à {accuracy} près (au plus tôt le {earliest})."
                    ),
                    &format!("Time stated: {stated} ± {accuracy} (earliest {earliest})."),
                );
            }
            None => self.text(
                &format!("Heure indiquée : {stated}, sans précision déclarée."),
                &format!("Time stated: {stated}, without an accuracy."),
            ),
        }
        let signer = who(stamp.signer());
        self.text(
            &format!("Signé par : {signer}."),
            &format!("Signed by: {signer}."),
        );
        self.text(
            &format!(
                "Politique : {}. Numéro du jeton : {}.",
                stamp.policy(),
                stamp.serial()
            ),
            &format!(
                "Policy: {}. Serial number: {}.",
                stamp.policy(),
                stamp.serial()
            ),
        );
        let chain: Vec<String> = stamp
            .chain()
            .iter()
            .filter_map(|der| Certificate::parse(der).ok())
            .map(|certificate| {
                let (from, to) = (certificate.not_before(), certificate.not_after());
                match self.language {
                    Language::French => format!("{} (du {from} au {to})", who(&certificate)),
                    Language::English => format!("{} ({from} to {to})", who(&certificate)),
                }
            })
            .collect();
        self.text(
            "Chaîne, du signataire au certificat auquel vous faites confiance :",
            "Chain, from the signer to the certificate that you trust:",
        );
        for line in &chain {
            self.item(line, line);
        }
        if !stamp.ends_in_a_root() {
            self.text(
                "Le dernier n'est pas un certificat racine : vous lui faites confiance tel quel (--anchor). Ni ce qui est au-dessus de lui ni sa révocation n'ont été examinés.",
                "The last is no root certificate: you trust it as it is (--anchor). Nothing above it was looked at, nor whether it is revoked.",
            );
        }
        // At the time that the certificates were judged at they all were valid.
        for certificate in stamp.chain().iter().skip(1) {
            let Ok(certificate) = Certificate::parse(certificate) else {
                continue;
            };
            let from = certificate.not_before();
            if from > stamp.gen_time() {
                let name = certificate_words(&CertificateName::of(&certificate), self.language);
                self.text(
                    &format!("À savoir : à l'heure du jeton, un certificat de la chaîne n'était pas encore valable ; il l'est depuis le {from} : {name}."),
                    &format!("Note: at the token's time a certificate of the chain was not valid yet; it is since {from}: {name}."),
                );
            }
        }
        for flag in stamp.flags() {
            let words = flag_words(*flag, self.language);
            self.text(&format!("À savoir : {words}"), &format!("Note: {words}"));
        }
    }

    /// Each in a block of its own, the newest first.
    fn renewals(&mut self, judgement: &TokenJudgement<'_>, renewals: &[VerifiedTimeStamp]) {
        for (index, stamp) in renewals.iter().enumerate().rev() {
            let number = index + 1;
            self.heading(
                &format!("Renouvellement {number}"),
                &format!("Renewal {number}"),
            );
            match index {
                0 => self.stamp(
                    stamp,
                    "le jeton sur vos octets existait",
                    "the token over your bytes existed",
                ),
                below => self.stamp(
                    stamp,
                    &format!("le renouvellement {below} existait"),
                    &format!("renewal {below} existed"),
                ),
            }
            let newer = renewals.get(number);
            match newer {
                None => self.judged(judgement, true),
                Some(newer) => self.judged_by_renewal(newer.interval().1, number + 1),
            }
            self.revocation_of(stamp);
            self.algorithms(stamp, judgement.now, newer.is_none());
            self.checks(
                stamp,
                (
                    "empreinte du jeton renouvelé",
                    "imprint of the renewed token",
                ),
            );
        }
    }

    /// When the certificates were judged, and why then; with a hint that it may be done at another time.
    fn judged(&mut self, judgement: &TokenJudgement<'_>, hint: bool) {
        let at = instant(judgement.at, self.language);
        match (judgement.stated, hint) {
            (true, _) => self.text(
                &format!("Certificats jugés au {at}, date à laquelle vous indiquez que le jeton existait (--existed-by)."),
                &format!("Certificates judged at {at}, by when you state that the token existed (--existed-by)."),
            ),
            (false, false) => self.text(
                &format!("Certificats jugés maintenant, le {at}."),
                &format!("Certificates judged now, at {at}."),
            ),
            (false, true) => self.text(
                &format!("Certificats jugés maintenant, le {at}, faute de preuve que le jeton existait plus tôt. Si vous en avez une, indiquez sa date avec --existed-by."),
                &format!("Certificates judged now, at {at}, for want of proof that the token existed earlier. If you have one, give its time with --existed-by."),
            ),
        }
    }

    /// The newest judged at the auditor's time, each other at that of the one over it.
    fn judged_by_renewal(&mut self, at: Time, number: usize) {
        let at = instant(at, self.language);
        self.text(
            &format!("Certificats et algorithmes jugés au {at}, instant auquel le renouvellement {number} prouve que le jeton existait."),
            &format!("Certificates and algorithms judged at {at}, by when renewal {number} proves that the token existed."),
        );
    }

    fn profile(&mut self, judgement: &TokenJudgement<'_>, stamp: &VerifiedTimeStamp) {
        let report = stamp.profile(judgement.policies);
        match report.conforms() {
            true if report.findings().is_empty() => self.text(
                "Profil EN 319 422 : respecté.",
                "Profile of EN 319 422: kept.",
            ),
            true => self.text(
                "Profil EN 319 422 : aucun écart ; le jeton seul ne montre pas tout.",
                "Profile of EN 319 422: no departure; the token alone does not show everything.",
            ),
            false => self.text(
                "Profil EN 319 422 : le jeton s'en écarte, ce qui ne lui ôte pas sa validité.",
                "Profile of EN 319 422: the token departs from it, which does not make it invalid.",
            ),
        }
        for finding in report.findings() {
            let words = profile_words(finding, self.language);
            let source = source_words(finding.source(), self.language);
            let line = format!("{words} ({source})");
            self.item(&line, &line);
        }
        if report.claims_qualified() {
            self.text(
                "Le jeton se dit qualifié (eIDAS) ; que son autorité le soit se lit dans les listes de confiance des États membres, qui ne sont pas consultées ici.",
                "The token says that it is qualified (eIDAS); whether its authority is stands in the member states' trusted lists, which are not consulted here.",
            );
        }
    }

    /// What is known of revocation, and of which certificate; what is known is said beside what is not.
    fn revocation_of(&mut self, stamp: &VerifiedTimeStamp) {
        let findings = stamp.revocation_findings();
        let words = match findings.known {
            Revocation::Inconclusive { revoked_later } => {
                let open = Open {
                    unspoken: findings
                        .certificates
                        .iter()
                        .any(|one| one.known == Revocation::NotChecked),
                    unsettled: findings
                        .certificates
                        .iter()
                        .any(|one| matches!(one.known, Revocation::Inconclusive { .. })),
                };
                inconclusive_words(open, revoked_later, self.language)
            }
            known => revocation_words(known, self.language),
        };
        self.text(&words, &words);
        for (der, one) in stamp.chain().iter().zip(&findings.certificates) {
            let Ok(certificate) = Certificate::parse(der) else {
                continue;
            };
            let name = certificate_words(&CertificateName::of(&certificate), self.language);
            match one.known {
                Revocation::RevokedLater { at } => {
                    let reason = one.reason.map(|reason| reason_gloss(reason, self.language));
                    let french = reason.as_deref().unwrap_or("non indiqué");
                    let english = reason.as_deref().unwrap_or("not given");
                    self.item(
                        &format!("RÉVOQUÉ depuis, le {at} (motif : {french}) : {name}."),
                        &format!("REVOKED since, at {at} (reason: {english}): {name}."),
                    );
                }
                Revocation::NotChecked if findings.known != Revocation::NotChecked => self.item(
                    &format!("Rien de ce qui est fourni ne parle de : {name}."),
                    &format!("Nothing that was given speaks of: {name}."),
                ),
                Revocation::Inconclusive { .. } => match one.stale {
                    Some(as_of) => self.item(
                        &format!("Pas assez récente ({as_of}), ou faite hors de la validité des certificats, la liste ou réponse sur : {name}. Donnez-en une plus récente, ou, si vous pouvez montrer que le jeton existait avant elle, indiquez cette date avec --existed-by."),
                        &format!("Not recent enough ({as_of}), or made outside the certificates' validity, is the list or response about: {name}. Give a newer one, or, if you can show that the token existed before it, give that time with --existed-by."),
                    ),
                    None => self.item(
                        &format!("Le répondeur OCSP ne connaît pas : {name}."),
                        &format!("The OCSP responder does not know: {name}."),
                    ),
                },
                // What the time of the list leaves open is said, and that it is from before the token itself.
                Revocation::NotRevokedAsOf { as_of, .. } if as_of < stamp.interval().0 => self.item(
                    &format!("Non révoqué au {as_of}, donc avant le jeton : {name}. Une révocation entre les deux n'y figurerait pas : donnez une liste ou réponse plus récente."),
                    &format!("Not revoked as of {as_of}, before the token: {name}. A revocation between the two would not show there: give a newer list or response."),
                ),
                Revocation::NotRevokedAsOf { as_of, .. }
                    if matches!(findings.known, Revocation::Inconclusive { .. }) =>
                {
                    self.item(
                        &format!("Non révoqué au {as_of}, d'après ce qui est fourni : {name}."),
                        &format!("Not revoked as of {as_of}, by what was given: {name}."),
                    );
                }
                _ if matches!(findings.known, Revocation::Inconclusive { .. }) => self.item(
                    &format!("Non révoqué d'après ce qui est fourni : {name}."),
                    &format!("Not revoked by what was given: {name}."),
                ),
                _ => {}
            }
        }
        if findings.unrelated > 0 {
            let (unrelated, given) = (findings.unrelated, findings.given);
            self.item(
                &format!("Fournies, mais sans rapport avec ces certificats : {unrelated} sur {given} (listes ou réponses)."),
                &format!("Given, but not about these certificates: {unrelated} of {given} (lists or responses)."),
            );
        }
    }

    /// Of the newest token also what will have to be renewed: what a renewal holds up is for the newest to hold.
    fn algorithms(&mut self, stamp: &VerifiedTimeStamp, now: Time, is_newest: bool) {
        let mut names: Vec<String> = Vec::new();
        for one in stamp.algorithms() {
            let name = one.algorithm.to_string();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let names = names.join(", ");
        self.text(
            &format!("Algorithmes : {names}."),
            &format!("Algorithms: {names}."),
        );
        if !is_newest {
            return;
        }
        let mut told = Vec::new();
        for AlgorithmUse { purpose, algorithm } in stamp.algorithms() {
            if *purpose == Purpose::SignerName || told.contains(algorithm) {
                continue;
            }
            told.push(*algorithm);
            match algorithm.strength_at(now) {
                Strength::Listed { until: None } => {}
                Strength::Listed { until: Some(until) } => self.item(
                    &format!("{algorithm} : ETSI TS 119 312 ne l'admet plus que parmi les algorithmes anciens (legacy), jusqu'au {until}."),
                    &format!("{algorithm}: ETSI TS 119 312 lists it as legacy alone, until {until}."),
                ),
                Strength::Outgoing { until } => self.item(
                    &format!("{algorithm} ne figure plus dans ETSI TS 119 312 et ne prouvera plus rien à partir du {until} : renouvelez ce jeton avant, en faisant horodater le fichier du jeton lui-même."),
                    &format!("{algorithm} is no longer listed by ETSI TS 119 312 and will prove nothing from {until}: renew this token before, by having its own file stamped."),
                ),
                Strength::Ended { since } => self.item(
                    &format!("{algorithm} ne prouve plus rien depuis le {since} ; le jeton existait avant : conservez-en la preuve, ou un renouvellement fait avant cette date."),
                    &format!("{algorithm} proves nothing since {since}; the token existed before: keep the proof of that, or a renewal made before that date."),
                ),
            }
        }
    }

    /// `imprint` says what the token is over.
    fn checks(&mut self, stamp: &VerifiedTimeStamp, imprint: (&str, &str)) {
        self.heading("Contrôles", "Checks");
        for check in stamp.checks() {
            let step = step_words(check.step, imprint);
            let source = source_words(check.step.source(), self.language);
            let (french, english) = match (check.step, stamp.revocation_findings().known) {
                // Not for what was revoked since.
                (Step::Revocation, Revocation::NotRevokedAsOf { as_of, .. }) => (
                    format!("aucune au {as_of} ; NON VÉRIFIÉE depuis"),
                    format!("none as of {as_of}; NOT CHECKED since"),
                ),
                _ => {
                    let (french, english) = outcome_words(*check);
                    (french.to_string(), english.to_string())
                }
            };
            self.item(
                &format!("{} : {french} ({source})", step.0),
                &format!("{}: {english} ({source})", step.1),
            );
        }
    }
}

const fn outcome_words(check: Check) -> (&'static str, &'static str) {
    match (check.outcome, check.step) {
        (CheckOutcome::Held, _) => ("conforme", "holds"),
        (CheckOutcome::NotMade, Step::Policy) => (
            "toutes sont acceptées, faute de --policy",
            "every one is accepted, for want of --policy",
        ),
        (CheckOutcome::NotMade, Step::AuthorityName) => {
            ("le jeton n'en porte pas", "the token has none")
        }
        (CheckOutcome::NotMade, _) => ("NON VÉRIFIÉE", "NOT CHECKED"),
        (CheckOutcome::Unsettled, _) => ("NON ÉTABLIE", "NOT SETTLED"),
    }
}

/// Who a certificate says its subject is.
fn who(certificate: &Certificate) -> String {
    CertificateName::of(certificate)
        .subject
        .unwrap_or_else(|| "?".to_string())
}

/// Which certificate: subject, issuer, serial number.
fn certificate_words(name: &CertificateName, language: Language) -> String {
    if language == Language::English {
        return name.to_string();
    }
    let Some(subject) = name.subject.as_deref() else {
        return format!("celui qu'a émis {}, numéro {}", name.issuer, name.serial);
    };
    format!(
        "{subject} (émis par {}, numéro {})",
        name.issuer, name.serial
    )
}

/// The clause of a rule as programs get it: "kbox" as it is, the rest in the reader's language.
#[must_use]
pub fn clause_words(source: &str, language: Language) -> String {
    match language {
        Language::French => source
            .replace("appendix", "annexe")
            .replace("annex ", "annexe "),
        Language::English => source.to_string(),
    }
}

fn source_words(source: &str, language: Language) -> String {
    match (source, language) {
        ("kbox", Language::French) => "règle propre à kbox (docs/formats.md)".to_string(),
        ("kbox", Language::English) => "one of kbox's own (docs/formats.md)".to_string(),
        (other, language) => clause_words(other, language),
    }
}

/// The verdict may be another at another instant.
const fn depends_on_time(rejection: &TspRejection) -> bool {
    matches!(
        rejection,
        TspRejection::ChainExpired { .. }
            | TspRejection::AlgorithmEnded { .. }
            | TspRejection::Revocation(
                RevocationRejection::KeyCompromise { .. }
                    | RevocationRejection::OnHold { .. }
                    | RevocationRejection::Revoked { .. }
                    | RevocationRejection::RevokedNoPoe { .. }
                    | RevocationRejection::IssuerRevoked { .. }
            )
    )
}

/// "1.5 s", "500 ms".
fn duration_words(duration: Duration) -> String {
    let text = format!("{duration:?}");
    let unit = text.find(|letter: char| letter.is_alphabetic());
    let (number, unit) = text.split_at(unit.unwrap_or(text.len()));
    format!("{number} {unit}")
}

const fn step_words<'a>(step: Step, imprint: (&'a str, &'a str)) -> (&'a str, &'a str) {
    match step {
        Step::Request => ("réponse à la requête", "answers the request"),
        Step::ImprintAlgorithm => ("algorithme de l'empreinte", "imprint's algorithm"),
        Step::Policy => ("politique acceptée", "policy accepted"),
        Step::Extensions => ("aucune extension critique", "no critical extension"),
        Step::Content => ("contenu signé", "signed content"),
        Step::SignerName => (
            "certificat du signataire, désigné sous la signature",
            "signer's certificate, named under the signature",
        ),
        Step::SignerUsage => (
            "certificat réservé à l'horodatage",
            "certificate for timestamping alone",
        ),
        Step::Signature => ("signature", "signature"),
        Step::Imprint => imprint,
        Step::AuthorityName => (
            "nom de l'autorité dans le jeton",
            "authority's name in the token",
        ),
        Step::GenTime => (
            "heure dans la validité du certificat",
            "time within the certificate's validity",
        ),
        Step::Chain => ("chaîne de certificats", "certificate chain"),
        Step::Algorithms => ("force des algorithmes", "strength of algorithms"),
        Step::Revocation => ("révocation", "revocation"),
    }
}

fn flag_words(flag: TokenFlag, language: Language) -> &'static str {
    let (french, english) = match flag {
        TokenFlag::EssCertIdV1 => (
            "le jeton désigne le certificat de son signataire par SHA-1 (ESSCertID), et non par ESSCertIDv2.",
            "the token names its signer's certificate by SHA-1 (ESSCertID), not by ESSCertIDv2.",
        ),
        TokenFlag::UnsortedCertificates => (
            "les certificats du jeton ne sont pas dans l'ordre du DER.",
            "the token's certificates are not in DER order.",
        ),
        TokenFlag::NoAccuracy => (
            "la précision n'est pas indiquée : l'heure est prise telle quelle.",
            "no accuracy is stated: the time is taken as it is.",
        ),
        TokenFlag::GrantedWithMods => (
            "l'autorité a répondu avec des modifications (grantedWithMods).",
            "the authority answered with modifications (grantedWithMods).",
        ),
        TokenFlag::CertificatesNotAsRequested { requested: false } => (
            "le jeton porte des certificats, alors que la requête n'en demandait pas.",
            "the token carries certificates, which the request did not ask for.",
        ),
        TokenFlag::CertificatesNotAsRequested { requested: true } => (
            "le jeton ne porte aucun certificat, alors que la requête en demandait.",
            "the token carries no certificate, although the request asked for them.",
        ),
    };
    match language {
        Language::French => french,
        Language::English => english,
    }
}

/// A departure from EN 319 422, or what a token does not show of it, in one sentence.
#[must_use]
pub fn profile_words(finding: &ProfileFinding, language: Language) -> String {
    let (french, english) = match finding {
        ProfileFinding::AccuracyMissing => ("la précision n'est pas indiquée".to_string(), "the accuracy is not stated".to_string()),
        ProfileFinding::AccuracyTooWide { accuracy } => {
            let accuracy = duration_words(*accuracy);
            (format!("la précision, {accuracy}, dépasse une seconde"), format!("the accuracy, {accuracy}, exceeds a second"))
        }
        ProfileFinding::GenTimeCoarse => ("l'heure a moins de décimales que la précision n'en demande ; ce peut être par hasard, les zéros finaux n'étant pas écrits".to_string(), "the time has fewer digits than its accuracy needs; it may be by chance, as zeros at the end are not written".to_string()),
        ProfileFinding::Ordering => ("le jeton se dit ordonné (ordering)".to_string(), "ordering is TRUE".to_string()),
        ProfileFinding::EssCertIdV1 => ("le certificat du signataire est désigné par SHA-1".to_string(), "the signer's certificate is named by SHA-1".to_string()),
        ProfileFinding::AlgorithmNotListed { algorithm } => (format!("{algorithm} ne figurait plus dans ETSI TS 119 312 à l'heure du jeton"), format!("{algorithm} was no longer listed by ETSI TS 119 312 at the token's time")),
        ProfileFinding::SubjectLacks { attribute } => (format!("le nom du signataire n'a pas d'attribut {attribute}"), format!("the signer's name has no {attribute}")),
        ProfileFinding::NoOrganizationIdentifier => ("non démontré : le nom du signataire n'a pas d'organizationIdentifier, qu'il faut à une personne morale".to_string(), "not shown: the signer's name has no organizationIdentifier, which a legal person needs".to_string()),
        ProfileFinding::PolicyUnknown { policy } if policy.is_demonstration() => (format!("non démontré : la politique {policy} est celle d'une démonstration de kbox, qui n'incorpore pas BTSP (0.4.0.2023.1.1)"), format!("not shown: policy {policy} is of a demonstration of kbox, which does not incorporate BTSP (0.4.0.2023.1.1)")),
        ProfileFinding::PolicyUnknown { policy } => (format!("non démontré : la politique {policy} n'est pas BTSP (0.4.0.2023.1.1) ; si elle l'incorpore, indiquez-la avec --policy"), format!("not shown: policy {policy} is not BTSP (0.4.0.2023.1.1); if it incorporates that, give it with --policy")),
        ProfileFinding::QcStatementsMalformed => ("l'extension qcStatements est répétée ou illisible".to_string(), "the qcStatements extension is repeated or cannot be read".to_string()),
        ProfileFinding::QtstStatement { found } => (format!("l'extension qcStatements contient {found} fois esi4-qtstStatement-1, et non une"), format!("the qcStatements extension holds esi4-qtstStatement-1 {found} times, not once")),
    };
    match language {
        Language::French => french,
        Language::English => english,
    }
}

/// Why a token is not accepted, in one sentence.
#[must_use]
pub fn rejection_words(rejection: &TspRejection, language: Language) -> String {
    match (language, rejection) {
        (Language::French, _) => french(rejection),
        (
            Language::English,
            TspRejection::StatusNotGranted {
                status,
                fail_info,
                texts,
            },
        ) => {
            let words = match status {
                PkiStatus::Waiting => "has not processed the request yet",
                PkiStatus::RevocationWarning => {
                    "gave no token and warns that a revocation is imminent"
                }
                PkiStatus::RevocationNotification => "gave no token and tells of a revocation",
                _ => "refused the request",
            };
            let said = texts_words(texts, Language::English);
            if *status == PkiStatus::Waiting && fail_info.is_none() {
                return format!("the authority {words}{said}");
            }
            let reason = reason_words(*fail_info, Language::English);
            format!("the authority {words}: {reason}{said}")
        }
        (
            Language::English,
            TspRejection::ChainExpired {
                at,
                not_before,
                not_after,
                made,
                certificate,
            },
        ) => match (not_before > not_after, rejection.is_expired_at_any_time()) {
            (true, _) => format!(
                "at no time were all certificates of this chain valid together: one is valid from {not_before} only, another until {not_after}. At {at} this one is not: {certificate}"
            ),
            (false, true) => format!(
                "this chain was valid from {not_before} to {not_after}, and the token says that it was made at {made} at the earliest: whenever it existed, this chain does not prove it. At {at} this certificate is not valid: {certificate}"
            ),
            _ if at < not_before => format!(
                "at {at} a certificate of the chain is not valid yet: {certificate}. The chain is valid from {not_before} to {not_after}"
            ),
            _ => format!(
                "at {at} a certificate of the chain has expired: {certificate}. The chain was valid from {not_before} to {not_after}, and nothing shows that the token existed then"
            ),
        },
        // Every fact that the French words tell.
        (Language::English, TspRejection::NonceMismatch { sent, returned }) => {
            match (sent, returned) {
                (true, false) => {
                    "the query has a nonce, and the token has none: nothing shows that it answers that query"
                }
                (false, _) => {
                    "the token has a nonce, and the query has none: it answers another query"
                }
                (true, true) => {
                    "the token's nonce is not the query's: the answer may be an old one, replayed"
                }
            }
            .to_string()
        }
        (Language::English, TspRejection::EssMalformed { repeated }) => match repeated {
            true => "the signed name of the signer's certificate is there twice, or has not exactly one value",
            false => "the signed name of the signer's certificate cannot be read",
        }
        .to_string(),
        (Language::English, TspRejection::CriticalExtension) => {
            format!("{rejection} that this program cannot process")
        }
        (Language::English, TspRejection::ContentType { fault }) => match fault {
            AttributeFault::Missing => "the content type is not under the signature",
            AttributeFault::Repeated => {
                "the content type is under the signature twice, or has not exactly one value"
            }
            AttributeFault::Other => "the content type under the signature is not a timestamp's",
        }
        .to_string(),
        (Language::English, TspRejection::MessageDigest { fault }) => match fault {
            AttributeFault::Missing => {
                "the digest of the content is not under the signature: nothing binds the time to the signature"
            }
            AttributeFault::Repeated => {
                "the digest of the content is under the signature twice, or has not exactly one value"
            }
            AttributeFault::Other => {
                "the signed digest is not the content's: the time or the imprint may have been changed after the signature"
            }
        }
        .to_string(),
        (Language::English, TspRejection::KeyUsage { signs }) => match signs {
            true => "the signer's key usage allows something else besides signatures".to_string(),
            false => "the signer's key usage does not allow signatures".to_string(),
        },
        (Language::English, TspRejection::WeakImprint { algorithm }) => {
            match hash_name(algorithm) {
                Some(name) => format!(
                    "the imprint's hash algorithm, {name} ({algorithm}), is too weak to prove anything"
                ),
                None => {
                    format!("the imprint's hash algorithm {algorithm} is unknown to this program")
                }
            }
        }
        // Where it is, the file beside it says.
        (Language::English, TspRejection::TrustMalformed { .. }) => {
            "a trusted certificate cannot be read".to_string()
        }
        // Which of several, the file beside it says.
        (
            Language::English,
            TspRejection::Revocation(cause @ RevocationRejection::Signature { item, .. }),
        ) => {
            let which = item.to_string();
            let item = match item {
                RevocationItem::Crl(_) => "a revocation list",
                RevocationItem::Ocsp(_) => "an OCSP response",
            };
            cause.to_string().replacen(&which, item, 1)
        }
        (
            Language::English,
            TspRejection::Revocation(RevocationRejection::KeyCompromise {
                since,
                reason,
                existed,
                certificate,
                ..
            }),
        ) => {
            let (how, why) = distrusted(*reason, *since, Language::English);
            format!(
                "a certificate of the chain has been {how}, and that the token existed is shown for {existed} only: {certificate}. {why}"
            )
        }
        (Language::English, TspRejection::NoChain { certificate }) => {
            format!(
                "{rejection}, {}",
                why_it_ends(certificate, Language::English)
            )
        }
        (Language::English, _) => rejection.to_string(),
    }
}

/// Every cause has its own French words; the compiler sees to it.
pub(super) fn french(rejection: &TspRejection) -> String {
    match rejection {
        TspRejection::StatusNotGranted { status, fail_info, texts } => {
            let words = match status {
                PkiStatus::Waiting => "n'a pas encore traité la requête",
                PkiStatus::RevocationWarning => "n'a pas délivré de jeton et annonce une révocation imminente",
                PkiStatus::RevocationNotification => "n'a pas délivré de jeton et fait part d'une révocation",
                _ => "a refusé la requête",
            };
            let said = texts_words(texts, Language::French);
            if *status == PkiStatus::Waiting && fail_info.is_none() {
                return format!("l'autorité {words}{said}");
            }
            let reason = reason_words(*fail_info, Language::French);
            format!("l'autorité {words} : {reason}{said}")
        }
        TspRejection::NonceMismatch { sent, returned } => match (sent, returned) {
            (true, false) => "la requête a un nonce, et le jeton n'en a aucun : rien ne montre qu'il réponde à cette requête",
            (false, _) => "le jeton a un nonce, et la requête n'en a aucun : il répond à une autre requête",
            (true, true) => "le nonce du jeton n'est pas celui de la requête : la réponse peut être une ancienne réponse rejouée",
        }.to_string(),
        TspRejection::ImprintMismatch { stamped, given } => format!("le jeton porte sur d'autres octets que ceux qui sont présentés : l'empreinte du jeton est {stamped}, la leur est {given}"),
        TspRejection::WeakImprint { algorithm } => match hash_name(algorithm) {
            Some(name) => format!("l'algorithme de l'empreinte, {name} ({algorithm}), est trop faible pour prouver quoi que ce soit"),
            None => format!("l'algorithme de l'empreinte ({algorithm}) est inconnu de ce programme"),
        },
        TspRejection::ImprintLength => "la longueur de l'empreinte n'est pas celle de son algorithme".to_string(),
        TspRejection::PolicyNotAccepted { policy } => format!("la politique {policy} n'est pas de celles qui sont acceptées"),
        TspRejection::CriticalExtension => "le jeton a une extension critique que ce programme ne sait pas traiter".to_string(),
        TspRejection::ContentType { fault } => match fault {
            AttributeFault::Missing => "le type du contenu manque sous la signature",
            AttributeFault::Repeated => "le type du contenu est répété sous la signature",
            AttributeFault::Other => "le type du contenu, sous la signature, n'est pas celui d'un horodatage",
        }.to_string(),
        TspRejection::MessageDigest { fault } => match fault {
            AttributeFault::Missing => "l'empreinte du contenu manque sous la signature : rien ne lie l'heure à la signature",
            AttributeFault::Repeated => "l'empreinte du contenu est répétée sous la signature",
            AttributeFault::Other => "l'empreinte signée n'est pas celle du contenu : l'heure ou l'empreinte ont été changées après la signature",
        }.to_string(),
        TspRejection::EssMissing => "le jeton ne désigne pas, sous sa signature, le certificat de son signataire".to_string(),
        TspRejection::EssMalformed { repeated: true } => "la désignation signée du certificat du signataire figure deux fois, ou n'a pas exactement une valeur".to_string(),
        TspRejection::EssMalformed { repeated: false } => "la désignation signée du certificat du signataire est illisible".to_string(),
        TspRejection::EssSha1 => "le certificat du signataire n'est désigné que par SHA-1".to_string(),
        TspRejection::EssMismatch => "le certificat du signataire n'est pas celui que le jeton désigne sous sa signature".to_string(),
        TspRejection::SidMismatch { certificate } => format!("hors de sa signature, le jeton désigne un autre certificat de signataire que sous elle, et n'importe qui a pu le changer ; sous elle : {}", certificate_words(certificate, Language::French)),
        TspRejection::SignerCertificateMissing { named } => {
            let named = match named.as_ref() {
                MissingSigner::Certificate(name) => certificate_words(name, Language::French),
                MissingSigner::Twin(name) => format!(
                    "{}. Un certificat de cet émetteur et de ce numéro est bien là, mais l'empreinte signée en désigne un autre",
                    certificate_words(name, Language::French)
                ),
                MissingSigner::KeyIdentifier(identifier) => format!("identifiant de clé {}", printable(identifier)),
            };
            format!("le certificat du signataire n'est ni dans le jeton, ni parmi ceux qui sont fournis : {named}")
        }
        TspRejection::SignerCertificateMalformed => "le certificat du signataire est illisible".to_string(),
        TspRejection::EkuAbsent => "le certificat du signataire n'a pas d'usage étendu de clé (extendedKeyUsage)".to_string(),
        TspRejection::EkuWrong => "le certificat du signataire n'est pas fait pour l'horodatage".to_string(),
        TspRejection::EkuNotAlone => "le certificat du signataire n'est pas réservé à l'horodatage".to_string(),
        TspRejection::EkuNotCritical => "le certificat du signataire ne marque pas son usage étendu de clé comme critique".to_string(),
        TspRejection::SignerIsCa => "le certificat du signataire est celui d'une autorité de certification".to_string(),
        TspRejection::KeyUsage { signs: true } => "l'usage de clé du signataire permet autre chose que signer".to_string(),
        TspRejection::KeyUsage { signs: false } => "l'usage de clé du signataire ne permet pas de signer".to_string(),
        TspRejection::UnsupportedAlgorithm { algorithm } => format!("ce programme ne connaît pas l'algorithme {algorithm}, qui n'est pas connu pour faible"),
        TspRejection::ChainUnsupported { extension, certificate } => format!("un certificat de la chaîne limite ce à quoi il sert par l'extension {extension}, que ce programme ne sait pas traiter : {}", certificate_words(certificate, Language::French)),
        TspRejection::FromTheFuture { gen_time, now } => format!("le jeton est daté du {gen_time}, et l'horloge du vérificateur indique {now} : l'une des deux est fausse"),
        TspRejection::WeakSignature { fault } => format!("la signature du jeton ne prouve rien : {}", fault_words(fault)),
        TspRejection::Signature => "la signature du jeton est fausse".to_string(),
        TspRejection::TsaName => "le nom d'autorité que porte le jeton n'est pas dans le certificat du signataire".to_string(),
        TspRejection::GenTimeOutsideCertificate { gen_time, not_before, not_after } => format!("l'heure du jeton, {gen_time}, est hors de la validité du certificat du signataire, du {not_before} au {not_after}"),
        TspRejection::NoChain { certificate } => {
            let (name, why) = (certificate_words(certificate, Language::French), why_it_ends(certificate, Language::French));
            format!("aucune chaîne ne mène du certificat du signataire à un certificat auquel vous faites confiance : elle s'arrête à {name}, {why}")
        }
        TspRejection::ChainExpired { at, not_before, not_after, certificate, .. } if not_before > not_after => format!("à aucun moment tous les certificats de cette chaîne n'ont été valables ensemble : l'un ne l'est qu'à partir du {not_before}, un autre que jusqu'au {not_after}. Au {at}, celui-ci ne l'est pas : {}", certificate_words(certificate, Language::French)),
        TspRejection::ChainExpired { at, not_before, not_after, made, certificate } if rejection.is_expired_at_any_time() => format!("cette chaîne était valable du {not_before} au {not_after}, et le jeton se dit fait au plus tôt le {made} : à quelque instant qu'il ait existé, cette chaîne ne le prouve pas. Au {at}, ce certificat n'est pas valable : {}", certificate_words(certificate, Language::French)),
        TspRejection::ChainExpired { at, not_before, not_after, certificate, .. } if at < not_before => format!("au {at}, un certificat de la chaîne n'est pas encore valable : {}. La chaîne est valable du {not_before} au {not_after}", certificate_words(certificate, Language::French)),
        TspRejection::ChainExpired { at, not_before, not_after, certificate, .. } => format!("au {at}, un certificat de la chaîne a expiré : {}. La chaîne était valable du {not_before} au {not_after}, et rien ne montre que le jeton existait alors", certificate_words(certificate, Language::French)),
        TspRejection::ChainSignature { certificate } => format!("un certificat de la chaîne n'est pas signé par son émetteur : {}", certificate_words(certificate, Language::French)),
        TspRejection::ChainConstraint { rule, certificate } => format!("la chaîne de certificats enfreint une règle : {}. Certificat en cause : {}", chain_rule(rule), certificate_words(certificate, Language::French)),
        TspRejection::TrustMalformed { .. } => "un certificat de confiance est illisible".to_string(),
        TspRejection::AccuracyMissing => "le jeton n'indique pas sa précision".to_string(),
        TspRejection::AlgorithmEnded { algorithm, since, at } => format!("{algorithm} ne prouve plus rien depuis le {since}, et rien ne montre que le jeton existait avant ; son existence n'est admise qu'au {at}"),
        TspRejection::BudgetCertificates { found, limit } => format!("{found} certificats sont fournis, plus que les {limit} qui sont examinés"),
        TspRejection::BudgetSignatures { limit } => format!("aucune chaîne n'a été trouvée en {limit} signatures"),
        TspRejection::BudgetPathSteps { limit } => format!("aucune chaîne n'a été trouvée en {limit} essais"),
        TspRejection::BudgetChainLength { limit } => format!("la chaîne compte plus de {limit} certificats"),
        TspRejection::RenewalMismatch => "le jeton de renouvellement ne porte pas sur le jeton qu'il est censé renouveler".to_string(),
        TspRejection::RenewalOrder { earlier, later } => format!("le jeton se dit fait le {earlier}, après celui qui le renouvelle, le {later} : l'une des horloges était fausse"),
        TspRejection::Revocation(cause) => revocation(cause),
    }
}

/// Why an authority gave no token, with the standard's name for it.
fn reason_words(reason: Option<PkiFailureInfo>, language: Language) -> String {
    let Some(reason) = reason else {
        return match language {
            Language::French => "elle n'en donne pas le motif".to_string(),
            Language::English => "it gives no reason".to_string(),
        };
    };
    let (french, english) = match reason {
        PkiFailureInfo::BadAlg => (
            "elle ne connaît pas ou n'admet pas un algorithme de la requête",
            "it does not know or allow an algorithm of the request",
        ),
        PkiFailureInfo::BadRequest => (
            "l'opération demandée n'est pas permise",
            "what was asked for is not permitted",
        ),
        PkiFailureInfo::BadDataFormat => (
            "la requête n'a pas le format voulu",
            "the request has the wrong format",
        ),
        PkiFailureInfo::TimeNotAvailable => (
            "son horloge n'est pas disponible",
            "its clock is not available",
        ),
        PkiFailureInfo::UnacceptedPolicy => (
            "elle n'applique pas la politique demandée",
            "it does not follow the policy asked for",
        ),
        PkiFailureInfo::UnacceptedExtension => (
            "elle n'admet pas une extension de la requête",
            "it does not allow an extension of the request",
        ),
        PkiFailureInfo::AddInfoNotAvailable => (
            "elle ne comprend pas ou n'a pas le complément demandé",
            "it does not understand or have what was asked for besides",
        ),
        PkiFailureInfo::SystemFailure => ("son système est en panne", "its system has failed"),
    };
    let words = match language {
        Language::French => french,
        Language::English => english,
    };
    format!("{words} ({reason})")
}

/// How many of an authority's own sentences are shown.
const MAX_TEXTS: usize = 4;

/// What the authority adds in its own words.
fn texts_words(texts: &[String], language: Language) -> String {
    let shown: Vec<String> = texts
        .iter()
        .take(MAX_TEXTS)
        .map(|text| printable(text))
        .filter(|text| !text.trim().is_empty())
        .collect();
    match (shown.is_empty(), language) {
        (true, _) => String::new(),
        (false, Language::French) => format!(". Elle écrit : « {} »", shown.join(" / ")),
        (false, Language::English) => format!(". It writes: \"{}\"", shown.join(" / ")),
    }
}

/// Why the way up ends at this certificate.
const fn why_it_ends(certificate: &CertificateName, language: Language) -> &'static str {
    match (certificate.is_self_issued, language) {
        (true, Language::French) => "certificat racine auquel vous ne faites pas confiance",
        (true, Language::English) => "a root certificate that you do not trust",
        (false, Language::French) => "qu'aucun des certificats disponibles n'a signé",
        (false, Language::English) => "which none of the certificates at hand signed",
    }
}

/// Hash functions that prove nothing and that people may know by name.
fn hash_name(algorithm: &Oid) -> Option<&'static str> {
    Some(match algorithm.to_string().as_str() {
        "1.2.840.113549.2.2" => "MD2",
        "1.2.840.113549.2.4" => "MD4",
        "1.2.840.113549.2.5" => "MD5",
        "1.3.14.3.2.26" => "SHA-1",
        "1.3.36.3.2.1" => "RIPEMD-160",
        "2.16.840.1.101.3.4.2.4" => "SHA-224",
        _ => return None,
    })
}

fn fault_words(fault: &AlgorithmFault) -> String {
    match fault {
        AlgorithmFault::Weak(algorithm) => {
            format!("{} est trop faible", algorithm_named(algorithm))
        }
        AlgorithmFault::WeakPss => "RSASSA-PSS avec SHA-1 est trop faible".to_string(),
        AlgorithmFault::ShortRsaKey { octets } => {
            format!("une clé RSA de {} bits est trop courte", octets * 8)
        }
        AlgorithmFault::Misused(algorithm) => format!(
            "{} n'est pas employé comme le veut sa norme (empreinte, paramètres ou clé)",
            algorithm_named(algorithm)
        ),
        AlgorithmFault::OtherDigest(algorithm) => format!(
            "{} est employé avec une autre fonction de hachage que celle que veut sa norme",
            algorithm_named(algorithm)
        ),
        AlgorithmFault::Parameters(algorithm) => format!(
            "{} a des paramètres que sa norme n'admet pas",
            algorithm_named(algorithm)
        ),
        AlgorithmFault::OtherKey(algorithm) => format!(
            "{} est employé, et la clé du certificat du signataire n'est pas faite pour lui",
            algorithm_named(algorithm)
        ),
    }
}

fn chain_rule(rule: &ChainRule) -> String {
    match rule {
        ChainRule::Named(rule) => french_rule(rule).to_string(),
        ChainRule::Algorithm(fault) => fault_words(fault),
    }
}

fn french_rule(rule: &str) -> &str {
    match rule {
        "a certificate other than those named under the signature" => {
            "un certificat autre que ceux désignés sous la signature"
        }
        "unreadable extension" => "extension illisible",
        "the issuer is not a CA" => "l'émetteur n'est pas une autorité de certification",
        "path length" => "longueur de chaîne permise",
        "the issuer's key may not sign certificates" => {
            "la clé de l'émetteur ne peut signer de certificats"
        }
        "the issuer's extended key usage excludes timestamping" => {
            "l'usage étendu de clé de l'émetteur exclut l'horodatage"
        }
        other => other,
    }
}

fn unusable(what: &UnusableRevocation) -> String {
    match what {
        UnusableRevocation::Delta => "c'est une liste différentielle (delta CRL, extension 2.5.29.27), qui ne donne que les changements depuis une liste complète".to_string(),
        UnusableRevocation::Extension(kind) | UnusableRevocation::ResponseExtension(kind) => format!("elle a une extension critique que ce programme ne connaît pas ({kind})"),
        UnusableRevocation::RelativePoint => "elle désigne son point de distribution par un nom relatif à son émetteur".to_string(),
        UnusableRevocation::SomeReasons => "elle ne donne les révocations que pour certains motifs (onlySomeReasons)".to_string(),
        UnusableRevocation::Indirect => "elle mêle les révocations de plusieurs émetteurs (indirectCRL)".to_string(),
        UnusableRevocation::AttributeCertificates => "elle ne porte que sur des certificats d'attributs (onlyContainsAttributeCerts)".to_string(),
        UnusableRevocation::NoAnswer => "elle ne répond pas, ou est d'un autre type que le type de base".to_string(),
    }
}

/// The code's word, and what it means.
fn reason_gloss(reason: RevocationReason, language: Language) -> String {
    let french = match reason {
        RevocationReason::Unspecified => "non précisé",
        RevocationReason::KeyCompromise => "clé compromise",
        RevocationReason::CaCompromise => "clé de l'autorité de certification compromise",
        RevocationReason::AffiliationChanged => "changement de rattachement",
        RevocationReason::Superseded => "certificat remplacé",
        RevocationReason::CessationOfOperation => "cessation d'activité",
        RevocationReason::CertificateHold => "certificat suspendu",
        RevocationReason::PrivilegeWithdrawn => "droits retirés",
        RevocationReason::AaCompromise => "clé de l'autorité d'attributs compromise",
    };
    match language {
        Language::French => format!("{french}, {reason}"),
        Language::English => reason.to_string(),
    }
}

/// What is said of a certificate that is not believed any more, and from when.
fn distrusted(
    reason: Option<RevocationReason>,
    since: Time,
    language: Language,
) -> (String, &'static str) {
    let french = language == Language::French;
    match reason {
        Some(RevocationReason::CertificateHold) if french => (
            format!("suspendu depuis le {since} (certificateHold)"),
            "La suspension peut être levée",
        ),
        Some(RevocationReason::CertificateHold) => (
            format!("on hold since {since} (certificateHold)"),
            "The hold may be lifted",
        ),
        Some(reason) if reason.names_the_key() => {
            let gloss = reason_gloss(reason, language);
            match french {
                true => (
                    format!("révoqué depuis le {since} (motif : {gloss})"),
                    "Sa clé a pu signer n'importe quelle heure",
                ),
                false => (
                    format!("revoked since {since} (reason: {gloss})"),
                    "Its key may have signed any time",
                ),
            }
        }
        Some(reason) => {
            let gloss = reason_gloss(reason, language);
            match french {
                true => (
                    format!("révoqué depuis le {since} (motif : {gloss})"),
                    "Pour ce motif, il est traité comme compromis (RFC 3161 §4) : sa clé a pu signer n'importe quelle heure",
                ),
                false => (
                    format!("revoked since {since} (reason: {gloss})"),
                    "For this reason it counts as compromised (RFC 3161 §4): its key may have signed any time",
                ),
            }
        }
        None if french => (
            format!("révoqué depuis le {since}, sans motif"),
            "Sans motif, il est traité comme compromis (RFC 3161 §4) : sa clé a pu signer n'importe quelle heure",
        ),
        None => (
            format!("revoked since {since}, no reason given"),
            "Without a reason it counts as compromised (RFC 3161 §4): its key may have signed any time",
        ),
    }
}

fn is_hold(reason: Option<RevocationReason>) -> bool {
    reason == Some(RevocationReason::CertificateHold)
}

fn revocation(rejection: &RevocationRejection) -> String {
    match rejection {
        RevocationRejection::Unreadable(error) => format!(
            "une liste de révocation ou réponse OCSP est illisible ({})",
            unread_words(error, Language::French)
        ),
        RevocationRejection::Unsupported { what } => {
            let item = match what.is_of_a_response() {
                true => "une réponse OCSP",
                false => "une liste de révocation",
            };
            format!("{item} ne peut servir : {}", unusable(what))
        }
        RevocationRejection::Signature {
            item: RevocationItem::Crl(_),
            certificate,
            ..
        } => format!(
            "une liste de révocation n'est pas signée par l'émetteur du certificat dont elle parle, ou celui-ci n'a pas le droit d'en signer : {}",
            certificate_words(certificate, Language::French)
        ),
        RevocationRejection::Signature {
            responder: Some(responder),
            certificate,
            ..
        } => format!(
            "une réponse OCSP a été signée le {}, hors de la validité du certificat de son répondeur, du {} au {}. Elle parle de : {}",
            responder.produced_at,
            responder.not_before,
            responder.not_after,
            certificate_words(certificate, Language::French)
        ),
        RevocationRejection::Signature { certificate, .. } => format!(
            "une réponse OCSP n'est signée ni par l'émetteur du certificat dont elle parle, ni par un répondeur qu'il a habilité : {}",
            certificate_words(certificate, Language::French)
        ),
        RevocationRejection::KeyCompromise {
            since,
            reason,
            existed,
            certificate,
            ..
        } => {
            let (how, why) = distrusted(*reason, *since, Language::French);
            format!(
                "un certificat est {how}, et l'existence du jeton n'est établie qu'au {existed} : {}. {why}",
                certificate_words(certificate, Language::French)
            )
        }
        RevocationRejection::OnHold {
            since,
            existed,
            certificate,
            ..
        } => {
            let (how, why) = distrusted(
                Some(RevocationReason::CertificateHold),
                *since,
                Language::French,
            );
            format!(
                "un certificat est {how}, et l'existence du jeton n'est établie qu'au {existed} : {}. {why}",
                certificate_words(certificate, Language::French)
            )
        }
        RevocationRejection::Revoked {
            at,
            reason,
            certificate,
            ..
        } => format!(
            "le jeton a été fait après la révocation d'un certificat, le {at} (motif : {}) : {}",
            reason_gloss(*reason, Language::French),
            certificate_words(certificate, Language::French)
        ),
        RevocationRejection::RevokedNoPoe {
            at,
            reason,
            certificate,
            ..
        } => format!(
            "un certificat a été révoqué le {at} (motif : {}) et rien ne montre que le jeton existait avant : {}",
            reason_gloss(*reason, Language::French),
            certificate_words(certificate, Language::French)
        ),
        RevocationRejection::IssuerRevoked {
            since,
            reason,
            existed,
            certificate,
            ..
        } => {
            let how = match reason {
                Some(reason) if !is_hold(Some(*reason)) => format!(
                    "révoqué depuis le {since} (motif : {})",
                    reason_gloss(*reason, Language::French)
                ),
                other => distrusted(*other, *since, Language::French).0,
            };
            format!(
                "un certificat placé au-dessus de celui du signataire est {how} et l'existence n'est établie qu'au {existed} ; l'autorité peut en avoir un autre, qui soit bon : {}",
                certificate_words(certificate, Language::French)
            )
        }
        RevocationRejection::BudgetSize { limit, .. } => format!(
            "les listes de révocation et réponses OCSP dépassent la limite de lecture ({limit})"
        ),
        RevocationRejection::BudgetSignatures { limit } => format!(
            "les listes de révocation et réponses OCSP demandent plus de {limit} vérifications de signature"
        ),
    }
}

/// What whoever holds this token, or this renewal, can do.
#[must_use]
pub fn token_advice(refused: &RenewalRejection, language: Language) -> String {
    let depends =
        depends_on_time(&refused.rejection) && !refused.rejection.is_expired_at_any_time();
    let (Some(at), true) = (refused.renewed_at, depends) else {
        return rejection_advice(&refused.rejection, language).to_string();
    };
    let number = refused.index + 1;
    match language {
        Language::French => format!(
            "le renouvellement {number} est venu trop tard : il prouve seulement que le jeton existait le {at}. Si vous avez un jeton plus ancien qui porte sur le même fichier, donnez-le à sa place avec --renewed-by."
        ),
        Language::English => format!(
            "renewal {number} came too late: it proves only that the token existed by {at}. If you have an older token over the same file, give it in its place with --renewed-by."
        ),
    }
}

/// What whoever holds such a token can do.
#[must_use]
pub fn rejection_advice(rejection: &TspRejection, language: Language) -> &'static str {
    let (french, english) = match rejection {
        TspRejection::ChainExpired { .. } if rejection.is_expired_at_any_time() => (
            "demandez à l'autorité les certificats d'une autre chaîne, valable à l'heure du jeton, ou un certificat racine plus récent, et donnez-les avec --trust ; aucune preuve d'existence ne répare celle-ci.",
            "ask the authority for the certificates of another chain, valid at the token's time, or for a newer root certificate, and give them with --trust; no proof of existence mends this one.",
        ),
        TspRejection::ChainExpired { at, not_before, .. } if at < not_before => (
            "si vous avez donné --existed-by, indiquez une date plus tardive, pendant la validité de ces certificats ; sinon vérifiez l'horloge de cette machine.",
            "if you gave --existed-by, give a later time, within the validity of these certificates; otherwise check this machine's clock.",
        ),
        TspRejection::ChainExpired { .. } | TspRejection::AlgorithmEnded { .. } => (
            "si vous pouvez montrer autrement que le jeton existait plus tôt (archive, journal, jeton postérieur), indiquez cette date avec --existed-by, ou le jeton postérieur avec --renewed-by.",
            "if you can show otherwise that the token existed earlier (an archive, a log, a later token), give that time with --existed-by, or the later token with --renewed-by.",
        ),
        TspRejection::NoChain { .. } => (
            "donnez avec --trust le certificat racine de l'autorité (PEM), obtenu d'elle ou d'une liste de confiance, et s'il le faut ses certificats intermédiaires, qui complètent la chaîne sans qu'il leur soit fait confiance. Un certificat que vous tenez pour sûr alors qu'un autre l'a émis se donne avec --anchor.",
            "give the authority's root certificate (PEM) with --trust, got from the authority or a trusted list, and its intermediate certificates if need be, which complete the chain without being trusted. A certificate that you trust although another issued it is given with --anchor.",
        ),
        TspRejection::SidMismatch { .. } => (
            "reprenez le jeton à sa source ; s'il y est identique, signalez-le à l'autorité : le signataire nommé (sid) doit être celui dont le certificat est désigné sous la signature.",
            "fetch the token again from its source; if it is the same there, tell the authority: the signer named (sid) has to be the one whose certificate is named under the signature.",
        ),
        TspRejection::SignerCertificateMissing { named }
            if matches!(**named, MissingSigner::Twin(_)) =>
        {
            (
                "demandez à l'autorité le certificat que le jeton désigne, ou pourquoi elle en a émis deux du même numéro, et donnez-le avec --trust, à côté du certificat racine.",
                "ask the authority for the certificate that the token names, or why it issued two of one serial number, and give it with --trust, beside the root certificate.",
            )
        }
        TspRejection::SignerCertificateMissing { .. } => (
            "obtenez ce certificat auprès de l'autorité, car le jeton ne le contient pas, et donnez-le avec --trust, à côté du certificat racine : il complète la chaîne sans qu'il lui soit fait confiance.",
            "get that certificate from the authority, as the token does not hold it, and give it with --trust, beside the root certificate: it completes the chain without being trusted.",
        ),
        TspRejection::ImprintMismatch { .. } => (
            "vérifiez que le fichier donné avec --document est bien, octet pour octet, celui qui a été horodaté ; faute de --document, que la requête donnée avec --request est bien celle de ce jeton.",
            "make sure that the file given with --document is, byte for byte, the one that was stamped; without --document, that the query given with --request is this token's.",
        ),
        TspRejection::PolicyNotAccepted { .. } => (
            "si cette politique vous convient, ajoutez-la avec --policy.",
            "if that policy will do for you, add it with --policy.",
        ),
        TspRejection::NonceMismatch { .. } => (
            "vérifiez que le fichier donné avec --request est celui de cette réponse ; sinon, redemandez un jeton.",
            "make sure that the file given with --request is this answer's; otherwise ask for a new token.",
        ),
        TspRejection::StatusNotGranted {
            status: PkiStatus::Waiting,
            ..
        } => (
            "attendez que l'autorité ait traité la requête, puis demandez-lui de nouveau le jeton.",
            "wait until the authority has processed the request, then ask it for the token again.",
        ),
        TspRejection::StatusNotGranted {
            status: PkiStatus::RevocationWarning | PkiStatus::RevocationNotification,
            ..
        } => (
            "demandez à l'autorité quel certificat est révoqué, et un jeton à une autorité dont les certificats sont valables.",
            "ask the authority which certificate is revoked, and ask an authority whose certificates are good for a token.",
        ),
        TspRejection::StatusNotGranted {
            fail_info: Some(reason),
            ..
        } if reason.may_pass_by_itself() => (
            "la requête n'est pas en cause : redemandez un jeton plus tard, ou à une autre autorité.",
            "the request is not at fault: ask for a token again later, or ask another authority.",
        ),
        TspRejection::StatusNotGranted {
            fail_info: None, ..
        } => (
            "demandez à l'autorité pourquoi elle refuse, ou un jeton à une autre autorité.",
            "ask the authority why it refuses, or another authority for a token.",
        ),
        TspRejection::StatusNotGranted { .. } => (
            "corrigez la requête selon ce motif et redemandez un jeton.",
            "mend the request by that reason and ask for a token again.",
        ),
        TspRejection::TrustMalformed { .. } => (
            "remplacez ce fichier, donné avec --trust ou --anchor : un de ses certificats n'est pas du DER valable.",
            "replace this file, given with --trust or --anchor: one of its certificates is not valid DER.",
        ),
        TspRejection::BudgetCertificates { .. }
        | TspRejection::BudgetSignatures { .. }
        | TspRejection::BudgetPathSteps { .. } => (
            "ne donnez avec --trust que les certificats de cette chaîne.",
            "give only the certificates of this chain with --trust.",
        ),
        TspRejection::BudgetChainLength { .. } => (
            "si vous faites confiance à un certificat de la chaîne plus proche du signataire, donnez-le avec --anchor ; ce qui est au-dessus de lui ne sera pas examiné.",
            "if you trust a certificate of the chain nearer to the signer's, give it with --anchor; what is above it will not be looked at.",
        ),
        TspRejection::RenewalMismatch => (
            "donnez les jetons de --renewed-by dans l'ordre de leurs dates, chacun portant sur le fichier du précédent. Si l'un d'eux porte sur une réponse entière (.tsr), donnez cette réponse, et non le jeton qui en est tiré.",
            "give the tokens of --renewed-by in the order of their times, each over the file of the one before. If one is over a whole response (.tsr), give that response, not the token taken from it.",
        ),
        TspRejection::RenewalOrder { .. } => (
            "vérifiez d'abord que ce renouvellement est le bon fichier ; s'il l'est, demandez aux deux autorités laquelle de leurs horloges était fausse.",
            "make sure first that this renewal is the right file; if it is, ask both authorities whose clock was wrong.",
        ),
        TspRejection::Revocation(RevocationRejection::OnHold { .. }) => (
            "demandez à l'autorité de certification une liste plus récente, qui dise si la suspension a été levée, et donnez-la aussi avec --trust ; ou, si vous pouvez montrer que le jeton existait avant la suspension, indiquez-le avec --existed-by ou --renewed-by.",
            "ask the certification authority for a newer list, which tells whether the hold was lifted, and give it with --trust too; or, if you can show that the token existed before the hold, give it with --existed-by or --renewed-by.",
        ),
        TspRejection::Revocation(
            RevocationRejection::RevokedNoPoe { .. } | RevocationRejection::KeyCompromise { .. },
        ) => (
            "si vous pouvez montrer que le jeton existait avant cette date, indiquez-le avec --existed-by ou --renewed-by.",
            "if you can show that the token existed before that date, give it with --existed-by or --renewed-by.",
        ),
        TspRejection::Revocation(RevocationRejection::IssuerRevoked { .. }) => (
            "demandez à l'autorité de certification si ce certificat en a un autre, et donnez-le avec --trust ; ou, si vous pouvez montrer que le jeton existait avant cette date, indiquez-le avec --existed-by ou --renewed-by.",
            "ask the certification authority whether it has another certificate in place of this one, and give it with --trust; or, if you can show that the token existed before that date, give it with --existed-by or --renewed-by.",
        ),
        TspRejection::Revocation(RevocationRejection::Signature {
            responder: Some(_), ..
        }) => (
            "donnez une réponse OCSP signée pendant la validité du certificat de son répondeur, ou aucune.",
            "give an OCSP response that was signed within the validity of its responder's certificate, or none.",
        ),
        TspRejection::Revocation(RevocationRejection::Unsupported {
            what: UnusableRevocation::Delta | UnusableRevocation::SomeReasons,
        }) => (
            "demandez à l'autorité de certification une liste complète, et donnez-la à la place de celle-ci.",
            "ask the certification authority for a complete list, and give it in place of this one.",
        ),
        TspRejection::Revocation(
            RevocationRejection::Signature {
                item: RevocationItem::Ocsp(_),
                ..
            }
            | RevocationRejection::Unsupported {
                what: UnusableRevocation::NoAnswer | UnusableRevocation::ResponseExtension(_),
            },
        ) => (
            "donnez une réponse OCSP complète, signée par l'émetteur du certificat ou par un répondeur qu'il a habilité, ou aucune.",
            "give a complete OCSP response signed by the certificate's issuer or by a responder that it authorised, or none.",
        ),
        TspRejection::Revocation(
            RevocationRejection::Unreadable(_)
            | RevocationRejection::Unsupported { .. }
            | RevocationRejection::Signature { .. },
        ) => (
            "donnez une liste de révocation complète, signée par l'émetteur du certificat, ou aucune.",
            "give a complete revocation list signed by the certificate's issuer, or none.",
        ),
        TspRejection::Revocation(
            RevocationRejection::BudgetSize { .. } | RevocationRejection::BudgetSignatures { .. },
        ) => (
            "ne donnez que les listes et réponses au sujet des certificats de cette chaîne.",
            "give only the lists and responses about the certificates of this chain.",
        ),
        TspRejection::EssSha1 | TspRejection::AccuracyMissing => (
            "cette exigence est propre aux preuves de kbox : vérifiez que le jeton vient bien de l'autorité des preuves.",
            "this is demanded of kbox's own evidence: make sure that the token is from the evidence authority.",
        ),
        TspRejection::WeakSignature {
            fault:
                AlgorithmFault::Misused(_)
                | AlgorithmFault::OtherDigest(_)
                | AlgorithmFault::Parameters(_)
                | AlgorithmFault::OtherKey(_),
        } => (
            "signalez-le à l'autorité et demandez un nouveau jeton : sa signature n'est pas conforme à la norme de son algorithme.",
            "tell the authority and ask for a new token: its signature does not follow its algorithm's standard.",
        ),
        TspRejection::WeakSignature { .. } => (
            "demandez un nouveau jeton à une autorité dont la clé et les algorithmes sont encore sûrs (ETSI TS 119 312) ; celui-ci ne prouve rien, quelle que soit la date.",
            "ask an authority whose key and algorithms are still good (ETSI TS 119 312) for a new token; this one proves nothing, whatever the date.",
        ),
        TspRejection::ChainConstraint { .. } => (
            "signalez-le à l'autorité : sa chaîne de certificats n'est pas conforme à cette règle.",
            "tell the authority: its certificate chain does not follow this rule.",
        ),
        TspRejection::UnsupportedAlgorithm { .. } | TspRejection::ChainUnsupported { .. } => (
            "faites vérifier le jeton par un autre programme, ou par une version plus récente de celui-ci ; rien ne permet d'en faire reproche à l'autorité.",
            "have the token checked by another program, or by a newer version of this one; nothing here tells against the authority.",
        ),
        TspRejection::FromTheFuture { .. } => (
            "vérifiez l'horloge de cette machine ; si elle est juste, signalez l'heure du jeton à l'autorité.",
            "check this machine's clock; if it is right, tell the authority about the token's time.",
        ),
        TspRejection::WeakImprint { .. } => (
            "demandez un nouveau jeton, avec SHA-256 au moins ; celui-ci ne prouve rien, quelle que soit la date.",
            "ask for a new token, with SHA-256 or better; this one proves nothing, whatever the date.",
        ),
        TspRejection::EkuAbsent
        | TspRejection::EkuWrong
        | TspRejection::EkuNotAlone
        | TspRejection::EkuNotCritical
        | TspRejection::SignerIsCa
        | TspRejection::KeyUsage { .. } => (
            "signalez-le à l'autorité : son certificat n'est pas conforme à la RFC 3161, et aucun jeton signé avec lui ne sera accepté.",
            "tell the authority: its certificate does not follow RFC 3161, and no token signed under it will be accepted.",
        ),
        TspRejection::GenTimeOutsideCertificate { .. } => (
            "demandez un nouveau jeton : aucune preuve d'existence ne répare celui-ci.",
            "ask for a new token: no proof of existence mends this one.",
        ),
        TspRejection::MessageDigest {
            fault: AttributeFault::Missing | AttributeFault::Repeated,
        } => (
            "signalez-le à l'autorité et demandez un nouveau jeton : celui-ci n'est pas conforme à la norme.",
            "tell the authority and ask for a new token: this one does not follow the standard.",
        ),
        TspRejection::Signature
        | TspRejection::MessageDigest { .. }
        | TspRejection::EssMismatch
        | TspRejection::ChainSignature { .. } => (
            "reprenez le fichier à sa source : s'il y est identique, il a été altéré ou contrefait.",
            "fetch the file again from its source: if it is the same there, it was altered or forged.",
        ),
        TspRejection::CriticalExtension => (
            "demandez à l'autorité ce que veut dire cette extension, ou un jeton qui n'en a pas.",
            "ask the authority what that extension means, or for a token without any.",
        ),
        TspRejection::SignerCertificateMalformed => (
            "reprenez le fichier à sa source ; s'il y est identique, signalez à l'autorité que son certificat est illisible.",
            "fetch the file again from its source; if it is the same there, tell the authority that its certificate cannot be read.",
        ),
        TspRejection::ImprintLength
        | TspRejection::ContentType { .. }
        | TspRejection::EssMissing
        | TspRejection::EssMalformed { .. }
        | TspRejection::TsaName => (
            "signalez-le à l'autorité et demandez un nouveau jeton : celui-ci n'est pas conforme à la norme.",
            "tell the authority and ask for a new token: this one does not follow the standard.",
        ),
        TspRejection::Revocation(RevocationRejection::Revoked { .. }) => (
            "demandez un nouveau jeton à une autorité dont les certificats ne sont pas révoqués : aucune preuve d'existence ne répare celui-ci.",
            "ask an authority whose certificates are not revoked for a new token: no proof of existence mends this one.",
        ),
    };
    match language {
        Language::French => french,
        Language::English => english,
    }
}

#[cfg(test)]
pub(super) use tests::causes;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloc::boxed::Box;
    use alloc::collections::BTreeSet;
    use alloc::vec;

    use super::*;
    use crate::tsp::{Algorithm, ResponderPeriod};

    fn name() -> Box<CertificateName> {
        Box::new(CertificateName {
            subject: Some("TSU 7".into()),
            issuer: "CA".into(),
            serial: "0a01".into(),
            is_self_issued: false,
        })
    }

    /// One of each cause.
    pub(in crate::report) fn causes() -> Vec<TspRejection> {
        let at = Time::from_unix_nanos(0);
        let oid = || "1.2.3".parse().unwrap();
        let reason = RevocationReason::Superseded;
        vec![
            TspRejection::StatusNotGranted {
                status: PkiStatus::Rejection,
                fail_info: None,
                texts: vec![],
            },
            TspRejection::NonceMismatch {
                sent: true,
                returned: false,
            },
            TspRejection::NonceMismatch {
                sent: false,
                returned: true,
            },
            TspRejection::NonceMismatch {
                sent: true,
                returned: true,
            },
            TspRejection::ImprintMismatch {
                stamped: "aa".into(),
                given: "bb".into(),
            },
            TspRejection::WeakImprint { algorithm: oid() },
            TspRejection::ImprintLength,
            TspRejection::PolicyNotAccepted { policy: oid() },
            TspRejection::CriticalExtension,
            TspRejection::ContentType {
                fault: AttributeFault::Missing,
            },
            TspRejection::ContentType {
                fault: AttributeFault::Repeated,
            },
            TspRejection::ContentType {
                fault: AttributeFault::Other,
            },
            TspRejection::MessageDigest {
                fault: AttributeFault::Missing,
            },
            TspRejection::MessageDigest {
                fault: AttributeFault::Repeated,
            },
            TspRejection::MessageDigest {
                fault: AttributeFault::Other,
            },
            TspRejection::EssMissing,
            TspRejection::EssMalformed { repeated: true },
            TspRejection::EssMalformed { repeated: false },
            TspRejection::EssSha1,
            TspRejection::EssMismatch,
            TspRejection::SidMismatch {
                certificate: name(),
            },
            TspRejection::SignerCertificateMissing {
                named: Box::new(MissingSigner::Certificate(*name())),
            },
            TspRejection::SignerCertificateMalformed,
            TspRejection::EkuAbsent,
            TspRejection::EkuWrong,
            TspRejection::EkuNotAlone,
            TspRejection::EkuNotCritical,
            TspRejection::SignerIsCa,
            TspRejection::KeyUsage { signs: true },
            TspRejection::KeyUsage { signs: false },
            TspRejection::UnsupportedAlgorithm { algorithm: oid() },
            TspRejection::ChainUnsupported {
                extension: oid(),
                certificate: name(),
            },
            TspRejection::FromTheFuture {
                gen_time: at,
                now: at,
            },
            TspRejection::WeakSignature {
                fault: AlgorithmFault::ShortRsaKey { octets: 128 },
            },
            TspRejection::Signature,
            TspRejection::TsaName,
            TspRejection::GenTimeOutsideCertificate {
                gen_time: at,
                not_before: at,
                not_after: at,
            },
            TspRejection::NoChain {
                certificate: name(),
            },
            TspRejection::ChainExpired {
                at,
                not_before: at,
                not_after: at,
                made: at,
                certificate: name(),
            },
            TspRejection::ChainSignature {
                certificate: name(),
            },
            TspRejection::ChainConstraint {
                rule: "path length".into(),
                certificate: name(),
            },
            TspRejection::TrustMalformed { place: 7 },
            TspRejection::AccuracyMissing,
            TspRejection::AlgorithmEnded {
                algorithm: Algorithm::Sha1,
                since: at,
                at,
            },
            TspRejection::BudgetCertificates { found: 2, limit: 1 },
            TspRejection::BudgetSignatures { limit: 1 },
            TspRejection::BudgetPathSteps { limit: 1 },
            TspRejection::BudgetChainLength { limit: 1 },
            TspRejection::RenewalMismatch,
            TspRejection::RenewalOrder {
                earlier: at,
                later: at,
            },
            TspRejection::Revocation(RevocationRejection::Unreadable(TspError::GenTime)),
            TspRejection::Revocation(RevocationRejection::Unsupported {
                what: UnusableRevocation::Delta,
            }),
            TspRejection::Revocation(RevocationRejection::Signature {
                item: RevocationItem::Crl(1),
                responder: None,
                certificate: name(),
            }),
            TspRejection::Revocation(RevocationRejection::Signature {
                item: RevocationItem::Ocsp(1),
                responder: None,
                certificate: name(),
            }),
            TspRejection::Revocation(RevocationRejection::Signature {
                item: RevocationItem::Ocsp(1),
                responder: Some(ResponderPeriod {
                    produced_at: at,
                    not_before: at,
                    not_after: at,
                }),
                certificate: name(),
            }),
            TspRejection::Revocation(RevocationRejection::OnHold {
                item: RevocationItem::Crl(1),
                since: at,
                existed: at,
                certificate: name(),
            }),
            TspRejection::Revocation(RevocationRejection::KeyCompromise {
                item: RevocationItem::Crl(1),
                since: at,
                reason: Some(RevocationReason::KeyCompromise),
                existed: at,
                certificate: name(),
            }),
            TspRejection::Revocation(RevocationRejection::KeyCompromise {
                item: RevocationItem::Ocsp(1),
                since: at,
                reason: None,
                existed: at,
                certificate: name(),
            }),
            TspRejection::Revocation(RevocationRejection::Revoked {
                item: RevocationItem::Ocsp(1),
                at,
                reason,
                certificate: name(),
            }),
            TspRejection::Revocation(RevocationRejection::RevokedNoPoe {
                item: RevocationItem::Ocsp(1),
                at,
                reason,
                certificate: name(),
            }),
            TspRejection::Revocation(RevocationRejection::IssuerRevoked {
                item: RevocationItem::Ocsp(1),
                since: at,
                reason: None,
                existed: at,
                certificate: name(),
            }),
            TspRejection::Revocation(RevocationRejection::BudgetSize {
                what: "bytes",
                limit: 1,
            }),
            TspRejection::Revocation(RevocationRejection::BudgetSignatures { limit: 1 }),
        ]
    }

    #[test]
    fn what_is_no_token_is_said_in_both_languages() {
        let structure = "TSTInfo";
        for error in [
            TspError::Der { offset: 7 },
            TspError::TrailingBytes { offset: 7 },
            TspError::TooLarge { size: 7, limit: 1 },
            TspError::NotCanonical { structure },
            TspError::Version {
                structure,
                found: 7,
            },
            TspError::GenTime,
            TspError::ImprintLength {
                expected: 7,
                found: 1,
            },
            TspError::SerialNumber {
                fault: SerialFault::Zero,
            },
            TspError::Accuracy,
            TspError::ContentType { structure },
            TspError::SignerInfos { found: 7 },
            TspError::TooManyCertificates { found: 7, limit: 3 },
            TspError::TooManyDigestAlgorithms { limit: 7 },
            TspError::TooManyExtensions { limit: 7 },
            TspError::TooManyNames { limit: 7 },
            TspError::TooManyAnswers { limit: 7 },
            TspError::Status { found: 7 },
            TspError::FailureInfo,
            TspError::TokenPresence { granted: true },
            TspError::TokenPresence { granted: false },
            TspError::CutOff {
                found: 7,
                expected: 11,
            },
        ] {
            let french = unread_token(&error, Language::French).to_text();
            let english = unread_token(&error, Language::English).to_text();
            assert!(french.starts_with("Horodatage : INDÉTERMINÉ"), "{french}");
            assert!(english.contains(&error.to_string()), "{english}");
            assert!(!french.contains(&error.to_string()), "{french}");
            for (text, language) in [(&french, Language::French), (&english, Language::English)] {
                assert!(text.contains(unread_advice(&error, language)), "{text}");
            }
            let number = |text: &str| text.contains('7');
            assert_eq!(
                number(&unread_words(&error, Language::French)),
                number(&error.to_string())
            );
        }
    }

    #[test]
    fn every_cause_has_words_of_its_own_in_both_languages_its_rule_and_advice() {
        let causes = causes();
        let codes: BTreeSet<&str> = causes.iter().map(TspRejection::code).collect();
        let known = TspRejection::CODES.iter().chain(RevocationRejection::CODES);
        assert_eq!(codes, known.copied().collect());
        let mut seen = BTreeSet::new();
        for cause in &causes {
            let code = cause.code();
            for language in [Language::French, Language::English] {
                let words = rejection_words(cause, language);
                assert!(seen.insert(words.clone()), "{code}: {words}");
                let refused = RenewalRejection {
                    index: 0,
                    rejection: cause.clone(),
                    renewed_at: None,
                };
                let judgement = TokenJudgement {
                    result: Err(&refused),
                    at: Time::from_unix_nanos(0),
                    stated: false,
                    now: Time::from_unix_nanos(0),
                    policies: &[],
                    file: Some("trust.json, crls[2]"),
                };
                let text = token(&judgement, language).to_text();
                assert!(text.contains(&format!("[{code}] {words}")), "{text}");
                assert!(
                    text.contains(&source_words(cause.source(), language)),
                    "{text}"
                );
                let next = match language {
                    Language::French => "Que faire : ",
                    Language::English => "What to do: ",
                };
                assert!(text.contains(": trust.json, crls[2]."), "{text}");
                let advice = rejection_advice(cause, language);
                assert!(advice.ends_with('.'), "{code}: {advice}");
                assert!(text.contains(&format!("{next}{advice}")), "{text}");
                // One language at a time.
                let other = match language {
                    Language::French => [" the ", "What to do"],
                    Language::English => [" le ", "Que faire"],
                };
                assert!(other.iter().all(|word| !text.contains(word)), "{text}");
            }
        }
        for rule in [
            "a certificate other than those named under the signature",
            "unreadable extension",
            "the issuer is not a CA",
            "path length",
            "the issuer's key may not sign certificates",
            "the issuer's extended key usage excludes timestamping",
        ] {
            assert_ne!(french_rule(rule), rule);
        }
    }

    #[test]
    fn advice_fits_who_is_at_fault_and_which_way_time_would_have_to_go() {
        let secs = |secs| Time::from_unix_secs(secs).unwrap();
        let expired = |at, not_after, made| TspRejection::ChainExpired {
            at,
            not_before: secs(10),
            not_after: secs(not_after),
            made: secs(made),
            certificate: name(),
        };
        let chain = |at| expired(at, 20, 0);
        let refused = |status, fail_info| TspRejection::StatusNotGranted {
            status,
            fail_info,
            texts: vec!["a\u{202e}b".into(), "c".repeat(300)],
        };
        let weak = |oid: &str| TspRejection::WeakImprint {
            algorithm: oid.parse().unwrap(),
        };
        let failure = Some(PkiFailureInfo::SystemFailure);
        for (cause, french, english) in [
            (chain(secs(5)), "date plus tardive", "a later time"),
            (chain(secs(25)), "existait plus tôt", "existed earlier"),
            (expired(secs(25), 9, 0), "une autre chaîne", "another chain"),
            (
                expired(secs(25), 20, 21),
                "une autre chaîne",
                "another chain",
            ),
            (refused(PkiStatus::Waiting, None), "attendez", "wait"),
            (refused(PkiStatus::Rejection, None), "pourquoi", "why"),
            (
                refused(PkiStatus::Rejection, Some(PkiFailureInfo::BadAlg)),
                "corrigez",
                "mend",
            ),
            (refused(PkiStatus::Rejection, failure), "plus tard", "later"),
            (
                refused(PkiStatus::RevocationWarning, None),
                "quel certificat est révoqué",
                "which certificate is revoked",
            ),
        ] {
            assert!(rejection_advice(&cause, Language::French).contains(french));
            assert!(rejection_advice(&cause, Language::English).contains(english));
        }
        for language in [Language::French, Language::English] {
            assert!(rejection_words(&weak("1.3.14.3.2.26"), language).contains("SHA-1"));
            assert!(rejection_words(&weak("1.2.840.113549.2.5"), language).contains("MD5"));
            assert!(rejection_words(&weak("1.2.3"), language).contains("1.2.3"));
            let source = |error: &TspError| unread_advice(error, language).to_string();
            let damaged = source(&TspError::Der { offset: 1 });
            for fault in [
                TspError::SignerInfos { found: 2 },
                TspError::Accuracy,
                TspError::SerialNumber {
                    fault: SerialFault::Zero,
                },
            ] {
                assert_ne!(source(&fault), damaged);
            }
        }
    }

    #[test]
    fn a_french_report_tells_the_time_in_paris_beside_utc() {
        let time = Time::parse_rfc3339("2026-11-25T20:30:00Z").unwrap();
        let french = instant(time, Language::French);
        assert_eq!(
            french,
            "2026-11-25T20:30:00Z (à Paris : mercredi 25 novembre 2026 à 21 h 30)"
        );
        assert_eq!(instant(time, Language::English), "2026-11-25T20:30:00Z");
        let time = Time::parse_rfc3339("2026-07-01T12:00:00.5Z").unwrap();
        assert!(instant(time, Language::French).ends_with("à 14 h 00)"));
    }

    #[test]
    fn a_demonstrations_policy_is_known_to_incorporate_no_other() {
        let policy = TsaPolicyId::demonstration_public_policy();
        let finding = ProfileFinding::PolicyUnknown { policy };
        for language in [Language::French, Language::English] {
            assert!(!profile_words(&finding, language).contains("--policy"));
        }
        let policy = "1.2.3".parse().unwrap();
        let finding = ProfileFinding::PolicyUnknown { policy };
        assert!(profile_words(&finding, Language::French).contains("--policy"));
    }
}
