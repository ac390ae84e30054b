//! The rules that every [`RunStore`] must pass. Run [`check`] in the tests of your own store.

use std::error::Error;
use std::future::poll_fn;
use std::task::Poll;

use dls_model::{PackageIds, Timestamp};
use dls_rollout::{Destination, Event, EventKind, Options, RunSpec, Selection, SendError};

use super::{BoxFuture, Position, RunStore, RunWriter, StoreError, TakenOver};

/// A rule that a store breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {found}")]
#[non_exhaustive]
pub struct BrokenRule {
    /// The rule, as a sentence.
    pub rule: &'static str,
    /// What happened instead, in one line.
    pub found: String,
}

/// Checks a store against each rule. `make` returns an empty store each time.
///
/// # Errors
///
/// The first broken rule.
///
/// ```
/// use dls::store::{MemoryStore, conformance};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// conformance::check(async || MemoryStore::new()).await
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn check<S: RunStore>(make: impl AsyncFn() -> S) -> Result<(), BrokenRule> {
    for (rule, check) in RULES {
        let store = make().await;
        let passed = check(&store).await;
        passed.map_err(|found| BrokenRule { rule, found: found.to_string() })?;
    }
    Ok(())
}

type Passed<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;
type Rule = (&'static str, fn(&dyn RunStore) -> BoxFuture<'_, Passed>);

const RULES: [Rule; 9] = [
    ("a created run is loaded unchanged", |it| Box::pin(created(it))),
    ("appended events are loaded in order", |it| Box::pin(appended(it))),
    ("an open run claims its packages, at every address", |it| Box::pin(claimed(it))),
    ("a finished run claims nothing", |it| Box::pin(finished(it))),
    ("of two runs created concurrently, one gets the package", |it| Box::pin(concurrent(it))),
    ("a run is taken over where it ended", |it| Box::pin(taken_over(it))),
    ("a run has one writer", |it| Box::pin(fenced(it))),
    ("a run without a required position is refused", |it| Box::pin(outdated(it))),
    ("a missing run is reported as missing", |it| Box::pin(missing(it))),
];

async fn created(store: &dyn RunStore) -> Passed {
    let spec = spec(&["23", "24"])?;
    let writer = store.create(spec.clone(), at(1)?).await?;
    let stored = store.load(writer.run()).await?;
    ensure(stored.id == *writer.run(), "another name")?;
    ensure(stored.spec == spec, "another spec")?;
    ensure(stored.created_at == at(1)?, "another time")?;
    ensure(stored.is_open(), "it is not open")?;
    ensure(stored.position() == writer.position(), "another position")?;
    ensure(stored.position().entry == 1, "it does not have one entry")?;
    let listed = store.list().await?;
    ensure(listed == [Ok(stored)], "the list does not contain exactly this run")
}

async fn appended(store: &dyn RunStore) -> Passed {
    let mut writer = create(store, &["23"]).await?;
    let mut position = writer.position();
    for kind in [EventKind::Waited, intention(&["23"])?, lost(), EventKind::OutOfTime] {
        let appended = append(&mut *writer, kind).await?;
        ensure(appended == writer.position(), "the writer is at another position")?;
        ensure(appended.entry == position.entry + 1, "the entries are not consecutive")?;
        let stored = store.load(writer.run()).await?;
        ensure(stored.position() == appended, "it is not the last entry")?;
        ensure(stored.contains(&position), "the previous entry is missing")?;
        position = appended;
    }
    let stored = store.load(writer.run()).await?;
    ensure(stored.report.packages.iter().all(|it| it.sent), "the intention is missing")
}

async fn claimed(store: &dyn RunStore) -> Passed {
    let first = create(store, &["23", "24"]).await?;
    let mut elsewhere = spec(&["24", "25"])?;
    elsewhere.destination.endpoint = "https://other.example.com".to_owned();
    match store.create(elsewhere, at(2)?).await {
        Err(StoreError::Conflict { run, packages, other_endpoint, .. }) => {
            ensure(run == *first.run(), "the conflict is with another run")?;
            ensure(packages == ["24".parse()?], "other packages conflict")?;
            ensure(other_endpoint.is_some(), "the other address is missing")?;
        }
        other => return Err(format!("{other:?}").into()),
    }
    ensure(store.list().await?.len() == 1, "the refused run was recorded")?;
    let mut workspace = spec(&["24"])?;
    workspace.destination.workspace = "other".parse()?;
    store.create(workspace, at(2)?).await?;
    create(store, &["25"]).await?;
    Ok(())
}

async fn finished(store: &dyn RunStore) -> Passed {
    let mut writer = create(store, &["23"]).await?;
    append(&mut *writer, given_up(&["23"])?).await?;
    writer.finish().await?;
    let stored = store.load(writer.run()).await?;
    ensure(!stored.is_open(), "it is open")?;
    ensure(stored.position() == writer.position(), "its last entry is another one")?;
    create(store, &["23"]).await?;
    ensure(store.list().await?.len() == 2, "there are not two runs")
}

async fn concurrent(store: &dyn RunStore) -> Passed {
    let mut pending =
        vec![store.create(spec(&["23"])?, at(1)?), store.create(spec(&["23", "24"])?, at(1)?)];
    let mut created = Vec::new();
    // All at once, on one task.
    poll_fn(|context| {
        pending.retain_mut(|it| match it.as_mut().poll(context) {
            Poll::Ready(result) => {
                created.push(result);
                false
            }
            Poll::Pending => true,
        });
        if pending.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    match created.as_slice() {
        [Ok(_), Err(StoreError::Conflict { .. })] | [Err(StoreError::Conflict { .. }), Ok(_)] => {
            Ok(())
        }
        other => Err(format!("{other:?}").into()),
    }
}

async fn taken_over(store: &dyn RunStore) -> Passed {
    let mut writer = create(store, &["23"]).await?;
    let left = append(&mut *writer, intention(&["23"])?).await?;
    let run = writer.run().clone();
    drop(writer);
    let taken = store.take_over(&run, Some(&left)).await?;
    let TakenOver { mut writer, rollout } = taken;
    ensure(writer.position() == left, "it is at another position")?;
    ensure(rollout.report().packages.iter().all(|it| it.sent), "the intention is missing")?;
    let options = &rollout.spec().options;
    let resumed = EventKind::Resumed {
        grace: options.grace,
        poll_interval: options.poll_interval,
        other_endpoint: None,
    };
    let next = append(&mut *writer, resumed).await?;
    let stored = store.load(&run).await?;
    ensure(stored.position() == next && stored.contains(&left), "the entries are not consecutive")
}

/// The writer excludes others, or is fenced by the next writer.
async fn fenced(store: &dyn RunStore) -> Passed {
    let mut first = create(store, &["23"]).await?;
    let run = first.run().clone();
    let mut second = match store.take_over(&run, None).await {
        Ok(taken) => taken.writer,
        Err(StoreError::InUse(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let written = append(&mut *first, intention(&["23"])?).await;
    ensure(written.is_err(), "two writers have appended")?;
    append(&mut *second, EventKind::Waited).await?;
    Ok(())
}

async fn outdated(store: &dyn RunStore) -> Passed {
    let mut writer = create(store, &["23"]).await?;
    let known = append(&mut *writer, EventKind::Waited).await?;
    let run = writer.run().clone();
    drop(writer);
    let mut later = known.clone();
    later.entry += 1;
    let mut changed = known.clone();
    changed.hash = "0".repeat(64);
    for position in [later, changed] {
        let taken = store.take_over(&run, Some(&position)).await;
        let refused = matches!(taken, Err(StoreError::Outdated { .. }));
        ensure(refused, "a run without this position was accepted")?;
    }
    store.take_over(&run, Some(&known)).await?;
    Ok(())
}

async fn missing(store: &dyn RunStore) -> Passed {
    let run = "20200101-000000-0000".parse()?;
    let (loaded, taken) = (store.load(&run).await, store.take_over(&run, None).await);
    ensure(matches!(loaded, Err(StoreError::NoSuchRun(_))), "it was loaded")?;
    ensure(matches!(taken, Err(StoreError::NoSuchRun(_))), "it was taken over")
}

async fn create(store: &dyn RunStore, packages: &[&str]) -> Passed<Box<dyn RunWriter>> {
    Ok(store.create(spec(packages)?, at(1)?).await?)
}

async fn append(writer: &mut dyn RunWriter, kind: EventKind) -> Passed<Position> {
    let event = Event::new(at(2)?, kind);
    Ok(writer.append(&event).await?)
}

pub(super) fn spec(packages: &[&str]) -> Passed<RunSpec> {
    let project = "b384b9e9ab9b4ee8994c8633aabc9505".parse()?;
    let workspace = "default".parse()?;
    let destination = Destination::new("https://dayu.example.com", project, workspace);
    let packages = Selection::from(ids(packages)?);
    Ok(RunSpec::new(destination, packages, Options::new(dls_model::JobStart::Later)))
}

pub(super) fn ids(packages: &[&str]) -> Passed<PackageIds> {
    let ids: Result<Vec<_>, _> = packages.iter().map(|id| id.parse()).collect();
    Ok(PackageIds::new(ids?)?)
}

pub(super) fn intention(packages: &[&str]) -> Passed<EventKind> {
    Ok(EventKind::SendIntended { packages: ids(packages)?, signed_at: at(2)?, with_token: false })
}

pub(super) fn lost() -> EventKind {
    EventKind::SendFailed { failure: SendError::Lost("a reset".to_owned()) }
}

pub(super) fn given_up(packages: &[&str]) -> Passed<EventKind> {
    Ok(EventKind::Forgotten {
        packages: ids(packages)?.iter().copied().collect(),
        by: "the conformance suite".to_owned(),
        no_fence: false,
    })
}

pub(super) fn at(seconds: i64) -> Passed<Timestamp> {
    let time = Timestamp::from_millis(1_747_106_000_000 + 1000 * seconds);
    Ok(time.ok_or("no time")?)
}

fn ensure(holds: bool, found: &str) -> Passed {
    if holds { Ok(()) } else { Err(found.into()) }
}
