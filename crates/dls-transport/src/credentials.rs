//! Credentials, and the sources that provide them: one file per source.
//!
//! There are two kinds: an [`AccessKey`] (AK/SK, permanent or temporary) signs each request, and a
//! [`Token`] is sent as `X-Auth-Token`. [`Credentials`] is either.
//!
//! ```
//! use dls_transport::credentials::{AccessKey, Credentials, SecretKey};
//!
//! let key = AccessKey::new("AKIDEXAMPLE", SecretKey::new("example-secret-key")?)?;
//! let credentials = Credentials::from(key);
//!
//! // No secret can be printed.
//! assert!(!format!("{credentials:?}").contains("example-secret-key"));
//! # Ok::<(), dls_transport::credentials::InvalidCredential>(())
//! ```
//!
//! A [`ProvideCredentials`] hands them out anew for each request, so that they can change while a
//! program runs. [`Credentials`] provides itself; [`Environment`] reads the variables of the
//! official SDKs.
//!
//! Secrets are wiped from memory when their last copy goes. They have no `Display` and no `==`, and
//! `Debug` prints `[redacted]` in their place.

mod environment;
mod provide;
mod value;

pub use environment::Environment;
pub use provide::{CredentialsError, ProvideCredentials, Provided};
pub use value::{AccessKey, Credentials, InvalidCredential, SecretKey, SecurityToken, Token};
