//! The service's JSON, read leniently and written, from one table of members an object: what cannot be
//! read costs its own member and never the whole answer.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

/// A member that is no list and no object, or nothing where it can be read as none of these.
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
            match Reader::<Skipped>::of(Lists::Skipped).deserialize(deserializer)? {
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

/// What the service writes as a number.
pub(crate) trait ToNumber {
    fn to_number(&self) -> i64;
}

impl ToNumber for i64 {
    fn to_number(&self) -> i64 {
        *self
    }
}

impl ToNumber for u64 {
    fn to_number(&self) -> i64 {
        i64::try_from(*self).unwrap_or(i64::MAX)
    }
}

impl ToNumber for bool {
    fn to_number(&self) -> i64 {
        i64::from(*self)
    }
}

/// An object that is read member by member. Of a member that stands twice the last readable one counts.
pub(crate) trait ReadObject: Default {
    fn read_member<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        map: &mut A,
    ) -> Result<(), A::Error>;
}

/// An object that is written member by member; what is absent is left out.
pub(crate) trait WriteObject {
    fn write_members<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error>;
}

/// How a member stands on the wire, which is also how it is written. Reading takes what it gets.
pub(crate) trait Column<V> {
    fn read<'de, A: MapAccess<'de>>(slot: &mut V, map: &mut A) -> Result<(), A::Error>;
    fn write<M: SerializeMap>(slot: &V, name: &'static str, map: &mut M) -> Result<(), M::Error>;
}

/// A JSON number.
pub(crate) struct Number;

impl<T: FromScalar + ToNumber> Column<Option<T>> for Number {
    fn read<'de, A: MapAccess<'de>>(slot: &mut Option<T>, map: &mut A) -> Result<(), A::Error> {
        read_scalar(slot, map)
    }

    fn write<M: SerializeMap>(
        slot: &Option<T>,
        name: &'static str,
        map: &mut M,
    ) -> Result<(), M::Error> {
        match slot {
            Some(value) => map.serialize_entry(name, &value.to_number()),
            None => Ok(()),
        }
    }
}

/// A JSON string.
pub(crate) struct Text;

impl<T: FromScalar + fmt::Display> Column<Option<T>> for Text {
    fn read<'de, A: MapAccess<'de>>(slot: &mut Option<T>, map: &mut A) -> Result<(), A::Error> {
        read_scalar(slot, map)
    }

    fn write<M: SerializeMap>(
        slot: &Option<T>,
        name: &'static str,
        map: &mut M,
    ) -> Result<(), M::Error> {
        match slot {
            Some(value) => map.serialize_entry(name, &Shown(value)),
            None => Ok(()),
        }
    }
}

/// Writes a value as the text that it displays.
struct Shown<'a, T>(&'a T);

impl<T: fmt::Display> Serialize for Shown<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}

fn read_scalar<'de, T: FromScalar, A: MapAccess<'de>>(
    slot: &mut Option<T>,
    map: &mut A,
) -> Result<(), A::Error> {
    if let Some(value) = T::from_scalar(map.next_value()?) {
        *slot = Some(value);
    }
    Ok(())
}

/// A JSON object.
pub(crate) struct Nested;

impl<T: ReadObject + Serialize> Column<T> for Nested {
    fn read<'de, A: MapAccess<'de>>(slot: &mut T, map: &mut A) -> Result<(), A::Error> {
        if let Json::Object(value) = map.next_value_seed(Reader::of(Lists::Skipped))? {
            *slot = value;
        }
        Ok(())
    }

    fn write<M: SerializeMap>(slot: &T, name: &'static str, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry(name, slot)
    }
}

/// A JSON array of objects. A single object reads as a list of one; an element that is no object reads as
/// one with nothing in it, so that the count stays right.
pub(crate) struct List;

impl<T: ReadObject + Serialize> Column<Option<Vec<T>>> for List {
    fn read<'de, A: MapAccess<'de>>(
        slot: &mut Option<Vec<T>>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match map.next_value_seed(Reader::of(Lists::Read))? {
            Json::List(list) => *slot = Some(list),
            Json::Object(one) => *slot = Some(vec![one]),
            Json::Scalar(_) => {}
        }
        Ok(())
    }

    fn write<M: SerializeMap>(
        slot: &Option<Vec<T>>,
        name: &'static str,
        map: &mut M,
    ) -> Result<(), M::Error> {
        match slot {
            Some(list) => map.serialize_entry(name, list),
            None => Ok(()),
        }
    }
}

impl<T: ReadObject + Serialize> Column<Vec<T>> for List {
    fn read<'de, A: MapAccess<'de>>(slot: &mut Vec<T>, map: &mut A) -> Result<(), A::Error> {
        let mut read = None;
        Self::read(&mut read, map)?;
        if let Some(list) = read {
            *slot = list;
        }
        Ok(())
    }

    fn write<M: SerializeMap>(
        slot: &Vec<T>,
        name: &'static str,
        map: &mut M,
    ) -> Result<(), M::Error> {
        map.serialize_entry(name, slot)
    }
}

/// An object of which nothing is read.
#[derive(Default)]
pub(crate) struct Skipped;

impl ReadObject for Skipped {
    fn read_member<'de, A: MapAccess<'de>>(
        &mut self,
        _name: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        map.next_value::<IgnoredAny>().map(drop)
    }
}

/// Reads a whole text as JSON, of which a scalar is of no interest. `None` if it is no JSON.
pub(crate) fn parse<T: ReadObject>(text: &str) -> Option<Json<'static, T>> {
    let read = |text: &str| {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let json = Reader::of(Lists::Read)
            .deserialize(&mut deserializer)
            .ok()?;
        deserializer.end().ok()?;
        Some(match json {
            Json::Scalar(_) => Json::Scalar(Scalar::Nothing),
            Json::Object(object) => Json::Object(object),
            Json::List(list) => Json::List(list),
        })
    };
    read(text).or_else(|| read(&without_endless_numbers(text)?))
}

/// `text` with `null` for each number that no float can hold, which `serde_json` takes for a fault of the
/// whole text. `None` if there is no such number.
fn without_endless_numbers(text: &str) -> Option<String> {
    let mut kept = String::with_capacity(text.len());
    let mut found = false;
    let mut quoted = false;
    let mut escaped = false;
    for piece in text.split_inclusive(|c: char| !is_numeric(c)) {
        let number = piece.trim_end_matches(|c: char| !is_numeric(c));
        let endless = !quoted && number.parse::<f64>().is_ok_and(f64::is_infinite);
        found |= endless;
        kept.push_str(if endless { "null" } else { number });
        escaped &= number.is_empty();
        // What follows the number is one character, or nothing at the end.
        for c in piece.chars().rev().take(1).filter(|c| !is_numeric(*c)) {
            kept.push(c);
            quoted ^= c == '"' && !escaped;
            escaped = quoted && c == '\\' && !escaped;
        }
    }
    found.then_some(kept)
}

fn is_numeric(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E')
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
pub(crate) struct Reader<T> {
    lists: Lists,
    objects: PhantomData<T>,
}

impl<T> Reader<T> {
    pub(crate) fn of(lists: Lists) -> Self {
        Self {
            lists,
            objects: PhantomData,
        }
    }
}

impl<'de, T: ReadObject> DeserializeSeed<'de> for Reader<T> {
    type Value = Json<'de, T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: ReadObject> Visitor<'de> for Reader<T> {
    type Value = Json<'de, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Json::Scalar(Scalar::Nothing))
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(Json::Scalar(Scalar::Nothing))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        self.deserialize(deserializer)
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

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Json::Scalar(Scalar::Text(text.into())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        match self.lists {
            Lists::Read => {
                while let Some(element) = elements.next_element_seed(Self::of(Lists::Skipped))? {
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
                Scalar::Text(name) => object.read_member(&name, &mut members)?,
                _ => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Json::Object(object))
    }
}

/// Ties the members of an object to the wire, one row a member: its name and aliases, its form on the
/// wire, and the field that holds it. Both directions come from the same rows. `field?.part` is a part of
/// an optional field, which is there as soon as one of its parts is.
macro_rules! members {
    ($object:ty { $($name:literal $(| $alias:literal)*: $column:ident => $field:ident $(?.$part:ident)?;)+ }) => {
        impl $crate::wire::ReadObject for $object {
            fn read_member<'de, A: serde::de::MapAccess<'de>>(
                &mut self,
                name: &str,
                map: &mut A,
            ) -> Result<(), A::Error> {
                match name {
                    $($name $(| $alias)* => {
                        $crate::wire::members!(@read $column, map, self.$field $(, $part)?)
                    })+
                    _ => map.next_value::<serde::de::IgnoredAny>().map(drop),
                }
            }
        }

        impl $crate::wire::WriteObject for $object {
            fn write_members<M: serde::ser::SerializeMap>(
                &self,
                map: &mut M,
            ) -> Result<(), M::Error> {
                $($crate::wire::members!(@write $column, map, $name, self.$field $(, $part)?);)+
                Ok(())
            }
        }

        /// As the service writes it.
        impl serde::Serialize for $object {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::wire::serialize(self, serializer)
            }
        }

        /// As the service writes it, leniently: what cannot be read counts as absent.
        impl<'de> serde::Deserialize<'de> for $object {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::wire::deserialize(deserializer)
            }
        }
    };
    (@read $column:ident, $map:ident, $field:expr) => {
        <$crate::wire::$column as $crate::wire::Column<_>>::read(&mut $field, $map)
    };
    (@read $column:ident, $map:ident, $field:expr, $part:ident) => {{
        let mut part = None;
        <$crate::wire::$column as $crate::wire::Column<_>>::read(&mut part, $map)?;
        if part.is_some() {
            $field.get_or_insert_default().$part = part;
        }
        Ok(())
    }};
    (@write $column:ident, $map:ident, $name:literal, $field:expr) => {
        <$crate::wire::$column as $crate::wire::Column<_>>::write(&$field, $name, $map)?
    };
    (@write $column:ident, $map:ident, $name:literal, $field:expr, $part:ident) => {
        if let Some(whole) = &$field {
            <$crate::wire::$column as $crate::wire::Column<_>>::write(&whole.$part, $name, $map)?;
        }
    };
}
pub(crate) use members;

pub(crate) fn serialize<T: WriteObject, S: Serializer>(
    object: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    object.write_members(&mut map)?;
    map.end()
}

pub(crate) fn deserialize<'de, T: ReadObject, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    match Reader::<T>::of(Lists::Skipped).deserialize(deserializer)? {
        Json::Object(object) => Ok(object),
        Json::Scalar(_) | Json::List(_) => {
            Err(serde::de::Error::custom("the answer is not a JSON object"))
        }
    }
}
