//! Properties of any operation and any answer: the encoded request is sent once, and the answer that arrives is the one
//! that the model decodes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::thread::{self, JoinHandle};

use dls_model::{AnswerError, Deploy, JobStart, Operation, PackageId, Scope, proptest as model};
use http::{HeaderMap, StatusCode};
use model_with_another_client::{Client, Error};
use proptest::{prelude::*, sample::select};

/// A server that answers one request.
struct Server {
    origin: String,
    thread: JoinHandle<(Vec<String>, Vec<u8>, TcpListener)>,
}

impl Server {
    /// Reads a request, writes `answer` and closes.
    fn writing(answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let thread = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(&stream);
            let lines = reader.by_ref().lines().map(Result::unwrap);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let length = head.iter().find_map(|line| {
                let line = line.to_ascii_lowercase();
                line.strip_prefix("content-length:")?.trim().parse().ok()
            });
            let mut body = vec![0; length.unwrap_or_default()];
            reader.read_exact(&mut body).unwrap();
            (&stream).write_all(&answer).unwrap();
            (head, body, listener)
        });
        Self { origin, thread }
    }

    fn answering(status: u16, body: &[u8]) -> Self {
        let length = body.len();
        let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\n\r\n");
        Self::writing([head.as_bytes(), body].concat())
    }

    /// Head and body of the only request.
    fn read(self) -> (Vec<String>, Vec<u8>) {
        let (head, body, listener) = self.thread.join().unwrap();
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_err(), "there was a second request");
        (head, body)
    }
}

/// Statuses of final answers that have a body.
fn status() -> impl Strategy<Value = u16> {
    select(vec![200, 201, 299, 302, 307, 400, 401, 404, 429, 500, 503])
}

fn any_body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(Vec::new()),
        model::answer_body(),
        model::error_body(),
        model::unreadable_body(),
        model::damaged_body(),
    ]
}

/// The request that arrives is the encoded one, and the answer the decoded one.
fn is_faithful<O>(operation: &O, scope: &Scope, status: u16, said: &[u8])
where
    O: Operation<Answer: PartialEq + std::fmt::Debug>,
{
    let server = Server::answering(status, said);
    let client = Client::new(&server.origin, scope.clone(), "t-1");
    let got = client.call(operation);
    let (head, body) = server.read();

    let made = operation.encode(scope).unwrap();
    assert_eq!(head[0], format!("{} {} HTTP/1.1", O::METHOD, made.uri()));
    assert_eq!(&body, made.body());
    let lines = head.iter().filter_map(|line| line.split_once(": "));
    let sent: Vec<_> = lines.map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    for (name, value) in made.headers() {
        let value = value.to_str().unwrap();
        assert!(sent.contains(&(name.to_string(), value)), "{head:?}");
    }

    let status = StatusCode::from_u16(status).unwrap();
    match (got, O::decode(status, &HeaderMap::new(), said)) {
        (Ok(got), Ok(expected)) => assert_eq!(got, expected),
        (Err(Error::Answer(got)), Err(expected)) => assert_eq!(got, expected),
        (got, expected) => panic!("{:?} instead of {:?}", got.err(), expected.err()),
    }
}

proptest! {
    // Each case opens five connections.
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_request_arrives_as_encoded_and_any_answer_as_decoded(
        scope in model::scope(), deploy in model::deploy(), list in model::list_packages(),
        show in model::show_package(), revoke in model::revoke(), task in model::show_system_task(),
        status in status(), body in any_body(),
    ) {
        is_faithful(&deploy, &scope, status, &body);
        is_faithful(&list, &scope, status, &body);
        is_faithful(&show, &scope, status, &body);
        is_faithful(&revoke, &scope, status, &body);
        is_faithful(&task, &scope, status, &body);
    }
}

#[test]
fn a_deploy_is_sent_once_if_its_answer_is_lost_or_a_redirect() {
    let elsewhere = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let location = elsewhere.local_addr().unwrap();
    let redirect =
        format!("HTTP/1.1 307 x\r\nlocation: http://{location}/\r\ncontent-length: 0\r\n\r\n");
    let scope = Scope::new("p-1".parse().unwrap()).with_workspace("default".parse().unwrap());
    let deploy = Deploy::new(PackageId::try_from(23).unwrap().into(), JobStart::Later);
    for answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{", &redirect] {
        let server = Server::writing(answer.into());
        let error = Client::new(&server.origin, scope.clone(), "t-1").call(&deploy).unwrap_err();
        match error {
            Error::Answer(AnswerError::Service(error)) => assert_eq!(error.status(), 307),
            error => assert!(matches!(error, Error::NoAnswer(_)), "{error:?}"),
        }
        let (_, body) = server.read();
        assert_eq!(body, br#"{"package_ids":["23"],"startup_mode":0}"#);
    }
    elsewhere.set_nonblocking(true).unwrap();
    assert!(elsewhere.accept().is_err());
}
