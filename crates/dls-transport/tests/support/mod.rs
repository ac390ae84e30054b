//! Servers that follow a script, so that a test says byte by byte what the other side does, and a
//! ledger of what they saw, with which every promise about delivery is compared.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "a test binary uses what it needs; tests may fail loudly"
)]

pub(crate) mod tls;

use std::fmt::Debug;
use std::future::{Future, pending, poll_fn};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use dls_transport::credentials::{AccessKey, Credentials, SecretKey};
use dls_transport::{
    Delivery, Error, ErrorKind, FreshConnection, Limits, Phase, Rate, ResponseMeta, Retry,
    Transport, TransportBuilder,
};
use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// What a server saw.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    connections: AtomicUsize,
    open: AtomicUsize,
    whole: Mutex<Vec<String>>,
    partial: AtomicUsize,
    changed: Notify,
}

impl Ledger {
    /// How many connections were accepted.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// How many connections are open at the server.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// How many requests were read whole.
    pub(crate) fn whole(&self) -> usize {
        self.whole.lock().unwrap().len()
    }

    /// How many connections ended in the middle of a request.
    pub(crate) fn partial(&self) -> usize {
        self.partial.load(Ordering::SeqCst)
    }

    /// The requests that were read whole, head and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.whole.lock().unwrap().clone()
    }

    /// Waits until no connection is open at the server.
    pub(crate) async fn all_closed(&self) {
        self.until(|ledger| ledger.open() == 0).await;
    }

    /// Waits until this many connections came and all are closed again.
    pub(crate) async fn settled(&self, connections: usize) {
        self.until(|ledger| ledger.connections() >= connections && ledger.open() == 0).await;
    }

    /// Waits until this holds after a connection was closed, for a minute at most.
    pub(crate) async fn until(&self, holds: impl Fn(&Self) -> bool) {
        let wait = async {
            while !holds(self) {
                self.changed.notified().await;
            }
        };
        let ended = timeout(Duration::from_secs(60), wait).await;
        assert!(ended.is_ok(), "{} connections stay open", self.open());
    }

    pub(crate) fn note_whole(&self, request: String) {
        self.whole.lock().unwrap().push(request);
    }
}

/// A server on loopback that treats each connection as its script says.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) ledger: Arc<Ledger>,
}

impl Server {
    /// `script` is given each connection and its number, counted from 1.
    pub(crate) async fn start<S, F>(script: S) -> Self
    where
        S: Fn(Peer<TcpStream>, usize) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let ledger = Arc::new(Ledger::default());
        let seen = ledger.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // What is written arrives at once.
                stream.set_nodelay(true).unwrap();
                let number = seen.connections.fetch_add(1, Ordering::SeqCst) + 1;
                seen.open.fetch_add(1, Ordering::SeqCst);
                let work = script(Peer::new(stream, seen.clone()), number);
                let seen = seen.clone();
                tokio::spawn(async move {
                    work.await;
                    seen.open.fetch_sub(1, Ordering::SeqCst);
                    seen.changed.notify_one();
                });
            }
        });
        Self { address, ledger }
    }

    /// The same on a thread and a runtime of its own, so that the client's runtime does not learn what
    /// arrives because it works for the server.
    pub(crate) fn start_on_thread<S, F>(script: S) -> Self
    where
        S: Fn(Peer<TcpStream>, usize) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let (tell, started) = channel();
        thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tell.send(Self::start(script).await).unwrap();
                pending::<()>().await
            })
        });
        started.recv().unwrap()
    }

    /// A server that reads one request and then says this and ends the connection.
    pub(crate) async fn once(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(move |mut peer, _| {
            let answer = answer.clone();
            async move {
                peer.request().await;
                peer.say(answer).await;
                peer.fin().await;
            }
        })
        .await
    }

    /// A server that reads one request of each connection and says nothing.
    pub(crate) async fn silent() -> Self {
        Self::start(|mut peer, _| async move {
            peer.request().await;
            peer.closed().await;
        })
        .await
    }

    /// A server that keeps its connections and answers each request with this.
    pub(crate) async fn keeping(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(move |mut peer, _| {
            let answer = answer.clone();
            async move {
                while peer.request().await.is_some() {
                    peer.say(&answer).await;
                }
            }
        })
        .await
    }

    pub(crate) fn uri(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// The server's end of a connection.
pub(crate) struct Peer<S> {
    pub(crate) stream: S,
    pub(crate) ledger: Arc<Ledger>,
    read: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    pub(crate) fn new(stream: S, ledger: Arc<Ledger>) -> Self {
        Self { stream, ledger, read: Vec::new() }
    }

    /// Reads one request whole and notes it; `None` if the connection ends before.
    pub(crate) async fn request(&mut self) -> Option<String> {
        loop {
            if let Some(length) = whole_request(&self.read) {
                let request: Vec<u8> = self.read.drain(..length).collect();
                let request = String::from_utf8_lossy(&request).into_owned();
                self.ledger.note_whole(request.clone());
                return Some(request);
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes).await {
                Ok(0) | Err(_) => {
                    let is_partial = usize::from(!self.read.is_empty());
                    self.ledger.partial.fetch_add(is_partial, Ordering::SeqCst);
                    return None;
                }
                Ok(count) => self.read.extend_from_slice(&bytes[..count]),
            }
        }
    }

    /// Writes, as far as the client listens.
    pub(crate) async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
        let _ = self.stream.flush().await;
    }

    /// Ends the connection in an orderly way, and waits until the client has done the same.
    pub(crate) async fn fin(mut self) {
        let _ = self.stream.shutdown().await;
        self.closed().await;
    }

    /// Says nothing more until the client closes the connection.
    pub(crate) async fn closed(&mut self) {
        let mut bytes = [0; 4096];
        while !matches!(self.stream.read(&mut bytes).await, Ok(0) | Err(_)) {}
    }
}

impl Peer<TcpStream> {
    /// Ends the connection with a reset.
    pub(crate) fn rst(self) {
        self.stream.set_zero_linger().unwrap();
    }
}

/// The length of the request that these bytes begin with, if it is whole.
pub(crate) fn whole_request(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = str::from_utf8(&bytes[..head]).ok()?.to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let body: usize = length.map_or(0, |length| length.trim().parse().unwrap());
    (bytes.len() >= head + body).then_some(head + body)
}

/// An answer with a length, on a connection that is kept.
pub(crate) fn answer(status: &str, body: &str) -> String {
    answer_with(status, "", body)
}

/// The same with more headers, each ended by CR LF.
pub(crate) fn answer_with(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
}

pub(crate) fn key() -> Credentials {
    let secret = SecretKey::new("example-secret-key").unwrap();
    AccessKey::new("AKIDEXAMPLE", secret).unwrap().into()
}

/// A transport without a rate limit.
pub(crate) fn builder() -> TransportBuilder {
    Transport::builder().credentials(key()).rate(Rate::Unlimited).jitter_seed(7)
}

/// The same with other limits.
pub(crate) fn limited(set: impl FnOnce(&mut Limits)) -> TransportBuilder {
    let mut limits = Limits::default();
    set(&mut limits);
    builder().limits(limits)
}

pub(crate) fn transport() -> Transport {
    builder().build().unwrap()
}

pub(crate) fn post(uri: impl AsRef<str>) -> Request<Vec<u8>> {
    let request = Request::post(uri.as_ref()).header("content-type", "application/json");
    request.body(br#"{"id":1}"#.to_vec()).unwrap()
}

/// Sends what changes nothing.
pub(crate) async fn read(
    transport: &Transport,
    uri: impl AsRef<str>,
) -> Result<Response<Vec<u8>>, Error> {
    transport.call(post(uri), Retry::Allowed).await
}

/// Sends what must not be sent twice.
pub(crate) async fn write(
    transport: &Transport,
    uri: impl AsRef<str>,
) -> Result<Response<Vec<u8>>, Error> {
    transport.call(post(uri), Retry::Never).await
}

/// An address where nobody listens.
pub(crate) async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    listener.local_addr().unwrap()
}

/// Connects for a write.
pub(crate) async fn fresh_connection(
    transport: &Transport,
    uri: impl AsRef<str>,
) -> Result<FreshConnection, Error> {
    transport.fresh_connection(&uri.as_ref().parse().unwrap()).await
}

/// How many attempts an answer took.
pub(crate) fn attempts(answer: &Response<Vec<u8>>) -> u32 {
    answer.extensions().get::<ResponseMeta>().unwrap().attempts()
}

/// Checks that a call times out like this, and returns its error.
pub(crate) async fn times_out<T: Debug>(
    call: impl Future<Output = Result<T, Error>>,
    seconds: u64,
    (phase, delivery): (Phase, Delivery),
    message: &str,
) -> Error {
    let begin = Instant::now();
    let error = call.await.unwrap_err();
    let expected = (ErrorKind::Timeout, phase, delivery, seconds);
    let found = (error.kind(), error.phase(), error.delivery(), begin.elapsed().as_secs());
    assert_eq!((found, &*error.to_string()), (expected, message));
    error
}

/// Polls a call until this holds, and then drops it unfinished.
pub(crate) async fn drop_when(call: impl Future, holds: impl Fn() -> bool) {
    let mut call = pin!(call);
    while !holds() {
        poll_fn(|cx| {
            assert!(call.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        tokio::task::yield_now().await;
    }
}
