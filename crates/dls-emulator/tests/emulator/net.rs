//! An emulator that listens, and requests to it as bytes.

use std::sync::Arc;

use dls_emulator::{Emulator, EmulatorBuilder};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::*;

pub(crate) async fn running(builder: EmulatorBuilder) -> Emulator {
    // The clock of these tests stands still, so that requests can be signed for it.
    let builder = builder.clock(start);
    builder.start("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

pub(crate) fn authority(emulator: &Emulator) -> &str {
    emulator.base_url().split_once("://").unwrap().1
}

pub(crate) async fn connected(emulator: &Emulator) -> TcpStream {
    TcpStream::connect(authority(emulator)).await.unwrap()
}

/// What else comes on a connection until it ends, in order or not.
pub(crate) async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    drop(stream.read_to_end(&mut rest).await);
    rest
}

/// The request as HTTP/1.1, signed for the host that it is sent to, port included.
pub(crate) fn signed_for(emulator: &Emulator, ask: Ask) -> Vec<u8> {
    let request = ask.to(authority(emulator)).signed(start());
    let mut bytes = format!("{} {} HTTP/1.1\r\n", request.method(), request.uri()).into_bytes();
    for (name, value) in request.headers() {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    bytes.extend(format!("content-length: {}\r\n\r\n", request.body().len()).bytes());
    bytes.extend(request.body());
    bytes
}

/// Status, head and body of one answer; the connection stays as it is.
pub(crate) async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> (u16, String, Vec<u8>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.unwrap();
    (head[9..12].parse().unwrap(), head, body)
}

pub(crate) async fn exchange(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    request: &[u8],
) -> (u16, Value) {
    stream.write_all(request).await.unwrap();
    let (status, _, body) = answer(stream).await;
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// A TLS connection of a client that trusts the emulator, and that wants this name in its certificate.
pub(crate) async fn connected_by_tls(
    emulator: &Emulator,
    name: &'static str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let pem = emulator.ca_certificate_pem().unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(ServerName::try_from(name).unwrap(), connected(emulator).await).await
}
