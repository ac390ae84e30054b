//! A made-up repository, in which the command runs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

pub(crate) struct Repository(pub(crate) PathBuf);

impl Repository {
    /// In a folder that is emptied first.
    pub(crate) fn new(name: &str) -> Self {
        let folder = Self::kept(name);
        let _ = fs::remove_dir_all(&folder.0);
        fs::create_dir_all(&folder.0).unwrap();
        folder
    }

    /// In a folder in which stays what was built before.
    pub(crate) fn kept(name: &str) -> Self {
        Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name))
    }

    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.join(file)).unwrap()
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn replace(&self, file: &str, from: &str, to: &str) {
        let text = self.read(file);
        assert!(text.contains(from), "{file} has no `{from}`");
        self.write(file, &text.replacen(from, to, 1));
    }

    pub(crate) fn git(&self, words: &str) -> String {
        let output =
            Command::new("git").args(words.split(' ')).current_dir(&self.0).output().unwrap();
        assert!(output.status.success(), "git {words}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// A history that begins here.
    pub(crate) fn init(&self) {
        for words in [
            "init --quiet",
            "config user.name nobody",
            "config user.email nobody@localhost",
            "config commit.gpgsign false",
            "config tag.gpgsign false",
        ] {
            self.git(words);
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
        let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(words.split(' '))
            .current_dir(&self.0)
            // From it xtask knows the top folder.
            .env("CARGO_MANIFEST_DIR", self.0.join("xtask"))
            .env("CARGO_NET_OFFLINE", "true")
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("CI")
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }
}
