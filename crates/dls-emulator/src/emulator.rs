//! The public entry points: the settings of an emulator, and an emulator that listens.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::assumptions::{Assumptions, InvalidAssumption};
use crate::auth::Authenticator;
use crate::engine::Engine;
use crate::faults::FaultPlan;
use crate::faults::schedule::FaultSchedule;
use crate::ledger::{Ledger, RequestLog};
use crate::listener::Listener;
use crate::seed::Seed;
use crate::server::Server;
use crate::service::Service;
use crate::shared::{Clock, SharedEngine};
use crate::state::State;
use crate::throttle::{RateLimit, Throttle};
use crate::tls;

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the clock; the builder can replace it"
)]
fn system_time() -> SystemTime {
    SystemTime::now()
}

/// The settings of an emulator.
#[derive(Clone)]
#[must_use]
pub struct EmulatorBuilder {
    seed: Seed,
    release_time: Duration,
    rate_limit: RateLimit,
    assumptions: Assumptions,
    extra_packages: u32,
    tls: bool,
    clock: Clock,
    faults: FaultPlan,
}

impl fmt::Debug for EmulatorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmulatorBuilder").field("faults", &self.faults).finish_non_exhaustive()
    }
}

impl EmulatorBuilder {
    /// The state to start with.
    pub fn seed(self, seed: Seed) -> Self {
        Self { seed, ..self }
    }

    /// How long the release of one package takes; may be zero.
    pub fn release_time(self, release_time: Duration) -> Self {
        Self { release_time, ..self }
    }

    /// How many requests per second are let through.
    pub fn rate_limit(self, rate_limit: RateLimit) -> Self {
        Self { rate_limit, ..self }
    }

    /// Changes an [assumption](crate::assumptions).
    ///
    /// # Errors
    ///
    /// The name or the value is unknown; the error lists the valid ones.
    pub fn assume(mut self, name: &str, value: &str) -> Result<Self, InvalidAssumption> {
        self.assumptions.set(name, value)?;
        Ok(self)
    }

    /// Adds packages to be reviewed to the workspace `default`, each with its own job and script. Their ids are the first
    /// unused ones from 1001.
    pub fn extra_packages(self, extra_packages: u32) -> Self {
        Self { extra_packages, ..self }
    }

    /// Whether to listen with TLS, with a certificate that is generated at start.
    pub fn tls(self, tls: bool) -> Self {
        Self { tls, ..self }
    }

    /// Replaces the system clock for the times of requests and releases. Time limits on connections do not use it.
    pub fn clock(self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// What goes wrong, and when. The default is no faults.
    pub fn faults(self, faults: FaultPlan) -> Self {
        Self { faults, ..self }
    }

    /// The emulator without sockets and without a clock.
    #[must_use]
    pub fn engine(self) -> Engine {
        let auth = Authenticator::new(&self.seed);
        let throttle = Throttle::new(self.rate_limit, self.assumptions.user_rate);
        let service = Service {
            state: State::new(self.seed, self.extra_packages),
            assumptions: self.assumptions,
            release_time: self.release_time,
            lag: Duration::ZERO,
        };
        Engine {
            auth,
            throttle,
            service,
            log: RequestLog::default(),
            faults: FaultSchedule::new(self.faults),
            skew: 0,
            connections: 0,
        }
    }

    /// Listens, and serves in tasks of the current tokio runtime. Port 0 means any free port.
    ///
    /// Limits: 30 s for the head of a request (also for an idle connection), 30 s for its body, 10 s for a TLS handshake,
    /// and 1,024 connections at a time. A client that reads nothing of its response for 30 s loses the connection.
    ///
    /// # Errors
    ///
    /// The address cannot be bound, no certificate can be generated, or the fault plan
    /// [breaks handshakes](FaultPlan::needs_tls) without TLS ([`io::ErrorKind::InvalidInput`]).
    pub async fn start(self, listen: SocketAddr) -> io::Result<Emulator> {
        if self.faults.needs_tls() && !self.tls {
            let message =
                "the fault plan breaks TLS handshakes, and the emulator listens without TLS";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let listener = TcpListener::bind(listen).await?;
        let bound = listener.local_addr()?;
        let address = reachable(bound);
        let scheme = if self.tls { "https" } else { "http" };
        let tls = self.tls.then(|| tls::acceptors(address.ip())).transpose();
        let (acceptors, ca_pem) = tls.map_err(io::Error::other)?.unzip();
        let clock = Arc::clone(&self.clock);
        let engine = SharedEngine::new(self.engine(), clock);
        let listener = Listener::new(listener, &engine)?;
        let (stop, stopped) = watch::channel(false);
        let server = Server { engine: engine.clone(), tls: acceptors, stop: stopped };
        let server = tokio::spawn(server.run(listener));
        Ok(Emulator {
            base_url: format!("{scheme}://{address}"),
            is_local: bound.ip().to_canonical().is_loopback(),
            ca_pem,
            engine,
            stop,
            server: Some(server),
        })
    }
}

/// A client cannot connect to the unspecified address, so it gets loopback instead.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// An emulator that listens; [`Emulator::builder`] makes one. Dropping it stops it at once; [`Emulator::stop`] waits for
/// requests that are being served.
pub struct Emulator {
    base_url: String,
    is_local: bool,
    ca_pem: Option<String>,
    engine: SharedEngine,
    stop: watch::Sender<bool>,
    server: Option<JoinHandle<()>>,
}

impl Emulator {
    /// The default settings: the built-in example as state, releases of one second, the documented rate limit, the default
    /// of each assumption, and no TLS.
    pub fn builder() -> EmulatorBuilder {
        EmulatorBuilder {
            seed: Seed::built_in(),
            release_time: Duration::from_secs(1),
            rate_limit: RateLimit::Documented,
            assumptions: Assumptions::default(),
            extra_packages: 0,
            tls: false,
            clock: Arc::new(system_time),
            faults: FaultPlan::default(),
        }
    }

    /// The URL of the emulator, such as `http://127.0.0.1:40123`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Whether only this machine can reach it. Otherwise others can read the pages under `/__emulator/`, which need no
    /// signature, and release packages with the public keys of the example.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.is_local
    }

    /// The certificate that clients must trust, if it listens with TLS.
    #[must_use]
    pub fn ca_certificate_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// What happened up to now.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.engine.with(|engine, now| engine.ledger(now))
    }

    /// Stops accepting connections, and gives the requests that are being served five seconds to complete.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(server) = self.server.take() {
            // This fails only if the runtime is shutting down, which stops the server as well.
            drop(server.await);
        }
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}
