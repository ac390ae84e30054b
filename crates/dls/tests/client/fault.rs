//! A store on a disk in memory, of which one call fails.

use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex};

use dls::store::memory_disk::{DiskCall, DiskFaults};
use dls::store::{BoxFuture, FileStore, MemoryDisk};

/// One change of a file fails or never ends, and later ones would succeed. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Fault(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    calls: usize,
    /// Counted from 1; none if 0.
    fails: usize,
    hangs: bool,
}

impl Fault {
    pub(crate) async fn store(&self) -> FileStore {
        let disk = MemoryDisk::default().with_faults(self.clone());
        FileStore::open_on(disk, "runs").await.unwrap()
    }

    /// Of the calls from now on, the one with this number fails, or never ends.
    pub(crate) fn set(&self, fails: usize, hangs: bool) {
        *self.0.lock().unwrap() = State { calls: 0, fails, hangs };
    }

    /// The calls since then.
    pub(crate) fn calls(&self) -> usize {
        self.0.lock().unwrap().calls
    }
}

impl DiskFaults for Fault {
    fn before(&self, call: DiskCall) -> BoxFuture<'_, io::Result<()>> {
        let state = &mut *self.0.lock().unwrap();
        state.calls += usize::from(call == DiskCall::Bytes);
        match call == DiskCall::Bytes && state.calls == state.fails {
            true if state.hangs => Box::pin(pending()),
            true => Box::pin(async { Err(io::Error::other("no space left on device")) }),
            false => Box::pin(async { Ok(()) }),
        }
    }
}
