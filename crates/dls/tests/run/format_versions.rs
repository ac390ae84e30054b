//! Files of each version that ever was are read for good. The files were written once, and are not to be
//! changed: whoever changes the form adds another one.

use dls::rollout::{Action, PackageOutcome};
use dls::{FileStore, JobStart, RunStore as _, plan};

const VERSION_1: &str = include_str!("../fixtures/journal-1.jsonl");
const VERSION_2: &str = include_str!("../fixtures/journal-2.jsonl");
/// The entries of version 2, with version 2 of the events in them.
const EVENTS_2: &str = include_str!("../fixtures/journal-2-events-2.jsonl");

#[tokio::test]
async fn a_journal_of_each_version_is_read() {
    let run = "20250513-031320-0001".parse().unwrap();
    for text in [VERSION_1, VERSION_2, EVENTS_2] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("20250513-031320-0001.jsonl");
        std::fs::write(&path, text).unwrap();
        let store = FileStore::open(folder.path()).await.unwrap();
        let stored = store.load(&run).await.unwrap();
        assert!(stored.is_open());
        assert_eq!(stored.spec.options.start(), Some(JobStart::Later));
        let packages = &stored.report.packages;
        assert!(packages[0].ours);
        let outcomes = packages.iter().map(|it| it.outcome.as_ref());
        let outcomes: Vec<_> = outcomes.collect();
        assert!(
            matches!(
                *outcomes,
                [Some(PackageOutcome::Succeeded { .. }), None, Some(PackageOutcome::Failed { .. })]
            ),
            "{outcomes:?}"
        );
        let taken = store.take_over(&run, None).await.unwrap();
        assert_eq!(taken.rollout.next(), Action::Observe("24".parse().unwrap()));
        let written = std::fs::read_to_string(&path).unwrap();
        assert_eq!(written != text, text == VERSION_1, "only version 1 is written anew");
        drop(taken);
        assert_eq!(store.load(&run).await.unwrap().spec, stored.spec);
    }
}

#[test]
fn a_plan_of_version_1_is_read_and_its_hash_is_the_same() {
    let plan = plan::from_json(include_str!("../fixtures/plan-1.json")).unwrap();
    assert_eq!(plan.packages.len(), 3);
}
