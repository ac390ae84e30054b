//! The second step of a write, on what [`Transport::fresh_connection`](crate::Transport::fresh_connection) returned.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{Request, Response};

use crate::credentials::Credentials;
use crate::error::{Delivery, Error};
use crate::origin::Origin;
use crate::prepared_request::PreparedRequest;
use crate::retry::Retry;
use crate::sender::{Reserved, Sender};
use crate::trace;

/// An unused connection and the credentials for one write. See
/// [`Transport::fresh_connection`](crate::Transport::fresh_connection).
///
/// Use it at once, after recording that the request is about to go out. The longer it waits, the
/// likelier the server closes the connection.
pub struct FreshConnection {
    pub(crate) sender: Arc<Sender>,
    pub(crate) origin: Origin,
    pub(crate) reserved: Reserved,
}

impl FreshConnection {
    /// Whether the request will bear a token instead of a signature. Then the service accepts it as
    /// long as the token is valid, and not only for 15 minutes.
    #[must_use]
    pub fn bears_token(&self) -> bool {
        matches!(self.reserved.credentials, Credentials::Token(_))
    }

    /// Signs the request with the current time and sends it, once.
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`](crate::ErrorKind). Check [`Error::delivery`] before sending it again.
    pub async fn send(self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Error> {
        let now = self.sender.settings.clock.now();
        self.send_at(request, now).await
    }

    /// The same with this time in the signature, so that it can be recorded before. The service accepts
    /// a signature until 15 minutes after it.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_at(
        self,
        request: Request<Vec<u8>>,
        at: SystemTime,
    ) -> Result<Response<Vec<u8>>, Error> {
        let prepared = PreparedRequest::new(request, self.sender.settings.plaintext)?;
        if prepared.origin != self.origin {
            let message = format!(
                "the connection is to {}, but the request is to {}",
                self.origin, prepared.origin
            );
            return Err(Error::invalid(message));
        }
        let work = Box::pin(self.send_once(&prepared, at));
        trace::call(&prepared, Retry::Never, work).await
    }

    async fn send_once(
        self,
        prepared: &PreparedRequest,
        at: SystemTime,
    ) -> Result<Response<Vec<u8>>, Error> {
        let call = self.sender.call(&self.origin, Retry::Never, Duration::MAX);
        let attempt = trace::Attempt::begin(1);
        let outcome = self.sender.exchange(self.reserved, prepared, at, &call).await;
        attempt.done(&outcome);
        outcome.map_err(|error| error.of_call(1, Delivery::NotSent))
    }
}

impl fmt::Debug for FreshConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FreshConnection")
            .field("origin", &self.origin.authority())
            .finish_non_exhaustive()
    }
}
