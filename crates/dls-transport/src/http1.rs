//! One HTTP/1.1 exchange on one connection, driven by the caller: no task of our own reads or writes.
//!
//! So when a caller drops the future of a call, its connection is closed.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response, StatusCode, response};
use http_body::Body as _;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::task::coop::unconstrained;

use crate::deadline::Deadline;
use crate::error::{Delivery, Error, ErrorKind, Phase};
use crate::limits::Limits;
use crate::origin::Origin;
use crate::redact::SentSecrets;
use crate::response::{Head, location};
use crate::stream::{Stream, Written};
use crate::tls;

/// The smallest buffer that hyper takes.
const LEAST_BUFFER: usize = 8192;
const MAX_HEADERS: usize = 100;
/// How many chunks a body may have, besides one for each [`FEW_BYTES`] of its limit. A chunk costs time
/// whatever its size: 16 MiB byte by byte would take many seconds.
const MAX_CHUNKS: usize = 1024;
const FEW_BYTES: usize = 16;

/// A connection on which no exchange is under way.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    task: ConnectionTask,
    written: Written,
}

/// hyper's state machine of the connection, and what it left behind when it ended.
struct ConnectionTask {
    running: Option<http1::Connection<TokioIo<Stream>, Full<Bytes>>>,
    failure: Option<hyper::Error>,
    unread: Bytes,
}

impl ConnectionTask {
    /// Lets the connection go on while `work` waits for what it does.
    async fn run<F: Future>(&mut self, work: F) -> F::Output {
        let mut work = pin!(work);
        poll_fn(|cx| {
            self.advance(cx);
            work.as_mut().poll(cx)
        })
        .await
    }

    fn advance(&mut self, cx: &mut Context<'_>) {
        if let Some(running) = &mut self.running
            && let Poll::Ready(outcome) = Pin::new(running).poll(cx)
        {
            // The future that waits for the answer or its body gets the error, too.
            self.failure = outcome.err();
            self.end();
        }
    }

    /// Closes the connection. What came in and was not understood is kept.
    fn end(&mut self) {
        if let Some(running) = self.running.take() {
            self.unread = running.into_parts().read_buf;
        }
    }
}

/// What an exchange is held to.
pub(crate) struct ExchangeLimits<'a> {
    pub(crate) origin: &'a Origin,
    pub(crate) limits: &'a Limits,
    /// How long until the head of the answer is in.
    pub(crate) head: Duration,
    pub(crate) deadline: &'a Deadline,
    /// What the answer must not show.
    pub(crate) sent_secrets: &'a SentSecrets,
}

impl Connection {
    /// `written` counts the bytes of this stream that left.
    pub(crate) async fn over(
        stream: Stream,
        written: Written,
        limits: &Limits,
    ) -> hyper::Result<Self> {
        let (sender, connection) = http1::Builder::new()
            .max_headers(MAX_HEADERS)
            .max_header_size(limits.head_bytes)
            .max_buf_size(limits.head_bytes.max(LEAST_BUFFER))
            .handshake(TokioIo::new(stream))
            .await?;
        Ok(Self {
            sender,
            task: ConnectionTask { running: Some(connection), failure: None, unread: Bytes::new() },
            written,
        })
    }

    /// Whether the server has neither closed the connection nor sent data, as far as this machine knows.
    /// Messages of TLS itself, such as a session ticket, do not count.
    pub(crate) async fn is_silent(&mut self) -> bool {
        let check = poll_fn(|cx| {
            self.task.advance(cx);
            Poll::Ready(matches!(self.sender.poll_ready(cx), Poll::Ready(Ok(()))))
        });
        // A task that has used its budget of tokio's would learn that nothing has arrived.
        unconstrained(check).await
    }

    /// The error if it is not silent: no request was written.
    pub(crate) fn unusable(self, origin: &Origin) -> Error {
        match self.task.failure {
            Some(failure) => unusable(failure, origin),
            None => closed_before_use(origin),
        }
    }

    /// Writes the request and waits for the head of its answer.
    pub(crate) async fn send<'a>(
        mut self,
        request: Request<Full<Bytes>>,
        limits: &'a ExchangeLimits<'a>,
        now: impl FnOnce() -> SystemTime,
    ) -> Result<PendingResponse<'a>, Error> {
        let before = self.written.bytes();
        let answer = self.sender.try_send_request(request);
        let outcome = limits.deadline.within(limits.head, self.task.run(answer)).await;

        let failure = match outcome {
            Ok(Ok(answer)) => return PendingResponse::new(self, answer, limits, now()),
            Ok(Err(failure)) => Ok(failure),
            Err(late) => Err(late),
        };
        // Only then is the count final.
        self.task.end();
        let origin = limits.origin;
        let (error, handed_back) = match failure {
            Ok(mut failure) => match failure.take_message() {
                Some(_) => (unusable(failure.into_error(), origin), true),
                None => (no_answer(failure.into_error(), &self.task.unread, limits), false),
            },
            Err(late) => (late.error(Phase::Answer, origin.authority()), false),
        };
        Err(error.with_delivery(proved(handed_back, self.written.bytes() - before)))
    }
}

/// What is proved of a request that got no answer: whether hyper handed it back, and how many bytes
/// were written since it was handed to hyper. Each alone is proof; the kind of the error is none.
fn proved(handed_back: bool, bytes: u64) -> Delivery {
    if handed_back || bytes == 0 { Delivery::NotSent } else { Delivery::Unknown }
}

/// An exchange whose answer has begun.
pub(crate) struct PendingResponse<'a> {
    connection: Connection,
    parts: response::Parts,
    body: Incoming,
    head: Head,
    limits: &'a ExchangeLimits<'a>,
}

impl<'a> PendingResponse<'a> {
    fn new(
        connection: Connection,
        answer: Response<Incoming>,
        limits: &'a ExchangeLimits<'a>,
        now: SystemTime,
    ) -> Result<Self, Error> {
        let (mut parts, body) = answer.into_parts();
        limits.sent_secrets.redact_headers(&mut parts.headers);
        let head = Head::read(parts.status, &parts.headers, now);
        let (origin, status) = (limits.origin, parts.status.as_u16());
        let error =
            |kind, message| Error::new(kind, Phase::Answer, message).with_head(head.clone());
        match status {
            200..=299 | 400..=599 => Ok(Self { connection, parts, body, head, limits }),
            300..=399 => {
                let location = location(&parts.headers);
                let to = location.as_ref().map(|to| format!(" to {to}")).unwrap_or_default();
                let message = format!("{origin} redirects (status {status}){to}; not followed");
                let error = error(ErrorKind::Redirect, message).with_location(location);
                Err(error.with_delivery(Delivery::Answered))
            }
            // 101 and everything from 600 on.
            _ => {
                let message = format!("{origin} answered with the unexpected status {status}");
                Err(error(ErrorKind::Protocol, message).with_delivery(Delivery::Unknown))
            }
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.parts.status
    }

    pub(crate) fn request_id(&self) -> Option<&str> {
        self.head.request_id.as_deref()
    }

    /// Reads the body. The connection comes back if another exchange can follow on it.
    pub(crate) async fn finish(mut self) -> Result<(Response<Vec<u8>>, Option<Connection>), Error> {
        let mut body = match self.read_body().await {
            Ok(body) => body,
            Err(error) => return Err(error.with_head(self.head).with_delivery(Delivery::Answered)),
        };
        self.limits.sent_secrets.redact(&mut body);
        let mut connection = self.connection;
        let reusable = connection.is_silent().await;

        self.parts.extensions.clear();
        self.parts.extensions.insert(self.head.meta);
        Ok((Response::from_parts(self.parts, body), reusable.then_some(connection)))
    }

    async fn read_body(&mut self) -> Result<Vec<u8>, Error> {
        let (limits, limit) = (self.limits, self.limits.limits.body_bytes);
        let announced = usize::try_from(self.body.size_hint().lower()).unwrap_or(usize::MAX);
        if announced > limit {
            return Err(self.too_large(limit, "bytes"));
        }
        let max_chunks = MAX_CHUNKS.saturating_add(limit / FEW_BYTES);
        let mut chunks = 0;
        let mut bytes = Vec::with_capacity(announced.min(64 << 10));
        loop {
            let frame = self.connection.task.run(self.body.frame());
            let frame = match limits.deadline.within(limits.limits.body_idle, frame).await {
                Ok(None) => return Ok(bytes),
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(error))) => {
                    return Err(self.error(ErrorKind::Body, "broke off").with_source(error));
                }
                Err(late) => return Err(late.error(Phase::Body, limits.origin.authority())),
            };
            // Anything else is a trailer, which is ignored.
            if let Some(data) = frame.data_ref() {
                if data.len() > limit - bytes.len() {
                    return Err(self.too_large(limit, "bytes"));
                }
                chunks += 1;
                if chunks > max_chunks {
                    return Err(self.too_large(max_chunks, "chunks"));
                }
                bytes.extend_from_slice(data);
            }
        }
    }

    fn too_large(&self, limit: usize, unit: &str) -> Error {
        self.error(ErrorKind::TooLarge, &format!("is larger than {limit} {unit}"))
    }

    fn error(&self, kind: ErrorKind, what: &str) -> Error {
        let (origin, status) = (self.limits.origin, self.parts.status.as_u16());
        let message = format!("the answer from {origin} (status {status}) {what}");
        Error::new(kind, Phase::Body, message)
    }
}

/// Why no request was written on a connection.
fn unusable(failure: hyper::Error, origin: &Origin) -> Error {
    let error = if tls::is_client_certificate_refusal(&failure) {
        needs_client_certificate(origin)
    } else if has_sent_data(&failure) {
        let message = format!("{origin} sent data before the request, so the request was not sent");
        Error::new(ErrorKind::Interrupted, Phase::Answer, message)
    } else {
        closed_before_use(origin)
    };
    error.with_source(failure)
}

fn closed_before_use(origin: &Origin) -> Error {
    let message = format!("the connection to {origin} was closed before its use");
    Error::new(ErrorKind::Interrupted, Phase::Answer, message)
}

/// hyper has no method for it. Of what ends a connection that is not in use only this has no cause
/// of its own.
fn has_sent_data(failure: &hyper::Error) -> bool {
    let mut root: &(dyn std::error::Error + 'static) = failure;
    while let Some(cause) = root.source() {
        root = cause;
    }
    root.downcast_ref::<hyper::Error>().is_some_and(|root| !root.is_canceled() && !root.is_closed())
}

/// Why there is no answer. `unread` is what came in and was not understood.
fn no_answer(error: hyper::Error, unread: &[u8], limits: &ExchangeLimits<'_>) -> Error {
    let (origin, Limits { head_bytes, body_bytes, .. }) = (limits.origin, limits.limits);
    let (kind, message) = if is_too_large(&error) && !unread.starts_with(b"HTTP/") {
        // The head itself was taken, so it is a length that hyper cannot count to.
        let message = format!("the answer from {origin} announces more than {body_bytes} bytes");
        (ErrorKind::TooLarge, message)
    } else if is_too_large(&error) {
        let message = format!(
            "the head of the answer from {origin} is larger than {head_bytes} bytes or \
             {MAX_HEADERS} headers"
        );
        (ErrorKind::Protocol, message)
    } else if error.is_parse() {
        (ErrorKind::Protocol, format!("{origin} did not answer in HTTP/1.1"))
    } else if tls::is_client_certificate_refusal(&error) {
        return needs_client_certificate(origin).with_source(error);
    } else {
        let message = format!("the connection to {origin} was lost before an answer came");
        (ErrorKind::Interrupted, message)
    };
    Error::new(kind, Phase::Answer, message).with_source(error)
}

fn needs_client_certificate(origin: &Origin) -> Error {
    let message = format!("{origin} requires a client certificate, which is not supported");
    Error::new(ErrorKind::Tls, Phase::Answer, message)
}

/// hyper has a method for it, but only with its server. Another wording in a later version makes
/// this [`ErrorKind::Protocol`] all the same.
fn is_too_large(error: &hyper::Error) -> bool {
    error.is_parse() && error.to_string() == "message head is too large"
}

#[cfg(test)]
pub(crate) mod tests {
    use http::HeaderMap;
    use tokio::net::TcpStream;
    use tokio::task::coop::{consume_budget, has_budget_remaining};

    use super::*;
    use crate::origin::PlaintextHosts;
    use crate::stream::tests::sockets;

    /// A connection and the server's end of it.
    pub(crate) async fn connection() -> (Connection, TcpStream) {
        let (socket, server) = sockets().await;
        let written = socket.written();
        let connection = Connection::over(Box::new(socket), written, &Limits::default()).await;
        (connection.unwrap(), server)
    }

    async fn send(connection: Connection) -> Error {
        let uri = "http://localhost/".parse().unwrap();
        let limits = ExchangeLimits {
            origin: &Origin::of(&uri, PlaintextHosts::Loopback).unwrap(),
            limits: &Limits::default(),
            head: Duration::from_secs(1),
            deadline: &Deadline::starting_now(Duration::from_secs(1)),
            sent_secrets: &SentSecrets::by(&HeaderMap::new()),
        };
        let request = Request::new(Full::new(Bytes::from_static(b"body")));
        let outcome = connection.send(request, &limits, || SystemTime::UNIX_EPOCH);
        outcome.await.err().unwrap()
    }

    #[test]
    fn each_proof_is_enough_alone_and_nothing_else_is_one() {
        assert_eq!(proved(true, 0), Delivery::NotSent);
        assert_eq!(proved(true, 24), Delivery::NotSent);
        assert_eq!(proved(false, 0), Delivery::NotSent);
        assert_eq!(proved(false, 1), Delivery::Unknown);
    }

    #[tokio::test]
    async fn a_request_that_is_handed_back_or_that_no_socket_took_was_not_sent() {
        for is_known in [true, false] {
            let (mut connection, server) = connection().await;
            if is_known {
                drop(server);
                // The runtime learns that the connection is closed.
                tokio::task::yield_now().await;
            } else {
                assert!(connection.is_silent().await);
                server.set_zero_linger().unwrap();
                // The runtime does not know of the reset; the kernel tells it before the first write.
                drop(server);
            }
            let written = connection.written.clone();
            let error = send(connection).await;
            assert_eq!(error.kind(), ErrorKind::Interrupted);
            assert_eq!((error.delivery(), written.bytes()), (Delivery::NotSent, 0), "{is_known}");
        }
    }

    #[tokio::test]
    async fn a_task_that_has_used_its_coop_budget_still_sees_unexpected_data() {
        let (mut connection, server) = connection().await;
        assert!(connection.is_silent().await);
        while has_budget_remaining() {
            consume_budget().await;
        }
        std::io::Write::write_all(&mut server.into_std().unwrap(), b"H").unwrap();
        assert!(!connection.is_silent().await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_a_socket_took_is_in_doubt_also_if_nobody_reads_it() {
        let (connection, server) = connection().await;
        let error = send(connection).await;
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert_eq!(error.delivery(), Delivery::Unknown);
        drop(server);
    }
}
