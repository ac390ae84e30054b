//! `cargo xtask`: the developer's commands.

use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::main()
}
