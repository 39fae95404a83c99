// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The commands of `docs/verify-by-hand.md`.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const PAGE: &str = include_str!("../../docs/verify-by-hand.md");

/// The page's fenced commands, block by block.
#[must_use]
pub fn blocks() -> Vec<&'static str> {
    PAGE.split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

/// Runs blocks in a folder, up to the first command that fails.
#[must_use]
pub fn bash(folder: &Path, blocks: &[&str]) -> Output {
    let mut shell = Command::new("bash")
        .args(["-euo", "pipefail", "-s"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = shell.stdin.take().unwrap();
    let script = blocks.concat();
    // Bash stops reading at the first command that fails.
    let writer = std::thread::spawn(move || drop(input.write_all(script.as_bytes())));
    let output = shell.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}
