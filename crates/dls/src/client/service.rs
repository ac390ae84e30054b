//! The client as the [`Service`] of a run. Its errors are mapped to those of the rollout.

use std::time::{Duration, SystemTime};

use dls_model::{
    AnswerError, Deploy, DeployAnswer, ListPackages, Package, PackageDetail, PackageId, ShowPackage,
};
use dls_rollout::{ObserveError, SendError};
use dls_transport::{ClockSkew, Delivery, FreshConnection, ResponseMeta, Retry};

use super::Client;
use super::decode::decode;
use crate::error::Error;
use crate::run::{Connection, Service};
use crate::store::BoxFuture;

impl Service for Client {
    fn observe(
        &self,
        package: PackageId,
        within: Duration,
    ) -> BoxFuture<'_, Result<PackageDetail, ObserveError>> {
        Box::pin(async move {
            let detail = self.package_within(package, within).await;
            detail.map_err(observe_error)
        })
    }

    fn list(&self, query: ListPackages) -> BoxFuture<'_, Result<Vec<Package>, ObserveError>> {
        Box::pin(async move {
            let mut pager = self.packages(query);
            let mut rows = Vec::new();
            while let Some(row) = pager.next().await.map_err(observe_error)? {
                rows.push(row);
            }
            Ok(rows)
        })
    }

    fn connect<'a>(
        &'a self,
        request: &'a Deploy,
    ) -> BoxFuture<'a, Result<Box<dyn Connection>, SendError>> {
        Box::pin(async move {
            let uri = self.request(request).map_err(send_error)?.uri().clone();
            let connection = self.transport.fresh_connection(&uri).await;
            let connection = connection.map_err(|error| send_error(error.into()))?;
            Ok(Box::new(DeployConnection { connection, client: self.clone() }) as _)
        })
    }

    fn clock_skew(&self, package: PackageId) -> BoxFuture<'_, Result<Option<Duration>, String>> {
        Box::pin(async move {
            let skew = self.skew_from(package).await.map_err(|error| error.in_full())?;
            Ok(skew.map(|skew| match skew {
                ClockSkew::Ahead(by) | ClockSkew::Behind(by) => by,
            }))
        })
    }
}

impl Client {
    async fn skew_from(&self, package: PackageId) -> Result<Option<ClockSkew>, Error> {
        let request = self.request(&ShowPackage::new(package))?;
        let answer = self.transport.call(request, Retry::Allowed).await?;
        let meta = answer.extensions().get::<ResponseMeta>();
        Ok(meta.and_then(ResponseMeta::clock_skew))
    }
}

struct DeployConnection {
    connection: FreshConnection,
    client: Client,
}

impl DeployConnection {
    async fn send_at(self, deploy: &Deploy, signed_at: SystemTime) -> Result<DeployAnswer, Error> {
        let request = self.client.request(deploy)?;
        decode::<Deploy>(self.connection.send_at(request, signed_at).await?).await
    }
}

impl Connection for DeployConnection {
    fn bears_token(&self) -> bool {
        self.connection.bears_token()
    }

    fn send<'a>(
        self: Box<Self>,
        request: &'a Deploy,
        signed_at: SystemTime,
    ) -> BoxFuture<'a, Result<DeployAnswer, SendError>> {
        Box::pin(async move { self.send_at(request, signed_at).await.map_err(send_error) })
    }
}

fn observe_error(error: Error) -> ObserveError {
    let text = error.in_full();
    if is_about_credentials(&error) {
        return ObserveError::NotAuthenticated(text);
    }
    match error.into_service() {
        Ok(service) => ObserveError::of_answer(AnswerError::Service(service)),
        Err(error) if error.status().is_some() || error.delivery() == Delivery::Answered => {
            ObserveError::Unavailable(text)
        }
        Err(_) => ObserveError::Unreachable(text),
    }
}

fn send_error(error: Error) -> SendError {
    let text = error.in_full();
    if is_about_credentials(&error) {
        return SendError::NotAuthenticated(text);
    }
    if error.delivery() == Delivery::NotSent {
        return SendError::NotSent(text);
    }
    match error.into_service() {
        Ok(service) => SendError::of_answer(AnswerError::Service(service)),
        Err(_) => SendError::Lost(text),
    }
}

fn is_about_credentials(error: &Error) -> bool {
    use dls_transport::ErrorKind::{Credentials, Stopped};
    error.transport().is_some_and(|error| matches!(error.kind(), Credentials | Stopped))
}
