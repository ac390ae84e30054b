//! What is on the disk, and what of it would outlive the machine.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};

use dls::store::FileState;
use fastrand::Rng;

/// Another name for the directory [`DIRECTORY`], as a symbolic link gives it.
pub(crate) const ALIAS: &str = "/link";
pub(crate) const DIRECTORY: &str = "/state";

/// What is wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    None,
    /// It takes effect, but so late that nobody waits for it.
    Stuck,
    /// It fails, and writes this share (of 256) of what it was to write.
    Fails(u8),
}

impl Trouble {
    pub(super) fn refused(self) -> io::Result<()> {
        match self {
            Self::Fails(_) => Err(io::Error::other("input/output error")),
            Self::None | Self::Stuck => Ok(()),
        }
    }
}

#[derive(Default)]
pub(crate) struct Platter {
    files: Vec<File>,
    /// Which file has which name; a directory has none.
    names: BTreeMap<PathBuf, Option<usize>>,
    /// The same as it would be after the machine went down.
    kept_names: BTreeMap<PathBuf, Option<usize>>,
}

#[derive(Default)]
struct File {
    bytes: Vec<u8>,
    /// The bytes that outlive the machine.
    kept: Vec<u8>,
    /// A flush failed when the file was so long: what had not been flushed is lost, whatever later flushes say.
    lost_up_to: usize,
    is_locked: bool,
}

impl Platter {
    pub(crate) fn create_dir(&mut self, path: &Path) {
        let path = plain(path);
        for directory in path.ancestors() {
            self.names.insert(directory.to_owned(), None);
            self.kept_names.insert(directory.to_owned(), None);
        }
    }

    pub(crate) fn names(&self, directory: &Path) -> io::Result<Vec<String>> {
        let directory = plain(directory);
        if !matches!(self.names.get(&directory), Some(None)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let inside = self.names.keys().filter(|name| name.parent() == Some(&directory));
        let names = inside.filter_map(|name| name.file_name()?.to_str());
        Ok(names.map(str::to_owned).collect())
    }

    pub(crate) fn find(&self, path: &Path) -> io::Result<usize> {
        let found = self.names.get(&plain(path)).copied().flatten();
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(crate) fn create(&mut self, path: &Path, is_new: bool) -> io::Result<usize> {
        let path = plain(path);
        match self.names.get(&path) {
            Some(_) if is_new => Err(io::ErrorKind::AlreadyExists.into()),
            Some(Some(inode)) => Ok(*inode),
            Some(None) => Err(io::ErrorKind::IsADirectory.into()),
            None if !matches!(path.parent().and_then(|it| self.names.get(it)), Some(None)) => {
                Err(io::ErrorKind::NotFound.into())
            }
            None => {
                self.files.push(File::default());
                let inode = self.files.len() - 1;
                self.names.insert(path, Some(inode));
                Ok(inode)
            }
        }
    }

    pub(crate) fn state(&self, inode: usize) -> io::Result<FileState> {
        let length = self.file(inode)?.bytes.len();
        Ok(FileState { identity: (1, inode as u64), length: length as u64, is_file: true })
    }

    pub(crate) fn read(&self, inode: usize) -> io::Result<Vec<u8>> {
        Ok(self.file(inode)?.bytes.clone())
    }

    pub(crate) fn append(&mut self, inode: usize, bytes: &[u8]) {
        if let Some(file) = self.files.get_mut(inode) {
            file.bytes.extend(bytes);
        }
    }

    pub(crate) fn truncate(&mut self, inode: usize, length: usize) {
        if let Some(file) = self.files.get_mut(inode) {
            file.bytes.truncate(length);
        }
    }

    /// A flush that fails has lost what it was to write, and a later one does not know of that.
    pub(crate) fn flush(&mut self, inode: usize, succeeds: bool) {
        let Some(file) = self.files.get_mut(inode) else {
            return;
        };
        if !succeeds {
            file.lost_up_to = file.bytes.len();
            return;
        }
        let mut kept = file.bytes.clone();
        let from = file.kept.len().min(kept.len());
        let lost = kept.get_mut(from..file.lost_up_to.max(from).min(file.bytes.len()));
        lost.unwrap_or_default().fill(0);
        file.kept = kept;
    }

    pub(crate) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let inode = self.find(from)?;
        self.names.remove(&plain(from));
        self.names.insert(plain(to), Some(inode));
        Ok(())
    }

    pub(crate) fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.find(path)?;
        self.names.remove(&plain(path));
        Ok(())
    }

    pub(crate) fn sync_dir(&mut self, directory: &Path) {
        let directory = plain(directory);
        let is_inside = |name: &PathBuf| name.parent() == Some(&directory);
        self.kept_names.retain(|name, _| !is_inside(name));
        let names = self.names.iter().filter(|(name, _)| is_inside(name));
        self.kept_names.extend(names.map(|(name, inode)| (name.clone(), *inode)));
    }

    pub(crate) fn lock(&mut self, inode: usize) -> bool {
        let file = self.files.get_mut(inode).filter(|file| !file.is_locked);
        file.map(|file| file.is_locked = true).is_some()
    }

    pub(crate) fn unlock(&mut self, inode: usize) {
        if let Some(file) = self.files.get_mut(inode) {
            file.is_locked = false;
        }
    }

    /// The machine goes down: of what was not made durable, anything may be lost, and the end of a file may
    /// be torn or full of zeros.
    pub(crate) fn lose(&mut self, rng: &mut Rng) {
        if rng.bool() {
            self.names.clone_from(&self.kept_names);
        }
        for file in &mut self.files {
            file.lose(rng);
        }
        self.kept_names.clone_from(&self.names);
    }

    /// One bit of one file is another.
    pub(crate) fn flip(&mut self, rng: &mut Rng) {
        let mut files: Vec<&mut File> = self.files.iter_mut().collect();
        files.retain(|file| !file.bytes.is_empty());
        if files.is_empty() {
            return;
        }
        let file = files.swap_remove(rng.usize(..files.len()));
        let place = rng.usize(..file.bytes.len());
        let bit = 1 << rng.u32(0..8);
        for bytes in [&mut file.bytes, &mut file.kept] {
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= bit;
            }
        }
    }

    /// All that was ever written and is still there.
    pub(crate) fn contents(&self) -> impl Iterator<Item = String> {
        let files = self.files.iter();
        files.map(|file| String::from_utf8_lossy(&file.bytes).into_owned())
    }

    fn file(&self, inode: usize) -> io::Result<&File> {
        let file = self.files.get(inode);
        file.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl File {
    fn lose(&mut self, rng: &mut Rng) {
        let kept = self.kept.len();
        let mut bytes = std::mem::take(&mut self.kept);
        let unflushed = self.bytes.get(kept..).unwrap_or_default();
        match rng.u8(0..4) {
            0 => {}
            1 => bytes.extend(unflushed),
            2 => bytes.extend(unflushed.iter().take(rng.usize(..=unflushed.len()))),
            _ => bytes.resize(kept + rng.usize(..=unflushed.len()), 0),
        }
        self.kept.clone_from(&bytes);
        self.bytes = bytes;
        self.lost_up_to = 0;
        self.is_locked = false;
    }
}

/// The one spelling of a path.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    match plain.strip_prefix(ALIAS) {
        Ok(rest) => Path::new(DIRECTORY).join(rest),
        Err(_) => plain,
    }
}
