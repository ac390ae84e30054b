//! How long and how much: everything that a call waits for or reads has a limit here.

use std::time::Duration;

/// The limits of a call. Start from [`Default`] and change what should differ:
///
/// ```
/// use std::time::Duration;
/// use dls_transport::Limits;
///
/// let mut limits = Limits::default();
/// limits.connect = Duration::from_secs(2);
/// assert_eq!(limits.tls, Duration::from_secs(5));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Limits {
    /// One answer of the provider of credentials (5 s).
    pub credentials: Duration,
    /// Name resolution and TCP connect together (5 s), shared out among the addresses of the name.
    pub connect: Duration,
    /// The TLS handshake (5 s).
    pub tls: Duration,
    /// Writing a read's request and waiting for the head of its answer (15 s). Interim answers
    /// (1xx) do not extend it.
    pub read_head: Duration,
    /// The same of a write (30 s). A write begins only while this much of [`total`](Self::total) is
    /// left; later it is not sent, and the error says so.
    pub write_head: Duration,
    /// Each pause while the body of the answer comes in (10 s).
    pub body_idle: Duration,
    /// The body of the answer, in bytes (16 MiB). It may come in 1024 chunks (of the chunked encoding,
    /// or as the network delivers it), and one more for each 16 bytes of this limit.
    pub body_bytes: usize,
    /// Status line and headers of the answer, in bytes (64 KiB). There may be 100 headers.
    pub head_bytes: usize,
    /// The whole call: all attempts, the pauses between them, the wait for the rate limit and for a free
    /// connection. [`fresh_connection`](crate::Transport::fresh_connection) and [`send`](crate::FreshConnection::send) have it each.
    ///
    /// `None`, the default, means 60 s, or twice the sum of the limits for connect, TLS and head if
    /// that is more: so raising one of those is enough.
    pub total: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            credentials: Duration::from_secs(5),
            connect: Duration::from_secs(5),
            tls: Duration::from_secs(5),
            read_head: Duration::from_secs(15),
            write_head: Duration::from_secs(30),
            body_idle: Duration::from_secs(10),
            body_bytes: 16 << 20,
            head_bytes: 64 << 10,
            total: None,
        }
    }
}

impl Limits {
    const LEAST_TOTAL: Duration = Duration::from_secs(60);

    /// The limit of a whole call whose answer may take so long to begin.
    pub(crate) fn total_with(&self, head: Duration) -> Duration {
        self.total.unwrap_or_else(|| {
            let once = self.connect.saturating_add(self.tls).saturating_add(head);
            once.saturating_mul(2).max(Self::LEAST_TOTAL)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_grows_with_the_other_limits_unless_it_is_set() {
        let seconds = Duration::from_secs;
        let limits = Limits::default();
        assert_eq!(limits.total_with(limits.read_head), seconds(60));
        assert_eq!(limits.total_with(limits.write_head), seconds(80));
        assert_eq!(limits.total_with(Duration::MAX), Duration::MAX);

        let limits = Limits { read_head: seconds(120), ..limits };
        assert_eq!(limits.total_with(limits.read_head), seconds(260));
        let limits = Limits { total: Some(seconds(7)), ..limits };
        assert_eq!(limits.total_with(limits.read_head), seconds(7));
    }
}
