//! Which answers are answers, and what is sent to get one.

use std::time::Duration;

use dls_transport::credentials::{Credentials, Token};
use dls_transport::{ClockSkew, Delivery, ErrorKind, PlaintextHosts, ResponseMeta, Retry};
use http::{Method, Request};
use tokio::time::Instant;

use crate::support::{
    Server, answer, answer_with, attempts, builder, post, read, transport, write,
};

#[tokio::test]
async fn an_answer_comes_back_whole_with_its_facts() {
    let date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: 3\r\n";
    let server = Server::keeping(answer_with("201 Created", date, "{}")).await;
    let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:50:37 GMT").unwrap();
    let transport = builder().clock(move || now).build().unwrap();

    let answer = write(&transport, server.uri("/x")).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.body().as_slice()), (201, b"{}".as_slice()));
    assert_eq!(answer.headers()["retry-after"], "3");
    let meta = answer.extensions().get::<ResponseMeta>().unwrap();
    assert_eq!(meta.attempts(), 1);
    assert_eq!(meta.retry_after().unwrap().as_secs(), 3);
    assert_eq!(meta.clock_skew(), Some(ClockSkew::Ahead(Duration::from_secs(60))));
}

#[tokio::test]
async fn a_token_that_an_answer_echoes_is_redacted() {
    let token = "MIIEXAMPLEOFATOKEN";
    let echo = format!("X-Request-Id: r-{token}\r\n");
    let body = format!("{token} is no token");
    let server = Server::keeping(answer_with("403 Forbidden", &echo, &body)).await;
    let credentials = Credentials::from(Token::new(token).unwrap());
    let transport = builder().credentials(credentials).build().unwrap();

    let answer = read(&transport, server.uri("/")).await.unwrap();
    let stars = "*".repeat(token.len());
    assert_eq!(answer.headers()["x-request-id"], format!("r-{stars}"));
    assert_eq!(answer.body(), format!("{stars} is no token").as_bytes());
}

#[tokio::test]
async fn the_request_goes_out_as_it_was_signed() {
    let server = Server::keeping(answer("200 OK", "")).await;
    let now = "20240429T081530Z".parse::<dls_transport::sign::SdkDate>().unwrap();
    let transport = builder().project_id("p1").clock(move || now.into()).build().unwrap();
    write(&transport, server.uri("/v2/p1/x?b=2&a=1")).await.unwrap();

    let request = server.ledger.requests().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    assert_eq!(lines.next(), Some("POST /v2/p1/x?a=1&b=2 HTTP/1.1"));
    let lines: Vec<&str> = lines.collect();
    for line in [
        format!("host: {}", server.address).as_str(),
        "content-type: application/json",
        "x-project-id: p1",
        "x-sdk-date: 20240429T081530Z",
        "content-length: 8",
        "accept-encoding: identity",
        concat!("user-agent: dls-transport/", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(lines.contains(&line), "{line} is not in {lines:?}");
    }
    let begin = "authorization: SDK-HMAC-SHA256 Access=AKIDEXAMPLE, \
                 SignedHeaders=content-type;host;x-project-id;x-sdk-date, Signature=";
    assert!(lines.iter().any(|line| line.starts_with(begin)), "{lines:?}");
    assert_eq!(body, r#"{"id":1}"#);
}

#[tokio::test]
async fn every_2xx_4xx_and_5xx_is_an_answer_to_a_write() {
    for status in [200, 201, 202, 204, 299, 400, 403, 404, 408, 413, 429, 499, 500, 503, 504, 599] {
        let server = Server::once(answer(&format!("{status} X"), "")).await;
        let answer = write(&transport(), server.uri("/")).await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(server.ledger.whole(), 1);
    }
}

#[tokio::test]
async fn an_answer_without_a_body_is_an_answer() {
    // The length is that of a body which a 204 cannot have; the surplus ends the connection.
    for text in [
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.0 200 OK\r\n\r\n",
    ] {
        let server = Server::once(text).await;
        let answer = write(&transport(), server.uri("/")).await.unwrap();
        assert!(answer.body().is_empty(), "{text:?}");
        assert_eq!(server.ledger.whole(), 1);
    }
}

#[tokio::test]
async fn the_body_of_head_is_not_waited_for() {
    let server = Server::keeping("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").await;
    let request = Request::builder().method(Method::HEAD).uri(server.uri("/"));
    let answer = transport().call(request.body(Vec::new()).unwrap(), Retry::Never).await;
    assert!(answer.unwrap().body().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_early_answer_is_delivered_and_its_connection_closed() {
    let server = Server::start(|mut peer, _| async move {
        // Only a part of the body is read.
        let mut some = [0; 1000];
        tokio::io::AsyncReadExt::read_exact(&mut peer.stream, &mut some).await.unwrap();
        peer.say(answer("413 Content Too Large", "too much")).await;
        peer.closed().await;
    })
    .await;
    let transport = transport();
    for connections in 1..=2 {
        let request = Request::post(server.uri("/")).body(vec![b'x'; 8 << 20]).unwrap();
        let answer = transport.call(request, Retry::Allowed).await.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.body()[..]), (413, &b"too much"[..]));
        assert_eq!(attempts(&answer), 1);
        assert_eq!(server.ledger.connections(), connections);
        let begin = Instant::now();
        server.ledger.all_closed().await;
        assert_eq!(begin.elapsed(), Duration::ZERO, "it cannot be used again");
    }
}

#[tokio::test]
async fn a_redirect_is_an_error_and_nobody_follows_it() {
    let elsewhere = Server::keeping(answer("200 OK", "")).await;
    for status in [300, 301, 302, 303, 304, 307, 308, 399] {
        let location = format!("http://user:pass@{}/login?token=abc#d", elsewhere.address);
        let headers = format!("Location: {location}\r\nX-Request-Id: r1\r\n");
        let server = Server::once(answer_with(&format!("{status} X"), &headers, "")).await;
        for retry in [Retry::Allowed, Retry::Never] {
            let request = post(server.uri("/"));
            let error = transport().call(request, retry).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Redirect);
            assert_eq!(error.delivery(), Delivery::Answered);
            assert_eq!(error.status().unwrap().as_u16(), status);
            assert_eq!(error.request_id(), Some("r1"));
            let shown = format!("http://{}/login", elsewhere.address);
            assert_eq!(error.location(), Some(&*shown));
            let host = server.address;
            let message = format!("{host} redirects (status {status}) to {shown}; not followed");
            assert_eq!(error.to_string(), message);
        }
        assert_eq!(server.ledger.whole(), 2, "once for the read, once for the write");
    }
    assert_eq!(elsewhere.ledger.connections(), 0);
}

#[tokio::test]
async fn a_status_that_no_request_asks_for_is_no_answer() {
    for status in ["101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x", "600 X", "999 X"]
    {
        let server = Server::once(format!("HTTP/1.1 {status}\r\n\r\n")).await;
        for retry in [Retry::Allowed, Retry::Never] {
            let request = post(server.uri("/"));
            let error = transport().call(request, retry).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol);
            assert_eq!(error.delivery(), Delivery::Unknown);
            let code = error.status().unwrap();
            assert!(status.starts_with(code.as_str()));
            let message =
                format!("{} answered with the unexpected status {}", server.address, code.as_str());
            assert_eq!(error.to_string(), message);
            assert_eq!(error.attempts(), 1);
        }
        assert_eq!(server.ledger.whole(), 2);
    }
}

#[tokio::test]
async fn plain_text_to_another_machine_is_refused_unless_asked_for_by_name() {
    let error = read(&transport(), "http://192.0.2.1:9/").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert_eq!((error.delivery(), error.attempts()), (Delivery::NotSent, 0));
    assert_eq!(
        error.to_string(),
        "plain http:// is only allowed to this machine, and 192.0.2.1:9 is another; use https://"
    );

    let server = Server::keeping(answer("200 OK", "")).await;
    let transport = builder().allow_plaintext(PlaintextHosts::AnyHost).build().unwrap();
    read(&transport, server.uri("/")).await.unwrap();
}
