//! A [`Disk`] in memory, for tests and simulations: a crash loses what was not made durable, and calls can fail.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{BoxFuture, Disk, DiskFile, FileState, OpenMode};

/// A disk in memory. Clones share it. Directories need not be created.
#[derive(Clone, Default)]
pub struct MemoryDisk {
    files: Arc<Mutex<Files>>,
    faults: Option<Arc<dyn DiskFaults>>,
}

/// What goes wrong with a [`MemoryDisk`].
pub trait DiskFaults: Send + Sync {
    /// Runs before each call that changes something, which it can delay or let fail. Of what a failing call should append,
    /// a part is written, and what a failing flush should make durable is lost in a crash, whatever later flushes report.
    fn before(&self, call: DiskCall) -> BoxFuture<'_, io::Result<()>>;

    /// All random choices. With 0, the default, a failing call appends nothing, and a crash loses everything that is not
    /// durable.
    fn random(&self) -> u64 {
        0
    }
}

/// What a call changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskCall {
    /// Names: it creates, renames or removes something, or makes names durable.
    Names,
    /// The bytes of a file: it appends, truncates or flushes them.
    Bytes,
    /// A lock.
    Lock,
}

#[derive(Default)]
struct Files {
    files: Vec<File>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
}

#[derive(Default)]
struct File {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    /// A flush failed when the file was so long.
    lost_up_to: usize,
    is_locked: bool,
}

impl MemoryDisk {
    /// The same disk, with faults of the calls through this handle.
    #[must_use]
    pub fn with_faults(self, faults: impl DiskFaults + 'static) -> Self {
        Self { faults: Some(Arc::new(faults)), ..self }
    }

    /// The machine goes down and comes back: locks end, and of what was not made durable, anything may be lost. The end of a
    /// file may be torn or full of zeros.
    pub fn crash(&self) {
        let files = &mut *self.files();
        if self.below(2) == 0 {
            files.names.clone_from(&files.durable_names);
        }
        files.durable_names.clone_from(&files.names);
        for file in &mut files.files {
            let mut bytes = std::mem::take(&mut file.durable);
            let unflushed = file.bytes.get(bytes.len()..).unwrap_or_default();
            match self.below(4) {
                0 => {}
                1 => bytes.extend(unflushed),
                2 => bytes.extend(unflushed.iter().take(self.below(unflushed.len() + 1))),
                _ => bytes.resize(bytes.len() + self.below(unflushed.len() + 1), 0),
            }
            *file = File { durable: bytes.clone(), bytes, ..File::default() };
        }
    }

    /// One bit of one file flips.
    pub fn flip(&self) {
        let files = &mut *self.files();
        let mut files: Vec<_> = files.files.iter_mut().filter(|it| !it.bytes.is_empty()).collect();
        let chosen = self.below(files.len());
        let Some(file) = files.get_mut(chosen) else { return };
        let (place, bit) = (self.below(file.bytes.len()), 1 << self.below(8));
        for bytes in [&mut file.bytes, &mut file.durable] {
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= bit;
            }
        }
    }

    /// The bytes of all files that were ever created, also of removed ones.
    #[must_use]
    pub fn contents(&self) -> Vec<Vec<u8>> {
        self.files().files.iter().map(|file| file.bytes.clone()).collect()
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A random number below this one.
    fn below(&self, limit: usize) -> usize {
        usize::try_from(self.random()).unwrap_or_default().checked_rem(limit).unwrap_or_default()
    }

    async fn before(&self, call: DiskCall) -> io::Result<()> {
        match &self.faults {
            Some(faults) => faults.before(call).await,
            None => Ok(()),
        }
    }

    async fn change_names<T>(
        &self,
        change: impl FnOnce(&mut Files) -> io::Result<T>,
    ) -> io::Result<T> {
        self.before(DiskCall::Names).await?;
        change(&mut self.files())
    }
}

impl Files {
    fn find(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn create(&mut self, path: &Path, is_new: bool) -> io::Result<usize> {
        match self.find(path) {
            Ok(_) if is_new => Err(io::ErrorKind::AlreadyExists.into()),
            Ok(file) => Ok(file),
            Err(_) => {
                self.files.push(File::default());
                let file = self.files.len() - 1;
                self.names.insert(path.to_owned(), file);
                Ok(file)
            }
        }
    }

    fn file(&mut self, index: usize) -> io::Result<&mut File> {
        self.files.get_mut(index).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn state(&mut self, index: usize) -> io::Result<FileState> {
        let length = self.file(index)?.bytes.len();
        Ok(FileState { identity: (0, index as u64), length: length as u64, is_file: true })
    }
}

impl Disk for MemoryDisk {
    fn create_dir<'a>(&'a self, _: &'a Path) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(self.before(DiskCall::Names))
    }

    fn names<'a>(&'a self, directory: &'a Path) -> BoxFuture<'a, io::Result<Vec<String>>> {
        Box::pin(async move {
            let files = self.files();
            let inside = files.names.keys().filter(|path| path.parent() == Some(directory));
            let names = inside.filter_map(|path| path.file_name()?.to_str());
            Ok(names.map(str::to_owned).collect())
        })
    }

    fn open<'a>(
        &'a self,
        path: &'a Path,
        mode: OpenMode,
    ) -> BoxFuture<'a, io::Result<Box<dyn DiskFile>>> {
        Box::pin(async move {
            let is_new = mode == OpenMode::CreateNew;
            let index = match mode {
                OpenMode::Read | OpenMode::Append => self.files().find(path)?,
                OpenMode::CreateNew | OpenMode::Create => {
                    self.change_names(|files| files.create(path, is_new)).await?
                }
            };
            let file = MemoryFile { disk: self.clone(), index, has_lock: false };
            Ok(Box::new(file) as Box<dyn DiskFile>)
        })
    }

    fn state<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, io::Result<FileState>> {
        Box::pin(async {
            let mut files = self.files();
            let index = files.find(path)?;
            files.state(index)
        })
    }

    fn rename<'a>(&'a self, from: &'a Path, to: &'a Path) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(self.change_names(|files| {
            let index = files.find(from)?;
            files.names.remove(from);
            files.names.insert(to.to_owned(), index);
            Ok(())
        }))
    }

    fn remove<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(self.change_names(|files| {
            files.find(path)?;
            files.names.remove(path);
            Ok(())
        }))
    }

    fn sync_dir<'a>(&'a self, directory: &'a Path) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(self.change_names(|files| {
            let is_inside = |path: &Path| path.parent() == Some(directory);
            files.durable_names.retain(|path, _| !is_inside(path));
            let names = files.names.iter().filter(|(path, _)| is_inside(path));
            files.durable_names.extend(names.map(|(path, index)| (path.clone(), *index)));
            Ok(())
        }))
    }

    fn random(&self) -> u64 {
        self.faults.as_ref().map_or(0, |faults| faults.random())
    }
}

#[derive(Debug)]
struct MemoryFile {
    disk: MemoryDisk,
    index: usize,
    has_lock: bool,
}

impl DiskFile for MemoryFile {
    fn read(&mut self) -> BoxFuture<'_, io::Result<Vec<u8>>> {
        Box::pin(async { Ok(self.disk.files().file(self.index)?.bytes.clone()) })
    }

    fn append(&mut self, bytes: Vec<u8>) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async move {
            let done = self.disk.before(DiskCall::Bytes).await;
            let written = match &done {
                Ok(()) => bytes.len(),
                Err(_) => self.disk.below(bytes.len()),
            };
            self.disk.files().file(self.index)?.bytes.extend(bytes.iter().take(written));
            done
        })
    }

    fn truncate(&mut self, length: u64) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async move {
            self.disk.before(DiskCall::Bytes).await?;
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            self.disk.files().file(self.index)?.bytes.truncate(length);
            Ok(())
        })
    }

    fn flush(&mut self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async {
            let done = self.disk.before(DiskCall::Bytes).await;
            let mut files = self.disk.files();
            let File { bytes, durable, lost_up_to, .. } = files.file(self.index)?;
            if done.is_err() {
                *lost_up_to = bytes.len();
                return done;
            }
            let from = durable.len().min(bytes.len());
            let to = (*lost_up_to).clamp(from, bytes.len());
            durable.clone_from(bytes);
            durable.get_mut(from..to).unwrap_or_default().fill(0);
            Ok(())
        })
    }

    fn state(&mut self) -> BoxFuture<'_, io::Result<FileState>> {
        Box::pin(async { self.disk.files().state(self.index) })
    }

    fn try_lock(&mut self) -> BoxFuture<'_, io::Result<bool>> {
        Box::pin(async {
            self.disk.before(DiskCall::Lock).await?;
            let mut files = self.disk.files();
            self.has_lock |= !std::mem::replace(&mut files.file(self.index)?.is_locked, true);
            Ok(self.has_lock)
        })
    }
}

impl Drop for MemoryFile {
    fn drop(&mut self) {
        if self.has_lock
            && let Ok(file) = self.disk.files().file(self.index)
        {
            file.is_locked = false;
        }
    }
}

impl fmt::Debug for MemoryDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryDisk").finish_non_exhaustive()
    }
}
