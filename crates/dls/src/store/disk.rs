//! The disk under a [`FileStore`](super::FileStore): the machine's, or a simulated one that loses and tears writes.

mod os;

use std::fmt;
use std::io;
use std::path::Path;

use super::BoxFuture;

pub use os::OsDisk;

/// Directories and files. The store decides what is written and flushed, and when.
///
/// Without a flush, a crash loses what was appended, created, renamed or removed: [`DiskFile::flush`] makes the bytes
/// of a file durable, [`Disk::sync_dir`] makes names durable.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Creates a directory and its missing parents, accessible to the owner only, and makes their names durable.
    fn create_dir<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, io::Result<()>>;

    /// The names in a directory, in any order. Names that are not UTF-8 may be omitted.
    fn names<'a>(&'a self, directory: &'a Path) -> BoxFuture<'a, io::Result<Vec<String>>>;

    /// Opens a file. A new file is accessible to the owner only.
    fn open<'a>(
        &'a self,
        path: &'a Path,
        mode: OpenMode,
    ) -> BoxFuture<'a, io::Result<Box<dyn DiskFile>>>;

    /// The file at a path, without following a symbolic link.
    fn state<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, io::Result<FileState>>;

    /// Renames a file, and replaces a file of the new name.
    fn rename<'a>(&'a self, from: &'a Path, to: &'a Path) -> BoxFuture<'a, io::Result<()>>;

    /// Removes a file.
    fn remove<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, io::Result<()>>;

    /// Makes the names in a directory durable.
    fn sync_dir<'a>(&'a self, directory: &'a Path) -> BoxFuture<'a, io::Result<()>>;

    /// A random number, to distinguish runs of the same second.
    fn random(&self) -> u64;
}

/// An open file. A lock on it ends when it is dropped.
pub trait DiskFile: fmt::Debug + Send + Sync {
    /// Reads the whole file.
    fn read(&mut self) -> BoxFuture<'_, io::Result<Vec<u8>>>;

    /// Appends these bytes. After an error, any part of them may have been written.
    fn append(&mut self, bytes: Vec<u8>) -> BoxFuture<'_, io::Result<()>>;

    /// Truncates it to this length in bytes.
    fn truncate(&mut self, length: u64) -> BoxFuture<'_, io::Result<()>>;

    /// Makes its bytes and its length durable.
    fn flush(&mut self) -> BoxFuture<'_, io::Result<()>>;

    /// The state of the open file, whatever its name is now.
    fn state(&mut self) -> BoxFuture<'_, io::Result<FileState>>;

    /// Locks it exclusively, without waiting; `false` if another handle holds the lock.
    fn try_lock(&mut self) -> BoxFuture<'_, io::Result<bool>>;
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OpenMode {
    /// For reading.
    Read,
    /// For reading and appending.
    Append,
    /// For reading and appending; the file must not exist.
    CreateNew,
    /// For reading and appending; the file is created if it is missing.
    Create,
}

/// The identity and length of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileState {
    /// Device and inode (Unix: `st_dev` and `st_ino`).
    pub identity: (u64, u64),
    /// Its length in bytes.
    pub length: u64,
    /// Whether it is a regular file: not a directory, symbolic link, pipe or device.
    pub is_file: bool,
}
