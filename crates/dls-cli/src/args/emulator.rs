//! `--emulator` and `dls emulator`, as they are typed.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use dls_emulator::RateLimit;

use super::value;

#[derive(Debug, Args)]
pub(crate) struct EmulatorFlags {
    /// Run against an embedded emulator, which is started for this command, with its project and credentials
    #[arg(long, global = true, conflicts_with_all = ["endpoint", "region", "token_file"])]
    pub(crate) emulator: bool,
    /// With --emulator or `emulator serve`: the faults to inject, in the format of `dls emulator faults`
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Emulator {
    /// Serve until SIGTERM or SIGINT
    Serve(Serve),
    /// Print the built-in state, as a template for `serve --state`
    Seed,
    /// Print an example of faults, as a template for `serve --faults`
    Faults,
    /// List every behaviour that is assumed rather than documented
    Assumptions,
    /// Simulate random cases in memory (faults, crashes, other actors) and check the promises
    #[command(alias = "verify")]
    Simulate(Simulate),
}

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// How many cases
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) cases: u64,
    /// Seed of the first case; the next one has the next seed
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// Initial state, in the format that `seed` prints
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// File to write the base URL to, once the emulator listens
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
    /// How long a release takes
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = value::duration)]
    pub(crate) release_time: Duration,
    /// Throttle as documented, not at all, or at the documented rates times a factor such as 0.5
    #[arg(
        long,
        value_name = "documented|off|FACTOR",
        default_value = "documented",
        value_parser = rate_limit
    )]
    pub(crate) rate_limit: RateLimit,
    /// Change an assumed behaviour (see `assumptions`); may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = assumption)]
    pub(crate) assume: Vec<(String, String)>,
    /// Add this many packages that are to be reviewed, with ids from 1001
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) packages: u32,
    /// Serve TLS, and write the CA certificate to this file, for SSL_CERT_FILE of the clients
    #[arg(long, value_name = "CA-FILE")]
    pub(crate) tls: Option<PathBuf>,
}

fn rate_limit(text: &str) -> Result<RateLimit, &'static str> {
    match (text, text.parse::<f64>()) {
        ("documented", _) => Ok(RateLimit::Documented),
        ("off", _) => Ok(RateLimit::Off),
        (_, Ok(factor)) if factor.is_finite() && factor > 0.0 => Ok(RateLimit::Scaled(factor)),
        _ => Err("it is neither documented, off, nor a factor above 0"),
    }
}

fn assumption(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("it must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
