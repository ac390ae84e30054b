//! Secrets made up at random go through every way that a call can end, with all logging on. Then
//! everything that can be printed is searched for them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests may fail loudly"
)]

mod support;

use std::env::VarError;
use std::fmt::{Debug, Write as _};
use std::io;
use std::sync::{Arc, Mutex};

use dls_transport::credentials::{
    AccessKey, Credentials, CredentialsError, Environment, SecretKey, SecurityToken, Token,
};
use dls_transport::sign::{Parts, SdkDate, parse_authorization, sign};
use dls_transport::{Error, ErrorKind, Limits, Rate, Retry, Roots, Transport, TransportBuilder};
use http::{HeaderValue, Request};
use support::tls::{Issuer, Validity};
use support::{Server, answer, answer_with};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;

/// All that was printed, logged or could be.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<String>>);

impl Output {
    /// Logs everything of this thread.
    fn with_logs() -> (Self, DefaultGuard) {
        let output = Self::default();
        let logs = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_span_events(FmtSpan::FULL)
            .with_ansi(false)
            .with_writer(output.clone())
            .finish();
        let guard = tracing::subscriber::set_default(logs);
        (output, guard)
    }

    fn debug(&self, value: &impl Debug) {
        let mut output = self.0.lock().unwrap();
        writeln!(output, "{value:?}\n{value:#?}").unwrap();
    }

    fn error(&self, error: &Error) {
        let mut output = self.0.lock().unwrap();
        writeln!(output, "{:?} {:?}", error.request_id(), error.location()).unwrap();
        drop(output);
        self.chain(error);
    }

    fn chain(&self, error: &dyn std::error::Error) {
        let mut output = self.0.lock().unwrap();
        let mut next = Some(error);
        while let Some(error) = next {
            writeln!(output, "{error}\n{error:?}\n{error:#?}").unwrap();
            next = error.source();
        }
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }

    /// Whether a piece of this stands anywhere, as text or as a list of bytes.
    fn shows(&self, secret: &str) -> bool {
        let text = self.text();
        secret.as_bytes().chunks_exact(10).any(|window| {
            let numbers: Vec<String> = window.iter().map(u8::to_string).collect();
            text.contains(str::from_utf8(window).unwrap()) || text.contains(&numbers.join(", "))
        })
    }
}

impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().push_str(str::from_utf8(bytes).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Output {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What must never be seen.
struct Canaries {
    secret_key: String,
    security_token: String,
    token: String,
    /// In the query of each request.
    query: String,
    /// In its body.
    body: String,
    /// In a header of it.
    header: String,
}

impl Canaries {
    fn new() -> Self {
        let random = || {
            let mut random = fastrand::Rng::new();
            (0..40).map(|_| random.alphanumeric()).collect::<String>()
        };
        Self {
            secret_key: random(),
            security_token: random(),
            token: random(),
            query: random(),
            body: random(),
            header: random(),
        }
    }

    fn named(&self) -> [(&str, &str); 6] {
        [
            ("secret key", &self.secret_key),
            ("security token", &self.security_token),
            ("token", &self.token),
            ("query", &self.query),
            ("body", &self.body),
            ("header", &self.header),
        ]
    }

    fn credentials(&self) -> [Credentials; 2] {
        let secret = SecretKey::new(&*self.secret_key).unwrap();
        let token = SecurityToken::new(&*self.security_token).unwrap();
        let key = AccessKey::new("AKIDEXAMPLE", secret).unwrap().with_security_token(token);
        [key.into(), Token::new(&*self.token).unwrap().into()]
    }

    fn request(&self, uri: &str) -> Request<Vec<u8>> {
        let request = Request::post(format!("{uri}?q={}", self.query)).header("x", &*self.header);
        request.body(self.body.clone().into_bytes()).unwrap()
    }
}

fn builder(credentials: Credentials) -> TransportBuilder {
    Transport::builder().credentials(credentials).rate(Rate::Unlimited)
}

/// Servers for all ways in which a conversation can go.
async fn servers(canaries: &Canaries) -> Vec<Server> {
    let secrets = format!("{}{}{}", canaries.secret_key, canaries.token, canaries.query);
    let location =
        format!("https://{}:{}@x/?t={secrets}#{secrets}", canaries.token, canaries.query);
    let location = format!("Location: {location}\r\n");
    let mut servers = Vec::new();
    for text in [
        answer("200 OK", "x"),
        answer("401 Unauthorized", "x"),
        answer("403 Forbidden", "x"),
        answer("429 Too Many Requests", "x"),
        answer("503 Service Unavailable", "x"),
        answer_with("302 Found", &location, ""),
        answer_with("101 Switching Protocols", "Connection: upgrade\r\nUpgrade: x\r\n", ""),
        answer("999 X", &secrets),
        answer("200 OK", &secrets.repeat(1000)),
        answer_with("200 OK", &format!("X: {}\r\n", secrets.repeat(1000)), ""),
        format!("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{secrets}"),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{secrets}"),
        format!("{secrets}\r\n\r\n"),
        format!("HTTP/1.1 {secrets}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\n{secrets}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\n{secrets}"),
        String::new(),
    ] {
        servers.push(Server::once(text).await);
    }
    servers.push(Server::start(|peer, _| async move { peer.rst() }).await);
    let echo = |reset: bool| {
        Server::start(move |mut peer, _| async move {
            let request = peer.request().await.unwrap_or_default();
            peer.say(request).await;
            if reset {
                peer.rst();
            } else {
                peer.fin().await;
            }
        })
    };
    servers.push(echo(false).await);
    servers.push(echo(true).await);
    servers.push(Server::start(|mut peer, _| async move { peer.closed().await }).await);
    servers
}

async fn through_all_servers(canaries: &Canaries, output: &Output) -> Vec<String> {
    let mut heard = Vec::new();
    let mut kinds = Vec::new();
    for server in servers(canaries).await {
        for credentials in canaries.credentials() {
            for retry in [Retry::Allowed, Retry::Never] {
                let mut limits = Limits::default();
                limits.body_bytes = 10_000;
                let builder = builder(credentials.clone()).limits(limits);
                output.debug(&builder);
                let transport = builder.build().unwrap();
                for _ in 0..2 {
                    let request = canaries.request(&server.uri("/v2/x"));
                    if let Err(error) = transport.call(request, retry).await {
                        output.error(&error);
                        kinds.push(error.kind());
                    }
                    output.debug(&transport);
                }
            }
        }
        heard.extend(server.ledger.requests());
    }
    use ErrorKind::{Body, Interrupted, Protocol, Redirect, Stopped, Timeout, TooLarge};
    for kind in [Body, Interrupted, Protocol, Redirect, Stopped, Timeout, TooLarge] {
        assert!(kinds.contains(&kind), "{kind:?} did not happen");
    }
    heard
}

/// TLS that is refused, a connection that is, and TLS that works.
async fn through_tls(canaries: &Canaries, output: &Output) -> Vec<String> {
    let (issuer, stranger) = (Issuer::new(), Issuer::new());
    let config = issuer.server("localhost", Validity::Now);
    let server = Server::start_tls(config, |mut peer, _| async move {
        let request = peer.request().await.unwrap_or_default();
        peer.say(answer("200 OK", "")).await;
        peer.say(request).await;
        peer.fin().await;
    })
    .await;
    let nobody = "http://127.0.0.1:1/v2/x";
    for credentials in canaries.credentials() {
        for (roots, uri, works) in [
            (issuer.roots(), server.tls_uri("/v2/x"), true),
            (stranger.roots(), server.tls_uri("/v2/x"), false),
            (issuer.roots(), nobody.to_owned(), false),
        ] {
            let transport = builder(credentials.clone()).roots(roots).build().unwrap();
            let outcome = transport.call(canaries.request(&uri), Retry::Allowed).await;
            assert_eq!(outcome.is_ok(), works);
            if let Err(error) = outcome {
                output.error(&error);
            }
            if works {
                let ready = transport.fresh_connection(&uri.parse().unwrap()).await.unwrap();
                output.debug(&ready);
                ready.send(canaries.request(&uri)).await.unwrap();
            }
        }
    }
    server.ledger.requests()
}

/// Secrets in places where they do not belong.
async fn through_mistakes(canaries: &Canaries, output: &Output) {
    let secret = &canaries.secret_key;
    for credentials in canaries.credentials() {
        output.debug(&credentials);
        let transport = builder(credentials.clone()).build().unwrap();
        let request = || Request::post("https://dayu.invalid/");
        let bytes = [secret.as_bytes(), b"\xff"].concat();
        for request in [
            Request::post(format!("https://{secret}:{secret}@dayu.invalid/")),
            Request::post(format!("ftp://dayu.invalid/{secret}")),
            Request::post(format!("http://dayu.invalid/{secret}")),
            request().header("Authorization", secret),
            request().header("X-Auth-Token", secret),
            request().header("x", HeaderValue::from_bytes(&bytes).unwrap()),
            request().header("x", secret).header("x", &canaries.token),
        ] {
            let request = request.body(secret.clone().into_bytes()).unwrap();
            if let Err(error) = transport.call(request, Retry::Never).await {
                output.error(&error);
            }
        }
        for builder in [
            builder(credentials.clone()).project_id(format!("{secret}\n")),
            builder(credentials.clone()).user_agent(format!("{secret}\n")),
            builder(credentials)
                .roots(Roots::Pem(format!("-----BEGIN CERTIFICATE-----\n{secret}\n").into_bytes())),
        ] {
            output.error(&builder.build().unwrap_err());
        }
    }
    let broken = format!("{secret}\n");
    let provider = Environment::from_lookup(move |_| Ok(broken.clone()));
    let transport = Transport::builder().credentials(provider).build().unwrap();
    let request = canaries.request("https://dayu.invalid/");
    output.error(&transport.call(request, Retry::Never).await.unwrap_err());
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_seen_anywhere() {
    let canaries = Canaries::new();
    let (output, _logging) = Output::with_logs();
    let mut heard = through_all_servers(&canaries, &output).await;
    heard.extend(through_tls(&canaries, &output).await);
    through_mistakes(&canaries, &output).await;

    for (name, secret) in canaries.named() {
        assert!(!output.shows(secret), "the {name} is shown");
        let was_sent = heard.iter().any(|request| request.contains(secret));
        assert_eq!(was_sent, name != "secret key", "the {name}");
    }
    let signatures: Vec<&str> = heard
        .iter()
        .filter_map(|request| request.split_once("Signature=")?.1.lines().next())
        .collect();
    assert!(signatures.len() > 50, "{}", signatures.len());
    for signature in signatures {
        assert_eq!(signature.len(), 64);
        assert!(!output.shows(signature), "a signature is shown");
    }
    // The output is what it should be.
    for text in ["attempt done", "path=\"/v2/x\"", "was lost before an answer came"] {
        assert!(output.text().contains(text), "{text} is missing");
    }
}

/// Each public type that holds a secret, and each error about one.
#[test]
fn no_type_prints_six_characters_of_a_secret() {
    let canaries = Canaries::new();
    let (secret, token) = (canaries.secret_key.as_str(), canaries.token.as_str());
    let output = Output::default();

    let secret_key = SecretKey::new(secret).unwrap();
    let security_token = SecurityToken::new(token).unwrap();
    output.debug(&secret_key);
    output.debug(&security_token);
    let key = AccessKey::new("AKIDEXAMPLE", secret_key).unwrap();
    let key = key.with_security_token(security_token);
    output.debug(&key);
    output.debug(&Credentials::from(key.clone()));
    output.debug(&Token::new(token).unwrap());
    output.debug(&Credentials::from(Token::new(token).unwrap()));

    let headers = [("X-Auth-Token", token)];
    let parts = Parts { method: "GET", path: "/", headers: &headers, ..Parts::default() };
    let date = SdkDate::from(std::time::UNIX_EPOCH);
    let signed = sign(&parts, &key, date).unwrap();
    output.debug(&parts);
    output.debug(&signed);
    output.debug(&signed.canonical_request);
    output.debug(&parse_authorization(&signed.authorization).unwrap());

    let two_lines = format!("{secret}\n{token}");
    let headers = [("X-Auth-Token", two_lines.as_str())];
    output.chain(&sign(&Parts { headers: &headers, ..parts }, &key, date).unwrap_err());
    for invalid in [
        SecretKey::new(&*two_lines).unwrap_err(),
        SecurityToken::new(&*two_lines).unwrap_err(),
        Token::new(&*two_lines).unwrap_err(),
        Token::new(token.repeat(300)).unwrap_err(),
    ] {
        output.chain(&CredentialsError::other(invalid));
    }
    for broken in [Ok(two_lines.clone()), Err(VarError::NotUnicode(two_lines.into()))] {
        let environment = Environment::from_lookup(move |_| broken.clone());
        output.debug(&environment);
        output.chain(&environment.read().unwrap_err());
    }

    let text = output.text();
    for secret in [secret, token, &signed.signature] {
        for piece in secret.as_bytes().windows(6) {
            let piece = str::from_utf8(piece).unwrap();
            assert!(!text.contains(piece), "{piece}\n{text}");
        }
    }
}

#[test]
fn a_canary_would_be_found() {
    let secret = &Canaries::new().secret_key;
    let output = Output::default();
    output.debug(&"nothing");
    assert!(!output.shows(secret));
    let piece: String = secret.chars().skip(20).take(10).collect();
    output.debug(&format!("a{piece}b"));
    assert!(output.shows(secret));
    let output = Output::default();
    output.debug(&secret.as_bytes());
    assert!(output.shows(secret));
}

/// The lines of the log that hold this text.
fn lines(output: &Output, text: &str) -> Vec<String> {
    output.text().lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
}

#[tokio::test(start_paused = true)]
async fn each_attempt_each_pause_and_the_end_of_a_transport_are_logged() {
    let (output, _logging) = Output::with_logs();
    let server = Server::start(|mut peer, number| async move {
        peer.request().await;
        match number {
            1 => peer.say(answer("503 X", "")).await,
            2 => (),
            _ => peer.say(answer("401 X", "")).await,
        }
    })
    .await;
    support::read(&support::transport(), server.uri("/v2/x?q=1")).await.unwrap();
    let span = format!("call{{method=POST host={} path=\"/v2/x\" write=false}}", server.address);
    let attempts = lines(&output, "attempt done");
    for (line, meta) in attempts.iter().zip([
        "attempt=1 outcome=\"answered\" status=503 delivery=answered elapsed=",
        "attempt=2 outcome=\"Interrupted\" delivery=unknown elapsed=",
        "attempt=3 outcome=\"answered\" status=401 delivery=answered elapsed=",
    ]) {
        assert!(line.contains(&span) && line.contains(meta), "{line} lacks {meta}");
    }
    assert_eq!(attempts.len(), 3);
    assert_eq!(lines(&output, "pausing before the next attempt attempts=").len(), 2);
    let uri = server.uri("/").parse().unwrap();
    support::transport().fresh_connection(&uri).await.unwrap();
    let nobody = "http://127.0.0.1:1/".parse().unwrap();
    support::transport().fresh_connection(&nobody).await.unwrap_err();
    assert_eq!(lines(&output, ": ready to send host=").len(), 1);
    let failed = "not ready to send host=\"127.0.0.1:1\" outcome=Connect";
    assert_eq!(lines(&output, failed).len(), 1);
    let stopped = lines(&output, "WARN");
    assert!(stopped.len() == 1 && stopped[0].contains("refused with 401"), "{stopped:?}");
}

#[tokio::test]
async fn a_call_that_is_dropped_is_logged_as_abandoned() {
    let (output, _logging) = Output::with_logs();
    let server = Server::start(|mut peer, _| async move { peer.closed().await }).await;
    let transport = support::transport();
    let call = support::write(&transport, server.uri("/"));
    support::drop_when(call, || server.ledger.open() > 0).await;
    let abandoned = lines(&output, "abandoned by the caller");
    assert!(abandoned.len() == 1 && abandoned[0].contains("write=true"), "{abandoned:?}");
}
