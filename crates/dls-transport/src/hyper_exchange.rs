//! One HTTP/1.1 exchange on one connection, driven by the caller: no task of our own reads or writes.
//!
//! So when a caller drops the future of a call, the connection is gone with it.

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

use crate::budget::Budget;
use crate::error::{Delivery, Error, ErrorKind, Phase};
use crate::exchange::{Head, Standing, location};
use crate::limits::Limits;
use crate::origin::Origin;
use crate::stream::{Stream, Written};
use crate::tls;

/// The smallest buffer that hyper takes.
const LEAST_BUFFER: usize = 8192;
const MAX_HEADERS: usize = 100;

/// A connection on which no exchange is under way.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: Driver,
    written: Written,
}

/// hyper's state machine of the connection, until it has come to an end.
struct Driver(Option<http1::Connection<TokioIo<Stream>, Full<Bytes>>>);

impl Driver {
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
        if let Some(connection) = &mut self.0 {
            // How it ended is told to whoever waits for an answer or a body.
            if Pin::new(connection).poll(cx).is_ready() {
                self.0 = None;
            }
        }
    }
}

/// What an exchange is held to.
pub(crate) struct Terms<'a> {
    pub(crate) origin: &'a Origin,
    pub(crate) limits: &'a Limits,
    /// How long until the head of the answer is in.
    pub(crate) head: Duration,
    pub(crate) budget: &'a Budget,
}

impl Connection {
    pub(crate) async fn over(stream: Stream, limits: &Limits) -> hyper::Result<Self> {
        let written = stream.written();
        let (sender, connection) = http1::Builder::new()
            .max_headers(MAX_HEADERS)
            .max_header_size(limits.head_bytes)
            .max_buf_size(limits.head_bytes.max(LEAST_BUFFER))
            .handshake(TokioIo::new(stream))
            .await?;
        Ok(Self {
            sender,
            driver: Driver(Some(connection)),
            written,
        })
    }

    /// Whether the server has neither closed the connection nor said anything unasked, as far as
    /// this machine knows.
    pub(crate) async fn is_alive(&mut self) -> bool {
        // Lets the runtime look at its sockets: what arrived meanwhile is not seen otherwise.
        tokio::task::yield_now().await;
        self.is_idle().await
    }

    async fn is_idle(&mut self) -> bool {
        poll_fn(|cx| {
            self.driver.advance(cx);
            let ready = matches!(self.sender.poll_ready(cx), Poll::Ready(Ok(())));
            Poll::Ready(ready && self.driver.0.is_some())
        })
        .await
    }

    /// Writes the request and waits for the head of its answer.
    pub(crate) async fn ask(
        mut self,
        request: Request<Full<Bytes>>,
        terms: &Terms<'_>,
        now: impl FnOnce() -> SystemTime,
    ) -> Result<Answering, Error> {
        let before = self.written.bytes();
        let answer = self.sender.try_send_request(request);
        let outcome = terms
            .budget
            .within(terms.head, self.driver.run(answer))
            .await;

        let (error, handed_back) = match outcome {
            Ok(Ok(answer)) => return Answering::new(self, answer, terms, now()),
            Ok(Err(mut failure)) => {
                let handed_back = failure.take_message().is_some();
                (no_answer(failure.into_error(), terms), handed_back)
            }
            Err(late) => (late.error(Phase::Answer, terms.origin.authority()), false),
        };
        // First end the connection: only then is the count final.
        let written = self.written.clone();
        drop(self);
        let left = written.bytes() != before && !handed_back;
        Err(error.with_delivery(if left {
            Delivery::Unknown
        } else {
            Delivery::NotSent
        }))
    }
}

/// An exchange whose answer has begun.
pub(crate) struct Answering {
    connection: Connection,
    parts: response::Parts,
    body: Incoming,
    head: Head,
}

impl Answering {
    fn new(
        connection: Connection,
        answer: Response<Incoming>,
        terms: &Terms<'_>,
        now: SystemTime,
    ) -> Result<Self, Error> {
        let (parts, body) = answer.into_parts();
        let head = Head::read(parts.status, &parts.headers, now);
        let origin = terms.origin;
        let status = parts.status.as_u16();
        match Standing::of(parts.status) {
            Standing::Answer => Ok(Self {
                connection,
                parts,
                body,
                head,
            }),
            Standing::Redirect => {
                let location = location(&parts.headers);
                let to = location
                    .as_ref()
                    .map(|to| format!(" to {to}"))
                    .unwrap_or_default();
                let message = format!("{origin} redirects (status {status}){to}; not followed");
                Err(Error::new(ErrorKind::Redirect, Phase::Answer, message)
                    .with_head(&head)
                    .with_location(location)
                    .with_delivery(Delivery::Answered))
            }
            Standing::Nonsense => {
                let message = format!("{origin} answered with status {status}, which is no answer");
                Err(Error::new(ErrorKind::Protocol, Phase::Answer, message)
                    .with_head(&head)
                    .with_delivery(Delivery::Unknown))
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
    pub(crate) async fn finish(
        mut self,
        terms: &Terms<'_>,
    ) -> Result<(Response<Vec<u8>>, Option<Connection>), Error> {
        let body = self.read_body(terms).await.map_err(|error| {
            error
                .with_head(&self.head)
                .with_delivery(Delivery::Answered)
        })?;
        let mut connection = self.connection;
        let reusable = connection.is_idle().await;

        let mut answer = Response::new(body);
        *answer.status_mut() = self.parts.status;
        *answer.version_mut() = self.parts.version;
        *answer.headers_mut() = self.parts.headers;
        answer.extensions_mut().insert(self.head.facts());
        Ok((answer, reusable.then_some(connection)))
    }

    async fn read_body(&mut self, terms: &Terms<'_>) -> Result<Vec<u8>, Error> {
        let limit = terms.limits.body_bytes;
        let announced = usize::try_from(self.body.size_hint().lower()).unwrap_or(usize::MAX);
        if announced > limit {
            return Err(self.too_large(terms));
        }
        let mut bytes = Vec::with_capacity(announced.min(64 << 10));
        loop {
            let frame = self.connection.driver.run(self.body.frame());
            let frame = terms.budget.within(terms.limits.body_idle, frame).await;
            let frame = match frame {
                Ok(None) => return Ok(bytes),
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(error))) => return Err(self.broken_off(terms, error)),
                Err(late) => return Err(late.error(Phase::Body, terms.origin.authority())),
            };
            // Anything else than data is a trailer, which nobody asked for.
            if let Some(data) = frame.data_ref() {
                if data.len() > limit - bytes.len() {
                    return Err(self.too_large(terms));
                }
                bytes.extend_from_slice(data);
            }
        }
    }

    fn too_large(&self, terms: &Terms<'_>) -> Error {
        let (origin, status) = (terms.origin, self.parts.status.as_u16());
        let limit = terms.limits.body_bytes;
        let message =
            format!("the answer from {origin} (status {status}) is larger than {limit} bytes");
        Error::new(ErrorKind::TooLarge, Phase::Body, message)
    }

    fn broken_off(&self, terms: &Terms<'_>, error: hyper::Error) -> Error {
        let (origin, status) = (terms.origin, self.parts.status.as_u16());
        let message = format!("the answer from {origin} (status {status}) broke off");
        Error::new(ErrorKind::Body, Phase::Body, message).with_source(error)
    }
}

fn no_answer(error: hyper::Error, terms: &Terms<'_>) -> Error {
    let origin = terms.origin;
    let (kind, message) = if is_too_large(&error) {
        let limit = terms.limits.head_bytes;
        let message = format!(
            "the head of the answer from {origin} is larger than {limit} bytes or \
             {MAX_HEADERS} headers"
        );
        (ErrorKind::Protocol, message)
    } else if error.is_parse() {
        (
            ErrorKind::Protocol,
            format!("{origin} did not answer in HTTP/1.1"),
        )
    } else if tls::is_refusal_of_us(&error) {
        (
            ErrorKind::Tls,
            format!("{origin} wants to know us by a certificate, which we have not"),
        )
    } else {
        let message = format!("the connection to {origin} was lost before an answer came");
        (ErrorKind::Interrupted, message)
    };
    Error::new(kind, Phase::Answer, message).with_source(error)
}

/// hyper has a method for it, but only with its server. Another wording in a later version makes
/// this [`ErrorKind::Protocol`] all the same.
fn is_too_large(error: &hyper::Error) -> bool {
    error.is_parse() && error.to_string() == "message head is too large"
}
