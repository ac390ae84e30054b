//! Reads the file of a run, and decides what to do with the bytes after its last valid entry.
//!
//! One flipped bit never removes an acknowledged entry. A flip within a line leaves a complete line with a wrong hash,
//! which is refused. A flip of the line end leaves a line that is valid without it, which is kept. Only an incomplete
//! last line, or zeros, are removed.

use dls_rollout::{Event, EventKind, InvalidEvents, Rollout, RunSpec};
use serde::de::IgnoredAny;

use super::{Position, RunId, StoreError, StoredRun, chain};

/// The contents of a run's file.
#[derive(Debug)]
pub(super) struct Contents {
    /// The last valid entry.
    pub(super) last: Position,
    pub(super) end: End,
    /// Why the events are incomplete.
    pub(super) problem: Option<StoreError>,
    events: Vec<Event>,
    hashes: Vec<String>,
}

/// The end of a file, which the next writer repairs before it appends.
#[derive(Debug, Clone, Default)]
pub(super) struct End {
    /// The length of the valid part in bytes, without a missing line end.
    pub(super) valid: u64,
    /// The last line lacks its end.
    pub(super) lacks_line_end: bool,
    /// The incomplete entry that the next writer removes, in one line.
    pub(super) unfinished: Option<String>,
}

pub(super) fn read(run: &RunId, bytes: &[u8]) -> Contents {
    let mut contents = Contents {
        last: chain::origin(run.clone()),
        end: End::default(),
        problem: None,
        events: Vec::new(),
        hashes: Vec::new(),
    };
    contents.problem = contents.read_all(bytes).err();
    if contents.spec().is_none() {
        let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        if let Some((found, known)) = chain::other_version(first) {
            let run = run.clone();
            contents.problem = Some(StoreError::OtherVersion { run, found, known });
        }
    }
    contents
}

impl Contents {
    /// The first event, if it is readable: it names the packages of the run.
    pub(super) fn spec(&self) -> Option<&RunSpec> {
        match &self.events.first()?.kind {
            EventKind::RunCreated(spec) if spec.version == RunSpec::VERSION => Some(spec),
            _ => None,
        }
    }

    /// The run, if the whole file is readable.
    pub(super) fn into_run(self) -> Result<(StoredRun, Rollout), StoreError> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let run = self.last.run;
        let rollout = Rollout::replay(self.events).map_err(|error| of_events(&run, error))?;
        let mut stored = StoredRun::new(run, &rollout, self.hashes);
        stored.unfinished = self.end.unfinished;
        Ok((stored, rollout))
    }

    fn read_all(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(whole) = line.strip_suffix(b"\n") else {
                return self.read_tail(line);
            };
            self.take(whole)?;
            self.end.valid += length_of(line);
        }
        match self.events.is_empty() {
            true => Err(self.broken("the file is empty")),
            false => Ok(()),
        }
    }

    /// Accepts a complete line, or refuses it and everything after it.
    fn take(&mut self, line: &[u8]) -> Result<(), StoreError> {
        let event;
        (event, self.last) = chain::decode(&self.last, line)?;
        self.events.push(event);
        self.hashes.push(self.last.hash.clone());
        Ok(())
    }

    /// The bytes after the last line end: perhaps an entry whose line end was lost or changed, and then what a crash left
    /// incomplete.
    fn read_tail(&mut self, tail: &[u8]) -> Result<(), StoreError> {
        let mut rest = tail;
        let entry = first_value(tail).filter(|it| chain::verify(&self.last, it).is_some());
        if let Some(entry) = entry {
            self.take(entry)?;
            self.end.valid += length_of(entry);
            self.end.lacks_line_end = true;
            rest = tail.get(entry.len() + 1..).unwrap_or_default();
        }
        let written = rest.iter().rposition(|byte| *byte != 0);
        let written = written.and_then(|last| rest.get(..=last)).unwrap_or_default();
        if self.events.is_empty() || first_value(written).is_some() {
            // A first entry is flushed before its file gets its name, and a complete JSON value is not a torn one.
            return Err(self.broken("it was changed, or written in part"));
        }
        if !rest.is_empty() {
            self.end.unfinished = Some(match written.len() {
                0 => format!("{} zeros", rest.len()),
                _ => format!("{} bytes of an unfinished entry", rest.len()),
            });
        }
        Ok(())
    }

    fn broken(&self, why: &str) -> StoreError {
        chain::broken(&self.last, why.to_owned())
    }
}

pub(super) fn length_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// The complete JSON value at the start of these bytes.
fn first_value(bytes: &[u8]) -> Option<&[u8]> {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    bytes.get(..values.byte_offset())
}

fn of_events(run: &RunId, error: InvalidEvents) -> StoreError {
    let (entry, why) = match error {
        InvalidEvents::Misplaced { index, why } => (index + 1, why.to_owned()),
        error => (1, error.to_string()),
    };
    StoreError::Broken { run: run.clone(), entry: u64::try_from(entry).unwrap_or(u64::MAX), why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::{at, given_up, ids, intention, lost, spec};

    /// Events after the creation of a run of the packages 23 and 24.
    fn kinds() -> [(&'static str, Vec<EventKind>); 7] {
        let both = ["23", "24"];
        let packages = ids(&both).unwrap().iter().copied().collect();
        let consented = EventKind::ResendAllowed { packages, no_fence: false };
        let watched = [
            r#"{"accepted": {"answer": {"deploy_package_details": [{"package_id": 23}]}}}"#,
            r#"{"observed": {"package": "24", "started_at": 1747106000000, "seen": {"release_package": {"package_id": "24"}}}}"#,
            r#"{"listed": {"rows": [{"package_id": "23", "deploy_status": 5}], "missing": ["24"]}}"#,
        ];
        let watched = watched.map(|kind| serde_json::from_str(kind).unwrap());
        let options = spec(&both).unwrap().options;
        let elsewhere = EventKind::Resumed {
            grace: options.grace,
            poll_interval: options.poll_interval,
            other_endpoint: Some("https://proxy.example.com".to_owned()),
        };
        let intended = intention(&both).unwrap();
        let accepted = [intended.clone()].into_iter().chain(watched);
        let then = |kind| vec![intended.clone(), lost(), kind];
        [
            ("fresh", vec![]),
            ("about to send", vec![intended.clone()]),
            ("sent", then(EventKind::OutOfTime)),
            ("consented", then(consented)),
            ("ended", then(given_up(&both).unwrap())),
            ("accepted, and watched by lists", accepted.collect()),
            ("taken over at another address", then(elsewhere)),
        ]
    }

    fn run() -> RunId {
        "20250513-031320-0001".parse().unwrap()
    }

    fn file_of(events: &[EventKind]) -> Vec<u8> {
        let first = EventKind::RunCreated(Box::new(spec(&["23", "24"]).unwrap()));
        let (mut file, mut last) = (Vec::new(), chain::origin(run()));
        for kind in [first].iter().chain(events) {
            let event = Event::new(at(1).unwrap(), kind.clone());
            let (line, position) = chain::encode(&last, &event).unwrap();
            file.extend(line);
            last = position;
        }
        file
    }

    /// How many single-bit flips of a file change neither the run nor its next action. All others must be refused.
    fn flips_that_change_nothing(kind: &str, file: &[u8]) -> usize {
        let (truth, rollout) = read(&run(), file).into_run().unwrap();
        let next = rollout.next();
        let mut kept = 0;
        for bit in 0..file.len() * 8 {
            let mut flipped = file.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            match read(&run(), &flipped).into_run() {
                Err(error) => assert_eq!(error.run(), Some(&run()), "{kind}, bit {bit}"),
                Ok((mut read, rollout)) => {
                    read.unfinished.clone_from(&truth.unfinished);
                    assert_eq!(read, truth, "{kind}, bit {bit}");
                    assert_eq!(rollout.next(), next, "{kind}, bit {bit}");
                    kept += 1;
                }
            }
        }
        kept
    }

    #[test]
    fn each_single_flipped_bit_is_refused_or_changes_nothing() {
        for (kind, events) in kinds() {
            let kept = flips_that_change_nothing(kind, &file_of(&events));
            assert_eq!(kept, 8, "{kind}: only the last line end is of no importance");
        }
    }

    #[test]
    fn a_flipped_bit_before_half_an_entry_is_refused_or_changes_nothing() {
        let file = file_of(&kinds()[1].1);
        for tail in [&file[..100], &[0; 16], &[&file[..9], &[0; 9]].concat()] {
            let torn = [&file[..], tail].concat();
            let kept = flips_that_change_nothing("torn", &torn);
            assert!(kept > 8 && kept <= (tail.len() + 1) * 8, "{kept}");
        }
    }

    #[test]
    fn whole_entries_of_another_version_of_the_events_are_refused() {
        for version in [RunSpec::VERSION - 1, RunSpec::VERSION + 1] {
            let mut other = spec(&["23"]).unwrap();
            other.version = version;
            let first = Event::new(at(1).unwrap(), EventKind::RunCreated(Box::new(other)));
            let (line, _) = chain::encode(&chain::origin(run()), &first).unwrap();
            let contents = read(&run(), &line);
            assert_eq!(contents.spec(), None, "its packages are not known");
            let (found, known) = (u64::from(version), RunSpec::VERSION);
            let refused = StoreError::OtherVersion { run: run(), found, known };
            assert_eq!(contents.into_run().unwrap_err(), refused);
        }
    }

    #[test]
    fn a_truncated_file_has_a_prefix_of_the_run() {
        for (kind, events) in kinds() {
            let file = file_of(&events);
            let (truth, _) = read(&run(), &file).into_run().unwrap();
            for length in 0..file.len() {
                let cut = read(&run(), &file[..length]).into_run();
                match cut {
                    Ok((cut, _)) => assert!(truth.contains(&cut.position()), "{kind}, {length}"),
                    Err(StoreError::Broken { entry: 1, .. }) => {}
                    Err(error) => panic!("{kind}, {length}: {error}"),
                }
            }
        }
    }
}
