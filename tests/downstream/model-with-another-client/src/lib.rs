//! The service's operations over `ureq`, a blocking client that knows nothing of them: the model encodes and
//! decodes, and everything in between is here.

use std::{fmt, time::Duration};

use dls_model::{AnswerError, InvalidRequest, Operation, Scope};
use http::{header::InvalidHeaderValue, uri::InvalidUri};
use ureq::Agent;

/// Where the service is, and who asks.
pub struct Client {
    agent: Agent,
    origin: String,
    scope: Scope,
    token: String,
}

impl Client {
    /// A client of the service at `origin` (`https://host`, nothing behind it) with a token of IAM.
    pub fn new(origin: impl Into<String>, scope: Scope, token: impl Into<String>) -> Self {
        // A deploy must not go out twice, and nobody but the caller can tell whether the first one was read. So
        // no redirect is followed, which would repeat a request elsewhere, token and all; no proxy is taken from
        // the environment, which might repeat it; and no connection is kept, on which a request may meet the
        // server's close. `ureq` 3 repeats nothing on its own.
        let agent = Agent::config_builder()
            .max_redirects(0)
            .proxy(None)
            .max_idle_connections(0)
            // The model reads errors, too.
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .build()
            .new_agent();
        Self { agent, origin: origin.into(), scope, token: token.into() }
    }

    /// Carries an operation out, once.
    pub fn call<O: Operation>(&self, operation: &O) -> Result<O::Answer, Error> {
        let mut request = operation.encode(&self.scope).map_err(Error::NotMade)?;
        let uri = format!("{}{}", self.origin, request.uri());
        *request.uri_mut() = uri.parse().map_err(Error::Origin)?;
        let token = self.token.parse().map_err(Error::Token)?;
        request.headers_mut().insert("x-auth-token", token);
        let mut answer = if request.body().is_empty() {
            // Without it, `ureq` would announce a body of no bytes.
            self.agent.run(request.map(drop))
        } else {
            self.agent.run(request)
        }
        .map_err(Error::NoAnswer)?;
        let body = answer.body_mut().read_to_vec().map_err(Error::NoAnswer)?;
        O::decode(answer.status(), answer.headers(), &body).map_err(Error::Answer)
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Error {
    /// The operation breaks a rule of the service. Nothing was sent.
    NotMade(InvalidRequest),
    /// The origin is none. Nothing was sent.
    Origin(InvalidUri),
    /// The token cannot stand in a header. Nothing was sent.
    Token(InvalidHeaderValue),
    /// Nothing came back, and what became of a write is not known.
    NoAnswer(ureq::Error),
    /// What came back is an error, or cannot be read.
    Answer(AnswerError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMade(error) => error.fmt(f),
            Self::Origin(error) => error.fmt(f),
            Self::Token(error) => error.fmt(f),
            Self::NoAnswer(error) => error.fmt(f),
            Self::Answer(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}
