//! `cargo xtask`: the developer's commands.

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    xtask::main(&words)
}
