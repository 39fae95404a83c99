// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `openssl ts -query | curl | openssl ts -verify`, and the other way round.

use kbox_proof::tsp::TsaPolicyId;
use kbox_tests::{binary, said};

use super::{Folder, HASHES, KINDS, make_pki, serve};

/// Sends `q.tsq` as anybody would; the answer is `r.tsr`.
fn post(folder: &Folder, url: &str) {
    folder.run_ok(&format!(
        "curl --silent --show-error --fail --data-binary @q.tsq --header Content-Type:application/timestamp-query \
         --output r.tsr {url}/tsa"
    ));
}

fn ask(folder: &Folder, url: &str, options: &str) {
    folder.run_ok(&format!(
        "openssl ts -query -data data {options} -out q.tsq"
    ));
    post(folder, url);
}

/// What OpenSSL reads in an answer.
fn answer(folder: &Folder) -> String {
    said(&folder.run("openssl ts -reply -in r.tsr -text"))
}

#[test]
fn every_hash_with_and_without_certificates_nonce_and_policy_verifies_by_every_key() {
    for kind in &KINDS {
        let folder = Folder::new();
        let server = serve(&folder, kind);
        folder.write("data", b"convocation");
        if !kind.openssl {
            ask(&folder, &server.url, "-sha256 -cert");
            let found = folder.run("openssl ts -verify -queryfile q.tsq -in r.tsr -CAfile ca.pem");
            let what = format!("{}: {}", kind.name, said(&found));
            assert!(what.contains("Verification: FAILED"), "{what}");
            continue;
        }
        for hash in HASHES {
            for certificates in ["-cert", ""] {
                for nonce in ["", "-no_nonce"] {
                    let options = format!("-{hash} {certificates} {nonce}");
                    ask(&folder, &server.url, &options);
                    let verify = "openssl ts -verify -queryfile q.tsq -in r.tsr -CAfile ca.pem";
                    let alone = folder.run(verify);
                    let what = format!("{} {options}: {}", kind.name, said(&alone));
                    assert_eq!(alone.status.success(), !certificates.is_empty(), "{what}");
                    folder.run_ok(&format!("{verify} -untrusted tsu.pem"));
                }
            }
        }
        let policy = TsaPolicyId::demonstration_public_policy();
        ask(
            &folder,
            &server.url,
            &format!("-sha256 -cert -tspolicy {policy}"),
        );
        folder.run_ok("openssl ts -verify -queryfile q.tsq -in r.tsr -CAfile ca.pem");
        assert!(answer(&folder).contains(&format!("Policy OID: {policy}")));

        // The answer to another request, and one with a bit changed.
        folder.run_ok("openssl ts -query -data data -sha256 -cert -out other.tsq");
        let other = folder.run("openssl ts -verify -queryfile other.tsq -in r.tsr -CAfile ca.pem");
        assert!(said(&other).contains("nonce mismatch"), "{}", said(&other));
        let mut spoiled = folder.read("r.tsr");
        *spoiled.last_mut().unwrap() ^= 1;
        folder.write("spoiled.tsr", &spoiled);
        let spoiled =
            folder.run("openssl ts -verify -queryfile q.tsq -in spoiled.tsr -CAfile ca.pem");
        assert!(said(&spoiled).contains("Verification: FAILED"));
    }
}

#[test]
fn what_the_service_does_not_take_is_refused_with_a_reason_that_openssl_reads() {
    let folder = Folder::new();
    let server = serve(&folder, &KINDS[0]);
    folder.write("data", b"convocation");
    let evidence = TsaPolicyId::demonstration_evidence_policy();
    for (options, reason) in [
        ("-sha1", "unrecognized or unsupported algorithm identifier"),
        ("-md5", "unrecognized or unsupported algorithm identifier"),
        (
            "-sha224",
            "unrecognized or unsupported algorithm identifier",
        ),
        (
            "-sha256 -tspolicy 1.2.3.4.1",
            "the requested TSA policy is not supported by the TSA",
        ),
        (
            &format!("-sha256 -tspolicy {evidence}"),
            "the requested TSA policy is not supported by the TSA",
        ),
    ] {
        ask(&folder, &server.url, options);
        let text = answer(&folder);
        assert!(text.contains("Status: Rejected."), "{options}: {text}");
        assert!(text.contains(reason), "{options}: {text}");
    }
    let query = folder.read("q.tsq");
    folder.write("q.tsq", [query.as_slice(), &[0]].concat());
    post(&folder, &server.url);
    let text = answer(&folder);
    assert!(
        text.contains("the data submitted has the wrong format"),
        "{text}"
    );
}

/// What OpenSSL's own authority answers to every hash, kbox-verify accepts for its document alone.
#[test]
fn kbox_verify_accepts_what_openssl_replies_by_every_key_and_hash() {
    let digests = ["sha256", "sha384", "sha512"];
    for (index, kind) in KINDS.iter().filter(|kind| kind.openssl).enumerate() {
        let folder = Folder::new();
        make_pki(&folder, kind);
        folder.write("serial", "01\n");
        folder.write("data", b"convocation");
        folder.write("other", b"another");
        let all = HASHES.join(",");
        for (round, hash) in HASHES.iter().enumerate() {
            let digest = digests[(index + round) % 3];
            folder.write(
                "ts.cnf",
                format!(
                    "[ts]\nserial=serial\nsigner_cert=tsu.pem\nsigner_key=tsu.key\ncerts=ca.pem\ndefault_policy=1.2.3.4.1\n\
                     digests={all}\nsigner_digest={digest}\naccuracy=millisecs:500\ness_cert_id_alg={digest}\ncrypto_device=builtin\n"
                ),
            );
            folder.run_ok(&format!(
                "openssl ts -query -data data -{hash} -cert -out q.tsq"
            ));
            folder
                .run_ok("openssl ts -reply -config ts.cnf -section ts -queryfile q.tsq -out r.tsr");
            let verify = |document: &str| {
                let verifier = binary("kbox-verify");
                let verifier = verifier.display();
                folder.run(&format!(
                    "{verifier} r.tsr --json --document {document} --trust ca.pem"
                ))
            };
            let right = verify("data");
            let what = format!("{} {hash} {digest}: {}", kind.name, said(&right));
            assert_eq!(right.status.code(), Some(0), "{what}");
            let wrong = verify("other");
            assert_eq!(wrong.status.code(), Some(1), "{what}");
            assert!(
                said(&wrong).contains("tsp.imprint_mismatch"),
                "{}",
                said(&wrong)
            );
        }
    }
}
