//! A made-up repository, in which the command runs.

use std::{fs, path::Path};

use xshell::{Shell, cmd};

/// A shell in the repository's top folder.
pub(crate) struct Repository(pub(crate) Shell);

impl Repository {
    /// In a folder that is emptied first.
    pub(crate) fn new(name: &str) -> Self {
        let _ = fs::remove_dir_all(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name));
        Self::kept(name)
    }

    /// In a folder in which stays what was built before.
    pub(crate) fn kept(name: &str) -> Self {
        let (sh, folder) =
            (Shell::new().unwrap(), Path::new(env!("CARGO_TARGET_TMPDIR")).join(name));
        sh.create_dir(&folder).unwrap();
        sh.change_dir(folder);
        Self(sh)
    }

    /// A copy of our own repository as it stands in the working tree, with a history that begins there.
    pub(crate) fn everything(name: &str) -> Self {
        let copy = Self::new(name);
        xtask::copy(&xtask::root(), &copy.0.current_dir()).unwrap();
        copy.init();
        copy
    }

    pub(crate) fn read(&self, file: &str) -> String {
        self.0.read_file(file).unwrap()
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        self.0.write_file(file, text).unwrap();
    }

    pub(crate) fn replace(&self, file: &str, from: &str, to: &str) {
        let text = self.read(file);
        assert!(text.contains(from), "{file} has no `{from}`");
        self.write(file, &text.replacen(from, to, 1));
    }

    pub(crate) fn git(&self, words: &str) -> String {
        let words = words.split(' ');
        cmd!(self.0, "git {words...}").read().unwrap()
    }

    /// A history that begins here.
    pub(crate) fn init(&self) {
        self.git("init --quiet");
        for setting in ["user.name x", "user.email x", "commit.gpgsign false", "tag.gpgsign false"]
        {
            self.git(&format!("config {setting}"));
        }
        self.commit();
    }

    pub(crate) fn commit(&self) {
        self.git("add --all");
        self.git("commit --quiet -m made-up");
    }

    /// Runs the command, which must succeed, and gives what it printed.
    pub(crate) fn passes(&self, words: &str) -> String {
        let (success, text) = self.xtask(words);
        assert!(success, "{words} failed: {text}");
        text
    }

    /// Runs the command, which must fail and say why.
    pub(crate) fn fails(&self, words: &str, why: &[&str]) -> String {
        let (success, text) = self.xtask(words);
        assert!(!success, "{words} passed: {text}");
        for why in why {
            assert!(text.contains(why), "no `{why}` in:\n{text}");
        }
        text
    }

    fn xtask(&self, words: &str) -> (bool, String) {
        let (xtask, words) = (env!("CARGO_BIN_EXE_xtask"), words.split(' '));
        let output = cmd!(self.0, "{xtask} {words...}")
            // From it xtask knows the top folder.
            .env("CARGO_MANIFEST_DIR", self.0.current_dir().join("xtask"))
            .env("CARGO_NET_OFFLINE", "true")
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("CI")
            .ignore_status()
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }
}
