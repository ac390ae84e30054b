//! Sends a request: opens its connection (TCP, byte counter, TLS), exchanges it, and retries reads with pauses; stops
//! after a 401.

use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use http::{Response, StatusCode};

use crate::clock::Clock;
use crate::credentials::{Credentials, ProvideCredentials};
use crate::deadline::Deadline;
use crate::error::{Delivery, Error, ErrorKind, Phase};
use crate::http1::{Connection, ExchangeLimits};
use crate::limiter::Limiter;
use crate::limits::Limits;
use crate::origin::{Origin, PlaintextHosts};
use crate::pool::{Pool, Slot};
use crate::prepared_request::{DefaultHeaders, PreparedRequest};
use crate::redact::SentSecrets;
use crate::response::ResponseMeta;
use crate::retry::{AttemptResult, Jitter, Retry, next_attempt};
use crate::stream::{Counting, Stream};
use crate::tcp;
use crate::tls::Tls;
use crate::trace;

type Answer = Result<Response<Vec<u8>>, Error>;

pub(crate) struct Settings {
    pub(crate) credentials: Arc<dyn ProvideCredentials>,
    pub(crate) default_headers: DefaultHeaders,
    pub(crate) limits: Limits,
    pub(crate) max_attempts: u32,
    pub(crate) max_connections: NonZeroUsize,
    pub(crate) plaintext: PlaintextHosts,
    pub(crate) clock: Clock,
}

/// What a transport and its clones share.
pub(crate) struct Sender {
    pub(crate) settings: Settings,
    limiter: Limiter,
    tls: Tls,
    jitter: Jitter,
    pub(crate) pool: Pool,
    /// Why nothing is sent any more.
    stopped: OnceLock<String>,
}

/// One call: where it goes, whether it may be retried, and until when.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) origin: &'a Origin,
    pub(crate) retry: Retry,
    pub(crate) deadline: Deadline,
}

/// What one request needs until its exchange is done.
pub(crate) struct Reserved {
    connection: Connection,
    pub(crate) credentials: Credentials,
    /// Last, so that the connection is closed before.
    slot: Slot,
}

impl Sender {
    pub(crate) fn new(settings: Settings, limiter: Limiter, tls: Tls, jitter: Jitter) -> Self {
        Self {
            limiter,
            tls,
            jitter,
            pool: Pool::new(settings.max_connections),
            stopped: OnceLock::new(),
            settings,
        }
    }

    /// A call that begins now and ends within this time, or within the total limit if that is shorter.
    pub(crate) fn call<'a>(&self, origin: &'a Origin, retry: Retry, within: Duration) -> Call<'a> {
        let total = self.settings.limits.total_with(self.head_limit(retry));
        Call { origin, retry, deadline: Deadline::starting_now(total.min(within)) }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.get().is_some()
    }

    /// Fails if the transport has stopped, or if it is too late to begin a request.
    pub(crate) fn check(&self, call: &Call<'_>) -> Result<(), Error> {
        let host = call.origin.authority();
        self.check_stopped(host)?;
        self.start(call).check().map_err(|late| late.error(Phase::Prepare, host))
    }

    /// The time by which a request must begin: a write needs the whole time limit of its answer, so that it
    /// does not end in doubt for lack of time.
    fn start(&self, call: &Call<'_>) -> Deadline {
        match call.retry {
            Retry::Allowed => call.deadline,
            Retry::Never => call.deadline.before(self.settings.limits.write_head),
        }
    }

    fn head_limit(&self, retry: Retry) -> Duration {
        match retry {
            Retry::Allowed => self.settings.limits.read_head,
            Retry::Never => self.settings.limits.write_head,
        }
    }

    pub(crate) async fn send(&self, request: &PreparedRequest, call: &Call<'_>) -> Answer {
        let mut attempts = 0;
        let mut earlier = Delivery::NotSent;
        loop {
            attempts += 1;
            let attempt = trace::Attempt::begin(attempts);
            let outcome = self.attempt(request, call).await;
            attempt.done(&outcome);

            let limit = (attempts, self.settings.max_attempts);
            let remaining = call.deadline.remaining();
            let result = AttemptResult::of(&outcome);
            let next = next_attempt(call.retry, result, limit, remaining, self.jitter.next());
            let Some(pause) = next else {
                return of_call(outcome, attempts, earlier);
            };
            earlier =
                earlier.and(outcome.as_ref().map_or_else(Error::delivery, |_| Delivery::Answered));
            trace::pause(attempts, pause);
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt(&self, request: &PreparedRequest, call: &Call<'_>) -> Answer {
        self.check(call)?;
        let reserved = self.reserve(&Call { deadline: self.start(call), ..*call }).await?;
        self.exchange(reserved, request, self.settings.clock.now(), call).await
    }

    /// Waits until a request may go out, and gets what it needs. It waits for a slot before it waits for the
    /// rate limit: the other way round, many requests could go out at once when slots become free.
    pub(crate) async fn reserve(&self, call: &Call<'_>) -> Result<Reserved, Error> {
        let slot = call.deadline.within_total(self.pool.slot()).await.map_err(|late| {
            let connections = self.settings.max_connections;
            let message =
                format!("no free connection for {} (at most {connections} are open)", call.origin);
            late.error_of(Phase::Queue, &message)
        })?;
        let credentials = self.credentials(call).await?;
        let idle = match call.retry {
            Retry::Allowed => self.pool.take(call.origin).await,
            Retry::Never => None,
        };
        trace::connection(idle.is_some());
        let connection = match idle {
            Some(connection) => connection,
            None => {
                self.pool.make_room();
                self.open(call).await?
            }
        };
        Ok(Reserved { connection, credentials, slot })
    }

    /// Waits for the rate limit, and gets the credentials.
    async fn credentials(&self, call: &Call<'_>) -> Result<Credentials, Error> {
        let (host, deadline) = (call.origin.authority(), call.deadline);
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
    async fn open(&self, call: &Call<'_>) -> Result<Connection, Error> {
        let (origin, deadline, limits) = (call.origin, &call.deadline, &self.settings.limits);
        let socket = Counting::new(tcp::connect(origin, limits.connect, deadline).await?);
        let written = socket.written();
        let stream: Stream = if origin.tls {
            let session = deadline
                .within(limits.tls, self.tls.session(socket, origin))
                .await
                .map_err(|late| late.error(Phase::Tls, origin.authority()))??;
            Box::new(session)
        } else {
            Box::new(socket)
        };
        Connection::over(stream, written, limits).await.map_err(|error| {
            let message = format!("no connection to {origin}");
            Error::new(ErrorKind::Connect, Phase::Connect, message).with_source(error)
        })
    }

    /// One request and its answer. Nothing waits between the last check of connection, stop and time, and the
    /// writing.
    pub(crate) async fn exchange(
        &self,
        reserved: Reserved,
        request: &PreparedRequest,
        date: SystemTime,
        call: &Call<'_>,
    ) -> Answer {
        // In this order, so that a connection is closed before its slot is free.
        let slot = reserved.slot;
        let mut connection = reserved.connection;
        let (origin, settings) = (call.origin, &self.settings);
        let request = request.render(&settings.default_headers, &reserved.credentials, date)?;
        if !connection.is_silent().await {
            return Err(connection.unusable(origin));
        }
        self.check(call)?;

        let limits = ExchangeLimits {
            origin,
            limits: &settings.limits,
            head: self.head_limit(call.retry),
            deadline: &call.deadline,
            sent_secrets: &SentSecrets::by(request.headers()),
        };
        let pending = connection.send(request, &limits, || settings.clock.now()).await?;
        if pending.status() == StatusCode::UNAUTHORIZED {
            self.stop(origin.authority(), pending.request_id());
        }
        let (answer, connection) = pending.finish().await?;
        if let Some(connection) = connection {
            self.pool.keep(origin.clone(), connection, &slot);
        }
        Ok(answer)
    }

    fn stop(&self, host: &str, request_id: Option<&str>) {
        let id = request_id.map(|id| format!(", request id {id}")).unwrap_or_default();
        // If there are several at once, the first is the reason.
        let _ = self.stopped.set(format!("{host} refused the credentials (status 401{id})"));
        trace::stopped(host);
    }

    fn check_stopped(&self, host: &str) -> Result<(), Error> {
        match self.stopped.get() {
            None => Ok(()),
            Some(reason) => {
                let message = format!("no more requests are sent to {host}: {reason}");
                Err(Error::new(ErrorKind::Stopped, Phase::Prepare, message))
            }
        }
    }
}

fn of_call(outcome: Answer, attempts: u32, earlier: Delivery) -> Answer {
    let mut answer = outcome.map_err(|error| error.of_call(attempts, earlier))?;
    if let Some(meta) = answer.extensions_mut().get_mut::<ResponseMeta>() {
        meta.set_attempts(attempts);
    }
    Ok(answer)
}
