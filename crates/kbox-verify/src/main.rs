// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `kbox-verify`: checks receipts, proof files, tokens and `.tlog-proof` files offline. Exit 0: proven; 1: disproven; 2:
//! cannot decide, or could not run.

mod arguments;
mod check;
mod documents;
mod problem;
mod token;

use std::process::ExitCode;

use arguments::{Command, Manner};
use problem::Problem;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let manner = Manner::of(arguments.get(1..).unwrap_or_default());
    let result = arguments::parse(arguments).and_then(|command| {
        let done = match command {
            Command::Help => check::print_out(arguments::usage(manner.language)),
            Command::Version => {
                check::print_out(&format!("kbox-verify {}\n", env!("CARGO_PKG_VERSION")))
            }
            Command::Leaf(path) => check::leaf(&path).and_then(|bytes| check::write_out(&bytes)),
            Command::Verify(options) => return check::verify(&options),
        };
        done.map(|()| ExitCode::SUCCESS)
    });
    result.unwrap_or_else(|problem| told(&problem, manner))
}

/// What a person reads goes to standard error, what a program reads to standard output.
fn told(problem: &Problem, manner: Manner) -> ExitCode {
    let Manner { json, language } = manner;
    eprint!("{}", problem.text(language));
    if json && let Err(problem) = check::print_out(&format!("{:#}\n", problem.json(language))) {
        eprint!("{}", problem.text(language));
    }
    ExitCode::from(2)
}
