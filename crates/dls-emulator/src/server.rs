//! The core behind real HTTP/1.1 on a socket.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::assume::{Assumed, InvalidAssumption};
use crate::core::{Core, LARGEST_BODY, RateLimit};
use crate::ledger::Ledger;
use crate::seed::Seed;
use crate::tls::Identity;

const HEAD_TIME: Duration = Duration::from_secs(60);

/// The emulator; see [`builder`](Self::builder).
#[derive(Debug)]
pub struct Emulator;

impl Emulator {
    /// Begins an emulator with the built-in example, releases that take a second, and throttling as
    /// documented.
    pub fn builder() -> Builder {
        Builder {
            seed: None,
            release_time: Duration::from_secs(1),
            rate_limit: RateLimit::Documented,
            assumed: Assumed::default(),
            extra_packages: 0,
            tls: false,
        }
    }
}

/// Settings of an emulator.
#[derive(Debug)]
#[must_use]
pub struct Builder {
    seed: Option<Seed>,
    release_time: Duration,
    rate_limit: RateLimit,
    assumed: Assumed,
    extra_packages: u32,
    tls: bool,
}

impl Builder {
    /// The state to begin with.
    pub fn seed(self, seed: Seed) -> Self {
        Self {
            seed: Some(seed),
            ..self
        }
    }

    /// How long a release takes.
    pub fn release_time(self, time: Duration) -> Self {
        Self {
            release_time: time,
            ..self
        }
    }

    /// Whether requests are throttled.
    pub fn rate_limit(self, rate_limit: RateLimit) -> Self {
        Self { rate_limit, ..self }
    }

    /// Adds packages to be reviewed, with ids from 1001.
    pub fn extra_packages(self, count: u32) -> Self {
        Self {
            extra_packages: count,
            ..self
        }
    }

    /// Whether to speak TLS, with a certificate made for this one run: see
    /// [`Running::ca_certificate_pem`].
    pub fn tls(self, tls: bool) -> Self {
        Self { tls, ..self }
    }

    /// Chooses the value of an [assumption](crate::assumptions).
    ///
    /// # Errors
    ///
    /// When there is no such assumption, or when it does not take this value.
    pub fn assume(mut self, name: &str, value: &str) -> Result<Self, InvalidAssumption> {
        self.assumed.set(name, value)?;
        Ok(self)
    }

    /// Listens, and serves in the background of the current tokio runtime.
    ///
    /// # Errors
    ///
    /// When the address cannot be listened on.
    pub async fn start(self, listen: SocketAddr) -> io::Result<Running> {
        let seed = match self.seed {
            Some(seed) => seed,
            None => Seed::built_in().map_err(io::Error::other)?,
        };
        let seed = seed.with_extra_packages(self.extra_packages);
        let core = Core::new(seed, self.release_time, self.assumed, self.rate_limit);
        let core = Arc::new(Mutex::new(core));
        let listener = TcpListener::bind(listen).await?;
        let identity = if self.tls {
            Some(Identity::generate(listen.ip())?)
        } else {
            None
        };
        let scheme = if self.tls { "https" } else { "http" };
        let base_url = format!("{scheme}://{}", listener.local_addr()?);
        let (acceptor, certificate) = identity.map(|it| (it.acceptor, it.pem)).unzip();
        let task = tokio::spawn(serve(listener, acceptor, core.clone()));
        Ok(Running {
            base_url,
            certificate,
            core,
            task,
        })
    }
}

/// An emulator that serves. Dropping it stops it.
pub struct Running {
    base_url: String,
    certificate: Option<String>,
    core: Arc<Mutex<Core>>,
    task: JoinHandle<()>,
}

impl Running {
    /// Where it listens, as `http://127.0.0.1:PORT`, or `https://…`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The certificate that clients must trust, if it speaks TLS.
    #[must_use]
    pub fn ca_certificate_pem(&self) -> Option<&str> {
        self.certificate.as_deref()
    }

    /// What arrived and what came of it, up to now.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        locked(&self.core).ledger(now())
    }

    /// Stops listening, and closes all connections.
    pub async fn stop(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}

async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, core: Arc<Mutex<Core>>) {
    // The connections end with this set, and so with this task.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, tls.clone(), core.clone()));
                }
                // Too many open files, say: that passes.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, core: Arc<Mutex<Core>>) {
    let _ = stream.set_nodelay(true);
    match tls {
        None => talk(stream, core).await,
        Some(tls) => {
            if let Ok(Ok(stream)) = tokio::time::timeout(HEAD_TIME, tls.accept(stream)).await {
                talk(stream, core).await;
            }
        }
    }
}

async fn talk(stream: impl AsyncRead + AsyncWrite + Unpin, core: Arc<Mutex<Core>>) {
    let service = service_fn(|request| {
        let core = core.clone();
        async move { Ok::<_, Infallible>(answer(request, &core).await) }
    });
    // A connection that breaks has nobody left to tell.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(request: Request<Incoming>, core: &Mutex<Core>) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    // One byte more than is allowed is enough to know that it is too much.
    let body = match Limited::new(body, LARGEST_BODY + 1).collect().await {
        Ok(body) => body.to_bytes().to_vec(),
        Err(_) => vec![0; LARGEST_BODY + 1],
    };
    let request = Request::from_parts(parts, body);
    let response = match (request.method(), request.uri().path()) {
        (&Method::GET, "/__emulator/health") => own(r#"{"status":"ok"}"#.to_owned()),
        (&Method::GET, "/__emulator/ledger") => {
            own(serde_json::to_string(&locked(core).ledger(now())).unwrap_or_default())
        }
        _ => locked(core).answer(now(), &request),
    };
    response.map(|body| Full::new(body.into()))
}

fn own(document: String) -> Response<Vec<u8>> {
    let mut response = Response::new(document.into_bytes());
    let kind = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert("content-type", kind);
    response
}

fn locked(core: &Mutex<Core>) -> std::sync::MutexGuard<'_, Core> {
    core.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the emulator takes the time"
)]
fn now() -> SystemTime {
    SystemTime::now()
}
