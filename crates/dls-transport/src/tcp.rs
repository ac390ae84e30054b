//! From a host name to a TCP connection, within one limit.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};

use crate::deadline::{Deadline, OutOfTime};
use crate::error::{Error, ErrorKind, Phase};
use crate::origin::Origin;

/// Resolves the host and connects to one of its addresses, trying each in the resolver's order.
///
/// Name resolution that timed out continues in the background: the operating system cannot cancel it.
pub(crate) async fn connect(
    origin: &Origin,
    limit: Duration,
    deadline: &Deadline,
) -> Result<TcpStream, Error> {
    let begin = Instant::now();
    let lookup = lookup_host((origin.host.as_str(), origin.port));
    let addresses = deadline
        .within(limit, lookup)
        .await
        .map_err(|late| late.error(Phase::Resolve, origin.authority()))?
        .map_err(|error| unresolved(origin).with_source(error))?;
    let addresses = usable(addresses.collect(), origin)?;

    // The error names the whole limit, of which resolving took a part.
    let left = limit.saturating_sub(begin.elapsed());
    deadline
        .within(limit, any_of(&addresses, left))
        .await
        .map_err(|late| late.error(Phase::Connect, origin.authority()))?
        .map_err(|failure| unconnected(origin, limit, addresses.len(), failure))
}

fn unresolved(origin: &Origin) -> Error {
    let message = format!("no address found for {origin}");
    Error::new(ErrorKind::Resolve, Phase::Resolve, message)
}

fn usable(addresses: Vec<SocketAddr>, origin: &Origin) -> Result<Vec<SocketAddr>, Error> {
    if addresses.is_empty() {
        return Err(unresolved(origin));
    }
    if origin.only_loopback && !addresses.iter().all(|address| address.ip().is_loopback()) {
        return Err(Error::invalid(format!(
            "plain http:// is only allowed to this machine, and {origin} resolves to another"
        )));
    }
    Ok(addresses)
}

/// Why there is no connection: the error of the last address, or else the time.
fn unconnected(
    origin: &Origin,
    limit: Duration,
    addresses: usize,
    failure: Option<io::Error>,
) -> Error {
    let Some(failure) = failure else {
        return OutOfTime::Step(limit).error(Phase::Connect, origin.authority());
    };
    let tried = match addresses {
        1 => String::new(),
        more => format!(" at any of {more} addresses"),
    };
    let message = format!("no connection to {origin}{tried}");
    Error::new(ErrorKind::Connect, Phase::Connect, message).with_source(failure)
}

/// The first connection that is made. An address that does not answer may use up its share of the
/// time, not all of it. Fails with the error of the last address, or with `None` if it did not answer.
async fn any_of(addresses: &[SocketAddr], limit: Duration) -> Result<TcpStream, Option<io::Error>> {
    let begin = Instant::now();
    let mut failure = None;
    for (index, address) in addresses.iter().enumerate() {
        let left = limit.saturating_sub(begin.elapsed());
        let share = left / u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(connection)) => {
                // A request is one small write that should leave at once. If the socket is already
                // dead, the exchange will say so.
                let _ = connection.set_nodelay(true);
                return Ok(connection);
            }
            Ok(Err(error)) => failure = Some(error),
            Err(_) => failure = None,
        }
    }
    Err(failure)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::net::{TcpListener, TcpSocket};

    use super::*;
    use crate::origin::PlaintextHosts;

    const LIMIT: Duration = Duration::from_secs(5);

    fn origin(uri: &str) -> Origin {
        Origin::of(&uri.parse().unwrap(), PlaintextHosts::Loopback).unwrap()
    }

    async fn listening() -> TcpListener {
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap()
    }

    /// An address where nobody listens.
    async fn dead() -> SocketAddr {
        listening().await.local_addr().unwrap()
    }

    /// An address that answers no connection attempt: its queue is full.
    async fn silent() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        let wait = Duration::from_millis(100);
        while let Ok(connection) = timeout(wait, TcpStream::connect(address)).await {
            queued.push(connection.unwrap());
        }
        (address, listener, queued)
    }

    #[tokio::test]
    async fn the_next_address_is_tried_when_one_refuses() {
        let listener = listening().await;
        let alive = listener.local_addr().unwrap();
        let connection = any_of(&[dead().await, alive], LIMIT).await.unwrap();
        assert_eq!(connection.peer_addr().unwrap(), alive);
        assert!(connection.nodelay().unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_does_not_answer_uses_its_share_of_the_time() {
        let listener = listening().await;
        let alive = listener.local_addr().unwrap();
        let (silent, _listener, _queued) = silent().await;
        let begin = Instant::now();
        let connection = any_of(&[silent, alive], LIMIT).await.unwrap();
        assert_eq!(connection.peer_addr().unwrap(), alive);
        assert_eq!(begin.elapsed(), LIMIT / 2);
    }

    #[tokio::test(start_paused = true)]
    async fn connecting_ends_with_its_limit() {
        let (silent, _listener, _queued) = silent().await;
        let origin = origin(&format!("http://{silent}"));
        let begin = Instant::now();
        let error = connect(&origin, LIMIT, &Deadline::starting_now(LIMIT * 9)).await.unwrap_err();
        assert_eq!(begin.elapsed(), LIMIT);
        assert_eq!(error.to_string(), format!("no connection to {silent} within 5 s"));
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Phase::Connect));
    }

    #[tokio::test]
    async fn a_name_without_an_address_is_an_error_of_its_own() {
        // A label may have 63 characters, so no resolver asks anybody for this name.
        let name = format!("{}.example", "a".repeat(64));
        let origin = origin(&format!("https://{name}"));
        let error = connect(&origin, LIMIT, &Deadline::starting_now(LIMIT)).await.unwrap_err();
        assert_eq!(error.to_string(), format!("no address found for {name}"));
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Resolve, Phase::Resolve));
    }

    #[test]
    fn localhost_is_reached_in_plain_text_only_if_it_is_this_machine() {
        let origin = origin("http://localhost:1");
        let own: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let other: SocketAddr = "192.0.2.1:1".parse().unwrap();
        assert_eq!(usable(vec![own], &origin).unwrap(), [own]);
        let error = usable(vec![own, other], &origin).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert_eq!(usable(Vec::new(), &origin).unwrap_err().kind(), ErrorKind::Resolve);
    }
}
