// SPDX-License-Identifier: Apache-2.0 OR MIT
//! rfc3161-client (PyPI) as a client of a running server, through `tests/peers/rfc3161_client_peer.py`.

use std::path::PathBuf;
use std::process::Command;

use super::{Folder, KINDS, filter, repository, serve, skip};

/// The interpreter of the environment that `make setup` makes.
pub(crate) fn python() -> Option<PathBuf> {
    let folder = match std::env::var_os("KBOX_PEERS") {
        Some(folder) => PathBuf::from(folder),
        None => {
            let cache = match std::env::var_os("XDG_CACHE_HOME") {
                Some(cache) => PathBuf::from(cache),
                None => PathBuf::from(std::env::var_os("HOME")?).join(".cache"),
            };
            cache.join("kbox/peers")
        }
    };
    let python = folder.join("bin/python");
    if !python.exists() {
        skip(&format!("no rfc3161-client ({})", python.display()));
        return None;
    }
    Some(python)
}

#[test]
fn rfc3161_client_accepts_a_servers_answers_and_none_that_was_changed() {
    let Some(python) = python() else {
        return;
    };
    for kind in &KINDS {
        let folder = Folder::new();
        let server = serve(&folder, kind);
        folder.write("data", b"convocation");
        let mut command = Command::new(&python);
        command
            .arg(repository().join("tests/peers/rfc3161_client_peer.py"))
            .arg(format!("{}/tsa", server.url))
            .args(["ca.pem", "tsu.pem", "data"])
            .current_dir(folder.0.path());
        let answers = filter(&mut command, "");
        // SHA-256 and SHA-512, each with and without certificates and a nonce: three or four lines each.
        assert_eq!(answers.lines().count(), 2 * 2 * (4 + 3), "{answers}");
        for line in answers.lines() {
            let (name, verdict) = line.split_once('\t').unwrap();
            let changed = ["other document", "spoiled signature", "other nonce"];
            let changed = changed.iter().any(|what| name.ends_with(what));
            // It verifies by OpenSSL's PKCS #7, as `ts` does.
            let expected = kind.openssl && !changed;
            assert_eq!(verdict == "OK", expected, "{}: {line}", kind.name);
        }
    }
}
