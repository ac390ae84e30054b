//! A write in two steps: fresh_connection, then send.

use std::time::{Duration, SystemTime};

use dls_transport::sign::SdkDate;
use dls_transport::{Delivery, ErrorKind, Phase};

use crate::support::{Server, answer, fresh_connection, post, transport};

#[tokio::test]
async fn connecting_sends_nothing_and_sending_sends_once() {
    let server = Server::keeping(answer("200 OK", "done")).await;
    let connection = fresh_connection(&transport(), server.uri("/x")).await.unwrap();
    assert_eq!(
        format!("{connection:?}"),
        format!("FreshConnection {{ origin: \"{}\", .. }}", server.address)
    );
    tokio::task::yield_now().await;
    assert_eq!((server.ledger.connections(), server.ledger.whole()), (1, 0));

    let answer = connection.send(post(server.uri("/x"))).await.unwrap();
    assert_eq!(answer.body(), b"done");
    assert_eq!((server.ledger.connections(), server.ledger.whole()), (1, 1));
}

#[tokio::test]
async fn the_signature_bears_the_time_that_was_noted_down() {
    let server = Server::keeping(answer("200 OK", "")).await;
    let connection = fresh_connection(&transport(), server.uri("/")).await.unwrap();
    let at: SystemTime = "20240429T081530Z".parse::<SdkDate>().unwrap().into();
    connection.send_at(post(server.uri("/")), at + Duration::from_millis(900)).await.unwrap();
    let request = server.ledger.requests().remove(0);
    assert!(request.contains("\r\nx-sdk-date: 20240429T081530Z\r\n"), "{request}");
}

#[tokio::test]
async fn a_request_to_another_origin_is_refused() {
    let server = Server::keeping(answer("200 OK", "")).await;
    let connection = fresh_connection(&transport(), server.uri("/")).await.unwrap();
    let error = connection.send(post("https://other.example/")).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::InvalidRequest, Delivery::NotSent));
    let message =
        format!("the connection is to {}, but the request is to other.example", server.address);
    assert_eq!(error.to_string(), message);
    assert_eq!(server.ledger.whole(), 0);
}

#[tokio::test]
async fn a_connection_that_died_while_it_waited_proves_that_nothing_was_sent() {
    for reset in [false, true] {
        let server = Server::start(move |peer, _| async move {
            if reset {
                peer.rst();
            }
        })
        .await;
        let connection = fresh_connection(&transport(), server.uri("/")).await.unwrap();
        server.ledger.settled(1).await;
        let error = connection.send(post(server.uri("/"))).await.unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Interrupted, Phase::Answer));
        assert_eq!((error.delivery(), error.attempts()), (Delivery::NotSent, 1));
        assert_eq!((server.ledger.whole(), server.ledger.connections()), (0, 1));
    }
}

#[tokio::test]
async fn a_401_to_one_stops_another_that_is_connected_already() {
    let server = Server::keeping(answer("401 Unauthorized", "")).await;
    let (transport, uri) = (transport(), server.uri("/"));
    let one = fresh_connection(&transport, &uri).await.unwrap();
    let other = fresh_connection(&transport, &uri).await.unwrap();
    assert_eq!(one.send(post(&uri)).await.unwrap().status(), 401);
    let error = other.send(post(&uri)).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Stopped, Delivery::NotSent));
    assert_eq!(server.ledger.whole(), 1);
    assert_eq!(fresh_connection(&transport, &uri).await.unwrap_err().kind(), ErrorKind::Stopped);
    assert_eq!(server.ledger.connections(), 2);
}
