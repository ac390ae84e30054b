//! TLS by rustls: the provider passed in code, HTTP/1.1 only, sessions resumed, early data never.

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::{AlertDescription, CertificateError, ClientConfig, InvalidMessage, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::{Error, ErrorKind, Phase};
use crate::origin::Origin;
use crate::stream::Counting;

/// Which certificates are trusted.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Roots {
    /// Those that this machine trusts, a company's own included. They are read at the first
    /// `https://` request, once for the process. `SSL_CERT_FILE` and `SSL_CERT_DIR` name others.
    #[default]
    System,
    /// Those in this PEM text, and no others.
    Pem(Vec<u8>),
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("System"),
            Self::Pem(text) => write!(f, "Pem({} bytes)", text.len()),
        }
    }
}

/// Opens TLS sessions.
pub(crate) enum Tls {
    System,
    Own(Arc<ClientConfig>),
}

/// Reading the machine's roots takes milliseconds, and its sessions can be shared.
static SYSTEM: OnceCell<Arc<ClientConfig>> = OnceCell::const_new();

impl Tls {
    pub(crate) fn new(roots: &Roots) -> Result<Self, Error> {
        match roots {
            Roots::System => Ok(Self::System),
            Roots::Pem(text) => {
                let certificates: Result<Vec<_>, _> =
                    CertificateDer::pem_slice_iter(text).collect();
                let certificates = certificates.map_err(|error| {
                    Error::setup("the trusted certificates are not PEM text").with_source(error)
                })?;
                let store = store(certificates).ok_or_else(|| {
                    Error::setup("the PEM text holds no certificate that can be trusted")
                })?;
                let config = config(store)
                    .map_err(|error| Error::setup("TLS cannot be set up").with_source(error))?;
                Ok(Self::Own(config))
            }
        }
    }

    /// A session with the origin over a fresh connection. Nothing but the handshake is sent.
    pub(crate) async fn session(
        &self,
        socket: Counting,
        origin: &Origin,
    ) -> Result<TlsStream<Counting>, Error> {
        let config = match self {
            Self::Own(config) => config,
            Self::System => SYSTEM.get_or_try_init(system).await?,
        };
        let name = ServerName::try_from(origin.host.clone()).map_err(|error| {
            failed(format!("{origin} is not a valid TLS server name")).with_source(error)
        })?;
        let connector = TlsConnector::from(Arc::clone(config));
        connector.connect(name, socket).await.map_err(|error| handshake_failed(error, origin))
    }
}

fn store(certificates: impl IntoIterator<Item = CertificateDer<'static>>) -> Option<RootCertStore> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(certificates);
    Some(store).filter(|store| !store.is_empty())
}

fn config(roots: RootCertStore) -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::in_memory_sessions(64);
    // Recorded early data can be replayed.
    config.enable_early_data = false;
    Ok(Arc::new(config))
}

/// Reads the machine's roots, from files, on a thread that may wait.
async fn system() -> Result<Arc<ClientConfig>, Error> {
    let loaded = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs);
    let loaded = loaded
        .await
        .map_err(|error| failed("the machine's certificates were not read").with_source(error))?;
    match store(loaded.certs) {
        Some(store) => {
            config(store).map_err(|error| failed("TLS cannot be set up").with_source(error))
        }
        None => {
            let error = failed(
                "this machine has no trusted certificates (in containers: install \
                 ca-certificates, or name a file in SSL_CERT_FILE)",
            );
            Err(match loaded.errors.into_iter().next() {
                Some(cause) => error.with_source(cause),
                None => error,
            })
        }
    }
}

fn failed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Tls, Phase::Tls, message)
}

/// A refusal will be one again; a connection that was lost may hold the next time.
fn handshake_failed(error: io::Error, origin: &Origin) -> Error {
    match rustls_error(&error) {
        Some(reason) => failed(in_words(reason, origin)),
        None => Error::new(
            ErrorKind::Interrupted,
            Phase::Tls,
            format!("the connection to {origin} was lost in the TLS handshake"),
        ),
    }
    .with_source(error)
}

fn in_words(error: &rustls::Error, origin: &Origin) -> String {
    use CertificateError as Bad;
    use rustls::Error as Tls;
    match error {
        Tls::InvalidCertificate(bad) => {
            let what = match bad {
                Bad::Expired | Bad::ExpiredContext { .. } => {
                    "has expired, or the local clock is wrong"
                }
                Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                    "is not valid yet, or the local clock is wrong"
                }
                Bad::NotValidForName | Bad::NotValidForNameContext { .. } => "is for another name",
                Bad::UnknownIssuer => "is not signed by a trusted issuer",
                Bad::Revoked => "was revoked",
                _ => "is not valid",
            };
            format!("the certificate of {origin} {what}")
        }
        Tls::InvalidMessage(InvalidMessage::InvalidContentType) => {
            format!("{origin} does not speak TLS")
        }
        Tls::AlertReceived(_) => format!("{origin} refused the TLS handshake"),
        _ => format!("no TLS session with {origin}"),
    }
}

/// Whether the server wanted a client certificate, or another one. In TLS 1.3 that shows only after
/// the handshake.
pub(crate) fn is_client_certificate_refusal(error: &(dyn std::error::Error + 'static)) -> bool {
    use AlertDescription as Alert;
    let mut cause = Some(error);
    while let Some(error) = cause {
        let reason = error.downcast_ref::<io::Error>().and_then(rustls_error);
        if let Some(rustls::Error::AlertReceived(alert)) = reason {
            return matches!(
                alert,
                Alert::CertificateRequired
                    | Alert::BadCertificate
                    | Alert::UnsupportedCertificate
                    | Alert::CertificateUnknown
                    | Alert::UnknownCA
                    | Alert::AccessDenied
                    | Alert::HandshakeFailure
            );
        }
        cause = error.source();
    }
    false
}

fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_that_hold_no_certificate_are_refused() {
        for text in ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
        {
            let error = Tls::new(&Roots::Pem(text.into())).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Setup, "{text:?}");
            assert_eq!(
                error.to_string(),
                "the PEM text holds no certificate that can be trusted",
                "{text:?}"
            );
        }
        let torn = "-----BEGIN CERTIFICATE-----\nAAAA\n";
        let error = Tls::new(&Roots::Pem(torn.into())).err().unwrap();
        assert_eq!(error.to_string(), "the trusted certificates are not PEM text");
    }

    #[test]
    fn the_configuration_offers_one_protocol_and_no_early_data() {
        let config = config(RootCertStore::empty()).unwrap();
        assert_eq!(config.alpn_protocols, [b"http/1.1"]);
        assert!(!config.enable_early_data);
        assert!(!config.key_log.will_log("CLIENT_RANDOM"));
    }
}
