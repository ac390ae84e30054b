//! An emulator, the command with the settings of a user of it, and a temporary folder.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use dls_emulator::{Emulator, EmulatorBuilder, FaultPlan, Ledger, RateLimit, Seed};
pub(crate) use dls_tests::PROJECT;
use dls_tests::SECRET;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub(crate) const SHORT: Duration = Duration::from_millis(50);
pub(crate) const LONG: Duration = Duration::from_secs(3600);

/// The path of the command, which is built first, or why it cannot be built.
static COMMAND: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build
        .args(["build", "--quiet", "--locked", "--package", "dls-cli"])
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    // They describe this package, and build scripts that read them would run again each time.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            build.env_remove(name);
        }
    }
    match build.status() {
        Ok(status) if status.success() => {}
        outcome => return Err(format!("the command cannot be built: {outcome:?}")),
    }
    let test = std::env::current_exe().map_err(|error| error.to_string())?;
    let folder = test.ancestors().nth(2).ok_or("the tests lie nowhere")?;
    Ok(folder.join("dls"))
});

/// The command without any settings.
pub(crate) fn bare() -> Command {
    let mut command = Command::new(COMMAND.as_ref().unwrap());
    command.env_clear();
    command
}

/// The command with the settings of a user of the emulator at this address.
pub(crate) fn command(url: &str, journal: &Path) -> Command {
    let mut command = bare();
    command
        .env("DLS_ENDPOINT", url)
        .env("DLS_WORKSPACE", "default")
        .env("DLS_JOURNAL", journal)
        .env("HUAWEICLOUD_SDK_PROJECT_ID", PROJECT)
        .env("HUAWEICLOUD_SDK_AK", "AKIDEXAMPLE")
        .env("HUAWEICLOUD_SDK_SK", SECRET);
    command
}

pub(crate) struct Bench {
    folder: TempDir,
    pub(crate) emulator: Emulator,
    pub(crate) url: String,
    // Dropped after the emulator, which runs on it.
    pub(crate) runtime: Runtime,
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
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let builder = builder.rate_limit(RateLimit::Off);
        let emulator = runtime.block_on(builder.start(([127, 0, 0, 1], 0).into())).unwrap();
        let url = emulator.base_url().to_owned();
        Self { folder, emulator, url, runtime }
    }

    /// Another state at the same address, as if somebody had changed it meanwhile.
    pub(crate) fn becomes(self, packages: &str) -> Self {
        let Self { folder, emulator, url, runtime } = self;
        runtime.block_on(emulator.stop());
        let builder = Emulator::builder().seed(seed(packages)).release_time(SHORT);
        let address = url.strip_prefix("http://").unwrap().parse().unwrap();
        let emulator = builder.rate_limit(RateLimit::Off).start(address);
        let emulator = runtime.block_on(emulator).unwrap();
        Self { folder, emulator, url, runtime }
    }

    /// The command with the settings of a user of this emulator.
    pub(crate) fn dls(&self) -> Command {
        let mut command = command(&self.url, &self.journal());
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

    /// The files of all runs in the journal, finished or not.
    pub(crate) fn run_files(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.journal()).into_iter().flatten();
        let paths = files.map(|file| file.unwrap().path());
        paths.filter(|path| path.extension().is_some_and(|it| it == "jsonl")).collect()
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
        let texts = self.run_files().into_iter().map(std::fs::read_to_string);
        texts.map(Result::unwrap_or_default).collect()
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
        let requests = self.ledger().requests;
        requests.iter().filter(|it| it.operation == Some(operation)).count()
    }

    pub(crate) fn ledger(&self) -> Ledger {
        self.emulator.ledger()
    }

    /// Waits until this is so.
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        self.runtime.block_on(async {
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
