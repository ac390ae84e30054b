//! Plays cases: a client and an emulator of its own for each, all of a group at once, with everything
//! logged.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use dls::rollout::{NotSent, Options, PackageOutcome, PollInterval, Report};
use dls::transport::credentials::Token;
use dls::transport::{Limits, Rate, Roots};
use dls::{Client, FileStore, JobStart, Selection};
use dls_emulator::{Claim, Emulator, FaultPlan, History, Initiator, Ledger, RateLimit};
use dls_tests::key;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::cases::{Case, Connection, Identity};

/// So many cases are played at a time: mostly they wait, but not for each other.
const AT_ONCE: usize = 24;
const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// How long a condition is waited for.
const SOON: Duration = Duration::from_secs(10);

/// What must be in no text: the keys and the token of the emulator's state, and what a signature and a
/// token stand behind in a request.
const SECRETS: [&str; 5] =
    ["example-secret-key", "example-developer-key", "example-token", "Signature=", "x-auth-token:"];

/// Plays these cases and tells all that went otherwise.
pub(crate) async fn play(cases: &[Case]) {
    let log = tempfile::NamedTempFile::new().unwrap();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.reopen().unwrap())
        .finish();
    let logging = tracing::subscriber::set_default(subscriber);
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut runs = JoinSet::new();
    for case in cases {
        for connection in case.connections() {
            let (case, permits) = (case.clone(), Arc::clone(&permits));
            runs.spawn(async move {
                let _permit = permits.acquire().await;
                one(case, connection).await
            });
        }
    }
    let mut wrong = runs.join_all().await;
    wrong.retain(|problems| !problems.is_empty());
    drop(logging);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let log = std::fs::read_to_string(log.path()).unwrap();
    assert!(log.contains("attempt done"), "nothing was logged");
    for secret in SECRETS {
        assert!(!log.contains(secret), "{secret:?} was logged");
    }
}

/// Plays one case; an empty text says that all was as it should be.
async fn one(case: Case, connection: Connection) -> String {
    let elsewhere = Emulator::builder().start(ANY_PORT).await.unwrap();
    let faults = case.plan(elsewhere.base_url());
    let emulator = emulator(&case, connection, &faults).await;
    let client = client(&case, &emulator);
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path()).await.unwrap();

    let (started_at, since) = (client.transport().now(), Instant::now());
    let ids = ids(&case);
    let run = client.rollout(Selection::new(ids.clone()).unwrap(), options(&case));
    let run = run.unwrap().with_store(&store).await.unwrap();
    let mut run = run.with_timeout(case.timeout());
    let mut events = Vec::new();
    while let Some(event) = run.next_event().await {
        events.push(event);
    }
    let (report, at) = (run.report(), client.transport().now());
    let ended_in = since.elapsed();
    let ledger = settled(&emulator).await;

    let mut problems = String::new();
    let ended = ended(&report, &ledger);
    if !case.ends.contains(&ended) {
        let _ = writeln!(problems, "ended in {ended:?}");
    }
    let other = elsewhere.ledger();
    if (other.connections, other.requests.len()) != (0, 0) {
        let _ = writeln!(problems, "another server received a request");
    }
    let claims = report.packages.iter().map(|package| Claim {
        package: package.id.to_string(),
        outcome: dls_tests::outcome(package.outcome.as_ref().unwrap()).to_owned(),
        at,
    });
    let history = History {
        started_at,
        ids: ids.iter().map(ToString::to_string).collect(),
        sends: dls_tests::sends(&events),
        consents: Vec::new(),
        claims: claims.collect(),
        ledger,
        elapsed: ended_in,
        limit: case.timeout(),
        texts: vec![
            journal_texts(folder.path()),
            format!("{client:?} {run:?} {report:?} {events:?}"),
        ],
        secrets: SECRETS.map(str::to_owned).into(),
    };
    for violation in dls_emulator::check(&history) {
        let _ = writeln!(problems, "{violation}");
    }
    if !problems.is_empty() {
        problems = format!("\nrows {:?}, {connection:?}:\n{faults}\n{problems}", case.rows);
        let outcomes = report.packages.iter().map(|package| &package.outcome);
        let _ = writeln!(problems, "{:?}", outcomes.take(3).collect::<Vec<_>>());
    }
    problems
}

async fn emulator(case: &Case, connection: Connection, faults: &str) -> Emulator {
    let mut builder = Emulator::builder()
        .release_time(Duration::from_millis(60))
        .rate_limit(RateLimit::Off)
        .extra_packages(case.many.unwrap_or(0))
        .faults(FaultPlan::from_toml(faults).unwrap_or_else(|error| panic!("{error}\n{faults}")))
        .tls(connection == Connection::Tls);
    for (name, value) in &case.assume {
        builder = builder.assume(name, value).unwrap();
    }
    builder.start(ANY_PORT).await.unwrap()
}

fn client(case: &Case, emulator: &Emulator) -> Client {
    let credentials = match case.credentials {
        Identity::Key => key("AKIDEXAMPLE", SECRETS[0]),
        Identity::WrongKey => key("AKIDEXAMPLE", SECRETS[1]),
        Identity::Developer => key("AKIDDEVELOPER", SECRETS[1]),
        Identity::Token => Token::new(SECRETS[2]).unwrap().into(),
    };
    let read_timeout = case.read_timeout();
    let mut limits = Limits::default();
    limits.tls = read_timeout;
    limits.read_head = read_timeout;
    limits.write_head = read_timeout;
    limits.body_idle = read_timeout;
    limits.body_bytes = 64 << 10;
    let twice = NonZeroU32::MIN.saturating_add(1);
    let builder = dls_tests::client(emulator.base_url(), credentials)
        .configure(|transport| transport.limits(limits).max_attempts(twice))
        .configure(|transport| transport.rate(Rate::Unlimited).jitter_seed(1));
    let builder = match emulator.ca_certificate_pem() {
        Some(pem) => builder.configure(|transport| transport.roots(Roots::Pem(pem.into()))),
        None => builder,
    };
    builder.build().unwrap()
}

fn ids(case: &Case) -> Vec<dls::PackageId> {
    let ids: Vec<u64> = match case.many {
        Some(many) => (1001..1001 + u64::from(many)).collect(),
        None => case.packages.clone(),
    };
    let ids = ids.into_iter().map(dls::PackageId::try_from);
    ids.map(Result::unwrap).collect()
}

fn options(case: &Case) -> Options {
    let mut options = Options::new(JobStart::Later);
    options.grace = case.grace();
    options.poll_interval = PollInterval::new(Duration::from_millis(20), Duration::from_millis(50));
    options
}

/// What became of the run, and what the emulator counted, in one line.
fn ended(report: &Report, ledger: &Ledger) -> String {
    let outcomes = report.packages.iter().map(|package| {
        let outcome = package.outcome.as_ref().unwrap();
        let why = match outcome {
            PackageOutcome::Refused { error, .. }
            | PackageOutcome::NotSent(NotSent::ObserveRefused(error)) => {
                format!("({:?})", error.meaning())
            }
            PackageOutcome::NotSent(why) => {
                let why = format!("{why:?}");
                format!("({})", why.split(|c: char| !c.is_alphanumeric()).next().unwrap())
            }
            _ => String::new(),
        };
        dls_tests::outcome(outcome).to_owned() + &why
    });
    let ours = report.packages.iter().filter(|package| package.ours).count();
    let requests = ledger.requests.iter();
    let deploys =
        requests.filter(|it| it.operation == Some("deploy") && it.by == Initiator::Client);
    let releases = ledger.releases.iter().filter(|it| it.by != Initiator::Other);
    format!(
        "{:?}, {}; deploys {}, releases {}, ours {ours}",
        report.outcome,
        dls_tests::count(outcomes),
        deploys.count(),
        releases.count(),
    )
}

/// The ledger once each copy that is on its way has come.
async fn settled(emulator: &Emulator) -> Ledger {
    let deadline = Instant::now() + SOON;
    loop {
        let ledger = emulator.ledger();
        let copied = ledger.requests.iter().filter(|it| it.faults.contains(&"copy".to_owned()));
        let copies = ledger.requests.iter().filter(|it| it.by == Initiator::Copy);
        if copies.count() >= copied.count() {
            return ledger;
        }
        assert!(Instant::now() < deadline, "a copy never came");
        tokio::task::yield_now().await;
    }
}

/// All files of the journal.
fn journal_texts(folder: &std::path::Path) -> String {
    let files = std::fs::read_dir(folder).unwrap();
    let texts = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    texts.collect()
}
