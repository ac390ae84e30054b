//! The conversation cut at every byte of the request and of the answer, by an orderly end, a reset
//! and a stall, in plain text and through TLS. Whatever happens: no run calls *not sent* what the
//! server read whole, every run ends, and no write is repeated.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dls_transport::{Delivery, Error, ErrorKind, Phase, Retry, TransportBuilder};
use http::Response;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::support::tls::{Issuer, Validity};
use crate::support::{Ledger, Peer, Server, answer_with, attempts, builder, post};

/// Where a conversation is cut, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cut {
    side: Side,
    /// After how many bytes of this side.
    at: usize,
    how: How,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Side {
    Request,
    Answer,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    Fin,
    Rst,
    Stall,
}

/// How many bytes of each side were passed on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Passed {
    request: usize,
    answer: usize,
}

/// A server behind a proxy that cuts its first connection, or none, and lets later ones pass.
struct Rig {
    proxy: Server,
    cut: Arc<Mutex<Option<Cut>>>,
    passed: Arc<Mutex<Passed>>,
    tls: Option<Issuer>,
    runs: usize,
}

impl Rig {
    async fn new(tls: Option<Issuer>) -> Self {
        let acceptor = tls
            .as_ref()
            .map(|issuer| TlsAcceptor::from(Arc::new(issuer.server("localhost", Validity::Now))));
        let cut = Arc::new(Mutex::new(None));
        let passed = Arc::new(Mutex::new(Passed::default()));
        let (next_cut, note) = (cut.clone(), passed.clone());
        let proxy = Server::start(move |peer, _| {
            let cut = next_cut.lock().unwrap().take();
            let (note, acceptor) = (note.clone(), acceptor.clone());
            async move {
                let (ours, theirs) = duplex(1 << 16);
                let serve = serve(theirs, acceptor, peer.ledger.clone());
                let (passed, ()) = tokio::join!(pass_on(peer.stream, ours, cut), serve);
                *note.lock().unwrap() = passed;
            }
        })
        .await;
        Self { proxy, cut, passed, tls, runs: 0 }
    }

    fn builder(&self) -> TransportBuilder {
        match &self.tls {
            Some(issuer) => builder().roots(issuer.roots()),
            None => builder(),
        }
    }

    /// One call through the proxy, and how many requests the server read whole in it.
    async fn run(
        &mut self,
        builder: TransportBuilder,
        retry: Retry,
        cut: Option<Cut>,
    ) -> (Result<Response<Vec<u8>>, Error>, usize) {
        let ledger = &self.proxy.ledger;
        let (connections, whole) = (ledger.connections(), ledger.whole());
        *self.cut.lock().unwrap() = cut;
        let uri = match self.tls {
            Some(_) => self.proxy.tls_uri("/v2/x"),
            None => self.proxy.uri("/v2/x"),
        };
        let transport = builder.build().unwrap();
        let ended = timeout(Duration::from_secs(3600), transport.call(post(uri), retry)).await;
        let outcome = ended.unwrap_or_else(|_| panic!("the run with {cut:?} does not end"));
        // What was kept is closed with the transport; only then has the server seen everything.
        drop(transport);
        ledger.settled(connections + 1).await;
        self.runs += 1;
        if retry == Retry::Never {
            assert_eq!(ledger.connections() - connections, 1, "{cut:?}");
        }
        (outcome, ledger.whole() - whole)
    }

    /// The lengths of both sides of a conversation that is not cut.
    async fn lengths(&mut self) -> Passed {
        let (outcome, whole) = self.run(self.builder(), Retry::Never, None).await;
        assert_eq!((outcome.unwrap().status().as_u16(), whole), (200, 1));
        *self.passed.lock().unwrap()
    }

    /// Each cut of a conversation of these lengths.
    fn cuts(lengths: Passed) -> impl Iterator<Item = Cut> {
        let sides = [(Side::Request, lengths.request), (Side::Answer, lengths.answer)];
        sides.into_iter().flat_map(move |(side, length)| {
            let ways = [How::Fin, How::Rst, How::Stall];
            (0..=length).flat_map(move |at| ways.map(|how| Cut { side, at, how }))
        })
    }
}

/// Answers one request and ends the connection.
async fn serve(stream: DuplexStream, acceptor: Option<TlsAcceptor>, ledger: Arc<Ledger>) {
    async fn talk(mut peer: Peer<impl AsyncRead + AsyncWrite + Unpin>) {
        if peer.request().await.is_some() {
            let headers = "X-Request-Id: 0123456789abcdef\r\nConnection: close\r\n";
            peer.say(answer_with("200 OK", headers, r#"{"done":true}"#)).await;
        }
        let _ = peer.stream.shutdown().await;
    }
    match acceptor {
        None => talk(Peer::new(stream, ledger)).await,
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                talk(Peer::new(stream, ledger)).await;
            }
        }
    }
}

/// Passes bytes on in both directions until the cut, or until one side ends.
async fn pass_on(mut client: TcpStream, mut server: DuplexStream, cut: Option<Cut>) -> Passed {
    let mut passed = Passed::default();
    let limit = |side, passed: usize| match cut {
        Some(cut) if cut.side == side => cut.at - passed,
        _ => usize::MAX,
    };
    let (mut request, mut answer) = ([0; 4096], [0; 4096]);
    loop {
        let (more, less) =
            (limit(Side::Request, passed.request), limit(Side::Answer, passed.answer));
        // A cut before the first byte of the answer waits for that byte.
        if more == 0 || (less == 0 && passed.answer > 0) {
            break;
        }
        tokio::select! {
            biased;
            count = client.read(&mut request[..more.min(4096)]) => match count {
                Ok(0) | Err(_) => break,
                Ok(count) => {
                    passed.request += count;
                    let _ = server.write_all(&request[..count]).await;
                }
            },
            count = server.read(&mut answer[..less.clamp(1, 4096)]) => match count {
                Ok(0) | Err(_) => break,
                Ok(_) if less == 0 => break,
                Ok(count) => {
                    passed.answer += count;
                    let _ = client.write_all(&answer[..count]).await;
                }
            },
        }
    }
    let open = match cut.map_or(How::Fin, |cut| cut.how) {
        How::Fin => {
            let _ = client.shutdown().await;
            Some(client)
        }
        How::Rst => {
            client.set_zero_linger().unwrap();
            drop(client);
            None
        }
        How::Stall => Some(client),
    };
    let _ = server.shutdown().await;
    drain(server).await;
    if let Some(client) = open {
        drain(client).await;
    }
    passed
}

async fn drain(mut stream: impl AsyncRead + Unpin) {
    let mut bytes = [0; 4096];
    while !matches!(stream.read(&mut bytes).await, Ok(0) | Err(_)) {}
}

/// What must hold for each run of a write, wherever it was cut.
fn check(cut: Cut, outcome: &Result<Response<Vec<u8>>, Error>, whole: usize) {
    assert!(whole <= 1, "repeated: {cut:?}");
    match outcome {
        Ok(answer) => {
            assert_eq!((answer.body().as_slice(), whole), (&br#"{"done":true}"#[..], 1), "{cut:?}");
        }
        Err(error) => {
            match error.delivery() {
                Delivery::NotSent => assert_eq!(whole, 0, "called not sent: {cut:?} {error:?}"),
                Delivery::Unknown => (),
                Delivery::Answered => {
                    assert_eq!(whole, 1, "{cut:?} {error:?}");
                    assert_eq!(error.status().unwrap(), 200, "{cut:?} {error:?}");
                }
            }
            let before = matches!(error.phase(), Phase::Connect | Phase::Tls);
            assert!(!before || error.delivery() == Delivery::NotSent, "{cut:?} {error:?}");
            let expected = match cut.how {
                How::Stall => ErrorKind::Timeout,
                How::Fin | How::Rst if error.phase() == Phase::Body => ErrorKind::Body,
                How::Fin | How::Rst => ErrorKind::Interrupted,
            };
            // The kernel may tell a reset already while the connection is made.
            let reset = cut.how == How::Rst && error.kind() == ErrorKind::Connect;
            assert!(reset || error.kind() == expected, "{cut:?} {error:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_in_plain_text_cut_at_every_byte() {
    let mut rig = Rig::new(None).await;
    let lengths = rig.lengths().await;
    let body = r#"{"done":true}"#.len();
    for cut in Rig::cuts(lengths) {
        // A read that is sent only once proves the same.
        for retry in [Retry::Never, Retry::Allowed] {
            let once = rig.builder().max_attempts(NonZeroU32::MIN);
            let (outcome, whole) = rig.run(once, retry, Some(cut)).await;
            check(cut, &outcome, whole);

            // In plain text it is known which byte means what.
            let read = cut.side == Side::Answer || cut.at == lengths.request;
            assert_eq!(whole, usize::from(read), "{cut:?}");
            let has_head = cut.side == Side::Answer && cut.at >= lengths.answer - body;
            let is_whole = has_head && cut.at == lengths.answer;
            assert_eq!(outcome.is_ok(), is_whole, "{cut:?} {outcome:?}");
            if let Err(error) = outcome {
                let expected = match (has_head, read) {
                    (true, _) => &[Delivery::Answered][..],
                    (false, true) => &[Delivery::Unknown],
                    (false, false) => &[Delivery::Unknown, Delivery::NotSent],
                };
                assert!(expected.contains(&error.delivery()), "{cut:?} {error:?}");
            }
        }
    }
    assert_eq!(rig.runs, 1 + 2 * 3 * (lengths.request + lengths.answer + 2));
}

#[tokio::test(start_paused = true)]
async fn a_read_in_plain_text_cut_at_every_byte_succeeds_the_second_time() {
    let mut rig = Rig::new(None).await;
    let lengths = rig.lengths().await;
    for cut in Rig::cuts(lengths) {
        let (outcome, whole) = rig.run(rig.builder(), Retry::Allowed, Some(cut)).await;
        let answer = outcome.unwrap_or_else(|error| panic!("{cut:?} {error:?}"));
        assert_eq!(answer.body(), br#"{"done":true}"#);
        let is_whole = cut.side == Side::Answer && cut.at == lengths.answer;
        assert_eq!(attempts(&answer), if is_whole { 1 } else { 2 }, "{cut:?}");
        let read = cut.side == Side::Answer || cut.at == lengths.request;
        assert_eq!(whole, if read && !is_whole { 2 } else { 1 }, "{cut:?}");
    }
}

/// Through TLS the bytes of both sides are those of the handshake, the tickets and the records.
async fn a_write_through_tls(choose: impl Fn(&Cut) -> bool) {
    let mut rig = Rig::new(Some(Issuer::new())).await;
    let lengths = rig.lengths().await;
    let (mut in_handshake, mut in_doubt, mut answered) = (0, 0, 0);
    for cut in Rig::cuts(lengths).filter(choose) {
        let (outcome, whole) = rig.run(rig.builder(), Retry::Never, Some(cut)).await;
        check(cut, &outcome, whole);
        match outcome {
            Ok(_) => answered += 1,
            Err(error) if error.phase() == Phase::Tls => in_handshake += 1,
            Err(_) => in_doubt += whole,
        }
    }
    // The sweep went through all that can happen.
    assert!(
        in_handshake > 100 && in_doubt > 100 && answered > 0,
        "{in_handshake} {in_doubt} {answered}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_write_through_tls_cut_by_an_orderly_end_or_a_stall() {
    a_write_through_tls(|cut| cut.how != How::Rst).await;
}

#[tokio::test(start_paused = true)]
async fn a_write_through_tls_cut_by_a_reset() {
    a_write_through_tls(|cut| cut.how == How::Rst).await;
}
