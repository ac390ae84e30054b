//! The trait of everything that can hand out credentials.

use std::error::Error;
use std::future::{self, Future};
use std::pin::Pin;
use std::sync::Arc;

use super::{Credentials, InvalidCredential};

/// What [`ProvideCredentials::provide`] returns.
pub type Provided<'a> =
    Pin<Box<dyn Future<Output = Result<Option<Credentials>, CredentialsError>> + Send + 'a>>;

/// A source of credentials. It is asked before each request.
///
/// ```
/// use dls_transport::credentials::{Credentials, ProvideCredentials, Provided};
///
/// /// Asks one source, then the next.
/// struct Chain<A, B>(A, B);
///
/// impl<A: ProvideCredentials, B: ProvideCredentials> ProvideCredentials for Chain<A, B> {
///     fn provide(&self) -> Provided<'_> {
///         Box::pin(async {
///             match self.0.provide().await? {
///                 Some(credentials) => Ok(Some(credentials)),
///                 None => self.1.provide().await,
///             }
///         })
///     }
/// }
/// ```
pub trait ProvideCredentials: Send + Sync {
    /// `Ok(None)`: not configured here, ask the next. `Err`: configured and broken, stop.
    fn provide(&self) -> Provided<'_>;
}

/// Credentials provide themselves.
impl ProvideCredentials for Credentials {
    fn provide(&self) -> Provided<'_> {
        Box::pin(future::ready(Ok(Some(self.clone()))))
    }
}

impl<P: ProvideCredentials + ?Sized> ProvideCredentials for Arc<P> {
    fn provide(&self) -> Provided<'_> {
        (**self).provide()
    }
}

/// Why a source that is configured has no credentials to give. It never holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// One half of an access key is set without the other.
    #[error("{set} is set, but {missing} is not")]
    HalfSet {
        /// The environment variable that is set.
        set: &'static str,
        /// The one that is not, or is empty.
        missing: &'static str,
    },
    /// An environment variable is not UTF-8.
    #[error("{variable} is not valid UTF-8")]
    NotUnicode {
        /// Its name.
        variable: &'static str,
    },
    /// An environment variable holds no such credential.
    #[error("{variable} is not usable")]
    Invalid {
        /// Its name.
        variable: &'static str,
        /// What is wrong; the [source](Error::source) of this error.
        #[source]
        reason: InvalidCredential,
    },
    /// Another source failed, for its own reason: the [source](Error::source) of this error.
    #[error("the source of credentials failed")]
    Other(#[source] Box<dyn Error + Send + Sync>),
}

impl CredentialsError {
    /// For sources outside this crate. The reason must not hold a secret: it is printed.
    pub fn other(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Other(reason.into())
    }
}
