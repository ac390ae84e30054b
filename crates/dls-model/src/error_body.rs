//! Finds the error in a body, whatever its shape: the service's pair, the gateway's with a request id, IAM's
//! nested one with a number for a code, camelCase, plain `code` and `message`, lists of errors, half a pair.

use std::borrow::Cow;
use std::collections::VecDeque;

use serde::de::MapAccess;

use crate::lenient::{
    self, FromScalar, Json, Lists, ReadObject, Scalar, Skipped, Unread, Unreadable,
};

/// The error members of an object, and of the objects inside it.
#[derive(Default)]
pub(crate) struct Members {
    /// The texts under names that an error may have, the first of each.
    texts: Vec<(&'static str, String)>,
    /// Whether any member has a value other than null, false, "", {} and [].
    says_something: bool,
    /// Whether one of these is named `error` or `errors`.
    has_nested_error: bool,
    /// The objects inside that may describe an error.
    inner: Vec<Members>,
}

/// The names under which an error has its code, its text and the rest.
const NAMES: [&str; 8] = [
    "error_code",
    "errorCode",
    "code",
    "error_msg",
    "errorMsg",
    "message",
    "request_id",
    "encoded_authorization_message",
];

impl ReadObject for Members {
    fn read_member<'de, A: MapAccess<'de>>(
        &mut self,
        member: Unread<'_, A>,
    ) -> Result<(), A::Error> {
        let (name, limit) = (member.name, member.limit);
        let says_something = match member.json::<Self>(Lists::Read)? {
            Json::Scalar(scalar) => self.read_text(name, scalar),
            Json::Object(object) => {
                let says_something = object.says_something;
                if object.can_tell() {
                    limit.take()?;
                    self.inner.push(object);
                }
                says_something
            }
            Json::List(list) => {
                let says_something = !list.is_empty();
                self.inner.extend(list.into_iter().filter(Self::can_tell));
                says_something
            }
        };
        self.says_something |= says_something;
        self.has_nested_error |= says_something && matches!(name, "error" | "errors");
        Ok(())
    }
}

impl Members {
    /// Takes a text if an error may have it under this name, and says whether there is one.
    fn read_text(&mut self, name: &str, scalar: Scalar<'_>) -> bool {
        let says_something = match &scalar {
            Scalar::Text(text) => !text.is_empty(),
            Scalar::Number(_) => true,
            Scalar::Flag(_) | Scalar::Nothing => false,
        };
        let known = NAMES.into_iter().find(|known| *known == name);
        if let Some(name) = known.filter(|name| says_something && self.text(&[name]).is_none()) {
            let text = String::from_scalar(scalar);
            self.texts.extend(text.map(|text| (name, text)));
        }
        says_something
    }

    /// Whether anything in it may describe an error.
    fn can_tell(&self) -> bool {
        self.has_nested_error || !self.texts.is_empty() || !self.inner.is_empty()
    }

    fn text(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| {
            let mut texts = self.texts.iter();
            let (_, text) = texts.find(|(known, _)| known == name)?;
            Some(text.as_str())
        })
    }

    /// Whether this object, as a whole success, reports an error.
    pub(crate) fn reports_error(&self) -> bool {
        self.text(&["error_code", "error_msg", "errorCode", "errorMsg"]).is_some()
            || (self.text(&["code"]).is_some() && self.text(&["message"]).is_some())
            || self.has_nested_error
    }

    /// Whether this object or one inside it reports an error.
    pub(crate) fn holds_error(&self) -> bool {
        self.reports_error() || self.inner.iter().any(Self::holds_error)
    }
}

/// Whether a success with a member of this name must be parsed for errors. `message` is not among them: a
/// system task has one.
pub(crate) fn is_suspicious(name: &str) -> bool {
    matches!(
        name,
        "error_code" | "error_msg" | "errorCode" | "errorMsg" | "code" | "error" | "errors"
    )
}

/// How much of a body that is not UTF-8 is worth a copy with the wrong bytes replaced.
const MOST_REPLACED: usize = 1024 * 1024;

/// The objects at the top of a body: one, those of a list, or none. A body is unreadable if it is not JSON, nested too
/// deep, or has too many list elements. Bytes that are not UTF-8 are replaced, so that the code of an error in another
/// encoding can still be read.
pub(crate) fn parse(body: &[u8]) -> Result<Vec<Members>, Unreadable> {
    let text = match str::from_utf8(body) {
        Ok(text) => Cow::from(text),
        Err(_) if body.len() <= MOST_REPLACED => String::from_utf8_lossy(body),
        Err(_) => return Err(Unreadable::NotJson),
    };
    Ok(match lenient::parse(&text)? {
        Json::Object(object) => vec![object],
        Json::List(list) => list,
        Json::Scalar(_) => Vec::new(),
    })
}

/// What an error says.
#[derive(Default)]
pub(crate) struct Found<'a> {
    pub(crate) code: Option<&'a str>,
    pub(crate) message: Option<&'a str>,
    pub(crate) request_id: Option<&'a str>,
    pub(crate) encoded_authorization_message: Option<&'a str>,
}

/// The outermost object with a code or a text, and of several at one depth the first.
pub(crate) fn find(root: &[Members]) -> Found<'_> {
    let mut next: VecDeque<&Members> = root.iter().collect();
    let outer = |name| root.iter().find_map(|object| object.text(&[name]));
    while let Some(object) = next.pop_front() {
        let code = object.text(&["error_code", "errorCode", "code"]);
        let message = object.text(&["error_msg", "errorMsg", "message"]);
        if code.is_some() || message.is_some() {
            let near = |name| object.text(&[name]).or_else(|| outer(name));
            return Found {
                code,
                message,
                request_id: near("request_id"),
                encoded_authorization_message: near("encoded_authorization_message"),
            };
        }
        next.extend(&object.inner);
    }
    Found { request_id: outer("request_id"), ..Found::default() }
}

/// See [`ServiceError::is_flat`](crate::ServiceError::is_flat).
pub(crate) fn is_flat(body: &[u8]) -> bool {
    let text = str::from_utf8(body).ok();
    let root = text.map(lenient::parse::<Flat>);
    matches!(root, Some(Ok(Json::Object(object))) if !object.strange && !object.seen.is_empty())
}

/// An object of which only its form is read.
#[derive(Default)]
struct Flat {
    /// The members so far, under their first spelling.
    seen: Vec<&'static str>,
    /// Whether a member is not one of an error, or occurs more than once.
    strange: bool,
}

impl ReadObject for Flat {
    fn read_member<'de, A: MapAccess<'de>>(
        &mut self,
        member: Unread<'_, A>,
    ) -> Result<(), A::Error> {
        let name = member.name;
        let value = member.json::<Skipped>(Lists::Skipped)?;
        let is_plain =
            matches!(value, Json::Scalar(Scalar::Text(_) | Scalar::Number(_) | Scalar::Nothing));
        match documented(name) {
            Some(member) if is_plain && !self.seen.contains(&member) => self.seen.push(member),
            _ => self.strange = true,
        }
        Ok(())
    }
}

/// The member of an error that has this name in a document of the service or its gateway, under its first
/// spelling. `code` and `message` are read, but no document of theirs names them.
fn documented(name: &str) -> Option<&'static str> {
    match name {
        "error_code" | "errorCode" => Some("error_code"),
        "error_msg" | "errorMsg" => Some("error_msg"),
        "request_id" => Some("request_id"),
        "encoded_authorization_message" => Some("encoded_authorization_message"),
        _ => None,
    }
}
