//! The disk beneath a [`FileStore`](super::FileStore), as a seam: the machine's files are one
//! implementation, a simulation that loses, tears and refuses is another.

mod os;

use std::fmt;
use std::io;
use std::path::Path;

use super::BoxFuture;

pub use os::OsDisk;

/// A disk with directories and files. It decides nothing; what is written when, and what is flushed, is up to
/// the store.
///
/// What was appended, created, renamed or removed is lost in a crash unless it was made durable: the bytes
/// of a file by [`DiskFile::flush`], names by [`Disk::sync_dir`].
pub trait Disk: fmt::Debug + Send + Sync {
    /// Makes a directory and those above it that are missing, for the owner alone, and makes their
    /// names durable.
    fn create_dir<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, io::Result<()>>;

    /// The names in a directory, in any order. Names that are no UTF-8 may be left out.
    fn names<'a>(&'a self, directory: &'a Path) -> BoxFuture<'a, io::Result<Vec<String>>>;

    /// Opens a file. It is for the owner alone if it is new.
    fn open<'a>(
        &'a self,
        path: &'a Path,
        mode: OpenMode,
    ) -> BoxFuture<'a, io::Result<Box<dyn DiskFile>>>;

    /// What a path names, without following a symbolic link at its end.
    fn state<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, io::Result<FileState>>;

    /// Gives a file another name, in place of a file that may have it.
    fn rename<'a>(&'a self, from: &'a Path, to: &'a Path) -> BoxFuture<'a, io::Result<()>>;

    /// Removes the name of a file.
    fn remove<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, io::Result<()>>;

    /// Makes the names in a directory durable.
    fn sync_dir<'a>(&'a self, directory: &'a Path) -> BoxFuture<'a, io::Result<()>>;

    /// Any number, to tell runs of the same second apart.
    fn random(&self) -> u64;
}

/// An open file. A lock on it ends when it is dropped.
pub trait DiskFile: fmt::Debug + Send + Sync {
    /// All its bytes.
    fn read(&mut self) -> BoxFuture<'_, io::Result<Vec<u8>>>;

    /// Writes these bytes at its end. After an error any part of them may have been written.
    fn append(&mut self, bytes: Vec<u8>) -> BoxFuture<'_, io::Result<()>>;

    /// Cuts it to this length in bytes.
    fn truncate(&mut self, length: u64) -> BoxFuture<'_, io::Result<()>>;

    /// Makes its bytes and its length durable.
    fn flush(&mut self) -> BoxFuture<'_, io::Result<()>>;

    /// What it is, whatever name it has.
    fn state(&mut self) -> BoxFuture<'_, io::Result<FileState>>;

    /// Locks it for this handle alone; `false` if another one holds the lock. It does not wait.
    fn try_lock(&mut self) -> BoxFuture<'_, io::Result<bool>>;
}

/// What a file is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OpenMode {
    /// To be read.
    Read,
    /// To be read and appended to.
    Append,
    /// The same, and it must not exist yet.
    CreateNew,
    /// The same, whether it exists or not.
    Create,
}

/// Which file it is, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileState {
    /// The number of its file system, and its number there (Unix: `st_dev` and `st_ino`).
    pub identity: (u64, u64),
    /// Its length in bytes.
    pub length: u64,
    /// Whether it is a plain file: no directory, symbolic link, pipe or device.
    pub is_file: bool,
}
