//! A registry on this machine for the rehearsal: a sparse index and publishing, in memory. It refuses an upload or
//! loses an answer on request, and records what it stored.

use std::{
    collections::BTreeMap,
    io::Read,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use anyhow::{Error, Result};
use serde_json::{Map, Value, json};
use tiny_http::{Method, Response, Server};

use super::cargo::checksum;

/// The largest upload that is read.
const LIMIT: u64 = 64 << 20;

/// What the next upload of a crate meets.
#[derive(PartialEq, Eq)]
pub(crate) enum Fault {
    /// 503, and nothing is stored.
    Refuse,
    /// Stored, and the answer says nothing of it.
    LoseAnswer,
}

#[derive(Default)]
pub(crate) struct Store {
    /// A crate's lines of the index.
    index: BTreeMap<String, Vec<Value>>,
    pub(crate) faults: BTreeMap<String, Fault>,
    /// The crates that were stored, in order.
    pub(crate) stored: Vec<String>,
}

/// The registry, which serves until the process ends.
pub(crate) struct Registry {
    pub(crate) address: String,
    store: Arc<Mutex<Store>>,
}

/// A status and a body. None gives the bare 500 of a server that failed.
type Answer = Option<(u16, String)>;

impl Registry {
    pub(crate) fn start() -> Result<Self> {
        let server = Server::http("127.0.0.1:0").map_err(Error::from_boxed)?;
        let address = format!("http://{}", server.server_addr());
        let registry = Self { address: address.clone(), store: Arc::default() };
        let store = Arc::clone(&registry.store);
        thread::spawn(move || {
            for mut request in server.incoming_requests() {
                // Not to the end: a client that would like another protocol leaves it open.
                let length = u64::try_from(request.body_length().unwrap_or(0)).unwrap_or(0);
                let (mut body, method) = (Vec::new(), request.method().clone());
                let read = request.as_reader().take(length.min(LIMIT)).read_to_end(&mut body);
                let answer = lock(&store).answer(&method, request.url(), &body, &address);
                if let (Ok(_), Some((status, body))) = (read, answer) {
                    // A client that disconnects early is ignored.
                    let _ = request.respond(Response::from_string(body).with_status_code(status));
                }
            }
        });
        Ok(registry)
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }
}

/// A thread that panicked left nothing half done: each request changes the store in one go.
fn lock(store: &Mutex<Store>) -> MutexGuard<'_, Store> {
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store {
    /// Puts another checksum into the index, as if somebody else had published the crate.
    pub(crate) fn forge(&mut self, name: &str) {
        for line in self.index.get_mut(name).into_iter().flatten().filter_map(Value::as_object_mut)
        {
            line.insert("cksum".into(), checksum(b"another").into());
        }
    }

    fn answer(&mut self, method: &Method, path: &str, body: &[u8], base: &str) -> Answer {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (method, parts.as_slice()) {
            (Method::Get, ["index", "config.json"]) => {
                Some((200, json!({ "dl": format!("{base}/dl"), "api": base }).to_string()))
            }
            (Method::Get, ["index", .., name]) => match self.index.get(*name) {
                Some(lines) => Some((200, lines.iter().map(|line| format!("{line}\n")).collect())),
                None => refusal(404, "not found"),
            },
            (Method::Put, ["api", "v1", "crates", "new"]) => self.publish(body),
            _ => refusal(404, "not found"),
        }
    }

    /// The body holds a length and the metadata, a length and the package. Both lengths are four bytes, the lowest
    /// first.
    fn publish(&mut self, body: &[u8]) -> Answer {
        fn part(body: &[u8]) -> Option<(&[u8], &[u8])> {
            let (length, rest) = body.split_first_chunk()?;
            rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
        }
        let (metadata, rest) = part(body)?;
        let (package, _) = part(rest)?;
        let metadata: Map<String, Value> = serde_json::from_slice(metadata).ok()?;
        let name = metadata.get("name")?.as_str()?.to_owned();
        let fault = self.faults.remove(&name);
        if fault == Some(Fault::Refuse) {
            return refusal(503, "out of order");
        }
        let lines = self.index.entry(name.clone()).or_default();
        if lines.iter().any(|line| line.get("vers") == metadata.get("vers")) {
            return refusal(200, "this version is already uploaded");
        }
        lines.push(index_line(metadata, package));
        self.stored.push(name);
        (fault != Some(Fault::LoseAnswer)).then(|| (200, "{}".to_owned()))
    }
}

fn refusal(status: u16, detail: &str) -> Answer {
    Some((status, json!({ "errors": [{ "detail": detail }] }).to_string()))
}

/// What an upload says of a crate, as the index says it: under other names, and for a dependency that
/// goes by another name the other way round.
fn index_line(mut line: Map<String, Value>, package: &[u8]) -> Value {
    let deps = line.get_mut("deps").and_then(Value::as_array_mut);
    for dep in deps.into_iter().flatten().filter_map(Value::as_object_mut) {
        let requirement = dep.remove("version_req");
        dep.insert("req".into(), requirement.into());
        if let Some(Value::String(alias)) = dep.remove("explicit_name_in_toml") {
            let name = dep.insert("name".into(), alias.into());
            dep.insert("package".into(), name.into());
        }
    }
    line.insert("cksum".into(), checksum(package).into());
    line.insert("yanked".into(), false.into());
    line.insert("v".into(), 2.into());
    line.into()
}
