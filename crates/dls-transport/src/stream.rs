//! A connection's bytes, with or without TLS, and a count of those that left.

use std::io::{self, IoSlice, Read as _};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::coop::poll_proceed;

/// How many bytes the operating system took from us for a connection.
///
/// It counts on the socket, below TLS. A write that fails took nothing, so a count that did not
/// move since the request was handed to hyper proves that no byte of it left, nor ever will once
/// the connection is dropped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written(Arc<AtomicU64>);

impl Written {
    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    fn note(&self, outcome: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = outcome {
            self.0.fetch_add(*bytes as u64, Ordering::AcqRel);
        }
    }
}

/// A socket that counts what it writes, and whose reads miss nothing that has arrived.
#[derive(Debug)]
pub(crate) struct Counting {
    tcp: TcpStream,
    written: Written,
}

impl Counting {
    pub(crate) fn new(tcp: TcpStream) -> Self {
        Self { tcp, written: Written::default() }
    }

    pub(crate) fn written(&self) -> Written {
        self.written.clone()
    }
}

impl AsyncRead for Counting {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.tcp).poll_read(cx, buffer) {
            Poll::Pending => read_unnoticed(&self.tcp, cx, buffer),
            ready => ready,
        }
    }
}

/// Reads what has arrived although the runtime has not noticed it yet.
///
/// tokio polls its sockets between tasks, on a thread of its choice. That is too late
/// for the question whether a connection is silent: hyper asks it with a read before it writes.
fn read_unnoticed(
    tcp: &TcpStream,
    cx: &mut Context<'_>,
    buffer: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    // A server that never stops talking must not keep the other tasks and the timers waiting.
    let turn = ready!(poll_proceed(cx));
    let socket = SockRef::from(tcp);
    match (&*socket).read(buffer.initialize_unfilled()) {
        Ok(count) => {
            turn.made_progress();
            buffer.advance(count);
            Poll::Ready(Ok(()))
        }
        // The poll before this has registered the waker.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        Err(error) => Poll::Ready(Err(error)),
    }
}

impl AsyncWrite for Counting {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.tcp).poll_write(cx, bytes);
        self.written.note(&outcome);
        outcome
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.tcp).poll_write_vectored(cx, slices);
        self.written.note(&outcome);
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

/// What hyper reads from and writes to: a [`Counting`] socket, or a TLS session over one.
pub(crate) type Stream = Box<dyn ReadWrite>;

pub(crate) trait ReadWrite: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> ReadWrite for S {}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write as _;
    use std::net::Ipv4Addr;

    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    use super::*;

    /// Both ends of a connection.
    pub(crate) async fn sockets() -> (Counting, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (client, server) = tokio::join!(TcpStream::connect(address), listener.accept());
        (Counting::new(client.unwrap()), server.unwrap().0)
    }

    /// A client's end that the runtime knows to be silent, and the server's end.
    async fn silent() -> (Counting, std::net::TcpStream) {
        let (mut client, server) = sockets().await;
        assert!(now(&mut client).is_pending());
        (client, server.into_std().unwrap())
    }

    /// One poll, without a chance for the runtime to poll its sockets.
    fn now(client: &mut Counting) -> Poll<io::Result<Vec<u8>>> {
        let mut bytes = [0; 16];
        let mut buffer = ReadBuf::new(&mut bytes);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let outcome = Pin::new(client).poll_read(&mut cx, &mut buffer);
        outcome.map_ok(|()| buffer.filled().to_vec())
    }

    #[tokio::test]
    async fn a_read_sees_what_the_runtime_has_not_noticed_yet() {
        let (mut client, mut server) = silent().await;
        server.write_all(b"early").unwrap();
        assert!(matches!(now(&mut client), Poll::Ready(Ok(bytes)) if bytes == b"early"));
        assert!(now(&mut client).is_pending());
        drop(server);
        assert!(matches!(now(&mut client), Poll::Ready(Ok(bytes)) if bytes.is_empty()), "an end");

        let (mut client, server) = silent().await;
        SockRef::from(&server).set_linger(Some(std::time::Duration::ZERO)).unwrap();
        drop(server);
        assert!(matches!(now(&mut client), Poll::Ready(Err(_))), "a reset");
    }

    #[tokio::test]
    async fn reads_give_way_to_others_however_much_has_arrived() {
        let (mut client, mut server) = silent().await;
        // The runtime does not notice.
        server.write_all(&[b'x'; 1 << 16]).unwrap();
        let mut reads = 0;
        while now(&mut client).is_ready() {
            reads += 1;
            assert!(reads < 1000);
        }
        tokio::task::yield_now().await;
        assert!(now(&mut client).is_ready(), "there is more");
    }

    #[tokio::test]
    async fn a_read_that_found_nothing_is_woken_by_what_comes_later() {
        let (mut client, mut server) = silent().await;
        let mut bytes = [0; 5];
        let (read, ()) = tokio::join!(client.read_exact(&mut bytes), async {
            tokio::task::yield_now().await;
            server.write_all(b"later").unwrap();
        });
        read.unwrap();
        assert_eq!(&bytes, b"later");
    }
}
