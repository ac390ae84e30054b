//! What may cross threads. The signature of an `async fn` does not say whether its future may, so a
//! value held across an `.await` could take that from our callers unseen. It does not say how large that future is, either.

use dls::model::{ListPackages, Operation, ShowPackage, SystemTaskId, Timestamp};
use dls::rollout::Options;
use dls::transport::{FreshConnection, Retry, Transport};
use dls::{Client, FileStore, JobStart, PackageId, PackageIds, Resume, Run, RunId, RunStore as _};
use dls_emulator::{Emulator, EmulatorBuilder};

use crate::bench::client_of;

fn is_send(_: &impl Send) {}

/// Nothing here runs: it is enough that it compiles.
#[expect(dead_code, reason = "the compiler is the test")]
mod every_future_can_be_spawned {
    use super::*;

    fn of_the_client(client: &Client, ids: PackageIds, task: SystemTaskId, show: &ShowPackage) {
        is_send(&client.deploy(ids.clone(), JobStart::Later));
        is_send(&client.plan(ids.clone(), None));
        is_send(&client.package(PackageId::MAX));
        is_send(&client.packages(ListPackages::new()).next());
        is_send(&client.revoke(ids));
        is_send(&client.system_task(task));
        is_send(&client.call(show));
    }

    fn of_a_custom_operation<O>(client: &Client, operation: &O)
    where
        O: Operation<Answer: Send> + Sync + 'static,
    {
        is_send(&client.call(operation));
    }

    fn of_a_store(client: &Client, run: Run, store: &FileStore, name: &RunId, at: Timestamp) {
        is_send(&FileStore::open("runs"));
        is_send(&store.check(name));
        is_send(&store.set_aside(name, "somebody", at));
        is_send(&store.list());
        is_send(&run.with_store(store));
        is_send(&client.resume(store, name, Resume::default()));
    }

    fn of_a_run(mut run: Run) {
        is_send(&run.next_event());
        is_send(&run.allow_resend(&[], dls::run::Fence::Needed));
        is_send(&run.wait());
    }

    fn of_the_transport(transport: &Transport, first: FreshConnection, second: FreshConnection) {
        let request = http::Request::<Vec<u8>>::default();
        is_send(&transport.fresh_connection(request.uri()));
        is_send(&transport.call(request.clone(), Retry::Never));
        is_send(&first.send(request.clone()));
        is_send(&second.send_at(request, std::time::UNIX_EPOCH));
    }

    fn of_an_emulator(builder: EmulatorBuilder, running: Emulator) {
        is_send(&builder.start(([127, 0, 0, 1], 0).into()));
        is_send(&running.stop());
    }
}

/// Whoever spawns a thousand calls, or puts one into a future of their own, moves and keeps what they are made of. A
/// connection and the exchange over it take some 13 KiB; they are made apart, on the heap.
#[test]
fn no_future_is_large() {
    let client = client_of("https://h", "default");
    let ids = || PackageIds::new(["23".parse().unwrap()]).unwrap();
    let run = || client.rollout(ids(), Options::new(JobStart::Later)).unwrap();
    let request = http::Request::get("https://h/").body(Vec::new()).unwrap();
    let uri = request.uri().clone();
    for (name, size, limit) in [
        ("package", size_of_val(&client.package(PackageId::MAX)), 2),
        ("deploy", size_of_val(&client.deploy(ids(), JobStart::Later)), 2),
        ("plan", size_of_val(&client.plan(ids(), None)), 2),
        ("next", size_of_val(&client.packages(ListPackages::new()).next()), 2),
        ("fresh_connection", size_of_val(&client.transport().fresh_connection(&uri)), 2),
        ("call", size_of_val(&client.transport().call(request, Retry::Never)), 2),
        ("next_event", size_of_val(&run().next_event()), 12),
        ("wait", size_of_val(&run().wait()), 12),
    ] {
        assert!(size <= limit << 10, "{name}: {size} bytes");
    }
}
