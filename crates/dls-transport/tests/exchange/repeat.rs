//! What is repeated, how often, after which pauses; and the stop after a 401.

use std::error::Error as _;
use std::future;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dls_transport::credentials::{
    Credentials, CredentialsError, ProvideCredentials, Provided, Token,
};
use dls_transport::sign::SdkDate;
use dls_transport::{Delivery, Error, ErrorKind, Rate, Transport};
use http::Response;
use tokio::time::Instant;

use crate::support::{
    Server, answer, answer_with, attempts, builder, limited, read, transport, write,
};

/// A server that treats its connections in turn like this, and all later ones like the last:
/// an answer, or a reset after the request for `None`.
async fn answering(turns: &[Option<String>]) -> Server {
    let turns = turns.to_vec();
    Server::start(move |mut peer, number| {
        let turn = turns[(number - 1).min(turns.len() - 1)].clone();
        async move {
            peer.request().await;
            match turn {
                Some(answer) => {
                    peer.say(answer).await;
                    peer.fin().await;
                }
                None => peer.rst(),
            }
        }
    })
    .await
}

/// The same with answers of these statuses.
async fn server(turns: &[Option<&str>]) -> Server {
    let turn = |turn: &Option<&str>| turn.map(|status| answer(status, status));
    answering(&turns.iter().map(turn).collect::<Vec<_>>()).await
}

#[tokio::test(start_paused = true)]
async fn a_read_is_repeated_until_it_is_answered() {
    for status in ["408 X", "429 X", "500 X", "502 X", "503 X", "504 X"] {
        let server = server(&[Some(status), None, Some("200 OK")]).await;
        let answer = read(&transport(), server.uri("/")).await.unwrap();
        assert_eq!((answer.status().as_u16(), attempts(&answer)), (200, 3), "{status}");
        assert_eq!(server.ledger.whole(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn after_the_last_attempt_the_answer_is_the_answer() {
    for (set, expected) in [(None, 3), (Some(1), 1), (Some(2), 2), (Some(5), 5)] {
        let server = server(&[Some("503 X")]).await;
        let mut builder = builder();
        if let Some(set) = set {
            builder = builder.max_attempts(NonZeroU32::new(set).unwrap());
        }
        let answer = read(&builder.build().unwrap(), server.uri("/")).await.unwrap();
        assert_eq!((answer.status().as_u16(), attempts(&answer)), (503, expected));
        assert_eq!(answer.body(), b"503 X");
        assert_eq!(server.ledger.whole(), expected as usize);
    }
}

#[tokio::test(start_paused = true)]
async fn after_the_last_attempt_doubt_about_any_is_doubt_about_the_call() {
    let server = server(&[None]).await;
    let error = read(&transport(), server.uri("/")).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Interrupted, 3));
    assert_eq!(error.delivery(), Delivery::Unknown);

    // The first attempt is read and lost, and then nobody listens any more.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        drop(listener);
        let mut peer = crate::support::Peer::new(stream, Arc::default());
        peer.request().await.unwrap();
        peer.rst();
    });
    let error = read(&transport(), format!("http://{address}/")).await.unwrap_err();
    serve.await.unwrap();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, 3));
    assert_eq!(error.delivery(), Delivery::Unknown, "the last attempt alone would be not sent");
}

#[tokio::test(start_paused = true)]
async fn a_write_is_sent_once_whatever_comes_of_it() {
    for turn in [None, Some("408 X"), Some("429 X"), Some("500 X"), Some("503 X"), Some("504 X")] {
        let server = server(&[turn, Some("200 OK")]).await;
        let outcome = write(&transport(), server.uri("/")).await;
        assert_eq!(outcome.is_ok(), turn.is_some());
        assert_eq!((server.ledger.whole(), server.ledger.connections()), (1, 1), "{turn:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_pauses_follow_the_seed() {
    async fn times(seed: u64) -> Vec<Duration> {
        let server = server(&[Some("503 X")]).await;
        let begin = Instant::now();
        let times = Arc::new(std::sync::Mutex::new(Vec::new()));
        let noted = times.clone();
        // The clock is asked for the date of each attempt's signature.
        let clock = move || {
            noted.lock().unwrap().push(begin.elapsed());
            std::time::UNIX_EPOCH
        };
        let builder = builder().jitter_seed(seed).clock(clock);
        let transport = builder.max_attempts(NonZeroU32::new(4).unwrap()).build().unwrap();
        read(&transport, server.uri("/")).await.unwrap();
        // Twice for each attempt: for the signature, and for the skew once the answer is there.
        let times = times.lock().unwrap();
        assert_eq!(times.len(), 8);
        times.iter().step_by(2).copied().collect()
    }
    let times_of_7 = times(7).await;
    for (pause, ceiling) in times_of_7.windows(2).zip([500, 1000, 2000]) {
        // Timers have milliseconds.
        assert!(pause[1] - pause[0] <= Duration::from_millis(ceiling + 4), "{times_of_7:?}");
    }
    assert_eq!(times(7).await, times_of_7);
    assert_ne!(times(8).await, times_of_7);
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_signed_anew() {
    let server = server(&[Some("503 X"), Some("503 X"), Some("200 OK")]).await;
    let calls = AtomicUsize::new(0);
    let first: std::time::SystemTime = "20240429T081530Z".parse::<SdkDate>().unwrap().into();
    let clock = move || first + Duration::from_secs(calls.fetch_add(1, Ordering::SeqCst) as u64);
    let transport = builder().clock(clock).build().unwrap();
    read(&transport, server.uri("/")).await.unwrap();
    let header = |request: &String, name: &str| {
        let line = request.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().to_owned()
    };
    let requests = server.ledger.requests();
    let dates: Vec<_> = requests.iter().map(|r| header(r, "x-sdk-date: ")).collect();
    assert_eq!(dates, ["20240429T081530Z", "20240429T081532Z", "20240429T081534Z"]);
    let signatures: Vec<_> = requests.iter().map(|r| header(r, "authorization: ")).collect();
    assert!(signatures[0] != signatures[1] && signatures[1] != signatures[2]);
}

/// How long a read takes, and its status, if a first answer with these headers is followed by 200.
async fn after(status: &str, headers: &str) -> (u16, Duration) {
    let turns = [answer_with(status, headers, ""), answer("200 OK", "")].map(Some);
    let server = answering(&turns).await;
    let begin = Instant::now();
    let answer = read(&transport(), server.uri("/")).await.unwrap();
    (answer.status().as_u16(), begin.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_server_is_given_the_time_that_it_asks_for() {
    let date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    for (status, headers, least) in [
        ("503 X", "Retry-After: 20\r\n".to_owned(), 20),
        ("429 X", "Retry-After: 20\r\n".to_owned(), 20),
        ("503 X", format!("{date}Retry-After: Sun, 06 Nov 1994 08:50:07 GMT\r\n"), 30),
        ("429 X", format!("{date}Retry-After: Sun, 06 Nov 1994 08:00:00 GMT\r\n"), 1),
        ("429 X", "Retry-After: 0\r\n".to_owned(), 1),
        ("429 X", "Retry-After: -5\r\n".to_owned(), 1),
        ("429 X", "Retry-After: soon\r\n".to_owned(), 1),
        ("429 X", String::new(), 1),
        ("503 X", "Retry-After: 0\r\n".to_owned(), 0),
        ("503 X", "Retry-After: soon\r\n".to_owned(), 0),
        ("503 X", String::new(), 0),
    ] {
        let (last, time) = after(status, &headers).await;
        let least = Duration::from_secs(least);
        assert_eq!(last, 200);
        let most = least + Duration::from_millis(510);
        assert!((least..most).contains(&time), "{time:?} after {status} {headers:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_would_outlast_the_call_is_left_to_the_caller() {
    for wait in ["60", "86400", "1000000000000", "99999999999999999999999999"] {
        let (last, time) = after("429 X", &format!("Retry-After: {wait}\r\n")).await;
        assert_eq!((last, time.as_secs()), (429, 0), "{wait}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_off_answer_to_a_read_is_asked_for_again() {
    let broken_off = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello".to_owned();
    let server = answering(&[Some(broken_off), Some(answer("200 OK", "hello"))]).await;
    let answer = read(&transport(), server.uri("/")).await.unwrap();
    assert_eq!((answer.body().as_slice(), attempts(&answer)), (b"hello".as_slice(), 2));
}

#[tokio::test(start_paused = true)]
async fn a_401_is_not_repeated_and_stops_the_transport_and_its_clones() {
    let server = Server::keeping(answer_with("401 X", "X-Request-Id: r1\r\n", "why")).await;
    let transport = transport();
    let clone = transport.clone();
    let answer = read(&transport, server.uri("/")).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.body().as_slice()), (401, b"why".as_slice()));
    assert!(transport.is_stopped() && clone.is_stopped());

    for transport in [&transport, &clone] {
        let host = server.address;
        for outcome in
            [read(transport, server.uri("/")).await, write(transport, server.uri("/")).await]
        {
            let error = outcome.unwrap_err();
            assert_eq!((error.kind(), error.delivery()), (ErrorKind::Stopped, Delivery::NotSent));
            let message = format!(
                "no more requests are sent to {host}: {host} refused the credentials \
                 (status 401, request id r1)"
            );
            assert_eq!(error.to_string(), message);
        }
    }
    assert_eq!((server.ledger.whole(), server.ledger.connections()), (1, 1));
    assert!(!crate::support::transport().is_stopped(), "another transport is not concerned");
}

#[tokio::test(start_paused = true)]
async fn a_401_whose_body_breaks_off_stops_as_well() {
    let server = Server::once("HTTP/1.1 401 X\r\nContent-Length: 10\r\n\r\nno").await;
    let transport = transport();
    let error = read(&transport, server.uri("/")).await.unwrap_err();
    assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::Body, 401));
    assert!(transport.is_stopped());
    assert_eq!(server.ledger.whole(), 1);
}

#[tokio::test(start_paused = true)]
async fn callers_that_wait_for_the_rate_limit_are_stopped_by_a_401() {
    let server = Server::keeping(answer("401 X", "")).await;
    let transport = builder().rate(Rate::PerSecond(1.0)).build().unwrap();
    let calls = (0..10).map(|_| {
        let (transport, uri) = (transport.clone(), server.uri("/"));
        tokio::spawn(async move { read(&transport, uri).await })
    });
    let mut stopped = 0;
    for call in calls.collect::<Vec<_>>() {
        stopped += usize::from(call.await.unwrap().is_err_and(|e| e.kind() == ErrorKind::Stopped));
    }
    assert_eq!((stopped, server.ledger.whole()), (9, 1));
    assert_eq!(server.ledger.connections(), 1, "not even a connection is opened any more");

    // And nobody waits for the rate limit any more.
    let begin = Instant::now();
    read(&transport, server.uri("/")).await.unwrap_err();
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

/// Hands out what the closure says and counts how often it is asked.
struct Counted<F>(Arc<AtomicUsize>, F);

impl<F> ProvideCredentials for Counted<F>
where
    F: Fn(usize) -> Result<Option<Credentials>, CredentialsError> + Send + Sync,
{
    fn provide(&self) -> Provided<'_> {
        let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        Box::pin(future::ready(self.1(number)))
    }
}

async fn with_provider<F>(provide: F) -> (Result<Response<Vec<u8>>, Error>, usize, Server)
where
    F: Fn(usize) -> Result<Option<Credentials>, CredentialsError> + Send + Sync + 'static,
{
    let server = server(&[Some("503 X"), Some("200 OK")]).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let provider = Counted(asked.clone(), provide);
    let transport = Transport::builder().credentials(provider).build().unwrap();
    let outcome = read(&transport, server.uri("/")).await;
    (outcome, asked.load(Ordering::SeqCst), server)
}

#[tokio::test(start_paused = true)]
async fn the_provider_is_asked_before_each_attempt() {
    let provide = |n| Ok(Some(Token::new(format!("token-{n}")).unwrap().into()));
    let (outcome, asked, server) = with_provider(provide).await;
    assert_eq!((outcome.unwrap().status().as_u16(), asked), (200, 2));
    let requests = server.ledger.requests();
    assert!(requests[0].contains("x-auth-token: token-1\r\n"));
    assert!(requests[1].contains("x-auth-token: token-2\r\n"));
}

#[tokio::test(start_paused = true)]
async fn without_credentials_nothing_is_sent() {
    for (is_broken, message, source) in [
        (false, "no credentials are configured", None),
        (true, "the credentials are configured wrongly", Some("the source of credentials failed")),
    ] {
        let (outcome, asked, server) = with_provider(move |_| match is_broken {
            true => Err(CredentialsError::other("the vault is shut")),
            false => Ok(None),
        })
        .await;
        let error = outcome.unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(error.source().map(ToString::to_string).as_deref(), source);
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Credentials, Delivery::NotSent));
        assert_eq!((asked, server.ledger.connections()), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn limits_beyond_all_measure_do_not_panic() {
    let most = Duration::MAX;
    let limited = limited(|limits| {
        (limits.credentials, limits.connect, limits.tls) = (most, most, most);
        (limits.read_head, limits.write_head, limits.body_idle) = (most, most, most);
        (limits.body_bytes, limits.head_bytes) = (usize::MAX, 1 << 30);
        limits.total = Some(most);
    });
    let server = server(&[Some("503 X"), Some("200 OK")]).await;
    let transport = limited.build().unwrap();
    assert_eq!(read(&transport, server.uri("/")).await.unwrap().status(), 200);
    write(&transport, server.uri("/")).await.unwrap();
}
