//! What a signature covers.

use std::fmt;

use super::QueryPair;

/// The parts of a request that a signature covers. `Debug` shows no value of a header.
#[derive(Clone, Copy, Default)]
pub struct Parts<'a> {
    /// The method; signed in upper case.
    pub method: &'a str,
    /// Host, with the port if it is not the scheme's own: the value of `Host` unless
    /// [`headers`](Self::headers) hold one.
    pub host: &'a str,
    /// The path as it will be sent, percent-encoded, without query.
    pub path: &'a str,
    /// The query parameters, *not* percent-encoded; see [`parse_query`](super::parse_query).
    pub query: &'a [QueryPair<'a>],
    /// Names and values. A `Host`, `X-Sdk-Date` or `X-Sdk-Content-Sha256` here wins.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body, empty for none.
    pub body: &'a [u8],
}

impl fmt::Debug for Parts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| *name).collect();
        f.debug_struct("Parts")
            .field("method", &self.method)
            .field("host", &self.host)
            .field("path", &self.path)
            .field("headers", &names)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}
