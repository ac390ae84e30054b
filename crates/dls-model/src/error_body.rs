//! Finds the error in a body, whatever its shape: the service's pair, the gateway's with a request id, IAM's
//! nested one with a number for a code, camelCase, plain `code` and `message`, lists of errors, half a pair.

use std::collections::VecDeque;

use serde::de::MapAccess;

use crate::json::{self, FromScalar, Json, Lists, ReadObject, Reader, Scalar, Skipped};

/// The members of an object in the order in which they came.
#[derive(Default)]
pub(crate) struct Members(Vec<(String, Value)>);

enum Value {
    Text(String),
    Objects(Vec<Members>),
}

impl ReadObject for Members {
    fn read_member<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let value = match map.next_value_seed(Reader::<Self>::of(Lists::Read))? {
            Json::Scalar(scalar) => String::from_scalar(scalar)
                .filter(|text| !text.is_empty())
                .map(Value::Text),
            Json::Object(object) if object.0.is_empty() => None,
            Json::Object(object) => Some(Value::Objects(vec![object])),
            Json::List(list) if list.is_empty() => None,
            Json::List(list) => Some(Value::Objects(list)),
        };
        // null, "", {} and [] say nothing.
        self.0.extend(value.map(|value| (name.to_owned(), value)));
        Ok(())
    }
}

impl Members {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0
            .iter()
            .find_map(|(found, value)| (found == name).then_some(value))
    }

    fn text(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| match self.get(name) {
            Some(Value::Text(text)) => Some(text.as_str()),
            _ => None,
        })
    }

    /// Whether this object, as a whole success, reports an error.
    pub(crate) fn reports_error(&self) -> bool {
        self.text(&["error_code", "error_msg", "errorCode", "errorMsg"])
            .is_some()
            || (self.text(&["code"]).is_some() && self.text(&["message"]).is_some())
            || self.get("error").is_some()
            || self.get("errors").is_some()
    }

    /// Whether this object or one inside it reports an error.
    pub(crate) fn holds_error(&self) -> bool {
        self.reports_error()
            || self.0.iter().any(|(_, value)| match value {
                Value::Text(_) => false,
                Value::Objects(objects) => objects.iter().any(Self::holds_error),
            })
    }
}

/// Whether a success with a member of this name must be looked at again. `message` is not among them: a
/// system task has one.
pub(crate) fn is_suspicious(name: &str) -> bool {
    matches!(
        name,
        "error_code" | "error_msg" | "errorCode" | "errorMsg" | "code" | "error" | "errors"
    )
}

/// The objects that a body holds at its top: one, those of a list, or none. `None` if it is no JSON, or too
/// deep to be read. Bytes that are no UTF-8 are replaced, so that a text in another encoding does not cost the
/// code.
pub(crate) fn parse(body: &[u8]) -> Option<Vec<Members>> {
    Some(match json::parse(&String::from_utf8_lossy(body))? {
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
        for (_, value) in &object.0 {
            if let Value::Objects(objects) = value {
                next.extend(objects);
            }
        }
    }
    Found {
        request_id: outer("request_id"),
        ..Found::default()
    }
}

/// See [`ServiceError::is_flat`](crate::ServiceError::is_flat).
pub(crate) fn is_flat(body: &[u8]) -> bool {
    let root = str::from_utf8(body).ok().and_then(json::parse::<Flat>);
    matches!(root, Some(Json::Object(object)) if !object.strange && !object.seen.is_empty())
}

/// An object of which only its form is read.
#[derive(Default)]
struct Flat {
    /// The members so far, under their first spelling.
    seen: Vec<&'static str>,
    /// Whether something in it is no member of an error, or one more than once.
    strange: bool,
}

impl ReadObject for Flat {
    fn read_member<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let value = map.next_value_seed(Reader::<Skipped>::of(Lists::Skipped))?;
        let is_plain = matches!(
            value,
            Json::Scalar(Scalar::Text(_) | Scalar::Number(_) | Scalar::Nothing)
        );
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
