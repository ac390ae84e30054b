//! What the emulator refuses, over a socket, with requests written by hand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

use std::time::{Duration, SystemTime};

use dls_emulator::{Emulator, RateLimit, Running};
use dls_transport::credentials::{AccessKey, SecretKey};
use dls_transport::sign::{Parts, SdkDate, sign};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PACKAGES: &str = "/v2/b384b9e9ab9b4ee8994c8633aabc9505/factory/release-packages";

/// A request to be signed and sent.
struct Ask<'a> {
    method: &'a str,
    path: String,
    body: String,
    key: (&'a str, &'a str),
    at: SystemTime,
    headers: Vec<(&'a str, &'a str)>,
}

fn ask(method: &str, path: String, body: Value) -> Ask<'_> {
    let headers = vec![
        ("Content-Type", "application/json"),
        ("workspace", "default"),
    ];
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let key = ("AKIDEXAMPLE", "example-secret-key");
    Ask {
        method,
        path,
        body,
        key,
        at: now(),
        headers,
    }
}

fn deploy(ids: Value) -> Ask<'static> {
    ask(
        "POST",
        format!("{PACKAGES}/deploy"),
        json!({"package_ids": ids, "startup_mode": 0}),
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "the emulator compares dates with the real time"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

impl Ask<'_> {
    /// The bytes of the signed request.
    fn signed(&self, host: &str) -> String {
        let key = AccessKey::new(self.key.0, SecretKey::new(self.key.1).unwrap()).unwrap();
        let parts = Parts {
            method: self.method,
            host,
            path: &self.path,
            headers: &self.headers,
            body: self.body.as_bytes(),
            ..Parts::default()
        };
        let signed = sign(&parts, &key, SdkDate::from(self.at)).unwrap();
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, signed.uri);
        for (name, value) in &signed.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!(
            "Content-Length: {}\r\nConnection: close\r\n\r\n",
            self.body.len()
        ));
        text + &self.body
    }

    async fn send(&self, emulator: &Running) -> (u16, Value) {
        let host = emulator.base_url().strip_prefix("http://").unwrap();
        exchange(emulator, &self.signed(host)).await
    }
}

async fn exchange(emulator: &Running, request: &str) -> (u16, Value) {
    let host = emulator.base_url().strip_prefix("http://").unwrap();
    let mut socket = TcpStream::connect(host).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

async fn emulator() -> Running {
    let builder = Emulator::builder()
        .rate_limit(RateLimit::Off)
        .release_time(Duration::ZERO);
    builder.start("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

async fn assert_refused(ask: Ask<'_>, status: u16, code: &str) {
    let emulator = emulator().await;
    let (seen, body) = ask.send(&emulator).await;
    assert_eq!(
        (seen, body["error_code"].as_str()),
        (status, Some(code)),
        "{body}"
    );
    assert!(emulator.ledger().releases.is_empty());
    assert_eq!(
        body["request_id"].is_string(),
        code.starts_with("APIGW."),
        "{body}"
    );
}

#[tokio::test]
async fn a_signed_deploy_is_accepted_and_its_copy_is_known_as_one() {
    let emulator = Emulator::builder()
        .assume("redeploy", "new-release")
        .unwrap();
    let emulator = emulator
        .start("127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let host = emulator.base_url().strip_prefix("http://").unwrap();
    let request = deploy(json!(["23"])).signed(host);
    let (status, body) = exchange(&emulator, &request).await;
    assert_eq!(status, 200);
    assert_eq!(body["deploy_package_details"][0]["package_id"], 23);
    exchange(&emulator, &request).await;
    let ledger = emulator.ledger();
    assert_eq!(ledger.releases.len(), 2);
    assert_eq!(ledger.releases[0].copy_of, None);
    assert_eq!(
        ledger.releases[1].copy_of.as_ref(),
        Some(&ledger.releases[0].request_id)
    );
}

#[tokio::test]
async fn a_wrong_secret_and_an_unknown_key_are_refused() {
    assert_refused(
        Ask {
            key: ("AKIDEXAMPLE", "wrong"),
            ..deploy(json!(["23"]))
        },
        401,
        "APIGW.0301",
    )
    .await;
    assert_refused(
        Ask {
            key: ("AKIDNOBODY", "wrong"),
            ..deploy(json!(["23"]))
        },
        401,
        "APIGW.0301",
    )
    .await;
}

#[tokio::test]
async fn a_body_that_was_changed_on_the_way_is_refused() {
    let emulator = emulator().await;
    let host = emulator.base_url().strip_prefix("http://").unwrap();
    let request = deploy(json!(["23"]))
        .signed(host)
        .replace("\"23\"", "\"24\"");
    assert_eq!(exchange(&emulator, &request).await.0, 401);
}

#[tokio::test]
async fn a_date_a_quarter_of_an_hour_off_is_refused() {
    let early = now() - Duration::from_secs(16 * 60);
    assert_refused(
        Ask {
            at: early,
            ..deploy(json!(["23"]))
        },
        401,
        "APIGW.0303",
    )
    .await;
    let late = now() + Duration::from_secs(16 * 60);
    assert_refused(
        Ask {
            at: late,
            ..deploy(json!(["23"]))
        },
        401,
        "APIGW.0303",
    )
    .await;
}

#[tokio::test]
async fn five_wrong_signatures_in_a_row_lock_the_key() {
    let emulator = emulator().await;
    for _ in 0..5 {
        let wrong = Ask {
            key: ("AKIDEXAMPLE", "wrong"),
            ..deploy(json!(["23"]))
        };
        wrong.send(&emulator).await;
    }
    let (status, body) = deploy(json!(["23"])).send(&emulator).await;
    assert_eq!(status, 401);
    assert!(
        body["error_msg"].as_str().unwrap().contains("limit"),
        "{body}"
    );
}

#[tokio::test]
async fn ids_start_modes_and_statuses_are_checked() {
    assert_refused(deploy(json!([])), 400, "DLF.3051").await;
    let many: Vec<String> = (1..=101).map(|id| id.to_string()).collect();
    assert_refused(deploy(json!(many)), 400, "DLF.3051").await;
    let mode = json!({"package_ids": ["23"], "startup_mode": 2});
    assert_refused(
        ask("POST", format!("{PACKAGES}/deploy"), mode),
        400,
        "DLF.3051",
    )
    .await;
    assert_refused(deploy(json!(["4711"])), 400, "DLF.0810").await;
    assert_refused(deploy(json!(["23", "4711"])), 400, "DLF.0810").await;
    assert_refused(deploy(json!(["41"])), 400, "DLF.20990").await;
}

#[tokio::test]
async fn paths_hosts_and_content_types_are_checked() {
    assert_refused(
        ask("GET", "/v2/x/nothing".to_owned(), Value::Null),
        404,
        "APIGW.0101",
    )
    .await;
    assert_refused(
        ask("DELETE", format!("{PACKAGES}/23"), Value::Null),
        404,
        "APIGW.0101",
    )
    .await;
    let v1_host = vec![("Host", "dayu-dlf.example.com"), ("workspace", "default")];
    let wrong_family = Ask {
        headers: v1_host,
        ..ask("GET", format!("{PACKAGES}/23"), Value::Null)
    };
    assert_refused(wrong_family, 404, "APIGW.0101").await;
    let bare = Ask {
        headers: vec![("workspace", "default")],
        ..deploy(json!(["23"]))
    };
    assert_refused(bare, 400, "APIGW.0106").await;
}

#[tokio::test]
async fn places_and_roles_are_checked() {
    let elsewhere = vec![
        ("Content-Type", "application/json"),
        ("workspace", "nowhere"),
    ];
    assert_refused(
        Ask {
            headers: elsewhere,
            ..deploy(json!(["23"]))
        },
        400,
        "DLF.0819",
    )
    .await;
    let foreign = PACKAGES.replace("b384", "0000") + "/23";
    assert_refused(ask("GET", foreign, Value::Null), 403, "APIGW.0302").await;
    let developer = ("AKIDDEVELOPER", "example-developer-key");
    assert_refused(
        Ask {
            key: developer,
            ..deploy(json!(["23"]))
        },
        403,
        "APIGW.0302",
    )
    .await;
}

#[tokio::test]
async fn the_eleventh_request_of_a_second_is_throttled() {
    let emulator = Emulator::builder()
        .start("127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let mut seen = Vec::new();
    for _ in 0..30 {
        seen.push(
            ask("GET", format!("{PACKAGES}/23"), Value::Null)
                .send(&emulator)
                .await
                .0,
        );
    }
    assert!(seen[..10].iter().all(|status| *status == 200), "{seen:?}");
    assert!(seen.contains(&429), "{seen:?}");
}

#[tokio::test]
async fn tokens_are_known_unknown_or_expired() {
    let emulator = emulator().await;
    for (token, status) in [
        ("example-token", 200),
        ("example-expired-token", 401),
        ("unheard-of", 401),
    ] {
        let request = format!(
            "GET {PACKAGES}/23 HTTP/1.1\r\nHost: h\r\nX-Auth-Token: {token}\r\n\
             Connection: close\r\n\r\n"
        );
        assert_eq!(exchange(&emulator, &request).await.0, status, "{token}");
    }
}

#[tokio::test]
async fn health_and_ledger_need_no_signature() {
    let emulator = emulator().await;
    for path in ["health", "ledger"] {
        let request =
            format!("GET /__emulator/{path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        assert_eq!(exchange(&emulator, &request).await.0, 200, "{path}");
    }
    assert!(emulator.ledger().requests.is_empty());
}
