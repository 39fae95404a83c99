// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Reads the files, lets the library judge, prints.

use std::fs::File;
use std::io::{Cursor, Read, Take, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::Environment;
use kbox_proof::merkle::hash_leaf;
use kbox_proof::receipt::{MAX_RECEIPT_BYTES, ProofFile, Receipt, ReceiptError, TrustBundle};
use kbox_proof::report::{self, Language, Outcome, Report};
use kbox_proof::time::Time;
use kbox_proof::tlog::{PolicyError, PolicyLog, TlogPolicy, TlogProof, TlogProofError};
use kbox_proof::tsp::{
    Certificate, Revocation, RevocationEvidence, RevocationRejection, TspError,
    certificates_from_pem, crls_from_pem,
};
use kbox_proof::verify::{
    Bound, Finding, TrustPolicy, VerifiedReceipt, verify_proof_file, verify_receipt,
};
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use crate::arguments::Options;
use crate::documents;
use crate::problem::{Kind, Problem, shown};
use crate::token::{self, TokenFile};

const TLOG_PROOF: &str = "tlog_proof";

/// A little more than the largest proof file.
const MAX_FILE_BYTES: u64 = (1 << 30) + (64 << 20);
/// All the revocation lists that are read, in PEM, and the certificates of many authorities.
const MAX_TRUST_BYTES: u64 = 32 << 20;

fn too_large() -> Problem {
    Problem::new(
        Kind::File,
        "ce fichier est plus grand qu'aucun dossier de preuve",
        "larger than any proof file",
    )
}

/// A proof file, or a log's entry.
fn read(path: &Path) -> Result<Vec<u8>, Problem> {
    read_up_to(path, MAX_FILE_BYTES, too_large())
}

/// What is computed of a document, of whose bytes none are kept.
pub(crate) fn digested<T>(
    path: &Path,
    digest: impl FnOnce(&mut Take<File>) -> std::io::Result<T>,
) -> Result<T, Problem> {
    let problem = |error: std::io::Error| Problem::io(path, &error);
    let mut file = File::open(path).map_err(problem)?.take(MAX_FILE_BYTES + 1);
    let found = digest(&mut file).map_err(problem)?;
    match file.limit() {
        0 => Err(too_large().in_file(path)),
        _ => Ok(found),
    }
}

fn read_up_to(path: &Path, limit: u64, larger: Problem) -> Result<Vec<u8>, Problem> {
    let bytes = read_start(path, limit)?;
    match bytes.len() as u64 > limit {
        true => Err(larger.in_file(path)),
        false => Ok(bytes),
    }
}

/// No more than one byte beyond `limit`.
fn read_start(path: &Path, limit: u64) -> Result<Vec<u8>, Problem> {
    let problem = |error: std::io::Error| Problem::io(path, &error);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(problem)?;
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(problem)?;
    Ok(bytes)
}

/// A receipt, a token, a request: whatever reads it refuses more than a receipt may have, so no more is kept of it than shows that.
pub(crate) fn read_message(path: &Path) -> Result<Vec<u8>, Problem> {
    read_start(path, MAX_RECEIPT_BYTES as u64)
}

/// Any evidence: proof files alone are large. Opened once, since a pipe gives its bytes once.
fn read_evidence(path: &Path) -> Result<Vec<u8>, Problem> {
    let problem = |error: std::io::Error| Problem::io(path, &error);
    let file = File::open(path).map_err(problem)?;
    let mut bytes = Vec::new();
    let mut start = (&file).take(MAX_RECEIPT_BYTES as u64 + 1);
    start.read_to_end(&mut bytes).map_err(problem)?;
    if bytes.starts_with(b"PK") {
        let left = (MAX_FILE_BYTES + 1).saturating_sub(bytes.len() as u64);
        file.take(left).read_to_end(&mut bytes).map_err(problem)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(too_large().in_file(path));
        }
    }
    Ok(bytes)
}

#[derive(Default)]
pub(crate) struct Trust {
    pub(crate) bundle: Option<TrustBundle>,
    /// The bundle's file.
    pub(crate) bundle_from: String,
    pub(crate) certificates: Vec<Given>,
    /// In DER; used for receipts and tokens alike.
    pub(crate) crls: Vec<Given>,
    /// OCSP responses, likewise.
    pub(crate) ocsp: Vec<Given>,
    policies: Vec<TlogPolicy>,
}

/// Something in DER, and where it is from.
#[derive(Clone)]
pub(crate) struct Given {
    pub(crate) der: Vec<u8>,
    /// The file, and which in it where it holds several.
    pub(crate) from: String,
}

fn given(path: &Path, what: &str, list: Vec<Vec<u8>>) -> impl Iterator<Item = Given> {
    let file = shown(path);
    let (what, is_one) = (what.to_string(), list.len() == 1);
    list.into_iter().enumerate().map(move |(index, der)| Given {
        der,
        from: match is_one {
            true => file.clone(),
            false => format!("{file}, {what} #{}", index + 1),
        },
    })
}

impl Trust {
    /// A certificate, a revocation list or an OCSP response, in DER.
    fn add_der(&mut self, path: &Path, bytes: Vec<u8>) -> Result<(), Problem> {
        let from = shown(path);
        if Certificate::parse(&bytes).is_ok() {
            self.certificates.push(Given { der: bytes, from });
            return Ok(());
        }
        let as_list = RevocationEvidence::default().add_crl(&bytes);
        let as_response = RevocationEvidence::default().add_ocsp(&bytes);
        match (as_list, as_response) {
            (Ok(()), _) => self.crls.push(Given { der: bytes, from }),
            (_, Ok(())) => self.ocsp.push(Given { der: bytes, from }),
            (Err(RevocationRejection::Unreadable(_)), Err(RevocationRejection::Unreadable(_)))
                if token::has_private_key(&bytes) =>
            {
                return Err(private_key());
            }
            (Err(RevocationRejection::Unreadable(_)), Err(RevocationRejection::Unreadable(_)))
                if token::of_timestamping(&bytes).is_some() =>
            {
                let (french, english) = token::of_timestamping(&bytes).unwrap_or_default();
                return Err(Problem::new(
                    Kind::Trust,
                    format!("c'est {french}, qui ne se donne pas avec --trust"),
                    format!("this is {english}, which is not for --trust"),
                ));
            }
            // What is read and refused says more than what is not read.
            (
                Err(RevocationRejection::Unreadable(_)),
                Err(RevocationRejection::Unreadable(error)),
            ) => {
                return Err(Problem::tsp(Kind::Trust, &error).after(
                    "ce n'est ni un certificat, ni une liste de révocation, ni une réponse OCSP lisibles",
                    "neither a certificate, a revocation list nor an OCSP response that can be read",
                ));
            }
            (Err(RevocationRejection::Unreadable(_)), Err(refused)) | (Err(refused), _) => {
                return Err(Problem::revocation(refused));
            }
        }
        Ok(())
    }
}

/// The longest comment after a ZIP's last record, and that record (APPNOTE 4.3.16).
const MAX_ZIP_END: usize = 65_535 + 22;

/// A whole JSON text or ZIP has an end of its own.
fn is_cut_off(bytes: &[u8]) -> bool {
    match bytes.starts_with(b"PK") {
        true => {
            let end = bytes.len().saturating_sub(MAX_ZIP_END);
            let end = bytes.get(end..).unwrap_or_default();
            !end.windows(4).any(|part| part == b"PK\x05\x06")
        }
        false => serde_json::from_slice::<IgnoredAny>(bytes).is_err_and(|error| error.is_eof()),
    }
}

/// Why a receipt, a proof file or a trust.json is not read.
fn unread(kind: Kind, path: &Path, bytes: &[u8], error: &ReceiptError) -> Problem {
    let problem = Problem::receipt(kind, error);
    let problem = match error {
        // Read no further than its limit.
        ReceiptError::TooLong { .. } => problem,
        _ if kind == Kind::Evidence && TrustBundle::from_json(bytes).is_ok() => Problem::new(
            kind,
            "c'est un trust.json, qui dit à qui se fier et n'est pas une preuve",
            "this is a trust.json, which says whom to trust and is no evidence",
        )
        .with_advice(
            "donnez-le avec --trust, avec le récépissé ou le dossier de preuve à vérifier.",
            "give it with --trust, together with the receipt or the proof file to be verified.",
        ),
        // An ASiC-E container says first what it is.
        ReceiptError::Container(_) | ReceiptError::Entry { .. }
            if bytes.get(30..38) != Some(b"mimetype") =>
        {
            let (french, english) = token::of_document(bytes).unwrap_or(("du ZIP", "ZIP data"));
            problem.after(
                &format!("c'est {french}, et non un dossier de preuve (.asice)"),
                &format!("this is {english}, and no proof file (.asice)"),
            )
        }
        ReceiptError::Bundle(fault) => {
            let advice = |language| report::bundle_advice(*fault, language);
            problem.with_advice(advice(Language::French), advice(Language::English))
        }
        _ if is_cut_off(bytes) => problem.after(
            "ce fichier est coupé, sa fin manque",
            "this file is cut off, its end is missing",
        ),
        _ => problem,
    };
    problem.in_file(path)
}

/// What a file of `--trust` is that cannot even be a tlog-policy.
fn no_text(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    let is_of_a_policy = |line: &str| {
        let first = line.split_ascii_whitespace().next().unwrap_or_default();
        ["log", "witness", "group", "quorum"].contains(&first)
    };
    match std::str::from_utf8(bytes) {
        _ if token::of_document(bytes).is_some() => token::of_document(bytes),
        Ok(text) if !text.is_empty() && !text.lines().any(is_of_a_policy) => {
            Some(("un texte", "a text"))
        }
        Ok("") => Some(("un fichier vide", "an empty file")),
        Ok(_) => None,
        Err(_) => Some((
            "un fichier d'une sorte inconnue",
            "a file of an unknown kind",
        )),
    }
}

fn private_key() -> Problem {
    let (french, english) = token::PRIVATE_KEY;
    Problem::new(
        Kind::Trust,
        format!("c'est {french}"),
        format!("this is {english}"),
    )
    .with_advice(
        "donnez à sa place, avec --trust ou --anchor, le certificat de l'autorité. Si la clé a quitté son détenteur, faites révoquer son certificat.",
        "give the authority's certificate in its place, with --trust or --anchor. If the key left its holder, have its certificate revoked.",
    )
}

pub(crate) fn read_trust(paths: &[PathBuf]) -> Result<Trust, Problem> {
    let mut trust = Trust::default();
    for path in paths {
        let larger = Problem::new(
            Kind::Trust,
            "ce fichier est plus grand que tout ce à quoi l'on peut faire confiance (32 Mio)",
            "larger than anything that can be trusted (32 MiB)",
        );
        let bytes = read_up_to(path, MAX_TRUST_BYTES, larger)?;
        if bytes.trim_ascii_start().starts_with(b"{") {
            if trust.bundle.is_some() {
                let twice = Problem::new(
                    Kind::Trust,
                    "un seul trust.json peut servir",
                    "only one trust.json can be used",
                );
                return Err(twice.in_file(path));
            }
            trust.bundle_from = shown(path);
            trust.bundle = Some(
                TrustBundle::from_json(&bytes)
                    .map_err(|error| unread(Kind::Trust, path, &bytes, &error))?,
            );
        } else if let Some(text) = std::str::from_utf8(&bytes)
            .ok()
            .filter(|text| text.contains("-----BEGIN"))
        {
            if token::has_private_key(&bytes) {
                return Err(private_key().in_file(path));
            }
            if text.matches("-----BEGIN ").count() > text.matches("-----END ").count() {
                let cut = Problem::new(
                    Kind::Trust,
                    "ce PEM est coupé : une ligne -----BEGIN n'a pas sa ligne -----END",
                    "this PEM is cut off: a -----BEGIN line is without its -----END line",
                );
                return Err(cut.in_file(path));
            }
            let problem = |error: &TspError| Problem::tsp(Kind::Trust, error).in_file(path);
            let crls = crls_from_pem(text).map_err(|error| problem(&error))?;
            let count = crls.len();
            let lists: Vec<Given> = given(path, "crls", crls).collect();
            for list in &lists {
                RevocationEvidence::default()
                    .add_crl(&list.der)
                    .map_err(|error| Problem::revocation(error).at(&list.from))?;
            }
            if count == 0 || text.contains("-----BEGIN CERTIFICATE-----") {
                let certificates = certificates_from_pem(text).map_err(|error| problem(&error))?;
                trust
                    .certificates
                    .extend(given(path, "certificates", certificates));
            }
            trust.crls.extend(lists);
        } else if bytes.starts_with(&[0x30]) {
            trust
                .add_der(path, bytes)
                .map_err(|problem| problem.in_file(path))?;
        } else if let Some((french, english)) = no_text(&bytes) {
            let other = Problem::new(
                Kind::Trust,
                format!("c'est {french}"),
                format!("this is {english}"),
            );
            return Err(other.in_file(path));
        } else {
            trust
                .policies
                .push(TlogPolicy::parse(&bytes).map_err(|error| {
                    Problem::words(Kind::Trust, |language| {
                    report::policy_words(&error, language)
                })
                .after(
                    "ce n'est ni un trust.json ni des certificats en PEM ; lu comme un tlog-policy",
                    "neither trust.json nor PEM certificates; as a tlog-policy",
                )
                .in_file(path)
                })?);
        }
    }
    Ok(trust)
}

pub(crate) fn now() -> Result<Time, Problem> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    since
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .and_then(|millis| Time::from_unix_millis(millis).ok())
        .ok_or_else(|| {
            Problem::new(
                Kind::Machine,
                "l'horloge de cette machine est hors de toute mesure",
                "this machine's clock is out of range",
            )
        })
}

pub(crate) fn leaf(path: &Path) -> Result<Vec<u8>, Problem> {
    let bytes = read_message(path)?;
    let token = if bytes.trim_ascii_start().starts_with(b"{") {
        Receipt::from_json(&bytes)
            .map_err(|error| unread(Kind::Evidence, path, &bytes, &error))?
            .token
    } else {
        bytes
    };
    TokenFile::parse(token)?
        .token()?
        .leaf_bytes()
        .map_err(|error| Problem::tsp(Kind::Evidence, &error))
}

pub(crate) struct Answer {
    pub(crate) kind: &'static str,
    pub(crate) outcome: Outcome,
    pub(crate) report: String,
    pub(crate) findings: Vec<Value>,
    pub(crate) facts: Value,
}

fn finding(finding: &Finding, language: Language) -> Value {
    json!({
        "code": finding.rejection.code(),
        "receipt": finding.receipt,
        "undecided": finding.rejection.is_undecided(),
        "message": report::finding_words(&finding.rejection, language),
        "advice": report::finding_advice(&finding.rejection, language),
    })
}

fn answer(
    kind: &'static str,
    rejections: &[Finding],
    report: &Report,
    facts: Value,
    language: Language,
) -> Answer {
    Answer {
        kind,
        outcome: Outcome::of(rejections.iter().map(|finding| &finding.rejection)),
        report: report.to_text(),
        findings: rejections
            .iter()
            .map(|one| finding(one, language))
            .collect(),
        facts,
    }
}

/// For what has no report of its own: what is not proven, and what to do.
pub(crate) fn not_proven(
    kind: &'static str,
    outcome: Outcome,
    language: Language,
    code: &str,
    message: &str,
    advice: &str,
) -> Answer {
    let undecided = outcome == Outcome::Undecided;
    let verdict = match undecided {
        true => say(language, "INDÉTERMINÉ :", "CANNOT DECIDE:"),
        false => say(language, "REJETÉ :", "DISPROVEN:"),
    };
    let next = say(language, "Que faire :", "What to do:");
    let mut finding = json!({
        "code": code,
        "source": "kbox",
        "undecided": undecided,
        "message": message,
        "advice": advice,
    });
    let members: &[&str] = match kind == token::KIND {
        true => &["renewal", "file"],
        false => &["receipt"],
    };
    for member in members {
        finding[*member] = Value::Null;
    }
    Answer {
        kind,
        outcome,
        report: format!("{verdict} [{code}] {message}\n{next} {advice}\n"),
        findings: vec![finding],
        facts: Value::Null,
    }
}

/// Nobody is trusted yet who could have signed such evidence.
pub(crate) fn no_trust(kind: &'static str, language: Language) -> Answer {
    let advice = match kind {
        token::KIND => say(
            language,
            "donnez avec --trust le certificat racine de l'autorité d'horodatage (PEM ou DER), obtenu d'elle ou d'une liste de confiance.",
            "give the timestamp authority's root certificate (PEM or DER) with --trust, got from the authority or a trusted list.",
        ),
        TLOG_PROOF => say(
            language,
            "donnez avec --trust un tlog-policy, et un seul, qui porte la clé du journal.",
            "give one tlog-policy, which has the log's key, with --trust.",
        ),
        _ => say(
            language,
            "donnez avec --trust le trust.json du service, obtenu hors du dossier.",
            "give the service's trust.json with --trust, got from outside the evidence.",
        ),
    };
    let message = say(
        language,
        "rien ne dit à qui vous faites confiance pour une telle preuve.",
        "nothing says whom you trust for such evidence.",
    );
    let outcome = Outcome::Undecided;
    not_proven(kind, outcome, language, "trust.missing", &message, &advice)
}

/// Nor is any trust.json there, perhaps only something else that can be trusted.
fn no_bundle(kind: &'static str, trust: &Trust, language: Language) -> Answer {
    let (french, english) = match (trust.certificates.is_empty(), trust.policies.is_empty()) {
        (_, false) => ("un tlog-policy", "a tlog-policy"),
        (false, true) => ("des certificats", "certificates"),
        _ if !(trust.crls.is_empty() && trust.ocsp.is_empty()) => (
            "des listes ou réponses de révocation",
            "revocation lists or responses",
        ),
        _ => return no_trust(kind, language),
    };
    let message = say(
        language,
        &format!(
            "--trust ne donne que {french} : un récépissé ou un dossier de preuve demande un trust.json, qui porte aussi la clé du journal."
        ),
        &format!(
            "--trust gives only {english}: a receipt or a proof file needs a trust.json, which has the log's key as well."
        ),
    );
    let advice = say(
        language,
        "donnez avec --trust le trust.json du service, obtenu hors du dossier.",
        "give the service's trust.json with --trust, got from outside the evidence.",
    );
    let outcome = Outcome::Undecided;
    not_proven(kind, outcome, language, "trust.missing", &message, &advice)
}

/// What the evidence is about was not given.
pub(crate) fn no_document(kind: &'static str, language: Language) -> Answer {
    let (message, advice) = match kind {
        TLOG_PROOF => (
            say(
                language,
                "l'entrée du journal n'est pas donnée.",
                "the log entry is not given.",
            ),
            say(
                language,
                "donnez l'entrée du journal avec --document (« kbox-verify leaf » l'écrit).",
                "give the log entry with --document (`kbox-verify leaf` writes it).",
            ),
        ),
        _ => (
            say(
                language,
                "le fichier horodaté n'est pas donné.",
                "what was timestamped is not given.",
            ),
            say(
                language,
                "donnez le fichier horodaté avec --document, ou la requête avec --request.",
                "give what was timestamped with --document, or the query with --request.",
            ),
        ),
    };
    let outcome = Outcome::Undecided;
    not_proven(
        kind,
        outcome,
        language,
        "document.missing",
        &message,
        &advice,
    )
}

/// Prints; who stops reading (`| head`) has read enough.
pub(crate) fn print_out(text: &str) -> Result<(), Problem> {
    match write(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(unwritten(&error)),
        _ => Ok(()),
    }
}

/// For a program: all of it, or a problem.
pub(crate) fn write_out(bytes: &[u8]) -> Result<(), Problem> {
    write(bytes).map_err(|error| unwritten(&error))
}

fn write(bytes: &[u8]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush())
}

fn unwritten(error: &std::io::Error) -> Problem {
    Problem::new(
        Kind::Machine,
        "la réponse ne peut être écrite sur la sortie standard",
        format!("the answer cannot be written to standard output: {error}"),
    )
}

pub(crate) fn verify(options: &Options) -> Result<ExitCode, Problem> {
    let bytes = read_evidence(&options.path)?;
    let trust = read_trust(&options.trust)?;
    let answer = judge(&bytes, &trust, options)?;
    if options.json {
        let value = json!({
            "kind": answer.kind,
            "outcome": answer.outcome.code(),
            "findings": answer.findings,
            "facts": answer.facts,
        });
        print_out(&format!("{value:#}\n"))?;
    } else {
        print_out(&answer.report)?;
    }
    Ok(match answer.outcome {
        Outcome::Proven => ExitCode::SUCCESS,
        Outcome::Disproven => ExitCode::from(1),
        Outcome::Undecided => ExitCode::from(2),
    })
}

fn judge(bytes: &[u8], trust: &Trust, options: &Options) -> Result<Answer, Problem> {
    let language = options.language;
    let has_own_proof = bytes.starts_with(b"PK")
        || bytes.trim_ascii_start().starts_with(b"{")
        || bytes.starts_with(b"c2sp.org/tlog-proof@");
    if has_own_proof && options.existed_by.is_some() {
        return Err(Problem::new(
            Kind::Usage,
            "--existed-by est pour les jetons seuls : la preuve d'existence d'un récépissé est dans son journal",
            "--existed-by is for tokens: a receipt's proof of existence is in its log",
        ));
    }
    if has_own_proof
        && !(options.renewed_by.is_empty()
            && options.policies.is_empty()
            && options.request.is_none()
            && options.anchors.is_empty())
    {
        return Err(Problem::new(
            Kind::Usage,
            "--anchor, --renewed-by, --policy et --request sont pour les jetons seuls",
            "--anchor, --renewed-by, --policy and --request are for tokens",
        ));
    }
    let policy = || match &trust.bundle {
        Some(bundle) => {
            let mut bundle = bundle.clone();
            bundle
                .crls
                .extend(trust.crls.iter().map(|list| list.der.clone()));
            bundle
                .ocsp
                .extend(trust.ocsp.iter().map(|response| response.der.clone()));
            TrustPolicy::new(&bundle).map(Some).map_err(|problem| {
                Problem::trust(&problem).after(&trust.bundle_from, &trust.bundle_from)
            })
        }
        None => Ok(None),
    };
    if bytes.starts_with(b"PK") {
        let file = ProofFile::read(Cursor::new(bytes))
            .map_err(|error| unread(Kind::Evidence, &options.path, bytes, &error))?;
        let documents = documents::given(&options.documents)?;
        let Some(policy) = policy()? else {
            return Ok(no_bundle("proof_file", trust, language));
        };
        let result = verify_proof_file(&file.content(), &policy, now()?);
        let report = report::proof_file(&result, &policy, language);
        let facts = match &result {
            Ok(file) => json!({
                "clock": clock(policy.environment() == Environment::Demonstration),
                "receipts": file.receipts().len(),
                "level": file.level(),
                "times": file.receipts().iter().map(|verified| {
                    let mut facts = time_facts(verified);
                    facts["rank"] = verified.event().header.rank.into();
                    facts["gen_time"] = json!(verified.timestamp().gen_time());
                    facts["level"] = json!(verified.level());
                    facts
                }).collect::<Vec<_>>(),
                "revocation": revocation_facts(file.revocation()),
                "erasures": file.erasures().iter().map(|erasure| json!({
                    "rank": erasure.rank,
                    "at": erasure.at,
                    "erased": erasure.erased,
                    "basis": erasure.content.basis,
                    "decision": erasure.content.decision,
                    "by": erasure.content.by,
                    "still_here": erasure.still_here,
                })).collect::<Vec<_>>(),
                "sendings": file.sendings().iter().map(|sending| json!({
                    "verdict": sending.verdict().map(|verdict| verdict.by_gen_time),
                    "verdict_by_existence": sending.verdict().and_then(|verdict| verdict.by_existence),
                    "no_accepted_notice": sending.without_notice().map(|line| line.recipient).collect::<Vec<_>>(),
                    "digest": sending.digest.to_hex(),
                    "sealed": sending.sealed,
                    "seance": sending.submission.seance,
                    "rule": sending.submission.rule,
                    "recipients": sending.recipients.iter().map(|line| json!({
                        "recipient": line.recipient,
                        "identity": line.identity,
                        "for_information": line.for_information,
                        "consigned": line.consigned,
                        "notified": line.notified,
                        "notification_failed": line.notification_failed,
                        "opened": line.opened,
                        "acknowledged": line.acknowledged,
                        "papers": line.papers,
                        "period": line.period.code(),
                        "delai": line.period.verdict().map(|verdict| &verdict.by_gen_time),
                        "delai_by_existence": line.period.verdict().and_then(|verdict| verdict.by_existence.as_ref()),
                    })).collect::<Vec<_>>(),
                })).collect::<Vec<_>>(),
            }),
            Err(_) => Value::Null,
        };
        return Ok(match result {
            Ok(file) => {
                let mut answer = answer("proof_file", &[], &report, facts, language);
                let events = file.receipts().iter().map(VerifiedReceipt::event);
                documents::hold_against(&mut answer, &documents, events, language);
                answer
            }
            Err(findings) => answer("proof_file", &findings, &report, facts, language),
        });
    }
    if bytes.trim_ascii_start().starts_with(b"{") {
        let receipt = Receipt::from_json(bytes)
            .map_err(|error| unread(Kind::Evidence, &options.path, bytes, &error))?;
        let documents = documents::given(&options.documents)?;
        let Some(policy) = policy()? else {
            return Ok(no_bundle("receipt", trust, language));
        };
        let result = verify_receipt(&receipt, &policy, now()?);
        let report = report::receipt(&result, &policy, language);
        let mut facts = match &result {
            Ok(verified) => json!({
                "clock": clock(policy.environment() == Environment::Demonstration),
                "event": verified.event().body.detail.name(),
                "collectivite": verified.event().header.collectivite,
                "rank": verified.event().header.rank,
                "digest": verified.digest().to_hex(),
                "personal": personal(verified),
                "recipient": verified.personal().and_then(|data| data.recipient.as_ref()).map(|opening| &opening.identity),
                "gen_time": verified.timestamp().gen_time(),
                "proof_of_existence": verified.proof_of_existence(),
                "index": verified.index(),
                "level": verified.level(),
                "revocation": revocation_facts(verified.revocation()),
            }),
            Err(_) => Value::Null,
        };
        if let (Ok(verified), Value::Object(facts)) = (&result, &mut facts)
            && let Value::Object(times) = time_facts(verified)
        {
            facts.extend(times);
        }
        return Ok(match result {
            Ok(verified) => {
                let mut answer = answer("receipt", &[], &report, facts, language);
                let event = [verified.event()];
                documents::hold_against(&mut answer, &documents, event, language);
                answer
            }
            Err(rejection) => {
                let finding = Finding {
                    receipt: None,
                    rejection,
                };
                answer("receipt", &[finding], &report, facts, language)
            }
        });
    }
    if bytes.starts_with(b"c2sp.org/tlog-proof@") {
        return tlog_proof(bytes, trust, options);
    }
    token::judge(bytes, trust, options)
}

/// What witnesses and outside authorities show of an entry's time.
fn time_facts(verified: &VerifiedReceipt) -> Value {
    let shown = verified.witnessing();
    let bound = |bound: Option<Bound>| {
        bound.map(|bound| json!({"time": bound.time, "accuracy_ms": millis(bound.accuracy)}))
    };
    json!({
        "bounds": {"low": bound(shown.low), "high": bound(shown.high), "max_gap_s": shown.max_gap.as_secs()},
        "witnesses": {
            "quorum": shown.quorum,
            "independent": shown.independent().count(),
            "operators": shown.operators.iter().map(|operator| json!({
                "name": operator.name,
                "witnesses": operator.witnesses,
                "independent": operator.independent,
                "accuracy_ms": millis(operator.accuracy),
                "without_entry": operator.without_entry.time(),
                "with_entry": operator.with_entry.time(),
                "counts_for_low": operator.counts_for_low,
                "counts_for_high": operator.counts_for_high,
            })).collect::<Vec<_>>(),
        },
        "anchors": verified.anchors().iter().map(|anchor| json!({
            "authority": report::authority_name(anchor),
            "sha256": Sha256Digest::of(anchor.timestamp.signer_certificate()).to_hex(),
            "policy": anchor.timestamp.policy().to_string(),
            "gen_time": anchor.timestamp.gen_time(),
            "latest": anchor.timestamp.interval().1,
            "tree_size": anchor.tree_size,
        })).collect::<Vec<_>>(),
        "anchors_not_judged": verified.anchors_not_judged(),
    })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Whether the personal part of a receipt's event is there.
fn personal(verified: &VerifiedReceipt) -> &'static str {
    match (verified.personal(), verified.is_personal_part_missing()) {
        (Some(_), _) => "shown",
        (None, true) => "withheld_or_erased",
        (None, false) => "none",
    }
}

/// What the trust bundle claims of the clock behind the tokens.
fn clock(demonstration: bool) -> &'static str {
    match demonstration {
        true => "unverified",
        false => "measured",
    }
}

/// The one `--document`, if any.
pub(crate) fn document(options: &Options) -> Result<Option<&Path>, Problem> {
    match options.documents.as_slice() {
        [] => Ok(None),
        [path] => Ok(Some(path)),
        _ => Err(Problem::new(
            Kind::Usage,
            "un seul --document pour un jeton ou un tlog-proof",
            "one --document only for a token or tlog-proof",
        )),
    }
}

pub(crate) fn revocation_facts(revocation: Revocation) -> Value {
    match revocation {
        Revocation::NotRevokedAsOf { as_of, until } => {
            json!({"status": revocation.code(), "as_of": as_of, "until": until})
        }
        _ => match revocation.revoked_later() {
            Some(at) => json!({"status": revocation.code(), "revoked_at": at}),
            None => json!({"status": revocation.code()}),
        },
    }
}

pub(crate) fn say(language: Language, french: &str, english: &str) -> String {
    match language {
        Language::French => french.to_string(),
        Language::English => english.to_string(),
    }
}

/// The entry is in the log, as far as the log's own signature goes.
fn too_few_witnesses(message: &str, language: Language) -> Answer {
    let advice = say(
        language,
        "rien n'est altéré : la signature du journal et l'inscription de l'entrée tiennent, seules manquent des signatures de témoins. Redemandez cette preuve au journal quand davantage de ces témoins auront signé ; si ceux qui ont signé vous suffisent, donnez un tlog-policy dont ils forment le quorum.",
        "nothing was altered: the log's signature and the entry's inclusion hold, only witnesses' cosignatures are missing. Ask the log for this proof again when more of these witnesses have cosigned; if those who did will do for you, give a tlog-policy of which they are a quorum.",
    );
    let outcome = Outcome::Undecided;
    let code = "witness.quorum";
    not_proven(TLOG_PROOF, outcome, language, code, message, &advice)
}

fn tlog_proof(bytes: &[u8], trust: &Trust, options: &Options) -> Result<Answer, Problem> {
    let language = options.language;
    let proof = TlogProof::parse(bytes).map_err(|error| {
        Problem::words(Kind::Evidence, |language| {
            report::tlog_proof_words(&error, language)
        })
        .in_file(&options.path)
    })?;
    let [policy] = trust.policies.as_slice() else {
        return Ok(no_trust(TLOG_PROOF, language));
    };
    let Some(entry) = document(options)? else {
        return Ok(no_document(TLOG_PROOF, language));
    };
    let entry = read(entry)?;
    let leaf = hash_leaf(&entry);
    let policy_words = |error: &PolicyError| report::policy_words(error, language);
    let proof_words = |error: &TlogProofError| report::tlog_proof_words(error, language);
    let checked = match policy.verify(proof.checkpoint()) {
        Ok(witnessed) => proof
            .verify_inclusion_in(&leaf, witnessed.checkpoint())
            .map(|()| witnessed)
            .map_err(|error| proof_words(&error)),
        // Whether anything was altered is looked at first.
        Err(error @ PolicyError::QuorumNotMet { .. }) => {
            let logs = policy.logs().iter().map(PolicyLog::key);
            let mut proofs = logs.map(|log| proof.verify(&leaf, log));
            // Of several keys of this log, one that signed.
            let signed = proofs.find(|one| !matches!(one, Err(TlogProofError::Checkpoint(_))));
            match signed {
                Some(Err(error)) => Err(proof_words(&error)),
                _ => return Ok(too_few_witnesses(&policy_words(&error), language)),
            }
        }
        Err(error) => Err(policy_words(&error)),
    };
    Ok(match checked {
        Ok(witnessed) => {
            let (index, size) = (proof.index().get(), witnessed.checkpoint().size().get());
            let text = say(
                language,
                &format!(
                    "PROUVÉ : entrée {index} sur {size} du journal {}. Aucun instant n'est prouvé.",
                    witnessed.checkpoint().origin()
                ),
                &format!(
                    "PROVEN: entry {index} of {size} of the log {}. No time is proven.",
                    witnessed.checkpoint().origin()
                ),
            );
            Answer {
                kind: TLOG_PROOF,
                outcome: Outcome::Proven,
                report: format!("{text}\n"),
                findings: Vec::new(),
                facts: json!({"index": index, "size": size}),
            }
        }
        Err(message) => {
            let advice = say(
                language,
                "vérifiez que --document est bien l'entrée inscrite, octet pour octet, et que --trust porte la clé de ce journal ; s'il en est ainsi, la preuve a été altérée ou contrefaite.",
                "make sure that --document is the entry that was logged, byte for byte, and that --trust has this log's key; if so, the proof was altered or forged.",
            );
            // Anybody can change a path, or leave out a witness.
            let outcome = Outcome::Undecided;
            not_proven(
                TLOG_PROOF,
                outcome,
                language,
                "log.proof",
                &message,
                &advice,
            )
        }
    })
}
