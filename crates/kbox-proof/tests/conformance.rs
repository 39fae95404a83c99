// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `docs/conformance.md` answers every requirement, and names only tests that exist; the practice statement and the texts in the sources
//! hold what can be checked of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The requirements: each letter's numbers run from 1 without a gap.
const SECTIONS: [(char, u32); 9] = [
    ('Q', 14),
    ('R', 8),
    ('I', 20),
    ('M', 16),
    ('C', 10),
    ('O', 18),
    ('H', 7),
    ('V', 24),
    ('K', 5),
];

fn ids() -> Vec<String> {
    SECTIONS
        .iter()
        .flat_map(|(letter, last)| (1..=*last).map(move |number| format!("{letter}{number}")))
        .collect()
}

/// What `make test` compiles in on Linux, where CI runs it.
fn is_compiled(condition: &str) -> bool {
    matches!(
        condition,
        "test"
            | "unix"
            | "target_os = \"linux\""
            | "feature = \"issue\""
            | "feature = \"std\""
            | "all(test, feature = \"issue\")"
    )
}

/// The condition of a `#[cfg(…)]` or `#![cfg(…)]`.
fn condition(line: &str) -> Option<&str> {
    let line = line.strip_prefix("#[").or(line.strip_prefix("#!["))?;
    line.strip_prefix("cfg(")?.strip_suffix(")]")
}

/// `fn name(` stands below `#[test]`, with nothing but attributes and comments between, under no condition that `make test` may
/// leave unmet.
fn has_test(source: &str, name: &str) -> bool {
    let mut is_test = false;
    let mut is_run = true;
    // The line that ends a module under such a condition.
    let mut left_out: Option<String> = None;
    for whole in source.lines() {
        let line = whole.trim_start();
        if left_out.as_deref().is_some_and(|end| end != whole) {
            continue;
        }
        left_out = None;
        match line {
            "#[test]" => is_test = true,
            _ if line.starts_with("#![cfg(") => {
                if !condition(line).is_some_and(is_compiled) {
                    return false;
                }
            }
            _ if line.starts_with("#[ignore") || line.starts_with("#[cfg_attr") => is_run = false,
            _ if line.starts_with("#[cfg") => {
                is_run &= condition(line).is_some_and(is_compiled);
            }
            _ if line.starts_with("#[") || line.starts_with("//") => {}
            _ => {
                if is_test && is_run && line.starts_with(&format!("fn {name}(")) {
                    return true;
                }
                if !is_run && line.ends_with('{') {
                    let indent = &whole[..whole.len() - line.len()];
                    left_out = Some(format!("{indent}}}"));
                }
                (is_test, is_run) = (false, true);
            }
        }
    }
    false
}

/// The test reads vectors that lie outside the repository, and runs none where they are absent.
fn rests_on_vectors(source: &str, name: &str) -> bool {
    let body = source.split_once(&format!("fn {name}("));
    body.and_then(|(_, rest)| rest.split_once("\n}\n"))
        .is_some_and(|(body, _)| body.contains("vectors(\""))
}

/// The ids of a table's rows, and what is wrong with them; `source` gives a file of the repository.
fn complaints(table: &str, source: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut found = Vec::new();
    let mut rows: BTreeMap<&str, u32> = BTreeMap::new();
    let ids = ids();
    for line in table.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [id, clause, requirement, how] = cells.as_slice() else {
            found.push(format!("not four cells: {line}"));
            continue;
        };
        if *id == "id" || id.starts_with("---") {
            continue;
        }
        *rows.entry(id).or_default() += 1;
        if !ids.iter().any(|known| known == id) {
            found.push(format!("{id}: no such requirement"));
        }
        if clause.is_empty() || requirement.is_empty() {
            found.push(format!("{id}: clause or requirement left out"));
        }
        // Tests stand in backquotes; what is left may only be reasons.
        let mut tests = 0;
        let mut outside = 0;
        let mut words = String::new();
        for (index, part) in how.split('`').enumerate() {
            match (index % 2, part.split_once("::")) {
                (0, _) => words.push_str(part),
                (_, None) => words.push_str(part),
                (_, Some((file, name))) => {
                    tests += 1;
                    match source(file) {
                        None => found.push(format!("{id}: no file {file}")),
                        Some(source) if !has_test(&source, name) => {
                            found.push(format!("{id}: no test {name} in {file}"));
                        }
                        Some(source) => outside += u32::from(rests_on_vectors(&source, name)),
                    }
                }
            }
        }
        let words = words.trim_matches([' ', ',', ';']);
        let is_reason = ["not ours: ", "not yet: "]
            .iter()
            .any(|start| words.starts_with(start));
        if tests == 0 && !is_reason {
            found.push(format!("{id}: neither a test nor a reason"));
        }
        if tests > 0 && tests == outside {
            found.push(format!("{id}: only tests over vectors that may be absent"));
        }
        if !words.is_empty() && !is_reason {
            found.push(format!("{id}: {words:?} is no reason"));
        }
    }
    for id in &ids {
        match rows.get(id.as_str()) {
            None => found.push(format!("{id}: missing")),
            Some(1) => {}
            Some(count) => found.push(format!("{id}: {count} rows")),
        }
    }
    found
}

#[test]
fn every_requirement_has_one_row_with_tests_that_exist_or_a_reason() {
    let table = std::fs::read_to_string(repository().join("docs/conformance.md")).unwrap();
    let found = complaints(&table, |file| {
        std::fs::read_to_string(repository().join(file)).ok()
    });
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// `docs/practice-statement.md` is what relying parties go by.
#[cfg(feature = "issue")]
#[test]
fn the_practice_statement_says_what_the_code_does() {
    use kbox_proof::pki::{DevAuthority, DevPki};
    use kbox_proof::time::Time;
    use kbox_proof::tsa::{Authority, AuthorityConfig, MAX_NONCE_BYTES, TsaError};
    use kbox_proof::tsp::{HashAlgorithm, TsaPolicyId};
    use std::time::Duration;

    let statement =
        std::fs::read_to_string(repository().join("docs/practice-statement.md")).unwrap();
    let policies = [
        ("evidence", TsaPolicyId::evidence_policy()),
        ("public, `POST /tsa`", TsaPolicyId::public_policy()),
        (
            "evidence, demonstration",
            TsaPolicyId::demonstration_evidence_policy(),
        ),
        (
            "public, demonstration",
            TsaPolicyId::demonstration_public_policy(),
        ),
    ];
    assert_eq!(statement.matches("`2.25.").count(), policies.len());
    for (name, policy) in &policies {
        let start = format!("| {name} | `{policy}` | ");
        let row = statement.lines().find(|line| line.starts_with(&start));
        let row = row.unwrap_or_else(|| panic!("no row {start}"));
        let unverified = row.contains("unverified clock");
        assert_eq!(unverified, policy.is_demonstration(), "{row}");
        assert_eq!(unverified, name.contains("demonstration"), "{row}");
    }
    let names = HashAlgorithm::ALL.map(|algorithm| match algorithm {
        HashAlgorithm::Sha256 => "SHA-256",
        HashAlgorithm::Sha384 => "SHA-384",
        HashAlgorithm::Sha512 => "SHA-512",
        HashAlgorithm::Sha3_256 => "SHA3-256",
        HashAlgorithm::Sha3_384 => "SHA3-384",
        HashAlgorithm::Sha3_512 => "SHA3-512",
        other => panic!("{other:?} is not in the statement"),
    });
    let hashes = format!("Hash algorithms of imprints: {}. ", names.join(", "));
    let nonces = format!("nonces of up to {MAX_NONCE_BYTES} bytes");
    for words in [
        hashes.as_str(),
        nonces.as_str(),
        "at most 1 second;",
        "BTSP (`0.4.0.2023.1.1`",
    ] {
        assert!(statement.contains(words), "{words}");
    }
    let now = Time::from_unix_secs(1_790_000_000).unwrap();
    let authority = |accuracy| {
        let pki = DevPki::generate(now, false).unwrap();
        let DevAuthority { signer, chain } = pki.public;
        let mut config = AuthorityConfig::new(signer, chain, TsaPolicyId::public_policy());
        config.accuracy = accuracy;
        Authority::new(config, now).map(|authority| authority.accuracy())
    };
    let second = Duration::from_secs(1);
    assert_eq!(authority(second), Ok(second));
    let beyond = authority(second + Duration::from_millis(1));
    assert_eq!(beyond, Err(TsaError::Accuracy));
}

/// A `\` at the end of a line that is lost when lines are joined leaves the indentation in the text.
#[test]
fn no_text_that_people_read_has_lost_the_end_of_a_line() {
    fn look(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                look(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let source = std::fs::read_to_string(&path).unwrap();
                let lines = source.lines().map(str::trim_start);
                // Comments, and the columns of a help text, are aligned on purpose.
                let lines = lines.filter(|line| !line.starts_with("//") && !line.starts_with("--"));
                for line in lines.filter(|line| line.contains(&" ".repeat(9))) {
                    found.push(format!("{}: {line}", path.display()));
                }
            }
        }
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(repository().join("crates")).unwrap() {
        look(&entry.unwrap().path().join("src"), &mut found);
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn a_table_with_one_fault_is_told_so() {
    let source = |file: &str| {
        (file == "a.rs").then(|| {
            "#[cfg(feature = \"issue\")]\n#[test]\n// words\nfn held() {}\nfn helper() {}\n\
             #[test]\n#[ignore]\nfn off() {}\n#[test]\n#[cfg(windows)]\nfn elsewhere() {}\n\
             #[cfg(feature = \"other\")]\n#[test]\nfn other() {}\n\
             #[test]\n#[cfg_attr(unix, ignore)]\nfn perhaps() {}\n\
             #[cfg(windows)]\nmod away {\n#[test]\nfn within() {}\n}\n\
             #[cfg(test)]\nmod tests {\n#[test]\nfn inside() {}\n}\n\
             #[test]\nfn outside() {\nlet Some(folder) = vectors(\"tsp\") else { return };\n}\n"
                .to_string()
        })
    };
    let good: Vec<String> = ids()
        .iter()
        .map(|id| format!("| {id} | RFC 3161 §1 | words | `a.rs::held` |"))
        .collect();
    let with = |row: &str| {
        let mut rows = good.clone();
        rows[3] = row.to_string();
        complaints(&rows.join("\n"), source)
    };
    // Those of the checklist, and our own.
    assert_eq!(good.len(), 117 + 5);
    for row in [
        good[3].as_str(),
        "| Q4 | c | r | not ours: reason |",
        "| Q4 | c | r | `a.rs::held`; not yet: what `else` is missing |",
        "| Q4 | c | r | `a.rs::held`, `a.rs::held` |",
        "| Q4 | c | r | `a.rs::inside` |",
        "| Q4 | c | r | `a.rs::outside`, `a.rs::held` |",
    ] {
        assert_eq!(with(row), [""; 0], "{row}");
    }
    for row in [
        "",
        good[4].as_str(),
        "| Q15 | c | r | `a.rs::held` |",
        "| Q4 | | r | `a.rs::held` |",
        "| Q4 | c | r |",
        "| Q4 | c | r | |",
        "| Q4 | c | r | not yet: |",
        "| Q4 | c | r | tested by hand |",
        "| Q4 | c | r | `a.rs::held`, mostly |",
        "| Q4 | c | r | `a.rs::gone` |",
        "| Q4 | c | r | `a.rs::hel` |",
        "| Q4 | c | r | `a.rs::helper` |",
        "| Q4 | c | r | `a.rs::off` |",
        "| Q4 | c | r | `a.rs::elsewhere` |",
        "| Q4 | c | r | `a.rs::other` |",
        "| Q4 | c | r | `a.rs::perhaps` |",
        "| Q4 | c | r | `a.rs::within` |",
        "| Q4 | c | r | `a.rs::outside` |",
        "| Q4 | c | r | `b.rs::held` |",
    ] {
        assert_ne!(with(row), [""; 0], "{row}");
    }
}
