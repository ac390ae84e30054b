//! Connections kept for reads: how many, how long, and what happens when one turns out dead.

use std::sync::Arc;
use std::time::Duration;

use dls_transport::{Delivery, ErrorKind, ResponseMeta};
use tokio::sync::{Barrier, Notify};
use tokio::time::{Instant, advance, sleep};

use crate::support::{Server, answer, answer_with, builder, read, transport, write};

#[tokio::test]
async fn reads_use_a_connection_again_and_writes_never_do() {
    let server = Server::keeping(answer("200 OK", "x")).await;
    let transport = transport();
    for _ in 0..5 {
        read(&transport, server.uri("/")).await.unwrap();
    }
    assert_eq!(server.ledger.connections(), 1);
    write(&transport, server.uri("/")).await.unwrap();
    write(&transport.clone(), server.uri("/")).await.unwrap();
    assert_eq!(server.ledger.connections(), 3);
    read(&transport.clone(), server.uri("/")).await.unwrap();
    assert_eq!(server.ledger.connections(), 3);
    assert_eq!(server.ledger.whole(), 8);
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

#[tokio::test]
async fn an_answer_that_does_not_end_cleanly_leaves_no_connection_behind() {
    for text in [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxSURPLUS",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n\r\n",
    ] {
        let server = Server::keeping(text).await;
        let transport = transport();
        for connections in 1..=3 {
            let answer = read(&transport, server.uri("/")).await.unwrap();
            assert_eq!(answer.body(), b"x");
            assert_eq!(server.ledger.connections(), connections, "{text:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_cannot_be_used_again_is_closed_at_once() {
    let headers = "Connection: close\r\n";
    let server = Server::start(move |mut peer, _| async move {
        peer.request().await;
        peer.say(answer_with("200 OK", headers, "")).await;
        peer.closed().await;
    })
    .await;
    let transport = transport();
    let begin = Instant::now();
    read(&transport, server.uri("/")).await.unwrap();
    server.ledger.all_closed().await;
    assert_eq!(begin.elapsed(), Duration::ZERO);
    drop(transport);
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
    // All requests are answered together, so that each has a connection of its own.
    let gate = Arc::new(Barrier::new(10));
    let server = Server::start(move |mut peer, _| {
        let gate = gate.clone();
        async move {
            peer.request().await;
            gate.wait().await;
            peer.say(answer("200 OK", "")).await;
            peer.closed().await;
        }
    })
    .await;
    let transport = transport();
    let calls = (0..10).map(|_| {
        let (transport, uri) = (transport.clone(), server.uri("/"));
        tokio::spawn(async move { read(&transport, uri).await.unwrap() })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    sleep(Duration::from_millis(1)).await;
    assert_eq!((server.ledger.connections(), server.ledger.open()), (10, 4));
    sleep(Duration::from_secs(16)).await;
    server.ledger.all_closed().await;
}

#[tokio::test(start_paused = true)]
async fn the_connection_used_last_is_used_next_so_that_others_grow_old() {
    let gate = Arc::new(Barrier::new(2));
    let server = Server::start(move |mut peer, _| {
        let gate = gate.clone();
        async move {
            peer.request().await;
            gate.wait().await;
            peer.say(answer("200 OK", "")).await;
            while peer.request().await.is_some() {
                peer.say(answer("200 OK", "")).await;
            }
        }
    })
    .await;
    let transport = transport();
    let uri = server.uri("/");
    let (one, other) = tokio::join!(read(&transport, &uri), read(&transport, &uri));
    assert!(one.is_ok() && other.is_ok());
    assert_eq!(server.ledger.open(), 2);
    for _ in 0..4 {
        sleep(Duration::from_secs(5)).await;
        read(&transport, &uri).await.unwrap();
    }
    assert_eq!((server.ledger.connections(), server.ledger.open()), (2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_callers_on_many_threads_share_a_transport() {
    let server = Server::keeping(answer("200 OK", "x")).await;
    let transport = transport();
    let callers = (0..20).map(|_| {
        let (transport, uri) = (transport.clone(), server.uri("/"));
        tokio::spawn(async move {
            for _ in 0..50 {
                assert_eq!(read(&transport, &uri).await.unwrap().body(), b"x");
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    assert_eq!(server.ledger.whole(), 1000);
    server.ledger.until(|ledger| ledger.open() <= 4).await;
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
            let meta = answer.extensions().get::<ResponseMeta>().unwrap();
            assert_eq!(meta.attempts(), 1, "no attempt was lost on a dead connection");
            assert_eq!(server.ledger.connections(), connections);
            close.notify_one();
            server.ledger.all_closed().await;
        }
        assert_eq!(server.ledger.whole(), 3);
    }
}

#[tokio::test]
async fn what_a_server_says_unasked_is_not_taken_for_the_next_answer() {
    let server = Server::start(|mut peer, _| async move {
        while peer.request().await.is_some() {
            peer.say(answer("200 OK", "right")).await;
            tokio::task::yield_now().await;
            peer.say(answer("200 OK", "unasked")).await;
        }
    })
    .await;
    let transport = transport();
    for connections in 1..=3 {
        let answer = read(&transport, server.uri("/")).await.unwrap();
        assert_eq!(answer.body(), b"right");
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        assert_eq!(server.ledger.connections(), connections);
    }
}

/// The race that nobody can win: the server closes the connection while the request is on its way.
#[tokio::test(start_paused = true)]
async fn a_read_survives_a_connection_that_dies_under_it() {
    for reset in [false, true] {
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
        let transport = transport();
        read(&transport, server.uri("/")).await.unwrap();
        let answer = read(&transport, server.uri("/")).await.unwrap();
        assert_eq!(answer.extensions().get::<ResponseMeta>().unwrap().attempts(), 2);
        assert_eq!((server.ledger.connections(), server.ledger.whole()), (2, 3));
    }
}

/// The same without another attempt: what is said of it is what is proved.
#[tokio::test(start_paused = true)]
async fn a_request_lost_with_a_kept_connection_is_in_doubt() {
    let server = Server::start(|mut peer, _| async move {
        peer.request().await;
        peer.say(answer("200 OK", "")).await;
        peer.request().await;
    })
    .await;
    let once = std::num::NonZeroU32::MIN;
    let transport = builder().max_attempts(once).build().unwrap();
    read(&transport, server.uri("/")).await.unwrap();
    let error = read(&transport, server.uri("/")).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Interrupted, Delivery::Unknown));
    assert_eq!(server.ledger.whole(), 2);
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
