//! Why a request cannot be signed.

use std::error::Error;
use std::fmt;

use super::InvalidSdkDate;

/// Why a request cannot be signed: no valid HTTP request could carry the signature, or two readers
/// would disagree on what it covers. Nothing was sent. No value of a header is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsignable {
    /// The method is not a word of letters, digits and ``!#$%&'*+-.^_`|~``.
    Method,
    /// The path is empty; the root is `/`. (The official signer crashes here.)
    EmptyPath,
    /// The path holds a `?`, a `#` or a line end or NUL, which would end it. The query has a field
    /// of its own; elsewhere such a character must be percent-encoded.
    Path {
        /// Where, counted in characters from 0.
        position: usize,
    },
    /// The name of a header is not a word as in [`Method`](Self::Method).
    HeaderName {
        /// The name as given.
        name: String,
    },
    /// The value of a header holds a line end or NUL (not counting white space at its ends).
    HeaderValue {
        /// The header's name as given.
        name: String,
    },
    /// Two headers have the same name, upper and lower case being the same. Signer and service
    /// would have to agree on how to join them, and no page says how.
    DuplicateHeader {
        /// The name in lower case.
        name: String,
    },
    /// There is an `Authorization` header already.
    AlreadySigned,
    /// The given `X-Sdk-Date` header is no date.
    Date(InvalidSdkDate),
}

impl fmt::Display for Unsignable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method => f.write_str("the method is not a single word such as GET"),
            Self::EmptyPath => f.write_str("the path is empty; the root is \"/\""),
            Self::Path { position } => write!(
                f,
                "the path holds a '?', '#', line end or NUL at character {position}; percent-encode it"
            ),
            Self::HeaderName { name } => {
                write!(f, "\"{}\" cannot be the name of a header", excerpt(name))
            }
            Self::HeaderValue { name } => {
                write!(f, "the value of header \"{}\" holds a line end or NUL", excerpt(name))
            }
            Self::DuplicateHeader { name } => {
                write!(f, "header \"{}\" is there twice", excerpt(name))
            }
            Self::AlreadySigned => f.write_str(
                "the request has an Authorization header already; leave it to the signer",
            ),
            Self::Date(_) => f.write_str("the X-Sdk-Date header is not valid"),
        }
    }
}

impl Error for Unsignable {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Date(invalid) => Some(invalid),
            _ => None,
        }
    }
}

/// At most 80 characters on one line.
fn excerpt(name: &str) -> String {
    name.escape_debug().take(80).collect()
}
