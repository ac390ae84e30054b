//! TLS with certificates made on the spot: who is refused, and what is offered.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use dls_transport::{Delivery, Error, ErrorKind, Phase, Retry, Roots, Transport};
use rustls::server::{Acceptor, ClientHello, WebPkiClientVerifier};
use rustls::{HandshakeKind, RootCertStore, ServerConfig};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::tls::{Issuer, Validity};
use crate::support::{Server, answer, builder, fresh_connection, post, read, write};

fn trusting(issuer: &Issuer) -> Transport {
    builder().roots(issuer.roots()).build().unwrap()
}

async fn keeping(config: ServerConfig) -> Server {
    Server::start_tls(config, |mut peer, _| async move {
        while peer.request().await.is_some() {
            peer.say(answer("200 OK", "x")).await;
        }
    })
    .await
}

#[track_caller]
fn refused(error: &Error, message: &str) {
    assert_eq!(error.to_string(), message);
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Tls, Phase::Tls), "{error:?}");
    assert_eq!(error.delivery(), Delivery::NotSent);
    assert_eq!(error.attempts(), 1, "it would be the same another time");
    assert!(std::error::Error::source(error).is_some());
}

#[tokio::test]
async fn a_trusted_server_is_spoken_to_by_name_and_by_address() {
    let issuer = Issuer::new();
    let server = keeping(issuer.server("localhost", Validity::Now)).await;
    let answer = read(&trusting(&issuer), server.tls_uri("/")).await.unwrap();
    assert_eq!(answer.body(), b"x");

    let server = keeping(issuer.server("127.0.0.1", Validity::Now)).await;
    read(&trusting(&issuer), format!("https://{}/", server.address)).await.unwrap();
}

#[tokio::test]
async fn a_certificate_that_proves_nothing_is_refused() {
    let (issuer, stranger) = (Issuer::new(), Issuer::new());
    for (config, what) in [
        (issuer.server("localhost", Validity::Past), "has expired, or the local clock is wrong"),
        (
            issuer.server("localhost", Validity::Future),
            "is not valid yet, or the local clock is wrong",
        ),
        (issuer.server("other.example", Validity::Now), "is for another name"),
        (stranger.server("localhost", Validity::Now), "is not signed by a trusted issuer"),
    ] {
        let server = keeping(config).await;
        let port = server.address.port();
        let message = format!("the certificate of localhost:{port} {what}");
        for outcome in [
            read(&trusting(&issuer), server.tls_uri("/")).await,
            write(&trusting(&issuer), server.tls_uri("/")).await,
        ] {
            refused(&outcome.unwrap_err(), &message);
        }
        assert_eq!((server.ledger.whole(), server.ledger.connections()), (0, 2));
    }
}

#[tokio::test]
async fn the_roots_of_this_machine_do_not_trust_a_stranger() {
    let server = keeping(Issuer::new().server("localhost", Validity::Now)).await;
    let transport = builder().roots(Roots::System).build().unwrap();
    let error = write(&transport, server.tls_uri("/")).await.unwrap_err();
    // A machine without any roots trusts nobody, either.
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Tls, Delivery::NotSent));
    assert_eq!(server.ledger.whole(), 0);
}

#[tokio::test]
async fn a_server_without_tls_is_refused() {
    let server = Server::start(|mut peer, _| async move {
        // As web servers do to a client that they do not understand.
        peer.say("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await;
        peer.fin().await;
    })
    .await;
    let error = read(&trusting(&Issuer::new()), server.tls_uri("/")).await.unwrap_err();
    let port = server.address.port();
    refused(&error, &format!("localhost:{port} does not speak TLS"));
    assert_eq!(server.ledger.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_lost_in_the_handshake_proves_that_nothing_was_sent() {
    for reset in [false, true] {
        let server = Server::start(move |mut peer, _| async move {
            let mut hello = [0; 100];
            peer.stream.read_exact(&mut hello).await.unwrap();
            if reset {
                peer.rst();
            } else {
                peer.fin().await;
            }
        })
        .await;
        let transport = trusting(&Issuer::new());
        let error = write(&transport, server.tls_uri("/")).await.unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Interrupted, Phase::Tls));
        assert_eq!((error.delivery(), error.attempts()), (Delivery::NotSent, 1));
        let message = format!(
            "the connection to localhost:{} was lost in the TLS handshake",
            server.address.port()
        );
        assert_eq!(error.to_string(), message);

        let error = read(&transport, server.tls_uri("/")).await.unwrap_err();
        assert_eq!((error.delivery(), error.attempts()), (Delivery::NotSent, 3));
        assert_eq!(server.ledger.connections(), 4);
    }
}

/// A server that wants to see a certificate of the client's says so only after a TLS 1.3 handshake.
#[tokio::test]
async fn a_server_that_wants_a_certificate_is_never_called_unsent_wrongly() {
    let issuer = Issuer::new();
    let config = issuer.server("localhost", Validity::Now);
    let Roots::Pem(pem) = issuer.roots() else { panic!() };
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    let mut strict = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_cert_resolver(config.cert_resolver.clone());
    strict.alpn_protocols = config.alpn_protocols;
    let server = keeping(strict).await;
    for _ in 0..20 {
        for retry in [Retry::Never, Retry::Allowed] {
            let transport = trusting(&issuer);
            let error = transport.call(post(server.tls_uri("/")), retry).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Tls, "{error:?}");
            assert_ne!(error.delivery(), Delivery::Answered);
            assert_eq!(error.attempts(), 1);
            let port = server.address.port();
            let message = "requires a client certificate, which is not supported";
            assert_eq!(error.to_string(), format!("localhost:{port} {message}"));
            assert!(std::error::Error::source(&error).is_some());
        }
    }
    // Here the refusal has arrived before anything is written.
    let transport = trusting(&issuer);
    let connection = fresh_connection(&transport, server.tls_uri("/")).await.unwrap();
    server.ledger.all_closed().await;
    let error = connection.send(post(server.tls_uri("/"))).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Tls, Delivery::NotSent));
    assert!(std::error::Error::source(&error).is_some());
    assert_eq!(server.ledger.whole(), 0);
}

#[tokio::test]
async fn the_client_offers_one_protocol_and_no_more() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let offered = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let start = tokio_rustls::LazyConfigAcceptor::new(Acceptor::default(), stream);
        let start = start.await.unwrap();
        let hello: ClientHello<'_> = start.client_hello();
        let alpn: Vec<Vec<u8>> = hello.alpn().unwrap().map(<[u8]>::to_vec).collect();
        (alpn, hello.server_name().map(str::to_owned))
    });
    let transport = trusting(&Issuer::new());
    write(&transport, format!("https://localhost:{port}/")).await.unwrap_err();
    let (alpn, name) = offered.await.unwrap();
    assert_eq!(alpn, [b"http/1.1"]);
    assert_eq!(name.as_deref(), Some("localhost"));
}

#[tokio::test]
async fn a_session_is_resumed_and_nothing_is_sent_before_its_handshake() {
    let issuer = Issuer::new();
    let mut config = issuer.server("localhost", Validity::Now);
    // The server would take early data.
    config.max_early_data_size = 1 << 14;
    config.send_half_rtt_data = false;
    let kinds = Arc::new(Mutex::new(Vec::new()));
    let seen = kinds.clone();
    let server = Server::start_tls(config, move |mut peer, _| {
        let seen = seen.clone();
        async move {
            let connection = peer.stream.get_mut().1;
            let kind = connection.handshake_kind();
            let early = connection.early_data().is_some();
            seen.lock().unwrap().push((kind, early));
            while peer.request().await.is_some() {
                peer.say(answer("200 OK", "x")).await;
            }
        }
    })
    .await;
    let transport = trusting(&issuer);
    for _ in 0..3 {
        write(&transport.clone(), server.tls_uri("/")).await.unwrap();
    }
    let kinds = kinds.lock().unwrap().clone();
    let full = (Some(HandshakeKind::Full), false);
    let resumed = (Some(HandshakeKind::Resumed), false);
    assert_eq!(kinds, [full, resumed, resumed]);
    assert_eq!(server.ledger.whole(), 3);
}

/// Without an end of its own a body ends with the session; an end that anybody could forge counts
/// as broken off.
#[tokio::test]
async fn a_body_that_the_session_does_not_end_is_broken_off() {
    let issuer = Issuer::new();
    for orderly in [true, false] {
        let config = issuer.server("localhost", Validity::Now);
        let server = Server::start_tls(config, move |mut peer, _| async move {
            peer.request().await;
            peer.say("HTTP/1.1 200 OK\r\n\r\nhello").await;
            if orderly {
                peer.fin().await;
            } else {
                let (mut tcp, _) = peer.stream.into_inner();
                tcp.shutdown().await.unwrap();
            }
        })
        .await;
        let outcome = write(&trusting(&issuer), server.tls_uri("/")).await;
        match (outcome, orderly) {
            (Ok(answer), true) => assert_eq!(answer.body(), b"hello"),
            (Err(error), false) => {
                assert_eq!((error.kind(), error.delivery()), (ErrorKind::Body, Delivery::Answered));
            }
            (outcome, _) => panic!("{outcome:?}"),
        }
    }
}

/// That the session broke, and not the connection, says nothing about who has read what.
#[tokio::test]
async fn a_record_that_is_broken_after_the_request_leaves_doubt() {
    let issuer = Issuer::new();
    let config = issuer.server("localhost", Validity::Now);
    let server = Server::start_tls(config, |mut peer, _| async move {
        peer.request().await;
        let (mut tcp, _) = peer.stream.into_inner();
        let record = [b"\x17\x03\x03\x00\x20".as_slice(), &[7; 32]].concat();
        tcp.write_all(&record).await.unwrap();
        tcp.shutdown().await.unwrap();
        // Its alert is read, so that the connection ends in order.
        tcp.read_to_end(&mut Vec::new()).await.unwrap();
    })
    .await;
    let error = write(&trusting(&issuer), server.tls_uri("/")).await.unwrap_err();
    assert_eq!(error.delivery(), Delivery::Unknown, "{error:?}");
    assert_eq!(server.ledger.whole(), 1);
}
