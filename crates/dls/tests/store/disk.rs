//! A disk that loses in a crash whatever was not made durable.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use dls::store::{BoxFuture, Disk, DiskFile, FileState, OpenMode};

/// Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Volatile(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    files: Vec<File>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    /// Every call from here on fails, as on a full disk.
    is_full: bool,
    /// The file that is locked next loses its name to a copy before that.
    replaces_on_lock: bool,
}

#[derive(Debug, Default)]
struct File {
    bytes: Vec<u8>,
    durable: Vec<u8>,
}

impl Volatile {
    /// The machine loses its power and comes back.
    pub(crate) fn crash(&self) {
        let mut state = self.state();
        state.names = state.durable_names.clone();
        for file in &mut state.files {
            file.bytes = file.durable.clone();
        }
    }

    pub(crate) fn fill(&self) {
        self.state().is_full = true;
    }

    pub(crate) fn replace_on_lock(&self) {
        self.state().replaces_on_lock = true;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        let found = self.state().names.get(path).copied();
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn state_of(&self, file: usize) -> FileState {
        FileState {
            identity: (0, u64::try_from(file).unwrap()),
            length: u64::try_from(self.state().files[file].bytes.len()).unwrap(),
            is_file: true,
        }
    }

    fn open_now(&self, path: &Path, mode: OpenMode) -> io::Result<Box<dyn DiskFile>> {
        let index = match (self.find(path), mode) {
            (Ok(_), OpenMode::CreateNew) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Err(_), OpenMode::CreateNew | OpenMode::Create) => {
                let mut state = self.state();
                state.files.push(File::default());
                let index = state.files.len() - 1;
                state.names.insert(path.to_owned(), index);
                index
            }
            (found, _) => found?,
        };
        let disk = self.clone();
        Ok(Box::new(Handle { disk, index }))
    }
}

fn now<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, T> {
    Box::pin(std::future::ready(value))
}

impl Disk for Volatile {
    fn create_dir<'a>(&'a self, _: &'a Path) -> BoxFuture<'a, io::Result<()>> {
        now(Ok(()))
    }

    fn names<'a>(&'a self, directory: &'a Path) -> BoxFuture<'a, io::Result<Vec<String>>> {
        let state = self.state();
        let names = state.names.keys().filter(|path| path.parent() == Some(directory));
        let names = names.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
        now(Ok(names.collect()))
    }

    fn open<'a>(
        &'a self,
        path: &'a Path,
        mode: OpenMode,
    ) -> BoxFuture<'a, io::Result<Box<dyn DiskFile>>> {
        now(self.open_now(path, mode))
    }

    fn state<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, io::Result<FileState>> {
        now(self.find(path).map(|file| self.state_of(file)))
    }

    fn rename<'a>(&'a self, from: &'a Path, to: &'a Path) -> BoxFuture<'a, io::Result<()>> {
        let renamed = self.find(from).map(|file| {
            let mut state = self.state();
            state.names.remove(from);
            state.names.insert(to.to_owned(), file);
        });
        now(renamed)
    }

    fn remove<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, io::Result<()>> {
        let removed = self.find(path);
        self.state().names.remove(path);
        now(removed.map(drop))
    }

    fn sync_dir<'a>(&'a self, directory: &'a Path) -> BoxFuture<'a, io::Result<()>> {
        let mut state = self.state();
        let here = |path: &PathBuf| path.parent() == Some(directory);
        let names: Vec<_> = state.names.iter().filter(|it| here(it.0)).collect();
        let names: Vec<_> = names.into_iter().map(|it| (it.0.clone(), *it.1)).collect();
        state.durable_names.retain(|path, _| !here(path));
        state.durable_names.extend(names);
        now(Ok(()))
    }

    fn random(&self) -> u64 {
        7
    }
}

#[derive(Debug)]
struct Handle {
    disk: Volatile,
    index: usize,
}

impl Handle {
    fn change(&self, with: impl FnOnce(&mut File)) -> BoxFuture<'static, io::Result<()>> {
        let mut state = self.disk.state();
        if state.is_full {
            return now(Err(io::ErrorKind::StorageFull.into()));
        }
        with(&mut state.files[self.index]);
        now(Ok(()))
    }
}

impl DiskFile for Handle {
    fn read(&mut self) -> BoxFuture<'_, io::Result<Vec<u8>>> {
        now(Ok(self.disk.state().files[self.index].bytes.clone()))
    }

    fn append(&mut self, bytes: Vec<u8>) -> BoxFuture<'_, io::Result<()>> {
        self.change(|file| file.bytes.extend(bytes))
    }

    fn truncate(&mut self, length: u64) -> BoxFuture<'_, io::Result<()>> {
        self.change(|file| file.bytes.truncate(usize::try_from(length).unwrap()))
    }

    fn flush(&mut self) -> BoxFuture<'_, io::Result<()>> {
        self.change(|file| file.durable = file.bytes.clone())
    }

    fn state(&mut self) -> BoxFuture<'_, io::Result<FileState>> {
        now(Ok(self.disk.state_of(self.index)))
    }

    fn try_lock(&mut self) -> BoxFuture<'_, io::Result<bool>> {
        let mut state = self.disk.state();
        if std::mem::take(&mut state.replaces_on_lock) {
            let bytes = state.files[self.index].bytes.clone();
            state.files.push(File { durable: bytes.clone(), bytes });
            let copy = state.files.len() - 1;
            let names = state.names.values_mut();
            names.filter(|file| **file == self.index).for_each(|file| *file = copy);
        }
        now(Ok(true))
    }
}
