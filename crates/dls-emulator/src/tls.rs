//! Certificates that are generated at start, and the TLS settings that use them.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// The valid certificate, and two that clients must reject. One authority signs all of them.
#[derive(Clone)]
pub(crate) struct Acceptors {
    pub(crate) right: TlsAcceptor,
    pub(crate) wrong_name: TlsAcceptor,
    pub(crate) expired: TlsAcceptor,
}

/// Certificates for loopback and for `listen`, and in PEM the one of the new authority that clients must trust. They exist
/// only in this process.
pub(crate) fn acceptors(
    listen: IpAddr,
) -> Result<(Acceptors, String), Box<dyn Error + Send + Sync>> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.distinguished_name.push(DnType::CommonName, "dls emulator authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

    let addresses = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST), listen];
    let mut names = vec!["localhost".to_owned()];
    names.extend(addresses.iter().map(IpAddr::to_string));
    let right = CertificateParams::new(names)?;
    let wrong_name = CertificateParams::new(vec!["elsewhere.invalid".to_owned()])?;
    let mut expired = right.clone();
    expired.not_before = date_time_ymd(2019, 1, 1);
    expired.not_after = date_time_ymd(2020, 1, 1);
    let acceptors = Acceptors {
        right: acceptor(right, &authority)?,
        wrong_name: acceptor(wrong_name, &authority)?,
        expired: acceptor(expired, &authority)?,
    };
    Ok((acceptors, authority.pem()))
}

fn acceptor(
    mut wanted: CertificateParams,
    authority: &CertifiedIssuer<'static, KeyPair>,
) -> Result<TlsAcceptor, Box<dyn Error + Send + Sync>> {
    wanted.distinguished_name.push(DnType::CommonName, "dls emulator");
    let key = KeyPair::generate()?;
    let certificate: CertificateDer<'static> = wanted.signed_by(&key, authority)?.into();
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], private)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
