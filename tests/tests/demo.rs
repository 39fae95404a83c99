// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The demonstration as a newcomer runs it, and its proof file as an auditor gets it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::Command;

use kbox_proof::receipt::ProofFile;
use kbox_tests::{binary, run, said};

fn proof_file(folder: &Path) -> std::path::PathBuf {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "asice")
        })
        .max()
        .unwrap()
}

#[test]
fn the_demonstration_ends_in_a_proof_file_that_stands_alone_offline() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let demo = ["demo", "--data", folder, "--listen", "127.0.0.1:0"];
    let output = run("kbox-server", &demo);
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    for words in [
        "29 conseillers",
        "25 ouvertures, 25 accusés de réception ; 4 membres n’ont rien ouvert",
        "550 5.1.1",
        "cinq jours francs au moins",
        "Dossier de preuve : PROUVÉ, avec réserve",
        "[token.policy]",
        "Verification: OK",
        "avisés : respecté\n",
        "80253-conseil-",
        &format!("make DEMO={folder} serve"),
        &format!("{folder}/cle-du-secretariat-80253"),
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    // What nothing disproves is not called so.
    let refused = text.matches(" : refusé (code 1 : rejeté)").count();
    let undecided = text.matches(" : non prouvé (code 2 : indéterminé)").count();
    assert!(refused > 0 && undecided > 0, "{text}");
    assert_eq!(refused + undecided, 7, "{text}");

    // Elsewhere, with nothing but the verifier, the file and the trust bundle.
    let away = tempfile::tempdir().unwrap();
    let verifier = away.path().join("kbox-verify");
    std::fs::copy(binary("kbox-verify"), &verifier).unwrap();
    let file = away.path().join("dossier.asice");
    std::fs::copy(proof_file(data.path()), &file).unwrap();
    let trust = away.path().join("trust.json");
    std::fs::copy(data.path().join("trust.json"), &trust).unwrap();
    std::fs::rename(data.path().join("db"), data.path().join("db-away")).unwrap();
    let verify = |arguments: &[&str]| {
        Command::new(&verifier)
            .current_dir(away.path())
            .env_clear()
            .args(arguments)
            .output()
            .unwrap()
    };
    let proven = verify(&["--trust", "trust.json", "dossier.asice"]);
    assert_eq!(proven.status.code(), Some(0), "{}", said(&proven));
    // Nobody measured the clock, and every report says so.
    for (language, words) in [("fr", "horloge non vérifiée"), ("en", "unverified clock")] {
        let arguments = ["--lang", language, "--trust", "trust.json", "dossier.asice"];
        let report = said(&verify(&arguments));
        assert!(report.contains(words), "{report}");
    }
    let json = said(&verify(&[
        "--json",
        "--trust",
        "trust.json",
        "dossier.asice",
    ]));
    assert!(json.contains("\"clock\": \"unverified\""), "{json}");
    let bundle = std::fs::read_to_string(&trust).unwrap();
    assert!(bundle.contains("\"clock\": \"unverified\""), "{bundle}");
    let content = ProofFile::read(std::fs::File::open(&file).unwrap()).unwrap();
    let (html, text) = content.report.unwrap();
    for report in [html, text] {
        assert!(report.contains("horloge non vérifiée"), "{report}");
    }
    let undecided = verify(&["dossier.asice"]);
    assert_eq!(undecided.status.code(), Some(2), "{}", said(&undecided));
    std::fs::rename(data.path().join("db-away"), data.path().join("db")).unwrap();

    // Again in the same place: another séance in the same log.
    let again = run("kbox-server", &demo);
    assert!(again.status.success(), "{}", said(&again));
    let output = Command::new(&verifier)
        .arg("--trust")
        .arg(&trust)
        .arg(proof_file(data.path()))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[test]
fn another_commune_has_its_own_council_and_rule() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    // Allonville: under 3,500 inhabitants, three jours francs (CGCT L.2121-11).
    let demo = [
        "demo",
        "--data",
        folder,
        "--listen",
        "127.0.0.1:0",
        "--commune",
        "80020",
    ];
    let output = run("kbox-server", &demo);
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("CGCT L.2121-11, 3 jours"), "{text}");

    let unknown = run(
        "kbox-server",
        &["demo", "--data", folder, "--commune", "99999"],
    );
    assert_eq!(unknown.status.code(), Some(1));
    assert!(said(&unknown).contains("80253"), "{}", said(&unknown));
}

#[test]
fn two_communes_in_one_folder_overwrite_nothing_of_each_other() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    // Allonville and Ailly-sur-Somme.
    let communes = ["80020", "80011"];
    for commune in communes {
        let output = run(
            "kbox-server",
            &[
                "demo",
                "--data",
                folder,
                "--listen",
                "127.0.0.1:0",
                "--commune",
                commune,
            ],
        );
        assert!(output.status.success(), "{}", said(&output));
        assert!(said(&output).contains(&format!("{folder}/courriels/{commune}\n")));
    }
    let trust = data.path().join("trust.json");
    let mut keys = Vec::new();
    let mut links = Vec::new();
    for commune in communes {
        let file = std::fs::read_dir(data.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| {
                let name = path.file_name().unwrap().to_str().unwrap();
                name.starts_with(&format!("{commune}-conseil-")) && name.ends_with(".asice")
            })
            .unwrap();
        let verified = run(
            "kbox-verify",
            &["--trust", trust.to_str().unwrap(), file.to_str().unwrap()],
        );
        assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
        let key = data.path().join(format!("cle-du-secretariat-{commune}"));
        keys.push(std::fs::read_to_string(key).unwrap());
        let mails = data.path().join("courriels").join(commune);
        links.push(std::fs::read_dir(mails).unwrap().count());
    }
    assert_ne!(keys[0], keys[1]);
    assert!(links.iter().all(|mails| *mails > 0), "{links:?}");
}
