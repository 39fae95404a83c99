// SPDX-License-Identifier: Apache-2.0 OR MIT
//! docs/algorithms.md says what the code judges by.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;

use kbox_proof::time::Time;
use kbox_proof::tsp::StrengthRule;

#[test]
fn the_dated_table_in_the_documentation_is_the_one_that_is_judged_by() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/algorithms.md");
    let text = fs::read_to_string(path).unwrap();
    let time = |cell: &str| match cell {
        "-" => None,
        text => Some(Time::parse_rfc3339(text).unwrap()),
    };
    let documented: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let [_, name, _, listed, ends, _] = cells[..] else {
                panic!("{line}");
            };
            (name.trim_matches('`').to_string(), time(listed), time(ends))
        })
        .collect();
    let known: Vec<_> = StrengthRule::ALL
        .iter()
        .map(|rule| (rule.name.to_string(), rule.listed_until, rule.ends))
        .collect();
    assert_eq!(documented, known);
}
