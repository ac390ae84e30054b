//! Calls of any service, and the two halves of a write.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{Request, Response, Uri};

use crate::error::{Delivery, Error};
use crate::fresh_connection::FreshConnection;
use crate::origin::Origin;
use crate::prepared_request::PreparedRequest;
use crate::retry::Retry;
use crate::sender::Sender;
use crate::trace;

/// Sends requests with credentials, within limits, and says what is proved about their delivery.
///
/// Cheap to clone. Clones share the connections kept for reads, the rate limit, and the stop after
/// a 401. It works inside a tokio runtime with I/O and time enabled and panics outside of one, as
/// tokio does.
///
/// ```no_run
/// use dls_transport::credentials::Environment;
/// use dls_transport::{Retry, Transport};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let transport = Transport::builder().credentials(Environment::new()).build()?;
/// let request = http::Request::get("https://iam.cn-north-4.myhuaweicloud.com/v3/projects");
/// let answer = transport.call(request.body(Vec::new())?, Retry::Allowed).await?;
/// println!("{}: {}", answer.status(), String::from_utf8_lossy(answer.body()));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Transport(pub(crate) Arc<Sender>);

impl Transport {
    /// Sends a request and reads its answer whole.
    ///
    /// The request has an absolute URI and brings its own headers; the transport adds `Host`, what
    /// the credentials ask for, and `User-Agent` and `Accept-Encoding: identity` unless they are
    /// there. The query is sent in the order and encoding in which it is signed, a `+` in it being
    /// a plus.
    ///
    /// Statuses 200 to 299 and 400 to 599 are answers. The answer's
    /// extensions hold its [`ResponseMeta`](crate::ResponseMeta). Should it echo the token, the security token or the signature of its
    /// request (of 16 bytes at least), asterisks stand in their place. A 401 is never repeated, and no other request follows it.
    ///
    /// Dropping the future closes the connection. It does not take back a request that has left.
    ///
    /// # Errors
    ///
    /// Each [`ErrorKind`](crate::ErrorKind) but [`Setup`](crate::ErrorKind::Setup). After the last attempt of a read, an
    /// answer such as 429 or 503 is not an error but the answer.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime that has I/O and time, as tokio does.
    pub async fn call(
        &self,
        request: Request<Vec<u8>>,
        retry: Retry,
    ) -> Result<Response<Vec<u8>>, Error> {
        self.call_within(request, retry, Duration::MAX).await
    }

    /// The same within so much time, if that is less than [`Limits::total`](crate::Limits::total).
    ///
    /// Whoever has a deadline of his own learns from the error how far the call had come, which he
    /// would not if he dropped it: [`Error::delivery`] is `NotSent` where nobody was reached, and
    /// `Answered` where an attempt before the last one had an answer such as 503; kind, phase and
    /// message are those of the last attempt. If there is no time left for one more attempt, the call
    /// comes back earlier than it had to. A write for whose answer there may not be enough time is
    /// not sent.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    ///
    /// # Panics
    ///
    /// As [`call`](Self::call).
    pub async fn call_within(
        &self,
        request: Request<Vec<u8>>,
        retry: Retry,
        within: Duration,
    ) -> Result<Response<Vec<u8>>, Error> {
        let prepared = PreparedRequest::new(request, self.0.settings.plaintext)?;
        let call = self.0.call(&prepared.origin, retry, within);
        // On the heap, as the two below: the futures of all callers would carry these many KiB along.
        let work = Box::pin(self.0.send(&prepared, &call));
        trace::call(&prepared, retry, work).await
    }

    /// The first half of a write: waits for a turn under the rate limit, gets credentials and opens
    /// a fresh connection to the origin of this URI. Every failure here is [`Delivery::NotSent`].
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`](crate::ErrorKind).
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime that has I/O and time, as tokio does.
    pub async fn connect(&self, origin: &Uri) -> Result<FreshConnection, Error> {
        let sender = &self.0;
        let origin = Origin::of(origin, sender.settings.plaintext)?;
        let call = sender.call(&origin, Retry::Never, Duration::MAX);
        // The second half has a whole call's time again, but it must be able to begin.
        let reserved = match sender.check(&call) {
            Ok(()) => Box::pin(sender.reserve(&call)).await,
            Err(error) => Err(error),
        };
        trace::ready(origin.authority(), reserved.as_ref().err());
        let reserved = reserved.map_err(|error| error.of_call(1, Delivery::NotSent))?;
        Ok(FreshConnection { sender: Arc::clone(sender), origin, reserved })
    }

    /// Closes the idle connections, and those in use after their exchange: no later request goes out
    /// on a connection that was opened before.
    ///
    /// This is for answers that are not about what was asked, such as a package with another's id: on
    /// the connection that they came on, later answers may be as misplaced. Which one that was is
    /// not known any more, as another call may use it by now; and opening the few others again costs little.
    pub fn retire_connections(&self) {
        self.0.pool.retire();
    }

    /// The time by the clock that signatures are made with.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.0.settings.clock.now()
    }

    /// Whether a 401 has stopped this transport and its clones. There is no way back: build
    /// another one, with credentials that are right.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.is_stopped()
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = &self.0.settings;
        f.debug_struct("Transport")
            .field("project_id", &settings.default_headers.project_id)
            .field("domain_id", &settings.default_headers.domain_id)
            .field("limits", &settings.limits)
            .field("max_attempts", &settings.max_attempts)
            .field("is_stopped", &self.is_stopped())
            .finish_non_exhaustive()
    }
}
