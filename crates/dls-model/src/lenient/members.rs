//! The objects of the service's JSON, read and written from one table of members each.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::lenient::{ElementLimit, FromScalar, Json, Lists, ReadObject, Reader};

/// Ties the members of an object to the wire, one row a member: its name and aliases, its form on the
/// wire, and the field that holds it. Both directions come from the same rows. `field?.part` is a part of
/// an optional field, which is there as soon as one of its parts is.
macro_rules! members {
    ($object:ty { $($name:literal $(| $alias:literal)*: $column:ident => $field:ident $(?.$part:ident)?;)+ }) => {
        impl $crate::lenient::ReadObject for $object {
            fn read_member<'de, A: serde::de::MapAccess<'de>>(
                &mut self,
                name: &str,
                map: &mut A,
                limit: &$crate::lenient::ElementLimit,
            ) -> Result<(), A::Error> {
                match name {
                    $($name $(| $alias)* => {
                        $crate::lenient::members::members!(@read $column, map, limit, self.$field $(, $part)?)
                    })+
                    _ => map.next_value::<serde::de::IgnoredAny>().map(drop),
                }
            }
        }

        impl $crate::lenient::members::WriteObject for $object {
            fn write_members<M: serde::ser::SerializeMap>(
                &self,
                map: &mut M,
            ) -> Result<(), M::Error> {
                $($crate::lenient::members::members!(@write $column, map, $name, self.$field $(, $part)?);)+
                Ok(())
            }
        }

        /// As the service writes it.
        impl serde::Serialize for $object {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::lenient::members::serialize(self, serializer)
            }
        }

        /// As the service writes it, leniently: what cannot be read counts as absent.
        impl<'de> serde::Deserialize<'de> for $object {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::lenient::members::deserialize(deserializer)
            }
        }
    };
    (@read $column:ident, $map:ident, $limit:ident, $field:expr) => {
        <$crate::lenient::members::$column as $crate::lenient::members::Column<_>>::read(&mut $field, $map, $limit)
    };
    (@read $column:ident, $map:ident, $limit:ident, $field:expr, $part:ident) => {{
        let mut part = None;
        <$crate::lenient::members::$column as $crate::lenient::members::Column<_>>::read(&mut part, $map, $limit)?;
        if part.is_some() {
            $field.get_or_insert_default().$part = part;
        }
        Ok(())
    }};
    (@write $column:ident, $map:ident, $name:literal, $field:expr) => {
        <$crate::lenient::members::$column as $crate::lenient::members::Column<_>>::write(&$field, $name, $map)?
    };
    (@write $column:ident, $map:ident, $name:literal, $field:expr, $part:ident) => {
        if let Some(whole) = &$field {
            <$crate::lenient::members::$column as $crate::lenient::members::Column<_>>::write(&whole.$part, $name, $map)?;
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
    match Reader::<T>::of(Lists::Skipped, &ElementLimit::new()).deserialize(deserializer)? {
        Json::Object(object) => Ok(object),
        Json::Scalar(_) | Json::List(_) => {
            Err(serde::de::Error::custom("the answer is not a JSON object"))
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

/// An object that is written member by member; what is absent is left out.
pub(crate) trait WriteObject {
    fn write_members<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error>;
}

/// How a member stands on the wire, which is also how it is written. Reading takes what it gets.
pub(crate) trait Column<V> {
    fn read<'de, A: MapAccess<'de>>(
        slot: &mut V,
        map: &mut A,
        limit: &ElementLimit,
    ) -> Result<(), A::Error>;
    fn write<M: SerializeMap>(slot: &V, name: &'static str, map: &mut M) -> Result<(), M::Error>;
}

/// A JSON number.
pub(crate) struct Number;

impl<T: FromScalar + ToNumber> Column<Option<T>> for Number {
    fn read<'de, A: MapAccess<'de>>(
        slot: &mut Option<T>,
        map: &mut A,
        _: &ElementLimit,
    ) -> Result<(), A::Error> {
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
    fn read<'de, A: MapAccess<'de>>(
        slot: &mut Option<T>,
        map: &mut A,
        _: &ElementLimit,
    ) -> Result<(), A::Error> {
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
    fn read<'de, A: MapAccess<'de>>(
        slot: &mut T,
        map: &mut A,
        limit: &ElementLimit,
    ) -> Result<(), A::Error> {
        if let Json::Object(value) = map.next_value_seed(Reader::of(Lists::Skipped, limit))? {
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
        limit: &ElementLimit,
    ) -> Result<(), A::Error> {
        match map.next_value_seed(Reader::of(Lists::Read, limit))? {
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
    fn read<'de, A: MapAccess<'de>>(
        slot: &mut Vec<T>,
        map: &mut A,
        limit: &ElementLimit,
    ) -> Result<(), A::Error> {
        let mut read = None;
        Self::read(&mut read, map, limit)?;
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
