// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Where vectors lie, and the line that says how many ran.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The repository's root.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The folder `name` of the shared vectors; `None` when there are none on this machine.
///
/// A `KBOX_VECTORS` that is set but lacks the folder fails: whoever sets it wants the vectors run.
pub(crate) fn vectors(name: &str) -> Option<PathBuf> {
    let (root, demanded) = match std::env::var_os("KBOX_VECTORS") {
        Some(root) => (PathBuf::from(root), true),
        None => (repository().join("../shared/vectors"), false),
    };
    let folder = root.join(name);
    assert!(
        !demanded || folder.is_dir(),
        "KBOX_VECTORS is set, but {} is missing",
        folder.display()
    );
    folder.is_dir().then_some(folder)
}

/// Says how many vectors ran. Written past the test harness, which hides what passing tests print.
#[allow(clippy::explicit_write)]
pub(crate) fn report(what: &str, run: usize, skipped: usize) {
    writeln!(
        std::io::stdout(),
        "vectors: {run} run, {skipped} skipped ({what})"
    )
    .expect("the tests' output can be written");
}

/// All files under `folder`, in order.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path))
        } else {
            found.push(path)
        }
    }
    found.sort();
    found
}
