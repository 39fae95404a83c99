// SPDX-License-Identifier: Apache-2.0 OR MIT
//! OpenSSL asks, we answer, OpenSSL verifies; and the other way round. Without `openssl` they fail: `make setup` installs it.
#![cfg(feature = "issue")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use kbox_proof::clock::{Clock, SystemClock};
use kbox_proof::key::{KeyError, TokenKeyKind, TokenSigner};
use kbox_proof::pki::DevPki;
use kbox_proof::time::Time;
use kbox_proof::tsa::{Authority, AuthorityConfig, SerialSource};
use kbox_proof::tsp::{
    ChainTime, TimeStampReq, TimeStampResp, TimeStampToken, TokenFlag, TokenTrust, TsaPolicyId,
    VerifiedTimeStamp, certificate_to_pem, certificates_from_pem, verify_response, verify_token,
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
            .unwrap_or_else(|error| {
                panic!("openssl cannot be run ({error}): `make setup` installs it")
            })
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

const HASHES: [&str; 6] = [
    "sha256", "sha384", "sha512", "sha3-256", "sha3-384", "sha3-512",
];

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
    for hash in HASHES {
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
    let pki = DevPki::generate(now(), true).unwrap();
    let authority = authority(pki.public.signer, pki.public.chain);
    check_ours_by_openssl(&Folder::new("p256"), &authority);
}

/// A public authority of our own development PKI, with this key.
fn own_authority(signer: TokenSigner) -> Authority {
    let again = TokenSigner::from_pkcs8_pem(&signer.to_pkcs8_pem()).unwrap();
    let evidence = TokenSigner::generate().unwrap();
    let chain = DevPki::with_keys(now(), true, evidence, again)
        .unwrap()
        .public
        .chain;
    authority(signer, chain)
}

fn rsa(bits: usize) -> TokenSigner {
    TokenSigner::generate_kind(TokenKeyKind::Rsa { bits }).unwrap()
}

#[test]
fn openssl_accepts_our_p384_and_rsa_tokens_for_every_hash_with_and_without_certificates() {
    let p384 = TokenSigner::generate_kind(TokenKeyKind::P384).unwrap();
    for (name, signer) in [
        ("p384", p384),
        ("rsa-2048", rsa(2048)),
        ("rsa-3072", rsa(3072)),
        ("rsa-4096", rsa(4096)),
    ] {
        check_ours_by_openssl(&Folder::new(name), &own_authority(signer));
    }
}

/// A response of ours to a request of OpenSSL's for `data`, in this folder as `q.tsq`, `r.tsr`, `token.tst` and `root.pem`.
fn answer_openssl(folder: &Folder, authority: &Authority) {
    folder.write(
        "root.pem",
        certificate_to_pem(authority.chain().last().unwrap()),
    );
    folder.write("data", b"convocation");
    folder.openssl_ok("ts -query -data data -sha512 -cert -out q.tsq");
    let serials = SerialSource::new().unwrap();
    let reply = authority.respond(&folder.read("q.tsq"), &clock(), &serials);
    folder.write("r.tsr", &reply);
    let response = TimeStampResp::parse(&reply).unwrap();
    folder.write("token.tst", response.token().unwrap().to_der());
}

const TS_VERIFY: &str = "ts -verify -queryfile q.tsq -in r.tsr -CAfile root.pem";

#[test]
fn openssls_cms_accepts_our_pss_tokens() {
    for bits in [2048, 3072] {
        let folder = Folder::new(&format!("pss-ours-{bits}"));
        answer_openssl(&folder, &own_authority(rsa(bits).with_pss().unwrap()));
        folder.openssl_ok(
            "cms -verify -inform DER -in token.tst -CAfile root.pem -purpose timestampsign -out content",
        );
    }
}

/// What OpenSSL 3.0 cannot. Who cannot take its word for these has Bouncy Castle's. When one of them ends, it fails here: then it leaves
/// this list, and evidence could be signed by such keys as well.
#[test]
fn divergence_openssl_3_0_verifies_no_timestamps_by_pss_or_ed25519() {
    let ed25519 = TokenSigner::generate_kind(TokenKeyKind::Ed25519).unwrap();
    for (name, signer, reason) in [
        // PKCS7_verify, under `ts`, knows PKCS#1 v1.5 alone.
        ("pss", rsa(2048).with_pss().unwrap(), "signature failure"),
        // It digests before it verifies, which EdDSA does not allow (RFC 8419 came later).
        ("ed25519", ed25519, "signature failure"),
    ] {
        let folder = Folder::new(&format!("divergence-{name}"));
        answer_openssl(&folder, &own_authority(signer));
        let output = folder.openssl(TS_VERIFY);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{name}: the divergence ended");
        assert!(text.contains(reason), "{name}: {text}");
    }
}

const EXTENSIONS: &str = "[ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n\
    [tsa]\nauthorityKeyIdentifier=keyid\nbasicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n\
    [ts]\ndefault_tsa=t\n[t]\nserial=serial\nsigner_cert=tsa.pem\ncerts=ca.pem\nsigner_key=tsa.key\n\
    default_policy=1.2.3.4\ndigests=sha256,sha384,sha512\nsigner_digest=DIGEST\naccuracy=secs:1\n\
    ess_cert_id_alg=ESS\ncrypto_device=builtin\n";

/// A PKI made by OpenSSL, with keys of this kind.
fn openssl_pki(folder: &Folder, key: &str, digest: &str, ess: &str) {
    openssl_pki_signed(folder, key, key, &format!("-{digest}"), digest, ess);
}

/// The same with another key for the CA, and with options for how it signs.
fn openssl_pki_signed(
    folder: &Folder,
    ca_key: &str,
    key: &str,
    signing: &str,
    digest: &str,
    ess: &str,
) {
    let extensions = EXTENSIONS.replace("ESS", ess).replace("DIGEST", digest);
    folder.write("x.cnf", extensions);
    folder.write("serial", "01\n");
    for (name, key) in [("ca", ca_key), ("tsa", key)] {
        folder.openssl_ok(&format!("genpkey {key} -out {name}.key"));
        folder.openssl_ok(&format!(
            "req -new -key {name}.key -subj /C=FR/O=Test/CN={name} -out {name}.csr"
        ));
    }
    folder.openssl_ok(&format!(
        "x509 -req -in ca.csr -signkey ca.key {signing} -days 30 -extfile x.cnf -extensions ca -out ca.pem"
    ));
    folder.openssl_ok(&format!(
        "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial {signing} -days 30 -extfile x.cnf -extensions tsa -out tsa.pem"
    ));
}

fn pem(folder: &Folder, name: &str) -> Vec<Vec<u8>> {
    certificates_from_pem(&String::from_utf8(folder.read(name)).unwrap()).unwrap()
}

const P256: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
const P384: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-384";
const P521: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-521";
const RSA_2048: &str = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
const RSA_3072: &str = "-algorithm RSA -pkeyopt rsa_keygen_bits:3072";
const RSA_4096: &str = "-algorithm RSA -pkeyopt rsa_keygen_bits:4096";

/// Has OpenSSL answer a request of its own, and us judge the response.
fn check_openssls_reply(what: &str, folder: &Folder) -> VerifiedTimeStamp {
    folder.write("data", b"convocation");
    folder.openssl_ok("ts -query -data data -sha384 -cert -out q.tsq");
    folder.openssl_ok("ts -reply -queryfile q.tsq -config x.cnf -section t -out r.tsr");
    let request = TimeStampReq::parse(&folder.read("q.tsq")).unwrap();
    let response = TimeStampResp::parse(&folder.read("r.tsr")).unwrap();
    let roots = pem(folder, "ca.pem");
    let trust = TokenTrust::new(&roots, ChainTime::At(now()));
    let verified = verify_response(&response, &request, &trust)
        .unwrap_or_else(|rejection| panic!("{what}: {rejection}"));
    assert_eq!(verified.chain().len(), 2, "{what}");
    verified
}

#[test]
fn we_accept_openssls_tokens_by_each_key_with_each_hash() {
    for (name, key) in [
        ("p256", P256),
        ("p384", P384),
        ("p521", P521),
        ("rsa-2048", RSA_2048),
        ("rsa-3072", RSA_3072),
        ("rsa-4096", RSA_4096),
    ] {
        let folder = Folder::new(&format!("reply-{name}"));
        openssl_pki(&folder, key, "sha256", "sha256");
        // Any hash with any key: real authorities sign by P-256 with SHA-512.
        for digest in ["sha256", "sha384", "sha512"] {
            let config = EXTENSIONS.replace("ESS", "sha256");
            folder.write("x.cnf", config.replace("DIGEST", digest));
            check_openssls_reply(&format!("{name} {digest}"), &folder);
        }
    }
}

#[test]
fn we_accept_openssls_tokens_with_each_hash_of_the_signers_certificate_and_flag_sha1() {
    for ess in ["sha1", "sha256", "sha384", "sha512"] {
        let folder = Folder::new(&format!("reply-ess-{ess}"));
        openssl_pki(&folder, P256, "sha256", ess);
        let verified = check_openssls_reply(ess, &folder);
        assert_eq!(
            verified.flags().contains(&TokenFlag::EssCertIdV1),
            ess == "sha1"
        );
    }
}

#[test]
fn we_accept_chains_that_openssl_signed_by_each_key_and_hash_and_by_pss_and_ed25519() {
    const PSS_KEY: &str = "-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048";
    const BOUND_PSS_KEY: &str = "-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 \
        -pkeyopt rsa_pss_keygen_md:sha384 -pkeyopt rsa_pss_keygen_mgf1_md:sha384 -pkeyopt rsa_pss_keygen_saltlen:48";
    for (name, ca_key, signing) in [
        ("p256-512", P256, "-sha512"),
        ("p384-256", P384, "-sha256"),
        ("p521-512", P521, "-sha512"),
        ("p521-256", P521, "-sha256"),
        ("rsa-384", RSA_2048, "-sha384"),
        // OpenSSL's own choice of a salt: as long as fits.
        ("pss-max", RSA_2048, "-sha256 -sigopt rsa_padding_mode:pss"),
        (
            "pss-digest",
            RSA_3072,
            "-sha512 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:-1",
        ),
        (
            "pss-0",
            RSA_2048,
            "-sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:0",
        ),
        (
            "pss-20",
            RSA_2048,
            "-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:20",
        ),
        ("pss-key", PSS_KEY, "-sha256"),
        ("pss-key-bound", BOUND_PSS_KEY, "-sha384"),
        ("ed25519", "-algorithm ED25519", ""),
    ] {
        let folder = Folder::new(&format!("chain-{name}"));
        openssl_pki_signed(&folder, ca_key, P256, signing, "sha256", "sha256");
        check_openssls_reply(name, &folder);
    }
    // RFC 4055 §3.1 has message and mask use one hash.
    let folder = Folder::new("chain-pss-mixed");
    let mixed = "-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_mgf1_md:sha512";
    openssl_pki_signed(&folder, RSA_2048, P256, mixed, "sha256", "sha256");
    assert_eq!(
        refusal_of_openssls_reply(&folder),
        "tsp.chain_constraint",
        "message and mask of different hashes"
    );
    let folder = Folder::new("chain-pss-sha1");
    let weak = "-sha1 -sigopt rsa_padding_mode:pss";
    openssl_pki_signed(&folder, RSA_2048, P256, weak, "sha256", "sha256");
    assert_eq!(refusal_of_openssls_reply(&folder), "tsp.chain_constraint");
}

fn refusal_of_openssls_reply(folder: &Folder) -> &'static str {
    folder.write("data", b"convocation");
    folder.openssl_ok("ts -query -data data -sha384 -cert -out q.tsq");
    folder.openssl_ok("ts -reply -queryfile q.tsq -config x.cnf -section t -out r.tsr");
    let request = TimeStampReq::parse(&folder.read("q.tsq")).unwrap();
    let response = TimeStampResp::parse(&folder.read("r.tsr")).unwrap();
    let roots = pem(folder, "ca.pem");
    let trust = TokenTrust::new(&roots, ChainTime::At(now()));
    verify_response(&response, &request, &trust)
        .unwrap_err()
        .code()
}

/// Its `ts` signs by PKCS#1 v1.5 alone, its `cms` by PSS as well.
#[test]
fn we_accept_openssls_tokens_by_pss_with_each_hash_and_salt() {
    let folder = Folder::new("pss-theirs");
    openssl_pki(&folder, RSA_2048, "sha256", "sha256");
    check_openssls_reply("PKCS#1 v1.5", &folder);
    folder.openssl_ok("ts -reply -in r.tsr -token_out -out pkcs1.tst");
    folder.openssl_ok("cms -verify -noverify -inform DER -in pkcs1.tst -out content");
    let request = TimeStampReq::parse(&folder.read("q.tsq")).unwrap();
    let roots = pem(&folder, "ca.pem");
    let trust = TokenTrust::new(&roots, ChainTime::At(now()));
    for digest in ["sha256", "sha384", "sha512"] {
        for salt in ["-1", "-2", "0", "20", "100"] {
            folder.openssl_ok(&format!(
                "cms -sign -binary -nodetach -econtent_type 1.2.840.113549.1.9.16.1.4 -in content -signer tsa.pem \
                 -inkey tsa.key -keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:{salt} -md {digest} -cades -nosmimecap \
                 -outform DER -out pss.tst"
            ));
            let bytes = folder.read("pss.tst");
            let token = TimeStampToken::parse(&bytes).unwrap();
            verify_token(&token, request.message_imprint(), &trust)
                .unwrap_or_else(|rejection| panic!("{digest} {salt}: {rejection}"));
            assert!(token.leaf_bytes().is_err());
        }
    }
}

#[test]
fn an_rsa_key_below_2048_bits_is_no_token_key() {
    let folder = Folder::new("small-rsa");
    for (bits, result) in [(1024, Err(KeyError::Unsupported)), (2048, Ok(2048))] {
        folder.openssl_ok(&format!(
            "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:{bits} -out key.pem"
        ));
        let pem = String::from_utf8(folder.read("key.pem")).unwrap();
        let found = TokenSigner::from_pkcs8_pem(&pem).map(|signer| match signer.kind() {
            TokenKeyKind::Rsa { bits } => bits,
            _ => 0,
        });
        assert_eq!(found, result);
    }
}

/// Our tokens by a key and certificates that OpenSSL made.
fn check_ours_under_openssls_pki(name: &str, key: &str) {
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
    let folder = Folder::new("pki");
    let pki = DevPki::generate(now(), true).unwrap();
    folder.write("root.pem", certificate_to_pem(&pki.root));
    folder.write("signer.pem", certificate_to_pem(&pki.evidence.chain[0]));
    folder.openssl_ok("verify -x509_strict -purpose timestampsign -CAfile root.pem signer.pem");
    assert!(Path::new(&folder.0).exists());
}

#[test]
fn a_key_in_another_form_is_refused_with_the_command_that_writes_it_anew() {
    let folder = Folder::new("key-forms");
    let read = |name: &str| {
        let text = String::from_utf8(folder.read(name)).unwrap();
        TokenSigner::from_pkcs8_pem(&text).map(|signer| signer.kind())
    };
    folder.openssl_ok("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out plain.pem");
    folder.openssl_ok("pkcs8 -topk8 -in plain.pem -passout pass:secret -out encrypted.pem");
    folder.openssl_ok("ec -in plain.pem -out sec1.pem");
    folder.openssl_ok("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.pem");
    folder.openssl_ok("rsa -in rsa.pem -traditional -out pkcs1.pem");
    folder.openssl_ok("genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out pss.pem");
    assert_eq!(read("plain.pem"), Ok(TokenKeyKind::P256));
    assert_eq!(read("encrypted.pem"), Err(KeyError::Encrypted));
    assert_eq!(read("sec1.pem"), Err(KeyError::NotPkcs8));
    assert_eq!(read("pkcs1.pem"), Err(KeyError::NotPkcs8));
    assert_eq!(read("pss.pem"), Err(KeyError::PssKey));
    // What the refusals say to do is done.
    for (name, error) in [
        ("sec1.pem", KeyError::NotPkcs8),
        ("pkcs1.pem", KeyError::NotPkcs8),
    ] {
        assert!(
            error
                .to_string()
                .contains("openssl pkcs8 -topk8 -nocrypt -in KEY -out NEW")
        );
        folder.openssl_ok(&format!("pkcs8 -topk8 -nocrypt -in {name} -out new.pem"));
        assert!(read("new.pem").is_ok(), "{name}");
    }
    assert!(
        KeyError::Encrypted
            .to_string()
            .contains("openssl pkcs8 -in KEY -out NEW")
    );
    folder.openssl_ok("pkcs8 -in encrypted.pem -passin pass:secret -out new.pem");
    assert_eq!(read("new.pem"), Ok(TokenKeyKind::P256));
    assert!(KeyError::PssKey.to_string().contains("pss = true"));
}
