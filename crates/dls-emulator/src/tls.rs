//! Certificates that are generated at start, and the TLS settings that use them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// What a TLS listener needs, and the certificate that its clients must trust.
pub(crate) struct Identity {
    pub(crate) acceptors: Acceptors,
    pub(crate) ca_pem: String,
}

/// The valid certificate, and two that clients must reject. One authority signs all of them.
#[derive(Clone)]
pub(crate) struct Acceptors {
    pub(crate) right: TlsAcceptor,
    pub(crate) wrong_name: TlsAcceptor,
    pub(crate) expired: TlsAcceptor,
}

/// A new authority, and certificates for loopback and for `listen`. They exist only in this process.
pub(crate) fn identity(listen: IpAddr) -> io::Result<Identity> {
    let authority = authority().map_err(io::Error::other)?;
    let addresses = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST), listen];
    let mut names = vec!["localhost".to_owned()];
    names.extend(addresses.iter().map(IpAddr::to_string));
    let right = wanted(names).map_err(io::Error::other)?;
    let wrong_name = wanted(vec!["elsewhere.invalid".to_owned()]).map_err(io::Error::other)?;
    let mut expired = right.clone();
    expired.not_before = date_time_ymd(2019, 1, 1);
    expired.not_after = date_time_ymd(2020, 1, 1);
    Ok(Identity {
        acceptors: Acceptors {
            right: acceptor(&right, &authority)?,
            wrong_name: acceptor(&wrong_name, &authority)?,
            expired: acceptor(&expired, &authority)?,
        },
        ca_pem: authority.pem(),
    })
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn acceptor(wanted: &CertificateParams, authority: &Authority) -> io::Result<TlsAcceptor> {
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let certificate = wanted.signed_by(&key, authority);
    let certificate: CertificateDer<'static> = certificate.map_err(io::Error::other)?.into();
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], private)
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn wanted(names: Vec<String>) -> Result<CertificateParams, rcgen::Error> {
    let mut wanted = CertificateParams::new(names)?;
    wanted.distinguished_name.push(DnType::CommonName, "dls emulator");
    Ok(wanted)
}

fn authority() -> Result<Authority, rcgen::Error> {
    let mut wanted = CertificateParams::new(Vec::new())?;
    wanted.distinguished_name.push(DnType::CommonName, "dls emulator authority");
    wanted.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    wanted.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    CertifiedIssuer::self_signed(wanted, KeyPair::generate()?)
}
