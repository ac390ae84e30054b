//! A certificate made for one run, and what accepts TLS with it.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

pub(crate) struct Identity {
    pub(crate) acceptor: TlsAcceptor,
    /// The certificate, which is its own authority.
    pub(crate) pem: String,
}

impl Identity {
    pub(crate) fn generate(address: IpAddr) -> io::Result<Self> {
        let names = vec![address.to_string(), "localhost".to_owned()];
        let made = generate_simple_self_signed(names).map_err(io::Error::other)?;
        let CertifiedKey { cert, signing_key } = made;
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).map_err(io::Error::other)?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            pem: cert.pem(),
        })
    }
}
