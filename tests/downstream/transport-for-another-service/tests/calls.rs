//! The calls against a server that follows a script and keeps what it read.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dls_transport::credentials::{AccessKey, Credentials, SecretKey};
use dls_transport::{Delivery, Limits, Transport};
use transport_for_another_service::{Error, projects, publish};

const SECRET: &str = "a-secret-that-is-none";
const PROJECTS: &str = r#"{"projects":[{"id":"p-1","name":"cn-north-4"}]}"#;
const TOPIC: (&str, &str) = ("p-1", "urn:smn:cn-north-4:p-1:releases");

/// What the server does after it has read a whole request.
#[derive(Clone, Copy)]
enum Reply {
    Say(u16, &'static str),
    Close,
    Silence,
}

struct Server {
    origin: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// The first request gets the first reply, and so on; more requests get none.
    fn start(replies: &'static [Reply]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        thread::spawn(move || {
            // Dropped only at the end: a silent server keeps its connections open.
            let mut streams = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut seen = seen.lock().unwrap();
                seen.push(read(&mut stream));
                match replies.get(seen.len() - 1) {
                    Some(Reply::Say(status, body)) => {
                        let length = body.len();
                        let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\n");
                        write!(stream, "{head}connection: close\r\n\r\n{body}").unwrap();
                    }
                    Some(Reply::Silence) => streams.push(stream),
                    Some(Reply::Close) | None => {}
                }
            }
        });
        Self { origin, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// A whole request, head and body.
fn read(stream: &mut TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut request).unwrap(), 0, "{request}");
    }
    let length = header(&request, "content-length").map_or(0, |length| length.parse().unwrap());
    reader.take(length).read_to_string(&mut request).unwrap();
    request
}

fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = request.lines().filter_map(|line| line.split_once(": "));
    pairs.find_map(|(found, value)| found.eq_ignore_ascii_case(name).then_some(value))
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_747_106_000)
}

fn transport() -> Transport {
    let key = AccessKey::new("AK1", SecretKey::new(SECRET).unwrap()).unwrap();
    let mut limits = Limits::default();
    // Of silence, with a wide margin above what loopback takes.
    limits.write_head = Duration::from_millis(300);
    Transport::builder()
        .credentials(Credentials::from(key))
        .clock(now)
        .limits(limits)
        .jitter_seed(1)
        .build()
        .unwrap()
}

fn is_signed(request: &str) -> bool {
    let signature = "SDK-HMAC-SHA256 Access=AK1, SignedHeaders=";
    header(request, "authorization").is_some_and(|it| it.starts_with(signature))
        && header(request, "x-sdk-date") == Some("20250513T031320Z")
}

#[tokio::test]
async fn a_read_is_signed_and_repeated_after_a_503() {
    let server = Server::start(&[Reply::Say(503, ""), Reply::Say(200, PROJECTS)]);
    let found = projects(&transport(), &server.origin, "cn-north-4").await;
    assert_eq!(found.unwrap(), ["p-1"]);
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    for request in &requests {
        assert!(request.starts_with("GET /v3/projects?name=cn-north-4 HTTP/1.1\r\n"), "{request}");
        assert!(is_signed(request), "{request}");
    }
}

#[tokio::test]
async fn a_write_is_signed_and_sent_once_and_its_delivery_is_known_or_unknown() {
    for (replies, delivery) in [
        (&[Reply::Say(200, r#"{"message_id":"m-1"}"#)], None),
        (&[Reply::Close], Some(Delivery::Unknown)),
        (&[Reply::Silence], Some(Delivery::Unknown)),
        (&[Reply::Say(503, "")], Some(Delivery::Answered)),
    ] {
        let server = Server::start(replies);
        let sent = publish(&transport(), &server.origin, TOPIC, "23 is out").await;
        assert_eq!(sent.as_ref().err().map(Error::delivery), delivery);
        assert_eq!(sent.as_ref().ok().map(String::as_str), delivery.is_none().then_some("m-1"));
        let [request] = &server.requests()[..] else { panic!("{:?}", server.requests()) };
        assert!(is_signed(request) && request.ends_with(r#""subject":"Releases"}"#), "{request}");
        let texts = format!("{sent:?} {:?}", transport());
        assert!(!texts.contains(SECRET), "{texts}");
    }
}

#[tokio::test]
async fn a_refused_connection_proves_that_nothing_was_sent() {
    // A port that was just free, so that nothing listens on it.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = publish(&transport(), &origin, TOPIC, "23 is out").await;
    assert_eq!(error.unwrap_err().delivery(), Delivery::NotSent);
}
