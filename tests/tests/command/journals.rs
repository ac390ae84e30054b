//! Where runs are recorded.

use std::time::Duration;

use crate::bench::*;

#[test]
fn the_journal_is_in_the_state_folder_by_default() {
    let bench = Bench::quick();
    let [home, state] = ["home", "state"].map(|name| bench.path(name).display().to_string());
    let (home, state) = (home.as_str(), state.as_str());
    let runs = |folder: &str| {
        let entries = std::fs::read_dir(bench.path(folder)).into_iter().flatten();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.extension().is_some_and(|it| it == "jsonl")).count()
    };
    for (variables, args, folder) in [
        (vec![("HOME", home)], "", "home/.local/state/dls/runs"),
        (vec![("HOME", home), ("XDG_STATE_HOME", state)], "", "state/dls/runs"),
        // A relative folder is none: nothing is ever kept in the working directory.
        (vec![("HOME", home), ("XDG_STATE_HOME", "state")], "", "home/.local/state/dls/runs"),
        (vec![("HOME", home), ("DLS_JOURNAL", "variable")], "", "variable"),
        (vec![("DLS_JOURNAL", "variable")], "--journal flag", "flag"),
        (vec![("DLS_JOURNAL", "off")], "", "off"),
        (vec![("DLS_JOURNAL", "variable")], "--journal off", "off"),
    ] {
        let (before, is_off) = (runs(folder), folder == "off");
        let mut command = bench.dls_with([], &format!("deploy 41 --no-start {args}"));
        let output = ended(0, command.env_remove("DLS_JOURNAL").envs(variables));
        assert_eq!(runs(folder), before + usize::from(!is_off), "{args} {folder}");
        assert_eq!(stderr(&output).contains("--journal off"), is_off, "{args} {folder}");
    }
    let folders = ["home/.local/state/dls/runs", "state/dls/runs", "variable", "flag"];
    assert_eq!(folders.map(runs), [2, 1, 1, 1], "no run is recorded twice");
    assert!(!bench.path("off").exists());
}

#[test]
fn reading_a_journal_creates_and_writes_nothing() {
    let bench = Bench::quick();
    let output = bench.ends(0, "history -o json");
    assert_eq!(json(&output)["runs"], serde_json::json!([]));
    says(&output, "there is no journal at");
    let output = bench.ends(5, "resume");
    assert!(next_line(&output, "history").contains("--journal"));
    assert!(!bench.journal().exists());
    // What is kept as evidence may be where nobody can write.
    bench.run("deploy 23 --no-start");
    std::fs::remove_file(bench.journal().join(".lock")).unwrap();
    let output = bench.run("history");
    assert_eq!(stdout(&output).lines().count(), 1, "{}", stderr(&output));
    assert!(!bench.journal().join(".lock").exists());
}

#[test]
fn without_a_directory_for_the_journal_nothing_is_sent() {
    let bench = Bench::quick();
    bench.write("file", "");
    let file = bench.path("file/runs").display().to_string();
    for variables in [
        vec![],
        vec![("HOME", "")],
        vec![("HOME", "home"), ("XDG_STATE_HOME", ".")],
        vec![("HOME", file.as_str())],
        vec![("DLS_JOURNAL", file.as_str())],
        vec![("DLS_JOURNAL", "/proc/runs")],
    ] {
        let mut command = bench.dls_with([], "deploy 23 --no-start -o json");
        let output = ended(9, command.env_remove("DLS_JOURNAL").envs(variables));
        assert_eq!(stderr(&output).lines().count(), 2, "{}", stderr(&output));
        says(&output, "--journal DIR");
        assert_eq!(outcomes(&json(&output)), ["not-sent"]);
    }
    assert_eq!(bench.requests(), 0);
}

#[test]
fn with_an_emulator_of_its_own_a_command_leaves_no_journal_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = bare();
    command.env("TMPDIR", folder.path());
    let args = ["--emulator", "deploy", "23", "--no-start", "-o", "json"];
    let output = ended(0, command.args(args));
    assert!(json(&output)["run_id"].is_string());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn without_a_journal_the_next_steps_name_packages_and_no_run() {
    let bench = Bench::new(Duration::from_secs(60));
    let output = bench.ends(8, "deploy 23 --no-start --timeout 500ms --journal off -o json");
    let document = json(&output);
    assert!(document["run_id"].is_null());
    assert_eq!(document["outcome"], "pending");
    assert_eq!(bench.releases(), 1);
    assert_eq!(next_line(&output, "watch"), "watch 23");
    // With one, the run can be taken up.
    let output = bench.ends(8, "deploy 24 --no-start --timeout 500ms");
    assert!(next_line(&output, "resume").contains("--journal"));
}

/// Runs the command as somebody whom permissions hold back, also where the tests run as root.
fn as_nobody(bench: &Bench, args: &str) -> std::process::Output {
    use std::os::unix::fs::MetadataExt as _;
    use std::os::unix::process::CommandExt as _;
    const NOBODY: u32 = 65534;
    let mut command = bench.dls();
    if std::fs::metadata(bench.path(".")).unwrap().uid() == 0 {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.args(args.split_whitespace()).output().unwrap()
}

/// Gives a folder and all in it to whom `as_nobody` runs the command as.
fn give_away(folder: &std::path::Path) {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
    if std::fs::metadata(folder).unwrap().uid() != 0 {
        return;
    }
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder, open).unwrap();
    let runs = folder.join("runs");
    let files = std::fs::read_dir(&runs).unwrap();
    let files = files.map(|file| file.unwrap().path());
    for path in files.chain([runs.clone()]) {
        chown(path, Some(65534), Some(65534)).unwrap();
    }
}

#[test]
fn without_permissions_on_the_journal_nothing_is_sent() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::new(LONG);
    bench.ends(8, "deploy 23 --no-start --timeout 500ms");
    give_away(&bench.path("."));
    let (runs, file) = (bench.journal(), bench.run_files().remove(0));
    let before = bench.requests_to("deploy");
    let resume = "resume --timeout 500ms";
    let deploy = "deploy 12 --no-start --timeout 500ms";
    for (path, mode, ways) in [
        (&runs, 0o500, [(deploy, 9), ("history", 0)]),
        (&runs, 0o600, [(deploy, 9), ("history", 9)]),
        (&file, 0o400, [(resume, 9), ("history", 0)]),
        (&file, 0o000, [(deploy, 9), ("history", 9)]),
    ] {
        let was = std::fs::metadata(path).unwrap().permissions();
        let now = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(path, now).unwrap();
        for (args, expected) in ways {
            let output = as_nobody(&bench, args);
            let said = stderr(&output);
            assert_eq!(code(&output), expected, "{mode:o} {args}: {said}");
            let is_told = said.contains("Permission denied");
            assert_eq!(is_told, expected == 9, "{mode:o} {args}: {said}");
        }
        std::fs::set_permissions(path, was).unwrap();
    }
    assert_eq!(bench.requests_to("deploy"), before);
    // Once it may, it goes on.
    let output = as_nobody(&bench, resume);
    assert_eq!(code(&output), 8, "{}", stderr(&output));
}

#[test]
fn a_journal_in_a_git_work_tree_gets_a_warning() {
    let bench = Bench::quick();
    let deploy = "deploy 41 --no-start";
    let output = bench.run(deploy);
    assert!(!stderr(&output).contains("git"), "{}", stderr(&output));
    std::fs::create_dir(bench.path(".git")).unwrap();
    let output = bench.ends(0, deploy);
    says(&output, "git work tree");
}
