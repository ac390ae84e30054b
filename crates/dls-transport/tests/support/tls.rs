//! Certificates made on the spot, and servers that show them.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dls_transport::Roots;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PKCS_ED25519,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{Peer, Server};

/// An issuer that a client may trust.
pub(crate) struct Issuer(CertifiedIssuer<'static, KeyPair>);

/// Which years a certificate is valid in.
#[derive(Clone, Copy)]
pub(crate) enum Validity {
    Now,
    Past,
    Future,
}

impl Issuer {
    /// An issuer with a name of its own.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("issuer {}", COUNT.fetch_add(1, Ordering::Relaxed));
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, key()).unwrap())
    }

    pub(crate) fn roots(&self) -> Roots {
        Roots::Pem(self.0.pem().into_bytes())
    }

    /// A server's configuration with a certificate for this name.
    pub(crate) fn server(&self, name: &str, validity: Validity) -> ServerConfig {
        let key = key();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let (from, to) = match validity {
            Validity::Now => (1975, 4096),
            Validity::Past => (1975, 1976),
            Validity::Future => (4095, 4096),
        };
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(to, 1, 1);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![certificate.der().clone()], key)
                .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }
}

/// Of a kind whose signatures are all of the same length.
fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ED25519).unwrap()
}

impl Server {
    /// A server whose script begins after the handshake.
    pub(crate) async fn start_tls<S, F>(config: ServerConfig, script: S) -> Self
    where
        S: Fn(Peer<TlsStream<TcpStream>>, usize) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self::start(move |peer, number| {
            let (acceptor, script) = (acceptor.clone(), script.clone());
            async move {
                if let Ok(stream) = acceptor.accept(peer.stream).await {
                    script(Peer::new(stream, peer.ledger), number).await;
                }
            }
        })
        .await
    }

    pub(crate) fn tls_uri(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }
}
