//! The format of an entry: one line of JSON with the run, its number, and a hash over itself and the previous entry.
//!
//! ```text
//! {"journal":2,"hash":"<64 digits>","run":"20261124-104107-7f3a","seq":1,"event":{…}}
//! ```
//!
//! The bytes before the hash are the same in each line, and the hash covers all bytes after it, so every change of a
//! line is detected.

use dls_rollout::Event;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Position, RunId};

/// The version of the format.
pub(super) const VERSION: u32 = 2;
/// The start of each line of this version.
const HEAD: &str = r#"{"journal":2,"hash":""#;
/// The hash before the first entry is the hash of this text.
const ORIGIN: &str = "dls.journal/2";
/// Hexadecimal digits of a hash.
const DIGITS: usize = 64;

/// Encodes and verifies the entries of one run in order.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    last: Position,
}

#[derive(Serialize)]
struct Body<'a> {
    run: &'a RunId,
    seq: u64,
    event: &'a Event,
}

#[derive(Deserialize)]
struct EntryHead {
    run: RunId,
    seq: u64,
}

#[derive(Deserialize)]
struct Content {
    event: Event,
}

impl Chain {
    pub(super) fn new(run: RunId) -> Self {
        let hash = hex(Sha256::digest(ORIGIN).as_slice());
        let last = Position { run, entry: 0, hash };
        Self { last }
    }

    pub(super) fn last(&self) -> &Position {
        &self.last
    }

    /// The lines of these events. It advances past them.
    pub(super) fn encode_all(&mut self, events: &[Event]) -> Result<Vec<u8>, serde_json::Error> {
        let mut lines = Vec::new();
        for event in events {
            let (line, position) = self.encode(event)?;
            lines.extend(line);
            self.advance(position);
        }
        Ok(lines)
    }

    /// The line of the next entry. It does not advance.
    pub(super) fn encode(&self, event: &Event) -> Result<(Vec<u8>, Position), serde_json::Error> {
        let (run, seq) = (&self.last.run, self.last.entry + 1);
        let body = serde_json::to_string(&Body { run, seq, event })?;
        // The opening brace becomes the comma after the hash.
        let rest = format!("\",{}", body.strip_prefix('{').unwrap_or_default());
        let position = self.next(rest.as_bytes());
        Ok((format!("{HEAD}{}{rest}\n", position.hash).into(), position))
    }

    /// Advances to this entry, which was recorded.
    pub(super) fn advance(&mut self, position: Position) {
        self.last = position;
    }

    /// The event of the next line, or why the line is not the next entry. It advances past the line.
    pub(super) fn verify(&mut self, line: &[u8]) -> Result<Event, String> {
        let next = self.verified(line).ok_or_else(|| self.why_not(line))?;
        let content = serde_json::from_slice::<Content>(line);
        let content = content.map_err(|error| {
            format!("this version cannot read it, though its hash fits: {error}")
        })?;
        self.last = next;
        Ok(content.event)
    }

    /// The position of the line, if it is the next entry.
    pub(super) fn verified(&self, line: &[u8]) -> Option<Position> {
        let (hash, rest) = line.strip_prefix(HEAD.as_bytes())?.split_at_checked(DIGITS)?;
        let next = self.next(rest);
        let head = serde_json::from_slice::<EntryHead>(line).ok()?;
        let is_next = head.run == next.run && head.seq == next.entry;
        (next.hash.as_bytes() == hash && is_next).then_some(next)
    }

    fn why_not(&self, line: &[u8]) -> String {
        let expected = self.last.entry + 1;
        match serde_json::from_slice::<EntryHead>(line) {
            Err(_) => "it is not an entry of a journal".to_owned(),
            Ok(head) if head.run != self.last.run => {
                format!("it is an entry of run {}", head.run)
            }
            Ok(head) if head.seq != expected => {
                format!("it says it is entry {}, and {expected} is missing", head.seq)
            }
            Ok(_) => "its hash does not fit: it, or an entry before it, was changed".to_owned(),
        }
    }

    fn next(&self, rest: &[u8]) -> Position {
        let hash = Sha256::new().chain_update(&self.last.hash).chain_update(rest);
        Position {
            run: self.last.run.clone(),
            entry: self.last.entry + 1,
            hash: hex(hash.finalize().as_slice()),
        }
    }
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
