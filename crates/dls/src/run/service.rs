//! What a run needs of a service. A simulation implements it, too.

use std::fmt;
use std::time::{Duration, SystemTime};

use dls_model::{Deploy, DeployAnswer, ListPackages, Package, PackageDetail, PackageId};
use dls_rollout::{ObserveError, SendError};

use crate::store::BoxFuture;

/// One workspace of the service, as a [`Run`](super::Run) uses it.
///
/// [`Client`](crate::Client) implements it over HTTP. Dropping a future does not take back its request.
pub trait Service: fmt::Debug + Send + Sync {
    /// Reads a package with its tasks. It may be repeated freely.
    ///
    /// It ends within this time. If that was too short, the error says whether the service was reached.
    fn observe(
        &self,
        package: PackageId,
        within: Duration,
    ) -> BoxFuture<'_, Result<PackageDetail, ObserveError>>;

    /// Reads all pages of a list. It may be repeated freely.
    fn list(&self, query: ListPackages) -> BoxFuture<'_, Result<Vec<Package>, ObserveError>>;

    /// The first half of a write: everything that can fail before the first byte of the request is written.
    fn connect<'a>(
        &'a self,
        request: &'a Deploy,
    ) -> BoxFuture<'a, Result<Box<dyn Connection>, SendError>>;

    /// The difference between our clock and the service's, from an observation of this package; `None` if the answer has no
    /// `Date` header.
    ///
    /// # Errors
    ///
    /// Why there is no answer, in one line.
    fn clock_skew(&self, package: PackageId) -> BoxFuture<'_, Result<Option<Duration>, String>>;
}

/// A fresh connection, between the two halves of a write.
pub trait Connection: Send {
    /// Whether the request will contain a token instead of a signature, so that it never expires.
    fn bears_token(&self) -> bool;

    /// The second half: signs the request with this time (wire: `X-Sdk-Date`) and writes it, once.
    ///
    /// # Errors
    ///
    /// Only [`SendError::NotSent`] and [`SendError::NotAuthenticated`] say that no byte of it
    /// was written.
    fn send<'a>(
        self: Box<Self>,
        request: &'a Deploy,
        signed_at: SystemTime,
    ) -> BoxFuture<'a, Result<DeployAnswer, SendError>>;
}
