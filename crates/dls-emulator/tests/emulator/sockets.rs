//! The core behind sockets: connections, TLS, limits, and the end.

use std::time::Duration;

use dls_emulator::FaultPlan;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::net::*;
use crate::support::*;

#[tokio::test]
async fn a_connection_serves_several_requests() {
    let emulator = running(builder()).await;
    assert!(emulator.base_url().starts_with("http://127.0.0.1:"));
    assert_eq!(emulator.ca_certificate_pem(), None);
    let mut stream = connected(&emulator).await;
    for (ask, expected) in [(show("23"), 200), (deploy(&["23"]), 200), (show("999"), 400)] {
        let (status, body) = exchange(&mut stream, &signed_for(&emulator, ask)).await;
        assert_eq!(status, expected, "{body}");
    }
    // The date is the emulator's, and stands there once.
    stream.write_all(&signed_for(&emulator, show("23"))).await.unwrap();
    let (_, head, _) = answer(&mut stream).await;
    assert_eq!(head.matches("\r\ndate: ").count(), 1, "{head}");
    assert!(head.contains("date: mon, 24 nov 2025 16:00:00 gmt"), "{head}");

    let page = b"GET /__emulator/ledger HTTP/1.1\r\nhost: x\r\n\r\n";
    let (_, ledger) = exchange(&mut stream, page).await;
    assert_eq!(ledger, serde_json::to_value(emulator.ledger()).unwrap());
    assert_eq!(ledger["requests"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn tls_with_the_certificate_that_is_handed_out() {
    let emulator = running(builder().tls(true)).await;
    assert!(emulator.base_url().starts_with("https://127.0.0.1:"));
    for name in ["127.0.0.1", "localhost"] {
        let mut stream = connected_by_tls(&emulator, name).await.unwrap();
        for _ in 0..2 {
            let (status, _) = exchange(&mut stream, &signed_for(&emulator, show("23"))).await;
            assert_eq!(status, 200);
        }
    }

    // Without TLS there is no answer, and nothing breaks.
    let mut plain = connected(&emulator).await;
    plain.write_all(&signed_for(&emulator, show("23"))).await.unwrap();
    assert!(!rest(&mut plain).await.starts_with(b"HTTP/"));
    assert_eq!(emulator.ledger().requests.len(), 4);
}

#[tokio::test]
async fn a_body_over_12_mb_is_refused_and_the_refusal_arrives() {
    let emulator = running(builder()).await;
    let large = Ask { body: vec![b' '; 13 * 1024 * 1024], ..deploy(&[]) };
    let mut stream = connected(&emulator).await;
    let (status, body) = exchange(&mut stream, &signed_for(&emulator, large)).await;
    assert_eq!((status, body["error_code"].as_str()), (413, Some("APIGW.0201")));
    assert_eq!(exchange(&mut stream, &signed_for(&emulator, show("23"))).await.0, 200);
}

#[tokio::test]
async fn what_is_no_http_is_refused_and_the_next_connection_is_served() {
    let emulator = running(builder()).await;
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: \x00\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"\r\n\r\n\r\n",
        &[0; 100],
    ] {
        let mut stream = connected(&emulator).await;
        stream.write_all(garbage).await.unwrap();
        stream.shutdown().await.unwrap();
        assert!(!rest(&mut stream).await.starts_with(b"HTTP/1.1 200"), "{garbage:?}");
    }
    let mut stream = connected(&emulator).await;
    let (status, _) = exchange(&mut stream, &signed_for(&emulator, show("23"))).await;
    assert_eq!(status, 200);
}

// In these the time is tokio's and jumps ahead whenever everybody waits.

#[tokio::test(start_paused = true)]
async fn a_request_that_does_not_arrive_whole_ends_the_connection_and_is_not_recorded() {
    let emulator = running(builder()).await;
    let request = signed_for(&emulator, deploy(&["23"]));
    for length in [0, 1, 10, request.len() / 2, request.len() - 1] {
        for is_closed in [true, false] {
            let mut stream = connected(&emulator).await;
            stream.write_all(&request[..length]).await.unwrap();
            if is_closed {
                stream.shutdown().await.unwrap();
            }
            assert!(!rest(&mut stream).await.starts_with(b"HTTP/1.1 200"), "{length} {is_closed}");
        }
    }
    assert!(emulator.ledger().requests.is_empty());

    let emulator = running(builder().tls(true)).await;
    let mut stream = connected(&emulator).await;
    stream.write_all(b"\x16").await.unwrap();
    assert_eq!(rest(&mut stream).await, b"", "a TLS handshake that does not go on");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_nothing_of_its_answer_loses_the_connection() {
    const LENGTH: usize = 32 * 1024 * 1024;
    let rule = format!("[[faults]]\non = \"deploy\"\ndo = {{ padded = {LENGTH} }}");
    let emulator = running(builder().faults(FaultPlan::from_toml(&rule).unwrap())).await;
    let mut stream = connected(&emulator).await;
    stream.write_all(&signed_for(&emulator, deploy(&["23"]))).await.unwrap();
    // Longer than the limit. Of what was written before, the system keeps some.
    tokio::time::sleep(Duration::from_secs(120)).await;
    let received = rest(&mut stream).await.len();
    assert!(received < LENGTH, "{received}");
}

#[tokio::test]
async fn stopping_or_dropping_ends_idle_connections_and_the_listener() {
    for is_stopped in [true, false] {
        let emulator = running(builder()).await;
        let address = authority(&emulator).to_owned();
        let mut idle = connected(&emulator).await;
        assert_eq!(exchange(&mut idle, &signed_for(&emulator, show("23"))).await.0, 200);
        if is_stopped {
            emulator.stop().await;
        } else {
            drop(emulator);
        }
        assert_eq!(idle.read(&mut [0; 1]).await.unwrap(), 0, "{is_stopped}");
        assert!(TcpStream::connect(&address).await.is_err(), "{is_stopped}");
    }
}

#[tokio::test]
async fn a_request_that_is_under_way_is_answered_before_the_end() {
    let emulator = running(builder()).await;
    let request = signed_for(&emulator, show("23"));
    let mut stream = connected(&emulator).await;
    // Two requests; of the second only a part, so that the server is in the middle of it.
    let (first, second) = (request.clone(), post(packages(""), &serde_json::json!({})));
    let second = signed_for(&emulator, second);
    let (begin, end) = second.split_at(second.len() - 1);
    assert_eq!(exchange(&mut stream, &first).await.0, 200);
    stream.write_all(begin).await.unwrap();
    // Another connection's answer comes after the server has seen that part.
    assert_eq!(exchange(&mut connected(&emulator).await, &first).await.0, 200);
    let stopping = tokio::spawn(emulator.stop());
    tokio::task::yield_now().await;
    stream.write_all(end).await.unwrap();
    assert_eq!(answer(&mut stream).await.0, 200);
    stopping.await.unwrap();
}

#[tokio::test]
async fn an_address_that_is_taken_is_an_error_and_one_for_all_interfaces_is_not_local() {
    let emulator = running(builder()).await;
    let taken = builder().start(authority(&emulator).parse().unwrap()).await;
    assert_eq!(taken.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    let everywhere = builder().start("0.0.0.0:0".parse().unwrap()).await.unwrap();
    assert!(everywhere.base_url().starts_with("http://127.0.0.1:"));
    assert_eq!((emulator.is_local(), everywhere.is_local()), (true, false));
    drop(connected(&everywhere).await);
}

#[tokio::test]
async fn without_another_clock_the_time_is_the_systems() {
    let emulator = builder().start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let mut stream = connected(&emulator).await;
    let old = signed_for(&emulator, show("23"));
    let (status, body) = exchange(&mut stream, &old).await;
    assert_eq!((status, body["error_code"].as_str()), (401, Some("APIGW.0303")));
    assert!(emulator.ledger().requests[0].at.as_str() > "2025-11-24T16:00:00Z");
}
