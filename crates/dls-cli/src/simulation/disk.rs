//! A disk in memory that forgets what was not flushed, tears the last write, flips bits and refuses calls.

pub(super) mod platter;

use std::io;
use std::path::Path;
use std::time::Duration;

use dls::store::{BoxFuture, Disk, DiskFile, FileState, OpenMode};
use tokio::time::sleep;

use super::world::World;
use platter::{Platter, Trouble};

/// Longer than a run waits for its store.
const STUCK: Duration = Duration::from_secs(15);

/// The disk as a process of the case sees it.
#[derive(Clone, Debug)]
pub(crate) struct SimDisk(World);

impl SimDisk {
    pub(crate) fn new(world: &World) -> Self {
        Self(world.clone())
    }

    /// A call that changes something: the process may die before it and after it, and the call may take
    /// long or be refused.
    async fn change<T>(
        &self,
        change: impl FnOnce(&mut Platter, Trouble) -> io::Result<T>,
    ) -> io::Result<T> {
        self.0.step().await;
        let (trouble, takes) = {
            let mut state = self.0.state();
            (state.disk_trouble(), Duration::from_millis(state.rng.u64(0..4)))
        };
        sleep(if trouble == Trouble::Stuck { STUCK } else { takes }).await;
        let done = change(&mut self.0.state().platter, trouble);
        self.0.step().await;
        done
    }
}

impl Disk for SimDisk {
    fn create_dir<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(self.change(|platter, trouble| {
            trouble.refused()?;
            platter.create_dir(path);
            Ok(())
        }))
    }

    fn names<'a>(&'a self, directory: &'a Path) -> BoxFuture<'a, io::Result<Vec<String>>> {
        Box::pin(async { self.0.state().platter.names(directory) })
    }

    fn open<'a>(
        &'a self,
        path: &'a Path,
        mode: OpenMode,
    ) -> BoxFuture<'a, io::Result<Box<dyn DiskFile>>> {
        Box::pin(async move {
            let inode = match mode {
                OpenMode::Read | OpenMode::Append => self.0.state().platter.find(path)?,
                OpenMode::CreateNew | OpenMode::Create => {
                    let is_new = mode == OpenMode::CreateNew;
                    let create = |platter: &mut Platter, trouble: Trouble| {
                        trouble.refused()?;
                        platter.create(path, is_new)
                    };
                    self.change(create).await?
                }
            };
            let file = SimFile { disk: self.clone(), inode, has_lock: false };
            Ok(Box::new(file) as Box<dyn DiskFile>)
        })
    }

    fn state<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, io::Result<FileState>> {
        Box::pin(async {
            let platter = &self.0.state().platter;
            platter.state(platter.find(path)?)
        })
    }

    fn rename<'a>(&'a self, from: &'a Path, to: &'a Path) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(self.change(|platter, trouble| {
            trouble.refused()?;
            platter.rename(from, to)
        }))
    }

    fn remove<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(self.change(|platter, trouble| {
            trouble.refused()?;
            platter.remove(path)
        }))
    }

    fn sync_dir<'a>(&'a self, directory: &'a Path) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(self.change(|platter, trouble| {
            trouble.refused()?;
            platter.sync_dir(directory);
            Ok(())
        }))
    }

    fn random(&self) -> u64 {
        self.0.state().rng.u64(..)
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    inode: usize,
    has_lock: bool,
}

impl DiskFile for SimFile {
    fn read(&mut self) -> BoxFuture<'_, io::Result<Vec<u8>>> {
        Box::pin(async { self.disk.0.state().platter.read(self.inode) })
    }

    fn append(&mut self, bytes: Vec<u8>) -> BoxFuture<'_, io::Result<()>> {
        let inode = self.inode;
        Box::pin(self.disk.change(move |platter, trouble| {
            let written = match trouble {
                Trouble::Fails(share) => bytes.len() * usize::from(share) / 256,
                Trouble::None | Trouble::Stuck => bytes.len(),
            };
            platter.append(inode, bytes.get(..written).unwrap_or(&bytes));
            trouble.refused()
        }))
    }

    fn truncate(&mut self, length: u64) -> BoxFuture<'_, io::Result<()>> {
        let inode = self.inode;
        Box::pin(self.disk.change(move |platter, trouble| {
            trouble.refused()?;
            platter.truncate(inode, usize::try_from(length).unwrap_or(usize::MAX));
            Ok(())
        }))
    }

    fn flush(&mut self) -> BoxFuture<'_, io::Result<()>> {
        let inode = self.inode;
        Box::pin(self.disk.change(move |platter, trouble| {
            platter.flush(inode, trouble.refused().is_ok());
            trouble.refused()
        }))
    }

    fn state(&mut self) -> BoxFuture<'_, io::Result<FileState>> {
        Box::pin(async { self.disk.0.state().platter.state(self.inode) })
    }

    fn try_lock(&mut self) -> BoxFuture<'_, io::Result<bool>> {
        Box::pin(async {
            self.has_lock |= self.disk.0.state().platter.lock(self.inode);
            Ok(self.has_lock)
        })
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        if self.has_lock {
            self.disk.0.state().platter.unlock(self.inode);
        }
    }
}
