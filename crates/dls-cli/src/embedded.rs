//! `--emulator`: an emulator and a journal that live as long as this command.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use dls::transport::credentials::{AccessKey, SecretKey};
use dls_emulator::{Emulator, FaultPlan};
use tempfile::TempDir;

use crate::args::{Cli, Command, Emulator as EmulatorCommand, Global};
use crate::failure::Failure;

/// The profile that matches the emulator's built-in state.
const PROJECT: &str = "b384b9e9ab9b4ee8994c8633aabc9505";
const WORKSPACE: &str = "default";
const ACCESS_KEY: (&str, &str) = ("AKIDEXAMPLE", "example-secret-key");

pub(crate) struct Embedded {
    _emulator: Emulator,
    _journal: TempDir,
}

/// Starts an emulator if `--emulator` asks for it, and points the global options at it.
pub(crate) async fn start(cli: &mut Cli) -> Result<Option<Embedded>, Failure> {
    let global = &mut cli.global;
    if !global.emulator.emulator {
        let serves = matches!(cli.command, Command::Emulator(EmulatorCommand::Serve(_)));
        return match &global.emulator.faults {
            Some(_) if !serves => Err(Failure::usage("--faults is for the emulator only")
                .with_next("add --emulator, or use it with `dls emulator serve`")),
            _ => Ok(None),
        };
    }
    let internal = |error: &dyn std::fmt::Display| {
        Failure::internal(format!("the emulator cannot start: {error}"))
    };
    let mut builder = Emulator::builder();
    if let Some(path) = &global.emulator.faults {
        builder = builder.faults(fault_plan(path, false)?);
    }
    let any_port = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
    let emulator = builder.start(any_port).await.map_err(|error| internal(&error))?;
    let journal = tempfile::Builder::new().prefix("dls-").tempdir();
    let journal = journal.map_err(|error| internal(&error))?;
    let secret = SecretKey::new(ACCESS_KEY.1).map_err(|error| internal(&error))?;
    let key = AccessKey::new(ACCESS_KEY.0, secret).map_err(|error| internal(&error))?;
    point(global, emulator.base_url(), journal.path());
    global.credentials = Some(key.into());
    Ok(Some(Embedded { _emulator: emulator, _journal: journal }))
}

fn point(global: &mut Global, url: &str, journal: &Path) {
    global.endpoint = Some(url.to_owned());
    global.project_id.get_or_insert_with(|| PROJECT.to_owned());
    global.workspace.get_or_insert_with(|| WORKSPACE.to_owned());
    if global.journal.is_none() && std::env::var_os("DLS_JOURNAL").is_none_or(|it| it.is_empty()) {
        global.journal = Some(journal.to_owned());
    }
    global.is_temporary = true;
}

pub(crate) fn fault_plan(path: &Path, tls: bool) -> Result<FaultPlan, Failure> {
    let shown = path.display();
    let text = read("fault plan", path)?;
    let plan = FaultPlan::from_toml(&text)
        .map_err(|error| Failure::usage(format!("fault plan {shown} {error}")))?;
    match plan.needs_tls() && !tls {
        true => Err(Failure::usage(format!(
            "fault plan {shown}: it breaks TLS handshakes, which needs --tls"
        ))),
        false => Ok(plan),
    }
}

pub(crate) fn read(what: &str, path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("{what} {}: {error}", path.display())))
}
