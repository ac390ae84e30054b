//! Servers that send data before a request: it is never taken for an answer, and a request that was not
//! written because of it was not sent.

use std::io::Write as _;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use dls_transport::{Delivery, Error, ErrorKind, Transport};
use tokio_rustls::LazyConfigAcceptor;

use crate::support::tls::{Issuer, Validity};
use crate::support::{
    Server, answer, attempts, builder, fresh_connection, post, read, transport, write,
};

const STRAY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray";

/// The longest wait for the other thread.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// The path that a request asks for.
fn path(request: &str) -> &str {
    request.split(' ').nth(1).unwrap()
}

/// A transport whose first signature is delayed until the server has sent its data: after connecting,
/// and before the first byte of the request.
fn after_unsolicited_data(stray_sent: Receiver<()>) -> Transport {
    let stray_sent = Mutex::new(Some(stray_sent));
    let clock = move || {
        if let Some(stray_sent) = stray_sent.lock().unwrap().take() {
            stray_sent.recv_timeout(MAX_WAIT).unwrap();
        }
        UNIX_EPOCH + Duration::from_secs(1_714_378_530)
    };
    builder().clock(clock).build().unwrap()
}

#[track_caller]
fn was_not_sent(error: &Error, address: impl std::fmt::Display) {
    assert_eq!(
        (error.kind(), error.delivery(), error.attempts()),
        (ErrorKind::Interrupted, Delivery::NotSent, 1),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        format!("{address} sent data before the request, so the request was not sent")
    );
}

#[tokio::test]
async fn a_write_is_not_sent_on_a_connection_with_unsolicited_data() {
    for in_two_steps in [false, true] {
        let (tell, stray_sent) = channel();
        let server = Server::start_on_thread(move |mut peer, _| {
            let tell = tell.clone();
            async move {
                peer.say(if in_two_steps { "H" } else { STRAY }).await;
                tell.send(()).unwrap();
                peer.request().await;
            }
        });
        let uri = server.uri("/");
        let outcome = if in_two_steps {
            let connection = fresh_connection(&transport(), &uri).await.unwrap();
            stray_sent.recv_timeout(MAX_WAIT).unwrap();
            connection.send(post(&uri)).await
        } else {
            write(&after_unsolicited_data(stray_sent), &uri).await
        };
        was_not_sent(&outcome.unwrap_err(), server.address);
        server.ledger.settled(1).await;
        assert_eq!((server.ledger.whole(), server.ledger.partial()), (0, 0));
    }
}

#[tokio::test]
async fn a_read_is_sent_on_another_connection_than_one_with_unsolicited_data() {
    let (tell, stray_sent) = channel();
    let server = Server::start_on_thread(move |mut peer, number| {
        let tell = tell.clone();
        async move {
            if number == 1 {
                peer.say(STRAY).await;
                tell.send(()).unwrap();
            }
            while let Some(request) = peer.request().await {
                peer.say(answer("200 OK", path(&request))).await;
            }
        }
    });
    let transport = after_unsolicited_data(stray_sent);
    for number in 0..17 {
        let path = format!("/{number}");
        let answer = read(&transport, server.uri(&path)).await.unwrap();
        assert_eq!(answer.body(), path.as_bytes());
        assert_eq!(attempts(&answer), if number == 0 { 2 } else { 1 });
    }
    drop(transport);
    server.ledger.settled(2).await;
    assert_eq!((server.ledger.whole(), server.ledger.partial()), (17, 0));
}

/// The main task of a runtime with workers is polled apart from them, and does not poll sockets.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_has_arrived_on_a_kept_connection_retires_it_before_its_next_use() {
    let (tell, stray_sent) = channel();
    let server = Server::start_on_thread(move |mut peer, _| {
        let tell = tell.clone();
        async move {
            while let Some(request) = peer.request().await {
                peer.say(answer("200 OK", path(&request))).await;
                // The connection is kept once the test has an answer and asks for more.
                if path(&request) == "/kept" {
                    peer.say(STRAY).await;
                    tell.send(()).unwrap();
                }
            }
        }
    });
    let transport = transport();
    for number in 1..=17 {
        let path = format!("/{number}");
        let answer = read(&transport, server.uri(&path)).await.unwrap();
        assert_eq!(answer.body(), path.as_bytes());
        assert_eq!(attempts(&answer), 1, "no attempt is lost");
        assert_eq!(server.ledger.connections(), number);
        let answer = read(&transport, server.uri("/kept")).await.unwrap();
        assert_eq!(answer.body(), b"/kept");
        assert_eq!(server.ledger.connections(), number);
        stray_sent.recv_timeout(MAX_WAIT).unwrap();
    }
    drop(transport);
    server.ledger.settled(17).await;
    assert_eq!((server.ledger.whole(), server.ledger.partial()), (34, 0));
}

#[tokio::test]
async fn data_right_after_the_tls_handshake_is_unsolicited_too() {
    let issuer = Issuer::new();
    let mut config = issuer.server("localhost", Validity::Now);
    // With the server's last words of the handshake.
    config.send_half_rtt_data = true;
    let config = Arc::new(config);
    let server = Server::start(move |peer, _| {
        let config = config.clone();
        async move {
            let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), peer.stream);
            let start = start.await.unwrap();
            let speak = |session: &mut rustls::ServerConnection| {
                session.writer().write_all(STRAY.as_bytes()).unwrap();
            };
            if let Ok(stream) = start.into_stream_with(config, speak).await {
                let mut peer = crate::support::Peer::new(stream, peer.ledger);
                peer.request().await;
            }
        }
    })
    .await;
    let transport = builder().roots(issuer.roots()).build().unwrap();
    let error = write(&transport, server.tls_uri("/")).await.unwrap_err();
    was_not_sent(&error, format!("localhost:{}", server.address.port()));
    server.ledger.all_closed().await;
    assert_eq!(server.ledger.whole(), 0);
}

/// A server of TLS 1.3 hands out tickets for later sessions after the handshake: nothing of HTTP.
#[tokio::test]
async fn session_tickets_are_not_unsolicited_data() {
    let issuer = Issuer::new();
    let mut config = issuer.server("localhost", Validity::Now);
    config.send_tls13_tickets = 8;
    let accepted = Arc::new(tokio::sync::Notify::new());
    let notify = accepted.clone();
    let server = Server::start_tls(config, move |mut peer, _| {
        let notify = notify.clone();
        async move {
            // The tickets are written when the handshake is done.
            notify.notify_one();
            while peer.request().await.is_some() {
                peer.say(answer("200 OK", "x")).await;
            }
        }
    })
    .await;
    let transport = builder().roots(issuer.roots()).build().unwrap();
    let uri = server.tls_uri("/");
    let connection = fresh_connection(&transport, &uri).await.unwrap();
    accepted.notified().await;
    assert_eq!(connection.send(post(&uri)).await.unwrap().body(), b"x");
    for _ in 0..3 {
        read(&transport, &uri).await.unwrap();
    }
    assert_eq!(server.ledger.connections(), 1, "the reads go on with it");
}
