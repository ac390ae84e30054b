//! `dls emulator`: the stand-in as a server of its own.

mod simulate;

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use dls_emulator::{Emulator, FaultPlan, Seed, assumptions};
use serde_json::{Value, json};

use crate::args;
use crate::document::{Block, Document};
use crate::embedded::{fault_plan, read};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output::Output;
use crate::signals::Signals;
use crate::stdio::{note, print};

pub(crate) async fn run(
    global: &args::Global,
    command: &args::Emulator,
    output: Output,
) -> Result<ExitCode, Failure> {
    match command {
        args::Emulator::Serve(args) => serve(global, args).await,
        args::Emulator::Seed => {
            print(Seed::BUILT_IN.trim_end());
            Ok(ExitCode::Success)
        }
        args::Emulator::Faults => {
            print(FaultPlan::EXAMPLE.trim_end());
            Ok(ExitCode::Success)
        }
        args::Emulator::Assumptions => {
            output.show(&Assumptions);
            Ok(ExitCode::Success)
        }
        args::Emulator::Simulate(args) => simulate::run(args, output),
    }
}

async fn serve(global: &args::Global, args: &args::Serve) -> Result<ExitCode, Failure> {
    let listen = args.listen;
    let mut builder = Emulator::builder()
        .release_time(args.release_time)
        .extra_packages(args.packages)
        .tls(args.tls.is_some())
        .rate_limit(args.rate_limit);
    if let Some(path) = &args.state {
        builder = builder.seed(state(path)?);
    }
    if let Some(path) = &global.emulator.faults {
        builder = builder.faults(fault_plan(path, args.tls.is_some())?);
    }
    for (name, value) in &args.assume {
        let assumed = builder.assume(name, value);
        builder = assumed.map_err(|error| Failure::usage(format!("--assume: {error}")))?;
    }
    let mut signals = Signals::new()?;
    let emulator = builder.start(listen).await;
    let emulator = emulator.map_err(|error| {
        Failure::new(ExitCode::Network, format!("cannot listen on {listen}: {error}"))
    })?;
    if let (Some(path), Some(certificate)) = (&args.tls, emulator.ca_certificate_pem()) {
        announce(path, certificate)
            .map_err(|error| Failure::usage(format!("--tls {}: {error}", path.display())))?;
    }
    print(emulator.base_url());
    note("the emulator listens; it ends on SIGTERM or SIGINT");
    if !emulator.is_local() {
        note(&format!(
            "warning: {listen} can be reached from other machines, and the emulator's keys are not secret; \
             --listen 127.0.0.1:0 keeps it to this one"
        ));
    }
    if let Some(path) = &args.ready_file {
        announce(path, emulator.base_url())
            .map_err(|error| Failure::usage(format!("--ready-file {}: {error}", path.display())))?;
    }
    signals.next().await;
    emulator.stop().await;
    Ok(ExitCode::Success)
}

struct Assumptions;

impl Document for Assumptions {
    fn json(&self) -> Value {
        let rows = assumptions().iter().map(|it| {
            json!({
                "name": it.name,
                "meaning": it.meaning,
                "default": it.default,
                "values": it.values,
                "source": it.source,
            })
        });
        rows.collect()
    }

    fn text(&self) -> Vec<Block> {
        let rows = assumptions().iter().map(|it| {
            [it.name, it.default, &it.values.join("|"), it.meaning, it.source]
                .map(str::to_owned)
                .to_vec()
        });
        let head = &["name", "default", "values", "meaning", "source"];
        vec![Block::Table { head, rows: rows.collect() }]
    }
}

fn state(path: &Path) -> Result<Seed, Failure> {
    let shown = path.display();
    let text = read("state file", path)?;
    Seed::from_toml(&text).map_err(|error| Failure::usage(format!("state file {shown} {error}")))
}

/// The file appears whole, or not at all, and where it was meant to: nobody who can write into its folder can have
/// another one written by a symbolic link.
fn announce(path: &Path, text: &str) -> io::Result<()> {
    if std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) {
        let message = "it is a symbolic link; remove it, or name another file";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    // What is there already, even as a link, is not taken.
    let mut file = File::create_new(&beside)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", beside.display())))?;
    file.write_all(text.as_bytes())?;
    std::fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use std::fs::{read_to_string, write};
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_is_announced_anew_and_never_through_a_symbolic_link() {
        let folder = tempfile::tempdir().unwrap();
        let (ready, other) = (folder.path().join("ready"), folder.path().join("other"));
        for url in ["http://127.0.0.1:1", "http://127.0.0.1:2"] {
            announce(&ready, url).unwrap();
            assert_eq!(read_to_string(&ready).unwrap(), url);
        }

        write(&other, "mine").unwrap();
        let link = folder.path().join("link");
        symlink(&other, &link).unwrap();
        let error = announce(&link, "http://127.0.0.1:3").unwrap_err();
        assert!(error.to_string().contains("symbolic link"), "{error}");
        // Nor beside it, where it is written first.
        let beside = folder.path().join(format!("ready.{}.new", std::process::id()));
        symlink(&other, &beside).unwrap();
        let error = announce(&ready, "http://127.0.0.1:4").unwrap_err();
        assert!(error.to_string().contains(".new"), "{error}");
        assert_eq!(read_to_string(&other).unwrap(), "mine");
        assert_eq!(read_to_string(&ready).unwrap(), "http://127.0.0.1:2");
    }
}
