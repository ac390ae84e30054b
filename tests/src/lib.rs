//! What the tests that cross crates share.

/// The examples of the front page compile, too.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct FrontPage;
