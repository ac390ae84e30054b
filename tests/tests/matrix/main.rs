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

use cases::cases;
use play::play;

#[tokio::test]
async fn a_failure_before_the_first_byte_sends_nothing_and_may_be_retried() {
    play(&cases().connections).await;
}

#[tokio::test]
async fn a_cut_request_is_in_doubt_and_not_sent_again() {
    play(&cases().cuts).await;
}

#[tokio::test]
async fn a_lost_answer_is_settled_by_observing_or_stays_unknown() {
    play(&cases().lost).await;
}

#[tokio::test]
async fn an_answer_that_is_not_from_the_service_is_a_lost_answer() {
    play(&cases().foreign_answers).await;
}

#[tokio::test]
async fn a_refusal_counts_as_far_as_it_is_a_proof() {
    play(&cases().refusals).await;
}

#[tokio::test]
async fn failed_observations_are_repeated_and_do_not_change_the_outcome() {
    play(&cases().observations).await;
}

#[tokio::test]
async fn copies_and_other_actors_are_not_counted_as_ours() {
    play(&cases().others).await;
}
