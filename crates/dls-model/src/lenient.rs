//! Reads any JSON without failing on a type: what cannot be read costs its own member and never the whole
//! answer.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

pub(crate) mod members;
mod repair;

/// How many elements all lists of one answer may have together, including those that are not objects.
///
/// A page of a list is asked for by tens or hundreds, and a package has some hundred tasks. An element may be two
/// bytes on the wire and takes some 300 in memory, so that without a bound 16 MiB of zeros become gigabytes; with
/// this one it is 20 MB.
pub(crate) const MOST_ELEMENTS: usize = 65_536;

/// What is left of [`MOST_ELEMENTS`] while an answer is read.
pub(crate) struct ElementLimit(Cell<Option<usize>>);

impl ElementLimit {
    pub(crate) fn new() -> Self {
        Self(Cell::new(Some(MOST_ELEMENTS)))
    }

    /// Takes one element.
    pub(crate) fn take<E: Error>(&self) -> Result<(), E> {
        self.0.set(self.0.get().and_then(|left| left.checked_sub(1)));
        match self.0.get() {
            Some(_) => Ok(()),
            None => {
                Err(E::custom(format_args!("its lists have more than {MOST_ELEMENTS} elements")))
            }
        }
    }
}

/// Why a text cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    NotJson,
    /// Its lists have more than [`MOST_ELEMENTS`].
    TooMany,
}

/// Reads a whole text as JSON, of which a scalar is of no interest.
pub(crate) fn parse<T: ReadObject>(text: &str) -> Result<Json<'static, T>, Unreadable> {
    match parse_strictly(text) {
        // What serde_json takes for a fault of the whole text may be one of a single member.
        Err(Unreadable::NotJson) => match repair::repaired(text) {
            Some(repaired) => parse_strictly(&repaired),
            None => Err(Unreadable::NotJson),
        },
        read => read,
    }
}

fn parse_strictly<T: ReadObject>(text: &str) -> Result<Json<'static, T>, Unreadable> {
    let limit = ElementLimit::new();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let json = Reader::of(Lists::Read, &limit).deserialize(&mut deserializer);
    let json = json.and_then(|json| deserializer.end().map(|()| json));
    match (json, limit.0.get()) {
        (_, None) => Err(Unreadable::TooMany),
        (Err(_), _) => Err(Unreadable::NotJson),
        (Ok(Json::Scalar(_)), _) => Ok(Json::Scalar(Scalar::Nothing)),
        (Ok(Json::Object(object)), _) => Ok(Json::Object(object)),
        (Ok(Json::List(list)), _) => Ok(Json::List(list)),
    }
}

/// An object that is read member by member. If a member occurs twice, the last readable one counts.
pub(crate) trait ReadObject: Default {
    fn read_member<'de, A: MapAccess<'de>>(
        &mut self,
        member: Unread<'_, A>,
    ) -> Result<(), A::Error>;
}

/// A member of which only the name has been read.
pub(crate) struct Unread<'a, A> {
    pub(crate) name: &'a str,
    map: &'a mut A,
    pub(crate) limit: &'a ElementLimit,
}

impl<'de, A: MapAccess<'de>> Unread<'_, A> {
    /// Reads the value, with its objects as `T`.
    pub(crate) fn json<T: ReadObject>(self, lists: Lists) -> Result<Json<'de, T>, A::Error> {
        self.map.next_value_seed(Reader::of(lists, self.limit))
    }

    pub(crate) fn scalar(self) -> Result<Scalar<'de>, A::Error> {
        self.map.next_value()
    }

    pub(crate) fn skip(self) -> Result<(), A::Error> {
        self.map.next_value::<IgnoredAny>().map(drop)
    }
}

/// An object of which nothing is read.
#[derive(Default)]
pub(crate) struct Skipped;

impl ReadObject for Skipped {
    fn read_member<'de, A: MapAccess<'de>>(
        &mut self,
        member: Unread<'_, A>,
    ) -> Result<(), A::Error> {
        member.skip()
    }
}

/// Any JSON value, with its objects read as `T`.
pub(crate) enum Json<'de, T> {
    Scalar(Scalar<'de>),
    Object(T),
    List(Vec<T>),
}

/// Whether lists are read. Skipping one takes no recursion, however deep it is.
#[derive(Clone, Copy)]
pub(crate) enum Lists {
    Read,
    Skipped,
}

/// Reads any JSON value without ever failing on its type.
pub(crate) struct Reader<'b, T> {
    lists: Lists,
    limit: &'b ElementLimit,
    objects: PhantomData<T>,
}

impl<'b, T> Reader<'b, T> {
    pub(crate) fn of(lists: Lists, limit: &'b ElementLimit) -> Self {
        Self { lists, limit, objects: PhantomData }
    }
}

impl<'de, T: ReadObject> DeserializeSeed<'de> for Reader<'_, T> {
    type Value = Json<'de, T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: ReadObject> Visitor<'de> for Reader<'_, T> {
    type Value = Json<'de, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Json::Scalar(Scalar::Nothing))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Json::Scalar(Scalar::Flag(flag)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Json::Scalar(Scalar::Number(number)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Json::Scalar(match i64::try_from(number) {
            Ok(number) => Scalar::Number(number),
            // No number of ours, but it may be the text of an id.
            Err(_) => Scalar::Text(number.to_string().into()),
        }))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Json::Scalar(Scalar::Nothing))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Json::Scalar(Scalar::Text(text.into())))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Json::Scalar(Scalar::Text(text.to_owned().into())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        match self.lists {
            Lists::Read => {
                let element = || Self::of(Lists::Skipped, self.limit);
                while let Some(element) = elements.next_element_seed(element())? {
                    self.limit.take()?;
                    list.push(match element {
                        Json::Object(object) => object,
                        Json::Scalar(_) | Json::List(_) => T::default(),
                    });
                }
            }
            Lists::Skipped => while elements.next_element::<IgnoredAny>()?.is_some() {},
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut object = T::default();
        while let Some(name) = members.next_key::<Scalar<'_>>()? {
            match name {
                Scalar::Text(name) => object.read_member(Unread {
                    name: &name,
                    map: &mut members,
                    limit: self.limit,
                })?,
                _ => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Json::Object(object))
    }
}

/// A value that is neither a list nor an object; `Nothing` if it is not of these types.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar<'de> {
    Nothing,
    Flag(bool),
    Number(i64),
    Text(Cow<'de, str>),
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(
            match Reader::<Skipped>::of(Lists::Skipped, &ElementLimit::new())
                .deserialize(deserializer)?
            {
                Json::Scalar(scalar) => scalar,
                Json::Object(_) | Json::List(_) => Self::Nothing,
            },
        )
    }
}

/// What can be made of a scalar, whether the service wrote a number or text.
pub(crate) trait FromScalar: Sized {
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self>;
}

impl FromScalar for i64 {
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        match scalar {
            Scalar::Number(number) => Some(number),
            Scalar::Text(text) => text.parse().ok(),
            Scalar::Flag(_) | Scalar::Nothing => None,
        }
    }
}

impl FromScalar for u64 {
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        i64::from_scalar(scalar)?.try_into().ok()
    }
}

impl FromScalar for bool {
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        match scalar {
            Scalar::Flag(flag) => Some(flag),
            other => match i64::from_scalar(other)? {
                0 => Some(false),
                1 => Some(true),
                _ => None,
            },
        }
    }
}

impl FromScalar for String {
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        match scalar {
            Scalar::Text(text) => Some(text.into_owned()),
            Scalar::Number(number) => Some(number.to_string()),
            Scalar::Flag(_) | Scalar::Nothing => None,
        }
    }
}
