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
        let part = CredentialPart::SecretKey;
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
        only(CredentialPart::SecurityToken, token.expose(), |c| c.is_ascii_graphic())?;
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
        let part = CredentialPart::Token;
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
        let part = CredentialPart::AccessKeyId;
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

/// Which part of the credentials an [`InvalidCredential`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CredentialPart {
    /// AK.
    AccessKeyId,
    /// SK.
    SecretKey,
    /// `X-Security-Token`.
    SecurityToken,
    /// `X-Auth-Token`.
    Token,
}

impl fmt::Display for CredentialPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccessKeyId => "access key id",
            Self::SecretKey => "secret key",
            Self::SecurityToken => "security token",
            Self::Token => "token",
        })
    }
}

/// Why a text cannot be part of credentials. It never holds the text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidCredential {
    /// It is empty.
    #[error("the {part} is empty")]
    Empty {
        /// What is empty.
        part: CredentialPart,
    },
    /// It is longer than documented.
    #[error("the {part} has {characters} characters; at most {max} are allowed")]
    TooLong {
        /// What is too long.
        part: CredentialPart,
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
        part: CredentialPart,
        /// Where, counted in characters from 0.
        position: usize,
    },
}

fn not_empty(part: CredentialPart, text: &str) -> Result<(), InvalidCredential> {
    if text.is_empty() { Err(InvalidCredential::Empty { part }) } else { Ok(()) }
}

fn only(
    part: CredentialPart,
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
    fn a_token_has_up_to_4096_visible_ascii_characters() {
        let part = CredentialPart::Token;
        assert!(Token::new("").is_ok());
        assert!(Token::new("~".repeat(4096)).is_ok());
        assert_eq!(
            Token::new("a".repeat(4097)).unwrap_err(),
            InvalidCredential::TooLong { part, characters: 4097, max: 4096 },
        );
        for bad in ['\n', '\r', '\0', ' ', '\t', '\u{7f}', 'é'] {
            assert_eq!(
                Token::new(format!("ab{bad}")).unwrap_err(),
                InvalidCredential::Character { part, position: 2 },
                "{bad:?}",
            );
        }
    }

    #[test]
    fn a_security_token_may_be_empty_and_long_but_must_fit_a_header() {
        let part = CredentialPart::SecurityToken;
        assert!(SecurityToken::new("").is_ok());
        assert!(SecurityToken::new("a".repeat(5000)).is_ok());
        assert_eq!(
            SecurityToken::new("a\r\nX-Evil: 1").unwrap_err(),
            InvalidCredential::Character { part, position: 1 },
        );
    }

    #[test]
    fn a_secret_key_may_be_any_text_without_control_characters() {
        let part = CredentialPart::SecretKey;
        assert!(SecretKey::new("пример secret-钥").is_ok());
        assert_eq!(SecretKey::new("").unwrap_err(), InvalidCredential::Empty { part });
        assert_eq!(
            SecretKey::new("钥s\n").unwrap_err(),
            InvalidCredential::Character { part, position: 2 },
        );
    }

    #[test]
    fn an_access_key_id_must_not_break_the_authorization_header() {
        let part = CredentialPart::AccessKeyId;
        let new = |id: &str| AccessKey::new(id, SecretKey::new("s").unwrap());
        assert_eq!(new("A").unwrap().id(), "A");
        assert_eq!(new("").unwrap_err(), InvalidCredential::Empty { part });
        for bad in ["AK,", "AK ", "AK\n", "AKé"] {
            let expected = InvalidCredential::Character { part, position: 2 };
            assert_eq!(new(bad).unwrap_err(), expected, "{bad:?}");
        }
    }

    #[test]
    fn clones_share_one_secret() {
        let key = SecretKey::new("example-secret-key").unwrap();
        assert!(std::ptr::eq(key.expose(), key.clone().expose()));
    }
}
