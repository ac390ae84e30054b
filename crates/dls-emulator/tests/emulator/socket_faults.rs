//! Faults over real sockets: what the system reports to a client, and what the ledger knows.

use std::io::ErrorKind;
use std::time::Duration;

use dls_emulator::{Emulator, FaultPlan};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::faults::plan;
use crate::net::*;
use crate::support::*;

async fn broken(rule: &str) -> Emulator {
    running(builder().faults(plan(&[rule]))).await
}

/// Sends a deploy of 23 on a new connection and reads to the end: the bytes, and the error if the connection did not end
/// with FIN.
async fn deployed(emulator: &Emulator) -> (String, Option<ErrorKind>) {
    let mut stream = connected(emulator).await;
    let sent = stream.write_all(&signed_for(emulator, deploy(&["23"]))).await;
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes).await;
    let error = sent.and(read.map(drop)).err().map(|error| error.kind());
    (String::from_utf8(bytes).unwrap(), error)
}

/// How many releases there are, and whether the service saw each request.
fn known(emulator: &Emulator) -> (usize, Vec<bool>) {
    let ledger = emulator.ledger();
    let seen = ledger.requests.iter().map(|request| request.seen).collect();
    (ledger.releases.len(), seen)
}

async fn shows(emulator: &Emulator, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> bool {
    exchange(stream, &signed_for(emulator, show("23"))).await.0 == 200
}

async fn deploys(emulator: &Emulator) -> bool {
    let mut stream = connected(emulator).await;
    exchange(&mut stream, &signed_for(emulator, deploy(&["23"]))).await.0 == 200
}

/// The ways in which a connection can end, and the error that the client gets.
const ENDS: [(&str, Option<ErrorKind>); 2] =
    [("close", None), ("reset", Some(ErrorKind::ConnectionReset))];

#[tokio::test]
async fn a_connection_ends_as_the_rule_says_before_during_or_after_the_request() {
    for (end, error) in ENDS {
        for done in [true, false] {
            let emulator = broken(&format!("on = \"deploy\"\ndo = {end:?}\ndone = {done}")).await;
            assert_eq!(deployed(&emulator).await, (String::new(), error), "{end} {done}");
            assert_eq!(known(&emulator), (usize::from(done), vec![done]), "{end} {done}");
        }
        for after in [1, 40, 400] {
            let rule = format!("on = \"connection\"\ndo = {{ {end}-after-bytes = {after} }}");
            let emulator = broken(&rule).await;
            assert_eq!(deployed(&emulator).await, (String::new(), error), "{rule}");
            assert_eq!(known(&emulator), (0, vec![]), "{rule}");
        }
        let emulator = broken(&format!("on = \"connection\"\nnth = 1\ndo = {end:?}")).await;
        let mut stream = connected(&emulator).await;
        let read = stream.read(&mut [0; 1]).await.map_err(|error| error.kind());
        assert_eq!(read, error.map_or(Ok(0), Err), "{end}");
        assert_eq!(known(&emulator), (0, vec![]), "{end}");
        assert!(deploys(&emulator).await);
        assert_eq!(emulator.ledger().connections, 2);
    }
}

#[tokio::test]
async fn a_close_is_in_order_while_the_client_still_writes_and_a_reset_is_not() {
    let large = Ask { body: vec![b' '; 12 * 1024 * 1024], ..deploy(&["23"]) };
    for (end, error) in ENDS {
        let rule = format!("on = \"connection\"\ndo = {{ {end}-after-bytes = 40 }}");
        let emulator = broken(&rule).await;
        let mut stream = connected(&emulator).await;
        let sent = stream.write_all(&signed_for(&emulator, large.clone())).await;
        assert_eq!(sent.err().map(|error| error.kind()), error, "{end}");
    }
}

#[tokio::test]
async fn bytes_that_are_no_valid_answer_arrive_as_they_are() {
    for fault in ["garbage", "truncated", "overlong"] {
        let emulator = broken(&format!("on = \"deploy\"\ndo = {fault:?}")).await;
        let (answer, error) = deployed(&emulator).await;
        assert_eq!((error, known(&emulator)), (None, (1, vec![true])), "{fault}");
        assert!(answer.starts_with(if fault == "garbage" { "SSH-2.0-" } else { "HTTP/1.1 200" }));
    }
}

#[tokio::test]
async fn a_false_answer_keeps_the_connection_and_a_reset_may_meet_a_later_request() {
    let first = "on = \"deploy\"\nnth = 1\ndo = { status = 504 }";
    let second = "on = \"deploy\"\nnth = 2\ndo = \"reset\"";
    let emulator = running(builder().faults(plan(&[first, second]))).await;
    let mut stream = connected(&emulator).await;
    let request = signed_for(&emulator, deploy(&["23"]));
    assert_eq!(exchange(&mut stream, &request).await.0, 504);
    assert!(shows(&emulator, &mut stream).await);
    stream.write_all(&request).await.unwrap();
    let error = stream.read(&mut [0; 1]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!((known(&emulator), emulator.ledger().connections), ((1, vec![true; 3]), 1));
}

#[tokio::test(start_paused = true)]
async fn an_answer_drips_with_its_pauses() {
    let emulator = broken("on = \"deploy\"\ndo = { drip = \"100ms\" }").await;
    let before = tokio::time::Instant::now();
    let (bytes, error) = deployed(&emulator).await;
    assert!(bytes.starts_with("HTTP/1.1 200 OK\r\n") && bytes.ends_with('}'), "{bytes}");
    let took = before.elapsed();
    let bytes = u32::try_from(bytes.len()).unwrap();
    assert!(took >= Duration::from_millis(100) * bytes, "{took:?} for {bytes}");
    assert_eq!((error, known(&emulator)), (None, (1, vec![true])));
}

#[tokio::test]
async fn handshakes_fail_as_the_rules_say_and_the_next_one_is_right() {
    let emulator = running(builder().tls(true).faults(plan(&[
        "on = \"connection\"\nnth = 1\ndo = \"tls-close\"",
        "on = \"connection\"\nnth = 2\ndo = \"tls-garbage\"",
        "on = \"connection\"\nnth = 3\ndo = \"tls-wrong-name\"",
        "on = \"connection\"\nnth = 4\ndo = \"tls-expired\"",
        "on = \"connection\"\nnth = 5\ndo = \"reset\"",
    ])))
    .await;
    for expected in ["eof", "InvalidContentType", "NotValidForName", "Expired", "reset"] {
        let failed = connected_by_tls(&emulator, "localhost").await;
        let shown = format!("{:?}", failed.map(drop).unwrap_err());
        assert!(shown.to_lowercase().contains(&expected.to_lowercase()), "{expected}: {shown}");
    }
    assert!(emulator.ledger().requests.is_empty());

    let mut stream = connected_by_tls(&emulator, "localhost").await.unwrap();
    assert!(shows(&emulator, &mut stream).await);
    assert_eq!(emulator.ledger().connections, 6);
}

#[tokio::test]
async fn what_happens_to_requests_happens_through_tls_too() {
    let emulator = running(builder().tls(true).faults(plan(&[
        "on = \"deploy\"\nnth = 1\ndo = \"reset\"",
        "on = \"connection\"\nnth = 2\ndo = { close-after-bytes = 40 }",
    ])))
    .await;
    for expected in [Err(ErrorKind::ConnectionReset), Ok(0)] {
        let mut stream = connected_by_tls(&emulator, "localhost").await.unwrap();
        stream.write_all(&signed_for(&emulator, deploy(&["23"]))).await.unwrap();
        let read = stream.read(&mut [0; 1]).await.map_err(|error| error.kind());
        assert_eq!(read, expected);
    }
    assert_eq!(known(&emulator), (1, vec![true]));
}

#[tokio::test]
async fn a_plan_that_breaks_handshakes_needs_tls() {
    let breaks = plan(&["on = \"connection\"\ndo = \"tls-close\""]);
    assert!(breaks.needs_tls() && !FaultPlan::from_toml(FaultPlan::EXAMPLE).unwrap().needs_tls());
    let builder = builder().faults(breaks);
    let error = builder.start("127.0.0.1:0".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

// In these the time is tokio's and jumps ahead whenever everybody waits.

/// Nothing comes for a minute.
async fn is_silent(something: impl Future) -> bool {
    let minute = Duration::from_secs(60);
    tokio::time::timeout(minute, something).await.is_err()
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_cut_is_open_until_the_bytes_are_there() {
    let emulator = broken("on = \"connection\"\ndo = { close-after-bytes = 5 }").await;
    let mut stream = connected(&emulator).await;
    stream.write_all(b"POST").await.unwrap();
    let wait = Duration::from_secs(20);
    let early = tokio::time::timeout(wait, stream.read(&mut [0; 1])).await;
    assert!(early.is_err(), "it is closed early");
    stream.write_all(b" ").await.unwrap();
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn silence_lasts_until_the_emulator_ends() {
    for (rules, seen) in [
        ("on = \"deploy\"\ndo = \"silence\"", vec![true]),
        ("on = \"connection\"\ndo = \"silence\"", vec![]),
    ] {
        let emulator = broken(rules).await;
        let mut stream = connected(&emulator).await;
        let request = signed_for(&emulator, deploy(&["23"]));
        stream.write_all(&request).await.unwrap();
        assert!(is_silent(stream.read(&mut [0; 1])).await, "{rules}");
        assert_eq!(known(&emulator), (seen.len(), seen));
        let before = tokio::time::Instant::now();
        emulator.stop().await;
        assert!(before.elapsed() < Duration::from_secs(1), "it waits for the silent one");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_can_meet_silence() {
    let plan = plan(&["on = \"connection\"\ndo = \"tls-silence\""]);
    let emulator = running(builder().tls(true).faults(plan)).await;
    assert!(is_silent(connected_by_tls(&emulator, "localhost")).await);
}

#[tokio::test(start_paused = true)]
async fn nobody_listens_for_a_while_and_then_the_same_port_answers() {
    for nth in [1, 2] {
        let rule = format!("on = \"connection\"\nnth = {nth}\ndo = {{ refuse = \"10m\" }}");
        let emulator = broken(&rule).await;
        let mut open = Vec::new();
        for _ in 1..nth {
            open.push(connected(&emulator).await);
        }
        let begin = tokio::time::Instant::now();
        for _ in 0..2 {
            for stream in &mut open {
                assert!(shows(&emulator, stream).await, "an open connection survives");
            }
            let refused = TcpStream::connect(authority(&emulator)).await;
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        }
        assert_eq!(emulator.ledger().connections, nth - 1);
        let mut stream = loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if let Ok(stream) = TcpStream::connect(authority(&emulator)).await {
                break stream;
            }
            assert!(begin.elapsed() < Duration::from_secs(660), "it does not come back");
        };
        assert!(begin.elapsed() > Duration::from_secs(590), "it comes back early");
        assert!(shows(&emulator, &mut stream).await);
    }
}
