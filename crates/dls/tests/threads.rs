//! What may cross threads. The signature of an `async fn` does not say whether its future may, so a
//! value held across an `.await` could take that from our callers unseen.

use std::error::Error;

use dls::model::{ListPackages, Operation, ShowPackage};
use dls::transport::{Ready, Resend, Transport};
use dls::{Client, JobStart, PackageId, PackageIds, Pager, Run};
use dls_emulator::{EmulatorBuilder, Running};

fn is_send(_: &impl Send) {}

#[test]
fn every_error_is_one_that_a_boxed_error_can_be_made_of() {
    fn is_error<T: Error + Send + Sync + 'static>() {}
    is_error::<dls::model::AnswerError>();
    is_error::<dls::model::InvalidId>();
    is_error::<dls::model::InvalidPackageIds>();
    is_error::<dls::model::InvalidRequest>();
    is_error::<dls::model::PageError>();
    is_error::<dls::model::ServiceError>();
    is_error::<dls::model::Undecodable>();
    is_error::<dls::rollout::InvalidEvents>();
    is_error::<dls::transport::Error>();
    is_error::<dls::transport::credentials::CredentialsError>();
    is_error::<dls::transport::credentials::InvalidCredential>();
    is_error::<dls::transport::sign::InvalidSdkDate>();
    is_error::<dls::transport::sign::Unsignable>();
    is_error::<dls::Error>();
    is_error::<dls::InvalidEndpoint>();
    is_error::<dls::InvalidRunId>();
    is_error::<dls::JournalError>();
    is_error::<dls::ResendRefused>();
    is_error::<dls::plan::InvalidPlan>();
    is_error::<dls_emulator::InvalidAssumption>();
    is_error::<dls_emulator::InvalidFaultPlan>();
    is_error::<dls_emulator::InvalidRateLimit>();
    is_error::<dls_emulator::InvalidSeed>();
    is_error::<dls_emulator::Violation>();
}

/// Nothing here runs: it is enough that it compiles.
#[expect(dead_code, reason = "the compiler is the test")]
mod every_future_can_be_spawned {
    use super::*;

    fn of_the_client(client: &Client, ids: PackageIds, id: PackageId, look: &ShowPackage) {
        is_send(&client.deploy(ids.clone(), JobStart::Later));
        is_send(&client.plan(ids.clone(), None));
        is_send(&client.package(id));
        is_send(&client.revoke(ids));
        is_send(&client.call(look));
    }

    fn of_an_operation_of_ones_own<O: Operation + Sync>(client: &Client, operation: &O) {
        is_send(&client.call(operation));
    }

    fn of_a_system_task(client: &Client, id: dls::model::SystemTaskId) {
        is_send(&client.system_task(id));
    }

    fn of_a_list(client: &Client) {
        let mut pager: Pager = client.packages(ListPackages::new());
        is_send(&pager.next());
    }

    fn of_a_run(mut run: Run) {
        is_send(&run.next_event());
        is_send(&run.allow_resend(&[]));
        is_send(&run.wait());
    }

    fn of_the_transport(transport: &Transport, request: http::Request<Vec<u8>>) {
        is_send(&transport.connect(request.uri()));
        is_send(&transport.call(request, Resend::Never));
    }

    fn of_the_second_half(ready: Ready, request: http::Request<Vec<u8>>) {
        is_send(&ready.send(request));
    }

    fn of_the_second_half_at_a_time(ready: Ready, request: http::Request<Vec<u8>>) {
        is_send(&ready.send_at(request, std::time::UNIX_EPOCH));
    }

    fn of_an_emulator(builder: EmulatorBuilder, running: Running) {
        is_send(&builder.start(([127, 0, 0, 1], 0).into()));
        is_send(&running.stop());
    }
}
