//! What credentials put on a request.

use std::fmt;

use super::{AccessKey, Credentials};

impl Credentials {
    /// The headers to add to a request before it is signed or sent, and the key to sign it with.
    ///
    /// `project_id` becomes `X-Project-Id`, `domain_id` becomes `X-Domain-Id`, and a token becomes
    /// `X-Auth-Token`. The `X-Security-Token` of a temporary key is not among them:
    /// [`sign`](crate::sign::sign) adds it.
    ///
    /// ```
    /// use dls_transport::credentials::{Credentials, Token};
    ///
    /// let credentials = Credentials::from(Token::new("MIIEXAMPLE")?);
    /// let auth_headers = credentials.auth_headers(Some("b384b9e9"), None);
    ///
    /// let expected = [("X-Project-Id", "b384b9e9"), ("X-Auth-Token", "MIIEXAMPLE")];
    /// assert_eq!(auth_headers.headers, expected);
    /// assert!(auth_headers.signer.is_none());
    /// # Ok::<(), dls_transport::credentials::InvalidCredential>(())
    /// ```
    #[must_use]
    pub fn auth_headers<'a>(
        &'a self,
        project_id: Option<&'a str>,
        domain_id: Option<&'a str>,
    ) -> AuthHeaders<'a> {
        let mut headers = Vec::with_capacity(3);
        headers.extend(project_id.map(|id| ("X-Project-Id", id)));
        headers.extend(domain_id.map(|id| ("X-Domain-Id", id)));
        let signer = match self {
            Self::AccessKey(key) => Some(key),
            Self::Token(token) => {
                headers.push(("X-Auth-Token", token.expose()));
                None
            }
        };
        AuthHeaders { headers, signer }
    }
}

/// See [`Credentials::auth_headers`]. `Debug` shows the names of the headers only.
#[derive(Clone)]
#[non_exhaustive]
pub struct AuthHeaders<'a> {
    /// Headers to add, overwriting the caller's.
    pub headers: Vec<(&'static str, &'a str)>,
    /// The key to sign with, after adding the headers; with `None` they are all it takes.
    pub signer: Option<&'a AccessKey>,
}

impl fmt::Debug for AuthHeaders<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| *name).collect();
        f.debug_struct("AuthHeaders")
            .field("headers", &names)
            .field("signer", &self.signer)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SecretKey, SecurityToken, Token};
    use super::*;

    #[test]
    fn a_key_signs_and_a_token_is_a_header() {
        let key = AccessKey::new("A", SecretKey::new("s").unwrap()).unwrap();
        let key = key.with_security_token(SecurityToken::new("t").unwrap());
        let key = Credentials::from(key);
        let auth_headers = key.auth_headers(Some("p"), Some("d"));
        assert_eq!(auth_headers.headers, [("X-Project-Id", "p"), ("X-Domain-Id", "d")]);
        assert_eq!(auth_headers.signer.unwrap().id(), "A");

        let token = Credentials::from(Token::new("t").unwrap());
        let auth_headers = token.auth_headers(None, None);
        assert_eq!(auth_headers.headers, [("X-Auth-Token", "t")]);
        assert!(auth_headers.signer.is_none());
    }
}
