// SPDX-License-Identifier: Apache-2.0 OR MIT
use std::ffi::OsString;
use std::path::PathBuf;

use kbox_proof::report::{Language, printable};
use kbox_proof::time::Time;
use kbox_proof::tsp::{OidError, TsaPolicyId};
use lexopt::prelude::*;

use crate::problem::{Kind, Problem};

const USAGE: &str = "\
kbox-verify [--trust FILE]… [--document FILE]… [--json] [--lang fr|en] PATH
kbox-verify [--trust FILE]… [--anchor FILE]… [--document FILE] [--request FILE] [--policy OID]…
            [--existed-by TIME] [--renewed-by FILE]… [--json] [--lang fr|en] TOKEN
kbox-verify leaf PATH

PATH is a receipt (.kbox.json), a proof file (.asice), a token (.tst, .tsr) or a C2SP .tlog-proof.
  --trust FILE     whom you trust: trust.json, certificates and revocation lists (PEM or DER), an OCSP
                   response (DER), or a C2SP tlog-policy
  --document FILE  what a token or tlog-proof is about; beside a receipt or a proof file, a paper: the report
                   says which one of the sending it is
  --json           machine-readable, with stable codes
  --lang fr|en     language of the report (default fr)
For a token alone (of the certificates under --trust, the self-signed ones are trusted; the others only
complete the chain):
  --anchor FILE    a certificate that you trust although another issued it: nothing above it is looked at,
                   nor whether it is revoked
  --request FILE   the query (.tsq) that it answers: its nonce, policy and imprint must be that query's
  --policy OID     a policy that you accept, of the token and of its renewals; without any, every one is
  --existed-by TIME  you can show otherwise that it existed by then (RFC 3339);
                   its certificates and algorithms are judged at that time, and not now
  --renewed-by FILE  a later token over the file of the token, or of the renewal before: it proves
                   that what it is over existed by its time. The last is judged at --existed-by, or now
`leaf` writes the log entry of a receipt or token to standard output, for other people's tools.
Exit: 0 proven, 1 disproven, 2 cannot decide or could not run.
";

const USAGE_FRENCH: &str = "\
kbox-verify [--trust FICHIER]… [--document FICHIER]… [--json] [--lang fr|en] CHEMIN
kbox-verify [--trust FICHIER]… [--anchor FICHIER]… [--document FICHIER] [--request FICHIER]
            [--policy OID]… [--existed-by INSTANT] [--renewed-by FICHIER]… [--json] [--lang fr|en] JETON
kbox-verify leaf CHEMIN

CHEMIN est un récépissé (.kbox.json), un dossier de preuve (.asice), un jeton (.tst, .tsr) ou un .tlog-proof C2SP.
  --trust FICHIER  à qui vous faites confiance : trust.json, certificats et listes de révocation (PEM ou DER),
                   réponse OCSP (DER) ou tlog-policy C2SP
  --document FICHIER  ce sur quoi porte un jeton ou un tlog-proof ; avec un récépissé ou un dossier de preuve,
                   une pièce : le rapport dit laquelle de l'envoi c'est
  --json           réponse pour un programme, aux codes stables
  --lang fr|en     langue du rapport (français par défaut)
Pour un jeton seul (des certificats donnés avec --trust, seuls ceux qui sont signés par eux-mêmes sont tenus
pour sûrs ; les autres ne font que compléter la chaîne) :
  --anchor FICHIER  un certificat auquel vous faites confiance bien qu'un autre l'ait émis : ni ce qui est
                   au-dessus de lui ni sa révocation ne sont examinés
  --request FICHIER  la requête (.tsq) à laquelle il répond : il doit en avoir le nonce, la politique et l'empreinte
  --policy OID     une politique que vous acceptez, du jeton et de ses renouvellements ; toutes le sont, si vous
                   n'en donnez aucune
  --existed-by INSTANT  vous pouvez montrer autrement que le jeton existait à cet instant (RFC 3339) : ses
                   certificats et ses algorithmes sont jugés à cet instant, et non maintenant
  --renewed-by FICHIER  un jeton postérieur, qui porte sur le fichier du jeton ou sur celui du renouvellement
                   précédent : il prouve que ce sur quoi il porte existait à son heure. Le dernier est jugé à
                   l'instant de --existed-by, ou maintenant
« leaf » écrit sur la sortie standard l'entrée au journal d'un récépissé ou d'un jeton, pour d'autres outils.
Code de sortie : 0 prouvé, 1 rejeté, 2 indéterminé ou vérification impossible.
";

pub(crate) const fn usage(language: Language) -> &'static str {
    match language {
        Language::French => USAGE_FRENCH,
        Language::English => USAGE,
    }
}

/// How to answer, known before the arguments are: what is wrong with them is told in that manner too.
#[derive(Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) json: bool,
    pub(crate) language: Language,
}

impl Manner {
    pub(crate) fn of(arguments: &[OsString]) -> Self {
        let mut manner = Self {
            json: false,
            language: Language::French,
        };
        let mut words = arguments.iter().filter_map(|argument| argument.to_str());
        while let Some(word) = words.next() {
            let language = match word {
                "--" => break,
                "--json" => {
                    manner.json = true;
                    continue;
                }
                "--lang" => words.next(),
                _ => word.strip_prefix("--lang="),
            };
            match language {
                Some("fr") => manner.language = Language::French,
                Some("en") => manner.language = Language::English,
                _ => {}
            }
        }
        manner
    }
}

/// A token renewed every year for longer than any archive has been kept so.
const MAX_RENEWALS: usize = 64;

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

pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, Problem> {
    let mut parser = lexopt::Parser::from_iter(arguments);
    let (mut paths, mut trust, mut documents) = (Vec::new(), Vec::new(), Vec::new());
    let mut anchors = Vec::new();
    let (mut existed_by, mut request) = (None, None);
    let (mut policies, mut renewed_by) = (Vec::new(), Vec::new());
    let (mut json, mut language) = (false, Language::French);
    let text = |error: lexopt::Error| {
        Problem::new(
            Kind::Usage,
            printable(&french(&error)),
            printable(&error.to_string()),
        )
    };
    let usage = |french: &str, english: &str| Problem::new(Kind::Usage, french, english);
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
                    Time::parse_rfc3339(&value).map_err(|error| {
                        usage(
                            &format!("--existed-by : « {} » n'est pas un instant RFC 3339 entre 1677 et 2262 ; écrivez-le comme 2026-11-24T18:30:00Z", printable(&value)),
                            &format!("--existed-by: {error}"),
                        )
                    })?,
                );
            }
            Long("request") => request = Some(PathBuf::from(parser.value().map_err(text)?)),
            Long("policy") => {
                let value = parser.value().map_err(text)?.string().map_err(text)?;
                policies.push(
                    value
                        .parse()
                        .map_err(|error: OidError| {
                            usage(
                                &format!("--policy : « {} » n'est pas un identifiant d'objet ; écrivez-le comme 1.2.3.4", printable(&value)),
                                &format!("--policy: {error}"),
                            )
                        })?,
                );
            }
            Long("renewed-by") if renewed_by.len() == MAX_RENEWALS => {
                return Err(usage(
                    &format!("--renewed-by : {MAX_RENEWALS} renouvellements au plus"),
                    &format!("--renewed-by: at most {MAX_RENEWALS} renewals"),
                ));
            }
            Long("renewed-by") => renewed_by.push(PathBuf::from(parser.value().map_err(text)?)),
            Long("json") => json = true,
            Long("lang") => {
                language = match parser.value().map_err(text)?.to_str() {
                    Some("fr") => Language::French,
                    Some("en") => Language::English,
                    _ => return Err(usage("--lang veut fr ou en", "--lang takes fr or en")),
                }
            }
            Value(path) => paths.push(PathBuf::from(path)),
            other => return Err(text(other.unexpected())),
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
        (None, ..) => Err(usage("aucun fichier n'est donné", "no file given")),
        _ => Err(usage("un seul fichier à la fois", "one file at a time")),
    }
}

fn french(error: &lexopt::Error) -> String {
    match error {
        lexopt::Error::MissingValue {
            option: Some(option),
        } => format!("il manque la valeur de {option}"),
        lexopt::Error::MissingValue { option: None } => "il manque une valeur".to_string(),
        lexopt::Error::UnexpectedOption(option) => format!("option inconnue : {option}"),
        lexopt::Error::UnexpectedValue { option, .. } => format!("{option} ne prend pas de valeur"),
        lexopt::Error::NonUnicodeValue(_) => "une valeur n'est pas en UTF-8".to_string(),
        _ => "argument inattendu".to_string(),
    }
}
