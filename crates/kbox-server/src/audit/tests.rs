// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The audit log against edits, crashes and full disks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

fn stopped(entries: u64) -> Event {
    Event::Stopped { entries }
}

fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(str::to_string).collect()
}

fn written(folder: &Path) -> PathBuf {
    let audit = Audit::default();
    audit.open(folder).unwrap();
    for entries in 0..5 {
        audit.record(stopped(entries)).unwrap();
    }
    folder.join(FILE)
}

fn check(text: &str) -> Result<(Chain, Option<chain::Torn>), Broken> {
    read(text.as_bytes(), |_, _| ())
}

#[test]
fn each_line_names_the_one_before_and_a_restart_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path());
    let again = Audit::default();
    again.open(folder.path()).unwrap();
    again.record(stopped(5)).unwrap();
    assert_eq!(again.lines(), 6);
    let mut previous = Fingerprint::ZERO;
    for (index, line) in lines(&path).iter().enumerate() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["number"], index + 1);
        assert_eq!(value["previous"], previous.to_string());
        assert_eq!(value["event"], "stopped");
        assert_eq!(value["entries"], index);
        assert!(value["at"].is_string());
        previous = Fingerprint::of(line.as_bytes());
    }
    let (chain, torn) = check(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!((chain.lines, chain.head, torn), (6, previous, None));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}

#[test]
fn a_line_that_was_changed_removed_put_in_or_moved_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path());
    let good = lines(&path);
    let broken = |lines: &[String]| {
        let error = check(&(lines.join("\n") + "\n")).unwrap_err();
        // And nothing is put behind it.
        fs::write(&path, lines.join("\n") + "\n").unwrap();
        let opened = Audit::default().open(folder.path()).unwrap_err();
        assert!(opened.to_string().contains("move it away"), "{opened}");
        error
    };
    let mut changed = good.clone();
    changed[1] = changed[1].replace("\"entries\":1", "\"entries\":9");
    assert!(matches!(broken(&changed), Broken::Previous { line: 3 }));
    let mut removed = good.clone();
    removed.remove(2);
    assert!(matches!(
        broken(&removed),
        Broken::Number { line: 3, found: 4 }
    ));
    let mut put_in = good.clone();
    put_in.insert(2, good[1].clone());
    assert!(matches!(
        broken(&put_in),
        Broken::Number { line: 3, found: 2 }
    ));
    let mut moved = good.clone();
    moved.swap(0, 1);
    assert!(matches!(
        broken(&moved),
        Broken::Number { line: 1, found: 2 }
    ));
    let mut foreign = good.clone();
    foreign[4] = "{\"number\":5}".into();
    assert!(matches!(broken(&foreign), Broken::Form { line: 5, .. }));
    // Whatever byte it is; of the last line only the head tells.
    let whole = good.join("\n") + "\n";
    let (intact, _) = check(&whole).unwrap();
    let last = whole.trim_end().rfind('\n').unwrap();
    for place in 0..whole.len() {
        let mut bytes = whole.clone().into_bytes();
        bytes[place] ^= 1;
        if let Ok((chain, _)) = read(bytes.as_slice(), |_, _| ()) {
            assert!(place > last && chain.head != intact.head, "{place}");
        }
    }
    let mut beheaded = good;
    beheaded.remove(0);
    assert!(matches!(
        broken(&beheaded),
        Broken::Number { line: 1, found: 2 }
    ));
    let long = "x".repeat(300 * 1024);
    assert!(matches!(check(&long), Err(Broken::Long { line: 1 })));
}

#[test]
fn what_a_crash_left_of_a_last_line_is_cut_off_and_said() {
    for cut in [1, 20, 60] {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        let whole = fs::read(&path).unwrap();
        let torn = &whole[..whole.len() - cut];
        fs::write(&path, torn).unwrap();
        let start = torn.iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
        let audit = Audit::default();
        audit.open(folder.path()).unwrap();
        audit.record(stopped(9)).unwrap();
        let found = lines(&path);
        assert_eq!(found.len(), 6);
        let value: serde_json::Value = serde_json::from_str(&found[4]).unwrap();
        assert_eq!(value["event"], "torn_line");
        assert_eq!(value["bytes"], torn.len() - start);
        assert_eq!(value["sha256"], Fingerprint::of(&torn[start..]).to_string());
        check(&fs::read_to_string(&path).unwrap()).unwrap();
    }
}

#[test]
fn what_happens_before_the_file_is_there_is_written_first_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let audit = Audit::default();
    audit.note(stopped(1));
    audit.note(stopped(2));
    audit.check().unwrap();
    audit.open(folder.path()).unwrap();
    audit.record(stopped(3)).unwrap();
    let found = lines(&folder.path().join(FILE));
    for (index, line) in found.iter().enumerate() {
        assert!(
            line.contains(&format!("\"entries\":{}", index + 1)),
            "{line}"
        );
    }
    assert_eq!(found.len(), 3);
}

#[test]
fn events_that_could_not_wait_any_longer_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let audit = Audit::default();
    for entries in 0..203 {
        audit.note(stopped(entries));
    }
    audit.open(folder.path()).unwrap();
    let found = lines(&folder.path().join(FILE));
    assert_eq!(found.len(), 201);
    assert!(found[0].contains("\"entries\":3"), "{}", found[0]);
    let lost = &found[200];
    assert!(
        lost.contains("\"event\":\"events_lost\",\"count\":3"),
        "{lost}"
    );
}

/// A full disk, by the device that always is.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_takes_nothing_refuses_acts_and_what_happened_waits_until_it_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let audit = Audit::default();
    // Reading /dev/full gives zeros without end: no line of ours, so it is not taken.
    assert!(audit.open(folder.path()).is_err());
    audit.note(stopped(1));
    assert!(audit.record(stopped(2)).is_err());
    assert!(audit.check().is_err());
    fs::remove_file(&path).unwrap();
    audit.check().unwrap();
    audit.record(stopped(3)).unwrap();
    let found = lines(&path);
    assert_eq!(found.len(), 2);
    assert!(found[0].contains("\"entries\":1") && found[1].contains("\"entries\":3"));
}

#[test]
fn what_the_lines_say_is_known_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let audit = Audit::default();
    audit.open(folder.path()).unwrap();
    let signer = |name: &str, key: u8| Signer {
        name: name.into(),
        key: Fingerprint::of(&[key]),
        certificate: None,
        policy: None,
        not_before: None,
        not_after: None,
    };
    for signer in [signer("log", 1), signer("public", 2), signer("log", 3)] {
        audit
            .record(Event::SignerTakenUp {
                signer,
                made_here: true,
                replaces: None,
            })
            .unwrap();
    }
    let settings = serde_json::json!({ "listen": "127.0.0.1:8420" });
    let event = Event::Configuration {
        settings: settings.clone(),
    };
    audit.record(event).unwrap();
    let again = Audit::default();
    again.open(folder.path()).unwrap();
    let known = again.known();
    assert_eq!(known.signers, [signer("public", 2), signer("log", 3)]);
    assert_eq!(known.configuration, Some(settings));
}
