// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Reads the files, lets the library judge, prints.

use std::fs::File;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use kbox_proof::event::Environment;
use kbox_proof::merkle::hash_leaf;
use kbox_proof::receipt::{ProofFile, Receipt, TrustBundle};
use kbox_proof::report::{self, Language, Outcome, Report};
use kbox_proof::time::Time;
use kbox_proof::tlog::{TlogPolicy, TlogProof};
use kbox_proof::tsp::{
    Certificate, Revocation, RevocationEvidence, RevocationRejection, certificates_from_pem,
    crls_from_pem,
};
use kbox_proof::verify::{Finding, TrustPolicy, verify_proof_file, verify_receipt};
use serde_json::{Value, json};

use crate::arguments::Options;
use crate::token::{self, TokenFile};

/// A little more than the largest proof file.
const MAX_FILE_BYTES: u64 = (1 << 30) + (64 << 20);

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let problem = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(problem)?;
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(problem)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("{}: larger than any proof file", path.display()));
    }
    Ok(bytes)
}

#[derive(Default)]
pub(crate) struct Trust {
    pub(crate) bundle: Option<TrustBundle>,
    pub(crate) certificates: Vec<Vec<u8>>,
    /// In DER; used for receipts and tokens alike.
    pub(crate) crls: Vec<Vec<u8>>,
    /// OCSP responses, likewise.
    pub(crate) ocsp: Vec<Vec<u8>>,
    policies: Vec<TlogPolicy>,
}

impl Trust {
    /// A certificate, a revocation list or an OCSP response, in DER.
    fn add_der(&mut self, bytes: Vec<u8>) -> Result<(), String> {
        if Certificate::parse(&bytes).is_ok() {
            self.certificates.push(bytes);
            return Ok(());
        }
        let as_list = RevocationEvidence::default().add_crl(&bytes);
        let as_response = RevocationEvidence::default().add_ocsp(&bytes);
        match (as_list, as_response) {
            (Ok(()), _) => self.crls.push(bytes),
            (_, Ok(())) => self.ocsp.push(bytes),
            // What is read and refused says more than what is not read.
            (Err(RevocationRejection::Unreadable(_)), Err(refused)) | (Err(refused), _) => {
                return Err(format!(
                    "neither a certificate, a revocation list nor an OCSP response that can be used: {refused}"
                ));
            }
        }
        Ok(())
    }
}

pub(crate) fn read_trust(paths: &[PathBuf]) -> Result<Trust, String> {
    let mut trust = Trust::default();
    for path in paths {
        let bytes = read(path)?;
        let name = path.display();
        if bytes.trim_ascii_start().starts_with(b"{") {
            if trust.bundle.is_some() {
                return Err(format!("{name}: only one trust.json can be used"));
            }
            trust.bundle =
                Some(TrustBundle::from_json(&bytes).map_err(|error| format!("{name}: {error}"))?);
        } else if let Some(text) = std::str::from_utf8(&bytes)
            .ok()
            .filter(|text| text.contains("-----BEGIN"))
        {
            let problem = |error: &dyn std::fmt::Display| format!("{name}: {error}");
            let crls = crls_from_pem(text).map_err(|error| problem(&error))?;
            for crl in &crls {
                RevocationEvidence::default()
                    .add_crl(crl)
                    .map_err(|error| problem(&error))?;
            }
            if crls.is_empty() || text.contains("-----BEGIN CERTIFICATE-----") {
                let certificates = certificates_from_pem(text).map_err(|error| problem(&error))?;
                trust.certificates.extend(certificates);
            }
            trust.crls.extend(crls);
        } else if bytes.starts_with(&[0x30]) {
            trust
                .add_der(bytes)
                .map_err(|error| format!("{name}: {error}"))?;
        } else {
            trust
                .policies
                .push(TlogPolicy::parse(&bytes).map_err(|error| {
                    format!(
                        "{name}: neither trust.json nor PEM certificates; as a tlog-policy: {error}"
                    )
                })?);
        }
    }
    Ok(trust)
}

pub(crate) fn now() -> Result<Time, String> {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(|error| error.to_string())?;
    i64::try_from(since.as_millis())
        .ok()
        .and_then(|millis| Time::from_unix_millis(millis).ok())
        .ok_or_else(|| "this machine's clock is out of range".to_string())
}

pub(crate) fn leaf(path: &Path) -> Result<Vec<u8>, String> {
    let bytes = read(path)?;
    let token = if bytes.trim_ascii_start().starts_with(b"{") {
        Receipt::from_json(&bytes)
            .map_err(|error| error.to_string())?
            .token
    } else {
        bytes
    };
    TokenFile::parse(token)?
        .token()?
        .leaf_bytes()
        .map_err(|error| error.to_string())
}

pub(crate) struct Answer {
    pub(crate) kind: &'static str,
    pub(crate) outcome: Outcome,
    pub(crate) report: String,
    pub(crate) findings: Vec<Value>,
    pub(crate) facts: Value,
}

fn finding(finding: &Finding) -> Value {
    json!({
        "code": finding.rejection.code(),
        "receipt": finding.receipt,
        "undecided": finding.rejection.is_undecided(),
        "message": finding.rejection.to_string(),
    })
}

fn answer(kind: &'static str, rejections: &[Finding], report: &Report, facts: Value) -> Answer {
    Answer {
        kind,
        outcome: Outcome::of(rejections.iter().map(|finding| &finding.rejection)),
        report: report.to_text(),
        findings: rejections.iter().map(finding).collect(),
        facts,
    }
}

/// For what has no report of its own: one sentence.
pub(crate) fn short(
    kind: &'static str,
    outcome: Outcome,
    code: Option<&str>,
    text: String,
    facts: Value,
) -> Answer {
    let findings = code.map(
        |code| json!({"code": code, "undecided": outcome == Outcome::Undecided, "message": text}),
    );
    Answer {
        kind,
        outcome,
        report: format!("{text}\n"),
        findings: findings.into_iter().collect(),
        facts,
    }
}

pub(crate) fn no_trust(kind: &'static str, language: Language) -> Answer {
    let text = match language {
        Language::French => {
            "INDÉTERMINÉ : dites à qui vous faites confiance avec --trust (trust.json obtenu hors du dossier)."
        }
        Language::English => {
            "CANNOT DECIDE: say whom you trust with --trust (a trust.json from outside the evidence)."
        }
    };
    short(
        kind,
        Outcome::Undecided,
        Some("trust.missing"),
        text.to_string(),
        Value::Null,
    )
}

/// Prints; who stops reading (`| head`) has read enough.
fn print_out(text: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(format!("the report cannot be written: {error}"))
        }
        _ => Ok(()),
    }
}

pub(crate) fn verify(options: &Options) -> Result<ExitCode, String> {
    let bytes = read(&options.path)?;
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

fn judge(bytes: &[u8], trust: &Trust, options: &Options) -> Result<Answer, String> {
    let language = options.language;
    let has_own_proof = bytes.starts_with(b"PK")
        || bytes.trim_ascii_start().starts_with(b"{")
        || bytes.starts_with(b"c2sp.org/tlog-proof@");
    if has_own_proof && options.existed_by.is_some() {
        return Err(
            "--existed-by is for tokens: a receipt's proof of existence is in its log".to_string(),
        );
    }
    if has_own_proof
        && !(options.renewed_by.is_empty()
            && options.policies.is_empty()
            && options.request.is_none()
            && options.anchors.is_empty())
    {
        return Err("--anchor, --renewed-by, --policy and --request are for tokens".to_string());
    }
    let policy = || match &trust.bundle {
        Some(bundle) => {
            let mut bundle = bundle.clone();
            bundle.crls.extend(trust.crls.iter().cloned());
            bundle.ocsp.extend(trust.ocsp.iter().cloned());
            TrustPolicy::new(&bundle)
                .map(Some)
                .map_err(|error| error.to_string())
        }
        None => Ok(None),
    };
    if bytes.starts_with(b"PK") {
        let file = ProofFile::read(Cursor::new(bytes)).map_err(|error| error.to_string())?;
        let Some(policy) = policy()? else {
            return Ok(no_trust("proof_file", language));
        };
        let result = verify_proof_file(&file.content(), &policy, now()?);
        let report = report::proof_file(&result, &policy, language);
        let facts = match &result {
            Ok(file) => json!({
                "clock": clock(policy.environment() == Environment::Demonstration),
                "receipts": file.receipts().len(),
                "level": file.level(),
                "revocation": revocation_facts(file.revocation()),
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
        let findings = result.err().unwrap_or_default();
        return Ok(answer("proof_file", &findings, &report, facts));
    }
    if bytes.trim_ascii_start().starts_with(b"{") {
        let receipt = Receipt::from_json(bytes).map_err(|error| error.to_string())?;
        let Some(policy) = policy()? else {
            return Ok(no_trust("receipt", language));
        };
        let result = verify_receipt(&receipt, &policy, now()?);
        let report = report::receipt(&result, &policy, language);
        let facts = match &result {
            Ok(verified) => json!({
                "clock": clock(policy.environment() == Environment::Demonstration),
                "event": verified.event().body.detail.name(),
                "collectivite": verified.event().header.collectivite,
                "rank": verified.event().header.rank,
                "digest": verified.digest().to_hex(),
                "gen_time": verified.timestamp().gen_time(),
                "proof_of_existence": verified.proof_of_existence(),
                "index": verified.index(),
                "level": verified.level(),
                "revocation": revocation_facts(verified.revocation()),
            }),
            Err(_) => Value::Null,
        };
        let findings: Vec<_> = result
            .err()
            .map(|rejection| Finding {
                receipt: None,
                rejection,
            })
            .into_iter()
            .collect();
        return Ok(answer("receipt", &findings, &report, facts));
    }
    if bytes.starts_with(b"c2sp.org/tlog-proof@") {
        return tlog_proof(bytes, trust, options);
    }
    token::judge(bytes, trust, options)
}

/// What the trust bundle claims of the clock behind the tokens.
fn clock(demonstration: bool) -> &'static str {
    match demonstration {
        true => "unverified",
        false => "measured",
    }
}

pub(crate) fn document(options: &Options) -> Result<Option<Vec<u8>>, String> {
    match options.documents.as_slice() {
        [] => Ok(None),
        [path] => read(path).map(Some),
        _ => Err("one --document only for a token or tlog-proof".to_string()),
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

fn tlog_proof(bytes: &[u8], trust: &Trust, options: &Options) -> Result<Answer, String> {
    const KIND: &str = "tlog_proof";
    let language = options.language;
    let proof = TlogProof::parse(bytes).map_err(|error| error.to_string())?;
    let [policy] = trust.policies.as_slice() else {
        return Ok(no_trust(KIND, language));
    };
    let Some(entry) = document(options)? else {
        let text = say(
            language,
            "INDÉTERMINÉ : donnez l'entrée du journal avec --document.",
            "CANNOT DECIDE: give the log entry with --document.",
        );
        return Ok(short(
            KIND,
            Outcome::Undecided,
            Some("document.missing"),
            text,
            Value::Null,
        ));
    };
    let verified = policy
        .verify(proof.checkpoint())
        .map_err(|error| error.to_string());
    let checked = verified.and_then(|witnessed| {
        proof
            .verify_inclusion_in(&hash_leaf(&entry), witnessed.checkpoint())
            .map_err(|error| error.to_string())
            .map(|()| witnessed)
    });
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
            short(
                KIND,
                Outcome::Proven,
                None,
                text,
                json!({"index": index, "size": size}),
            )
        }
        Err(error) => {
            let text = say(
                language,
                &format!("REJETÉ : {error}"),
                &format!("DISPROVEN: {error}"),
            );
            short(
                KIND,
                Outcome::Disproven,
                Some("log.proof"),
                text,
                Value::Null,
            )
        }
    })
}
