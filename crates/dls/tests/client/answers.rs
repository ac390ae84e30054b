//! Answers that are none, from a server that says what the test wants.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dls::rollout::{NotSent, ObserveError, PackageOutcome, RunOutcome};
use dls::run::Service;
use dls::{Client, ErrorKind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::bench::{client_of, id, quick, selection};

/// Answers every request with this body, and counts the connections.
async fn server(body: &'static str) -> (Client, Arc<AtomicUsize>) {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(serve(stream, body));
        }
    });
    (client_of(&format!("http://{address}"), "default"), connections)
}

async fn serve(mut stream: TcpStream, body: &'static str) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut request = Vec::new();
    loop {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
        if request.ends_with(b"\r\n\r\n") {
            request.clear();
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(body.as_bytes()).await?;
        }
    }
}

#[tokio::test]
async fn an_answer_about_another_package_or_none_is_not_an_observation() {
    for (body, says) in [
        (
            r#"{"release_package": {"package_id": "24", "deploy_status": 2}}"#,
            "the answer describes package 24",
        ),
        (r#"{"release_package": {"deploy_status": 2}}"#, "does not say which package it describes"),
    ] {
        let (client, connections) = server(body).await;
        let error = client.package(id(23)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Undecodable, "{body}");
        assert!(error.to_string().contains(says), "{error}");
        let failure = client.observe(id(23), Duration::MAX).await.unwrap_err();
        assert!(matches!(failure, ObserveError::Unavailable(_)), "{failure:?}");
        let opened = connections.load(Ordering::Relaxed);
        assert_eq!(opened, 2, "the first connection carries nothing more");
    }
    let (client, _) =
        server(r#"{"release_package": {"package_id": "23", "deploy_status": 2}}"#).await;
    assert_eq!(client.package(id(23)).await.unwrap().package.id, Some(id(23)));
}

#[tokio::test]
async fn a_timeout_without_a_connection_is_reported_as_unreachable() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let client = client_of(&format!("http://{address}"), "default");
    let run = client.rollout(selection(&[23]), quick()).unwrap();
    let report = run.with_timeout(Duration::from_millis(50)).wait().await;
    let outcome = report.packages[0].outcome.as_ref();
    assert!(
        matches!(outcome, Some(PackageOutcome::NotSent(NotSent::Unreachable(_)))),
        "{outcome:?}"
    );
    assert_eq!(report.outcome, RunOutcome::Refused);
}
