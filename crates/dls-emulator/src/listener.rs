//! The listener. To refuse connections it closes its port for a while: only then does the system answer as it does where
//! nothing listens.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, sleep_until};

use crate::faults::effect::ConnectionFault;
use crate::shared::SharedEngine;

const BACKLOG: u32 = 1024;

pub(crate) struct Listener {
    address: SocketAddr,
    state: State,
    /// The fault of the next connection.
    next: Option<ConnectionFault>,
}

enum State {
    Listening(TcpListener),
    Closed {
        until: Instant,
        /// Keeps the port from other processes without listening on it.
        reserved: Option<TcpSocket>,
    },
}

impl Listener {
    pub(crate) fn new(listener: TcpListener, engine: &SharedEngine) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let state = State::Listening(listener);
        let mut listener = Self { address, state, next: None };
        listener.prepare(engine);
        Ok(listener)
    }

    /// The next connection, and its fault. Cancel safe.
    pub(crate) async fn accept(
        &mut self,
        engine: &SharedEngine,
    ) -> io::Result<(TcpStream, Option<ConnectionFault>)> {
        loop {
            match &mut self.state {
                State::Listening(listener) => {
                    let (stream, _) = listener.accept().await?;
                    let fault = self.next;
                    engine.with(|engine, _| engine.connections += 1);
                    self.prepare(engine);
                    return Ok((stream, fault));
                }
                State::Closed { until, reserved } => {
                    sleep_until(*until).await;
                    let socket = match reserved.take() {
                        Some(socket) => socket,
                        None => bind(self.address)?,
                    };
                    self.state = State::Listening(socket.listen(BACKLOG)?);
                    self.prepare(engine);
                }
            }
        }
    }

    /// Whether the next connection is refused must be known before it comes.
    fn prepare(&mut self, engine: &SharedEngine) {
        self.next = engine.with(|engine, _| engine.faults.next_connection());
        if let Some(ConnectionFault::Refuse(time)) = self.next {
            let until = Instant::now() + time;
            // The listener must be closed before its port can be bound again.
            self.state = State::Closed { until, reserved: None };
            self.state = State::Closed { until, reserved: bind(self.address).ok() };
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
