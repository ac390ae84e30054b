//! Fates as bytes: how connections end, and answers that are none.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::server::TlsStream;

use crate::fault_effect::{ConnectionEnd, ResponseEffect};

/// For a client to take note of a connection's end, or to send what is to be cut.
const PATIENCE: Duration = Duration::from_secs(30);
/// For a client to give up when it is told nothing.
const SILENCE: Duration = Duration::from_secs(600);

/// A connection, plain or through TLS.
pub(crate) trait ServerStream: AsyncRead + AsyncWrite + Unpin + Send {
    fn tcp(&self) -> &TcpStream;
}

impl ServerStream for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl ServerStream for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// Gives the client of a request what it gets to see. hyper writes whole answers; it never comes here with one.
pub(crate) async fn perform(mut stream: impl ServerStream, fate: ResponseEffect) {
    match fate {
        ResponseEffect::Answer(_) => {}
        ResponseEffect::Cut { end: how, .. } => end(stream, how).await,
        ResponseEffect::Raw { bytes, pause, end: how } => {
            // Whether the client wants to read it is its business.
            drop(write(&mut stream, &bytes, pause).await);
            end(stream, how).await;
        }
    }
}

async fn write(stream: &mut impl ServerStream, bytes: &[u8], pause: Duration) -> io::Result<()> {
    if pause.is_zero() {
        stream.write_all(bytes).await?;
        return stream.flush().await;
    }
    for byte in bytes {
        sleep(pause).await;
        stream.write_all(&[*byte]).await?;
        stream.flush().await?;
    }
    Ok(())
}

/// Reads so many bytes, if they come, and ends the connection.
pub(crate) async fn cut(mut stream: impl ServerStream, after: usize, how: ConnectionEnd) {
    let limit = u64::try_from(after).unwrap_or(u64::MAX);
    let mut read = (&mut stream).take(limit);
    drop(timeout(PATIENCE, drain(&mut read)).await);
    end(stream, how).await;
}

/// Waits for the first words of a client, whatever they are.
pub(crate) async fn listen(stream: &mut TcpStream) {
    drop(timeout(PATIENCE, stream.read(&mut [0; 1024])).await);
}

pub(crate) async fn end(mut stream: impl ServerStream, how: ConnectionEnd) {
    match how {
        // Dropped with this setting, a socket sends RST.
        ConnectionEnd::Reset => drop(stream.tcp().set_zero_linger()),
        ConnectionEnd::Close => {
            drop(stream.shutdown().await);
            // A socket that is closed with unread bytes sends RST, too.
            drop(timeout(PATIENCE, drain(&mut stream)).await);
        }
        ConnectionEnd::Silence => drop(timeout(SILENCE, drain(&mut stream)).await),
    }
}

/// Reads to the end and forgets it.
async fn drain(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    tokio::io::copy(stream, &mut tokio::io::sink()).await.map(drop)
}
