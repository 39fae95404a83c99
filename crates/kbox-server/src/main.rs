// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `kbox-server`: nothing serves yet; the demonstration's papers and its loopback mail server stand and are tested.

// Until the demonstration calls them.
#[cfg_attr(not(test), allow(dead_code))]
mod mailbox;
#[cfg_attr(not(test), allow(dead_code, unused_imports))]
mod pages;
#[cfg_attr(not(test), allow(dead_code))]
mod papers;

fn main() -> std::process::ExitCode {
    eprintln!(
        "kbox-server: this version has no server and no demonstration yet; kbox-verify verifies evidence."
    );
    std::process::ExitCode::from(2)
}
