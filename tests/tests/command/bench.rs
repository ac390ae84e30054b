//! An emulator, the command with the settings of a user of it, and a temporary folder.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use dls_emulator::{Emulator, EmulatorBuilder, FaultPlan, RateLimit, Seed};
use dls_tests::Service;
pub(crate) use dls_tests::{PROJECT, bare_command as bare};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const SHORT: Duration = Duration::from_millis(50);
pub(crate) const LONG: Duration = Duration::from_secs(3600);

pub(crate) struct Bench {
    folder: TempDir,
    service: Service,
    pub(crate) url: String,
}

impl Bench {
    /// Releases take so long.
    pub(crate) fn new(release_time: Duration) -> Self {
        Self::of(Emulator::builder().release_time(release_time))
    }

    pub(crate) fn quick() -> Self {
        Self::new(SHORT)
    }

    /// The state that a transcript begins with, instead of the built-in one.
    pub(crate) fn seeded(packages: &str, release_time: Duration) -> Self {
        let seed = seed(packages);
        Self::of(Emulator::builder().seed(seed).release_time(release_time))
    }

    /// What goes wrong, in the form of a fault file.
    pub(crate) fn faulty(faults: &str, release_time: Duration) -> Self {
        let faults = FaultPlan::from_toml(faults).unwrap();
        let builder = Emulator::builder().release_time(release_time);
        Self::of(builder.faults(faults))
    }

    pub(crate) fn of(builder: EmulatorBuilder) -> Self {
        let service = Service::start(builder);
        let url = service.emulator.base_url().to_owned();
        Self { folder: tempfile::tempdir().unwrap(), service, url }
    }

    /// Another state at the same address, as if somebody had changed it meanwhile.
    pub(crate) fn becomes(self, packages: &str) -> Self {
        let Self { folder, service: Service { emulator, runtime }, url } = self;
        runtime.block_on(emulator.stop());
        let builder = Emulator::builder().seed(seed(packages)).release_time(SHORT);
        let address = url.strip_prefix("http://").unwrap().parse().unwrap();
        let emulator = builder.rate_limit(RateLimit::Off).start(address);
        let emulator = runtime.block_on(emulator).unwrap();
        Self { folder, service: Service { emulator, runtime }, url }
    }

    /// The command with the settings of a user of this emulator.
    pub(crate) fn dls(&self) -> Command {
        let mut command = dls_tests::command(&self.url, &self.journal());
        command.current_dir(self.folder.path());
        command
    }

    pub(crate) fn dls_with<'a>(
        &self,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
        args: &str,
    ) -> Command {
        let mut command = self.dls();
        command.envs(variables).args(args.split_whitespace());
        command
    }

    pub(crate) fn run(&self, args: &str) -> Output {
        self.dls().args(args.split_whitespace()).output().unwrap()
    }

    /// Runs the command, which must end with this exit code.
    #[track_caller]
    pub(crate) fn ends(&self, expected: i32, args: impl AsRef<str>) -> Output {
        let args = args.as_ref();
        ended(expected, self.dls().args(args.split_whitespace()))
    }

    /// A command that goes on while the test does.
    pub(crate) fn spawn(&self, args: &str) -> Child {
        let mut command = self.dls();
        command.args(args.split_whitespace());
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.folder.path().join("runs")
    }

    pub(crate) fn run_files(&self) -> Vec<PathBuf> {
        dls_tests::run_files(&self.journal())
    }

    /// The names of the runs in the journal.
    pub(crate) fn runs(&self) -> Vec<String> {
        let stems = self.run_files().into_iter().map(|path| path.file_stem().unwrap().to_owned());
        stems.map(|stem| stem.into_string().unwrap()).collect()
    }

    /// Kills this command once its run has an event of this kind; the name of the run.
    pub(crate) fn killed_at(&self, event: &str, args: &str) -> String {
        let (event, known) = (format!("\"{event}\""), self.runs());
        let child = self.spawn(args);
        let new = || self.runs().into_iter().find(|run| !known.contains(run));
        let text = |run: String| std::fs::read_to_string(self.run_file(&run)).unwrap_or_default();
        self.until(&event, |_| new().is_some_and(|run| text(run).contains(&event)));
        end_with(child, "-KILL");
        new().unwrap()
    }

    pub(crate) fn run_file(&self, run: &str) -> PathBuf {
        self.journal().join(format!("{run}.jsonl"))
    }

    pub(crate) fn journal_text(&self) -> String {
        dls_tests::journal_text(&self.journal())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The releases that the service has accepted.
    pub(crate) fn releases(&self) -> usize {
        self.ledger().releases.len()
    }

    /// How often the service has accepted a release of this package.
    pub(crate) fn releases_of(&self, package: &str) -> usize {
        let releases = self.ledger().releases;
        let of_it = releases.iter().filter(|it| it.package_id == package);
        of_it.count()
    }

    pub(crate) fn requests(&self) -> usize {
        self.ledger().requests.len()
    }

    pub(crate) fn requests_to(&self, operation: &str) -> usize {
        self.service.requests_to(operation)
    }

    fn ledger(&self) -> dls_emulator::Ledger {
        self.service.emulator.ledger()
    }

    /// Waits until this is so.
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        self.service.runtime.block_on(async {
            let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
            while !is_so(self) {
                assert!(tokio::time::Instant::now() < deadline, "never: {what}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
    }

    /// Waits until the journal holds an event of this kind.
    pub(crate) fn until_journal_has(&self, event: &str) {
        let event = format!("\"{event}\"");
        self.until(&event, |bench| bench.journal_text().contains(&event));
    }
}

/// Users and workspaces of the built-in state, and these packages.
fn seed(packages: &str) -> Seed {
    let (head, _) = Seed::BUILT_IN.split_once("[[packages]]").unwrap();
    Seed::from_toml(&format!("{head}\n{packages}")).unwrap()
}

/// Sends a signal to a command, and waits for its end.
pub(crate) fn end_with(child: Child, signal: &str) -> Output {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
    child.wait_with_output().unwrap()
}

/// Runs a command, which must end with this exit code.
#[track_caller]
pub(crate) fn ended(expected: i32, command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert_eq!(code(&output), expected, "{command:?}: {}", stderr(&output));
    output
}

/// The run that a document names.
pub(crate) fn run_id(output: &Output) -> String {
    json(output)["run_id"].as_str().unwrap().to_owned()
}

/// Stderr must contain this text.
#[track_caller]
pub(crate) fn says(output: &Output, text: impl AsRef<str>) {
    let (text, stderr) = (text.as_ref(), stderr(output));
    assert!(stderr.contains(text), "no {text:?} in {stderr}");
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}{}", stdout(output), stderr(output)))
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The outcome of each package, in order.
pub(crate) fn outcomes(document: &Value) -> Vec<&str> {
    let packages = document["packages"].as_array().unwrap().iter();
    packages.map(|it| it["outcome"].as_str().unwrap()).collect()
}

/// What a `next:` line of this output says to type, as arguments of `dls`.
pub(crate) fn next_line(output: &Output, verb: &str) -> String {
    let text = stderr(output);
    let start = format!("dls {verb}");
    let line = text.lines().find_map(|line| {
        let line = line.trim().strip_prefix("next: ")?;
        line.starts_with(&start).then(|| line.to_owned())
    });
    let line = line.unwrap_or_else(|| panic!("no `{start}` in {text}"));
    line.strip_prefix("dls ").unwrap().to_owned()
}
