//! The model against the documents' examples, against answers that no document describes, and by its laws.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::field_reassign_with_default,
    missing_docs,
    unreachable_pub,
    reason = "tests may fail loudly"
)]

mod errors;
mod examples;
#[cfg(feature = "proptest")]
mod laws;
mod paging;
mod requests;
mod support;
mod tolerance;
