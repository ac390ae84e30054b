//! A write in two halves: connect, then send.

use std::time::{Duration, SystemTime};

use dls_transport::sign::SdkDate;
use dls_transport::{Delivery, ErrorKind, Phase};

use crate::support::{Server, answer, builder, post, transport};

#[tokio::test]
async fn connecting_sends_nothing_and_sending_sends_once() {
    let server = Server::keeping(answer("200 OK", "done")).await;
    let transport = transport();
    let uri = server.uri("/x").parse().unwrap();
    let connection = transport.connect(&uri).await.unwrap();
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
    let transport = transport();
    let connection = transport.connect(&server.uri("/").parse().unwrap()).await.unwrap();
    let at: SystemTime = "20240429T081530Z".parse::<SdkDate>().unwrap().into();
    connection.send_at(post(server.uri("/")), at + Duration::from_millis(900)).await.unwrap();
    let request = server.ledger.requests().remove(0);
    assert!(request.contains("\r\nx-sdk-date: 20240429T081530Z\r\n"), "{request}");
}

#[tokio::test]
async fn a_request_to_another_origin_is_refused() {
    let server = Server::keeping(answer("200 OK", "")).await;
    let connection = transport().connect(&server.uri("/").parse().unwrap()).await.unwrap();
    let error = connection.send(post("https://other.example/")).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::InvalidRequest, Delivery::NotSent));
    let message = format!("the connection leads to {}, not to other.example", server.address);
    assert_eq!(error.to_string(), message);
    assert_eq!(server.ledger.whole(), 0);
}

#[tokio::test]
async fn each_write_has_a_connection_of_its_own() {
    let server = Server::keeping(answer("200 OK", "")).await;
    let transport = transport();
    crate::support::read(&transport, server.uri("/")).await.unwrap();
    for connections in 2..=4 {
        let connection = transport.connect(&server.uri("/").parse().unwrap()).await.unwrap();
        connection.send(post(server.uri("/"))).await.unwrap();
        assert_eq!(server.ledger.connections(), connections);
    }
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
        let connection = transport().connect(&server.uri("/").parse().unwrap()).await.unwrap();
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
    let transport = builder().build().unwrap();
    let uri = server.uri("/").parse().unwrap();
    let (one, other) =
        (transport.connect(&uri).await.unwrap(), transport.connect(&uri).await.unwrap());
    assert_eq!(one.send(post(server.uri("/"))).await.unwrap().status(), 401);
    let error = other.send(post(server.uri("/"))).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Stopped, Delivery::NotSent));
    assert_eq!(server.ledger.whole(), 1);
    assert_eq!(transport.connect(&uri).await.unwrap_err().kind(), ErrorKind::Stopped);
    assert_eq!(server.ledger.connections(), 2);
}
