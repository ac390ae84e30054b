//! The effect of faults on connections and responses, as values: `server` turns them into bytes, a simulation into
//! whatever it needs.

use std::time::Duration;

use http::Response;

/// What happens to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionFault {
    /// Connections are refused for this time. This one does not count as accepted.
    Refuse(Duration),
    /// It ends after so many bytes from the client, and no request on it is served. With TLS, 0 is before the handshake,
    /// and more are counted after it, in plain text.
    Cut { after: usize, end: ConnectionEnd },
    /// The TLS handshake fails.
    Tls(TlsFault),
}

/// How a TLS handshake fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsFault {
    /// After the client's first bytes the server sends these, and the connection ends.
    Bytes(&'static [u8], ConnectionEnd),
    /// The certificate is for another name.
    WrongName,
    /// The certificate has expired.
    Expired,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectionEnd {
    /// With FIN, after all data.
    Close,
    /// At once, with RST.
    Reset,
    /// It stays open, and the server sends nothing more.
    Silence,
}

/// What the client receives. See [`Engine::answer`](crate::Engine::answer).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ResponseEffect {
    /// A valid HTTP response, true or false.
    Answer(Response<Vec<u8>>),
    /// These bytes, which may be none or not HTTP; then the connection ends.
    Raw {
        /// The bytes.
        bytes: Vec<u8>,
        /// The pause before each byte; zero sends all at once.
        pause: Duration,
        /// How it ends.
        end: ConnectionEnd,
    },
}

/// Bytes that are neither HTTP nor TLS.
pub(crate) const GARBAGE: &[u8] = b"SSH-2.0-OpenSSH_9.6\r\n";
