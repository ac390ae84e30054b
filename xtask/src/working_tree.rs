//! What stands in the working tree, without what was built: for commands that work on a copy.

use std::{fs, path::Path};

use crate::{Outcome, release::empty, shell::Line};

/// Copies what git tracks or would track below `from`, as it stands there, into `to`, which is emptied first.
pub(crate) fn copy(from: &Path, to: &Path) -> Outcome {
    empty(to)?;
    let files = Line::new("git ls-files --cached --others --exclude-standard").read(from)?;
    for file in files.lines().filter(|file| from.join(file).is_file()) {
        let copy = to.join(file);
        fs::create_dir_all(copy.parent().unwrap_or(to))?;
        fs::copy(from.join(file), copy)?;
    }
    Ok(())
}
