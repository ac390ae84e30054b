//! The listener, and who gets in. To refuse connections it goes away for a while: only then does the
//! system answer as it does where nobody listens.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, sleep_until};

use crate::fault_effect::ConnectionEffect;
use crate::server::Shared;

const BACKLOG: u32 = 1024;

pub(crate) struct Listener {
    address: SocketAddr,
    state: State,
    /// What becomes of the next connection.
    effect: ConnectionEffect,
}

enum State {
    Open(TcpListener),
    Shut {
        until: Instant,
        /// Keeps the port from others without listening to it.
        place: Option<TcpSocket>,
    },
}

impl Listener {
    pub(crate) fn new(listener: TcpListener, shared: &Shared) -> io::Result<Self> {
        let mut door = Self {
            address: listener.local_addr()?,
            state: State::Open(listener),
            effect: ConnectionEffect::Serve,
        };
        door.prepare(shared);
        Ok(door)
    }

    /// The next connection, and what is to become of it. Nothing is lost if this is given up halfway.
    pub(crate) async fn next(
        &mut self,
        shared: &Shared,
    ) -> io::Result<(TcpStream, ConnectionEffect)> {
        loop {
            match &mut self.state {
                State::Open(listener) => {
                    let (stream, _) = listener.accept().await?;
                    let effect = self.effect;
                    shared.count_connection();
                    self.prepare(shared);
                    return Ok((stream, effect));
                }
                State::Shut { until, place } => {
                    sleep_until(*until).await;
                    let place = match place.take() {
                        Some(place) => place,
                        None => keep(self.address)?,
                    };
                    self.state = State::Open(place.listen(BACKLOG)?);
                    self.prepare(shared);
                }
            }
        }
    }

    /// Whether the next one is refused must be known before it comes.
    fn prepare(&mut self, shared: &Shared) {
        self.effect = shared.next_connection();
        if let ConnectionEffect::Refuse { lasts } = self.effect {
            let until = Instant::now() + lasts;
            // The listener must be gone before its port can be taken again.
            self.state = State::Shut { until, place: None };
            let place = keep(self.address).ok();
            self.state = State::Shut { until, place };
        }
    }
}

fn keep(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
