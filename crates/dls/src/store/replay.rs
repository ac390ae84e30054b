//! Reads the file of a run, and decides what to do with the bytes after its last valid entry.
//!
//! One flipped bit never removes an acknowledged entry. A flip within a line leaves a complete line with a wrong hash,
//! which is refused. A flip of the line end leaves a line that is valid without it, which is kept. Only an incomplete
//! last line, or zeros, are removed.

use dls_rollout::{Event, EventKind, InvalidEvents, Rollout, RunSpec};
use serde::de::IgnoredAny;

use super::chain::{Chain, VERSION};
use super::{RunId, StoreError, StoredRun};

/// The contents of a run's file.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) chain: Chain,
    pub(super) events: Vec<Event>,
    hashes: Vec<String>,
    /// The version of the format.
    pub(super) version: u32,
    /// The length of the valid part in bytes, without a missing line end.
    valid: usize,
    /// The last line lacks its end.
    lacks_end: bool,
    /// The incomplete entry that the next writer removes, in one line.
    pub(super) unfinished: Option<String>,
    /// Why the events are incomplete.
    problem: Option<StoreError>,
}

/// The end of a file, and what the next writer does there before it appends.
#[derive(Debug)]
pub(super) struct Tail {
    pub(super) chain: Chain,
    /// The length of the valid part in bytes.
    pub(super) valid: u64,
    pub(super) lacks_end: bool,
    pub(super) is_cut: bool,
}

/// Reads a file of any version.
pub(super) fn read(run: &RunId, bytes: &[u8]) -> Contents {
    let mut contents = Contents {
        chain: Chain::new(run.clone()),
        events: Vec::new(),
        hashes: Vec::new(),
        version: VERSION,
        valid: 0,
        lacks_end: false,
        unfinished: None,
        problem: None,
    };
    if bytes.starts_with(br#"{"at":"#) {
        contents.version = 1;
        contents.read_version_1(bytes);
    } else {
        contents.read_entries(bytes);
    }
    contents
}

impl Contents {
    /// The first event, if it is readable: it names the packages of the run.
    pub(super) fn spec(&self) -> Option<&RunSpec> {
        match &self.events.first()?.kind {
            EventKind::RunCreated(spec) if spec.version <= RunSpec::VERSION => Some(spec),
            _ => None,
        }
    }

    pub(super) fn tail(&self) -> Tail {
        Tail {
            chain: self.chain.clone(),
            valid: u64::try_from(self.valid).unwrap_or(u64::MAX),
            lacks_end: self.lacks_end,
            is_cut: self.lacks_end || self.unfinished.is_some(),
        }
    }

    /// The run, if the whole file is readable.
    pub(super) fn into_run(self) -> Result<(StoredRun, Rollout), StoreError> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let run = self.chain.last().run.clone();
        let rollout = Rollout::replay(self.events).map_err(|error| of_events(&run, error))?;
        let mut stored = StoredRun::new(run, &rollout, self.hashes);
        stored.unfinished = self.unfinished;
        Ok((stored, rollout))
    }

    fn read_entries(&mut self, bytes: &[u8]) {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(whole) = line.strip_suffix(b"\n") else {
                return self.read_tail(line);
            };
            if !self.take(whole) {
                return;
            }
            self.valid += line.len();
        }
        if self.events.is_empty() {
            self.refuse("the file is empty".to_owned());
        }
    }

    /// Accepts a complete line, or refuses it and everything after it.
    fn take(&mut self, line: &[u8]) -> bool {
        match self.chain.verify(line) {
            Ok(event) => {
                self.push(event);
                true
            }
            Err(why) => {
                match self.version_of(line) {
                    Some(version) => {
                        self.problem = Some(StoreError::Newer { run: self.run(), version })
                    }
                    None => self.refuse(why),
                }
                false
            }
        }
    }

    /// The bytes after the last line end: perhaps an entry whose line end was lost or changed, and then what a crash left
    /// incomplete.
    fn read_tail(&mut self, tail: &[u8]) {
        let mut rest = tail;
        let entry = first_value(tail).filter(|it| self.chain.verified(it).is_some());
        if let Some(entry) = entry {
            if !self.take(entry) {
                return;
            }
            self.valid += entry.len();
            self.lacks_end = true;
            rest = tail.get(entry.len() + 1..).unwrap_or_default();
        }
        let written = rest.iter().rposition(|byte| *byte != 0);
        let written = written.and_then(|last| rest.get(..=last)).unwrap_or_default();
        if self.events.is_empty() || first_value(written).is_some() {
            // A first entry is flushed before its file gets its name, and a complete JSON value is not a torn one.
            self.refuse("it was changed, or written in part".to_owned());
        } else if !rest.is_empty() {
            self.unfinished = Some(match written.len() {
                0 => format!("{} zeros", rest.len()),
                _ => format!("{} bytes of an unfinished entry", rest.len()),
            });
        }
    }

    /// Version 1: events without numbers and hashes. They get those of the current version.
    fn read_version_1(&mut self, bytes: &[u8]) {
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        let is_intention = |line: &&[u8]| {
            let intention = br#""what":{"send-intended""#;
            line.windows(intention.len()).any(|part| part == intention)
        };
        let last_intention = lines.iter().rposition(is_intention).unwrap_or(0);
        for (index, line) in lines.iter().enumerate() {
            // The last entry may lack its line end, or have another byte there. If it is complete, it counts.
            let whole = line.strip_suffix(b"\n").or_else(|| first_value(line));
            let Some(whole) = whole else {
                self.unfinished = Some(format!("{} bytes of an unfinished entry", line.len()));
                break;
            };
            let event = event_of_version_1(whole, index < last_intention);
            match event.and_then(|event| Ok((self.chain.encode(&event)?.1, event))) {
                Ok((position, event)) => {
                    self.chain.advance(position);
                    self.push(event);
                    self.valid += line.len();
                }
                Err(error) => return self.refuse(error.to_string()),
            }
        }
        if self.events.is_empty() {
            self.refuse("no entry is whole".to_owned());
        }
    }

    fn push(&mut self, event: Event) {
        self.events.push(event);
        self.hashes.push(self.chain.last().hash.clone());
    }

    fn refuse(&mut self, why: String) {
        self.problem =
            Some(StoreError::Broken { run: self.run(), entry: self.chain.last().entry + 1, why });
    }

    fn run(&self) -> RunId {
        self.chain.last().run.clone()
    }

    /// The version of a line, if it is a later one.
    fn version_of(&self, line: &[u8]) -> Option<u32> {
        let value: serde_json::Value = serde_json::from_slice(line).ok()?;
        let number = |pointer| value.pointer(pointer).and_then(serde_json::Value::as_u64);
        let form = number("/journal").filter(|version| *version > u64::from(VERSION));
        let events = number("/event/kind/run-created/version")
            .or_else(|| number("/event/what/began/version"))
            .filter(|version| *version > u64::from(RunSpec::VERSION));
        form.or(events).map(|version| u32::try_from(version).unwrap_or(u32::MAX))
    }
}

/// The complete JSON value at the start of these bytes.
fn first_value(bytes: &[u8]) -> Option<&[u8]> {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    bytes.get(..values.byte_offset())
}

fn of_events(run: &RunId, error: InvalidEvents) -> StoreError {
    let (entry, why) = match error {
        InvalidEvents::Newer { version } => {
            return StoreError::Newer { run: run.clone(), version };
        }
        InvalidEvents::Misplaced { index, why } => (index + 1, why.to_owned()),
        error => (1, error.to_string()),
    };
    StoreError::Broken { run: run.clone(), entry: u64::try_from(entry).unwrap_or(u64::MAX), why }
}

/// Version 1 took every error answer for a proof. If it sent again afterwards, it relied on that; an error answer after
/// its last intention proves nothing.
fn event_of_version_1(line: &[u8], was_taken_for_proof: bool) -> serde_json::Result<Event> {
    let mut event: serde_json::Value = serde_json::from_slice(line)?;
    if let Some(answer) = event.pointer_mut("/what/send-failed/failure/answered")
        && let Some(answer) = answer.as_object_mut()
    {
        answer.entry("flat").or_insert(was_taken_for_proof.into());
    }
    serde_json::from_value(event)
}

#[cfg(test)]
mod tests {
    use dls_model::{JobStart, PackageIds, Timestamp};
    use dls_rollout::{Destination, Options, Selection, SendError};

    use super::*;

    /// Events after the creation of a run of the packages 23 and 24.
    fn kinds() -> [(&'static str, Vec<EventKind>); 7] {
        let intended =
            EventKind::SendIntended { packages: ids(), signed_at: at(), with_token: false };
        let lost = EventKind::SendFailed { failure: SendError::Lost("a reset".to_owned()) };
        let consented =
            EventKind::ResendAllowed { packages: ids().iter().copied().collect(), no_fence: false };
        let given_up = EventKind::Forgotten {
            packages: ids().iter().copied().collect(),
            by: "li.wei".to_owned(),
            no_fence: false,
        };
        let watched = [
            r#"{"accepted": {"answer": {"deploy_package_details": [{"package_id": 23}]}}}"#,
            r#"{"observed": {"package": "24", "seen": {"release_package": {"package_id": "24"}}}}"#,
            r#"{"listed": {"rows": [{"package_id": "23", "deploy_status": 5}], "missing": ["24"]}}"#,
        ];
        let watched = watched.map(|kind| serde_json::from_str(kind).unwrap());
        let elsewhere = EventKind::Resumed {
            grace: Options::new(JobStart::Later).grace,
            poll_interval: Options::new(JobStart::Later).poll_interval,
            other_endpoint: Some("https://proxy.example.com".to_owned()),
        };
        let accepted = [intended.clone()].into_iter().chain(watched);
        let sent = [intended, lost];
        let then = |what| sent.iter().cloned().chain([what]).collect();
        [
            ("fresh", vec![]),
            ("about to send", sent[..1].to_vec()),
            ("sent", then(EventKind::OutOfTime)),
            ("consented", then(consented)),
            ("ended", then(given_up)),
            ("accepted, and watched by lists", accepted.collect()),
            ("taken over at another address", then(elsewhere)),
        ]
    }

    fn ids() -> PackageIds {
        PackageIds::new(["23".parse().unwrap(), "24".parse().unwrap()]).unwrap()
    }

    fn at() -> Timestamp {
        Timestamp::from_millis(1_747_106_000_000).unwrap()
    }

    fn run() -> RunId {
        "20250513-031320-0001".parse().unwrap()
    }

    fn file_of(events: &[EventKind]) -> Vec<u8> {
        lines(&recorded(events))
    }

    fn lines(events: &[Event]) -> Vec<u8> {
        Chain::new(run()).encode_all(events).unwrap()
    }

    fn recorded(events: &[EventKind]) -> Vec<Event> {
        let project = "b384b9e9ab9b4ee8994c8633aabc9505".parse().unwrap();
        let destination =
            Destination::new("https://dayu.example.com", project, "default".parse().unwrap());
        let options = Options::new(JobStart::Later);
        let spec = RunSpec::new(destination, Selection::from(ids()), options);
        let first = EventKind::RunCreated(Box::new(spec));
        let all = [first].into_iter().chain(events.iter().cloned());
        all.map(|kind| Event::new(at(), kind)).collect()
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
    fn a_run_of_version_1_is_converted_to_the_current_version() {
        for (kind, events) in kinds() {
            let events = recorded(&events);
            let old = events.iter().map(|it| serde_json::to_string(it).unwrap());
            let old: Vec<String> = old.map(|line| line + "\n").collect();
            let contents = read(&run(), old.concat().as_bytes());
            assert_eq!(contents.version, 1, "{kind}");
            let converted = lines(&contents.events);
            assert_eq!(converted, lines(&events), "{kind}");
            assert_eq!(contents.chain.last(), read(&run(), &converted).chain.last());
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

    #[test]
    fn in_version_1_the_last_intention_counts_without_its_line_end() {
        let [_, (_, about_to_send), ..] = kinds();
        let spec = serde_json::from_slice::<serde_json::Value>(&file_of(&[])).unwrap();
        let intended = Event::new(at(), about_to_send[0].clone());
        let intended = serde_json::to_string(&intended).unwrap();
        // The members are in alphabetical order: `at` is the first.
        let file = format!("{}\n{intended}", spec["event"]);
        let ends = (0..8).map(|bit| vec![b'\n' ^ (1 << bit)]);
        for end in ends.chain([b"\n".to_vec(), vec![], vec![0; 3]]) {
            let contents = read(&run(), &[file.as_bytes(), &end].concat());
            assert_eq!(contents.version, 1);
            let (read, _) = contents.into_run().unwrap();
            let mut packages = read.report.packages.iter();
            assert!(packages.all(|package| package.sent), "{end:?}");
        }
    }

    #[test]
    fn in_version_1_a_refusal_is_a_proof_only_if_a_request_followed() {
        let line = br#"{"at":1747106001700,"what":{"send-failed":{"failure":{"answered":{"status":429,"code":"APIGW.0308","message":"Throttled.","request_id":"r-1"}}}}}"#;
        for was_taken_for_proof in [false, true] {
            let event = event_of_version_1(line, was_taken_for_proof).unwrap();
            let EventKind::SendFailed { failure: SendError::Answered(error) } = event.kind else {
                panic!("{event:?}");
            };
            assert_eq!(error.is_flat(), was_taken_for_proof);
        }
    }
}
