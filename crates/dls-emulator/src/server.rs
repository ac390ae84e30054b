//! The core behind a socket: HTTP/1.1 with keep-alive, plain or through TLS, every wait with a limit.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::core::{Core, MAX_BODY};
use crate::ledger::Ledger;

/// For a request's head, and for how long a connection may idle between two requests.
const HEAD_TIME: Duration = Duration::from_secs(30);
const BODY_TIME: Duration = Duration::from_secs(30);
const TLS_TIME: Duration = Duration::from_secs(10);
/// For requests that are under way when the emulator is stopped.
const LAST_TIME: Duration = Duration::from_secs(5);
/// How much of a body that is too large is read and thrown away, so that the answer can be read.
const MAX_DISCARDED: usize = 64 * 1024 * 1024;
const MAX_CONNECTIONS: usize = 1024;

/// Tells the time.
pub(crate) type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// What all connections share.
#[derive(Clone)]
pub(crate) struct Shared {
    core: Arc<Mutex<Core>>,
    clock: Clock,
}

impl Shared {
    pub(crate) fn new(core: Core, clock: Clock) -> Self {
        Self {
            core: Arc::new(Mutex::new(core)),
            clock,
        }
    }

    pub(crate) fn ledger(&self) -> Ledger {
        let now = (self.clock)();
        self.with_core(|core| core.ledger(now))
    }

    fn with_core<T>(&self, f: impl FnOnce(&mut Core) -> T) -> T {
        // Whoever panicked left a core that is whole: records are written last.
        f(&mut self.core.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
        let (head, body) = request.into_parts();
        let body = timeout(BODY_TIME, read(body)).await??;
        let request = Request::from_parts(head, body);
        let now = (self.clock)();
        Ok(self
            .with_core(|core| core.answer(now, &request))
            .map(Full::from))
    }
}

/// Accepts connections until it is told to stop, then lets the requests that are under way end.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    shared: Shared,
    mut stop: watch::Receiver<bool>,
) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            () = stopped(&mut stop) => break,
            Some(_) = connections.join_next() => continue,
            next = next => next,
        };
        match accepted {
            Ok((stream, _)) => {
                let (tls, shared, stop) = (tls.clone(), shared.clone(), stop.clone());
                connections.spawn(async move {
                    connection(stream, tls, shared, stop).await;
                    drop(slot);
                });
            }
            // Out of file descriptors, say. Whatever it is, it does not get better by asking at once.
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
    drop(listener);
    // What is still there afterwards is dropped, and with it closed.
    let rest = async { while connections.join_next().await.is_some() {} };
    drop(timeout(LAST_TIME, rest).await);
}

async fn connection(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    shared: Shared,
    stop: watch::Receiver<bool>,
) {
    // An answer is one small write; without this the second one on a connection may wait for an ACK.
    drop(stream.set_nodelay(true));
    match tls {
        None => exchanges(stream, shared, stop).await,
        Some(acceptor) => {
            if let Ok(Ok(stream)) = timeout(TLS_TIME, acceptor.accept(stream)).await {
                exchanges(stream, shared, stop).await;
            }
        }
    }
}

async fn exchanges(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    shared: Shared,
    mut stop: watch::Receiver<bool>,
) {
    let service = service_fn(|request| {
        let shared = shared.clone();
        async move { shared.answer(request).await }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
    let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
    // How a connection ends, be it well or badly, is the client's business.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            drop(connection.await);
        }
    }
}

/// Returns when the emulator is stopped or dropped.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

/// Reads a body: all of it, or one byte more than is allowed.
async fn read(mut body: Incoming) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut discarded = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(io::Error::other)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let room = (MAX_BODY + 1).saturating_sub(bytes.len());
        bytes.extend(data.iter().take(room));
        discarded = discarded.saturating_add(data.len().saturating_sub(room));
        if discarded > MAX_DISCARDED {
            break;
        }
    }
    Ok(bytes)
}
