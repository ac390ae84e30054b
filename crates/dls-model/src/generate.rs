//! Strategies for the types of members, from which those of whole objects are made.

use std::fmt::Debug;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// A type whose values can be generated.
pub(crate) trait Generate: Debug + Sized + 'static {
    fn generate() -> BoxedStrategy<Self>;

    /// A value that may be absent.
    fn generate_option() -> BoxedStrategy<Option<Self>> {
        option::of(Self::generate()).boxed()
    }
}

impl<T: Generate> Generate for Option<T> {
    fn generate() -> BoxedStrategy<Self> {
        T::generate_option()
    }
}

impl<T: Generate> Generate for Vec<T> {
    fn generate() -> BoxedStrategy<Self> {
        vec(T::generate(), 0..4).boxed()
    }
}

/// Any text, often one that could be a number or a word of the wire.
impl Generate for String {
    fn generate() -> BoxedStrategy<Self> {
        prop_oneof![any::<String>(), "[0-9]{1,20}", "[a-z_]{0,12}"].boxed()
    }
}

impl Generate for bool {
    fn generate() -> BoxedStrategy<Self> {
        any::<bool>().boxed()
    }
}

impl Generate for i64 {
    fn generate() -> BoxedStrategy<Self> {
        any::<i64>().boxed()
    }
}

/// A count that a list may have.
impl Generate for u64 {
    fn generate() -> BoxedStrategy<Self> {
        (0..=u64::from(u32::MAX)).boxed()
    }
}
