// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Timestamps between kbox and code that others wrote: OpenSSL, Bouncy Castle, rfc3161-client and sigstore-tsa, each against running
//! servers, and each over `fixtures/tsp-faults`.
//!
//! A peer that is not installed is skipped, aloud; `make setup` installs all of them.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bouncy_castle;
mod faults;
mod openssl;
mod rfc3161_client;
mod sigstore;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use kbox_proof::clock::SystemClock;
use kbox_proof::key::TokenSigner;
use kbox_proof::pki::DevPki;
use kbox_proof::tsa::{Authority, AuthorityConfig};
use kbox_proof::tsp::{TsaPolicyId, certificates_from_pem};
use kbox_tests::{Server, authority_pem, now, provide_keys, said};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Said past the harness, which hides what passing tests print.
#[allow(clippy::explicit_write)]
fn skip(why: &str) {
    writeln!(std::io::stdout(), "peers: skipped, {why}; see `make setup`").unwrap();
}

/// A folder of a test's own, in which its peers run.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }
    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }
    fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }
    fn run(&self, line: &str) -> Output {
        let mut words = line.split_whitespace();
        Command::new(words.next().unwrap())
            .args(words)
            .current_dir(self.0.path())
            .output()
            .unwrap()
    }
    fn run_ok(&self, line: &str) {
        let output = self.run(line);
        assert!(output.status.success(), "{line}: {}", said(&output));
    }
}

/// Runs a program over `input`, and gives its standard output.
fn filter(command: &mut Command, input: &str) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_string();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    // Who ends early says why on its standard error.
    let _ = writer.join().unwrap();
    assert!(output.status.success(), "{command:?}: {}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// A kind of key that authorities have, as OpenSSL makes it.
struct Kind {
    name: &'static str,
    key: &'static str,
    /// Signs by RSASSA-PSS.
    pss: bool,
    /// OpenSSL 3.0's `ts` verifies and makes timestamps by it; who can do so one day is listed no longer.
    openssl: bool,
}

const KINDS: [Kind; 6] = [
    Kind {
        name: "P-256",
        key: "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
        pss: false,
        openssl: true,
    },
    Kind {
        name: "P-384",
        key: "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
        pss: false,
        openssl: true,
    },
    Kind {
        name: "RSA-2048",
        key: "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
        pss: false,
        openssl: true,
    },
    Kind {
        name: "RSA-3072",
        key: "-algorithm RSA -pkeyopt rsa_keygen_bits:3072",
        pss: false,
        openssl: true,
    },
    Kind {
        name: "RSA-PSS",
        key: "-algorithm RSA -pkeyopt rsa_keygen_bits:3072",
        pss: true,
        openssl: false,
    },
    Kind {
        name: "Ed25519",
        key: "-algorithm ED25519",
        pss: false,
        openssl: false,
    },
];

const EXTENSIONS: &str = "[ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n\
    subjectKeyIdentifier=hash\n[tsu]\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n";

/// Root, signing unit and its key in the folder: `ca.pem`, `tsu.pem`, `tsu.key`, `chain.pem`. By OpenSSL.
fn make_pki(folder: &Folder, kind: &Kind) {
    folder.write("x.cnf", EXTENSIONS);
    for name in ["ca", "tsu"] {
        folder.run_ok(&format!("openssl genpkey {} -out {name}.key", kind.key));
        folder.run_ok(&format!(
            "openssl req -new -key {name}.key -subj /C=FR/O=Test/CN={name} -out {name}.csr"
        ));
    }
    folder.run_ok(
        "openssl x509 -req -in ca.csr -signkey ca.key -days 30 -extfile x.cnf -extensions ca -out ca.pem",
    );
    folder.run_ok(
        "openssl x509 -req -in tsu.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile x.cnf -extensions tsu -out tsu.pem",
    );
    folder.write("chain.pem", folder.text("tsu.pem") + &folder.text("ca.pem"));
}

/// A server whose public authority has a key of this kind; `ca.pem` and `tsu.pem` are in the folder.
fn serve(folder: &Folder, kind: &Kind) -> Server {
    make_pki(folder, kind);
    folder.run_ok("openssl pkcs8 -topk8 -nocrypt -in tsu.key -out tsu.p8");
    let evidence = authority_pem(&DevPki::generate(now(), true).unwrap().evidence);
    provide_keys(
        &folder.path("server/keys"),
        (&evidence.0, &evidence.1),
        (&folder.text("tsu.p8"), &folder.text("chain.pem")),
    );
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs::set_permissions(folder.path("server"), mode).unwrap();
    folder.write("kbox.toml", format!("[tsa]\npss = {}\n", kind.pss));
    let config = folder.path("kbox.toml");
    Server::start_with(
        &folder.path("server"),
        &["--config", config.to_str().unwrap()],
    )
}

/// The library's authority with the same key as the folder's server.
fn authority(folder: &Folder, kind: &Kind, policy: TsaPolicyId) -> Authority {
    let mut signer = TokenSigner::from_pkcs8_pem(&folder.text("tsu.p8")).unwrap();
    if kind.pss {
        signer = signer.with_pss().unwrap();
    }
    let chain = certificates_from_pem(&folder.text("chain.pem")).unwrap();
    Authority::new(AuthorityConfig::new(signer, chain, policy), now()).unwrap()
}

fn clock() -> SystemClock {
    SystemClock::new(Duration::from_millis(500)).unwrap()
}

/// The imprint hashes that kbox takes, in OpenSSL's words.
const HASHES: [&str; 6] = [
    "sha256", "sha384", "sha512", "sha3-256", "sha3-384", "sha3-512",
];
