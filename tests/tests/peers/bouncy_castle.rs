// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Bouncy Castle's time-stamp classes, through the program in `tests/peers/BouncyCastle.java`.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbox_proof::tsa::SerialSource;
use kbox_proof::tsp::TsaPolicyId;
use kbox_tests::{binary, now, said};
use serde_json::Value;

use super::{Folder, HASHES, KINDS, authority, clock, filter, make_pki, repository, serve, skip};

/// Where Debian's packages put the classes.
const JARS: [&str; 3] = [
    "/usr/share/java/bcprov.jar",
    "/usr/share/java/bcpkix.jar",
    "/usr/share/java/bcutil.jar",
];

/// Java with Bouncy Castle.
pub(crate) struct Peer;

/// A response to be judged.
pub(crate) struct Question {
    pub(crate) name: String,
    pub(crate) query: PathBuf,
    pub(crate) response: PathBuf,
    pub(crate) roots: PathBuf,
    pub(crate) further: Option<PathBuf>,
    /// RFC 3339.
    pub(crate) at: String,
}

impl Peer {
    pub(crate) fn find() -> Option<Self> {
        if Command::new("javac").arg("-version").output().is_err() {
            skip("no Java compiler");
            return None;
        }
        if let Some(missing) = JARS.iter().find(|jar| !Path::new(jar).exists()) {
            skip(&format!("no Bouncy Castle ({missing})"));
            return None;
        }
        Some(Self)
    }

    /// Compiles and runs a program of one file.
    pub(crate) fn run(
        &self,
        program: &Path,
        arguments: &[impl AsRef<OsStr>],
        input: &str,
    ) -> String {
        let mut command = Command::new("java");
        command
            .args(["-XX:+UseSerialGC", "-cp"])
            .arg(JARS.join(":"))
            .arg(program)
            .args(arguments);
        filter(&mut command, input)
    }

    fn program() -> PathBuf {
        repository().join("tests/peers/BouncyCastle.java")
    }

    pub(crate) fn version(&self) -> String {
        let version = self.run(&Self::program(), &["version"], "");
        version.trim().to_string()
    }

    /// `OK` or why not, for each.
    pub(crate) fn check(&self, questions: &[Question]) -> BTreeMap<String, String> {
        let lines: String = questions
            .iter()
            .map(|one| {
                let further = one.further.as_deref().unwrap_or(Path::new("-"));
                format!(
                    "{}\t{}\t{}\t{}\t{}\t{}\n",
                    one.name,
                    one.query.display(),
                    one.response.display(),
                    one.roots.display(),
                    further.display(),
                    one.at
                )
            })
            .collect();
        let answers = self.run(&Self::program(), &["check"], &lines);
        let answers: BTreeMap<String, String> = answers
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .map(|(name, verdict)| (name.to_string(), verdict.to_string()))
            .collect();
        assert_eq!(answers.len(), questions.len());
        answers
    }
}

/// Questions about answers that lie in one folder.
fn ask(folder: &Folder, name: &str, further: bool, questions: &mut Vec<Question>) {
    questions.push(Question {
        name: name.to_string(),
        query: folder.path(&format!("{name}.tsq")),
        response: folder.path(&format!("{name}.tsr")),
        roots: folder.path("ca.pem"),
        further: further.then(|| folder.path("chain.pem")),
        at: now().to_string(),
    });
}

/// A server's answers and the library's, and each of them spoiled; Java starts once for all.
#[test]
fn bouncy_castle_validates_servers_answers_and_library_tokens_by_every_key_and_hash() {
    let Some(peer) = Peer::find() else {
        return;
    };
    let mut questions = Vec::new();
    let mut folders = Vec::new();
    for kind in &KINDS {
        let folder = Folder::new();
        let server = serve(&folder, kind);
        folder.write("data", b"convocation");
        let authority = authority(&folder, kind, TsaPolicyId::public_policy());
        let serials = SerialSource::new().unwrap();
        for hash in HASHES {
            for certificates in ["-cert", ""] {
                for nonce in ["", "-no_nonce"] {
                    let options = format!("-{hash} {certificates} {nonce}");
                    let name = format!("{}{}", kind.name, options.replace(' ', ""));
                    folder.run_ok(&format!(
                        "openssl ts -query -data data {options} -out {name}.tsq"
                    ));
                    let query = folder.read(&format!("{name}.tsq"));
                    let served = server
                        .try_post("/tsa", None, "application/timestamp-query", &query)
                        .unwrap();
                    let made = authority.respond(&query, &clock(), &serials);
                    for (by, reply) in [("server", served.body), ("library", made)] {
                        let named = format!("{name}-{by}");
                        folder.write(&format!("{named}.tsq"), &query);
                        folder.write(&format!("{named}.tsr"), &reply);
                        ask(&folder, &named, certificates.is_empty(), &mut questions);
                    }
                    if certificates.is_empty() || !nonce.is_empty() {
                        continue;
                    }
                    // The last byte is the signature's.
                    let named = format!("{name}-spoiled");
                    let mut spoiled = folder.read(&format!("{name}-server.tsr"));
                    *spoiled.last_mut().unwrap() ^= 1;
                    folder.write(&format!("{named}.tsq"), &query);
                    folder.write(&format!("{named}.tsr"), &spoiled);
                    ask(&folder, &named, false, &mut questions);
                }
            }
        }
        folders.push(folder);
    }
    let answers = peer.check(&questions);
    for (name, verdict) in answers {
        assert_eq!(
            verdict == "OK",
            !name.ends_with("-spoiled"),
            "{name}: {verdict}"
        );
    }
}

/// Kinds of Bouncy Castle's that kbox-verify does not accept, and as what. One that it comes to accept fails the run.
const NOT_OURS: [(&str, &str); 5] = [
    // RFC 8419 §3.1: Ed448 is signed with SHAKE256, of which imprints and digests here know nothing: no reproach, no proof.
    ("ed448", "tsp.unsupported_algorithm"),
    // No authority that we know signs by SHA-3.
    ("p256-sha3", "tsp.unsupported_algorithm"),
    ("p384-sha3", "tsp.unsupported_algorithm"),
    ("rsa-sha3", "tsp.unsupported_algorithm"),
    ("rsa-pss-sha3", "tsp.unsupported_algorithm"),
];

#[test]
fn kbox_verify_accepts_bouncy_castles_tokens_by_every_key_but_those_listed() {
    let Some(peer) = Peer::find() else {
        return;
    };
    let folder = Folder::new();
    make_pki(&folder, &KINDS[0]);
    folder.write("data", b"convocation");
    folder.write("other", b"another");
    folder.run_ok("openssl ts -query -data data -sha512 -cert -out q.tsq");
    let made = folder.path("made");
    std::fs::create_dir(&made).unwrap();
    let query = folder.path("q.tsq");
    let arguments = [OsStr::new("make"), made.as_os_str(), query.as_os_str()];
    peer.run(&Peer::program(), &arguments, "");
    let verify = |name: &str, document: &str, root: &str| -> (Option<i32>, Value) {
        let output = Command::new(binary("kbox-verify"))
            .arg(made.join(format!("{name}.tsr")))
            .args(["--json", "--document", document, "--trust", root])
            .current_dir(folder.0.path())
            .output()
            .unwrap();
        let json = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{name}: {error}: {}", said(&output)));
        (output.status.code(), json)
    };
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(&made).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending != "tsr") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap().to_string();
        let root = made.join(format!("{name}.pem"));
        let root = root.to_str().unwrap();
        let (exit, json) = verify(&name, "data", root);
        match NOT_OURS.iter().find(|(other, _)| *other == name) {
            Some((_, code)) => assert_eq!(json["findings"][0]["code"], *code, "{name}: {json}"),
            None => {
                assert_eq!(exit, Some(0), "{name}: {json}");
                let (exit, json) = verify(&name, "other", root);
                assert_eq!(exit, Some(1), "{name}: {json}");
                assert_eq!(json["findings"][0]["code"], "tsp.imprint_mismatch");
                let (exit, json) = verify(&name, "data", "ca.pem");
                assert_eq!(exit, Some(2), "{name}: {json}");
                assert_eq!(json["findings"][0]["code"], "tsp.no_chain");
            }
        }
        found.insert(name);
    }
    assert!(NOT_OURS.iter().all(|(name, _)| found.contains(*name)));
    assert!(found.len() > NOT_OURS.len());
}
