//! Effects of faults as bytes on a connection: how it ends, and responses that are not valid HTTP.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::server::TlsStream;

use crate::faults::effect::{ConnectionEnd, ResponseEffect};

/// For a client to notice the end of a connection, or to send the bytes before a cut.
const END_TIME: Duration = Duration::from_secs(30);
/// For a client to give up when it gets no data.
const SILENCE_TIME: Duration = Duration::from_secs(600);

/// A connection, plain or over TLS.
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

/// Applies an effect that hyper cannot express. hyper writes whole responses itself.
pub(crate) async fn apply(mut stream: impl ServerStream, effect: ResponseEffect) {
    match effect {
        ResponseEffect::Answer(_) => {}
        ResponseEffect::Raw { bytes, pause, end: how } => {
            // The client may have closed the connection.
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

/// Reads up to so many bytes and ends the connection.
pub(crate) async fn cut(mut stream: impl ServerStream, after: usize, how: ConnectionEnd) {
    let limit = u64::try_from(after).unwrap_or(u64::MAX);
    let mut read = (&mut stream).take(limit);
    drop(timeout(END_TIME, drain(&mut read)).await);
    end(stream, how).await;
}

/// Writes these bytes instead of a TLS handshake, as soon as the client has begun one.
pub(crate) async fn fail_handshake(mut stream: TcpStream, bytes: &[u8], how: ConnectionEnd) {
    drop(timeout(END_TIME, stream.read(&mut [0; 1024])).await);
    drop(write(&mut stream, bytes, Duration::ZERO).await);
    end(stream, how).await;
}

pub(crate) async fn end(mut stream: impl ServerStream, how: ConnectionEnd) {
    match how {
        // With this setting a dropped socket sends RST.
        ConnectionEnd::Reset => drop(stream.tcp().set_zero_linger()),
        ConnectionEnd::Close => {
            drop(stream.shutdown().await);
            // A socket that is closed with unread bytes would send RST, too.
            drop(timeout(END_TIME, drain(&mut stream)).await);
        }
        ConnectionEnd::Silence => drop(timeout(SILENCE_TIME, drain(&mut stream)).await),
    }
}

/// Reads to the end and discards it.
async fn drain(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    tokio::io::copy(stream, &mut tokio::io::sink()).await.map(drop)
}
