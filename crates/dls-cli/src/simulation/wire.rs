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
use dls::run::{Connection, Service};
use dls::store::BoxFuture;
use dls::transport::credentials::AccessKey;
use dls::transport::sign::{Parts, sign};
use dls_emulator::{ConnectionEnd, ResponseEffect, Sent};
use http::header::{DATE, HOST};
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

/// What came back, as the transport tells it.
enum Came {
    Answer(Response<Vec<u8>>),
    Nothing(&'static str),
}

impl Wire {
    pub(crate) fn new(world: &World, setup: &Arc<Setup>) -> Self {
        Self { world: world.clone(), setup: Arc::clone(setup), is_stopped: Arc::default() }
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
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
        let signed_at = dls::run::Clock::wall(&self.world);
        let request = self.signed(operation, signed_at);
        match self.exchange(request).await {
            Came::Answer(answer) => Ok(answer),
            Came::Nothing(why) => Err(ObserveError::Unreachable(why.to_owned())),
        }
    }

    async fn all_pages(&self, query: ListPackages) -> Result<Vec<Package>, ObserveError> {
        let mut pages = Pages::new(query);
        let mut rows = Vec::new();
        while let Some(request) = pages.request() {
            let page = self.read(&request).await?;
            let page = pages.accept(page);
            rows.extend(page.map_err(|error| ObserveError::Unavailable(error.to_string()))?);
        }
        Ok(rows)
    }

    /// The first half of a write.
    async fn open(&self) -> Result<(), SendError> {
        self.world.step().await;
        if self.is_stopped() {
            return Err(SendError::NotAuthenticated("stopped".to_owned()));
        }
        sleep(CONNECT).await;
        match self.happens(25) {
            true => Err(SendError::NotSent("connection refused".to_owned())),
            false => Ok(()),
        }
    }

    /// The second half.
    async fn write(
        &self,
        deploy: &Deploy,
        signed_at: SystemTime,
    ) -> Result<DeployAnswer, SendError> {
        self.world.step().await;
        if self.happens(40) {
            // The connection died before the first byte, and the request was handed back.
            return Err(SendError::NotSent("handed back".to_owned()));
        }
        let at = self.world.now();
        self.world.state().sent.push(Sent {
            packages: deploy.packages().iter().map(ToString::to_string).collect(),
            at,
        });
        match self.exchange(self.signed(deploy, signed_at)).await {
            Came::Answer(answer) => decoded::<Deploy>(&answer).map_err(SendError::of_answer),
            Came::Nothing(why) => Err(SendError::Lost(why.to_owned())),
        }
    }

    /// A request that is on its way arrives, even if its sender dies meanwhile.
    async fn exchange(&self, request: Option<Request<Vec<u8>>>) -> Came {
        let Some(request) = request else {
            return Came::Nothing("the request cannot be made");
        };
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
            return Came::Nothing("no answer in time");
        }
        sleep(way).await;
        let came = made_of(effect).await;
        self.world.step().await;
        if let Came::Answer(answer) = &came
            && answer.status() == StatusCode::UNAUTHORIZED
        {
            self.is_stopped.store(true, Ordering::Relaxed);
        }
        came
    }

    fn happens(&self, one_in: u32) -> bool {
        self.world.state().one_in(one_in)
    }

    /// The request as it goes out.
    fn signed<O: Operation>(
        &self,
        operation: &O,
        signed_at: SystemTime,
    ) -> Option<Request<Vec<u8>>> {
        let Setup { scope, token, .. } = &*self.setup;
        let (mut parts, body) = operation.encode(scope).ok()?.into_parts();
        let project = HeaderValue::from_str(scope.project().as_str()).ok()?;
        parts.headers.insert("x-project-id", project);
        match token {
            Some(token) => {
                let token = HeaderValue::from_static(token);
                parts.headers.insert("x-auth-token", token);
                parts.headers.insert(HOST, HeaderValue::from_static(NAME));
            }
            None => self.sign(&mut parts, &body, signed_at)?,
        }
        Some(Request::from_parts(parts, body))
    }

    fn sign(
        &self,
        parts: &mut http::request::Parts,
        body: &[u8],
        signed_at: SystemTime,
    ) -> Option<()> {
        let mut headers = Vec::new();
        for (name, value) in &parts.headers {
            // The official signer recognizes the body's type by this spelling only.
            let name = match name.as_str() {
                "content-type" => "Content-Type",
                name => name,
            };
            headers.push((name, value.to_str().ok()?));
        }
        let signed = sign(
            &Parts {
                method: parts.method.as_str(),
                host: NAME,
                path: parts.uri.path(),
                headers: &headers,
                body,
                ..Parts::default()
            },
            &self.setup.key,
            signed_at.into(),
        );
        let signed = signed.ok()?;
        let mut all = HeaderMap::new();
        for (name, value) in &signed.headers {
            let name: http::HeaderName = name.parse().ok()?;
            all.insert(name, value.parse().ok()?);
        }
        parts.uri = signed.uri.parse().ok()?;
        parts.headers = all;
        Some(())
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
        Box::pin(self.all_pages(query))
    }

    fn connect<'a>(
        &'a self,
        _: &'a Deploy,
    ) -> BoxFuture<'a, Result<Box<dyn Connection>, SendError>> {
        Box::pin(async {
            self.open().await?;
            Ok(Box::new(self.clone()) as Box<dyn Connection>)
        })
    }

    fn clock_skew(&self, package: PackageId) -> BoxFuture<'_, Result<Option<Duration>, String>> {
        Box::pin(async move {
            let answer = self.read_answer(&ShowPackage::new(package)).await;
            let answer = answer.map_err(|failure| format!("{failure:?}"))?;
            let date = answer.headers().get(DATE).filter(|_| self.setup.has_date);
            let date = date.and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
            let ours = dls::run::Clock::wall(&self.world);
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
        Box::pin(async move { self.write(request, signed_at).await })
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}

async fn made_of(effect: ResponseEffect) -> Came {
    match effect {
        ResponseEffect::Answer(answer) if is_answer(answer.status()) => Came::Answer(answer),
        ResponseEffect::Answer(_) => Came::Nothing("a redirect"),
        ResponseEffect::Raw { bytes, pause, end } => {
            let takes = pause.saturating_mul(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
            sleep(takes.min(HEAD)).await;
            match parsed(&bytes) {
                Some(answer) if takes < HEAD => Came::Answer(answer),
                _ => ended(end).await,
            }
        }
        ResponseEffect::Cut { end, .. } => ended(end).await,
        _ => Came::Nothing("something new"),
    }
}

async fn ended(end: ConnectionEnd) -> Came {
    match end {
        ConnectionEnd::Silence => {
            sleep(HEAD).await;
            Came::Nothing("no answer in time")
        }
        _ => Came::Nothing("the connection ended"),
    }
}

fn is_answer(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200..=299 | 400..=599)
}

fn decoded<O: Operation>(answer: &Response<Vec<u8>>) -> Result<O::Answer, AnswerError> {
    O::decode(answer.status(), answer.headers(), answer.body())
}

/// The answer that these bytes are, if they are one, and whole.
fn parsed(bytes: &[u8]) -> Option<Response<Vec<u8>>> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, body) = bytes.split_at_checked(end + 4)?;
    let head = std::str::from_utf8(head).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?;
    let status = status.get(..3)?.parse::<u16>().ok()?;
    let mut response = Response::builder().status(status);
    let mut length = 0;
    for line in lines.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
        response = response.header(name, value.trim());
    }
    response.body(body.get(..length)?.to_vec()).ok()
}
