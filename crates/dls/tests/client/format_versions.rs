//! Files of today's formats, written once. A change of a format that makes one of them unreadable needs another version
//! of the format, and then another file.

use dls::rollout::{Action, PackageOutcome};
use dls::{FileStore, JobStart, RunStore as _, plan};

const JOURNAL: &str = include_str!("../fixtures/journal-2.jsonl");

#[tokio::test]
async fn a_journal_of_version_2_is_read_and_continued() {
    let run = "20250513-031320-0001".parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("20250513-031320-0001.jsonl");
    std::fs::write(&path, JOURNAL).unwrap();
    let store = FileStore::open(folder.path()).await.unwrap();
    let stored = store.load(&run).await.unwrap();
    assert!(stored.is_open());
    assert_eq!(stored.spec.options.start(), Some(JobStart::Later));
    let packages = &stored.report.packages;
    assert!(packages[0].ours);
    let outcomes: Vec<_> = packages.iter().map(|it| it.outcome.as_ref()).collect();
    assert!(
        matches!(
            *outcomes,
            [Some(PackageOutcome::Succeeded { .. }), None, Some(PackageOutcome::Failed { .. })]
        ),
        "{outcomes:?}"
    );
    let taken = store.take_over(&run, None).await.unwrap();
    assert_eq!(taken.rollout.next(), Action::Observe("24".parse().unwrap()));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), JOURNAL, "nothing is written anew");
}

#[test]
fn a_plan_of_version_1_is_read_and_its_hash_is_the_same() {
    let plan = plan::from_json(include_str!("../fixtures/plan-1.json")).unwrap();
    assert_eq!(plan.packages.len(), 3);
}
