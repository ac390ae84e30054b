//! The format of an entry: one line of JSON with the run, its number, and a hash over itself and the previous entry.
//!
//! ```text
//! {"journal":2,"hash":"<64 digits>","run":"20261124-104107-7f3a","seq":1,"event":{…}}
//! ```
//!
//! The bytes before the hash are the same in each line, and the hash covers all bytes after it, so every change of a
//! line is detected.

use dls_rollout::{Event, RunSpec};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Position, RunId, StoreError};

/// The version of the format. No other one is read.
pub(super) const VERSION: u32 = 2;
/// The start of each line.
const HEAD: &str = r#"{"journal":2,"hash":""#;
/// The hash before the first entry is the hash of this text.
const ORIGIN: &str = "dls.journal/2";
/// Hexadecimal digits of a hash.
const DIGITS: usize = 64;

#[derive(Serialize, Deserialize)]
struct Entry<E> {
    run: RunId,
    seq: u64,
    event: E,
}

/// The position before the first entry.
pub(super) fn origin(run: RunId) -> Position {
    Position { run, entry: 0, hash: hex(&Sha256::digest(ORIGIN)) }
}

/// The line of the entry after the last one, and its position.
pub(super) fn encode(last: &Position, event: &Event) -> Result<(Vec<u8>, Position), StoreError> {
    let body = Entry { run: last.run.clone(), seq: last.entry + 1, event };
    let body = serde_json::to_string(&body).map_err(|error| broken(last, error.to_string()))?;
    // The opening brace becomes the comma after the hash.
    let rest = format!("\",{}", body.strip_prefix('{').unwrap_or_default());
    let next = after(last, rest.as_bytes());
    Ok((format!("{HEAD}{}{rest}\n", next.hash).into(), next))
}

/// The event and the position of a line, which must be the entry after the last one.
pub(super) fn decode(last: &Position, line: &[u8]) -> Result<(Event, Position), StoreError> {
    let next = verify(last, line).ok_or_else(|| broken(last, why_not(last, line)))?;
    let entry = serde_json::from_slice::<Entry<Event>>(line).map_err(|error| {
        broken(last, format!("this version cannot read it, although its hash matches: {error}"))
    })?;
    Ok((entry.event, next))
}

/// The position of a line, if it is the entry after the last one.
pub(super) fn verify(last: &Position, line: &[u8]) -> Option<Position> {
    let (hash, rest) = line.strip_prefix(HEAD.as_bytes())?.split_at_checked(DIGITS)?;
    let next = after(last, rest);
    let head = serde_json::from_slice::<Entry<IgnoredAny>>(line).ok()?;
    let is_next = head.run == next.run && head.seq == next.entry;
    (next.hash.as_bytes() == hash && is_next).then_some(next)
}

/// The entry after the last one is missing, was changed, or belongs elsewhere.
pub(super) fn broken(last: &Position, why: String) -> StoreError {
    StoreError::Broken { run: last.run.clone(), entry: last.entry + 1, why }
}

/// The version that a first line says it has, of the entries or of the events, and the version that is read instead.
pub(super) fn other_version(line: &[u8]) -> Option<(u64, u32)> {
    let entry: Value = serde_json::from_slice(line).ok()?;
    let versions = [("/journal", VERSION), ("/event/kind/run-created/version", RunSpec::VERSION)];
    versions.into_iter().find_map(|(member, known)| {
        let found = entry.pointer(member)?.as_u64()?;
        (found != u64::from(known)).then_some((found, known))
    })
}

fn why_not(last: &Position, line: &[u8]) -> String {
    let expected = last.entry + 1;
    match serde_json::from_slice::<Entry<IgnoredAny>>(line) {
        Err(_) => "it is not an entry of a journal".to_owned(),
        Ok(head) if head.run != last.run => format!("it is an entry of run {}", head.run),
        Ok(head) if head.seq != expected => {
            format!("it says it is entry {}, and {expected} is missing", head.seq)
        }
        Ok(_) => "its hash does not match: it, or an entry before it, was changed".to_owned(),
    }
}

fn after(last: &Position, rest: &[u8]) -> Position {
    let hash = Sha256::new().chain_update(&last.hash).chain_update(rest).finalize();
    Position { run: last.run.clone(), entry: last.entry + 1, hash: hex(&hash) }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
