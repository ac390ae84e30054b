//! What can go wrong with a deploy, over real sockets. `rows.toml` lists all faults that were thought of,
//! and where it is shown what must hold for each; `cases.toml` has the faults that are played here, plain
//! and through TLS, and what each may end in: the outcomes of the run and its packages, and what the emulator
//! counted.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod cases;

mod play;
mod rows;
mod scarce;

use cases::cases;
use play::play;

#[tokio::test]
async fn whatever_fails_before_the_first_byte_sends_nothing_and_may_be_tried_again() {
    play(&cases().connections).await;
}

#[tokio::test]
async fn a_request_that_is_cut_leaves_doubt_and_is_not_sent_again() {
    play(&cases().cuts).await;
}

#[tokio::test]
async fn a_lost_answer_is_settled_by_looking_or_stays_unknown() {
    play(&cases().lost).await;
}

#[tokio::test]
async fn what_is_no_answer_of_the_service_is_a_lost_answer() {
    play(&cases().strangers).await;
}

#[tokio::test]
async fn a_refusal_is_believed_as_far_as_it_proves_something() {
    play(&cases().refusals).await;
}

#[tokio::test]
async fn looks_that_fail_are_made_again_and_say_nothing_about_the_release() {
    play(&cases().looks).await;
}

#[tokio::test]
async fn copies_and_other_actors_are_not_taken_for_us() {
    play(&cases().others).await;
}
