//! No secret can be printed: not by `Debug` of any type of the two modules, nor by any of their errors.

use std::env::VarError;
use std::error::Error;
use std::fmt::Debug;

use dls_transport::credentials::{
    AccessKey, Credentials, CredentialsError, Environment, SecretKey, SecurityToken, Token,
};
use dls_transport::sign::{Parts, parse_authorization, sign};
use proptest::prelude::*;

use crate::date;

proptest! {
    #[test]
    fn nothing_prints_six_characters_of_a_secret(
        secret in "[A-Za-z0-9+/=]{20,60}",
        token in "[A-Za-z0-9+/=]{20,60}",
    ) {
        let mut printed = Printed::default();

        let secret_key = SecretKey::new(secret.as_str()).unwrap();
        let security_token = SecurityToken::new(token.as_str()).unwrap();
        printed.debug(&secret_key);
        printed.debug(&security_token);
        let key = AccessKey::new("AKIDEXAMPLE", secret_key).unwrap().with_security_token(security_token);
        printed.debug(&key);
        let credentials = Credentials::from(key.clone());
        printed.debug(&credentials);
        printed.debug(&credentials.auth_headers(Some("project"), Some("domain")));

        let x_auth = Token::new(token.as_str()).unwrap();
        printed.debug(&x_auth);
        let credentials = Credentials::from(x_auth);
        printed.debug(&credentials);
        let auth_headers = credentials.auth_headers(Some("project"), Some("domain"));
        printed.debug(&auth_headers);

        let parts = Parts { method: "GET", path: "/", headers: &auth_headers.headers, ..Parts::default() };
        printed.debug(&parts);
        let signed = sign(&parts, &key, date()).unwrap();
        printed.debug(&signed);
        printed.debug(&signed.canonical_request);
        printed.debug(&parse_authorization(&signed.authorization).unwrap());

        let cut = format!("{secret}\n{token}");
        let headers = [("X-Auth-Token", cut.as_str())];
        printed.error(&sign(&Parts { headers: &headers, ..parts }, &key, date()).unwrap_err());
        printed.error(&SecretKey::new(cut.as_str()).unwrap_err());
        printed.error(&SecurityToken::new(cut.as_str()).unwrap_err());
        printed.error(&Token::new(cut.as_str()).unwrap_err());
        printed.error(&Token::new(token.repeat(300)).unwrap_err());
        for broken in [Ok(cut.clone()), Err(VarError::NotUnicode(cut.clone().into()))] {
            let environment = Environment::from_lookup(move |_| broken.clone());
            printed.debug(&environment);
            printed.error(&environment.read().unwrap_err());
        }
        printed.error(&CredentialsError::other(Token::new(cut.as_str()).unwrap_err()));

        for secret in [&secret, &token, &signed.signature] {
            for window in secret.as_bytes().windows(6) {
                let window = str::from_utf8(window).unwrap();
                prop_assert!(!printed.0.contains(window), "{}\n{}", window, printed.0);
            }
        }
    }
}

/// Looks into memory that was given back.
#[cfg(target_os = "linux")]
#[test]
fn the_security_token_in_the_canonical_request_is_wiped_when_the_signed_request_is_dropped() {
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    let token = "token-".repeat(2000);
    let key = AccessKey::new("AKIDEXAMPLE", SecretKey::new("secret").unwrap()).unwrap();
    let key = key.with_security_token(SecurityToken::new(token.as_str()).unwrap());
    let parts = Parts { method: "GET", path: "/", ..Parts::default() };
    let signed = sign(&parts, &key, date()).unwrap();
    let text = &signed.canonical_request;
    let (address, length) = (text.as_ptr().addr() as u64, text.len());
    let memory = File::open("/proc/self/mem").unwrap();
    // Made before the other memory is given back, or it would be that.
    let mut bytes = vec![0; length];
    let mut found = || {
        memory.read_exact_at(&mut bytes, address).unwrap();
        let token = token.as_bytes();
        bytes.windows(6).filter(|window| token.starts_with(window)).count()
    };
    assert_eq!(found(), 2000);
    drop(signed);
    assert_eq!(found(), 0);
}

/// All that was printed.
#[derive(Default)]
struct Printed(String);

impl Printed {
    fn debug(&mut self, value: &impl Debug) {
        self.0 += &format!("{value:?}\n{value:#?}\n");
    }

    fn error(&mut self, error: &dyn Error) {
        self.0 += &format!("{error:?}\n{error}\n");
        if let Some(source) = error.source() {
            self.error(source);
        }
    }
}
