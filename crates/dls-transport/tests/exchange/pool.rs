//! Connections: how many are open, which are kept for reads and how long, and what happens when one
//! turns out dead.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dls_transport::{Delivery, ErrorKind, Phase, Transport};
use http::Response;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::{Instant, advance, sleep, timeout};

use crate::support::{
    Server, answer, attempts, builder, fresh_connection, post, read, times_out, transport, write,
};

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

/// Begins `count` reads at once.
fn spawn_reads(
    transport: &Transport,
    server: &Server,
    count: usize,
) -> Vec<JoinHandle<Response<Vec<u8>>>> {
    let read = |_| {
        let (transport, uri) = (transport.clone(), server.uri("/"));
        tokio::spawn(async move { read(&transport, uri).await.unwrap() })
    };
    (0..count).map(read).collect()
}

#[tokio::test]
async fn reads_use_a_connection_again_and_writes_never_do() {
    let server = Server::keeping(answer("200 OK", "x")).await;
    let (transport, uri) = (transport(), server.uri("/"));
    for _ in 0..5 {
        read(&transport, &uri).await.unwrap();
    }
    assert_eq!(server.ledger.connections(), 1);
    write(&transport, &uri).await.unwrap();
    write(&transport.clone(), &uri).await.unwrap();
    assert_eq!(server.ledger.connections(), 3);
    let connection = fresh_connection(&transport, &uri).await.unwrap();
    connection.send(post(&uri)).await.unwrap();
    assert_eq!(server.ledger.connections(), 4, "so does a write in two steps");
    read(&transport.clone(), &uri).await.unwrap();
    assert_eq!((server.ledger.connections(), server.ledger.whole()), (4, 9));
}

#[tokio::test]
async fn a_connection_serves_its_origin_only() {
    let one = Server::keeping(answer("200 OK", "")).await;
    let other = Server::keeping(answer("200 OK", "")).await;
    let transport = transport();
    for server in [&one, &other, &one, &other] {
        read(&transport, server.uri("/")).await.unwrap();
    }
    // The same address under another name is another origin.
    let by_name = format!("http://localhost:{}/", one.address.port());
    read(&transport, by_name).await.unwrap();
    assert_eq!((one.ledger.connections(), other.ledger.connections()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_end_cleanly_leaves_no_connection_behind() {
    for text in [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxSURPLUS",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n\r\n",
    ] {
        let server = Server::keeping(text).await;
        let transport = transport();
        let begin = Instant::now();
        for connections in 1..=3 {
            let answer = read(&transport, server.uri("/")).await.unwrap();
            assert_eq!(answer.body(), b"x");
            assert_eq!(server.ledger.connections(), connections, "{text:?}");
            server.ledger.all_closed().await;
        }
        assert_eq!(begin.elapsed(), Duration::ZERO, "each was closed at once");
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_after_a_while() {
    let server = Server::keeping(answer("200 OK", "")).await;
    let transport = transport();
    read(&transport, server.uri("/")).await.unwrap();
    sleep(Duration::from_millis(14_900)).await;
    assert_eq!(server.ledger.open(), 1);
    read(&transport, server.uri("/")).await.unwrap();
    assert_eq!(server.ledger.connections(), 1, "still young enough");
    sleep(Duration::from_millis(14_900)).await;
    assert_eq!(server.ledger.open(), 1, "its use made it young again");
    sleep(Duration::from_millis(200)).await;
    server.ledger.all_closed().await;
    read(&transport, server.uri("/")).await.unwrap();
    assert_eq!(server.ledger.connections(), 2);
    // The next one is watched as well.
    sleep(Duration::from_secs(16)).await;
    server.ledger.all_closed().await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_too_old_is_not_used_even_if_nobody_closed_it_yet() {
    let server = Server::keeping(answer("200 OK", "")).await;
    let transport = transport();
    read(&transport, server.uri("/")).await.unwrap();
    // The clock jumps without giving the task that closes connections a chance to run before.
    let jump = advance(Duration::from_secs(15));
    let (_, answer) = tokio::join!(biased; jump, read(&transport, server.uri("/")));
    answer.unwrap();
    assert_eq!(server.ledger.connections(), 2);
}

#[tokio::test]
async fn dropping_the_last_clone_closes_what_was_kept() {
    let server = Server::keeping(answer("200 OK", "")).await;
    let transport = transport();
    read(&transport.clone(), server.uri("/")).await.unwrap();
    drop(transport);
    server.ledger.all_closed().await;
}

#[tokio::test(start_paused = true)]
async fn few_connections_are_kept_for_an_origin() {
    let (server, gate) = gated().await;
    let transport = transport();
    let reads = spawn_reads(&transport, &server, 10);
    sleep(Duration::from_millis(1)).await;
    gate.add_permits(10);
    for read in reads {
        read.await.unwrap();
    }
    sleep(Duration::from_millis(1)).await;
    assert_eq!((server.ledger.connections(), server.ledger.open()), (10, 4));
    sleep(Duration::from_secs(16)).await;
    server.ledger.all_closed().await;
}

#[tokio::test(start_paused = true)]
async fn the_connection_used_last_is_used_next_so_that_others_grow_old() {
    let (server, gate) = gated().await;
    let transport = transport();
    let reads = spawn_reads(&transport, &server, 2);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(server.ledger.open(), 2);
    gate.add_permits(6);
    for read in reads {
        read.await.unwrap();
    }
    for _ in 0..4 {
        sleep(Duration::from_secs(5)).await;
        read(&transport, server.uri("/")).await.unwrap();
    }
    assert_eq!((server.ledger.connections(), server.ledger.open()), (2, 1));
}

#[tokio::test]
async fn a_kept_connection_that_the_server_closed_is_seen_before_its_use() {
    for reset in [false, true] {
        let close = Arc::new(Notify::new());
        let closing = close.clone();
        let server = Server::start(move |mut peer, _| {
            let closing = closing.clone();
            async move {
                peer.request().await;
                peer.say(answer("200 OK", "")).await;
                closing.notified().await;
                if reset {
                    peer.rst();
                }
            }
        })
        .await;
        let transport = transport();
        for connections in 1..=3 {
            let answer = read(&transport, server.uri("/")).await.unwrap();
            assert_eq!(attempts(&answer), 1, "no attempt was lost on a dead connection");
            assert_eq!(server.ledger.connections(), connections);
            close.notify_one();
            server.ledger.all_closed().await;
        }
        assert_eq!(server.ledger.whole(), 3);
    }
}

/// The race that nobody can win: the server closes the connection while the request is on its way.
#[tokio::test(start_paused = true)]
async fn a_read_lost_with_a_kept_connection_is_sent_again_or_in_doubt() {
    for (reset, max_attempts) in [(false, 2), (true, 2), (false, 1), (true, 1)] {
        let server = Server::start(move |mut peer, number| async move {
            peer.request().await;
            peer.say(answer("200 OK", "")).await;
            if number == 1 {
                // The next request is on its way already, or even read.
                peer.request().await;
                if reset {
                    peer.rst();
                }
            } else {
                peer.closed().await;
            }
        })
        .await;
        let max_attempts = NonZeroU32::new(max_attempts).unwrap();
        let transport = builder().max_attempts(max_attempts).build().unwrap();
        read(&transport, server.uri("/")).await.unwrap();
        match read(&transport, server.uri("/")).await {
            Ok(answer) => assert_eq!((attempts(&answer), server.ledger.connections()), (2, 2)),
            Err(error) => {
                assert_eq!(max_attempts, NonZeroU32::MIN, "{error:?}");
                assert_eq!(error.kind(), ErrorKind::Interrupted);
                assert_eq!(error.delivery(), Delivery::Unknown, "that is all that is proved");
            }
        }
        assert_eq!(server.ledger.whole(), 1 + max_attempts.get() as usize);
    }
}

#[test]
fn a_transport_outlives_a_runtime() {
    let transport = transport();
    for _ in 0..3 {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Server::keeping(answer("200 OK", "")).await;
            for _ in 0..2 {
                read(&transport, server.uri("/")).await.unwrap();
            }
            assert_eq!(server.ledger.connections(), 1);
        });
    }
}

fn at_most(connections: usize) -> Transport {
    let connections = NonZeroUsize::new(connections).unwrap();
    builder().max_connections(connections).build().unwrap()
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
async fn calls_on_many_threads_use_64_connections_unless_told_otherwise() {
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
    for read in spawn_reads(&transport, &server, 1000) {
        assert_eq!(read.await.unwrap().body(), b"x");
    }
    assert_eq!(server.ledger.whole(), 1000);
    assert!(most.load(Ordering::SeqCst) <= 64, "{most:?}");
    server.ledger.until(|ledger| ledger.open() <= 4).await;
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_free_connection_counts_towards_the_whole_call() {
    let (server, _gate) = gated().await;
    let (transport, uri) = (at_most(1), server.uri("/"));
    let connection = fresh_connection(&transport, &uri).await.unwrap();
    let message = |time| {
        format!("no free connection for {} (at most 1 are open) within {time}", server.address)
    };
    let for_read = message("the total limit of 60 s");
    let for_write = message("50 s; the remaining 30 s of the call are reserved for the answer");
    let expected = (Phase::Queue, Delivery::NotSent);
    tokio::join!(
        times_out(read(&transport, &uri), 60, expected, &for_read),
        times_out(write(&transport, &uri), 50, expected, &for_write),
    );
    drop(connection);
    assert_eq!((server.ledger.whole(), server.ledger.connections()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_connection_becomes_free_when_its_call_is_dropped_or_its_write_is_sent() {
    let (server, gate) = gated().await;
    let (transport, uri) = (at_most(1), server.uri("/"));
    let dropped = timeout(Duration::from_secs(1), read(&transport, &uri)).await;
    assert!(dropped.is_err());
    let connection = fresh_connection(&transport, &uri).await.unwrap();
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

#[tokio::test(start_paused = true)]
async fn retired_connections_carry_no_later_request() {
    let (server, gate) = gated().await;
    let (transport, uri) = (transport(), server.uri("/"));
    let begin = Instant::now();
    gate.add_permits(1);
    read(&transport, &uri).await.unwrap();
    transport.retire_connections();
    server.ledger.all_closed().await;

    // One that is in use is retired after its exchange.
    let (answer, ()) = tokio::join!(read(&transport, &uri), async {
        sleep(Duration::from_millis(1)).await;
        assert_eq!(server.ledger.whole(), 2);
        transport.retire_connections();
        gate.add_permits(3);
    });
    answer.unwrap();
    server.ledger.all_closed().await;
    assert!(begin.elapsed() < Duration::from_secs(1), "closed at once");
    read(&transport, &uri).await.unwrap();
    read(&transport, &uri).await.unwrap();
    assert_eq!(server.ledger.connections(), 3, "later ones are kept again");
}
