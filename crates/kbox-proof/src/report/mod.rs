// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The only place where a verdict becomes words: text and HTML, French and English.
//!
//! Every report says what was proven, what was not demanded, and what such evidence cannot prove.

mod advice;
mod english;
mod french;
mod token;
mod unreadable;
mod witnesses;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::event::{Detail, Environment};
use crate::law::{DelaiAnswer, Fuseau, Jour, Verdict};
use crate::receipt::Demand;
use crate::time::Time;
use crate::tsp::{AlgorithmUse, Revocation};
use crate::verify::{
    Finding, Period, RecipientLine, Rejection, TrustPolicy, VerifiedProofFile, VerifiedReceipt,
    VerifiedSending,
};

pub use advice::{finding_advice, finding_words};
pub use token::{
    TokenJudgement, clause_words, is_cut_off, profile_words, rejection_advice, rejection_words,
    token, token_advice, token_claims, unread_advice, unread_code, unread_token, unread_words,
};

pub use crate::tsp::certificate_name::printable;
pub use unreadable::{bundle_advice, policy_words, receipt_words, tlog_proof_words, trust_words};
pub use witnesses::authority_name;

/// The language of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// French, with the law's words.
    #[default]
    French,
    /// English.
    English,
}

/// Proven, disproven, or neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything demanded is proven.
    Proven,
    /// Something is disproven.
    Disproven,
    /// More trust, more evidence or a newer program is needed.
    Undecided,
}

impl Outcome {
    /// Disproven as soon as one finding is; otherwise undecided as soon as there is one.
    #[must_use]
    pub fn of<'a>(rejections: impl IntoIterator<Item = &'a Rejection>) -> Self {
        rejections
            .into_iter()
            .fold(Self::Proven, |outcome, rejection| {
                match (outcome, rejection.is_undecided()) {
                    (Self::Disproven, _) | (_, false) => Self::Disproven,
                    _ => Self::Undecided,
                }
            })
    }

    /// `proven`, `disproven` or `undecided`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Disproven => "disproven",
            Self::Undecided => "undecided",
        }
    }
}

enum Line {
    Heading(String),
    Text(String),
    Item(String),
}

/// A verdict in words.
pub struct Report {
    language: Language,
    title: String,
    lines: Vec<Line>,
}

impl Report {
    /// As it is put into the proof file that it is about, where it proves nothing: whoever can write the file can write it.
    #[must_use]
    pub fn enclosed(mut self) -> Self {
        let words = match self.language {
            Language::French => {
                "Ce rapport accompagne le dossier et ne prouve rien par lui-même : vérifiez le dossier avec kbox-verify, et un \
                 fichier trust.json obtenu ailleurs que dans ce dossier."
            }
            Language::English => {
                "This report accompanies the file and proves nothing by itself: verify the file with kbox-verify, and a \
                 trust.json that you got elsewhere than in this file."
            }
        };
        self.lines.insert(0, Line::Text(words.to_string()));
        self
    }

    /// Plain text for a terminal or a file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.title);
        for line in &self.lines {
            match line {
                Line::Heading(heading) => text.push_str(&format!("\n{heading}\n")),
                Line::Text(line) => text.push_str(&format!("{line}\n")),
                Line::Item(line) => text.push_str(&format!("  - {line}\n")),
            }
        }
        text
    }

    /// One HTML page that needs nothing else.
    #[must_use]
    pub fn to_html(&self) -> String {
        let language = match self.language {
            Language::French => "fr",
            Language::English => "en",
        };
        let title = escape(&self.title);
        let mut html = format!(
            "<!doctype html>\n<html lang=\"{language}\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title>\
             <style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;\
             color:#1b1b1b;overflow-wrap:anywhere}}h1{{font-size:1.4rem}}h2{{font-size:1.1rem;margin-top:2rem}}</style>\
             </head><body><h1>{title}</h1>\n"
        );
        let mut list = false;
        for line in &self.lines {
            if matches!(line, Line::Item(_)) != list {
                html.push_str(if list { "</ul>\n" } else { "<ul>\n" });
                list = !list;
            }
            html.push_str(&match line {
                Line::Heading(heading) => format!("<h2>{}</h2>\n", escape(heading)),
                Line::Text(line) => format!("<p>{}</p>\n", escape(line)),
                Line::Item(line) => format!("<li>{}</li>\n", escape(line)),
            });
        }
        if list {
            html.push_str("</ul>\n");
        }
        html.push_str("</body></html>\n");
        html
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

struct Writer {
    language: Language,
    lines: Vec<Line>,
}

impl Writer {
    fn new(language: Language) -> Self {
        Self {
            language,
            lines: Vec::new(),
        }
    }
    fn say<'a>(&self, french: &'a str, english: &'a str) -> &'a str {
        match self.language {
            Language::French => french,
            Language::English => english,
        }
    }
    fn heading(&mut self, french: &str, english: &str) {
        self.lines
            .push(Line::Heading(self.say(french, english).to_string()));
    }
    fn text(&mut self, french: &str, english: &str) {
        self.lines
            .push(Line::Text(self.say(french, english).to_string()));
    }
    fn item(&mut self, french: &str, english: &str) {
        self.lines
            .push(Line::Item(self.say(french, english).to_string()));
    }
    fn finish(self, french: &str, english: &str) -> Report {
        let title = self.say(french, english).to_string();
        Report {
            language: self.language,
            title,
            lines: self.lines,
        }
    }

    fn advice(&mut self, advice: &str) {
        self.text(
            &format!("Que faire : {advice}"),
            &format!("What to do: {advice}"),
        );
    }

    fn environment(&mut self, policy: &TrustPolicy) {
        if policy.environment() == Environment::Demonstration {
            self.text(
                "DÉMONSTRATION : clés sans protection, horloge non vérifiée. Sans valeur probante.",
                "DEMONSTRATION: unprotected keys, unverified clock. Without probative value.",
            );
        }
    }

    fn findings(&mut self, findings: &[Finding]) {
        let mut advices = Vec::new();
        for finding in findings {
            let receipt = match (finding.receipt, self.language) {
                (None, _) => String::new(),
                (Some(index), Language::French) => format!("récépissé {index} : "),
                (Some(index), Language::English) => format!("receipt {index}: "),
            };
            let code = finding.rejection.code();
            let words = finding_words(&finding.rejection, self.language);
            let line = format!("[{code}] {receipt}{words}");
            self.item(&line, &line);
            let advice = finding_advice(&finding.rejection, self.language);
            if !advices.contains(&advice) {
                advices.push(advice);
            }
        }
        for advice in advices {
            self.advice(advice);
        }
    }

    /// What is known of revocation; what is not known stands among the limits.
    fn revocation(&mut self, revocation: Revocation) {
        if is_settled(revocation) {
            let words = revocation_words(revocation, self.language);
            self.text(&words, &words);
        }
    }

    /// The algorithms whose end is known (docs/algorithms.md).
    fn ends<'a>(&mut self, algorithms: impl IntoIterator<Item = &'a AlgorithmUse>) {
        let mut told = Vec::new();
        for AlgorithmUse { algorithm, .. } in algorithms {
            if let Some(end) = algorithm.rule().ends
                && !told.contains(algorithm)
            {
                told.push(*algorithm);
                self.item(
                    &format!("{algorithm} ne prouvera plus rien par lui-même à partir du {end} : faites horodater ces preuves avant cette date, et conservez ce second horodatage."),
                    &format!("{algorithm} will prove nothing by itself from {end}: have this evidence stamped before then, and keep that second timestamp."),
                );
            }
        }
    }

    /// What the level reached leaves open, and, where there are any, what acknowledgements do.
    fn limits(
        &mut self,
        receipts: &[&VerifiedReceipt],
        revocation: Revocation,
        acknowledgements: bool,
    ) {
        self.heading(
            "Ce que ces preuves ne prouvent pas",
            "What this does not prove",
        );
        self.backdating(receipts);
        self.not_anchored(receipts);
        self.item(
            "Une preuve atteste qu'une affirmation existait au plus tard à un instant ; elle ne prouve pas qu'elle est vraie.",
            "Evidence proves that an assertion existed no later than a moment; it does not prove that it is true.",
        );
        if !is_settled(revocation) {
            let words = revocation_words(revocation, self.language);
            self.item(&words, &words);
        }
        if acknowledgements {
            self.item(
                "L'accusé de réception est déclaré par la plateforme ; la lecture effective n'est pas prouvée.",
                "Acknowledgements are declared by the platform; that a paper was read is not proven.",
            );
        }
    }
}

/// The report on one receipt.
#[must_use]
pub fn receipt(
    result: &Result<VerifiedReceipt, Rejection>,
    policy: &TrustPolicy,
    language: Language,
) -> Report {
    let mut writer = Writer::new(language);
    writer.environment(policy);
    match result {
        Ok(verified) => {
            let event = verified.event();
            let stamp = verified.timestamp();
            let (earliest, latest) = stamp.interval();
            writer.text(
                &format!(
                    "Événement : {} ({})",
                    french::event(&event.body.detail),
                    event.body.detail.name()
                ),
                &format!(
                    "Event: {} ({})",
                    english::event(&event.body.detail),
                    event.body.detail.name()
                ),
            );
            writer.text(
                &format!(
                    "Collectivité : SIREN {}, rang {}",
                    event.header.collectivite, event.header.rank
                ),
                &format!(
                    "Collectivité: SIREN {}, rank {}",
                    event.header.collectivite, event.header.rank
                ),
            );
            if let Some(opening) = verified.personal().and_then(|data| data.recipient.as_ref()) {
                let identity = &opening.identity;
                let who = format!("{}, {}", identity.name, identity.function);
                writer.text(
                    &format!("Destinataire : {who}"),
                    &format!("Recipient: {who}"),
                );
            } else if verified.is_personal_part_missing() {
                writer.text(
                    "Données personnelles : effacées ou non communiquées.",
                    "Personal data: erased or withheld.",
                );
            }
            if let Detail::PersonalDataErasure(erasure) = &event.body.detail {
                let (letter, by, decision) =
                    (erasure.basis.letter(), &erasure.by, &erasure.decision);
                writer.text(
                    &format!("Effacement décidé par : {by} ; base : RGPD, article 17, paragraphe 1, {letter}) ({}) ; décision : {decision}.", french::basis(erasure.basis)),
                    &format!("Erasure decided by: {by}; basis: GDPR art. 17(1)({letter}) ({}); decision: {decision}.", english::basis(erasure.basis)),
                );
            }
            if let Detail::ShardOpening(opening) = &event.body.detail {
                let (previous, size) = (&opening.previous, opening.size);
                writer.text(
                    &format!(
                        "Ce journal suit {previous}, clos à {size} entrées : {}.",
                        french::opening(opening.reason)
                    ),
                    &format!(
                        "This log follows {previous}, closed at {size} entries: {}.",
                        english::opening(opening.reason)
                    ),
                );
            }
            writer.text(
                &format!(
                    "Horodatage : {}, entre {earliest} et {latest}",
                    instant(stamp.gen_time(), Language::French)
                ),
                &format!(
                    "Timestamp: {} (between {earliest} and {latest})",
                    stamp.gen_time()
                ),
            );
            writer.text(
                &format!("Empreinte (SHA-256) : {}", verified.digest()),
                &format!("SHA-256: {}", verified.digest()),
            );
            writer.text(
                &format!(
                    "Journal : {}, entrée {} sur {}",
                    event.header.origin,
                    verified.index(),
                    verified.tree_size()
                ),
                &format!(
                    "Log: {}, entry {} of {}",
                    event.header.origin,
                    verified.index(),
                    verified.tree_size()
                ),
            );
            writer.text(
                &format!("Niveau atteint : {}", french::level(verified.level())),
                &format!("Level reached: {}", english::level(verified.level())),
            );
            writer.anchored(&[verified]);
            writer.revocation(verified.revocation());
            writer.limits(
                &[verified],
                verified.revocation(),
                matches!(event.body.detail, Detail::ConsignmentAcceptance(_)),
            );
            writer.ends(stamp.algorithms());
            writer.finish("Récépissé : PROUVÉ", "Receipt: PROVEN")
        }
        Err(rejection) => {
            let finding = Finding {
                receipt: None,
                rejection: rejection.clone(),
            };
            writer.findings(core::slice::from_ref(&finding));
            failed(writer, Outcome::of([rejection]), "Récépissé", "Receipt")
        }
    }
}

const fn is_settled(revocation: Revocation) -> bool {
    matches!(
        revocation,
        Revocation::RevokedLater { .. }
            | Revocation::NotRevokedAsOf { .. }
            | Revocation::NotRevoked
    )
}

/// What is known of the revocation of certificates, in one sentence; never silence.
#[must_use]
pub fn revocation_words(revocation: Revocation, language: Language) -> String {
    let french = language == Language::French;
    let words = match revocation {
        Revocation::NotChecked if french => {
            "La révocation des certificats n'a pas été vérifiée : ni liste de révocation (CRL) ni réponse OCSP à leur sujet n'a été fournie."
        }
        Revocation::NotChecked => {
            "Revocation of certificates was not checked: no revocation list (CRL) or OCSP response about them was given."
        }
        Revocation::Inconclusive { revoked_later } => {
            return inconclusive_words(Open::default(), revoked_later, language);
        }
        Revocation::RevokedLater { at } if french => {
            return format!(
                "Un certificat a été révoqué le {at}, après la preuve d'existence : ce qui existait avant reste valable."
            );
        }
        Revocation::RevokedLater { at } => {
            return format!(
                "A certificate was revoked at {at}, after the proof of existence: what existed before stands."
            );
        }
        Revocation::NotRevokedAsOf { as_of, until } if french => {
            return format!(
                "Aucun certificat n'était révoqué d'après les listes de révocation ou réponses OCSP fournies, à jour à la preuve d'existence : faites le {as_of}, valables jusqu'au {until}. Elles laissent ouvert ce qui a été révoqué depuis le {as_of} : une liste plus récente le dira."
            );
        }
        Revocation::NotRevokedAsOf { as_of, until } => {
            return format!(
                "No certificate was revoked by the revocation lists or OCSP responses given, which were current at the proof of existence: as of {as_of}, current until {until}. They leave open what was revoked since {as_of}: a newer list will tell."
            );
        }
        Revocation::NotRevoked if french => {
            "Aucun certificat n'était révoqué au moment de la preuve d'existence, d'après les listes de révocation ou réponses OCSP fournies."
        }
        Revocation::NotRevoked => {
            "No certificate was revoked at the proof of existence, by the revocation lists or OCSP responses given."
        }
    };
    words.to_string()
}

/// Which of both leaves revocation unsettled, as far as it is known.
#[derive(Clone, Copy, Default)]
struct Open {
    /// Nothing given speaks of a certificate.
    unspoken: bool,
    /// What speaks of one does not settle it.
    unsettled: bool,
}

fn inconclusive_words(open: Open, revoked_later: Option<Time>, language: Language) -> String {
    let french = language == Language::French;
    let cause = match (open.unspoken, open.unsettled, french) {
        (true, false, true) => "ne couvrent pas tous les certificats",
        (true, false, false) => "do not cover every certificate",
        (false, true, true) => {
            "ne tranchent pas pour tous les certificats à l'instant auquel l'existence est établie"
        }
        (false, true, false) => "do not settle it for every certificate at the proof of existence",
        (true, true, true) => {
            "ne couvrent pas tous les certificats, et ne tranchent pas pour tous ceux qu'elles couvrent"
        }
        (true, true, false) => {
            "do not cover every certificate, and do not settle it for all that they cover"
        }
        (false, false, true) => {
            "ne couvrent pas tous les certificats, ou n'étaient plus à jour à la preuve d'existence"
        }
        (false, false, false) => {
            "do not cover every certificate, or were no longer current at the proof of existence"
        }
    };
    let mut words = match french {
        true => format!(
            "La révocation des certificats n'est pas établie : les listes de révocation ou réponses OCSP fournies {cause}."
        ),
        false => format!(
            "Revocation of certificates is not settled: the revocation lists or OCSP responses given {cause}."
        ),
    };
    if let Some(at) = revoked_later {
        words.push_str(&match french {
            true => format!(" Un certificat a été révoqué plus tard, le {at}."),
            false => format!(" A certificate was revoked later, at {at}."),
        });
    }
    words
}

fn failed(writer: Writer, outcome: Outcome, french: &str, english: &str) -> Report {
    if outcome == Outcome::Disproven {
        writer.finish(
            &format!("{french} : REJETÉ"),
            &format!("{english}: DISPROVEN"),
        )
    } else {
        writer.finish(
            &format!("{french} : INDÉTERMINÉ"),
            &format!("{english}: CANNOT DECIDE"),
        )
    }
}

/// `horodate`, `journalise`, `temoigne` or `ancre`.
#[must_use]
pub const fn level_name(level: Demand) -> &'static str {
    match level {
        Demand::Horodate => "horodate",
        Demand::Journalise => "journalise",
        Demand::Temoigne => "temoigne",
        Demand::Ancre => "ancre",
    }
}

/// The report on a proof file.
#[must_use]
pub fn proof_file(
    result: &Result<VerifiedProofFile, Vec<Finding>>,
    policy: &TrustPolicy,
    language: Language,
) -> Report {
    let mut writer = Writer::new(language);
    writer.environment(policy);
    match result {
        Err(findings) => {
            writer.findings(findings);
            let outcome = Outcome::of(findings.iter().map(|finding| &finding.rejection));
            failed(writer, outcome, "Dossier de preuve", "Proof file")
        }
        Ok(file) => {
            let ranks = file
                .receipts()
                .first()
                .zip(file.receipts().last())
                .map(|(first, last)| (first.event().header.rank, last.event().header.rank));
            if let Some((first, last)) = ranks {
                let count = file.receipts().len();
                let (french, english) = match count {
                    1 => (
                        format!("1 récépissé vérifié, rang {first}"),
                        format!("1 receipt verified, rank {first}"),
                    ),
                    _ => (
                        format!("{count} récépissés vérifiés, rangs {first} à {last}, sans lacune"),
                        format!("{count} receipts verified, ranks {first} to {last}, no gap"),
                    ),
                };
                writer.text(
                    &format!("{french} ; rien n'est dit de ce qui suit."),
                    &format!("{english}; nothing is said of later events."),
                );
            }
            writer.text(
                &format!("Niveau atteint : {}", french::level(file.level())),
                &format!("Level reached: {}", english::level(file.level())),
            );
            if let Some((first, _)) = ranks.filter(|(first, _)| *first > 0) {
                writer.text(
                    &format!("Le dossier commence au rang {first} de la collectivité : il ne dit rien de ce qui précède, par exemple d'un premier envoi pour la même séance."),
                    &format!("The file begins at rank {first} of the collectivité: it says nothing of what came before, such as an earlier sending for the same séance."),
                );
            }
            for sending in file.unjudged() {
                let sealed = local(sending, sending.sealed, writer.language);
                let version = sending.submission.version;
                writer.text(
                    &format!("Réserve : un autre envoi pour la même séance, scellé le {sealed} (version {version}), figure au registre ; ses pièces ne sont pas dans ce dossier et rien n'est jugé à son sujet."),
                    &format!("Reservation: another sending for the same séance, sealed {sealed} (version {version}), is in the log; its papers are not in this file and nothing is judged about it."),
                );
            }
            if file.others() > 0 {
                let others = file.others();
                writer.text(
                    &match others {
                        1 => "Parmi eux, 1 concerne un autre envoi de la même collectivité : il montre qu'aucun rang ne manque ; rien n'est jugé à son sujet.".to_string(),
                        _ => format!("Parmi eux, {others} concernent d'autres envois de la même collectivité : ils montrent qu'aucun rang ne manque ; rien n'est jugé à leur sujet."),
                    },
                    &match others {
                        1 => "Among them, 1 concerns another sending of the same collectivité: it shows that no rank is missing; nothing is judged about it.".to_string(),
                        _ => format!("Among them, {others} concern other sendings of the same collectivité: they show that no rank is missing; nothing is judged about them."),
                    },
                );
            }
            for sending in file.sendings() {
                sending_lines(&mut writer, sending);
            }
            erasure_lines(&mut writer, file);
            let all: Vec<&VerifiedReceipt> = file.receipts().iter().collect();
            writer.anchored(&all);
            writer.revocation(file.revocation());
            writer.limits(&all, file.revocation(), true);
            let receipts = file.receipts().iter();
            writer.ends(receipts.flat_map(|receipt| receipt.timestamp().algorithms()));
            if file.has_reservation() {
                writer.finish(
                    "Dossier de preuve : PROUVÉ, avec réserve",
                    "Proof file: PROVEN, with a reservation",
                )
            } else {
                writer.finish("Dossier de preuve : PROUVÉ", "Proof file: PROVEN")
            }
        }
    }
}

/// In French with the time in Paris too: neither a lone token nor a receipt names the council's zone.
fn instant(time: Time, language: Language) -> String {
    let in_paris = match language {
        Language::French => Fuseau::parse("Europe/Paris")
            .and_then(|zone| zone.local(time))
            .ok(),
        Language::English => None,
    };
    let utc = time.to_string();
    match in_paris {
        None => utc,
        Some(local) => {
            // The fraction stands in the UTC before it.
            format!("{utc} (à Paris : {})", local.en_lettres())
        }
    }
}

fn local(sending: &VerifiedSending, time: Time, language: Language) -> String {
    Fuseau::parse(sending.submission.seance.fuseau.as_str())
        .and_then(|zone| zone.local(time))
        .map_or_else(
            |_| time.to_string(),
            |local| match language {
                Language::French => format!("{} ({time})", local.en_lettres()),
                Language::English => format!("{} ({time})", english::day_and_time(local)),
            },
        )
}

/// What is missing because somebody decided so, and why.
fn erasure_lines(writer: &mut Writer, file: &VerifiedProofFile) {
    if file.erasures().is_empty() {
        return;
    }
    writer.heading("Données personnelles effacées", "Personal data erased");
    for erasure in file.erasures() {
        let (rank, letter) = (erasure.erased, erasure.content.basis.letter());
        let (at, by) = (erasure.at, &erasure.content.by);
        let decision = &erasure.content.decision;
        let mut french = format!(
            "Rang {rank} ({}) : effacement décidé avant le {at} par : {by} ; base : RGPD, article 17, paragraphe 1, {letter}) ({}) ; décision : {decision} ; trace au rang {}. L'événement lui-même reste prouvé.",
            french::event(&erasure.event),
            french::basis(erasure.content.basis),
            erasure.rank
        );
        let mut english = format!(
            "Rank {rank} ({}): erasure decided before {at} by: {by}; basis: GDPR art. 17(1)({letter}) ({}); decision: {decision}; trace at rank {}. The event itself stays proven.",
            english::event(&erasure.event),
            english::basis(erasure.content.basis),
            erasure.rank
        );
        if erasure.still_here {
            french.push_str(" Ces données sont pourtant jointes à ce dossier : son auteur les avait conservées.");
            english.push_str(
                " These data are in this file all the same: whoever made it had kept them.",
            );
        }
        writer.item(&french, &english);
    }
}

fn sending_lines(writer: &mut Writer, sending: &VerifiedSending) {
    let submission = &sending.submission;
    let seance = &submission.seance;
    let title = format!(
        "{}, {} ({})",
        seance.intitule,
        seance.debut.as_str().replace('T', " "),
        seance.fuseau
    );
    writer.heading(&title, &title);
    let sealed = local(sending, sending.sealed, writer.language);
    writer.text(
        &format!(
            "Envoi scellé le {sealed}, version {}, par : {}.",
            submission.version, submission.author
        ),
        &format!(
            "Sending sealed {sealed}, version {}, by: {}.",
            submission.version, submission.author
        ),
    );
    let rule = &submission.rule;
    writer.text(
        &format!(
            "Règle : {} ({}), {} jours.",
            rule.article, rule.id, rule.jours
        ),
        &format!("Rule: {} ({}), {} days.", rule.article, rule.id, rule.jours),
    );
    verdict_lines(writer, sending);
    for paper in &submission.papers {
        let (title, size, digest) = (&paper.titre, paper.size, paper.digest);
        writer.item(
            &format!("{title} : {size} octets, SHA-256 {digest}"),
            &format!("{title}: {size} bytes, SHA-256 {digest}"),
        );
    }
    writer.heading("Destinataires", "Recipients");
    for line in &sending.recipients {
        recipient_line(writer, sending, line);
    }
}

/// The séance's verdict, and openly whom it does not cover.
fn verdict_lines(writer: &mut Writer, sending: &VerifiedSending) {
    let left_out: Vec<String> = sending
        .without_notice()
        .map(|line| who(line, writer.language))
        .collect();
    match sending.verdict() {
        Some(verdict) => {
            let language = writer.language;
            let word = |verdict| verdict_word(Some(verdict), language);
            let existence = verdict
                .by_existence
                .map_or_else(|| writer.say("non démontré", "not shown"), word);
            let line = format!(
                "{} {}{}{} {existence}.",
                writer.say(
                    "Délai de la séance, d'après l'horodatage :",
                    "Period of the séance, by the timestamps:"
                ),
                word(verdict.by_gen_time),
                writer.say(" ; ", "; "),
                writer.say(
                    "sans confiance dans l'exploitant :",
                    "trusting no operator:"
                ),
            );
            writer.text(&line, &line);
            counted_days(writer, sending);
        }
        None if left_out.is_empty() => writer.text(
            "Aucun délai ne court : tous les destinataires le sont pour information.",
            "No period runs: all recipients are for information.",
        ),
        None => writer.text(
            "Délai de la séance : non établi, aucun avis n'ayant été accepté.",
            "Period of the séance: not established, no notice having been accepted.",
        ),
    }
    if !left_out.is_empty() {
        let names = left_out.join(", ");
        writer.text(
            &format!(
                "Réserve : faute d'avis accepté, aucun délai n'est établi pour {names} ; le verdict de la séance ne couvre pas ces destinataires ({} sur {}).",
                left_out.len(),
                sending.recipients.len()
            ),
            &format!(
                "Reservation: no accepted notice, so no period is established for {names}; the verdict of the séance does not cover these recipients ({} of {}).",
                left_out.len(),
                sending.recipients.len()
            ),
        );
    }
}

/// The whole days between sending and séance, one by one, for the recipient who has the fewest.
fn counted_days(writer: &mut Writer, sending: &VerifiedSending) {
    let judged = sending
        .recipients
        .iter()
        .filter_map(|line| match &line.period {
            Period::Judged(verdict) => Some(&verdict.by_gen_time.jours),
            _ => None,
        });
    let Some(days) = judged.min_by_key(|days| days.len()) else {
        return;
    };
    let in_words = |day: &Jour| match writer.language {
        Language::French => day.en_lettres(),
        Language::English => english::day(*day),
    };
    let list: Vec<String> = days.iter().map(in_words).collect();
    writer.text(
        &format!(
            "Jours entiers entre l'envoi et la séance, au moins : {} ({}).",
            days.len(),
            list.join(", ")
        ),
        &format!(
            "Whole days between sending and séance, at least: {} ({}).",
            days.len(),
            list.join(", ")
        ),
    );
}

fn who(line: &RecipientLine, language: Language) -> String {
    match &line.identity {
        Some(identity) => identity.name.to_string(),
        None => match language {
            Language::French => format!("n° {}", line.recipient),
            Language::English => format!("no. {}", line.recipient),
        },
    }
}

fn recipient_line(writer: &mut Writer, sending: &VerifiedSending, line: &RecipientLine) {
    let who = who(line, writer.language);
    let mut parts = Vec::new();
    for (french, english, time) in [
        ("mis à disposition", "consigned", line.consigned),
        ("avisé", "notified", line.notified),
        ("avis refusé", "notice refused", line.notification_failed),
        ("ouvert", "opened", line.opened),
        ("accusé de réception", "acknowledged", line.acknowledged),
    ] {
        if let Some(time) = time {
            parts.push(format!(
                "{} {}",
                writer.say(french, english),
                local(sending, time, writer.language)
            ));
        }
    }
    if line.consigned.is_none() {
        parts.push(
            writer
                .say("rien n'a été mis à disposition", "nothing was consigned")
                .to_string(),
        );
    }
    if line.opened.is_none() {
        parts.push(writer.say("jamais ouvert", "never opened").to_string());
    }
    match &line.period {
        Period::ForInformation => parts.push(
            writer
                .say("pour information", "for information")
                .to_string(),
        ),
        Period::NoAcceptedNotice => parts.push(
            writer
                .say(
                    "délai non établi : aucun avis accepté",
                    "period not established: no accepted notice",
                )
                .to_string(),
        ),
        Period::Judged(verdict) => {
            parts.push(format!(
                "{} {}",
                writer.say("délai, d'après l'horodatage :", "period, by the timestamp:"),
                verdict_words(&verdict.by_gen_time, writer.language)
            ));
            parts.push(match &verdict.by_existence {
                Some(answer) => format!(
                    "{} {}",
                    writer.say(
                        "sans confiance dans l'exploitant :",
                        "trusting no operator:"
                    ),
                    verdict_words(answer, writer.language)
                ),
                None => writer
                    .say(
                        "sans confiance dans l'exploitant : non démontré",
                        "trusting no operator: not shown",
                    )
                    .to_string(),
            });
        }
    }
    writer.item(
        &format!("{who} : {}", parts.join(" ; ")),
        &format!("{who}: {}", parts.join("; ")),
    );
}

fn verdict_words(answer: &DelaiAnswer, language: Language) -> String {
    let word = verdict_word(answer.verdict, language);
    let days = answer.jours.len();
    match language {
        Language::French if days < 2 => format!("{word} ({days} jour entier)"),
        Language::French => format!("{word} ({days} jours entiers)"),
        Language::English if days == 1 => format!("{word} (1 whole day)"),
        Language::English => format!("{word} ({days} whole days)"),
    }
}

const fn verdict_word(verdict: Option<Verdict>, language: Language) -> &'static str {
    let (french, english) = match verdict {
        Some(Verdict::Respecte) => ("respecté", "kept"),
        Some(Verdict::RespecteAuTexte) => (
            "respecté au texte, à risque (lecture franche)",
            "kept by the text, at risk in clear days",
        ),
        Some(Verdict::NonRespecte) => ("non respecté", "not kept"),
        _ => ("indéterminé", "undetermined"),
    };
    match language {
        Language::French => french,
        Language::English => english,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tsp::{Algorithm, Purpose};

    #[test]
    fn evidence_by_an_algorithm_whose_end_is_known_says_once_until_when_it_holds_by_itself() {
        let uses = |algorithms: &[Algorithm]| -> Vec<AlgorithmUse> {
            let used = |algorithm: &Algorithm| AlgorithmUse {
                purpose: Purpose::Signature,
                algorithm: *algorithm,
            };
            algorithms.iter().map(used).collect()
        };
        let said = |language, algorithms: &[Algorithm]| {
            let mut writer = Writer::new(language);
            writer.ends(&uses(algorithms));
            writer.finish("", "").to_text()
        };
        let (endless, ending) = (
            Algorithm::Ecdsa { bits: 256 },
            Algorithm::RsaPkcs1 { bits: 3072 },
        );
        assert_eq!(said(Language::French, &[endless]).trim(), "");
        for (language, words) in [
            (Language::French, "à partir du 2034-01-01"),
            (Language::English, "from 2034-01-01"),
        ] {
            let text = said(language, &[endless, ending, ending]);
            assert_eq!(text.matches(words).count(), 1, "{text}");
        }
    }
}
