//! When a request may begin: a write only with all of its answer's time left, and any call only
//! within what its caller grants it. Time stands still here unless a test says otherwise.

use std::num::NonZeroU32;
use std::time::{Duration, UNIX_EPOCH};

use dls_transport::{Delivery, Error, ErrorKind, Phase, Rate, Retry, Transport};
use http::Response;
use tokio::time::{Instant, sleep};

use crate::support::{
    Server, answer, builder, fresh_connection, limited, nobody, post, read, times_out, transport,
    write,
};

const SECOND: Duration = Duration::from_secs(1);

/// A server that takes 29.9 s for each answer, a little less than the limit of a write's.
async fn slow() -> Server {
    Server::start(|mut peer, _| async move {
        while peer.request().await.is_some() {
            sleep(Duration::from_millis(29_900)).await;
            peer.say(answer("200 OK", "done")).await;
        }
    })
    .await
}

/// A transport whose rate limit is one request in this many seconds.
fn one_in(seconds: f64) -> Transport {
    builder().rate(Rate::PerSecond(1.0 / seconds)).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_write_that_waits_for_the_rate_limit_still_has_all_of_its_answers_time() {
    let server = slow().await;
    let (transport, uri) = (one_in(49.9), server.uri("/"));
    let (first, second) = tokio::join!(write(&transport, &uri), write(&transport, &uri));
    assert_eq!(first.unwrap().body(), b"done");
    assert_eq!(second.unwrap().body(), b"done");
}

#[tokio::test(start_paused = true)]
async fn the_second_step_of_a_write_has_all_of_its_answers_time_however_long_the_first_took() {
    let server = slow().await;
    let (transport, uri) = (one_in(79.0), server.uri("/"));
    let (first, second) =
        tokio::join!(fresh_connection(&transport, &uri), fresh_connection(&transport, &uri));
    for connection in [first, second] {
        assert_eq!(connection.unwrap().send(post(&uri)).await.unwrap().body(), b"done");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_can_never_have_its_answers_time_is_refused_at_once() {
    let server = Server::keeping(answer("200 OK", "")).await;
    let (uri, host) = (server.uri("/"), server.address);
    let transport = limited(|limits| limits.total = Some(20 * SECOND)).build().unwrap();
    let message = format!(
        "no request to {host}: its answer may take 30 s, but the whole call only 20 s; raise \
         Limits::total, or lower Limits::write_head"
    );
    let expected = (Phase::Prepare, Delivery::NotSent);
    times_out(write(&transport, &uri), 0, expected, &message).await;
    times_out(fresh_connection(&transport, &uri), 0, expected, &message).await;
    assert_eq!(server.ledger.connections(), 0);
    read(&transport, &uri).await.unwrap();
}

/// Here time does not stand still: the clock that signatures are made with takes too much of it, as
/// a machine does that is busy with something else.
#[tokio::test]
async fn a_write_that_was_held_up_right_before_its_first_byte_is_not_sent() {
    let server = Server::keeping(answer("200 OK", "")).await;
    let slow = || {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_millis(1100) {
            std::thread::yield_now();
        }
        UNIX_EPOCH
    };
    let limited = limited(|limits| {
        limits.write_head = 10 * SECOND;
        limits.total = Some(11 * SECOND);
    });
    let transport = limited.clock(slow).build().unwrap();
    let error = write(&transport, server.uri("/")).await.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Phase::Prepare), "{error:?}");
    assert_eq!(error.delivery(), Delivery::NotSent);
    server.ledger.settled(1).await;
    assert_eq!(server.ledger.whole(), 0);
}

async fn read_within_7_s(
    transport: &Transport,
    uri: impl AsRef<str>,
) -> Result<Response<Vec<u8>>, Error> {
    transport.call_within(post(uri), Retry::Allowed, 7 * SECOND).await
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_with_its_callers_time_and_reports_what_is_known_of_its_attempts() {
    let server = Server::start(|mut peer, number| async move {
        peer.request().await;
        if number == 1 {
            peer.closed().await;
        }
        peer.say(answer("503 Service Unavailable", "")).await;
        peer.closed().await;
    })
    .await;
    let (transport, limited, host) = (transport(), one_in(60.0), server.address);
    let message = format!("no answer from {host} within the total limit of 7 s");
    let call = read_within_7_s(&transport, server.uri("/"));
    times_out(call, 7, (Phase::Answer, Delivery::Unknown), &message).await;

    // The second attempt waits too long for the rate limit, and the first was answered.
    let message =
        format!("the rate limit allowed no request to {host} within the total limit of 7 s");
    let call = read_within_7_s(&limited, server.uri("/"));
    let error = times_out(call, 7, (Phase::Queue, Delivery::Answered), &message).await;
    assert_eq!(error.attempts(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_nobody_answers_is_told_as_not_sent_before_its_time_is_over() {
    let uri = format!("http://{}/", nobody().await);
    let many = builder().max_attempts(NonZeroU32::MAX).build().unwrap();
    let begin = Instant::now();
    let error = read_within_7_s(&many, uri).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Connect, Delivery::NotSent));
    assert!(error.attempts() > 2, "{error:?}");
    assert!(begin.elapsed() <= 7 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_write_is_not_sent_within_less_than_its_answer_may_take() {
    let server = Server::keeping(answer("200 OK", "")).await;
    let (transport, uri) = (transport(), server.uri("/"));
    let within = |time| transport.call_within(post(&uri), Retry::Never, time);
    let message = format!(
        "no request to {}: its answer may take 30 s, but the whole call only 29 s; raise \
         Limits::total, or lower Limits::write_head",
        server.address
    );
    let expected = (Phase::Prepare, Delivery::NotSent);
    times_out(within(29 * SECOND), 0, expected, &message).await;
    assert_eq!(server.ledger.connections(), 0);
    within(31 * SECOND).await.unwrap();
}
