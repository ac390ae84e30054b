//! Settings of a transport.

use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::SystemTime;

use http::HeaderValue;

use crate::clock::Clock;
use crate::credentials::ProvideCredentials;
use crate::error::{Error, ErrorKind, Phase};
use crate::limiter::{Limiter, Rate};
use crate::limits::Limits;
use crate::origin::PlaintextHosts;
use crate::prepared_request::DefaultHeaders;
use crate::retry::Jitter;
use crate::sender::{Sender, Settings};
use crate::tls::{Roots, Tls};
use crate::transport::Transport;

/// Settings of a [`Transport`]; see there for an example. Only
/// [`credentials`](Self::credentials) must be given.
#[derive(Clone, Default)]
#[must_use]
pub struct TransportBuilder {
    credentials: Option<Arc<dyn ProvideCredentials>>,
    project_id: Option<String>,
    user_agent: Option<String>,
    limits: Limits,
    max_attempts: Option<NonZeroU32>,
    max_connections: Option<NonZeroUsize>,
    rate: Rate,
    roots: Roots,
    plaintext: PlaintextHosts,
    jitter_seed: Option<u64>,
    clock: Clock,
}

impl Transport {
    /// Begins a transport. It needs credentials.
    pub fn builder() -> TransportBuilder {
        TransportBuilder::default()
    }
}

impl TransportBuilder {
    const MAX_ATTEMPTS: NonZeroU32 = NonZeroU32::MIN.saturating_add(2);
    const MAX_CONNECTIONS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(63);

    /// The source of credentials, which is asked before each attempt:
    /// [`Credentials`](crate::credentials::Credentials), or another provider.
    pub fn credentials(self, credentials: impl ProvideCredentials + 'static) -> Self {
        Self { credentials: Some(Arc::new(credentials)), ..self }
    }

    /// The header `X-Project-Id` of each request. It wins over one in a request.
    pub fn project_id(self, project_id: impl Into<String>) -> Self {
        Self { project_id: Some(project_id.into()), ..self }
    }

    /// The header `User-Agent` of requests that bring none. The default names this crate.
    pub fn user_agent(self, user_agent: impl Into<String>) -> Self {
        Self { user_agent: Some(user_agent.into()), ..self }
    }

    /// How long and how much.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// How often a read is sent at most. The default is 3; a write is sent once in any case.
    pub fn max_attempts(self, attempts: NonZeroU32) -> Self {
        Self { max_attempts: Some(attempts), ..self }
    }

    /// How many connections are open at most, idle ones included. The default is 64: at the default
    /// rate, that is enough for answers that take 8 s; and some systems let a process open only 256 files.
    ///
    /// A call waits for a free one, first come, first served, within its
    /// [`total`](crate::Limits::total). A [`FreshConnection`](crate::FreshConnection) has one until it is sent or dropped.
    pub fn max_connections(self, connections: NonZeroUsize) -> Self {
        Self { max_connections: Some(connections), ..self }
    }

    /// How many requests go out at most, attempts counted one by one. The default is 8 a second.
    pub fn rate(self, rate: Rate) -> Self {
        Self { rate, ..self }
    }

    /// Which certificates are trusted. The default is those that this machine trusts.
    pub fn roots(self, roots: Roots) -> Self {
        Self { roots, ..self }
    }

    /// Which hosts may be reached over plain `http://`. The default is this machine only.
    pub fn allow_plaintext(self, hosts: PlaintextHosts) -> Self {
        Self { plaintext: hosts, ..self }
    }

    /// Makes the pauses between attempts the same each time, for tests.
    pub fn jitter_seed(self, seed: u64) -> Self {
        Self { jitter_seed: Some(seed), ..self }
    }

    /// Another clock for the dates of signatures, for tests or if the machine's clock is known to
    /// be wrong. Time limits do not use it.
    pub fn clock(self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self { clock: Clock::new(now), ..self }
    }

    /// The transport. Nothing is sent, and the machine's certificates are not read yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Credentials`] if none were given. [`ErrorKind::Setup`] if a value cannot stand
    /// in a header, if the rate is not greater than 0, or if the given certificates cannot be read.
    pub fn build(self) -> Result<Transport, Error> {
        let credentials = self.credentials.ok_or_else(|| {
            Error::new(ErrorKind::Credentials, Phase::Prepare, "no credentials were given")
        })?;
        if let Some(id) = &self.project_id {
            header("the project id", id)?;
        }
        let default_headers = DefaultHeaders {
            project_id: self.project_id,
            user_agent: match &self.user_agent {
                Some(text) => header("the user agent", text)?,
                None => HeaderValue::from_static(concat!(
                    env!("CARGO_PKG_NAME"),
                    "/",
                    env!("CARGO_PKG_VERSION")
                )),
            },
        };
        let settings = Settings {
            credentials,
            default_headers,
            limits: self.limits,
            max_attempts: self.max_attempts.unwrap_or(Self::MAX_ATTEMPTS).get(),
            max_connections: self.max_connections.unwrap_or(Self::MAX_CONNECTIONS),
            plaintext: self.plaintext,
            clock: self.clock,
        };
        let (limiter, tls) = (Limiter::new(self.rate)?, Tls::new(&self.roots)?);
        let sender = Sender::new(settings, limiter, tls, Jitter::new(self.jitter_seed));
        Ok(Transport(Arc::new(sender)))
    }
}

impl fmt::Debug for TransportBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A provider may print anything.
        f.debug_struct("TransportBuilder")
            .field("limits", &self.limits)
            .field("rate", &self.rate)
            .finish_non_exhaustive()
    }
}

fn header(what: &str, text: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(text).map_err(|error| {
        Error::setup(format!("{what} is not a valid header value")).with_source(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::{Credentials, Token};

    fn builder() -> TransportBuilder {
        Transport::builder().credentials(Credentials::from(Token::new("token").unwrap()))
    }

    #[test]
    fn credentials_are_all_that_must_be_given() {
        assert!(builder().build().is_ok());
        let error = Transport::builder().build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Credentials);
        assert_eq!(error.to_string(), "no credentials were given");
    }

    #[test]
    fn a_setting_that_cannot_work_is_refused_by_name() {
        for (builder, message) in [
            (builder().project_id("a\nb"), "the project id is not a valid header value"),
            (builder().user_agent("a\r\nb: c"), "the user agent is not a valid header value"),
            (builder().rate(Rate::PerSecond(0.0)), "invalid rate limit: 0 requests per second"),
        ] {
            let error = builder.build().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Setup);
            assert_eq!(error.to_string(), message);
        }
        assert!(builder().roots(Roots::Pem(Vec::new())).build().is_err());
    }
}
