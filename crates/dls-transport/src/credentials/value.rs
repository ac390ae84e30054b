//! The values: valid by construction, wiped from memory when dropped, never printed.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;
use zeroize::Zeroizing;

/// The secret half of an access key (SK).
#[derive(Clone, Debug)]
pub struct SecretKey(Secret);

impl SecretKey {
    /// Any text that is not empty and holds no control character (a line end left over from a file
    /// is the usual one). It is never sent, so it need not be ASCII.
    ///
    /// # Errors
    ///
    /// [`InvalidCredential::Empty`] or [`InvalidCredential::Character`].
    pub fn new(secret: impl Into<String>) -> Result<Self, InvalidCredential> {
        let part = "secret key";
        let secret = Secret::new(secret);
        not_empty(part, secret.expose())?;
        only(part, secret.expose(), |c| !c.is_control())?;
        Ok(Self(secret))
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// The token of a temporary access key, header `X-Security-Token`.
#[derive(Clone, Debug)]
pub struct SecurityToken(Secret);

impl SecurityToken {
    /// Visible ASCII characters without spaces. It may be empty and is then sent empty, as the
    /// official SDK does; no page gives a greatest length.
    ///
    /// # Errors
    ///
    /// [`InvalidCredential::Character`].
    pub fn new(token: impl Into<String>) -> Result<Self, InvalidCredential> {
        let token = Secret::new(token);
        only("security token", token.expose(), |c| c.is_ascii_graphic())?;
        Ok(Self(token))
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// A project-scoped IAM token, header `X-Auth-Token`. It lives for 24 hours.
#[derive(Clone, Debug)]
pub struct Token(Secret);

impl Token {
    /// The documented greatest length in characters (page `dataartsstudio_02_0204`).
    pub const MAX_CHARACTERS: usize = 4096;

    /// 0 to 4096 visible ASCII characters without spaces.
    ///
    /// # Errors
    ///
    /// [`InvalidCredential::TooLong`] or [`InvalidCredential::Character`].
    pub fn new(token: impl Into<String>) -> Result<Self, InvalidCredential> {
        let part = "token";
        let token = Secret::new(token);
        let characters = token.expose().chars().count();
        if characters > Self::MAX_CHARACTERS {
            return Err(InvalidCredential::TooLong { part, characters, max: Self::MAX_CHARACTERS });
        }
        only(part, token.expose(), |c| c.is_ascii_graphic())?;
        Ok(Self(token))
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// An access key: its id (AK), its secret (SK) and, if it is a temporary one, its security token.
#[derive(Clone, Debug)]
pub struct AccessKey {
    id: String,
    secret: SecretKey,
    security_token: Option<SecurityToken>,
}

impl AccessKey {
    /// `id` is visible ASCII without spaces and commas, and not empty: it stands in `Authorization`.
    ///
    /// # Errors
    ///
    /// [`InvalidCredential::Empty`] or [`InvalidCredential::Character`].
    pub fn new(id: impl Into<String>, secret: SecretKey) -> Result<Self, InvalidCredential> {
        let part = "access key id";
        let id = id.into();
        not_empty(part, &id)?;
        only(part, &id, |c| c.is_ascii_graphic() && c != ',')?;
        Ok(Self { id, secret, security_token: None })
    }

    /// Makes it a temporary key.
    #[must_use]
    pub fn with_security_token(mut self, token: SecurityToken) -> Self {
        self.security_token = Some(token);
        self
    }

    /// The access key id (AK), which is no secret.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The secret (SK), for [`signature`](crate::sign::signature) and [`verify`](crate::sign::verify).
    #[must_use]
    pub fn secret(&self) -> &SecretKey {
        &self.secret
    }

    /// The security token of a temporary key.
    #[must_use]
    pub fn security_token(&self) -> Option<&SecurityToken> {
        self.security_token.as_ref()
    }
}

/// What proves who asks: a key that signs, or a token that is sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Credentials {
    /// Each request is signed.
    AccessKey(AccessKey),
    /// Each request carries `X-Auth-Token`.
    Token(Token),
}

impl From<AccessKey> for Credentials {
    fn from(key: AccessKey) -> Self {
        Self::AccessKey(key)
    }
}

impl From<Token> for Credentials {
    fn from(token: Token) -> Self {
        Self::Token(token)
    }
}

/// Why a text cannot be part of credentials. It never holds the text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidCredential {
    /// It is empty.
    #[error("the {part} is empty")]
    Empty {
        /// What is empty, such as `secret key`.
        part: &'static str,
    },
    /// It is longer than documented.
    #[error("the {part} has {characters} characters; at most {max} are allowed")]
    TooLong {
        /// What is too long.
        part: &'static str,
        /// Its length in characters.
        characters: usize,
        /// The greatest length in characters.
        max: usize,
    },
    /// It holds a character that it may not hold.
    #[error(
        "the {part} holds a character that is not allowed at position {position} (a line end or \
         space left over?)"
    )]
    Character {
        /// What holds it.
        part: &'static str,
        /// Where, counted in characters from 0.
        position: usize,
    },
}

fn not_empty(part: &'static str, text: &str) -> Result<(), InvalidCredential> {
    if text.is_empty() { Err(InvalidCredential::Empty { part }) } else { Ok(()) }
}

fn only(
    part: &'static str,
    text: &str,
    allowed: impl Fn(char) -> bool,
) -> Result<(), InvalidCredential> {
    match text.chars().position(|c| !allowed(c)) {
        Some(position) => Err(InvalidCredential::Character { part, position }),
        None => Ok(()),
    }
}

/// Text that is in memory once, however often it is cloned, and wiped when the last clone goes.
#[derive(Clone)]
struct Secret(Arc<Zeroizing<String>>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Secret {
    fn new(text: impl Into<String>) -> Self {
        Self(Arc::new(Zeroizing::new(text.into())))
    }

    fn expose(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_refused_if_it_cannot_be_used_and_otherwise_accepted() {
        let token = |text: &str| Token::new(text).map(drop);
        let security_token = |text: &str| SecurityToken::new(text).map(drop);
        let secret_key = |text: &str| SecretKey::new(text).map(drop);
        let id = |text: &str| AccessKey::new(text, SecretKey::new("s").unwrap()).map(drop);
        let character = |part, position| Err(InvalidCredential::Character { part, position });
        let empty = |part| Err(InvalidCredential::Empty { part });
        let too_long =
            Err(InvalidCredential::TooLong { part: "token", characters: 4097, max: 4096 });

        for (outcome, expected) in [
            (token(""), Ok(())),
            (token(&"~".repeat(4096)), Ok(())),
            (token(&"a".repeat(4097)), too_long),
            (security_token(""), Ok(())),
            (security_token(&"a".repeat(5000)), Ok(())),
            (security_token("a\r\nX-Evil: 1"), character("security token", 1)),
            (secret_key("пример secret-钥"), Ok(())),
            (secret_key(""), empty("secret key")),
            (secret_key("钥s\n"), character("secret key", 2)),
            (id("A"), Ok(())),
            (id(""), empty("access key id")),
            (id("AK,"), character("access key id", 2)),
        ] {
            assert_eq!(outcome, expected);
        }
        for bad in ['\n', '\r', '\0', ' ', '\t', '\u{7f}', 'é'] {
            let text = format!("AK{bad}");
            assert_eq!(token(&text), character("token", 2), "{bad:?}");
            assert_eq!(security_token(&text), character("security token", 2), "{bad:?}");
            assert_eq!(id(&text), character("access key id", 2), "{bad:?}");
        }
    }

    #[test]
    fn clones_share_one_secret() {
        let key = SecretKey::new("example-secret-key").unwrap();
        assert!(std::ptr::eq(key.expose(), key.clone().expose()));
    }
}
