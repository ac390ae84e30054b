//! Publishing against a registry in memory that fails as asked.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

use super::*;

/// What becomes of one upload.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Stored,
    /// Stored, and the answer does not arrive.
    Lost,
    Refused,
    /// Stored, and shown only after so many queries.
    Late(u32),
}

#[derive(Default)]
struct Fake {
    /// A checksum for each crate, and the queries until it is shown.
    there: BTreeMap<String, (String, u32)>,
    /// One for each upload, in order; after them all are stored.
    answers: VecDeque<Answer>,
    uploads: Vec<String>,
    pauses: u32,
}

impl World for Fake {
    fn pack(&mut self, release: &Release) -> Result<String> {
        Ok(format!("sum of {}", release.name))
    }

    fn query(&mut self, release: &Release) -> Result<Option<String>> {
        Ok(match self.there.get_mut(&release.name) {
            Some((_, queries)) if *queries > 0 => {
                *queries -= 1;
                None
            }
            there => there.map(|(sum, _)| sum.clone()),
        })
    }

    fn upload(&mut self, release: &Release) -> Result<()> {
        let answer = self.answers.pop_front().unwrap_or(Answer::Stored);
        self.uploads.push(release.name.clone());
        let queries = match answer {
            Answer::Refused => bail!("503"),
            Answer::Late(queries) => queries,
            Answer::Stored | Answer::Lost => 0,
        };
        let sum = self.pack(release)?;
        let before = self.there.insert(release.name.clone(), (sum, queries));
        assert_eq!(before, None, "{} was stored twice", release.name);
        ensure!(!matches!(answer, Answer::Lost), "no answer");
        Ok(())
    }

    fn pause(&mut self) {
        self.pauses += 1;
    }
}

fn registry(answers: impl IntoIterator<Item = Answer>) -> Fake {
    Fake { answers: answers.into_iter().collect(), ..Fake::default() }
}

fn release(name: &str, version: &str) -> Release {
    Release { name: name.into(), version: version.parse().unwrap() }
}

fn releases() -> [Release; 3] {
    ["a", "b", "c"].map(|name| release(name, "0.2.0"))
}

#[test]
fn what_has_its_tag_here_is_published_and_a_tag_of_another_version_is_nobodys() {
    let member = |(name, released): (&str, Option<&str>)| Member {
        version: Version::new(0, 2, 0),
        released: released.map(|version| version.parse().unwrap()),
        ..plan::tests::member(name, &[])
    };
    let members = [("a", Some("0.2.0")), ("b", Some("0.1.0")), ("c", None)].map(member);
    let members: Vec<&Member> = members.iter().collect();
    let (here, before) = sorted(&members, "a-v0.2.0\nother-v0.1.0\nb-vote").unwrap();
    assert_eq!((here, before), (vec![release("a", "0.2.0")], vec![release("b", "0.1.0")]));
    let reason = sorted(&members, "a-v0.2.0\nc-v0.3.0").unwrap_err().to_string();
    assert_eq!(reason, "the tag `c-v0.3.0` is on a commit where `c` has the version 0.2.0");
}

#[test]
fn an_earlier_release_is_finished_first() {
    let mut fake = Fake::default();
    let [first, ..] = &releases();
    let reason = is_complete(first, &mut fake).unwrap_err();
    let way = "first cargo xtask release publish --at a-v0.2.0,";
    assert!(reason.to_string().contains(way), "{reason}");
    publish(&releases(), &mut fake).unwrap();
    is_complete(first, &mut fake).unwrap();
}

#[test]
fn a_refusal_stops_and_the_next_run_goes_on_there() {
    let mut fake = registry([Answer::Stored, Answer::Refused]);
    let reason = publish(&releases(), &mut fake).unwrap_err().to_string();
    assert_eq!(reason, "b 0.2.0 is not there: 503; the same command continues from here");
    assert_eq!(fake.uploads, ["a", "b"]);
    publish(&releases(), &mut fake).unwrap();
    assert_eq!(fake.uploads, ["a", "b", "b", "c"]);
}

#[test]
fn another_checksum_stops_everything_before_and_after_an_upload() {
    let mut fake = Fake::default();
    fake.there.insert("b".into(), ("sum of another".into(), 0));
    let reason = publish(&releases(), &mut fake).unwrap_err().to_string();
    assert!(reason.starts_with("STOP: b 0.2.0"), "{reason}");
    assert_eq!(fake.uploads, ["a"]);
    let reason = settle(&releases()[1], "sum of b", Ok(()), &mut fake).unwrap_err().to_string();
    assert!(reason.starts_with("STOP: b 0.2.0"), "{reason}");
}

#[test]
fn a_crate_that_is_shown_late_is_waited_for_within_a_limit() {
    let mut fake = registry([Answer::Late(QUERIES - 1)]);
    publish(&releases(), &mut fake).unwrap();
    assert_eq!(fake.pauses, QUERIES - 1);

    let mut fake = registry([Answer::Late(QUERIES)]);
    let reason = publish(&releases(), &mut fake).unwrap_err().to_string();
    assert!(reason.contains("took it and does not show it"), "{reason}");
    assert_eq!(fake.uploads, ["a"]);
}

proptest! {
    #[test]
    fn whatever_fails_repeating_the_command_brings_each_crate_there_once_and_in_order(
        answers in prop::collection::vec(
            prop_oneof![
                Just(Answer::Stored), Just(Answer::Lost), Just(Answer::Refused), (0..QUERIES).prop_map(Answer::Late),
            ],
            0..8,
        )
    ) {
        let runs = answers.len() + 1;
        let mut fake = registry(answers);
        let ended = (0..runs).any(|_| publish(&releases(), &mut fake).is_ok());
        prop_assert!(ended);
        // That none was stored twice is checked by the fake itself.
        prop_assert_eq!(fake.there.len(), 3);
        prop_assert!(fake.uploads.is_sorted(), "{:?}", fake.uploads);
        let uploads = fake.uploads.len();
        publish(&releases(), &mut fake).unwrap();
        prop_assert_eq!(fake.uploads.len(), uploads);
    }
}
