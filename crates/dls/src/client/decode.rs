//! Decodes answers; large ones on a thread for blocking work.

use std::future::pending;
use std::panic::resume_unwind;

use dls_model::Operation;
use http::Response;
use tokio::task::spawn_blocking;

use crate::error::Error;

/// Decoding longer answers, in bytes, would delay other tasks of the thread.
const LARGE: usize = 256 << 10;

pub(super) async fn decode<O>(answer: Response<Vec<u8>>) -> Result<O::Answer, Error>
where
    O: Operation + 'static,
    O::Answer: Send,
{
    let is_large = answer.body().len() > LARGE;
    let decode = move || O::decode(answer.status(), answer.headers(), answer.body());
    if !is_large {
        return Ok(decode()?);
    }
    match spawn_blocking(decode).await {
        Ok(decoded) => Ok(decoded?),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime is shutting down, and drops this future.
            Err(_) => pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::thread::{ThreadId, current};

    use dls_model::{AnswerError, Effect, HostFamily, InvalidRequest, Scope};
    use http::{HeaderMap, Method, Request, StatusCode};

    use super::*;

    /// Answers with the thread on which it was decoded.
    struct WhichThread;

    impl Operation for WhichThread {
        type Answer = ThreadId;

        const NAME: &'static str = "which-thread";
        const METHOD: Method = Method::GET;
        const ROUTE: &'static str = "/";
        const HOST: HostFamily = HostFamily::V2;
        const EFFECT: Effect = Effect::Read;

        fn encode(&self, _: &Scope) -> Result<Request<Vec<u8>>, InvalidRequest> {
            Ok(Request::default())
        }

        fn decode(_: StatusCode, _: &HeaderMap, _: &[u8]) -> Result<ThreadId, AnswerError> {
            Ok(current().id())
        }
    }

    #[tokio::test]
    async fn only_large_answers_are_decoded_off_the_threads_of_the_runtime() {
        for (bytes, is_off) in [(0, false), (LARGE, false), (LARGE + 1, true)] {
            let answer = Response::new(vec![b' '; bytes]);
            let thread = decode::<WhichThread>(answer).await.unwrap();
            assert_eq!(thread != current().id(), is_off, "{bytes} bytes");
        }
    }
}
