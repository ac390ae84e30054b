//! An emulator, a client of it, and a store that vanishes with the test.

use std::path::PathBuf;
use std::time::Duration;

use dls::rollout::{Destination, Options, PollInterval, RunSpec};
use dls::transport::credentials::{AccessKey, Credentials, SecretKey};
use dls::{Client, FileStore, JobStart, PackageId, PackageIds, Resume, Run, RunId, Selection};
use dls_emulator::{Emulator, EmulatorBuilder, RateLimit};
use tempfile::TempDir;

const PROJECT: &str = "b384b9e9ab9b4ee8994c8633aabc9505";
pub(crate) const SECRET: &str = "example-secret-key";

pub(crate) struct Bench {
    pub(crate) emulator: Emulator,
    pub(crate) client: Client,
    pub(crate) folder: TempDir,
}

impl Bench {
    /// Releases take so long.
    pub(crate) async fn new(release_time: Duration) -> Self {
        Self::of(Emulator::builder().release_time(release_time)).await
    }

    pub(crate) async fn of(builder: EmulatorBuilder) -> Self {
        let builder = builder.rate_limit(RateLimit::Off);
        let emulator = builder.start("127.0.0.1:0".parse().unwrap()).await.unwrap();
        Self {
            client: client(&emulator, "default"),
            emulator,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) async fn store(&self) -> FileStore {
        FileStore::open(self.runs()).await.unwrap()
    }

    fn runs(&self) -> PathBuf {
        self.folder.path().join("runs")
    }

    pub(crate) async fn run(&self, packages: &[u64]) -> Run {
        let run = self.client.rollout(selection(packages), quick()).unwrap();
        run.with_store(&self.store().await).await.unwrap()
    }

    /// A run that was dropped after an event of this kind.
    pub(crate) async fn left_at(&self, event: &str, packages: &[u64]) -> RunId {
        let mut run = self.run(packages).await;
        until(&mut run, event).await;
        run.id().unwrap().clone()
    }

    pub(crate) async fn resume(&self, run: &RunId) -> Run {
        let store = self.store().await;
        self.client.resume(&store, run, Resume::default()).await.unwrap()
    }

    /// The releases that the emulator has accepted.
    pub(crate) fn releases(&self) -> usize {
        self.emulator.ledger().releases.len()
    }

    pub(crate) fn requests(&self, operation: &str) -> usize {
        let requests = self.emulator.ledger().requests;
        let named = requests.iter().filter(|it| it.operation == Some(operation));
        named.count()
    }

    /// The file of a run, whether it is over or not.
    pub(crate) fn file(&self, run: &RunId) -> PathBuf {
        let folder = self.runs();
        let open = folder.join(format!("{run}.jsonl"));
        if open.exists() {
            return open;
        }
        folder.join(format!("{run}.done.jsonl"))
    }
}

pub(crate) fn client(emulator: &Emulator, workspace: &str) -> Client {
    client_of(emulator.base_url(), workspace)
}

pub(crate) fn client_of(base_url: &str, workspace: &str) -> Client {
    let key = AccessKey::new("AKIDEXAMPLE", SecretKey::new(SECRET).unwrap()).unwrap();
    Client::builder()
        .endpoint(base_url.parse().unwrap())
        .project_id(PROJECT.parse().unwrap())
        .workspace(workspace.parse().unwrap())
        .credentials(Credentials::from(key))
        .configure(|transport| transport.rate(dls::transport::Rate::Unlimited))
        .build()
        .unwrap()
}

pub(crate) fn quick() -> Options {
    let poll_interval = PollInterval::new(Duration::from_millis(20), Duration::from_millis(50));
    let mut options = Options::new(JobStart::Later);
    options.poll_interval = poll_interval;
    options
}

pub(crate) fn quick_with(set: impl FnOnce(&mut Options)) -> Options {
    let mut options = quick();
    set(&mut options);
    options
}

pub(crate) fn selection(packages: &[u64]) -> Selection {
    Selection::new(packages.iter().map(|it| id(*it))).unwrap()
}

pub(crate) fn ids(packages: &[u64]) -> PackageIds {
    PackageIds::new(packages.iter().map(|it| id(*it))).unwrap()
}

/// What a run of these packages is created with that reaches no service over a network.
pub(crate) fn spec(packages: &[u64]) -> RunSpec {
    let (project, workspace) = (PROJECT.parse().unwrap(), "default".parse().unwrap());
    let destination = Destination::new("https://dayu.example.com", project, workspace);
    RunSpec::new(destination, selection(packages), Options::new(JobStart::Later))
}

pub(crate) fn id(package: u64) -> PackageId {
    PackageId::try_from(package).unwrap()
}

/// Goes on until something of this kind has happened.
pub(crate) async fn until(run: &mut Run, kind: &str) {
    loop {
        let event = run.next_event().await.unwrap();
        let what = serde_json::to_value(&event.kind).unwrap();
        let named = what.as_str().map(str::to_owned);
        let named = named.or_else(|| what.as_object()?.keys().next().cloned());
        if named.as_deref() == Some(kind) {
            return;
        }
    }
}
