//! Decodes an answer: the status first, then one pass over the body, and a second one only where an error
//! may stand in a success.

use http::{HeaderMap, StatusCode};
use serde::de::MapAccess;

use crate::error::{AnswerError, Problem, ServiceError, Undecodable, id_text, request_id_of};
use crate::error_body::{self, Members};
use crate::lenient::members::Member as _;
use crate::lenient::{self, ElementLimit, Json, ReadObject};

/// An answer as it came, before anything is known of it.
#[derive(Clone, Copy)]
pub(crate) struct Raw<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

impl Raw<'_> {
    /// The object in the body of a success, `None` if the body is empty, and the request id.
    pub(crate) fn decode<T: ReadObject>(self) -> Result<(Option<T>, Option<String>), AnswerError> {
        if !self.status.is_success() {
            return Err(ServiceError::read(self.status, self.headers, self.body).into());
        }
        let request_id = request_id_of(self.headers);
        if self.body.trim_ascii().is_empty() {
            return Ok((None, request_id));
        }
        let text = str::from_utf8(self.body).map_err(|_| self.undecodable(Problem::NotUtf8))?;
        let top = match lenient::parse::<Top<T>>(text) {
            Ok(Json::Object(top)) => top,
            Ok(Json::List(_) | Json::Scalar(_)) => {
                return Err(self.undecodable(Problem::NotAnObject));
            }
            Err(why) => return Err(self.undecodable(why.into())),
        };
        if top.suspicious {
            self.refuse(Members::reports_error)?;
        }
        let request_id = request_id.or_else(|| id_text(&top.request_id?));
        Ok((Some(top.object), request_id))
    }

    /// As [`decode`](Self::decode), where an empty body is no answer.
    pub(crate) fn decode_object<T: ReadObject>(self) -> Result<(T, Option<String>), AnswerError> {
        match self.decode()? {
            (Some(object), request_id) => Ok((object, request_id)),
            (None, _) => Err(self.undecodable(Problem::Empty)),
        }
    }

    /// Takes an error at any depth for one, where a success has nothing else to say.
    pub(crate) fn refuse_nested_error(self) -> Result<(), AnswerError> {
        self.refuse(Members::holds_error)
    }

    fn refuse(self, is_error: impl Fn(&Members) -> bool) -> Result<(), AnswerError> {
        if self.body.trim_ascii().is_empty() {
            return Ok(());
        }
        let root = error_body::parse(self.body);
        // The first pass skips what it does not want, however deep; whether an error is in there is not known.
        let root = root.map_err(|why| self.undecodable(why.into()))?;
        if root.iter().any(is_error) {
            let Self { status, headers, body } = self;
            return Err(ServiceError::from_root(status, headers, body, &root).into());
        }
        Ok(())
    }

    pub(crate) fn undecodable(self, problem: Problem) -> AnswerError {
        Undecodable::new(self.status, self.headers, self.body, problem).into()
    }
}

/// The outermost object: what the operation reads of it, and what all of them do.
#[derive(Default)]
struct Top<T> {
    object: T,
    request_id: Option<String>,
    suspicious: bool,
}

impl<T: ReadObject> ReadObject for Top<T> {
    fn read_member<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        map: &mut A,
        limit: &ElementLimit,
    ) -> Result<(), A::Error> {
        if name == "request_id" {
            return self.request_id.read(name, map, limit);
        }
        self.suspicious |= error_body::is_suspicious(name);
        self.object.read_member(name, map, limit)
    }
}
