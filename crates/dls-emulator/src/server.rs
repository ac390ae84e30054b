//! The engine behind sockets: HTTP/1.1 with keep-alive, plain or over TLS. Every wait has a limit.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::faults::effect::{ConnectionFault, ResponseEffect, TlsFault};
use crate::gateway::MAX_BODY;
use crate::listener::Listener;
use crate::shared::SharedEngine;
use crate::tls::Acceptors;
use crate::wire::{self, ServerStream};
use crate::write_limit::WriteLimit;

/// For a request's head, and for how long a connection may idle between two requests.
const HEAD_TIME: Duration = Duration::from_secs(30);
const BODY_TIME: Duration = Duration::from_secs(30);
/// For a client to read some of a response.
const WRITE_TIME: Duration = Duration::from_secs(30);
const TLS_TIME: Duration = Duration::from_secs(10);
/// For requests that are being served when the emulator is stopped.
const SHUTDOWN_TIME: Duration = Duration::from_secs(5);
/// How much of a body that is too large is read and discarded, so that the client can read the response.
const MAX_DISCARDED: usize = 64 * 1024 * 1024;
const MAX_CONNECTIONS: usize = 1024;

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) engine: SharedEngine,
    pub(crate) tls: Option<Acceptors>,
    /// Becomes true, or ends, when the emulator is stopped or dropped.
    pub(crate) stop: watch::Receiver<bool>,
}

impl Server {
    /// Accepts connections until it is stopped, then completes the requests that are being served.
    pub(crate) async fn run(self, mut listener: Listener) {
        let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            let next = async {
                let slot = Arc::clone(&slots).acquire_owned().await;
                (slot, listener.accept(&self.engine).await)
            };
            let (slot, accepted) = tokio::select! {
                () = self.stopped() => break,
                Some(_) = connections.join_next() => continue,
                next = next => next,
            };
            match accepted {
                Ok((stream, fault)) => {
                    let server = self.clone();
                    connections.spawn(async move {
                        server.connection(stream, fault).await;
                        drop(slot);
                    });
                }
                // Out of file descriptors, for example, which takes time to change.
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        }
        drop(listener);
        // The remaining connections are dropped, which closes them.
        let rest = async { while connections.join_next().await.is_some() {} };
        drop(timeout(SHUTDOWN_TIME, rest).await);
    }

    async fn connection(&self, stream: TcpStream, fault: Option<ConnectionFault>) {
        // A response is one small write; without this the second one on a connection may wait for an ACK.
        drop(stream.set_nodelay(true));
        let Some(tls) = &self.tls else {
            return self.stream(stream, fault).await;
        };
        let acceptor = match fault {
            Some(ConnectionFault::Cut { after: 0, end }) => {
                return self.until_stopped(wire::end(stream, end)).await;
            }
            Some(ConnectionFault::Tls(TlsFault::Bytes(bytes, end))) => {
                return self.until_stopped(wire::fail_handshake(stream, bytes, end)).await;
            }
            Some(ConnectionFault::Tls(TlsFault::WrongName)) => &tls.wrong_name,
            Some(ConnectionFault::Tls(TlsFault::Expired)) => &tls.expired,
            _ => &tls.right,
        };
        if let Ok(Ok(stream)) = timeout(TLS_TIME, acceptor.accept(stream)).await {
            self.stream(stream, fault).await;
        }
    }

    /// Serves a connection after the TLS handshake, if there is one.
    async fn stream(&self, stream: impl ServerStream, fault: Option<ConnectionFault>) {
        let stream = WriteLimit::new(stream, WRITE_TIME);
        match fault {
            Some(ConnectionFault::Cut { after, end }) => {
                self.until_stopped(wire::cut(stream, after, end)).await;
            }
            _ => self.exchanges(stream).await,
        }
    }

    async fn exchanges(&self, mut stream: impl ServerStream) {
        // An effect that hyper cannot express: it closes its side, and the effect is applied afterwards.
        let raw_effect = Mutex::new(None);
        let service = service_fn(|request: Request<Incoming>| async {
            let (head, body) = request.into_parts();
            let body = timeout(BODY_TIME, read(body)).await??;
            let request = Request::from_parts(head, body);
            match self.engine.with(|engine, now| engine.answer(now, &request)) {
                ResponseEffect::Answer(answer) => {
                    Ok(answer.map(|body| Full::new(Bytes::from(body))))
                }
                effect => {
                    *raw_effect.lock().unwrap_or_else(PoisonError::into_inner) = Some(effect);
                    Err(io::Error::other("a fault"))
                }
            }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
        {
            let io = TokioIo::new(&mut stream);
            let mut connection = std::pin::pin!(http.serve_connection(io, service));
            // An error on the connection is the client's concern.
            tokio::select! {
                _ = connection.as_mut() => {}
                () = self.stopped() => {
                    connection.as_mut().graceful_shutdown();
                    drop(connection.await);
                }
            }
        }
        if let Some(effect) = raw_effect.into_inner().unwrap_or_else(PoisonError::into_inner) {
            self.until_stopped(wire::apply(stream, effect)).await;
        }
    }

    /// Waits for a future, but no longer than the emulator runs.
    async fn until_stopped(&self, something: impl Future<Output = ()>) {
        tokio::select! {
            () = self.stopped() => {}
            () = something => {}
        }
    }

    async fn stopped(&self) {
        drop(self.stop.clone().wait_for(|stop| *stop).await);
    }
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
