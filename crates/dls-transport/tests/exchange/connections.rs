//! How many connections are open at once, and how a caller gets rid of them.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dls_transport::{Delivery, ErrorKind, Phase, Transport};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Server, answer, builder, post, read, transport, write};

fn at_most(connections: usize) -> Transport {
    let connections = NonZeroUsize::new(connections).unwrap();
    builder().max_connections(connections).build().unwrap()
}

/// A server that answers each request as soon as the gate lets it.
async fn gated() -> (Server, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let own = gate.clone();
    let server = Server::start(move |mut peer, _| {
        let gate = own.clone();
        async move {
            while peer.request().await.is_some() {
                gate.acquire().await.unwrap().forget();
                peer.say(answer("200 OK", "x")).await;
            }
        }
    })
    .await;
    (server, gate)
}

#[tokio::test(start_paused = true)]
async fn no_more_connections_are_opened_than_the_limit_and_the_other_calls_wait() {
    let (server, gate) = gated().await;
    let transport = at_most(5);
    let calls = (0..20).map(|number| {
        let (transport, uri) = (transport.clone(), server.uri("/"));
        tokio::spawn(async move {
            match number % 2 {
                0 => read(&transport, uri).await.unwrap(),
                _ => write(&transport, uri).await.unwrap(),
            }
        })
    });
    let calls: Vec<_> = calls.collect();
    for answered in 0..=15 {
        sleep(Duration::from_millis(1)).await;
        assert_eq!(server.ledger.whole(), answered + 5);
        assert_eq!(server.ledger.open(), 5, "after {answered} answers");
        gate.add_permits(1);
    }
    gate.add_permits(4);
    for call in calls {
        assert_eq!(call.await.unwrap().body(), b"x");
    }
}

/// Counted by the server while it has a request in hand, so that a connection which is about to be
/// closed counts no more.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_without_a_rate_limit_use_64_connections_unless_told_otherwise() {
    let (busy, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now, seen) = (busy.clone(), most.clone());
    let server = Server::start(move |mut peer, _| {
        let (busy, most) = (now.clone(), seen.clone());
        async move {
            while peer.request().await.is_some() {
                most.fetch_max(busy.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                sleep(Duration::from_millis(1)).await;
                busy.fetch_sub(1, Ordering::SeqCst);
                peer.say(answer("200 OK", "x")).await;
            }
        }
    })
    .await;
    let transport = transport();
    let calls = (0..1000).map(|_| {
        let (transport, uri) = (transport.clone(), server.uri("/"));
        tokio::spawn(async move { read(&transport, uri).await.unwrap() })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    assert_eq!(server.ledger.whole(), 1000);
    assert!(most.load(Ordering::SeqCst) <= 64, "{most:?}");
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_free_connection_counts_towards_the_whole_call() {
    let (server, _gate) = gated().await;
    let (transport, uri) = (at_most(1), server.uri("/"));
    let connection = transport.connect(&uri.parse().unwrap()).await.unwrap();
    let begin = Instant::now();
    let (for_read, for_write) = tokio::join!(read(&transport, &uri), async {
        let outcome = write(&transport, &uri).await;
        (outcome, begin.elapsed().as_secs())
    });
    assert_eq!((for_write.1, begin.elapsed().as_secs()), (50, 60));
    let address = server.address;
    for (outcome, time) in [
        (for_read, "within the 60 s of the whole call"),
        (for_write.0, "within 50 s; the other 30 s of the whole call are for its answer"),
    ] {
        let error = outcome.unwrap_err();
        assert_eq!(
            (error.kind(), error.phase(), error.delivery()),
            (ErrorKind::Timeout, Phase::Queue, Delivery::NotSent)
        );
        let message = format!("no free connection for {address} (at most 1 are open) {time}");
        assert_eq!(error.to_string(), message);
    }
    drop(connection);
    assert_eq!((server.ledger.whole(), server.ledger.connections()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_connection_becomes_free_when_its_call_is_dropped_or_its_half_sent() {
    let (server, gate) = gated().await;
    let (transport, uri) = (at_most(1), server.uri("/"));
    let dropped = timeout(Duration::from_secs(1), read(&transport, &uri)).await;
    assert!(dropped.is_err());
    let connection = transport.connect(&uri.parse().unwrap()).await.unwrap();
    // One for the call that was dropped.
    gate.add_permits(3);
    connection.send(post(&uri)).await.unwrap();
    write(&transport, &uri).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_makes_room_for_one_that_is_needed() {
    let begin = Instant::now();
    let one = Server::keeping(answer("200 OK", "")).await;
    let other = Server::keeping(answer("200 OK", "")).await;
    let transport = at_most(1);
    for _ in 0..3 {
        read(&transport, one.uri("/")).await.unwrap();
    }
    assert_eq!(one.ledger.connections(), 1, "it is shared among reads");
    read(&transport, other.uri("/")).await.unwrap();
    one.ledger.all_closed().await;
    write(&transport, other.uri("/")).await.unwrap();
    other.ledger.until(|ledger| ledger.open() <= 1).await;
    assert_eq!(other.ledger.connections(), 2);
    assert_eq!(begin.elapsed(), Duration::ZERO, "nobody waited for its end");
}

#[tokio::test]
async fn retired_connections_carry_no_later_request() {
    let server = Server::keeping(answer("200 OK", "")).await;
    let (transport, uri) = (transport(), server.uri("/"));
    read(&transport, &uri).await.unwrap();
    transport.retire_connections();
    server.ledger.all_closed().await;
    read(&transport, &uri).await.unwrap();
    read(&transport, &uri).await.unwrap();
    assert_eq!(server.ledger.connections(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_connection_in_use_is_retired_after_its_exchange() {
    let (server, gate) = gated().await;
    let (transport, uri) = (transport(), server.uri("/"));
    let (answer, ()) = tokio::join!(read(&transport, &uri), async {
        sleep(Duration::from_millis(1)).await;
        assert_eq!(server.ledger.whole(), 1);
        transport.retire_connections();
        gate.add_permits(2);
    });
    answer.unwrap();
    server.ledger.all_closed().await;
    read(&transport, &uri).await.unwrap();
    assert_eq!(server.ledger.connections(), 2);
}
