//! Servers that send data before a request: it is never taken for an answer, and a request that was not
//! written because of it was not sent.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, UNIX_EPOCH};

use dls_transport::{Delivery, Error, ErrorKind, Transport};
use tokio_rustls::LazyConfigAcceptor;

use crate::support::tls::{Issuer, Validity};
use crate::support::{
    Server, answer, attempts, builder, connect, post, read, transport, whole_request, write,
};

const STRAY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray";

/// The longest wait for the other thread.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// The server's end of a connection, on a thread of its own, so that the client's runtime learns
/// nothing of it by working for the server.
struct Peer {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Peer {
    /// The target of the next request; `None` at the end of the connection.
    fn request(&mut self) -> Option<String> {
        loop {
            if let Some(length) = whole_request(&self.read) {
                let request: Vec<u8> = self.read.drain(..length).collect();
                let request = String::from_utf8(request).unwrap();
                return request.split(' ').nth(1).map(str::to_owned);
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.read.extend_from_slice(&bytes[..count]),
            }
        }
    }

    fn say(&mut self, text: &str) {
        // As far as the client listens.
        let _ = self.stream.write_all(text.as_bytes());
    }
}

/// A server on a thread. `script` is given each connection and its number, counted from 1, and a
/// channel to tell the test when its data has been sent.
struct Threaded {
    address: SocketAddr,
    stray_sent: Receiver<()>,
    thread: JoinHandle<()>,
}

impl Threaded {
    fn start(
        connections: usize,
        script: impl Fn(&mut Peer, usize, &Sender<()>) + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, stray_sent) = channel();
        let thread = thread::spawn(move || {
            for number in 1..=connections {
                let stream = listener.accept().unwrap().0;
                stream.set_read_timeout(Some(MAX_WAIT)).unwrap();
                // Data has arrived as soon as it is written.
                stream.set_nodelay(true).unwrap();
                let mut peer = Peer { stream, read: Vec::new() };
                script(&mut peer, number, &tell);
            }
        });
        Self { address, stray_sent, thread }
    }

    fn uri(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
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
        let Threaded { address, stray_sent, thread } =
            Threaded::start(1, move |peer, _, stray_sent| {
                peer.say(if in_two_steps { "H" } else { STRAY });
                stray_sent.send(()).unwrap();
                assert_eq!(peer.request(), None);
                assert!(peer.read.is_empty(), "something was sent");
            });
        let uri = format!("http://{address}/");
        let outcome = if in_two_steps {
            let connection = connect(&transport(), &uri).await.unwrap();
            stray_sent.recv_timeout(MAX_WAIT).unwrap();
            connection.send(post(&uri)).await
        } else {
            write(&after_unsolicited_data(stray_sent), &uri).await
        };
        was_not_sent(&outcome.unwrap_err(), address);
        thread.join().unwrap();
    }
}

#[tokio::test]
async fn a_read_is_sent_on_another_connection_than_one_with_unsolicited_data() {
    let Threaded { address, stray_sent, thread } =
        Threaded::start(2, |peer, number, stray_sent| {
            if number == 1 {
                peer.say(STRAY);
                stray_sent.send(()).unwrap();
                assert_eq!(peer.request(), None);
                assert!(peer.read.is_empty(), "something was sent");
            }
            while let Some(target) = peer.request() {
                peer.say(&answer("200 OK", &target));
            }
        });
    let transport = after_unsolicited_data(stray_sent);
    for number in 0..17 {
        let target = format!("/{number}");
        let uri = format!("http://{address}{target}");
        let answer = read(&transport, uri).await.unwrap();
        assert_eq!(answer.body(), target.as_bytes());
        assert_eq!(attempts(&answer), if number == 0 { 2 } else { 1 });
    }
    drop(transport);
    thread.join().unwrap();
}

/// The main task of a runtime with workers is polled apart from them, and does not poll sockets.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_has_arrived_on_a_kept_connection_retires_it_before_its_next_use() {
    let server = Threaded::start(17, |peer, _, stray_sent| {
        let target = peer.request().unwrap();
        peer.say(&answer("200 OK", &target));
        // It is kept once the test has the answer and asks for more.
        assert_eq!(peer.request().unwrap(), "/kept");
        peer.say(&answer("200 OK", "kept"));
        peer.say(STRAY);
        stray_sent.send(()).unwrap();
        assert_eq!(peer.request(), None);
        assert!(peer.read.is_empty(), "something was sent");
    });
    let transport = transport();
    for number in 0..17 {
        let target = format!("/{number}");
        let answer = read(&transport, server.uri(&target)).await.unwrap();
        assert_eq!(answer.body(), target.as_bytes());
        assert_eq!(attempts(&answer), 1, "no attempt is lost");
        let answer = read(&transport, server.uri("/kept")).await.unwrap();
        assert_eq!(answer.body(), b"kept");
        server.stray_sent.recv_timeout(MAX_WAIT).unwrap();
    }
    drop(transport);
    server.thread.join().unwrap();
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
    let connection = connect(&transport, &uri).await.unwrap();
    accepted.notified().await;
    assert_eq!(connection.send(post(&uri)).await.unwrap().body(), b"x");
    for _ in 0..3 {
        read(&transport, &uri).await.unwrap();
    }
    assert_eq!(server.ledger.connections(), 1, "the reads go on with it");
}
