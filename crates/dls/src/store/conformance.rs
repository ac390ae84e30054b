//! What every store must hold, as a test for whoever writes one.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use dls_model::{PackageIds, Timestamp};
use dls_rollout::{Destination, Event, EventKind, Options, RunSpec, Selection, SendError};

use super::{BoxFuture, RunStore, RunWriter, StoreError, TakenOver, durability};

/// What a store does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {found}")]
#[non_exhaustive]
pub struct Failure {
    /// The rule, as a sentence.
    pub rule: &'static str,
    /// What happened instead, in one line.
    pub found: String,
}

/// Holds a store against each rule. `make` gives an empty one each time.
///
/// # Errors
///
/// The first rule that it does not hold.
///
/// ```
/// use dls::store::{MemoryStore, conformance};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// conformance::check(async || MemoryStore::new()).await
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn check<S: RunStore>(make: impl AsyncFn() -> S) -> Result<(), Failure> {
    for (rule, holds) in RULES {
        let store = make().await;
        let held = holds(&store).await;
        held.map_err(|found| Failure { rule, found })?;
    }
    Ok(())
}

type Held = Result<(), String>;
type Rule = (&'static str, fn(&dyn RunStore) -> BoxFuture<'_, Held>);

const RULES: [Rule; 9] = [
    ("a run is told as it was created", |it| Box::pin(created(it))),
    ("what was appended is told, in order", |it| Box::pin(appended(it))),
    ("a package of an open run is claimed, at whatever address", |it| Box::pin(claimed(it))),
    ("a run that is over claims nothing", |it| Box::pin(over(it))),
    ("of two runs that are created at once one gets the package", |it| Box::pin(at_once(it))),
    ("a run that was left is taken over as it was", |it| Box::pin(taken_over(it))),
    ("a run has one writer", |it| Box::pin(fenced(it))),
    ("a run that does not hold a known position is refused", |it| Box::pin(outdated(it))),
    ("a run that is not there is told so", |it| Box::pin(not_there(it))),
];

async fn created(store: &dyn RunStore) -> Held {
    let spec = spec(&["23", "24"])?;
    let writer = store.create(spec.clone(), at(1)?).await.map_err(text)?;
    let stored = store.load(writer.run()).await.map_err(text)?;
    ensure(stored.id == *writer.run(), "another name")?;
    ensure(stored.spec == spec, "another beginning")?;
    ensure(stored.created_at == at(1)?, "another time")?;
    ensure(stored.is_open(), "it is not open")?;
    ensure(stored.position() == writer.position(), "another position")?;
    ensure(stored.position().entry == 1, "it does not have one entry")?;
    let listed = store.list().await.map_err(text)?;
    ensure(listed == [Ok(stored)], "the list does not hold this run alone")
}

async fn appended(store: &dyn RunStore) -> Held {
    let mut writer = store.create(spec(&["23"])?, at(1)?).await.map_err(text)?;
    let mut position = writer.position();
    for kind in [EventKind::Waited, intention(&["23"])?, lost(), EventKind::OutOfTime] {
        let appended = append(&mut *writer, kind).await?;
        ensure(appended == writer.position(), "the writer is somewhere else")?;
        ensure(appended.entry == position.entry + 1, "an entry does not follow the last one")?;
        let stored = store.load(writer.run()).await.map_err(text)?;
        ensure(stored.position() == appended, "it is not the last entry")?;
        ensure(stored.contains(&position), "the entry before is gone")?;
        position = appended;
    }
    let stored = store.load(writer.run()).await.map_err(text)?;
    ensure(stored.report.packages.iter().all(|it| it.sent), "the intention is not told")
}

async fn claimed(store: &dyn RunStore) -> Held {
    let first = store.create(spec(&["23", "24"])?, at(1)?).await.map_err(text)?;
    let mut elsewhere = spec(&["24", "25"])?;
    elsewhere.destination.endpoint = "https://other.example.com".to_owned();
    match store.create(elsewhere, at(2)?).await {
        Err(StoreError::Conflict { run, packages, other_endpoint, .. }) => {
            ensure(run == *first.run(), "the conflict is with another run")?;
            ensure(packages == ["24".parse().map_err(text)?], "other packages conflict")?;
            ensure(other_endpoint.is_some(), "the other address is not told")?;
        }
        other => return Err(format!("{other:?}")),
    }
    ensure(store.list().await.map_err(text)?.len() == 1, "the refused run was recorded")?;
    let mut workspace = spec(&["24"])?;
    workspace.destination.workspace = "other".parse().map_err(text)?;
    store.create(workspace, at(2)?).await.map_err(text)?;
    store.create(spec(&["25"])?, at(2)?).await.map_err(text)?;
    Ok(())
}

async fn over(store: &dyn RunStore) -> Held {
    let mut writer = store.create(spec(&["23"])?, at(1)?).await.map_err(text)?;
    append(&mut *writer, given_up(&["23"])?).await?;
    writer.finish().await.map_err(text)?;
    let stored = store.load(writer.run()).await.map_err(text)?;
    ensure(!stored.is_open(), "it is open")?;
    ensure(stored.position() == writer.position(), "its end is somewhere else")?;
    store.create(spec(&["23"])?, at(1)?).await.map_err(text)?;
    ensure(store.list().await.map_err(text)?.len() == 2, "there are not two runs")
}

async fn at_once(store: &dyn RunStore) -> Held {
    let (first, second) = (spec(&["23"])?, spec(&["23", "24"])?);
    let both = join(store.create(first, at(1)?), store.create(second, at(1)?)).await;
    match both {
        (Ok(_), Err(StoreError::Conflict { .. })) | (Err(StoreError::Conflict { .. }), Ok(_)) => {
            Ok(())
        }
        both => Err(format!("{both:?}")),
    }
}

async fn taken_over(store: &dyn RunStore) -> Held {
    let mut writer = store.create(spec(&["23"])?, at(1)?).await.map_err(text)?;
    let left = append(&mut *writer, intention(&["23"])?).await?;
    let run = writer.run().clone();
    drop(writer);
    let taken = store.take_over(&run, Some(&left)).await.map_err(text)?;
    let TakenOver { mut writer, rollout } = taken;
    ensure(writer.position() == left, "it is at another position")?;
    ensure(rollout.report().packages.iter().all(|it| it.sent), "the intention is gone")?;
    let options = &rollout.spec().options;
    let resumed = EventKind::Resumed {
        grace: options.grace,
        poll_interval: options.poll_interval,
        other_endpoint: None,
    };
    let next = append(&mut *writer, resumed).await?;
    let stored = store.load(&run).await.map_err(text)?;
    ensure(stored.position() == next && stored.contains(&left), "the entries do not follow")
}

/// Whoever writes it keeps others away, or cannot go on once another one has come.
async fn fenced(store: &dyn RunStore) -> Held {
    let mut first = store.create(spec(&["23"])?, at(1)?).await.map_err(text)?;
    let run = first.run().clone();
    let mut second = match store.take_over(&run, None).await {
        Ok(taken) => taken.writer,
        Err(StoreError::InUse { .. }) => return Ok(()),
        Err(error) => return Err(text(error)),
    };
    let written = append(&mut *first, intention(&["23"])?).await;
    ensure(written.is_err(), "two writers have appended")?;
    append(&mut *second, EventKind::Waited).await.map(drop)
}

async fn outdated(store: &dyn RunStore) -> Held {
    let mut writer = store.create(spec(&["23"])?, at(1)?).await.map_err(text)?;
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
        ensure(refused, "a position that it does not hold was accepted")?;
    }
    store.take_over(&run, Some(&known)).await.map_err(text)?;
    Ok(())
}

async fn not_there(store: &dyn RunStore) -> Held {
    let run = "20200101-000000-0000".parse().map_err(text)?;
    let (loaded, taken) = (store.load(&run).await, store.take_over(&run, None).await);
    ensure(matches!(loaded, Err(StoreError::NoSuchRun { .. })), "it was loaded")?;
    ensure(matches!(taken, Err(StoreError::NoSuchRun { .. })), "it was taken over")
}

async fn append(writer: &mut dyn RunWriter, kind: EventKind) -> Result<super::Position, String> {
    let durability = durability(&kind);
    let event = Event::new(at(2)?, kind);
    writer.append(&event, durability).await.map_err(text)
}

fn spec(packages: &[&str]) -> Result<RunSpec, String> {
    let project = "b384b9e9ab9b4ee8994c8633aabc9505".parse().map_err(text)?;
    let workspace = "default".parse().map_err(text)?;
    let destination = Destination::new("https://dayu.example.com", project, workspace);
    let packages = Selection::from(ids(packages)?);
    Ok(RunSpec::new(destination, packages, Options::new(dls_model::JobStart::Later)))
}

fn ids(packages: &[&str]) -> Result<PackageIds, String> {
    let ids: Result<Vec<_>, _> = packages.iter().map(|id| id.parse()).collect();
    PackageIds::new(ids.map_err(text)?).map_err(text)
}

fn intention(packages: &[&str]) -> Result<EventKind, String> {
    Ok(EventKind::SendIntended { packages: ids(packages)?, signed_at: at(2)?, with_token: false })
}

fn lost() -> EventKind {
    EventKind::SendFailed { failure: SendError::Lost("a reset".to_owned()) }
}

fn given_up(packages: &[&str]) -> Result<EventKind, String> {
    Ok(EventKind::Forgotten {
        packages: ids(packages)?.iter().copied().collect(),
        by: "the conformance suite".to_owned(),
        no_fence: false,
    })
}

/// So many seconds after a time of no importance.
fn at(seconds: i64) -> Result<Timestamp, String> {
    let time = Timestamp::from_millis(1_747_106_000_000 + 1000 * seconds);
    time.ok_or_else(|| "no time".to_owned())
}

fn ensure(holds: bool, found: &str) -> Held {
    if holds { Ok(()) } else { Err(found.to_owned()) }
}

fn text(error: impl fmt::Display) -> String {
    error.to_string()
}

/// Both at once, on one task.
async fn join<A, B>(first: impl Future<Output = A>, second: impl Future<Output = B>) -> (A, B) {
    let (mut first, mut second) = (pin!(first), pin!(second));
    let (mut a, mut b) = (None, None);
    poll_fn(|context| {
        if a.is_none()
            && let Poll::Ready(value) = first.as_mut().poll(context)
        {
            a = Some(value);
        }
        if b.is_none()
            && let Poll::Ready(value) = second.as_mut().poll(context)
        {
            b = Some(value);
        }
        match (a.take(), b.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            (left, right) => {
                (a, b) = (left, right);
                Poll::Pending
            }
        }
    })
    .await
}
