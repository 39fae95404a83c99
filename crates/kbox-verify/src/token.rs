// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A lone timestamp token, perhaps in its response, perhaps renewed by later ones.

use std::path::PathBuf;

use kbox_proof::report::{self, Language, Outcome, TokenJudgement};
use kbox_proof::time::Time;
use kbox_proof::tsp::{
    Accuracy, Budget, Certificate, CertificateRevocation, ChainTime, HashAlgorithm, MessageImprint,
    RenewalRejection, RevocationEvidence, RevocationItem, RevocationRejection, StoredToken,
    Strength, TimeStampReq, TimeStampResp, TimeStampToken, TokenTrust, TspError, TspRejection,
    TstInfo, VerifiedTimeStamp, certificates_from_pem, verify_renewed_token,
    verify_requested_token,
};
use serde_json::{Value, json};

use crate::arguments::Options;
use crate::check::{
    Answer, Given, Trust, digested, document, no_document, no_trust, not_proven, now, read_message,
    read_trust, revocation_facts, say,
};
use crate::problem::{Kind, Problem, shown};

pub(crate) const KIND: &str = "token";

/// A file that holds a token or a response.
pub(crate) struct TokenFile {
    bytes: Vec<u8>,
    content: Content,
}

enum Content {
    Token(Box<TimeStampToken>),
    Response(Box<TimeStampResp>),
}

impl TokenFile {
    /// The error is that of the kind which the bytes begin as.
    fn read(bytes: Vec<u8>) -> Result<Self, TspError> {
        let content = match TimeStampToken::parse(&bytes) {
            Ok(token) => Content::Token(Box::new(token)),
            Err(of_token) => match TimeStampResp::parse(&bytes) {
                Ok(response) => Content::Response(Box::new(response)),
                Err(of_response) if begins_as_response(&bytes) => return Err(of_response),
                Err(_) => return Err(of_token),
            },
        };
        Ok(Self { bytes, content })
    }

    pub(crate) fn parse(bytes: Vec<u8>) -> Result<Self, Problem> {
        Self::read(bytes).map_err(|error| Problem::no_token(&error))
    }

    /// What `--renewed-by` asks for: a token, perhaps in its response.
    fn renewal(bytes: Vec<u8>) -> Result<Self, Problem> {
        let file = Self::read(bytes.clone()).map_err(|error| match other_kind(&bytes, &error) {
            Some((french, english)) if !is_own_limit(&error) => Problem::new(
                Kind::File,
                format!(
                    "ce n'est pas un jeton d'horodatage mais, semble-t-il, {french} (--renewed-by)"
                ),
                format!("this is no timestamp token but, it seems, {english} (--renewed-by)"),
            ),
            _ => Problem::tsp(Kind::File, &error).after(
                "illisible comme jeton d'horodatage (--renewed-by)",
                "not readable as a timestamp token (--renewed-by)",
            ),
        })?;
        match file.refusal() {
            None => Ok(file),
            Some(refusal) => Err(Problem::words(Kind::File, |language| {
                report::rejection_words(&refusal, language)
            })
            .after(
                "une réponse sans jeton (--renewed-by)",
                "a response without a token (--renewed-by)",
            )),
        }
    }

    /// Why there is no token, where there is none.
    fn refusal(&self) -> Option<TspRejection> {
        match &self.content {
            Content::Response(response) if response.token().is_none() => {
                Some(TspRejection::StatusNotGranted {
                    status: response.status(),
                    fail_info: response.fail_info(),
                    texts: response.status_string().to_vec(),
                })
            }
            _ => None,
        }
    }

    pub(crate) fn token(&self) -> Result<&TimeStampToken, Problem> {
        match &self.content {
            Content::Token(token) => Ok(token),
            Content::Response(response) => response.token().ok_or_else(|| {
                Problem::words(Kind::Evidence, |language| {
                    let refusal = self.refusal();
                    let words = |refusal| report::rejection_words(&refusal, language);
                    refusal.map(words).unwrap_or_default()
                })
            }),
        }
    }
}

/// A sequence within a sequence; a token begins with an object identifier.
fn begins_as_response(bytes: &[u8]) -> bool {
    bytes.get(header_length(bytes)) == Some(&0x30)
}

pub(crate) fn judge(bytes: &[u8], trust: &Trust, options: &Options) -> Result<Answer, Problem> {
    let language = options.language;
    let judged = Judged::new(options)?;
    let file = match TokenFile::read(bytes.to_vec()) {
        Ok(file) => file,
        Err(error) if is_own_limit(&error) => return Ok(too_large(&error, language)),
        Err(error) => {
            return Ok(match other_kind(bytes, &error) {
                Some((french, english)) => no_token(french, english, language),
                None => unread(&error, language),
            });
        }
    };
    if let Some(rejection) = file.refusal() {
        let refused = RenewalRejection {
            index: 0,
            rejection,
            renewed_at: None,
        };
        return Ok(judged.answer(Err(&refused), None, options));
    }
    let token = file.token()?;
    let trusted = Trusted::new(trust, &options.anchors)?;
    let revocation = trusted.revocation()?;
    let roots: Vec<Vec<u8>> = trusted.roots.iter().map(|root| root.der.clone()).collect();
    if roots.is_empty() && trusted.extra.is_empty() {
        return Ok(no_trust(KIND, language));
    }
    let request = match &options.request {
        Some(path) => Some(query(&read_message(path)?).map_err(|problem| problem.in_file(path))?),
        None => None,
    };
    let Some(imprint) = imprint(token, request.as_ref(), options)? else {
        return Ok(no_document(KIND, language));
    };
    let renewals = options
        .renewed_by
        .iter()
        .map(|path| {
            TokenFile::renewal(read_message(path)?).map_err(|problem| problem.in_file(path))
        })
        .collect::<Result<Vec<_>, Problem>>()?;

    let mut rule = TokenTrust::new(&roots, ChainTime::At(judged.at));
    rule.extra_certificates = &trusted.extra;
    rule.now = Some(judged.now);
    rule.revocation = Some(&revocation);
    rule.policies = Some(options.policies.as_slice()).filter(|list| !list.is_empty());
    let stored = |file: &'_ TokenFile| -> Result<_, Problem> { Ok(file.token()?.clone()) };
    let later: Vec<TimeStampToken> = renewals.iter().map(stored).collect::<Result<_, _>>()?;
    let later: Vec<StoredToken<'_>> = later
        .iter()
        .zip(&renewals)
        .map(|(token, file)| StoredToken {
            token,
            bytes: &file.bytes,
        })
        .collect();
    let oldest = StoredToken {
        token,
        bytes: &file.bytes,
    };
    let mut result = verify_renewed_token(oldest, &later, &imprint, &rule);
    // Once more as the answer to its request, at the time that its renewals prove.
    if let (Ok(stamps), Some(request)) = (&mut result, &request) {
        let renewed_at = stamps.get(1).map(|newer| newer.interval().1);
        rule.chain_time = ChainTime::At(renewed_at.unwrap_or(judged.at));
        match verify_requested_token(token, request, &rule) {
            Ok(stamp) => {
                if let Some(first) = stamps.first_mut() {
                    *first = stamp;
                }
            }
            Err(rejection) => {
                result = Err(RenewalRejection {
                    index: 0,
                    rejection,
                    renewed_at,
                });
            }
        }
    }
    // What is disproven stays so, whatever the auditor states.
    let disproven = result
        .as_ref()
        .is_err_and(|refused| !refused.is_undecided());
    let newest = later.last().map_or(token, |stored| stored.token);
    if !disproven && judged.contradicts(newest.tst_info()) {
        let gen_time = newest.tst_info().gen_time();
        let mut answer = judged.contradiction(gen_time, options);
        tell_claims(&mut answer, token, language);
        return Ok(answer);
    }
    let file = result.as_ref().err().and_then(|refused| {
        let given = trusted.file(&refused.rejection).map(str::to_string);
        given.or_else(|| {
            // The token that is said to be newer is older: the renewal's file is to be looked at first.
            let number = match refused.rejection {
                TspRejection::RenewalOrder { .. } => refused.index,
                _ => refused.index.checked_sub(1)?,
            };
            let path = options.renewed_by.get(number)?;
            Some(shown(path))
        })
    });
    let mut answer = judged.answer(result.as_deref(), file.as_deref(), options);
    if result.is_err() {
        tell_claims(&mut answer, token, language);
    }
    Ok(answer)
}

/// Of a token that is not proven.
fn tell_claims(answer: &mut Answer, token: &TimeStampToken, language: Language) {
    let claims = report::token_claims(token, language).to_text();
    answer.report.push('\n');
    answer.report.push_str(&claims);
    let info = token.tst_info();
    answer.facts["claims"] = json!({
        "gen_time": info.gen_time(),
        "policy": report::printable(&info.policy().to_string()),
        "signer": token.claimed_signer().map(|name| json!({
            "subject": name.subject,
            "issuer": name.issuer,
            "serial": name.serial,
        })),
    });
}

/// What `--request` asks for.
fn query(bytes: &[u8]) -> Result<TimeStampReq, Problem> {
    TimeStampReq::parse(bytes).map_err(|error| {
        let kind = match TokenFile::read(bytes.to_vec()) {
            Ok(TokenFile {
                content: Content::Token(_),
                ..
            }) => Some(("un jeton d'horodatage", "a timestamp token")),
            Ok(_) => Some((
                "la réponse d'une autorité d'horodatage",
                "a timestamp authority's answer",
            )),
            Err(of_token) => {
                other_kind(bytes, &of_token).filter(|kind| *kind != UNKNOWN_KIND)
            }
        };
        match kind {
            Some((french, english)) => Problem::new(
                Kind::File,
                format!("ce n'est pas une requête d'horodatage (--request) mais, semble-t-il, {french}"),
                format!("this is no timestamp query (--request) but, it seems, {english}"),
            ),
            None => Problem::tsp(Kind::File, &error).after(
                "illisible comme requête d'horodatage (--request)",
                "not readable as a timestamp query (--request)",
            ),
        }
        .with_advice(
            "donnez avec --request la requête (.tsq, en DER) à laquelle ce jeton répond, ou retirez --request.",
            "give with --request the query (.tsq, in DER) that this token answers, or leave --request out.",
        )
    })
}

/// A limit of this program, and no fault of the token.
const fn is_own_limit(error: &TspError) -> bool {
    matches!(
        error,
        TspError::TooManyCertificates { .. }
            | TspError::TooManyDigestAlgorithms { .. }
            | TspError::TooLarge { .. }
    )
}

fn too_large(error: &TspError, language: Language) -> Answer {
    let code = match error {
        TspError::TooManyCertificates { .. } => "tsp.budget_certificates",
        _ => "token.too_large",
    };
    let words = report::unread_words(error, language);
    let advice = say(
        language,
        "faites vérifier le jeton par un autre programme : c'est une limite de celui-ci (docs/formats.md), qui ne dit rien contre le jeton.",
        "have the token checked by another program: it is a limit of this one (docs/formats.md), and tells nothing against the token.",
    );
    not_proven(KIND, Outcome::Undecided, language, code, &words, &advice)
}

/// id-signedData (RFC 5652 §5.1), in DER.
const SIGNED_DATA: [u8; 11] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];

const UNKNOWN_KIND: (&str, &str) = ("d'une sorte inconnue", "of an unknown kind");

/// What the bytes are instead of a token or a response, in French and English, as far as it is known; `None` when they begin as one
/// of those.
fn other_kind(bytes: &[u8], error: &TspError) -> Option<(&'static str, &'static str)> {
    let is_list = |bytes: &[u8]| {
        !matches!(
            RevocationEvidence::default().add_crl(bytes),
            Err(RevocationRejection::Unreadable(_) | RevocationRejection::BudgetSize { .. })
        )
    };
    if let Some(kind) = of_document(bytes) {
        return Some(kind);
    }
    if has_private_key(bytes) {
        return Some(PRIVATE_KEY);
    }
    let start = bytes.get(..4096).unwrap_or(bytes);
    let has = |label: &[u8]| start.windows(label.len()).any(|part| part == label);
    if has(b"-----BEGIN CERTIFICATE-----") {
        return Some((
            "un certificat en PEM, qui se donne avec --trust",
            "a certificate in PEM, which is for --trust",
        ));
    }
    if has(b"-----BEGIN X509 CRL-----") {
        return Some((
            "une liste de révocation (CRL) en PEM, qui se donne avec --trust",
            "a certificate revocation list (CRL) in PEM, which is for --trust",
        ));
    }
    if has(b"-----BEGIN ") {
        return Some((
            "du PEM, alors que du DER est attendu",
            "PEM, where DER is expected",
        ));
    }
    if !bytes.starts_with(&[0x30]) {
        return Some(match std::str::from_utf8(bytes) {
            Ok("") => ("un fichier vide", "an empty file"),
            Ok(text) if is_base64(text) => (
                "du base64, à décoder d'abord (openssl base64 -d -in JETON -out jeton.tsr)",
                "base64, to be decoded first (openssl base64 -d -in TOKEN -out token.tsr)",
            ),
            Ok(_) => ("un texte", "a text"),
            Err(_) => UNKNOWN_KIND,
        });
    }
    let header = header_length(bytes);
    let content = bytes.get(header..).unwrap_or_default();
    match content {
        // Too little of it to tell what it was.
        [] if bytes.len() < header => Some(("un fichier presque vide", "an almost empty file")),
        [0x02 | 0x06 | 0x0a | 0x30, ..] if report::is_cut_off(error) => None,
        _ if Certificate::parse(bytes).is_ok() => Some(("un certificat", "a certificate")),
        _ if is_list(bytes) => Some((
            "une liste de révocation (CRL)",
            "a certificate revocation list (CRL)",
        )),
        _ if TimeStampReq::parse(bytes).is_ok() => Some((
            "une requête d'horodatage (.tsq), et non sa réponse",
            "a timestamp query (.tsq), not its answer",
        )),
        [0x02, 1, 1, 0x30, ..] => Some((
            "un EvidenceRecord (.ers, RFC 4998)",
            "an EvidenceRecord (.ers, RFC 4998)",
        )),
        [0x0a, ..] => Some(("une réponse OCSP", "an OCSP response")),
        [0x06, ..]
            if matches!(error, TspError::ContentType { .. })
                || !content.starts_with(&SIGNED_DATA) =>
        {
            Some((
                "un message CMS d'un autre type que l'horodatage",
                "a CMS message of another type than a timestamp",
            ))
        }
        // Cut off or altered, perhaps; but so far as it goes it is a token or a response.
        [0x06 | 0x30, ..] | [] => None,
        // Of indefinite length: BER.
        _ if bytes.get(1) == Some(&0x80) => None,
        _ => Some(UNKNOWN_KIND),
    }
}

/// By how a paper or an image begins.
pub(crate) fn of_document(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    match bytes {
        [b'%', b'P', b'D', b'F', ..] => Some(("un document PDF", "a PDF document")),
        [0x89, b'P', b'N', b'G', ..] => Some(("une image PNG", "a PNG image")),
        [0xff, 0xd8, 0xff, ..] => Some(("une image JPEG", "a JPEG image")),
        [b'P', b'K', 3, 4, ..] => Some((
            "une archive ZIP (ou un document Word, Excel ou LibreOffice)",
            "a ZIP archive (or a Word, Excel or LibreOffice document)",
        )),
        _ => None,
    }
}

/// Said wherever one is given.
pub(crate) const PRIVATE_KEY: (&str, &str) = (
    "une clé privée : ne la transmettez à personne",
    "a private key: hand it to nobody",
);

/// PKCS #8, encrypted or not, and the older forms of one algorithm, in PEM or DER.
pub(crate) fn has_private_key(bytes: &[u8]) -> bool {
    if bytes.starts_with(&[0x30]) {
        return is_private_key(bytes);
    }
    let text = String::from_utf8_lossy(bytes.get(..65_536).unwrap_or(bytes));
    text.lines()
        .any(|line| line.starts_with("-----BEGIN ") && line.contains("PRIVATE KEY-----"))
}

/// In DER, by how its content begins.
fn is_private_key(der: &[u8]) -> bool {
    let content = der.get(header_length(der)..).unwrap_or_default();
    matches!(
        content,
        // OneAsymmetricKey (RFC 5958 §2): version, AlgorithmIdentifier. A query has a sequence in the place of the identifier.
        [2, 1, 0 | 1, 0x30, _, 6, ..]
            // ECPrivateKey (RFC 5915 §3), RSAPrivateKey (RFC 8017 A.1.2)
            | [2, 1, 1, 4, ..]
            | [2, 1, 0, 2, ..]
            // EncryptedPrivateKeyInfo (RFC 5958 §3) under PKCS #5
            | [0x30, _, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, ..]
    )
}

/// Of an element's identifier and length, where the length has at most four octets.
fn header_length(der: &[u8]) -> usize {
    match der {
        [_, length @ 0x80..=0x84, ..] => 2 + usize::from(length & 0x7f),
        _ => 2,
    }
}

/// A token, its response or a query, which trusts nobody.
pub(crate) fn of_timestamping(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    if TimeStampReq::parse(bytes).is_ok() {
        return Some((
            "une requête d'horodatage (.tsq)",
            "a timestamp query (.tsq)",
        ));
    }
    TokenFile::read(bytes.to_vec())
        .ok()
        .map(|file| match file.content {
            Content::Token(_) => ("un jeton d'horodatage", "a timestamp token"),
            Content::Response(_) => (
                "la réponse d'une autorité d'horodatage",
                "a timestamp authority's answer",
            ),
        })
}

/// Of a sequence in DER, as a token is.
fn is_base64(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=\r\n".contains(&byte);
    text.starts_with("MI") && text.bytes().all(is_digit)
}

fn no_token(french: &str, english: &str, language: Language) -> Answer {
    let message = say(
        language,
        &format!("ce n'est pas un jeton d'horodatage (.tst, .tsr), mais, semble-t-il, {french}."),
        &format!("this is no timestamp token (.tst, .tsr) but, it seems, {english}."),
    );
    let advice = say(
        language,
        "donnez le jeton, ou la réponse de l'autorité, en DER.",
        "give the token, or the authority's answer, in DER.",
    );
    let code = "token.not_a_token";
    not_proven(KIND, Outcome::Undecided, language, code, &message, &advice)
}

/// It begins as a token, so that it is one that was altered, cut off or written in another encoding: by whomever.
fn unread(error: &TspError, language: Language) -> Answer {
    let finding = json!({
        "code": report::unread_code(error),
        "source": "RFC 3161 §2.4.2, RFC 5652, X.690",
        "renewal": null,
        "file": null,
        "undecided": true,
        "message": report::unread_words(error, language),
        "advice": report::unread_advice(error, language),
    });
    Answer {
        kind: KIND,
        outcome: Outcome::Undecided,
        report: report::unread_token(error, language).to_text(),
        findings: vec![finding],
        facts: Value::Null,
    }
}

const ANCHOR_ADVICE: (&str, &str) = (
    "donnez avec --anchor un certificat (PEM ou DER), et les listes de révocation ou réponses OCSP avec --trust.",
    "give a certificate (PEM or DER) with --anchor, and revocation lists or OCSP responses with --trust.",
);

/// Whom the auditor trusts for a lone token, and where each is from.
struct Trusted {
    roots: Vec<Given>,
    /// Further certificates.
    extra: Vec<Vec<u8>>,
    crls: Vec<Given>,
    ocsp: Vec<Given>,
}

impl Trusted {
    fn new(trust: &Trust, anchors: &[PathBuf]) -> Result<Self, Problem> {
        // More than are looked at are refused for that, and need no signature checked.
        let are_looked_at = trust.certificates.len() <= Budget::DEFAULT.certificates;
        // What cannot be read is no helper either, and is refused with the roots.
        let (mut roots, extra): (Vec<_>, Vec<_>) =
            trust.certificates.iter().cloned().partition(|given| {
                !are_looked_at
                    || Certificate::parse(&given.der)
                        .map_or(true, |certificate| certificate.is_self_signed())
            });
        let mut extra: Vec<Vec<u8>> = extra.into_iter().map(|given| given.der).collect();
        for path in anchors {
            let given = read_trust(std::slice::from_ref(path))
                .map_err(|problem| problem.unless_advised(ANCHOR_ADVICE))?
                .certificates;
            if given.is_empty() {
                let none = Problem::new(
                    Kind::Trust,
                    "ce fichier ne contient aucun certificat (--anchor)",
                    "no certificate (--anchor)",
                )
                .with_advice(ANCHOR_ADVICE.0, ANCHOR_ADVICE.1);
                return Err(none.in_file(path));
            }
            roots.extend(given);
        }
        let (mut crls, mut ocsp) = (trust.crls.clone(), trust.ocsp.clone());
        if let Some(bundle) = &trust.bundle {
            let place =
                |list: &str, index: usize| format!("{}, {list} #{}", trust.bundle_from, index + 1);
            let named = |list: &'static str, ders: &[Vec<u8>]| -> Vec<Given> {
                let ders = ders.iter().enumerate();
                ders.map(|(index, der)| Given {
                    der: der.clone(),
                    from: place(list, index),
                })
                .collect()
            };
            crls.extend(named("crls", &bundle.crls));
            ocsp.extend(named("ocsp", &bundle.ocsp));
            let pem = |text: &str, from: &str| {
                certificates_from_pem(text)
                    .map_err(|error| Problem::tsp(Kind::Trust, &error).at(from))
            };
            for (index, text) in bundle.roots.iter().enumerate() {
                let from = place("roots", index);
                let found = pem(text, &from)?.into_iter();
                roots.extend(found.map(|der| Given {
                    der,
                    from: from.clone(),
                }));
            }
            for (index, authority) in bundle.authorities.iter().enumerate() {
                let from = format!("{}.chain", place("authorities", index));
                for text in &authority.chain {
                    extra.extend(pem(text, &from)?);
                }
            }
        }
        Ok(Self {
            roots,
            extra,
            crls,
            ocsp,
        })
    }

    fn revocation(&self) -> Result<RevocationEvidence, Problem> {
        let mut evidence = RevocationEvidence::default();
        let problem = |error, given: &Given| Problem::revocation(error).at(&given.from);
        for list in &self.crls {
            let added = evidence.add_crl(&list.der);
            added.map_err(|error| problem(error, list))?;
        }
        for response in &self.ocsp {
            let added = evidence.add_ocsp(&response.der);
            added.map_err(|error| problem(error, response))?;
        }
        Ok(evidence)
    }

    /// Which of the files given a rejection is about.
    fn file(&self, rejection: &TspRejection) -> Option<&str> {
        let given = match rejection {
            TspRejection::TrustMalformed { place } => self.roots.get(*place),
            TspRejection::Revocation(
                RevocationRejection::Signature { item, .. }
                | RevocationRejection::KeyCompromise { item, .. }
                | RevocationRejection::OnHold { item, .. }
                | RevocationRejection::Revoked { item, .. }
                | RevocationRejection::RevokedNoPoe { item, .. }
                | RevocationRejection::IssuerRevoked { item, .. },
            ) => match item {
                RevocationItem::Crl(index) => self.crls.get(*index),
                RevocationItem::Ocsp(index) => self.ocsp.get(*index),
            },
            _ => None,
        };
        given.map(|given| given.from.as_str())
    }
}

/// What the token has to be over: the document, or else what the request says.
fn imprint(
    token: &TimeStampToken,
    request: Option<&TimeStampReq>,
    options: &Options,
) -> Result<Option<MessageImprint>, Problem> {
    // One that is unknown or too weak is refused for that.
    let hash = token.tst_info().message_imprint().hash_algorithm();
    Ok(match document(options)? {
        Some(path) => Some(digested(path, |file| {
            MessageImprint::of_reader(hash.unwrap_or(HashAlgorithm::Sha256), file)
        })?),
        None => request.map(|request| request.message_imprint().clone()),
    })
}

/// The instant at which a token's certificates are judged, and on whose word.
struct Judged {
    at: Time,
    now: Time,
    stated: bool,
    language: Language,
}

impl Judged {
    fn new(options: &Options) -> Result<Self, Problem> {
        let now = now()?;
        match options.existed_by {
            Some(at) if at > now => Err(Problem::new(
                Kind::Future,
                format!("--existed-by {at} est à venir : on n'en sait encore rien"),
                format!("--existed-by {at} lies in the future: nothing is known of it yet"),
            )),
            stated => Ok(Self {
                at: stated.unwrap_or(now),
                now,
                stated: stated.is_some(),
                language: options.language,
            }),
        }
    }

    /// The token says that it was made after the instant by which it is said to have existed.
    fn contradicts(&self, info: &TstInfo) -> bool {
        self.stated && info.earliest() > self.at
    }

    /// When a token's certificates were judged: at what the one over it proves, where there is one.
    fn when(&self, renewed_at: Option<Time>) -> Value {
        match renewed_at {
            Some(at) => json!({"judged_at": at, "judged_by": "renewal"}),
            None => json!({"judged_at": self.at, "judged_by": self.by()}),
        }
    }

    fn by(&self) -> &'static str {
        if self.stated { "existed_by" } else { "now" }
    }

    /// Of the newest token, of which alone the auditor states anything.
    fn contradiction(&self, gen_time: Time, options: &Options) -> Answer {
        let language = options.language;
        let code = "existed_by.before_gen_time";
        let at = self.at;
        let number = options.renewed_by.len();
        let (french, english) = match number {
            0 => ("le jeton".to_string(), "the token".to_string()),
            _ => (
                format!("le renouvellement {number}"),
                format!("renewal {number}"),
            ),
        };
        let file = options.renewed_by.last();
        let file = file.map(|path| shown(path));
        let message = say(
            language,
            &format!(
                "vous indiquez que {french} existait le {at} (--existed-by), mais il se dit fait le {gen_time}."
            ),
            &format!(
                "you state that {english} existed by {at} (--existed-by), but it says that it was made at {gen_time}."
            ),
        );
        let advice = match number {
            0 => say(
                language,
                "vérifiez la date donnée avec --existed-by ; si elle est sûre, l'horloge de l'autorité était fausse, et le jeton ne prouve rien de son heure.",
                "check the time given with --existed-by; if it is sure, the authority's clock was wrong, and the token proves nothing of its time.",
            ),
            _ => say(
                language,
                "--existed-by dit quand existait le dernier renouvellement, et non le premier jeton : donnez une date à laquelle ce renouvellement existait déjà, ou retirez --existed-by. Si la date est sûre, l'horloge de l'autorité de ce renouvellement était fausse, et il ne prouve rien de son heure.",
                "--existed-by tells when the last renewal existed, not the first token: give a time by which that renewal existed already, or leave --existed-by out. If the time is sure, the clock of that renewal's authority was wrong, and it proves nothing of its time.",
            ),
        };
        let outcome = Outcome::Undecided;
        let mut answer = not_proven(KIND, outcome, language, code, &message, &advice);
        for finding in &mut answer.findings {
            finding["renewal"] = number.checked_sub(1).into();
            finding["file"] = file.clone().into();
        }
        answer.facts = json!({"gen_time": gen_time, "judged_at": at, "judged_by": self.by()});
        answer
    }

    fn answer(
        &self,
        result: Result<&[VerifiedTimeStamp], &RenewalRejection>,
        file: Option<&str>,
        options: &Options,
    ) -> Answer {
        let judgement = TokenJudgement {
            result,
            at: self.at,
            stated: self.stated,
            now: self.now,
            policies: &options.policies,
            file,
        };
        let text = report::token(&judgement, options.language).to_text();
        let mut facts = self.when(match result {
            Ok(stamps) => stamps.get(1).map(|newer| newer.interval().1),
            Err(refused) => refused.renewed_at,
        });
        let (outcome, findings) = match result {
            Ok(stamps) => {
                if let Some((first, renewals)) = stamps.split_first() {
                    tell(&mut facts, first, renewals, &judgement, self);
                }
                (Outcome::Proven, Vec::new())
            }
            Err(refused) => {
                let rejection = &refused.rejection;
                let undecided = refused.is_undecided();
                let finding = json!({
                    "code": rejection.code(),
                    "source": report::clause_words(rejection.source(), options.language),
                    "renewal": refused.index.checked_sub(1),
                    "file": file,
                    "undecided": undecided,
                    "message": report::rejection_words(rejection, options.language),
                    "advice": report::token_advice(refused, options.language),
                });
                let outcome = match undecided {
                    true => Outcome::Undecided,
                    false => Outcome::Disproven,
                };
                (outcome, vec![finding])
            }
        };
        Answer {
            kind: KIND,
            outcome,
            report: text,
            findings,
            facts,
        }
    }
}

/// Everything that is known of a proven token.
fn tell(
    facts: &mut Value,
    stamp: &VerifiedTimeStamp,
    renewals: &[VerifiedTimeStamp],
    judgement: &TokenJudgement<'_>,
    judged: &Judged,
) {
    let profile = stamp.profile(judgement.policies);
    let known = renewals
        .iter()
        .fold(stamp.revocation(), |known, one| known.and(one.revocation()));
    if let (Some(facts), Value::Object(own)) =
        (facts.as_object_mut(), of_one(stamp, judged.language))
    {
        facts.extend(own);
    }
    let all = || std::iter::once(stamp).chain(renewals);
    if all().any(|stamp| stamp.policy().is_demonstration()) {
        facts["clock"] = json!("unverified");
    }
    facts["algorithms"] = algorithms(renewals.last().unwrap_or(stamp), judgement.now);
    facts["profile"] = json!({
        "conforms": profile.conforms(),
        "claims_qualified": profile.claims_qualified(),
        "findings": profile.findings().iter().map(|finding| json!({
            "code": finding.code(),
            "source": report::clause_words(finding.source(), judged.language),
            "deviation": finding.is_deviation(),
        })).collect::<Vec<_>>(),
    });
    facts["revocation"] = revocation_facts(known);
    facts["revocation"]["certificates"] = revocation_of(stamp).into();
    facts["revocation"]["unrelated"] = all()
        .map(|stamp| stamp.revocation_findings().unrelated)
        .min()
        .unwrap_or_default()
        .into();
    facts["anchored_in_a_root"] = all().all(VerifiedTimeStamp::ends_in_a_root).into();
    facts["renewals"] = renewals
        .iter()
        .enumerate()
        .map(|(index, renewal)| {
            let mut facts = of_one(renewal, judged.language);
            let newer = renewals.get(index + 1).map(|newer| newer.interval().1);
            if let (Some(facts), Value::Object(when)) = (facts.as_object_mut(), judged.when(newer))
            {
                facts.extend(when);
            }
            facts["algorithms"] = algorithms(renewal, judgement.now);
            facts["revocation"] = revocation_facts(renewal.revocation());
            facts["revocation"]["certificates"] = revocation_of(renewal).into();
            facts
        })
        .collect();
}

/// What one token says, and what was checked of it.
fn of_one(stamp: &VerifiedTimeStamp, language: Language) -> Value {
    let (earliest, latest) = stamp.interval();
    let accuracy = stamp.accuracy().map(Accuracy::to_duration);
    let flags: Vec<&str> = stamp.flags().iter().map(|flag| flag.code()).collect();
    let checks = stamp.checks().iter().map(|check| {
        json!({
            "step": check.step.code(),
            "source": report::clause_words(check.step.source(), language),
            "outcome": check.outcome.code(),
        })
    });
    json!({
        "gen_time": stamp.gen_time(),
        "earliest": earliest,
        "latest": latest,
        "accuracy_us": accuracy.map(|accuracy| u64::try_from(accuracy.as_micros()).unwrap_or(u64::MAX)),
        "policy": stamp.policy().to_string(),
        "serial": stamp.serial().to_string(),
        "chain": chain(stamp),
        "flags": flags,
        "checks": checks.collect::<Vec<_>>(),
    })
}

/// What is known of each certificate of a chain.
fn revocation_of(stamp: &VerifiedTimeStamp) -> Vec<Value> {
    let findings = stamp.revocation_findings();
    let of = |(der, one): (&Vec<u8>, &CertificateRevocation)| {
        let certificate = Certificate::parse(der).ok()?;
        let mut facts = revocation_facts(one.known);
        facts["certificate"] = json!({
            "common_name": certificate.subject_common_name(),
            "issuer": certificate.issuer_name(),
            "serial": certificate.serial_hex(),
        });
        if let Some(reason) = one.reason {
            facts["reason"] = reason.to_string().into();
        }
        Some(facts)
    };
    let certificates = stamp.chain().iter().zip(&findings.certificates);
    certificates.filter_map(of).collect()
}

fn chain(stamp: &VerifiedTimeStamp) -> Value {
    stamp
        .chain()
        .iter()
        .filter_map(|der| Certificate::parse(der).ok())
        .map(|certificate| {
            json!({
                "common_name": certificate.subject_common_name(),
                "organization": certificate.subject_organization(),
                "not_before": certificate.not_before(),
                "not_after": certificate.not_after(),
                "sha256": kbox_proof::digest::Sha256Digest::of(certificate.to_der()).to_hex(),
            })
        })
        .collect()
}

/// Of the newest token, at the present: what will have to be renewed, and by when.
fn algorithms(stamp: &VerifiedTimeStamp, now: Time) -> Value {
    stamp
        .algorithms()
        .iter()
        .map(|one| {
            let strength = one.strength_at(now);
            let (until, since) = match strength {
                Strength::Listed { until } => (until, None),
                Strength::Outgoing { until } => (Some(until), None),
                Strength::Ended { since } => (None, Some(since)),
            };
            json!({
                "purpose": one.purpose.code(),
                "algorithm": one.algorithm.to_string(),
                "rule": one.algorithm.rule().name,
                "now": strength.code(),
                "until": until,
                "since": since,
            })
        })
        .collect()
}
