//! The effect of faults on connections and responses, as values: `server` turns them into bytes, a simulation into
//! whatever it needs.

use std::time::Duration;

use http::Response;

/// What happens to a connection. See [`Engine::connect`](crate::Engine::connect).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectionEffect {
    /// It is accepted, and its requests are served.
    Serve,
    /// Connections are refused for some time. This one does not count as accepted.
    Refuse {
        /// How long.
        lasts: Duration,
    },
    /// It ends after so many bytes from the client, and no request on it is served.
    Cut {
        /// How many bytes. With TLS, 0 is before the handshake, and more are counted after it, in plain text.
        after: usize,
        /// How it ends.
        end: ConnectionEnd,
    },
    /// The TLS handshake fails.
    Tls(TlsFault),
}

/// How a TLS handshake fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsFault {
    /// The connection is closed after the client's first bytes.
    Close,
    /// The server sends bytes that are no TLS.
    Garbage,
    /// The server sends nothing.
    Silence,
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

/// What the client receives. See [`Engine::answer_with_faults`](crate::Engine::answer_with_faults).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ResponseEffect {
    /// A valid HTTP response, true or false.
    Answer(Response<Vec<u8>>),
    /// The connection ends before the whole request was read.
    Cut {
        /// How many bytes of the request were read.
        after: usize,
        /// How it ends.
        end: ConnectionEnd,
    },
    /// These bytes, which may be none or no HTTP; then the connection ends.
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
