//! Each limit ends its wait, at its time, with an error that names it. Time stands still here and
//! jumps to the next limit when nothing else is left to do.

use std::future;
use std::net::Ipv4Addr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dls_transport::credentials::{ProvideCredentials, Provided};
use dls_transport::{Delivery, Error, ErrorKind, Phase, Rate, Retry, Transport};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use crate::support::{
    Server, answer, answer_with, builder, limited, post, read, times_out, transport, write,
};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_given_up_a_write_later_than_a_read() {
    let server = Server::silent().await;
    let transport = builder().max_attempts(NonZeroU32::MIN).build().unwrap();
    for (retry, seconds) in [(Retry::Allowed, 15), (Retry::Never, 30)] {
        let call = transport.call(post(server.uri("/")), retry);
        let message = format!("no answer from {} within {seconds} s", server.address);
        times_out(call, seconds, (Phase::Answer, Delivery::Unknown), &message).await;
    }
    assert_eq!(server.ledger.whole(), 2);
    server.ledger.all_closed().await;
}

#[tokio::test(start_paused = true)]
async fn the_head_limit_covers_a_server_that_stops_reading() {
    let server = Server::start(|peer, _| async move {
        future::pending::<()>().await;
        drop(peer);
    })
    .await;
    let request = http::Request::post(server.uri("/")).body(vec![b'x'; 64 << 20]).unwrap();
    let transport = transport();
    let call = transport.call(request, Retry::Never);
    let message = format!("no answer from {} within 30 s", server.address);
    times_out(call, 30, (Phase::Answer, Delivery::Unknown), &message).await;
    assert_eq!(server.ledger.whole(), 0);
}

#[tokio::test(start_paused = true)]
async fn interim_answers_extend_no_limit() {
    let server = Server::start(|mut peer, _| async move {
        peer.request().await;
        for _ in 0..1000 {
            peer.say("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n").await;
            sleep(SECOND).await;
        }
    })
    .await;
    let message = format!("no answer from {} within 30 s", server.address);
    let transport = transport();
    let call = write(&transport, server.uri("/"));
    times_out(call, 30, (Phase::Answer, Delivery::Unknown), &message).await;
}

#[tokio::test(start_paused = true)]
async fn interim_answers_before_the_final_one_are_left_out() {
    let many = "HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n".repeat(1000);
    let server = Server::once(many + &answer("200 OK", "final")).await;
    let answer = write(&transport(), server.uri("/")).await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (200, &b"final"[..]));
    assert!(!answer.headers().contains_key("x"));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stands_still_is_given_up() {
    let server = Server::start(|mut peer, _| async move {
        peer.request().await;
        peer.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel").await;
        sleep(9 * SECOND).await;
        peer.say("lo").await;
        peer.closed().await;
    })
    .await;
    let transport = transport();
    let call = write(&transport, server.uri("/"));
    let message = format!("no further part of the answer from {} within 10 s", server.address);
    let error = times_out(call, 19, (Phase::Body, Delivery::Answered), &message).await;
    assert_eq!(error.status().unwrap(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_drips_ends_with_the_whole_call() {
    let server = Server::start(|mut peer, _| async move {
        peer.request().await;
        peer.say("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").await;
        loop {
            peer.say("x").await;
            sleep(SECOND).await;
        }
    })
    .await;
    let transport = transport();
    let call = write(&transport, server.uri("/"));
    let message =
        format!("no complete answer from {} within the total limit of 80 s", server.address);
    times_out(call, 80, (Phase::Body, Delivery::Answered), &message).await;
}

#[tokio::test(start_paused = true)]
async fn the_whole_call_has_a_limit_over_all_attempts() {
    let server = Server::silent().await;
    let transport = limited(|limits| limits.total = Some(20 * SECOND)).build().unwrap();
    // A caller that grants more time gets no more than the limit.
    for within in [Duration::MAX, 25 * SECOND] {
        let call = transport.call_within(post(server.uri("/")), Retry::Allowed, within);
        let message = format!("no answer from {} within the total limit of 20 s", server.address);
        let error = times_out(call, 20, (Phase::Answer, Delivery::Unknown), &message).await;
        assert_eq!(error.attempts(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_for_the_rate_limit_counts_towards_the_whole_call() {
    let server = Server::keeping(answer("200 OK", "")).await;
    let transport = builder().rate(Rate::PerSecond(0.005)).build().unwrap();
    write(&transport, server.uri("/")).await.unwrap();
    for (retry, seconds, time) in [
        (Retry::Never, 50, "50 s; the remaining 30 s of the call are reserved for the answer"),
        (Retry::Allowed, 60, "the total limit of 60 s"),
    ] {
        let call = transport.call(post(server.uri("/")), retry);
        let host = server.address;
        let message = format!("the rate limit allowed no request to {host} within {time}");
        times_out(call, seconds, (Phase::Queue, Delivery::NotSent), &message).await;
    }
    assert_eq!((server.ledger.whole(), server.ledger.connections()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn requests_go_out_at_the_rate() {
    let server = Server::keeping(answer("200 OK", "")).await;
    let transport = builder().rate(Rate::default()).build().unwrap();
    let begin = Instant::now();
    for _ in 0..17 {
        read(&transport.clone(), server.uri("/")).await.unwrap();
    }
    assert_eq!(begin.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_does_not_answer_is_given_up() {
    struct Silent;
    impl ProvideCredentials for Silent {
        fn provide(&self) -> Provided<'_> {
            Box::pin(future::pending())
        }
    }
    let transport = Transport::builder().credentials(Silent).build().unwrap();
    let call = write(&transport, "https://dayu.example.com/");
    let message = "no credentials for dayu.example.com within 5 s";
    times_out(call, 5, (Phase::Credentials, Delivery::NotSent), message).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_silent_in_the_handshake_is_given_up() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let roots = crate::support::tls::Issuer::new().roots();
    let transport = builder().roots(roots).build().unwrap();
    let call = write(&transport, format!("https://{address}/"));
    let message = format!("no TLS session with {address} within 5 s");
    times_out(call, 5, (Phase::Tls, Delivery::NotSent), &message).await;
}

#[track_caller]
fn too_large(error: &Error, server: &Server, limit: &str) {
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::TooLarge, Delivery::Answered));
    assert_eq!(error.status().unwrap(), 200);
    let message = format!("the answer from {} (status 200) is larger than {limit}", server.address);
    assert_eq!(error.to_string(), message);
}

#[tokio::test]
async fn a_body_may_be_as_large_as_the_limit_and_no_larger() {
    let transport = limited(|limits| limits.body_bytes = 1000).build().unwrap();
    for (bytes, fits) in [(999, true), (1000, true), (1001, false), (100_000_000, false)] {
        let body = "x".repeat(bytes.min(2000));
        let chunked: String = body
            .as_bytes()
            .chunks(100)
            .map(|c| format!("{:x}\r\n{}\r\n", c.len(), "x".repeat(c.len())))
            .collect();
        for answer in [
            format!("HTTP/1.1 200 OK\r\nContent-Length: {bytes}\r\n\r\n{body}"),
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}0\r\n\r\n"),
            format!("HTTP/1.1 200 OK\r\n\r\n{body}"),
        ] {
            let server = Server::once(answer).await;
            let outcome = read(&transport, server.uri("/")).await;
            assert_eq!(server.ledger.whole(), 1, "too much is not asked for again");
            match outcome {
                Ok(answer) => assert_eq!((answer.body().len(), fits), (bytes, true)),
                Err(error) => {
                    assert!(!fits, "{error}");
                    too_large(&error, &server, "1000 bytes");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_body_may_come_in_many_pieces_but_not_in_any_number() {
    let transport = limited(|limits| limits.body_bytes = 16 * 100).build().unwrap();
    for (pieces, fits) in [(1124, true), (1125, false), (1600, false)] {
        let body = "1\r\nx\r\n".repeat(pieces);
        let server = Server::once(format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}0\r\n\r\n"
        ))
        .await;
        match read(&transport, server.uri("/")).await {
            Ok(answer) => assert_eq!((answer.body().len(), fits), (pieces, true)),
            Err(error) => {
                assert!(!fits, "{error}");
                too_large(&error, &server, "1124 chunks");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_announced_too_large_is_not_waited_for() {
    let server = Server::start(|mut peer, _| async move {
        peer.request().await;
        peer.say("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n").await;
        peer.closed().await;
    })
    .await;
    let begin = Instant::now();
    let error = write(&transport(), server.uri("/")).await.unwrap_err();
    assert_eq!((error.kind(), begin.elapsed()), (ErrorKind::TooLarge, Duration::ZERO));
}

#[tokio::test]
async fn a_length_beyond_counting_is_told_as_a_body_that_is_too_large() {
    for length in [u64::MAX - 2, u64::MAX - 1, u64::MAX] {
        let server = Server::once(format!(
            "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\nbody"
        ))
        .await;
        let error = read(&transport(), server.uri("/")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{length}: {error}");
        assert_ne!(error.delivery(), Delivery::NotSent);
        assert!(error.to_string().contains("16777216 bytes"), "{error}");
        assert_eq!(server.ledger.whole(), 1, "it is not asked for again");
    }
}

/// A head or a body of 16 MiB is cut at its limit, whatever the server would still say.
#[tokio::test]
async fn no_more_is_read_of_a_head_than_its_limit() {
    const MIB: usize = 1 << 20;
    let swallowed = Arc::new(AtomicUsize::new(0));
    let seen = swallowed.clone();
    let server = Server::start(move |mut peer, _| {
        let seen = seen.clone();
        async move {
            peer.request().await;
            peer.say("HTTP/1.1 400 Bad Request\r\nX: ").await;
            let text = vec![b'y'; MIB];
            for _ in 0..256 {
                if peer.stream.write_all(&text).await.is_err() {
                    return;
                }
                seen.fetch_add(MIB, Ordering::SeqCst);
            }
        }
    })
    .await;
    let error = write(&transport(), server.uri("/")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    assert!(error.to_string().len() < 200, "{error}");
    server.ledger.all_closed().await;
    // The rest is what the kernel's buffers hold.
    let swallowed = swallowed.load(Ordering::SeqCst);
    assert!(swallowed < 64 * MIB, "{swallowed} bytes");
}

#[tokio::test]
async fn a_head_may_be_as_large_as_the_limit_and_no_larger() {
    for limit in [500, 9000, 64 << 10] {
        let transport = limited(|limits| limits.head_bytes = limit).build().unwrap();
        let without = answer_with("200 OK", "X: \r\n", "").len();
        for (bytes, fits) in
            [(limit - 1, true), (limit, true), (limit + 1, false), (10 * limit, false)]
        {
            let header = format!("X: {}\r\n", "y".repeat(bytes - without));
            let server = Server::once(answer_with("200 OK", &header, "")).await;
            let outcome = read(&transport, server.uri("/")).await;
            assert_eq!(server.ledger.whole(), 1);
            match outcome {
                Ok(_) => assert!(fits, "{bytes} of {limit}"),
                Err(error) => {
                    assert!(!fits, "{bytes} of {limit}");
                    assert_eq!(error.kind(), ErrorKind::Protocol);
                    assert_eq!(error.delivery(), Delivery::Unknown);
                    let message = format!(
                        "the head of the answer from {} is larger than {limit} bytes or 100 headers",
                        server.address
                    );
                    assert_eq!(error.to_string(), message);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_head_may_have_a_hundred_headers() {
    for (count, fits) in [(100, true), (101, false)] {
        // One of them is the length.
        let headers: String = (1..count).map(|number| format!("X-{number}: y\r\n")).collect();
        let server = Server::once(answer_with("200 OK", &headers, "")).await;
        assert_eq!(write(&transport(), server.uri("/")).await.is_ok(), fits, "{count}");
    }
}
