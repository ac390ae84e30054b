//! The fault matrix: each way in which a connection can fail, and what is proved then. For writes
//! it is compared with how many requests the server read whole.

use std::error::Error as _;
use std::io;

use dls_transport::{Delivery, Error, ErrorKind, Phase};

use crate::support::{Server, answer, drop_when, nobody, read, transport, write};

/// What a failed write reports.
#[derive(Debug, PartialEq)]
struct Reported {
    kind: ErrorKind,
    phase: Phase,
    delivery: Delivery,
    status: Option<u16>,
}

fn reported(error: &Error) -> Reported {
    let status = error.status().map(|status| status.as_u16());
    Reported { kind: error.kind(), phase: error.phase(), delivery: error.delivery(), status }
}

/// No usable answer to a request that may have been read.
fn in_doubt(kind: ErrorKind) -> Reported {
    Reported { kind, phase: Phase::Answer, delivery: Delivery::Unknown, status: None }
}

/// An answer that did not come in whole.
fn answered(kind: ErrorKind, status: u16) -> Reported {
    Reported { kind, phase: Phase::Body, delivery: Delivery::Answered, status: Some(status) }
}

/// Sends one write to a server that reads it whole, says this and closes, or resets.
async fn after_hearing(bytes: &'static [u8], reset: bool) -> Error {
    let server = Server::start(move |mut peer, _| async move {
        peer.request().await;
        peer.say(bytes).await;
        if reset {
            peer.rst();
        } else {
            peer.fin().await;
        }
    })
    .await;
    let error = write(&transport(), server.uri("/")).await.unwrap_err();
    assert_eq!(server.ledger.whole(), 1, "sent once, whatever was heard");
    assert_eq!(server.ledger.connections(), 1);
    assert_eq!(error.attempts(), 1);
    error
}

#[tokio::test]
async fn nobody_listening_proves_that_nothing_was_sent() {
    let address = nobody().await;
    let error = write(&transport(), format!("http://{address}/")).await.unwrap_err();
    let expected = Reported {
        kind: ErrorKind::Connect,
        phase: Phase::Connect,
        delivery: Delivery::NotSent,
        status: None,
    };
    assert_eq!(reported(&error), expected);
    assert_eq!(error.to_string(), format!("no connection to {address}"));
    let source = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(source.kind(), io::ErrorKind::ConnectionRefused);
}

/// A server that ends each connection as soon as it is accepted. Whether that is seen before the
/// request is written is a race, so only the ledger decides.
#[tokio::test]
async fn a_connection_ended_right_at_its_beginning_is_never_called_unsent_wrongly() {
    for reset in [false, true] {
        let server = Server::start(move |peer, _| async move {
            if reset {
                peer.rst();
            }
        })
        .await;
        for _ in 0..50 {
            let error = write(&transport(), server.uri("/")).await.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::Connect), "{error}");
            assert_ne!(error.delivery(), Delivery::Answered);
        }
        assert_eq!(server.ledger.whole(), 0);
    }
}

#[tokio::test]
async fn a_whole_request_without_a_whole_head_of_its_answer_is_in_doubt() {
    for bytes in [
        &b""[..],
        b"H",
        b"HTTP/1.1",
        b"HTTP/1.1 20",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200",
    ] {
        for reset in [false, true] {
            let error = after_hearing(bytes, reset).await;
            assert_eq!(reported(&error), in_doubt(ErrorKind::Interrupted), "{bytes:?} {reset}");
            let message = error.to_string();
            assert!(message.starts_with("the connection to 127.0.0.1:"), "{message}");
            assert!(message.ends_with(" was lost before an answer came"), "{message}");
            assert!(error.source().is_some());
        }
    }
}

#[tokio::test]
async fn what_is_not_http_is_no_answer() {
    for bytes in [
        &b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"[..],
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"<html>hello</html>\r\n\r\n",
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 1000 X\r\n\r\n",
        b"HTTP/1.1 20 X\r\n\r\n",
        b"HTTP/1.1 099 X\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
    ] {
        let error = after_hearing(bytes, false).await;
        assert_eq!(reported(&error), in_doubt(ErrorKind::Protocol), "{bytes:?}");
        assert!(error.to_string().ends_with(" did not answer in HTTP/1.1"), "{error}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_the_status_standing() {
    for bytes in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello",
    ] {
        for reset in [false, true] {
            let error = after_hearing(bytes, reset).await;
            assert_eq!(reported(&error), answered(ErrorKind::Body, 200), "{bytes:?} {reset}");
            let message = error.to_string();
            assert!(message.ends_with(" (status 200) broke off"), "{message}");
        }
    }
}

#[tokio::test]
async fn a_body_that_only_the_connection_ends_is_taken_as_it_is() {
    // Nobody can tell a cut one from a whole one here: reading its content must.
    let server = Server::once("HTTP/1.1 200 OK\r\n\r\n{\"deploy_package_det").await;
    let answer = write(&transport(), server.uri("/")).await.unwrap();
    assert_eq!(answer.body(), b"{\"deploy_package_det");

    // A reset can be detected.
    let error = after_hearing(b"HTTP/1.1 200 OK\r\n\r\n{\"deploy_package_det", true).await;
    assert_eq!(reported(&error), answered(ErrorKind::Body, 200));
}

#[tokio::test]
async fn dropping_a_call_ends_its_connection_and_keeps_it_out_of_the_pool() {
    let server = Server::start(|mut peer, number| async move {
        peer.request().await;
        if number > 1 {
            peer.say(answer("200 OK", "")).await;
        }
        peer.closed().await;
    })
    .await;
    let transport = transport();
    drop_when(read(&transport, server.uri("/")), || server.ledger.whole() > 0).await;
    server.ledger.all_closed().await;
    read(&transport, server.uri("/")).await.unwrap();
    assert_eq!(server.ledger.connections(), 2);
}
