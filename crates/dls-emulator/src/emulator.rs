//! What users hold: the settings of an emulator, and one that runs.

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
use crate::fault::FaultPlan;
use crate::fault_schedule::FaultSchedule;
use crate::ledger::Ledger;
use crate::listener::Listener;
use crate::seed::Seed;
use crate::server::serve;
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
        f.debug_struct("EmulatorBuilder")
            .field("release_time", &self.release_time)
            .field("rate_limit", &self.rate_limit)
            .field("assumptions", &self.assumptions)
            .field("extra_packages", &self.extra_packages)
            .field("tls", &self.tls)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

impl EmulatorBuilder {
    /// The state to start with.
    pub fn seed(self, seed: Seed) -> Self {
        Self { seed, ..self }
    }

    /// How long the release of one package takes; zero for at once.
    pub fn release_time(self, release_time: Duration) -> Self {
        Self { release_time, ..self }
    }

    /// How many requests a second are let through.
    pub fn rate_limit(self, rate_limit: RateLimit) -> Self {
        Self { rate_limit, ..self }
    }

    /// Switches an [assumption](crate::assumptions).
    ///
    /// # Errors
    ///
    /// There is no such assumption, or it has no such value; the error lists the valid ones.
    pub fn assume(mut self, name: &str, value: &str) -> Result<Self, InvalidAssumption> {
        self.assumptions.set(name, value)?;
        Ok(self)
    }

    /// Adds packages to be reviewed to the workspace `default`, each with a job and a script of its own.
    /// Their ids are the first from 1001 that are free.
    pub fn extra_packages(self, extra_packages: u32) -> Self {
        Self { extra_packages, ..self }
    }

    /// Whether to listen with TLS, under a certificate made on the spot.
    pub fn tls(self, tls: bool) -> Self {
        Self { tls, ..self }
    }

    /// Another clock than the system's. It dates requests and releases; limits on connections do not use it.
    pub fn clock(self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// What goes wrong, and when; nothing, unless told otherwise.
    pub fn faults(self, faults: FaultPlan) -> Self {
        Self { faults, ..self }
    }

    /// The emulator without sockets and clock.
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
        Engine::new(auth, throttle, service, FaultSchedule::new(self.faults))
    }

    /// Listens, and serves in tasks of the tokio runtime that this is called in. Port 0 takes a free one.
    ///
    /// A request's head may take 30 s (which is also how long a connection may idle), its body 30 s, a TLS
    /// handshake 10 s; a client that reads nothing of its answer for 30 s loses the connection. 1,024 connections are
    /// served at a time.
    ///
    /// # Errors
    ///
    /// The address cannot be listened on, no certificate can be made, or the fault plan
    /// [breaks handshakes](FaultPlan::needs_tls) without TLS ([`io::ErrorKind::InvalidInput`]).
    pub async fn start(self, listen: SocketAddr) -> io::Result<Emulator> {
        if self.faults.needs_tls() && !self.tls {
            let message = "the fault plan breaks TLS handshakes, and there is no TLS";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let listener = TcpListener::bind(listen).await?;
        let bound = listener.local_addr()?;
        let address = reachable(bound);
        let identity = self.tls.then(|| tls::identity(address.ip())).transpose()?;
        let (scheme, acceptors, ca_pem) = match identity {
            Some(identity) => ("https", Some(identity.acceptors), Some(identity.ca_pem)),
            None => ("http", None, None),
        };

        let clock = Arc::clone(&self.clock);
        let engine = SharedEngine::new(self.engine(), clock);
        let listener = Listener::new(listener, &engine)?;
        let (stop, stopped) = watch::channel(false);
        let server = tokio::spawn(serve(listener, acceptors, engine.clone(), stopped));
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

/// An address of "all interfaces" can be listened on, but not be called.
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
    /// An emulator with the built-in example, releases of one second, the documented rate limit, each
    /// assumption at its default, and no TLS.
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

    /// Where it listens, such as `http://127.0.0.1:40123`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Whether only this machine can reach it. Otherwise whoever can may read its pages under `/__emulator/`, which
    /// need no signature, and release what is in it with the keys of its example.
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
        self.engine.ledger()
    }

    /// Accepts nothing more, and gives the requests that are under way five seconds to end.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(server) = self.server.take() {
            // It fails only if the runtime is ending, which stops the server as well.
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
