//! The way between a run and the service in memory: what the transport and the network do to a request.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use dls::PackageId;
use dls::model::{
    AnswerError, Deploy, DeployAnswer, ListPackages, Operation, Package, PackageDetail, Pages,
    Scope, ShowPackage,
};
use dls::rollout::{ObserveError, SendError};
use dls::run::{Clock as _, Connection, Service};
use dls::store::BoxFuture;
use dls::transport::credentials::AccessKey;
use dls::transport::sign::{Parts, sign};
use dls_emulator::{ConnectionEnd, ResponseEffect, Sent};
use http::header::{CONTENT_LENGTH, DATE, HOST};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use tokio::time::{sleep, timeout};

use super::world::World;

/// The client's limit for the head of an answer.
const HEAD: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_millis(20);
pub(super) const SECRET: &str = "example-secret-key";
pub(super) const TOKEN: &str = "example-token";
const NAME: &str = "emulator.example.com";

/// How a client is set up, and how the service answers it.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) scope: Scope,
    pub(crate) key: AccessKey,
    /// What requests bear instead of a signature.
    pub(crate) token: Option<&'static str>,
    /// Answers say what time it is.
    pub(crate) has_date: bool,
}

/// The client of one process.
#[derive(Clone)]
pub(crate) struct Wire {
    world: World,
    setup: Arc<Setup>,
    /// A 401 has stopped it.
    is_stopped: Arc<AtomicBool>,
}

impl Wire {
    pub(crate) fn new(world: &World, setup: &Arc<Setup>) -> Self {
        Self { world: world.clone(), setup: Arc::clone(setup), is_stopped: Arc::default() }
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    fn happens(&self, one_in: u32) -> bool {
        self.world.state().one_in(one_in)
    }

    async fn read<O: Operation>(&self, operation: &O) -> Result<O::Answer, ObserveError> {
        let answer = self.read_answer(operation).await?;
        decoded::<O>(&answer).map_err(ObserveError::of_answer)
    }

    async fn read_answer<O: Operation>(
        &self,
        operation: &O,
    ) -> Result<Response<Vec<u8>>, ObserveError> {
        if self.is_stopped() {
            return Err(ObserveError::NotAuthenticated("stopped".to_owned()));
        }
        if self.happens(60) {
            sleep(Duration::from_secs(5)).await;
            return Err(ObserveError::Unreachable("no route".to_owned()));
        }
        let answer = self.exchange(operation, self.world.wall()).await;
        answer.map_err(|why| ObserveError::Unreachable(why.to_owned()))
    }

    /// A request that is on its way arrives, even if its sender dies meanwhile. An error says why nothing came back.
    async fn exchange<O: Operation>(
        &self,
        operation: &O,
        signed_at: SystemTime,
    ) -> Result<Response<Vec<u8>>, &'static str> {
        let request = self.signed(operation, signed_at).ok_or("the request cannot be made")?;
        let now = self.world.now();
        let (effect, is_slow, way) = {
            let mut state = self.world.state();
            let effect = state.engine.answer(now, &request);
            let way = Duration::from_millis(state.rng.u64(2..200));
            (effect, state.one_in(80), way)
        };
        self.world.step().await;
        if is_slow {
            sleep(HEAD).await;
            return Err("no answer in time");
        }
        sleep(way).await;
        let received = received(effect).await;
        self.world.step().await;
        if received.as_ref().is_ok_and(|it| it.status() == StatusCode::UNAUTHORIZED) {
            self.is_stopped.store(true, Ordering::Relaxed);
        }
        received
    }

    /// The request as it goes out.
    fn signed<O: Operation>(
        &self,
        operation: &O,
        signed_at: SystemTime,
    ) -> Option<Request<Vec<u8>>> {
        let Setup { scope, token, key, .. } = &*self.setup;
        let (mut parts, body) = operation.encode(scope).ok()?.into_parts();
        parts.headers.insert("x-project-id", scope.project().as_str().parse().ok()?);
        if let Some(token) = token {
            parts.headers.insert("x-auth-token", HeaderValue::from_static(token));
            parts.headers.insert(HOST, HeaderValue::from_static(NAME));
            return Some(Request::from_parts(parts, body));
        }
        let headers =
            parts.headers.iter().map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let headers: Vec<_> = headers.collect::<Option<_>>()?;
        let to_sign = Parts {
            method: parts.method.as_str(),
            host: NAME,
            path: parts.uri.path(),
            headers: &headers,
            body: &body,
            ..Parts::default()
        };
        let signed = sign(&to_sign, key, signed_at.into()).ok()?;
        let headers = signed
            .headers
            .iter()
            .map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)));
        let headers = headers.collect::<Option<HeaderMap>>()?;
        parts.uri = signed.uri.parse().ok()?;
        parts.headers = headers;
        Some(Request::from_parts(parts, body))
    }
}

impl Service for Wire {
    fn observe(
        &self,
        package: PackageId,
        within: Duration,
    ) -> BoxFuture<'_, Result<PackageDetail, ObserveError>> {
        Box::pin(async move {
            let request = ShowPackage::new(package);
            let observed = timeout(within, self.read(&request)).await;
            observed.unwrap_or_else(|_| Err(ObserveError::Unreachable("no answer".to_owned())))
        })
    }

    fn list(&self, query: ListPackages) -> BoxFuture<'_, Result<Vec<Package>, ObserveError>> {
        Box::pin(async move {
            let mut pages = Pages::new(query);
            let mut rows = Vec::new();
            while let Some(request) = pages.request() {
                let page = pages.accept(self.read(&request).await?);
                rows.extend(page.map_err(|error| ObserveError::Unavailable(error.to_string()))?);
            }
            Ok(rows)
        })
    }

    fn connect<'a>(
        &'a self,
        _: &'a Deploy,
    ) -> BoxFuture<'a, Result<Box<dyn Connection>, SendError>> {
        Box::pin(async {
            self.world.step().await;
            if self.is_stopped() {
                return Err(SendError::NotAuthenticated("stopped".to_owned()));
            }
            sleep(CONNECT).await;
            match self.happens(25) {
                true => Err(SendError::NotSent("connection refused".to_owned())),
                false => Ok(Box::new(self.clone()) as Box<dyn Connection>),
            }
        })
    }

    fn clock_skew(&self, package: PackageId) -> BoxFuture<'_, Result<Option<Duration>, String>> {
        Box::pin(async move {
            let answer = self.read_answer(&ShowPackage::new(package)).await;
            let answer = answer.map_err(|failure| format!("{failure:?}"))?;
            let date = answer.headers().get(DATE).filter(|_| self.setup.has_date);
            let date = date.and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
            let ours = self.world.wall();
            Ok(date.map(|date| {
                let ahead = ours.duration_since(date);
                ahead.unwrap_or_else(|behind| behind.duration())
            }))
        })
    }
}

impl Connection for Wire {
    fn bears_token(&self) -> bool {
        self.setup.token.is_some()
    }

    fn send<'a>(
        self: Box<Self>,
        request: &'a Deploy,
        signed_at: SystemTime,
    ) -> BoxFuture<'a, Result<DeployAnswer, SendError>> {
        Box::pin(async move {
            self.world.step().await;
            if self.happens(40) {
                // The connection died before the first byte, and the request was handed back.
                return Err(SendError::NotSent("handed back".to_owned()));
            }
            let packages = request.packages().iter().map(ToString::to_string).collect();
            let at = self.world.now();
            self.world.state().sent.push(Sent { packages, at });
            match self.exchange(request, signed_at).await {
                Ok(answer) => decoded::<Deploy>(&answer).map_err(SendError::of_answer),
                Err(why) => Err(SendError::Lost(why.to_owned())),
            }
        })
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}

/// What the transport makes of it: a redirect is no answer.
async fn received(effect: ResponseEffect) -> Result<Response<Vec<u8>>, &'static str> {
    let (takes, answer, end) = match effect {
        ResponseEffect::Answer(answer) => (Duration::ZERO, Some(answer), ConnectionEnd::Close),
        ResponseEffect::Raw { bytes, pause, end } => {
            let count = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            (pause.saturating_mul(count), parsed(&bytes), end)
        }
        _ => return Err("something new"),
    };
    sleep(takes.min(HEAD)).await;
    match answer {
        Some(answer) if answer.status().is_redirection() => Err("a redirect"),
        Some(answer) if takes < HEAD => Ok(answer),
        _ if end == ConnectionEnd::Silence => {
            sleep(HEAD).await;
            Err("no answer in time")
        }
        _ => Err("the connection ended"),
    }
}

fn decoded<O: Operation>(answer: &Response<Vec<u8>>) -> Result<O::Answer, AnswerError> {
    O::decode(answer.status(), answer.headers(), answer.body())
}

/// The answer that these bytes are, if they are one, and whole.
fn parsed(bytes: &[u8]) -> Option<Response<Vec<u8>>> {
    let (head, body) = std::str::from_utf8(bytes).ok()?.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?;
    let mut response = Response::builder().status(status);
    for line in lines {
        let (name, value) = line.split_once(": ")?;
        response = response.header(name, value);
    }
    let length = response.headers_ref()?.get(CONTENT_LENGTH)?.to_str().ok()?;
    let body = body.as_bytes().get(..length.parse().ok()?)?;
    response.body(body.to_vec()).ok()
}
