//! A core with a clock of its own, and signed requests to it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dls_emulator::{Emulator, EmulatorBuilder, Engine, Ledger, RateLimit, ResponseEffect};
use dls_model::{Deploy, Operation};
use dls_transport::credentials::{AccessKey, SecretKey, SecurityToken};
use dls_transport::sign::{Parts, SdkDate, parse_query, sign};
use http::{Request, Response};
use serde_json::{Value, json};

pub(crate) const PROJECT: &str = "b384b9e9ab9b4ee8994c8633aabc9505";
pub(crate) const OTHER_WORKSPACE: &str = "d1cd7861478748a6925bc02f47c69279";
pub(crate) const CI_BOT: (&str, &str) = ("AKIDEXAMPLE", "example-secret-key");
pub(crate) const DEVELOPER: (&str, &str) = ("AKIDDEVELOPER", "example-developer-key");
pub(crate) const VIEWER: (&str, &str) = ("AKIDVIEWER", "example-viewer-key");

/// When tests begin: a day in 2025, after everything in the example.
pub(crate) fn start() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_764_000_000)
}

pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) now: SystemTime,
}

/// Releases take two seconds, and nothing is throttled.
pub(crate) fn builder() -> EmulatorBuilder {
    Emulator::builder().rate_limit(RateLimit::Off).release_time(Duration::from_secs(2))
}

pub(crate) fn world() -> World {
    World::of(builder())
}

impl World {
    pub(crate) fn of(builder: EmulatorBuilder) -> Self {
        Self { engine: builder.engine(), now: start() }
    }

    pub(crate) fn pass(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
    }

    /// Sends a request that is answered, truly or not.
    pub(crate) fn send(&mut self, request: &Request<Vec<u8>>) -> Received {
        match self.engine.answer(self.now, request) {
            ResponseEffect::Answer(response) => Received {
                status: response.status().as_u16(),
                body: serde_json::from_slice(response.body()).unwrap_or(Value::Null),
                response,
            },
            other => panic!("{other:?}"),
        }
    }

    /// Signs at the time of this world, and sends.
    pub(crate) fn ask(&mut self, ask: Ask) -> Received {
        let request = ask.signed(self.now);
        self.send(&request)
    }

    pub(crate) fn deploy(&mut self, ids: &[&str]) -> Received {
        self.ask(deploy(ids))
    }

    pub(crate) fn show(&mut self, id: &str) -> Received {
        self.ask(show(id))
    }

    pub(crate) fn list(&mut self, body: Value) -> Received {
        self.ask(list(body))
    }

    pub(crate) fn revoke(&mut self, ids: &[&str]) -> Received {
        self.ask(revoke(ids))
    }

    pub(crate) fn status(&mut self, id: &str) -> Value {
        self.show(id).body["release_package"]["deploy_status"].clone()
    }

    pub(crate) fn ledger(&mut self) -> Ledger {
        self.engine.ledger(self.now)
    }

    pub(crate) fn releases(&mut self) -> usize {
        self.ledger().releases.len()
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) response: Response<Vec<u8>>,
}

impl Received {
    pub(crate) fn code(&self) -> &str {
        self.body["error_code"].as_str().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        Some(self.response.headers().get(name)?.to_str().unwrap())
    }

    /// The ids of a list.
    pub(crate) fn ids(&self) -> Vec<u64> {
        let rows = self.body["data"].as_array().unwrap();
        rows.iter().map(|row| row["package_id"].as_str().unwrap().parse().unwrap()).collect()
    }

    /// Whether a client may take it for a proof of what it says.
    pub(crate) fn is_flat(&self) -> bool {
        let (parts, body) = self.response.clone().into_parts();
        let read = Deploy::decode(parts.status, &parts.headers, &body).unwrap_err();
        read.service().unwrap().is_flat()
    }

    /// Asserts also that the answer is a proof: what is refused so was not done.
    #[track_caller]
    pub(crate) fn assert_refused(&self, status: u16, code: &str) {
        assert!(self.is_flat(), "{}", self.body);
        assert_eq!((self.status, self.code()), (status, code), "{}", self.body);
        assert_eq!(
            self.body["request_id"].is_string(),
            code.starts_with("APIGW."),
            "only the gateway writes the request id into the body: {}",
            self.body
        );
    }

    #[track_caller]
    pub(crate) fn assert_ok(&self) -> &Self {
        assert_eq!(self.status, 200, "{}", self.body);
        self
    }
}

/// These members of each row, as arrays.
pub(crate) fn columns(rows: &Value, members: &[&str]) -> Value {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| members.iter().map(|member| row[*member].clone()).collect::<Value>()).collect()
}

/// A request to be signed.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) host: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) key: AccessKey,
}

fn access_key((id, secret): (&str, &str)) -> AccessKey {
    AccessKey::new(id, SecretKey::new(secret).unwrap()).unwrap()
}

pub(crate) fn packages(rest: &str) -> String {
    format!("/v2/{PROJECT}/factory/release-packages{rest}")
}

pub(crate) fn get(target: String) -> Ask {
    Ask {
        method: "GET",
        target,
        host: "127.0.0.1:8080".to_owned(),
        // As the official SDK does, which names the project in a header, too.
        headers: vec![
            ("X-Project-Id".to_owned(), PROJECT.to_owned()),
            ("workspace".to_owned(), "default".to_owned()),
        ],
        body: Vec::new(),
        key: access_key(CI_BOT),
    }
}

pub(crate) fn post(target: String, body: &Value) -> Ask {
    Ask { method: "POST", body: body.to_string().into_bytes(), ..get(target) }
        .with("Content-Type", "application/json;charset=UTF-8")
}

pub(crate) fn deploy(ids: &[&str]) -> Ask {
    // As in the example of the vendor's page.
    let body = json!({"package_ids": ids, "startup_mode": 0, "publish_type": "asy"});
    post(packages("/deploy"), &body)
}

pub(crate) fn deploy_and_start(ids: &[&str]) -> Ask {
    let body = json!({"package_ids": ids, "startup_mode": 1, "publish_type": "asy"});
    post(packages("/deploy"), &body)
}

pub(crate) fn revoke(ids: &[&str]) -> Ask {
    post(packages("/unpack"), &json!({"package_ids": ids}))
}

pub(crate) fn list(body: Value) -> Ask {
    post(packages(""), &body)
}

pub(crate) fn show(id: &str) -> Ask {
    get(packages(&format!("/{id}")))
}

pub(crate) fn system_task(id: &str) -> Ask {
    get(format!("/v1/{PROJECT}/system-tasks/{id}"))
}

impl Ask {
    /// Sets a header, replacing one of this name.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(given, _)| !given.eq_ignore_ascii_case(name));
        self
    }

    pub(crate) fn by(mut self, key: (&str, &str)) -> Self {
        self.key = access_key(key);
        self
    }

    pub(crate) fn with_security_token(mut self, token: &str) -> Self {
        self.key = self.key.with_security_token(SecurityToken::new(token).unwrap());
        self
    }

    pub(crate) fn to(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// The request with its signature.
    pub(crate) fn signed(&self, at: SystemTime) -> Request<Vec<u8>> {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let query = parse_query(query);
        let headers: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let parts = Parts {
            method: self.method,
            host: &self.host,
            path,
            query: &query,
            headers: &headers,
            body: &self.body,
        };
        let signed = sign(&parts, &self.key, SdkDate::from(at)).unwrap();
        let signed_headers = signed.headers.iter().map(|(name, value)| (*name, &**value));
        self.request(&signed.uri, signed_headers)
    }

    /// The request with a token, or with nothing.
    pub(crate) fn unsigned(&self, token: Option<&str>) -> Request<Vec<u8>> {
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let token = token.map(|token| ("X-Auth-Token", token));
        self.request(&self.target, headers.chain(token).chain([("Host", self.host.as_str())]))
    }

    fn request<'a>(
        &self,
        uri: &str,
        headers: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Request<Vec<u8>> {
        let request = Request::builder().method(self.method).uri(uri);
        let request = headers.fold(request, |request, (name, value)| request.header(name, value));
        request.body(self.body.clone()).unwrap()
    }
}
