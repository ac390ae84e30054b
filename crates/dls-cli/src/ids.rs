//! Package ids as they are typed, or kept in a file, or piped in.

use std::fmt::Display;
use std::fs::File;
use std::io::Read;

use dls::{PackageId, PackageIds, Selection};

use crate::failure::Failure;

/// More than a million ids; whatever is longer is no list of them.
const LONGEST: u64 = 16 * 1024 * 1024;

/// The ids of these arguments: `@FILE` and `-` stand for those in a file and on stdin, between which
/// there is any white space.
pub(crate) fn selection(texts: &[String]) -> Result<Selection, Failure> {
    Selection::new(read(texts)?).map_err(|error| Failure::usage(error.to_string()))
}

/// The same for a call that takes them in one request.
pub(crate) fn of_one_request(texts: &[String]) -> Result<PackageIds, Failure> {
    PackageIds::new(read(texts)?).map_err(|error| Failure::usage(error.to_string()))
}

pub(crate) fn one(text: &str) -> Result<PackageId, Failure> {
    let id = text.parse();
    id.map_err(|error: dls::model::InvalidId| Failure::usage(error.to_string()))
}

pub(crate) fn read(texts: &[String]) -> Result<Vec<PackageId>, Failure> {
    let mut ids = Vec::new();
    for text in texts {
        match text.strip_prefix('@') {
            Some(path) => {
                let file = File::open(path).map_err(|error| wrong(text, error))?;
                ids.extend(listed(text, file)?);
            }
            None if text == "-" => ids.extend(listed("stdin", std::io::stdin())?),
            None => ids.push(one(text)?),
        }
    }
    Ok(ids)
}

fn listed(origin: &str, from: impl Read) -> Result<Vec<PackageId>, Failure> {
    let mut text = String::new();
    let read = from.take(LONGEST + 1).read_to_string(&mut text);
    read.map_err(|error| wrong(origin, error))?;
    if u64::try_from(text.len()).is_ok_and(|length| length > LONGEST) {
        return Err(wrong(origin, "it is too long for a list of ids"));
    }
    let mut ids = Vec::new();
    for (line, number) in text.trim_start_matches('\u{feff}').lines().zip(1..) {
        for word in line.split_whitespace() {
            let id = one(word);
            let in_line = |it: Failure| wrong(origin, format!("line {number}: {}", it.message));
            ids.push(id.map_err(in_line)?);
        }
    }
    match ids.is_empty() {
        true => Err(wrong(origin, "it contains no id")),
        false => Ok(ids),
    }
}

fn wrong(origin: &str, what: impl Display) -> Failure {
    Failure::usage(format!("{}: {what}", origin.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit_code::ExitCode;

    #[test]
    fn ids_in_a_file_stand_between_any_white_space() {
        let ids = listed("@ids", "\u{feff}23 24\r\n\n\t25\n".as_bytes()).unwrap();
        let ids: Vec<u64> = ids.into_iter().map(PackageId::as_u64).collect();
        assert_eq!(ids, [23, 24, 25]);
    }

    #[test]
    fn a_bad_id_in_a_file_is_named_with_its_line() {
        let failure = listed("@ids", "23\n24 x\n".as_bytes()).unwrap_err();
        assert!(failure.message.starts_with("@ids: line 2: "), "{}", failure.message);
        for nothing in ["", " \n", "\u{feff}"] {
            assert_eq!(listed("-", nothing.as_bytes()).unwrap_err().code, ExitCode::Usage);
        }
        assert_eq!(listed("-", b"2\xff3".as_slice()).unwrap_err().code, ExitCode::Usage);
    }
}
