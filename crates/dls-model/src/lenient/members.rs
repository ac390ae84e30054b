//! The objects of the service's JSON: declared in one table each, with the wire names of their members.

use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess};
use serde::ser::SerializeMap;

use crate::lenient::{ElementLimit, FromScalar, Json, Lists, ReadObject, Reader, Unread};

/// Declares an object of the wire: a struct, of which each field has its wire name and any other spellings behind `=`.
/// `as` converts the value of a field before it is written. A field without a wire name is neither read nor written.
macro_rules! wire_object {
    ($(#[$meta:meta])* pub struct $object:ident {
        $($(#[doc = $doc:literal])* $field:ident: $type:ty
            $(= $name:literal $(| $other:literal)* $(as $convert:path)?)?,)+
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $object {
            $(
                $(#[doc = concat!("`", $name, "`" $(, ", `", $other, "`")*)] #[doc = ""])?
                $(#[doc = $doc])*
                pub $field: $type,
            )+
        }

        impl $crate::lenient::ReadObject for $object {
            fn read_member<'de, A: serde::de::MapAccess<'de>>(
                &mut self,
                member: $crate::lenient::Unread<'_, A>,
            ) -> Result<(), A::Error> {
                match member.name {
                    $($($name $(| $other)* => {
                        $crate::lenient::members::Member::read(&mut self.$field, member)
                    })?)+
                    _ => member.skip(),
                }
            }
        }

        /// As the service writes it. Absent members are omitted.
        impl serde::Serialize for $object {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(None)?;
                $($($crate::lenient::members::Member::write(
                    &self.$field$(.map($convert))?, &[$name $(, $other)*], &mut map,
                )?;)?)+
                serde::ser::SerializeMap::end(map)
            }
        }

        /// As the service writes it, leniently: a member that cannot be read counts as absent.
        impl<'de> serde::Deserialize<'de> for $object {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::lenient::members::deserialize(deserializer)
            }
        }

        #[cfg(feature = "proptest")]
        impl $crate::generate::Generate for $object {
            fn generate() -> proptest::strategy::BoxedStrategy<Self> {
                use proptest::strategy::{Just, Strategy as _};

                let object = Just(Self::default()).boxed();
                $(let object = (object, <$type as $crate::generate::Generate>::generate())
                    .prop_map(|(object, $field)| Self { $field, ..object })
                    .boxed();)+
                object
            }

            /// An object without any member could not be told from an absent one.
            fn generate_option() -> proptest::strategy::BoxedStrategy<Option<Self>> {
                use proptest::strategy::Strategy as _;

                let option = proptest::option::of(Self::generate());
                option.prop_map(|object| object.filter(|it| *it != Self::default())).boxed()
            }
        }
    };
}
pub(crate) use wire_object;

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

/// A member of an object, which is left as it is if the value cannot be read.
pub(crate) trait Member {
    /// Reads the value of the member, which has one of its names.
    fn read<'de, A: MapAccess<'de>>(&mut self, member: Unread<'_, A>) -> Result<(), A::Error>;

    /// Writes the member under the first of its names.
    fn write<M: SerializeMap>(&self, names: &[&'static str], map: &mut M) -> Result<(), M::Error>;
}

impl<T: FromScalar + Serialize> Member for Option<T> {
    fn read<'de, A: MapAccess<'de>>(&mut self, member: Unread<'_, A>) -> Result<(), A::Error> {
        if let Some(value) = T::from_scalar(member.scalar()?) {
            *self = Some(value);
        }
        Ok(())
    }

    fn write<M: SerializeMap>(&self, names: &[&'static str], map: &mut M) -> Result<(), M::Error> {
        write_present(self.as_ref(), names, map)
    }
}

impl<T: ReadObject + Serialize> Member for T {
    fn read<'de, A: MapAccess<'de>>(&mut self, member: Unread<'_, A>) -> Result<(), A::Error> {
        if let Json::Object(value) = member.json(Lists::Skipped)? {
            *self = value;
        }
        Ok(())
    }

    fn write<M: SerializeMap>(&self, names: &[&'static str], map: &mut M) -> Result<(), M::Error> {
        write_present(Some(self), names, map)
    }
}

/// A single object reads as a list of one. An element that is not an object reads as an empty object, so that the
/// count stays right.
impl<T: ReadObject + Serialize> Member for Option<Vec<T>> {
    fn read<'de, A: MapAccess<'de>>(&mut self, member: Unread<'_, A>) -> Result<(), A::Error> {
        match member.json(Lists::Read)? {
            Json::List(list) => *self = Some(list),
            Json::Object(one) => *self = Some(vec![one]),
            Json::Scalar(_) => {}
        }
        Ok(())
    }

    fn write<M: SerializeMap>(&self, names: &[&'static str], map: &mut M) -> Result<(), M::Error> {
        write_present(self.as_ref(), names, map)
    }
}

/// As an optional list, but empty if it is absent.
impl<T: ReadObject + Serialize> Member for Vec<T> {
    fn read<'de, A: MapAccess<'de>>(&mut self, member: Unread<'_, A>) -> Result<(), A::Error> {
        let mut list = None;
        Member::read(&mut list, member)?;
        *self = list.unwrap_or_else(|| std::mem::take(self));
        Ok(())
    }

    fn write<M: SerializeMap>(&self, names: &[&'static str], map: &mut M) -> Result<(), M::Error> {
        write_present(Some(self), names, map)
    }
}

/// Writes a value, if there is one, under the first of the names.
pub(crate) fn write_present<M: SerializeMap>(
    value: Option<&impl Serialize>,
    names: &[&'static str],
    map: &mut M,
) -> Result<(), M::Error> {
    value.zip(names.first()).map_or(Ok(()), |(value, name)| map.serialize_entry(name, value))
}
