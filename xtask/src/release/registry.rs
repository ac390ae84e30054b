//! A registry on this machine for the rehearsal: sparse index, publishing and downloads, in memory. It refuses
//! an upload or loses an answer on request, and counts what it stored.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use anyhow::Result;
use serde_json::{Value, json};

use super::cargo::checksum;

/// The largest upload that is read.
const LIMIT: usize = 64 << 20;

/// What the next upload of a crate meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// 503, and nothing is stored.
    Refuse,
    /// Stored, and the connection closed without an answer.
    LoseAnswer,
}

#[derive(Default)]
struct Store {
    /// A crate's lines of the index.
    index: BTreeMap<String, Vec<String>>,
    packages: BTreeMap<String, Vec<u8>>,
    faults: BTreeMap<String, Fault>,
    stored: Vec<String>,
}

/// The registry, which serves until the process ends.
pub(crate) struct Registry {
    pub(crate) address: String,
    store: Arc<Mutex<Store>>,
}

struct Request {
    method: String,
    path: String,
    body: Vec<u8>,
}

/// None closes the connection without an answer.
type Answer = Option<(u16, Vec<u8>)>;

impl Registry {
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = format!("http://{}", listener.local_addr()?);
        let store = Arc::new(Mutex::new(Store::default()));
        let (shared, base) = (Arc::clone(&store), address.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (store, base) = (Arc::clone(&shared), base.clone());
                // A client that goes away in the middle is no concern of ours.
                thread::spawn(move || {
                    serve(&stream, |request| lock(&store).answer(request, &base))
                });
            }
        });
        Ok(Self { address, store })
    }

    pub(crate) fn fail(&self, name: &str, fault: Fault) {
        lock(&self.store).faults.insert(name.to_owned(), fault);
    }

    /// The crates that were stored, in order.
    pub(crate) fn stored(&self) -> Vec<String> {
        lock(&self.store).stored.clone()
    }

    /// Puts another checksum into the index, as if somebody else had published the crate.
    pub(crate) fn forge(&self, name: &str) {
        let mut store = lock(&self.store);
        for line in store.index.get_mut(name).into_iter().flatten() {
            if let Ok(Value::Object(mut entry)) = serde_json::from_str(line) {
                entry.insert("cksum".into(), checksum(b"another").into());
                *line = Value::Object(entry).to_string();
            }
        }
    }
}

/// A thread that panicked left nothing half done: each request changes the store in one go.
fn lock(store: &Mutex<Store>) -> MutexGuard<'_, Store> {
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store {
    fn answer(&mut self, request: &Request, base: &str) -> Answer {
        let parts: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", ["index", "config.json"]) => {
                let config = json!({ "dl": format!("{base}/dl"), "api": base });
                Some((200, config.to_string().into_bytes()))
            }
            ("GET", ["index", .., name]) => {
                found(self.index.get(*name).map(|lines| lines.join("\n").into_bytes()))
            }
            ("GET", ["dl", name, version, "download"]) => {
                found(self.packages.get(&format!("{name}-{version}")).cloned())
            }
            ("PUT", ["api", "v1", "crates", "new"]) => match parts_of_upload(&request.body) {
                Some((entry, package)) => self.publish(&entry, package),
                None => refusal(400, "this is no upload"),
            },
            _ => refusal(404, "there is nothing here"),
        }
    }

    fn publish(&mut self, metadata: &Value, package: &[u8]) -> Answer {
        let (name, version) = (string(metadata, "name"), string(metadata, "vers"));
        let fault = self.faults.remove(&name);
        if fault == Some(Fault::Refuse) {
            return refusal(503, "out of order");
        }
        let key = format!("{name}-{version}");
        if self.packages.contains_key(&key) {
            return refusal(200, &format!("crate {name}@{version} is already uploaded"));
        }
        self.packages.insert(key, package.to_vec());
        let line = index_line(metadata, package).to_string();
        self.index.entry(name.clone()).or_default().push(line);
        self.stored.push(name);
        (fault != Some(Fault::LoseAnswer)).then(|| (200, b"{}".to_vec()))
    }
}

fn found(body: Option<Vec<u8>>) -> Answer {
    body.map_or_else(|| refusal(404, "not found"), |body| Some((200, body)))
}

fn refusal(status: u16, detail: &str) -> Answer {
    Some((status, json!({ "errors": [{ "detail": detail }] }).to_string().into_bytes()))
}

/// An upload: a length and the metadata, a length and the package. Both lengths are four bytes, the lowest first.
fn parts_of_upload(body: &[u8]) -> Option<(Value, &[u8])> {
    fn part(body: &[u8]) -> Option<(&[u8], &[u8])> {
        let (length, rest) = body.split_first_chunk()?;
        rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
    }
    let (metadata, rest) = part(body)?;
    let (package, _) = part(rest)?;
    Some((serde_json::from_slice(metadata).ok()?, package))
}

/// What an upload says of a crate, as the index says it: under other names, and for a dependency that
/// goes by another name the other way round.
fn index_line(metadata: &Value, package: &[u8]) -> Value {
    let deps = metadata.get("deps").and_then(Value::as_array).into_iter().flatten();
    let deps: Vec<Value> = deps
        .map(|dep| {
            let (name, other) = (&dep["name"], &dep["explicit_name_in_toml"]);
            let (name, package) =
                if other.is_null() { (name, &Value::Null) } else { (other, name) };
            json!({
                "name": name, "package": package, "req": dep["version_req"],
                "features": dep["features"], "optional": dep["optional"],
                "default_features": dep["default_features"], "target": dep["target"],
                "kind": dep["kind"], "registry": dep["registry"],
            })
        })
        .collect();
    json!({
        "name": metadata["name"], "vers": metadata["vers"], "deps": deps, "features": metadata["features"],
        "links": metadata["links"], "cksum": checksum(package), "yanked": false, "v": 2,
    })
}

fn string(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn serve(stream: &TcpStream, answer: impl FnOnce(&Request) -> Answer) -> io::Result<()> {
    let request = read(stream)?;
    let Some((status, body)) = answer(&request) else {
        return Ok(());
    };
    let mut stream = stream;
    let length = body.len();
    write!(stream, "HTTP/1.1 {status} -\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")?;
    stream.write_all(&body)
}

fn read(stream: &TcpStream) -> io::Result<Request> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 || head.len() > LIMIT {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = lengths.next().and_then(|(_, length)| length.trim().parse().ok()).unwrap_or(0);
    if length > LIMIT {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut words = head.split(' ').map(str::to_owned);
    Ok(Request {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        body,
    })
}
