//! The way between the two in memory: what the transport and the network do to a request, with a clock
//! that only this wire moves.

use std::time::{Duration, SystemTime};

use dls::model::{
    AnswerError, Deploy, ListPackages, Operation, Package, PackageDetail, PackageId, Pages, Scope,
    ShowPackage,
};
use dls::rollout::{LookFailure, SendFailure, What};
use dls::transport::credentials::AccessKey;
use dls::transport::sign::{Parts, sign};
use dls_emulator::{Core, End, Fate, Sent};
use fastrand::Rng;
use http::{HeaderMap, Request, Response, StatusCode};

/// The client's limit for the head of an answer.
const HEAD: Duration = Duration::from_secs(30);
const HOST: &str = "emulator.example.com";

pub(crate) struct Wire {
    pub(crate) core: Core,
    pub(crate) now: SystemTime,
    pub(crate) scope: Scope,
    pub(crate) key: AccessKey,
    /// A 401 has stopped the client.
    pub(crate) stopped: bool,
    pub(crate) sent: Vec<Sent>,
    pub(crate) rng: Rng,
}

/// What came back, as the transport tells it.
enum Came {
    Answer(Response<Vec<u8>>),
    Nothing(&'static str),
}

impl Wire {
    pub(crate) fn look(&mut self, id: PackageId) -> Result<PackageDetail, LookFailure> {
        self.read(&ShowPackage::new(id))
    }

    pub(crate) fn list(&mut self, query: ListPackages) -> Result<Vec<Package>, LookFailure> {
        let mut pages = Pages::new(query);
        let mut rows = Vec::new();
        while let Some(request) = pages.request() {
            let page = self.read(&request)?;
            let page = pages.accept(page);
            rows.extend(page.map_err(|error| LookFailure::Unavailable(error.to_string()))?);
        }
        Ok(rows)
    }

    fn read<O: Operation>(&mut self, operation: &O) -> Result<O::Answer, LookFailure> {
        if self.stopped {
            return Err(LookFailure::NotAuthenticated("stopped".to_owned()));
        }
        if self.rng.u8(0..60) == 0 {
            self.pass(Duration::from_secs(5));
            return Err(LookFailure::Unreachable("no route".to_owned()));
        }
        match self.exchange(operation, self.now) {
            Came::Answer(answer) => decoded::<O>(&answer).map_err(LookFailure::of_answer),
            Came::Nothing(why) => Err(LookFailure::Unreachable(why.to_owned())),
        }
    }

    /// The first half of a write. Whatever fails here has sent nothing.
    pub(crate) fn connect(&mut self) -> Result<(), SendFailure> {
        if self.stopped {
            return Err(SendFailure::NotAuthenticated("stopped".to_owned()));
        }
        self.pass(Duration::from_millis(20));
        match self.rng.u8(0..25) {
            0 => Err(SendFailure::NotSent("connection refused".to_owned())),
            _ => Ok(()),
        }
    }

    /// The second half, with what came of it.
    pub(crate) fn send(&mut self, deploy: &Deploy, signed_at: SystemTime) -> What {
        if self.rng.u8(0..40) == 0 {
            // The connection died before the first byte, and the request was handed back.
            return failed(SendFailure::NotSent("handed back".to_owned()));
        }
        self.sent.push(Sent {
            packages: deploy.packages().iter().map(ToString::to_string).collect(),
            at: signed_at,
        });
        match self.exchange(deploy, signed_at) {
            Came::Answer(answer) => match decoded::<Deploy>(&answer) {
                Ok(answer) => What::Accepted {
                    request_id: answer.request_id.clone(),
                    answer,
                },
                Err(error) => failed(SendFailure::of_answer(error)),
            },
            Came::Nothing(why) => failed(SendFailure::Lost(why.to_owned())),
        }
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    fn exchange<O: Operation>(&mut self, operation: &O, signed_at: SystemTime) -> Came {
        let Some(request) = self.signed(operation, signed_at) else {
            return Came::Nothing("the request cannot be made");
        };
        // Half of the way there, half of it back; and now and then somebody is slow.
        let way = Duration::from_millis(self.rng.u64(1..100));
        self.pass(way);
        let fate = self.core.meet(self.now, &request);
        if self.rng.u8(0..80) == 0 {
            self.pass(HEAD);
            return Came::Nothing("no answer in time");
        }
        self.pass(way);
        let came = self.made_of(fate);
        if let Came::Answer(answer) = &came {
            self.stopped |= answer.status() == StatusCode::UNAUTHORIZED;
        }
        came
    }

    fn made_of(&mut self, fate: Fate) -> Came {
        match fate {
            Fate::Answer(answer) if is_answer(answer.status()) => Came::Answer(answer),
            Fate::Answer(_) => Came::Nothing("a redirect"),
            Fate::Raw { bytes, pause, end } => {
                let takes = pause.saturating_mul(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
                self.pass(takes.min(HEAD));
                match parsed(&bytes) {
                    Some(answer) if takes < HEAD => Came::Answer(answer),
                    _ => self.ended(end),
                }
            }
            Fate::Cut { end, .. } => self.ended(end),
            _ => Came::Nothing("something new"),
        }
    }

    fn ended(&mut self, end: End) -> Came {
        match end {
            End::Silence => {
                self.pass(HEAD);
                Came::Nothing("no answer in time")
            }
            _ => Came::Nothing("the connection ended"),
        }
    }

    fn signed<O: Operation>(
        &self,
        operation: &O,
        signed_at: SystemTime,
    ) -> Option<Request<Vec<u8>>> {
        let (mut parts, body) = operation.encode(&self.scope).ok()?.into_parts();
        let mut headers = Vec::new();
        for (name, value) in &parts.headers {
            headers.push((name.as_str(), value.to_str().ok()?));
        }
        headers.push(("X-Project-Id", self.scope.project().as_str()));
        // The official signer looks for the body's type under this spelling alone.
        if let Some((name, _)) = headers.iter_mut().find(|(name, _)| *name == "content-type") {
            *name = "Content-Type";
        }
        let signed = sign(
            &Parts {
                method: parts.method.as_str(),
                host: HOST,
                path: parts.uri.path(),
                headers: &headers,
                body: &body,
                ..Parts::default()
            },
            &self.key,
            signed_at.into(),
        );
        let signed = signed.ok()?;
        let mut all = HeaderMap::new();
        for (name, value) in &signed.headers {
            let name: http::HeaderName = name.parse().ok()?;
            all.insert(name, value.parse().ok()?);
        }
        parts.uri = signed.uri.parse().ok()?;
        parts.headers = all;
        Some(Request::from_parts(parts, body))
    }
}

fn failed(failure: SendFailure) -> What {
    What::SendFailed { failure }
}

fn is_answer(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200..=299 | 400..=599)
}

fn decoded<O: Operation>(answer: &Response<Vec<u8>>) -> Result<O::Answer, AnswerError> {
    O::decode(answer.status(), answer.headers(), answer.body())
}

/// The answer that these bytes are, if they are one, and whole.
fn parsed(bytes: &[u8]) -> Option<Response<Vec<u8>>> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, body) = bytes.split_at_checked(end + 4)?;
    let head = std::str::from_utf8(head).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?;
    let status = status.get(..3)?.parse::<u16>().ok()?;
    let mut response = Response::builder().status(status);
    let mut length = 0;
    for line in lines.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
        response = response.header(name, value.trim());
    }
    response.body(body.get(..length)?.to_vec()).ok()
}
