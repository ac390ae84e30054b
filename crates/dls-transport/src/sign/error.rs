//! Why a request cannot be signed.

use thiserror::Error;

use super::InvalidSdkDate;

/// Why a request cannot be signed: no valid HTTP request could carry the signature, or two readers
/// would disagree on what it covers. Nothing was sent. No value of a header is shown.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Unsignable {
    /// The method is not a word of letters, digits and ``!#$%&'*+-.^_`|~``.
    #[error("the method is not a single word such as GET")]
    Method,
    /// The path is empty; the root is `/`. (The official signer crashes here.)
    #[error("the path is empty; the root is \"/\"")]
    EmptyPath,
    /// The path holds a `?`, a `#` or a line end or NUL, which would end it. The query has a field
    /// of its own; elsewhere such a character must be percent-encoded.
    #[error(
        "the path holds a '?', '#', line end or NUL at character {position}; percent-encode it"
    )]
    Path {
        /// Where, counted in characters from 0.
        position: usize,
    },
    /// The name of a header is not a word as in [`Method`](Self::Method).
    #[error("\"{}\" cannot be the name of a header", excerpt(name))]
    HeaderName {
        /// The name as given.
        name: String,
    },
    /// The value of a header holds a line end or NUL (not counting white space at its ends).
    #[error("the value of header \"{}\" holds a line end or NUL", excerpt(name))]
    HeaderValue {
        /// The header's name as given.
        name: String,
    },
    /// Two headers have the same name, upper and lower case being the same. Signer and service
    /// would have to agree on how to join them, and the documents do not say how.
    #[error("header \"{}\" is there twice", excerpt(name))]
    DuplicateHeader {
        /// The name in lower case.
        name: String,
    },
    /// There is an `Authorization` header already.
    #[error("the request has an Authorization header already; leave it to the signer")]
    AlreadySigned,
    /// The given `X-Sdk-Date` header is no date.
    #[error("the X-Sdk-Date header is not valid")]
    Date(#[source] InvalidSdkDate),
}

/// At most 80 characters on one line.
fn excerpt(name: &str) -> String {
    name.escape_debug().take(80).collect()
}
