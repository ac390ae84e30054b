//! Fates as bytes: how connections end, and answers that are none.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::server::TlsStream;

use crate::fate::{End, Fate};

/// For a client to take note of a connection's end, or to send what is to be cut.
const PATIENCE: Duration = Duration::from_secs(30);
/// For a client to give up when it is told nothing.
const SILENCE: Duration = Duration::from_secs(600);

/// A connection, plain or through TLS.
pub(crate) trait Line: AsyncRead + AsyncWrite + Unpin + Send {
    fn tcp(&self) -> &TcpStream;
}

impl Line for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Line for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// Gives the client of a request what it gets to see. hyper writes whole answers; it never comes here with one.
pub(crate) async fn perform(mut line: impl Line, fate: Fate) {
    match fate {
        Fate::Answer(_) => {}
        Fate::Cut { end: how, .. } => end(line, how).await,
        Fate::Raw { bytes, pause, end: how } => {
            // Whether the client wants to read it is its business.
            drop(write(&mut line, &bytes, pause).await);
            end(line, how).await;
        }
    }
}

async fn write(line: &mut impl Line, bytes: &[u8], pause: Duration) -> io::Result<()> {
    if pause.is_zero() {
        line.write_all(bytes).await?;
        return line.flush().await;
    }
    for byte in bytes {
        sleep(pause).await;
        line.write_all(&[*byte]).await?;
        line.flush().await?;
    }
    Ok(())
}

/// Reads so many bytes, if they come, and ends the connection.
pub(crate) async fn cut(mut line: impl Line, after: usize, how: End) {
    let limit = u64::try_from(after).unwrap_or(u64::MAX);
    let mut read = (&mut line).take(limit);
    drop(timeout(PATIENCE, drain(&mut read)).await);
    end(line, how).await;
}

/// Waits for the first words of a client, whatever they are.
pub(crate) async fn listen(line: &mut TcpStream) {
    drop(timeout(PATIENCE, line.read(&mut [0; 1024])).await);
}

pub(crate) async fn end(mut line: impl Line, how: End) {
    match how {
        // Dropped with this setting, a socket sends RST.
        End::Reset => drop(line.tcp().set_zero_linger()),
        End::Close => {
            drop(line.shutdown().await);
            // A socket that is closed with unread bytes sends RST, too.
            drop(timeout(PATIENCE, drain(&mut line)).await);
        }
        End::Silence => drop(timeout(SILENCE, drain(&mut line)).await),
    }
}

/// Reads to the end and forgets it.
async fn drain(line: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    tokio::io::copy(line, &mut tokio::io::sink()).await.map(drop)
}
