//! Files of each version that ever was are read for good. The files were written once, and are not to be
//! changed: whoever changes the form adds another one.

use dls::rollout::{Action, Rollout, Verdict};
use dls::{Journal, plan};

#[test]
fn a_journal_of_version_1_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let text = include_str!("../fixtures/journal-1.jsonl");
    std::fs::write(folder.path().join("20250513-031320-0001.jsonl"), text).unwrap();
    let journal = Journal::at(folder.path()).unwrap();
    let run = journal
        .run(&"20250513-031320-0001".parse().unwrap())
        .unwrap();
    assert!(run.is_open());
    let packages = &run.report.packages;
    assert!(packages[0].ours);
    let words = packages
        .iter()
        .map(|it| it.verdict.as_ref().map_or("-", Verdict::word));
    assert_eq!(words.collect::<Vec<_>>(), ["successful", "-", "failed"]);

    let events = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let rollout = Rollout::replay(events).unwrap();
    assert_eq!(rollout.next(), Action::Look("24".parse().unwrap()));
}

#[test]
fn a_plan_of_version_1_is_read_and_its_hash_is_the_same() {
    let plan = plan::from_json(include_str!("../fixtures/plan-1.json")).unwrap();
    assert_eq!(plan.packages.len(), 3);
}
