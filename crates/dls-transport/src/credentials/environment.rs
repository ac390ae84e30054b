//! Credentials from the environment variables of the official SDKs.

use std::env::{self, VarError};
use std::fmt;
use std::future;

use super::{
    AccessKey, Credentials, CredentialsError, InvalidCredential, ProvideCredentials, Provided,
    SecretKey, SecurityToken,
};

/// Reads `HUAWEICLOUD_SDK_AK`, `HUAWEICLOUD_SDK_SK` and `HUAWEICLOUD_SDK_SECURITY_TOKEN`, anew each
/// time it is asked.
///
/// An empty variable counts as not set. AK and SK must both be set or both not; the security token
/// is read only if they are.
pub struct Environment {
    lookup: Box<Lookup>,
}

type Lookup = dyn Fn(&str) -> Result<String, VarError> + Send + Sync;

impl Environment {
    /// The variable of the access key id.
    pub const AK: &'static str = "HUAWEICLOUD_SDK_AK";
    /// The variable of the secret key.
    pub const SK: &'static str = "HUAWEICLOUD_SDK_SK";
    /// The variable of the security token of a temporary key.
    pub const SECURITY_TOKEN: &'static str = "HUAWEICLOUD_SDK_SECURITY_TOKEN";

    /// The environment of this process.
    #[must_use]
    pub fn new() -> Self {
        Self::from_lookup(|name| env::var(name))
    }

    /// Another environment: `lookup` answers as [`std::env::var`] would.
    #[must_use]
    pub fn from_lookup(
        lookup: impl Fn(&str) -> Result<String, VarError> + Send + Sync + 'static,
    ) -> Self {
        Self { lookup: Box::new(lookup) }
    }

    /// The credentials, or `None` if neither AK nor SK is set.
    ///
    /// # Errors
    ///
    /// [`CredentialsError`], naming the variable that is missing, not UTF-8 or not usable.
    pub fn read(&self) -> Result<Option<Credentials>, CredentialsError> {
        let (id, secret) = match (self.variable(Self::AK)?, self.variable(Self::SK)?) {
            (None, None) => return Ok(None),
            (Some(_), None) => {
                return Err(CredentialsError::HalfSet { set: Self::AK, missing: Self::SK });
            }
            (None, Some(_)) => {
                return Err(CredentialsError::HalfSet { set: Self::SK, missing: Self::AK });
            }
            (Some(id), Some(secret)) => (id, secret),
        };
        let secret = SecretKey::new(secret).map_err(invalid(Self::SK))?;
        let key = AccessKey::new(id, secret).map_err(invalid(Self::AK))?;
        let key = match self.variable(Self::SECURITY_TOKEN)? {
            Some(token) => key.with_security_token(
                SecurityToken::new(token).map_err(invalid(Self::SECURITY_TOKEN))?,
            ),
            None => key,
        };
        Ok(Some(key.into()))
    }

    fn variable(&self, variable: &'static str) -> Result<Option<String>, CredentialsError> {
        match (self.lookup)(variable) {
            Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => Err(CredentialsError::NotUnicode { variable }),
        }
    }
}

impl Default for Environment {
    fn default() -> Self {
        Self::new()
    }
}

impl ProvideCredentials for Environment {
    fn provide(&self) -> Provided<'_> {
        Box::pin(future::ready(self.read()))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}

fn invalid(variable: &'static str) -> impl Fn(InvalidCredential) -> CredentialsError {
    move |reason| CredentialsError::Invalid { variable, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_with_its_security_token_and_an_empty_variable_is_not_set() {
        for (variables, expected) in [
            (&[][..], None),
            (&[("AK", ""), ("SK", "")], None),
            (&[("SECURITY_TOKEN", "t")], None),
            (&[("AK", "A"), ("SK", "s")], Some(None)),
            (&[("AK", "A"), ("SK", "s"), ("SECURITY_TOKEN", "")], Some(None)),
            (&[("AK", "A"), ("SK", "s"), ("SECURITY_TOKEN", "t")], Some(Some("t"))),
        ] {
            let key = read(variables).unwrap();
            let token = key.as_ref().map(|key| key.security_token().map(SecurityToken::expose));
            assert_eq!(token, expected, "{variables:?}");
            if let Some(key) = key {
                assert_eq!((key.id(), key.secret().expose()), ("A", "s"));
            }
        }
    }

    #[test]
    fn half_a_key_is_an_error_that_names_both_variables() {
        for (variables, message) in [
            ([("AK", "A"), ("SK", "")], "HUAWEICLOUD_SDK_AK is set, but HUAWEICLOUD_SDK_SK is not"),
            ([("AK", ""), ("SK", "s")], "HUAWEICLOUD_SDK_SK is set, but HUAWEICLOUD_SDK_AK is not"),
        ] {
            assert_eq!(read(&variables).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn a_variable_that_is_not_usable_is_named() {
        let good = [("AK", "A"), ("SK", "s"), ("SECURITY_TOKEN", "t")];
        for at in 0..good.len() {
            let mut variables = good;
            variables[at].1 = "a\nb";
            let error = read(&variables).unwrap_err();
            assert!(matches!(error, CredentialsError::Invalid { .. }), "{error:?}");
            assert!(error.to_string().contains(good[at].0), "{error}");
        }
        let other = Environment::from_lookup(|_| Err(VarError::NotUnicode("not really".into())));
        let message = other.read().unwrap_err().to_string();
        assert_eq!(message, "HUAWEICLOUD_SDK_AK is not valid UTF-8");
    }

    fn read(
        variables: &[(&'static str, &'static str)],
    ) -> Result<Option<AccessKey>, CredentialsError> {
        let variables = variables.to_vec();
        let environment = Environment::from_lookup(move |name| {
            let found = variables.iter().find(|(end, _)| name == format!("HUAWEICLOUD_SDK_{end}"));
            found.map(|(_, value)| (*value).to_owned()).ok_or(VarError::NotPresent)
        });
        Ok(environment.read()?.map(|credentials| match credentials {
            Credentials::AccessKey(key) => key,
            Credentials::Token(_) => panic!("the environment has no token"),
        }))
    }
}
