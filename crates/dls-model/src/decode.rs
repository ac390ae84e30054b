//! Decodes an answer: the status first, then one pass over the body, and a second one only if a success may contain an
//! error.

use serde::de::MapAccess;

use crate::error::{AnswerError, Problem, ServiceError, Undecodable};
use crate::error_body::{self, Members};
use crate::lenient::members::Member as _;
use crate::lenient::{self, Json, ReadObject, Unread};
use crate::raw::{Raw, id_text};

impl Raw<'_> {
    /// The object in the body of a success, `None` if the body is empty, and the request id.
    pub(crate) fn decode<T: ReadObject>(self) -> Result<(Option<T>, Option<String>), AnswerError> {
        if !self.status.is_success() {
            return Err(AnswerError::Service(ServiceError::read(self)));
        }
        let request_id = self.request_id();
        if self.has_empty_body() {
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

    /// As [`decode`](Self::decode), where an answer must have a body.
    pub(crate) fn decode_object<T: ReadObject>(self) -> Result<(T, Option<String>), AnswerError> {
        match self.decode()? {
            (Some(object), request_id) => Ok((object, request_id)),
            (None, _) => Err(self.undecodable(Problem::Empty)),
        }
    }

    /// Fails if there is an error at any depth, for answers whose success has no members.
    pub(crate) fn refuse_nested_error(self) -> Result<(), AnswerError> {
        self.refuse(Members::holds_error)
    }

    fn refuse(self, is_error: impl Fn(&Members) -> bool) -> Result<(), AnswerError> {
        if self.has_empty_body() {
            return Ok(());
        }
        // The first pass skips what it does not need at any depth; if this one fails, there may be an error in there.
        let root = error_body::parse(self.body).map_err(|why| self.undecodable(why.into()))?;
        match root.iter().any(is_error) {
            true => Err(AnswerError::Service(ServiceError::from_root(self, &root))),
            false => Ok(()),
        }
    }

    pub(crate) fn undecodable(self, problem: Problem) -> AnswerError {
        AnswerError::Undecodable(Undecodable::new(self, problem))
    }
}

/// The outermost object: the members of the operation's answer, and those of every answer.
#[derive(Default)]
struct Top<T> {
    object: T,
    request_id: Option<String>,
    /// Whether it has a member that an error may have.
    suspicious: bool,
}

impl<T: ReadObject> ReadObject for Top<T> {
    fn read_member<'de, A: MapAccess<'de>>(
        &mut self,
        member: Unread<'_, A>,
    ) -> Result<(), A::Error> {
        if member.name == "request_id" {
            return self.request_id.read(member);
        }
        self.suspicious |= error_body::is_suspicious(member.name);
        self.object.read_member(member)
    }
}
