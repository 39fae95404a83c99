// SPDX-License-Identifier: Apache-2.0 OR MIT
//! OpenSSL asks, we answer, OpenSSL verifies; and the other way round. Skipped where there is no `openssl`.
#![cfg(feature = "issue")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use kbox_proof::clock::{Clock, SystemClock};
use kbox_proof::key::TokenSigner;
use kbox_proof::pki::DevPki;
use kbox_proof::time::Time;
use kbox_proof::tsa::{Authority, AuthorityConfig, SerialSource};
use kbox_proof::tsp::{
    ChainTime, TimeStampReq, TimeStampResp, TokenFlag, TokenTrust, TsaPolicyId, certificate_to_pem,
    certificates_from_pem, verify_response,
};

/// A folder of its own that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("kbox-tsp-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.0.join(name), bytes).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.join(name)).unwrap()
    }

    fn openssl(&self, arguments: &str) -> Output {
        Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(&self.0)
            .output()
            .unwrap()
    }

    fn openssl_ok(&self, arguments: &str) {
        let output = self.openssl(arguments);
        assert!(
            output.status.success(),
            "openssl {arguments}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn has_openssl() -> bool {
    let found = Command::new("openssl").arg("version").output().is_ok();
    if !found {
        println!("skipped: no openssl");
    }
    found
}

fn clock() -> SystemClock {
    SystemClock::new(Duration::from_millis(500)).unwrap()
}

fn now() -> Time {
    clock().read().unwrap().time
}

fn authority(signer: TokenSigner, chain: Vec<Vec<u8>>) -> Authority {
    let config = AuthorityConfig::new(signer, chain, TsaPolicyId::public_policy());
    Authority::new(config, now()).unwrap()
}

fn check_ours_by_openssl(folder: &Folder, authority: &Authority) {
    let serials = SerialSource::new().unwrap();
    let pem: Vec<String> = authority
        .chain()
        .iter()
        .map(|der| certificate_to_pem(der))
        .collect();
    folder.write("signer.pem", &pem[0]);
    folder.write("root.pem", pem.last().unwrap());
    folder.write("data", b"convocation");
    let roots = [authority.chain().last().unwrap().clone()];
    for hash in ["sha256", "sha384", "sha512", "sha3-256"] {
        for cert in ["", "-cert"] {
            for nonce in ["", "-no_nonce"] {
                let what = format!("{hash} {cert} {nonce}");
                folder.openssl_ok(&format!(
                    "ts -query -data data -{hash} {cert} {nonce} -out q.tsq"
                ));
                let query = folder.read("q.tsq");
                let reply = authority.respond(&query, &clock(), &serials);
                folder.write("r.tsr", &reply);
                let untrusted = if cert.is_empty() {
                    "-untrusted signer.pem"
                } else {
                    ""
                };
                folder.openssl_ok(&format!(
                    "ts -verify -queryfile q.tsq -in r.tsr -CAfile root.pem {untrusted}"
                ));
                let request = TimeStampReq::parse(&query).unwrap();
                let response = TimeStampResp::parse(&reply).unwrap();
                let token = response.token().unwrap();
                assert_eq!(token.certificates().is_empty(), cert.is_empty(), "{what}");
                let mut trust = TokenTrust::new(&roots, ChainTime::At(now()));
                trust.extra_certificates = authority.chain();
                trust.strict = true;
                let verified = verify_response(&response, &request, &trust).unwrap();
                assert_eq!(verified.flags(), [], "{what}");
                // A leaf is a token too: OpenSSL checks it against the data.
                folder.write("leaf.tst", token.leaf_bytes().unwrap());
                folder.openssl_ok(
                    "ts -verify -queryfile q.tsq -in leaf.tst -token_in -CAfile root.pem -untrusted signer.pem",
                );
            }
        }
    }
    folder.write("data2", b"another");
    folder.openssl_ok("ts -query -data data2 -sha256 -out q2.tsq");
    let output = folder.openssl("ts -verify -queryfile q2.tsq -in r.tsr -CAfile root.pem");
    assert!(!output.status.success());
}

#[test]
fn openssl_accepts_our_p256_tokens_for_every_hash_with_and_without_certificates() {
    if has_openssl() {
        let pki = DevPki::generate(now(), true).unwrap();
        let authority = authority(pki.public.signer, pki.public.chain);
        check_ours_by_openssl(&Folder::new("p256"), &authority);
    }
}

const EXTENSIONS: &str = "[ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n\
    [tsa]\nbasicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n\
    [ts]\ndefault_tsa=t\n[t]\nserial=serial\nsigner_cert=tsa.pem\ncerts=ca.pem\nsigner_key=tsa.key\n\
    default_policy=1.2.3.4\ndigests=sha256,sha384,sha512\nsigner_digest=DIGEST\naccuracy=secs:1\n\
    ess_cert_id_alg=ESS\ncrypto_device=builtin\n";

/// A PKI made by OpenSSL, with keys of this kind.
fn openssl_pki(folder: &Folder, key: &str, digest: &str, ess: &str) {
    let extensions = EXTENSIONS.replace("ESS", ess).replace("DIGEST", digest);
    folder.write("x.cnf", extensions);
    folder.write("serial", "01\n");
    for name in ["ca", "tsa"] {
        folder.openssl_ok(&format!("genpkey {key} -out {name}.key"));
        folder.openssl_ok(&format!(
            "req -new -key {name}.key -subj /C=FR/O=Test/CN={name} -out {name}.csr"
        ));
    }
    folder.openssl_ok(
        "x509 -req -in ca.csr -signkey ca.key -days 30 -extfile x.cnf -extensions ca -out ca.pem",
    );
    folder.openssl_ok(
        "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile x.cnf -extensions tsa -out tsa.pem",
    );
}

fn pem(folder: &Folder, name: &str) -> Vec<Vec<u8>> {
    certificates_from_pem(&String::from_utf8(folder.read(name)).unwrap()).unwrap()
}

/// A name, the key, and the digest of the signature.
const KEYS: [(&str, &str, &str); 5] = [
    (
        "p256",
        "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
        "sha256",
    ),
    (
        "p384",
        "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
        "sha384",
    ),
    (
        "p384-256",
        "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
        "sha256",
    ),
    (
        "rsa",
        "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
        "sha256",
    ),
    (
        "rsa-512",
        "-algorithm RSA -pkeyopt rsa_keygen_bits:3072",
        "sha512",
    ),
];

#[test]
fn we_accept_openssls_tokens_by_p256_p384_and_rsa() {
    if !has_openssl() {
        return;
    }
    for (name, key, digest) in KEYS {
        for ess in ["sha256", "sha1", "sha512"] {
            let folder = Folder::new(&format!("reply-{name}-{ess}"));
            openssl_pki(&folder, key, digest, ess);
            folder.write("data", b"convocation");
            folder.openssl_ok("ts -query -data data -sha384 -cert -out q.tsq");
            folder.openssl_ok("ts -reply -queryfile q.tsq -config x.cnf -section t -out r.tsr");
            let request = TimeStampReq::parse(&folder.read("q.tsq")).unwrap();
            let response = TimeStampResp::parse(&folder.read("r.tsr")).unwrap();
            let roots = pem(&folder, "ca.pem");
            let trust = TokenTrust::new(&roots, ChainTime::At(now()));
            let verified = verify_response(&response, &request, &trust)
                .unwrap_or_else(|rejection| panic!("{name} {ess}: {rejection}"));
            assert_eq!(verified.chain().len(), 2);
            assert_eq!(
                verified.flags().contains(&TokenFlag::EssCertIdV1),
                ess == "sha1"
            );
        }
    }
}

/// Our tokens by a key and certificates that OpenSSL made.
fn check_ours_under_openssls_pki(name: &str, key: &str) {
    if !has_openssl() {
        return;
    }
    let folder = Folder::new(name);
    openssl_pki(&folder, key, "sha256", "sha256");
    folder.openssl_ok("pkcs8 -topk8 -nocrypt -in tsa.key -out tsa.p8");
    let key = String::from_utf8(folder.read("tsa.p8")).unwrap();
    let mut chain = pem(&folder, "tsa.pem");
    chain.extend(pem(&folder, "ca.pem"));
    let authority = authority(TokenSigner::from_pkcs8_pem(&key).unwrap(), chain);
    check_ours_by_openssl(&folder, &authority);
}

#[test]
fn openssl_accepts_our_rsa_tokens_under_its_own_certificates() {
    let key = "-algorithm RSA -pkeyopt rsa_keygen_bits:3072";
    check_ours_under_openssls_pki("rsa-ours", key);
}

#[test]
fn openssl_accepts_our_p384_tokens_under_its_own_certificates() {
    let key = "-algorithm EC -pkeyopt ec_paramgen_curve:P-384";
    check_ours_under_openssls_pki("p384-ours", key);
}

#[test]
fn openssl_reads_our_refusals() {
    if !has_openssl() {
        return;
    }
    let folder = Folder::new("refusal");
    let pki = DevPki::generate(now(), true).unwrap();
    let authority = authority(pki.public.signer, pki.public.chain);
    let serials = SerialSource::new().unwrap();
    folder.write("data", b"convocation");
    folder.openssl_ok("ts -query -data data -sha1 -out q.tsq");
    folder.write(
        "r.tsr",
        authority.respond(&folder.read("q.tsq"), &clock(), &serials),
    );
    let output = folder.openssl("ts -reply -in r.tsr -text");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("Status: Rejected."), "{text}");
    assert!(
        text.contains("unrecognized or unsupported algorithm identifier"),
        "{text}"
    );
}

#[test]
fn the_dev_pki_passes_openssls_own_checks() {
    if !has_openssl() {
        return;
    }
    let folder = Folder::new("pki");
    let pki = DevPki::generate(now(), true).unwrap();
    folder.write("root.pem", certificate_to_pem(&pki.root));
    folder.write("signer.pem", certificate_to_pem(&pki.evidence.chain[0]));
    folder.openssl_ok("verify -x509_strict -purpose timestampsign -CAfile root.pem signer.pem");
    assert!(Path::new(&folder.0).exists());
}
