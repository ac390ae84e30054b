//! The loop: attempts, the pauses between them, and the stop after a 401.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use http::{Request, Response, StatusCode, Uri};

use crate::backoff::Jitter;
use crate::builder::TransportBuilder;
use crate::clock::Clock;
use crate::connect::connect;
use crate::credentials::{Credentials, ProvideCredentials};
use crate::deadline::{Deadline, OutOfTime};
use crate::error::{Delivery, Error, ErrorKind, Phase};
use crate::fresh_connection::FreshConnection;
use crate::http1::{Connection, ExchangeLimits};
use crate::limiter::Limiter;
use crate::limits::Limits;
use crate::origin::{Origin, PlaintextHosts};
use crate::pool::{Pool, Slot};
use crate::prepared_request::{DefaultHeaders, PreparedRequest};
use crate::redact::SentSecrets;
use crate::response::ResponseMeta;
use crate::retry::{AttemptResult, Retry, next_attempt};
use crate::stream::{Counting, Stream};
use crate::tls::Tls;
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
pub struct Transport(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) settings: Settings,
    limiter: Limiter,
    tls: Tls,
    jitter: Jitter,
    pool: Pool,
    /// Why nothing is sent any more.
    stopped: OnceLock<String>,
}

/// What one request takes, until its exchange is done.
pub(crate) struct Reserved {
    connection: Connection,
    credentials: Credentials,
    /// Last, so that the connection is closed before.
    slot: Slot,
}

impl Reserved {
    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }
}

pub(crate) struct Settings {
    pub(crate) credentials: Arc<dyn ProvideCredentials>,
    pub(crate) default_headers: DefaultHeaders,
    pub(crate) limits: Limits,
    pub(crate) max_attempts: u32,
    pub(crate) max_connections: NonZeroUsize,
    pub(crate) plaintext: PlaintextHosts,
    pub(crate) clock: Clock,
}

impl Transport {
    pub(crate) fn new(settings: Settings, limiter: Limiter, tls: Tls, jitter: Jitter) -> Self {
        Self(Arc::new(Shared {
            limiter,
            tls,
            jitter,
            pool: Pool::new(settings.max_connections),
            stopped: OnceLock::new(),
            settings,
        }))
    }

    /// Begins a transport. It needs credentials.
    pub fn builder() -> TransportBuilder {
        TransportBuilder::default()
    }

    /// Sends a request and reads its answer whole.
    ///
    /// The request has an absolute URI and brings its own headers; the transport adds `Host`, what
    /// the credentials ask for, and `User-Agent` and `Accept-Encoding: identity` unless they are
    /// there. The query is sent in the order and encoding in which it is signed, a `+` in it being
    /// a plus.
    ///
    /// Statuses 200 to 299 and 400 to 599 are answers. The answer's
    /// extensions hold its [`ResponseMeta`]. Should it echo the token, the security token or the signature of its
    /// request (of 16 bytes at least), asterisks stand in their place. A 401 is never repeated, and no other request follows it.
    ///
    /// Dropping the future closes the connection. It does not take back a request that has left.
    ///
    /// # Errors
    ///
    /// Each [`ErrorKind`] but [`Setup`](ErrorKind::Setup). After the last attempt of a read, an
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
        let deadline = self.0.deadline(retry, within);
        // On the heap, as the two below: the futures of all who call would carry these many KiB along.
        let work = Box::pin(self.0.attempts(&prepared, retry, &deadline));
        trace::call(&prepared, retry, work).await
    }

    /// The first half of a write: waits for a turn under the rate limit, gets credentials and opens
    /// a fresh connection to the origin of this URI. Every failure here is [`Delivery::NotSent`].
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`].
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime that has I/O and time, as tokio does.
    pub async fn connect(&self, origin: &Uri) -> Result<FreshConnection, Error> {
        let shared = &self.0;
        let origin = Origin::of(origin, shared.settings.plaintext)?;
        let deadline = shared.deadline(Retry::Never, Duration::MAX);
        // The second half has a whole call's time again. It should begin at all.
        let reserved = match shared.begin(&origin, Retry::Never, &deadline) {
            Ok(()) => Box::pin(shared.reserve(&origin, Retry::Never, &deadline)).await,
            Err(error) => Err(error),
        };
        trace::ready(origin.authority(), reserved.as_ref().err());
        let reserved = reserved.map_err(|error| error.of_call(1, Delivery::NotSent))?;
        Ok(FreshConnection { transport: self.clone(), origin, reserved })
    }

    /// Closes the idle connections, and those in use after their exchange: no later request goes out
    /// on a connection that was opened before.
    ///
    /// This is for answers that are not about what was asked, such as a package with another's id: on
    /// the connection that they came on, later answers may be as misplaced. Which one that was cannot
    /// be told any more, as others may use it by now; and opening the few others again costs little.
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
        self.0.stopped.get().is_some()
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

impl Shared {
    pub(crate) fn deadline(&self, retry: Retry, within: Duration) -> Deadline {
        let total = self.settings.limits.total_with(self.head_limit(retry));
        Deadline::starting_now(total.min(within))
    }

    /// The part of the time in which a request must begin: a write must have all of its answer's time
    /// left, so that it does not end in doubt for want of patience.
    fn start(&self, retry: Retry, deadline: &Deadline) -> Deadline {
        match retry {
            Retry::Allowed => *deadline,
            Retry::Never => deadline.before(self.settings.limits.write_head),
        }
    }

    /// Whether a request may begin now.
    pub(crate) fn begin(
        &self,
        origin: &Origin,
        retry: Retry,
        deadline: &Deadline,
    ) -> Result<(), Error> {
        let host = origin.authority();
        self.check_stopped(host)?;
        let start = self.start(retry, deadline);
        start.check().map_err(|late| late.error(Phase::Prepare, host))
    }

    fn head_limit(&self, retry: Retry) -> Duration {
        match retry {
            Retry::Allowed => self.settings.limits.read_head,
            Retry::Never => self.settings.limits.write_head,
        }
    }

    async fn attempts(
        &self,
        prepared: &PreparedRequest,
        retry: Retry,
        deadline: &Deadline,
    ) -> Result<Response<Vec<u8>>, Error> {
        let mut attempts = 0;
        let mut earlier = Delivery::NotSent;
        loop {
            attempts += 1;
            let attempt = trace::Attempt::begin(attempts);
            let outcome = self.attempt(prepared, retry, deadline).await;
            attempt.done(&outcome);

            let limit = (attempts, self.settings.max_attempts);
            let chance = self.jitter.chance();
            let next = next_attempt(
                retry,
                AttemptResult::of(&outcome),
                limit,
                deadline.remaining(),
                chance,
            );
            let Some(pause) = next else {
                return of_call(outcome, attempts, earlier);
            };
            earlier =
                earlier.and(outcome.as_ref().map_or_else(Error::delivery, |_| Delivery::Answered));
            trace::pause(attempts, pause);
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt(
        &self,
        prepared: &PreparedRequest,
        retry: Retry,
        deadline: &Deadline,
    ) -> Result<Response<Vec<u8>>, Error> {
        let origin = &prepared.origin;
        self.begin(origin, retry, deadline)?;
        let start = self.start(retry, deadline);
        let reserved = self.reserve(origin, retry, &start).await?;
        let now = self.settings.clock.now();
        self.exchange(reserved, prepared, now, retry, deadline).await
    }

    /// Waits until a request may go out, and gets what it takes. Whoever waits for his turn has a slot
    /// already: the other way round, many turns could be used at once when slots become free.
    pub(crate) async fn reserve(
        &self,
        origin: &Origin,
        retry: Retry,
        deadline: &Deadline,
    ) -> Result<Reserved, Error> {
        let slot = deadline
            .within_total(self.pool.slot())
            .await
            .map_err(|late| self.all_in_use(late, origin))?;
        let credentials = self.credentials(origin, deadline).await?;
        let kept = match retry {
            Retry::Allowed => self.pool.take(origin).await,
            Retry::Never => None,
        };
        trace::connection(kept.is_some());
        let connection = match kept {
            Some(connection) => connection,
            None => {
                self.pool.make_room();
                self.open(origin, deadline).await?
            }
        };
        Ok(Reserved { connection, credentials, slot })
    }

    fn all_in_use(&self, late: OutOfTime, origin: &Origin) -> Error {
        let connections = self.settings.max_connections;
        let missing = format!("no free connection for {origin} (at most {connections} are open)");
        late.error_of(Phase::Queue, &missing)
    }

    /// Waits for a turn under the rate limit, and gets the credentials.
    async fn credentials(
        &self,
        origin: &Origin,
        deadline: &Deadline,
    ) -> Result<Credentials, Error> {
        let host = origin.authority();
        self.check_stopped(host)?;
        deadline
            .within_total(self.limiter.acquire())
            .await
            .map_err(|late| late.error(Phase::Queue, host))?;
        self.check_stopped(host)?;

        let missing = |message| Error::new(ErrorKind::Credentials, Phase::Credentials, message);
        deadline
            .within(self.settings.limits.credentials, self.settings.credentials.provide())
            .await
            .map_err(|late| late.error(Phase::Credentials, host))?
            .map_err(|error| {
                missing("the credentials are configured wrongly".to_owned()).with_source(error)
            })?
            .ok_or_else(|| missing("no credentials are configured".to_owned()))
    }

    /// A fresh connection.
    async fn open(&self, origin: &Origin, deadline: &Deadline) -> Result<Connection, Error> {
        let limits = &self.settings.limits;
        let socket = Counting::new(connect(origin, limits.connect, deadline).await?);
        let stream = if origin.tls {
            let session = deadline
                .within(limits.tls, self.tls.session(socket, origin))
                .await
                .map_err(|late| late.error(Phase::Tls, origin.authority()))??;
            Stream::Tls(Box::new(session))
        } else {
            Stream::Plain(socket)
        };
        Connection::over(stream, limits).await.map_err(|error| {
            let message = format!("no connection to {origin}");
            Error::new(ErrorKind::Connect, Phase::Connect, message).with_source(error)
        })
    }

    /// One request and its answer. Between the last look at connection, stop and time and the writing
    /// nothing waits.
    pub(crate) async fn exchange(
        &self,
        reserved: Reserved,
        prepared: &PreparedRequest,
        date: SystemTime,
        retry: Retry,
        deadline: &Deadline,
    ) -> Result<Response<Vec<u8>>, Error> {
        // In this order, so that a connection is closed before its slot is free.
        let slot = reserved.slot;
        let mut connection = reserved.connection;
        let origin = &prepared.origin;
        let settings = &self.settings;
        let request = prepared.render(&settings.default_headers, &reserved.credentials, date)?;
        if !connection.is_silent().await {
            return Err(connection.unusable(origin));
        }
        self.begin(origin, retry, deadline)?;

        let exchange_limits = ExchangeLimits {
            origin,
            limits: &settings.limits,
            head: self.head_limit(retry),
            deadline,
            sent_secrets: &SentSecrets::by(request.headers()),
        };
        let pending = connection.ask(request, &exchange_limits, || settings.clock.now()).await?;
        if pending.status() == StatusCode::UNAUTHORIZED {
            self.stop(origin.authority(), pending.request_id());
        }
        let (answer, connection) = pending.finish(&exchange_limits).await?;
        if let Some(connection) = connection {
            self.pool.keep(origin.clone(), connection, &slot);
        }
        Ok(answer)
    }

    fn stop(&self, host: &str, request_id: Option<&str>) {
        let id = request_id.map(|id| format!(", request id {id}")).unwrap_or_default();
        // Of several at once the first is the reason.
        let _ = self.stopped.set(format!("{host} refused the credentials (status 401{id})"));
        trace::stopped(host);
    }

    fn check_stopped(&self, host: &str) -> Result<(), Error> {
        match self.stopped.get() {
            None => Ok(()),
            Some(reason) => {
                let message = format!("nothing is sent to {host} any more: {reason}");
                Err(Error::new(ErrorKind::Stopped, Phase::Prepare, message))
            }
        }
    }
}

fn of_call(
    outcome: Result<Response<Vec<u8>>, Error>,
    attempts: u32,
    earlier: Delivery,
) -> Result<Response<Vec<u8>>, Error> {
    match outcome {
        Ok(mut answer) => {
            if let Some(meta) = answer.extensions_mut().get_mut::<ResponseMeta>() {
                meta.set_attempts(attempts);
            }
            Ok(answer)
        }
        Err(error) => Err(error.of_call(attempts, earlier)),
    }
}
