// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The sigstore-tsa crate as a verifier of a running server's answers, and of the library's.

use std::time::Duration;

use kbox_proof::clock::TestClock;
use kbox_proof::tsa::SerialSource;
use kbox_proof::tsp::certificates_from_pem;
use kbox_tests::now;
use sigstore_tsa::{TsaAuthority, verify_timestamp_for_authority};
use sigstore_types::{DerCertificate, SignatureBytes, TimestampToken};

use super::{Folder, KINDS, authority, serve};

/// What it says of an answer to a request for a timestamp over this message.
fn verdict(folder: &Folder, answer: &[u8], message: &[u8]) -> Result<(), String> {
    let certificate = |name: &str| {
        let pem = certificates_from_pem(&folder.text(name)).unwrap();
        DerCertificate::from_bytes(&pem[0])
    };
    let authority = TsaAuthority::new(certificate("tsu.pem"), vec![], certificate("ca.pem"), None);
    verify_timestamp_for_authority(
        &TimestampToken::from_bytes(answer),
        &SignatureBytes::from_bytes(message),
        &authority,
    )
    .map(drop)
    .map_err(|error| error.to_string())
}

/// What it can read of no token: a policy with an arc above 32 bits, as those of servers have (2.25 and 128 bits), and a genTime
/// with a fraction of a second. Its message, where it comes to read one of them, fails the run.
const NOT_READ: [(&str, &str, Duration); 2] = [
    (
        "malformed OID",
        "2.25.51118242154837226066215980302773697965.1.2",
        Duration::ZERO,
    ),
    ("GeneralizedTime", "1.2.3.4.1", Duration::from_millis(7)),
];

#[test]
fn sigstore_tsa_accepts_our_tokens_by_elliptic_curves_and_none_that_was_changed() {
    for kind in &KINDS {
        let folder = Folder::new();
        let server = serve(&folder, kind);
        folder.write("data", b"convocation");
        let serials = SerialSource::new().unwrap();
        let second = now();
        let stamp = |query: &[u8], policy: &str, fraction: Duration| {
            let clock = TestClock::at(second.saturating_add(fraction));
            authority(&folder, kind, policy.parse().unwrap()).respond(query, &clock, &serials)
        };
        for hash in ["sha256", "sha384", "sha512"] {
            for certificates in ["-cert", ""] {
                folder.run_ok(&format!(
                    "openssl ts -query -data data -{hash} {certificates} -out q.tsq"
                ));
                let query = folder.read("q.tsq");
                let what = format!("{} {hash} {certificates}", kind.name);
                let made = stamp(&query, "1.2.3.4.1", Duration::ZERO);
                let found = verdict(&folder, &made, b"convocation");
                match kind.name.starts_with("P-") {
                    true => assert_eq!(found, Ok(()), "{what}"),
                    false => assert!(found.unwrap_err().contains("not an EC key"), "{what}"),
                }
                assert!(verdict(&folder, &made, b"another").is_err(), "{what}");
                let mut spoiled = made.clone();
                *spoiled.last_mut().unwrap() ^= 1;
                assert!(
                    verdict(&folder, &spoiled, b"convocation").is_err(),
                    "{what}"
                );

                let served = server
                    .try_post("/tsa", None, "application/timestamp-query", &query)
                    .unwrap();
                let found = verdict(&folder, &served.body, b"convocation").unwrap_err();
                assert!(
                    found.contains("failed to decode TSTInfo"),
                    "{what}: {found}"
                );
                for (reason, policy, fraction) in NOT_READ {
                    let made = stamp(&query, policy, fraction);
                    let found = verdict(&folder, &made, b"convocation").unwrap_err();
                    assert!(found.contains(reason), "{what}: {found}");
                }
            }
        }
    }
}
