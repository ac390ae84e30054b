//! The calls against a server that follows a script and keeps what it read, byte by byte.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dls_transport::credentials::{AccessKey, Credentials, SecretKey};
use dls_transport::{Delivery, Limits, Transport, sign};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
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
    /// The first request gets the first reply, and so on; whoever sends more of them gets the last one.
    async fn start(replies: &'static [Reply]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, seen.clone(), replies));
            }
        });
        Self { origin, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, seen: Arc<Mutex<Vec<String>>>, replies: &[Reply]) {
    while let Some(request) = read(&mut stream).await {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(request);
            seen.len()
        };
        match replies[(number - 1).min(replies.len() - 1)] {
            Reply::Say(status, body) => {
                let length = body.len();
                let answer =
                    format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\n\r\n{body}");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            Reply::Close => return,
            Reply::Silence => std::future::pending().await,
        }
    }
}

/// A whole request, head and body; `None` at the end of the connection.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut text = String::new();
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = header(head, "content-length").map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return Some(text);
            }
        }
        let mut bytes = [0; 1024];
        match stream.read(&mut bytes).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => text.push_str(std::str::from_utf8(&bytes[..count]).unwrap()),
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.lines().skip(1);
    let mut pairs = lines.filter_map(|line| line.split_once(':'));
    let (_, value) = pairs.find(|(found, _)| found.eq_ignore_ascii_case(name))?;
    Some(value.trim())
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

/// Signs what arrived once more, by the public stages of the signature, over the headers that it names.
fn is_signed(request: &str) -> bool {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut line = head.lines().next().unwrap().split(' ');
    let (method, target) = (line.next().unwrap(), line.next().unwrap());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let authorization = header(head, "authorization").unwrap();
    let authorization = sign::parse_authorization(authorization).unwrap();
    let names: Vec<&str> = authorization.header_names().collect();
    assert!(names.contains(&"host") && names.contains(&"x-sdk-date"), "{names:?}");
    let signed: Vec<_> = names.iter().map(|name| (*name, header(head, name).unwrap())).collect();
    let canonical = sign::canonical_request(
        method,
        path,
        &sign::parse_query(query),
        &signed,
        &sign::payload_hash(header(head, "x-sdk-content-sha256"), body.as_bytes()),
    );
    let date: sign::SdkDate = header(head, "x-sdk-date").unwrap().parse().unwrap();
    let text = sign::string_to_sign(date, &canonical);
    assert_eq!(SystemTime::from(date), now());
    assert_eq!(authorization.access, "AK1");
    sign::verify(&SecretKey::new(SECRET).unwrap(), &text, authorization.signature)
}

#[tokio::test]
async fn a_read_is_signed_and_its_answer_given() {
    let server = Server::start(&[Reply::Say(200, PROJECTS)]).await;
    let found = projects(&transport(), &server.origin, "cn-north-4").await;
    assert_eq!(found.unwrap(), ["p-1"]);
    let [request] = &server.requests()[..] else { panic!("{:?}", server.requests()) };
    assert!(request.starts_with("GET /v3/projects?name=cn-north-4 HTTP/1.1\r\n"));
    assert!(is_signed(request));
    // One byte of the path, and it is no longer.
    assert!(!is_signed(&request.replacen("/v3/", "/v4/", 1)));
}

#[tokio::test]
async fn a_read_is_repeated_after_a_503() {
    let server = Server::start(&[Reply::Say(503, ""), Reply::Say(200, PROJECTS)]).await;
    let found = projects(&transport(), &server.origin, "cn-north-4").await;
    assert_eq!(found.unwrap(), ["p-1"]);
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests.iter().all(|request| is_signed(request)));
}

#[tokio::test]
async fn a_write_is_signed_with_its_body() {
    let server = Server::start(&[Reply::Say(200, r#"{"message_id":"m-1"}"#)]).await;
    let id = publish(&transport(), &server.origin, TOPIC, "23 is out").await;
    assert_eq!(id.unwrap(), "m-1");
    let [request] = &server.requests()[..] else { panic!("{:?}", server.requests()) };
    assert!(is_signed(request));
    assert!(!is_signed(&request.replace("23 is out", "24 is out")));
}

#[tokio::test]
async fn a_write_that_fails_is_sent_once_and_its_delivery_is_known_or_unknown() {
    for (replies, delivery) in [
        (&[Reply::Close], Delivery::Unknown),
        (&[Reply::Silence], Delivery::Unknown),
        (&[Reply::Say(503, "")], Delivery::Answered),
    ] {
        let server = Server::start(replies).await;
        let error = publish(&transport(), &server.origin, TOPIC, "23 is out").await;
        let error = error.unwrap_err();
        assert_eq!(error.delivery(), delivery);
        let refused = matches!(error, Error::Refused(status) if status == 503);
        assert_eq!(refused, delivery == Delivery::Answered, "{error}");
        assert_eq!(server.requests().len(), 1);
        let texts = format!("{error} {error:?} {:?}", transport());
        assert!(!texts.contains(SECRET), "{texts}");
    }
}

#[tokio::test]
async fn a_refused_connection_proves_that_nothing_was_sent() {
    // A port that was just free, so that nothing listens on it.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = publish(&transport(), &origin, TOPIC, "23 is out").await;
    assert_eq!(error.unwrap_err().delivery(), Delivery::NotSent);
}
