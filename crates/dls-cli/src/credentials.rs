//! Whose credentials a command uses: the embedded emulator's, those of `--token-file`, or those in the environment.
//! Another source is one more case here.

use std::error::Error as _;
use std::path::Path;

use dls::transport::credentials::{Credentials, Environment, Token};

use crate::args::Global;
use crate::exit_code::ExitCode;
use crate::failure::Failure;

const HOW: &str = "set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, or give --token-file FILE";

/// The credentials of this command, read when they are needed. Flags never hold a secret.
pub(crate) fn find(global: &Global) -> Result<Credentials, Failure> {
    let found = match (&global.credentials, &global.token_file) {
        (Some(embedded), _) => return Ok(embedded.clone()),
        (None, Some(path)) => return of_token_file(path),
        (None, None) => Environment::new().read(),
    };
    let refused = |message: String| Failure::new(ExitCode::NotPermitted, message).with_next(HOW);
    let found = found.map_err(|error| {
        let why = error.source().map(|why| format!(": {why}")).unwrap_or_default();
        refused(format!("{error}{why}"))
    })?;
    found.ok_or_else(|| refused("no credentials".to_owned()))
}

fn of_token_file(path: &Path) -> Result<Credentials, Failure> {
    let wrong = |what: String| Failure::usage(format!("token file {}: {what}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    if text.trim().is_empty() {
        return Err(wrong("it is empty".to_owned()));
    }
    let token = Token::new(text.trim()).map_err(|error| wrong(error.to_string()))?;
    Ok(token.into())
}
