// SPDX-License-Identifier: Apache-2.0 OR MIT
use std::ffi::OsString;
use std::path::PathBuf;

use kbox_proof::report::Language;
use kbox_proof::time::Time;
use kbox_proof::tsp::{OidError, TsaPolicyId};
use lexopt::prelude::*;

pub(crate) const USAGE: &str = "\
kbox-verify [--trust FILE]… [--document FILE]… [--json] [--lang fr|en] PATH
kbox-verify [--trust FILE]… [--anchor FILE]… [--document FILE] [--request FILE] [--policy OID]…
            [--existed-by TIME] [--renewed-by FILE]… [--json] [--lang fr|en] TOKEN
kbox-verify leaf PATH

PATH is a receipt (.kbox.json), a proof file (.asice), a token (.tst, .tsr) or a C2SP .tlog-proof.
  --trust FILE     whom you trust: trust.json, certificates and revocation lists (PEM or DER), an OCSP
                   response (DER), or a C2SP tlog-policy
  --document FILE  what a token or tlog-proof is about
  --json           machine-readable, with stable codes
  --lang fr|en     language of the report (default fr)
For a token alone (of the certificates under --trust, the self-signed ones are trusted; the others only
complete the chain):
  --anchor FILE    a certificate that you trust although another issued it: nothing above it is looked at,
                   nor whether it is revoked
  --request FILE   the query (.tsq) that it answers: its nonce, policy and imprint must be that query's
  --policy OID     a policy that you accept; without any, every one is
  --existed-by TIME  you can show otherwise that it existed by then (RFC 3339);
                   its certificates and algorithms are judged at that time, and not now
  --renewed-by FILE  a later token over the file of the token, or of the renewal before: it proves
                   that what it is over existed by its time. The last is judged at --existed-by, or now
`leaf` writes the log entry of a receipt or token to standard output, for other people's tools.
Exit: 0 proven, 1 disproven, 2 cannot decide or could not run.
";

pub(crate) struct Options {
    pub(crate) path: PathBuf,
    pub(crate) trust: Vec<PathBuf>,
    /// Certificates trusted although they are not self-signed.
    pub(crate) anchors: Vec<PathBuf>,
    pub(crate) documents: Vec<PathBuf>,
    /// Proof of existence of a bare token, as the auditor states it.
    pub(crate) existed_by: Option<Time>,
    pub(crate) request: Option<PathBuf>,
    /// Accepted of a bare token; none accepts any.
    pub(crate) policies: Vec<TsaPolicyId>,
    /// Later tokens, each over the one before.
    pub(crate) renewed_by: Vec<PathBuf>,
    pub(crate) json: bool,
    pub(crate) language: Language,
}

pub(crate) enum Command {
    Help,
    Version,
    Leaf(PathBuf),
    Verify(Options),
}

pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let mut parser = lexopt::Parser::from_iter(arguments);
    let (mut paths, mut trust, mut documents) = (Vec::new(), Vec::new(), Vec::new());
    let mut anchors = Vec::new();
    let (mut existed_by, mut request) = (None, None);
    let (mut policies, mut renewed_by) = (Vec::new(), Vec::new());
    let (mut json, mut language) = (false, Language::French);
    let text = |error: lexopt::Error| error.to_string();
    while let Some(argument) = parser.next().map_err(text)? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('V') | Long("version") => return Ok(Command::Version),
            Long("trust") => trust.push(PathBuf::from(parser.value().map_err(text)?)),
            Long("anchor") => anchors.push(PathBuf::from(parser.value().map_err(text)?)),
            Long("document") => documents.push(PathBuf::from(parser.value().map_err(text)?)),
            Long("existed-by") => {
                let value = parser.value().map_err(text)?.string().map_err(text)?;
                existed_by = Some(
                    Time::parse_rfc3339(&value)
                        .map_err(|error| format!("--existed-by: {error}"))?,
                );
            }
            Long("request") => request = Some(PathBuf::from(parser.value().map_err(text)?)),
            Long("policy") => {
                let value = parser.value().map_err(text)?.string().map_err(text)?;
                policies.push(
                    value
                        .parse()
                        .map_err(|error: OidError| format!("--policy: {error}"))?,
                );
            }
            Long("renewed-by") => renewed_by.push(PathBuf::from(parser.value().map_err(text)?)),
            Long("json") => json = true,
            Long("lang") => {
                language = match parser.value().map_err(text)?.to_str() {
                    Some("fr") => Language::French,
                    Some("en") => Language::English,
                    _ => return Err("--lang takes fr or en".to_string()),
                }
            }
            Value(path) => paths.push(PathBuf::from(path)),
            other => return Err(other.unexpected().to_string()),
        }
    }
    let mut paths = paths.into_iter();
    match (paths.next(), paths.next(), paths.next()) {
        (Some(word), Some(path), None) if word.as_os_str() == "leaf" => Ok(Command::Leaf(path)),
        (Some(path), None, None) => Ok(Command::Verify(Options {
            path,
            trust,
            anchors,
            documents,
            existed_by,
            request,
            policies,
            renewed_by,
            json,
            language,
        })),
        (None, ..) => Err("no file given".to_string()),
        _ => Err("one file at a time".to_string()),
    }
}
