//! Where requests go: scheme, host and port, for the socket, for `Host` and for messages.

use std::fmt;
use std::net::IpAddr;

use http::Uri;

use crate::error::Error;

/// Which hosts may be reached over plain `http://`, where anybody in between can read the token and
/// change the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PlaintextHosts {
    /// This machine only: `127.0.0.0/8`, `::1`, and `localhost`, as far as it means one of those.
    #[default]
    Loopback,
    /// Any host.
    AnyHost,
}

/// Scheme, host and port of a URI that may be used. `Display` is the value of `Host`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) tls: bool,
    /// Without the brackets of an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Host and port as `Host` has them: in brackets, without the scheme's own port.
    authority: String,
    pub(crate) only_loopback: bool,
}

impl Origin {
    /// The origin of an absolute URI.
    pub(crate) fn of(uri: &Uri, plaintext: PlaintextHosts) -> Result<Self, Error> {
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => {
                return Err(Error::invalid("the URI does not begin with https:// or http://"));
            }
        };
        let authority = uri.authority().ok_or_else(|| Error::invalid("the URI has no host"))?;
        if authority.as_str().contains('@') {
            return Err(Error::invalid("the URI names a user; credentials do not belong there"));
        }
        let host = authority.host();
        let own_port = if tls { 443 } else { 80 };
        let port = match (authority.as_str().strip_prefix(host), authority.port_u16()) {
            (Some(""), _) => own_port,
            (_, Some(port)) => port,
            (_, None) => return Err(Error::invalid("the URI has an invalid port")),
        };
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if bare.is_empty() {
            return Err(Error::invalid("the URI has no host"));
        }
        let authority = match port == own_port {
            true => host.to_owned(),
            false => format!("{host}:{port}"),
        };
        let only_loopback = !tls && plaintext == PlaintextHosts::Loopback;
        if only_loopback && !is_loopback(bare) {
            return Err(Error::invalid(format!(
                "plain http:// is only allowed to this machine, and {authority} is another; use https://"
            )));
        }
        Ok(Self { tls, host: bare.to_owned(), port, authority, only_loopback })
    }

    /// Host, and port unless it is the scheme's own.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.authority)
    }
}

fn is_loopback(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(uri: &str, plaintext: PlaintextHosts) -> Result<Origin, Error> {
        Origin::of(&uri.parse().unwrap(), plaintext)
    }

    #[test]
    fn host_is_rendered_with_its_port_unless_that_is_the_schemes_own() {
        for (uri, host, port, authority) in [
            ("https://a.example", "a.example", 443, "a.example"),
            ("https://a.example:443/x", "a.example", 443, "a.example"),
            ("https://a.example:8443/x?y", "a.example", 8443, "a.example:8443"),
            ("https://a.example:80", "a.example", 80, "a.example:80"),
            ("http://127.0.0.1/", "127.0.0.1", 80, "127.0.0.1"),
            ("http://127.0.0.1:4711/", "127.0.0.1", 4711, "127.0.0.1:4711"),
            ("http://[::1]:80", "::1", 80, "[::1]"),
            ("https://[::1]:8443", "::1", 8443, "[::1]:8443"),
        ] {
            let origin = origin(uri, PlaintextHosts::Loopback).unwrap();
            assert_eq!((&*origin.host, origin.port), (host, port), "{uri}");
            assert_eq!(origin.authority(), authority, "{uri}");
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_unless_asked_for_by_name() {
        for (host, own) in [
            ("127.0.0.1", true),
            ("127.255.0.9", true),
            ("[::1]", true),
            ("localhost", true),
            ("LocalHost", true),
            ("128.0.0.1", false),
            ("0.0.0.0", false),
            ("[::]", false),
            ("[::ffff:127.0.0.1]", false),
            ("127.1", false),
            ("127.0.0.1.example.com", false),
            ("localhost.example.com", false),
            ("dayu.example.com", false),
        ] {
            let uri = format!("http://{host}:8080/");
            assert_eq!(origin(&uri, PlaintextHosts::Loopback).is_ok(), own, "{uri}");
            assert!(origin(&uri, PlaintextHosts::AnyHost).is_ok(), "{uri}");
            let uri = format!("https://{host}:8080/");
            assert!(origin(&uri, PlaintextHosts::Loopback).is_ok(), "{uri}");
        }
    }

    #[test]
    fn a_uri_without_a_usable_origin_is_refused_in_one_line_without_its_user() {
        for (uri, message) in [
            ("/v2/x", "the URI does not begin with https:// or http://"),
            ("a.example:443", "the URI does not begin with https:// or http://"),
            ("ftp://a.example/", "the URI does not begin with https:// or http://"),
            (
                "https://me:secret@a.example/",
                "the URI names a user; credentials do not belong there",
            ),
            ("https://a.example:99999/", "the URI has an invalid port"),
            ("https://a.example:/", "the URI has an invalid port"),
        ] {
            let error = origin(uri, PlaintextHosts::AnyHost).unwrap_err();
            assert_eq!(error.to_string(), message, "{uri}");
        }
    }
}
