// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Reads the files, lets the library judge, prints.

use std::fs::File;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use kbox_proof::merkle::hash_leaf;
use kbox_proof::receipt::{ProofFile, Receipt, TrustBundle};
use kbox_proof::report::{self, Language, Outcome, Report};
use kbox_proof::time::Time;
use kbox_proof::tlog::{TlogPolicy, TlogProof};
use kbox_proof::tsp::{
    Accuracy, ChainTime, MessageImprint, Revocation, RevocationEvidence, TimeStampResp,
    TimeStampToken, TokenTrust, TstInfo, certificates_from_pem, crls_from_pem, verify_token,
};
use kbox_proof::verify::{Finding, Rejection, TrustPolicy, verify_proof_file, verify_receipt};
use serde_json::{Value, json};

use crate::arguments::Options;

/// A little more than the largest proof file.
const MAX_FILE_BYTES: u64 = (1 << 30) + (64 << 20);

fn read(path: &Path) -> Result<Vec<u8>, String> {
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
struct Trust {
    bundle: Option<TrustBundle>,
    certificates: Vec<Vec<u8>>,
    /// In DER; used for receipts and tokens alike.
    crls: Vec<Vec<u8>>,
    policies: Vec<TlogPolicy>,
}

fn read_trust(paths: &[PathBuf]) -> Result<Trust, String> {
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

fn now() -> Result<Time, String> {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(|error| error.to_string())?;
    i64::try_from(since.as_millis())
        .ok()
        .and_then(|millis| Time::from_unix_millis(millis).ok())
        .ok_or_else(|| "this machine's clock is out of range".to_string())
}

fn token_of(bytes: &[u8]) -> Result<TimeStampToken, String> {
    TimeStampToken::parse(bytes).or_else(|error| match TimeStampResp::parse(bytes) {
        Ok(response) => response.token().cloned().ok_or_else(|| {
            format!(
                "the authority refused: {:?} {:?}",
                response.status(),
                response.fail_info()
            )
        }),
        Err(_) => Err(format!("not a timestamp token: {error}")),
    })
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
    token_of(&token)?
        .leaf_bytes()
        .map_err(|error| error.to_string())
}

struct Answer {
    kind: &'static str,
    outcome: Outcome,
    report: String,
    findings: Vec<Value>,
    facts: Value,
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
fn short(
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

fn no_trust(kind: &'static str, language: Language) -> Answer {
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
    let policy = || match &trust.bundle {
        Some(bundle) => {
            let mut bundle = bundle.clone();
            bundle.crls.extend(trust.crls.iter().cloned());
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
    token(bytes, trust, options)
}

fn document(options: &Options) -> Result<Option<Vec<u8>>, String> {
    match options.documents.as_slice() {
        [] => Ok(None),
        [path] => read(path).map(Some),
        _ => Err("one --document only for a token or tlog-proof".to_string()),
    }
}

fn revocation_facts(revocation: Revocation) -> Value {
    match revocation {
        Revocation::RevokedLater { at } => json!({"status": revocation.code(), "revoked_at": at}),
        _ => json!({"status": revocation.code()}),
    }
}

fn say(language: Language, french: &str, english: &str) -> String {
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

fn token(bytes: &[u8], trust: &Trust, options: &Options) -> Result<Answer, String> {
    const KIND: &str = "token";
    let language = options.language;
    let token = token_of(bytes)?;
    let mut roots = trust.certificates.clone();
    let mut extra = Vec::new();
    let mut revocation = RevocationEvidence::default();
    for crl in &trust.crls {
        revocation.add_crl(crl).map_err(|error| error.to_string())?;
    }
    if let Some(bundle) = &trust.bundle {
        for crl in &bundle.crls {
            revocation.add_crl(crl).map_err(|error| error.to_string())?;
        }
        for response in &bundle.ocsp {
            revocation
                .add_ocsp(response)
                .map_err(|error| error.to_string())?;
        }
        for text in &bundle.roots {
            roots.extend(certificates_from_pem(text).map_err(|error| error.to_string())?);
        }
        for text in bundle
            .authorities
            .iter()
            .flat_map(|authority| &authority.chain)
        {
            extra.extend(certificates_from_pem(text).map_err(|error| error.to_string())?);
        }
    }
    if roots.is_empty() {
        return Ok(no_trust(KIND, language));
    }
    let Some(data) = document(options)? else {
        let text = say(
            language,
            "INDÉTERMINÉ : donnez ce qui a été horodaté avec --document.",
            "CANNOT DECIDE: give what was timestamped with --document.",
        );
        return Ok(short(
            KIND,
            Outcome::Undecided,
            Some("document.missing"),
            text,
            Value::Null,
        ));
    };
    let Some(algorithm) = token.tst_info().message_imprint().hash_algorithm() else {
        let text = say(
            language,
            "REJETÉ : l'empreinte est d'un algorithme inconnu ou trop faible.",
            "DISPROVEN: the imprint's algorithm is unknown or too weak.",
        );
        return Ok(short(
            KIND,
            Outcome::Disproven,
            Some("tsp.imprint_algorithm"),
            text,
            Value::Null,
        ));
    };
    let judged = Judged::new(options)?;
    let mut rule = TokenTrust::new(&roots, ChainTime::At(judged.at));
    rule.extra_certificates = &extra;
    rule.revocation = Some(&revocation);
    let verified = verify_token(&token, &MessageImprint::of(algorithm, &data), &rule);
    // What is disproven stays so, whatever the auditor states.
    let disproven = verified
        .as_ref()
        .is_err_and(|rejection| !rejection.is_undecided());
    if !disproven && judged.contradicts(token.tst_info()) {
        return Ok(judged.contradiction(KIND, token.tst_info().gen_time(), language));
    }
    let mut answer = match verified {
        Ok(verified) => {
            let (earliest, latest) = verified.interval();
            let revocation = report::revocation_words(verified.revocation(), language);
            let text = say(
                language,
                &format!(
                    "PROUVÉ : d'après l'autorité d'horodatage, ces octets existaient au plus tard le {latest} (heure indiquée {}, au plus tôt {earliest}), politique {}. {revocation}",
                    verified.gen_time(),
                    verified.policy()
                ),
                &format!(
                    "PROVEN: the timestamp authority states that these bytes existed no later than {latest} (stated {}, earliest {earliest}), policy {}. {revocation}",
                    verified.gen_time(),
                    verified.policy()
                ),
            );
            let facts = json!({"gen_time": verified.gen_time(), "earliest": earliest, "latest": latest, "policy": verified.policy().to_string(), "revocation": revocation_facts(verified.revocation())});
            short(KIND, Outcome::Proven, None, text, facts)
        }
        Err(error) => {
            let rejection = Rejection::Token(error);
            let outcome = Outcome::of([&rejection]);
            let word = match outcome {
                Outcome::Undecided => say(language, "INDÉTERMINÉ", "CANNOT DECIDE"),
                _ => say(language, "REJETÉ", "DISPROVEN"),
            };
            short(
                KIND,
                outcome,
                Some(rejection.code()),
                format!("{word} : [{}] {rejection}", rejection.code()),
                json!({}),
            )
        }
    };
    judged.say(&mut answer, language);
    Ok(answer)
}

/// The instant at which a bare token's certificates are judged, and on whose word.
struct Judged {
    at: Time,
    stated: bool,
}

impl Judged {
    fn new(options: &Options) -> Result<Self, String> {
        let now = now()?;
        match options.existed_by {
            Some(at) if at > now => Err(format!(
                "--existed-by {at} lies in the future: nothing is known of it yet"
            )),
            Some(at) => Ok(Self { at, stated: true }),
            None => Ok(Self {
                at: now,
                stated: false,
            }),
        }
    }

    /// The token says that it was made after the instant by which it is said to have existed.
    fn contradicts(&self, info: &TstInfo) -> bool {
        let accuracy = info.accuracy().map(Accuracy::to_duration);
        let earliest = info.gen_time().saturating_sub(accuracy.unwrap_or_default());
        self.stated && earliest > self.at
    }

    fn contradiction(&self, kind: &'static str, gen_time: Time, language: Language) -> Answer {
        let code = "existed_by.before_gen_time";
        let at = self.at;
        let text = say(
            language,
            &format!(
                "INDÉTERMINÉ : [{code}] vous indiquez que le jeton existait le {at} (--existed-by), mais il se dit fait le {gen_time}."
            ),
            &format!(
                "CANNOT DECIDE: [{code}] you state that the token existed by {at} (--existed-by), but it says that it was made at {gen_time}."
            ),
        );
        let facts = json!({"gen_time": gen_time, "judged_at": at, "judged_by": "existed_by"});
        short(kind, Outcome::Undecided, Some(code), text, facts)
    }

    /// Adds to the answer when the certificates were judged, and why then.
    fn say(&self, answer: &mut Answer, language: Language) {
        let at = self.at;
        let text = match self.stated {
            true => say(
                language,
                &format!(
                    "Certificats jugés au {at}, date à laquelle vous indiquez que le jeton existait (--existed-by)."
                ),
                &format!(
                    "Certificates judged at {at}, by when you state that the token existed (--existed-by)."
                ),
            ),
            false => say(
                language,
                &format!(
                    "Certificats jugés maintenant ({at}), faute de preuve que le jeton existait plus tôt ; si vous en avez une, indiquez sa date avec --existed-by."
                ),
                &format!(
                    "Certificates judged now ({at}), for want of proof that the token existed earlier; if you have one, give its time with --existed-by."
                ),
            ),
        };
        answer.report.push_str(&text);
        answer.report.push('\n');
        answer.facts["judged_at"] = json!(at);
        answer.facts["judged_by"] = json!(if self.stated { "existed_by" } else { "now" });
    }
}
