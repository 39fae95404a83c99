// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `kbox-verify`: checks receipts, proof files, tokens and `.tlog-proof` files offline. Exit 0: proven; 1: disproven; 2:
//! cannot decide, or could not run.

mod arguments;
mod check;
mod token;

use std::process::ExitCode;

use arguments::Command;

fn main() -> ExitCode {
    let command = match arguments::parse(std::env::args_os()) {
        Ok(command) => command,
        Err(problem) => {
            eprintln!("kbox-verify: {problem}\n\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    let result = match command {
        Command::Help => {
            print!("{}", arguments::USAGE);
            return ExitCode::SUCCESS;
        }
        Command::Version => {
            println!("kbox-verify {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        Command::Leaf(path) => check::leaf(&path).and_then(|bytes| {
            use std::io::Write;
            std::io::stdout()
                .write_all(&bytes)
                .map_err(|error| error.to_string())?;
            Ok(ExitCode::SUCCESS)
        }),
        Command::Verify(options) => check::verify(&options),
    };
    result.unwrap_or_else(|problem| {
        eprintln!("kbox-verify: {problem}");
        ExitCode::from(2)
    })
}
