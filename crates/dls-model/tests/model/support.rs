//! What several test files share: a place and a way to decode a text.
use ::proptest::prelude::ProptestConfig;
use dls_model::*;
use http::{HeaderMap, StatusCode};

/// The documents' own example of a project id.
pub const PROJECT: &str = "b384b9e9ab9b4ee8994c8633aabc9505";

pub fn scope() -> Scope {
    Scope::new(PROJECT.parse().unwrap()).with_workspace("default".parse().unwrap())
}

pub fn id(number: u64) -> PackageId {
    number.try_into().unwrap()
}

pub fn ids(numbers: impl IntoIterator<Item = u64>) -> PackageIds {
    PackageIds::new(numbers.into_iter().map(id)).unwrap()
}

pub fn decode<O: Operation>(status: u16, body: impl AsRef<[u8]>) -> Result<O::Answer, AnswerError> {
    O::decode(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_ref())
}

/// The error of a `deploy` that was answered so.
pub fn service_error(status: u16, body: impl AsRef<[u8]>) -> ServiceError {
    match decode::<Deploy>(status, body) {
        Err(AnswerError::Service(error)) => error,
        other => panic!("no service error: {other:?}"),
    }
}

/// No regression files: what breaks a law becomes a test with a name.
pub fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}
