//! The machine's disk. Calls block, so they run on threads for blocking work.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Disk, DiskFile, FileState, OpenMode};
use crate::store::BoxFuture;

/// The files of this machine, through `std::fs` and `spawn_blocking`.
///
/// It needs a tokio runtime, and panics outside of one. A call continues if its future is dropped.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsDisk;

impl Disk for OsDisk {
    fn create_dir<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, io::Result<()>> {
        let path = path.to_owned();
        blocking(move || create_dir(&path))
    }

    fn names<'a>(&'a self, directory: &'a Path) -> BoxFuture<'a, io::Result<Vec<String>>> {
        let directory = directory.to_owned();
        blocking(move || {
            let mut names = Vec::new();
            for entry in fs::read_dir(directory)? {
                names.extend(entry?.file_name().into_string().ok());
            }
            Ok(names)
        })
    }

    fn open<'a>(
        &'a self,
        path: &'a Path,
        mode: OpenMode,
    ) -> BoxFuture<'a, io::Result<Box<dyn DiskFile>>> {
        let path = path.to_owned();
        blocking(move || {
            let file: Box<dyn DiskFile> = Box::new(OsFile(Arc::new(open(&path, mode)?)));
            Ok(file)
        })
    }

    fn state<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, io::Result<FileState>> {
        let path = path.to_owned();
        blocking(move || Ok(state(&fs::symlink_metadata(path)?)))
    }

    fn rename<'a>(&'a self, from: &'a Path, to: &'a Path) -> BoxFuture<'a, io::Result<()>> {
        let (from, to) = (from.to_owned(), to.to_owned());
        blocking(move || fs::rename(from, to))
    }

    fn remove<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, io::Result<()>> {
        let path = path.to_owned();
        blocking(move || fs::remove_file(path))
    }

    fn sync_dir<'a>(&'a self, directory: &'a Path) -> BoxFuture<'a, io::Result<()>> {
        let directory = directory.to_owned();
        blocking(move || sync_dir(&directory))
    }

    fn random(&self) -> u64 {
        RandomState::new().hash_one(std::process::id())
    }
}

/// Shared with the thread that works on it, so that a lock is held until the work ends even if its future is dropped.
#[derive(Debug)]
struct OsFile(Arc<File>);

impl OsFile {
    fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&File) -> io::Result<T> + Send + 'static,
    ) -> BoxFuture<'_, io::Result<T>> {
        let file = Arc::clone(&self.0);
        blocking(move || work(&file))
    }
}

impl DiskFile for OsFile {
    fn read(&mut self) -> BoxFuture<'_, io::Result<Vec<u8>>> {
        self.blocking(|mut file| {
            let mut bytes = Vec::new();
            file.rewind()?;
            file.read_to_end(&mut bytes)?;
            Ok(bytes)
        })
    }

    fn append(&mut self, bytes: Vec<u8>) -> BoxFuture<'_, io::Result<()>> {
        self.blocking(move |mut file| file.write_all(&bytes))
    }

    fn truncate(&mut self, length: u64) -> BoxFuture<'_, io::Result<()>> {
        self.blocking(move |file| file.set_len(length))
    }

    fn flush(&mut self) -> BoxFuture<'_, io::Result<()>> {
        self.blocking(File::sync_data)
    }

    fn state(&mut self) -> BoxFuture<'_, io::Result<FileState>> {
        self.blocking(|file| Ok(state(&file.metadata()?)))
    }

    fn try_lock(&mut self) -> BoxFuture<'_, io::Result<bool>> {
        self.blocking(|file| match file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        })
    }
}

fn blocking<'a, T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> BoxFuture<'a, io::Result<T>> {
    let task = tokio::task::spawn_blocking(work);
    Box::pin(async move { task.await.map_err(io::Error::other)? })
}

/// Creates from the top, and flushes each new directory into its parent.
fn create_dir(path: &Path) -> io::Result<()> {
    let path = std::path::absolute(path)?;
    let missing: Vec<PathBuf> =
        path.ancestors().take_while(|above| !above.exists()).map(Path::to_owned).collect();
    // Its creator may have ended before its name was durable.
    let existing = path.ancestors().nth(missing.len());
    if let Some(above) = existing.and_then(Path::parent) {
        match sync_dir(above) {
            // Then nobody else could create anything there either.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            synced => synced?,
        }
    }
    for new in missing.iter().rev() {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(new) {
            // Another process created it, and may not have flushed it yet.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => created?,
        }
        if let Some(above) = new.parent() {
            sync_dir(above)?;
        }
    }
    match path.is_dir() {
        true => Ok(()),
        false => Err(io::ErrorKind::NotADirectory.into()),
    }
}

/// A new name is durable once its directory is flushed.
fn sync_dir(path: &Path) -> io::Result<()> {
    match cfg!(unix) {
        true => File::open(path)?.sync_all(),
        false => Ok(()),
    }
}

fn open(path: &Path, mode: OpenMode) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    match mode {
        OpenMode::Read => &mut options,
        OpenMode::Append => options.append(true),
        OpenMode::CreateNew => options.append(true).create_new(true),
        OpenMode::Create => options.append(true).create(true),
    };
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn state(metadata: &Metadata) -> FileState {
    FileState { identity: identity(metadata), length: metadata.len(), is_file: metadata.is_file() }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> (u64, u64) {
    (0, 0)
}
