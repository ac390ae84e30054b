//! What a run needs of a service, as a seam: the real client is one implementation, a simulation
//! another. Transport errors do not cross it; they arrive as what they mean to a rollout.

use std::fmt;
use std::time::{Duration, SystemTime};

use dls_model::{Deploy, DeployAnswer, ListPackages, Package, PackageDetail, PackageId};
use dls_rollout::{ObserveError, SendError};

use crate::store::BoxFuture;

/// The service of one workspace, as far as a [`Run`](super::Run) uses it.
///
/// [`Client`](crate::Client) implements it over HTTP. Dropping a future gives up waiting for it and
/// takes no request back.
pub trait Service: fmt::Debug + Send + Sync {
    /// Reads a package with its tasks. It may be repeated freely.
    ///
    /// It comes back within this time. Where that was too short, the failure says what was met by then:
    /// nobody, or a service that gave no usable answer.
    fn observe(
        &self,
        package: PackageId,
        within: Duration,
    ) -> BoxFuture<'_, Result<PackageDetail, ObserveError>>;

    /// Reads all pages of a list. It may be repeated freely.
    fn list(&self, query: ListPackages) -> BoxFuture<'_, Result<Vec<Package>, ObserveError>>;

    /// The first half of a write: everything that can fail before the first byte of this request is
    /// written. Whatever fails here has sent nothing.
    fn connect<'a>(
        &'a self,
        request: &'a Deploy,
    ) -> BoxFuture<'a, Result<Box<dyn Connection>, SendError>>;

    /// How far our clock and the service's are apart, as an observation of this package tells;
    /// `None` if the answer does not say what time it is (no `Date` header).
    fn clock_skew(
        &self,
        package: PackageId,
    ) -> BoxFuture<'_, Result<Option<Duration>, ObserveError>>;
}

/// A fresh connection over which nothing was sent yet: the way between the two halves of a write.
pub trait Connection: Send {
    /// Whether the request will bear a token instead of a signature, so that no time ends it.
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
