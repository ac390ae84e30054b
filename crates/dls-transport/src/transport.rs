//! Calls of any service, and writes in two steps.

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
    /// The request has an absolute URI. The transport adds `Host`, the headers of the credentials, and
    /// `User-Agent` and `Accept-Encoding: identity` unless they are set. The query is sent in the
    /// order and encoding in which it is signed; a `+` in it is a plus.
    ///
    /// Statuses 200 to 299 and 400 to 599 are answers. The answer's extensions hold its
    /// [`ResponseMeta`](crate::ResponseMeta). If it echoes the token, the security token or the signature of its
    /// request (of 16 bytes at least), asterisks replace them. After a 401 no more requests are sent.
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

    /// The same within this time, if that is less than [`Limits::total`](crate::Limits::total).
    ///
    /// Unlike a dropped call, it reports how far it came: [`Error::delivery`] is over all attempts, while
    /// kind, phase and message are those of the last one. It returns early if no time is left
    /// for another attempt. A write is not sent if too little time is left for its answer.
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
        // On the heap, because it takes many KiB, which the futures of all callers would contain.
        let work = Box::pin(self.0.send(&prepared, &call));
        trace::call(&prepared, retry, work).await
    }

    /// The first step of a write: waits for the rate limit, gets credentials and opens
    /// a fresh connection to the origin of this URI. Every failure here is [`Delivery::NotSent`].
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`](crate::ErrorKind).
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime that has I/O and time, as tokio does.
    pub async fn fresh_connection(&self, origin: &Uri) -> Result<FreshConnection, Error> {
        let sender = &self.0;
        let origin = Origin::of(origin, sender.settings.plaintext)?;
        let call = sender.call(&origin, Retry::Never, Duration::MAX);
        // The second step has a whole call's time again, but it must be able to begin.
        let reserved = match sender.check(&call) {
            Ok(()) => Box::pin(sender.reserve(&call)).await,
            Err(error) => Err(error),
        };
        trace::ready(origin.authority(), reserved.as_ref().err());
        let reserved = reserved.map_err(|error| error.of_call(1, Delivery::NotSent))?;
        Ok(FreshConnection { sender: Arc::clone(sender), origin, reserved })
    }

    /// Closes the idle connections, and those in use after their exchange, so that no later request uses
    /// one of them.
    ///
    /// This is for an answer to another request, such as a package with another id: all later answers on
    /// that connection may be misplaced. Which connection it was is not known any more.
    pub fn retire_connections(&self) {
        self.0.pool.retire();
    }

    /// The time by the clock that signatures are made with.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.0.settings.clock.now()
    }

    /// Whether a 401 has stopped this transport and its clones. This is final: build
    /// another one, with the right credentials.
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
            .field("limits", &settings.limits)
            .field("max_attempts", &settings.max_attempts)
            .field("is_stopped", &self.is_stopped())
            .finish_non_exhaustive()
    }
}
