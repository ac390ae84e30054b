//! Helpers of several test files: a scope, ids, and ways to decode a text.
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

/// The errors of all operations whose answer this would be.
pub fn errors(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Vec<AnswerError> {
    let errors = [
        Deploy::decode(status, headers, body).err(),
        ListPackages::decode(status, headers, body).err(),
        ShowPackage::decode(status, headers, body).err(),
        Revoke::decode(status, headers, body).err(),
        ShowSystemTask::decode(status, headers, body).err(),
    ];
    errors.into_iter().flatten().collect()
}

/// Whether no operation has a success in this answer, and all errors are of this kind.
pub fn all_fail(status: StatusCode, body: &[u8], kind: impl Fn(&AnswerError) -> bool) -> bool {
    let errors = errors(status, &HeaderMap::new(), body);
    errors.len() == 5 && errors.iter().all(kind)
}

/// The error of a deploy request with this answer.
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
