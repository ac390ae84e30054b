//! The addresses of the service: the two hosts of a region, or explicit addresses.

use std::fmt;
use std::str::FromStr;

use dls_model::HostFamily;
use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

/// The two addresses of DataArts Factory: one for paths under `/v2/`, one for `/v1/`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Endpoints {
    /// The address for `/v2/` paths: releases, lists.
    pub v2: Endpoint,
    /// The address for `/v1/` paths: system tasks.
    pub v1: Endpoint,
}

impl Endpoints {
    /// One address for both, for example of an emulator or a proxy.
    #[must_use]
    pub fn single(endpoint: Endpoint) -> Self {
        Self { v2: endpoint.clone(), v1: endpoint }
    }

    /// The addresses of a region, by the rule of the vendor's page `dataartsstudio_02_0004`:
    /// `https://dayu.{region}.…` for `/v2/` and `https://dayu-dlf.{region}.…` for `/v1/`.
    ///
    /// Any region is accepted, so that new ones work at once. A few realms have their own domain: the European
    /// cloud, Kuala Lumpur and the Open Telekom Cloud.
    ///
    /// ```
    /// let endpoints = dls::Endpoints::of_region("cn-north-4")?;
    /// assert_eq!(endpoints.v2.to_string(), "https://dayu.cn-north-4.myhuaweicloud.com");
    /// assert_eq!(endpoints.v1.to_string(), "https://dayu-dlf.cn-north-4.myhuaweicloud.com");
    /// # Ok::<(), dls::InvalidEndpoint>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The region contains other characters than `a`–`z`, `0`–`9` and `-`.
    pub fn of_region(region: &str) -> Result<Self, InvalidEndpoint> {
        let part_of_a_host = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if region.is_empty() || region.len() > 63 || !region.chars().all(part_of_a_host) {
            return Err(InvalidEndpoint::new(region, "a region is made of a-z, 0-9 and -"));
        }
        let domain = domain_of(region);
        Ok(Self {
            v2: format!("https://dayu.{region}.{domain}").parse()?,
            v1: format!("https://dayu-dlf.{region}.{domain}").parse()?,
        })
    }

    pub(crate) fn of(&self, family: HostFamily) -> &Endpoint {
        match family {
            HostFamily::V1 => &self.v1,
            _ => &self.v2,
        }
    }
}

/// The realms whose hosts do not end in `myhuaweicloud.com`, by their editions of the page
/// `dataartsstudio_02_0004`; the Open Telekom Cloud's is an assumption by its naming rule.
fn domain_of(region: &str) -> &'static str {
    match region {
        "my-kualalumpur-1" => "alphaedge.tmone.com.my",
        "eu-de" | "eu-nl" => "otc.t-systems.com",
        "eu-west-101" => "myhuaweicloud.eu",
        _ => "myhuaweicloud.com",
    }
}

/// An address: scheme, host and an optional port.
///
/// It is normalised: the host is in lower case, and the scheme's default port is omitted. So every spelling of an
/// address identifies the same runs.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    scheme: Scheme,
    authority: Authority,
}

impl Endpoint {
    /// Whether two texts name the same address: scheme, host and port are compared, in any spelling. `localhost`,
    /// `127.0.0.1` and `[::1]` count as one host. A text that is not an address equals only itself.
    ///
    /// ```
    /// use dls::Endpoint;
    ///
    /// assert!(Endpoint::is_same_address("https://Dayu.Example.com:443/", "https://dayu.example.com"));
    /// assert!(Endpoint::is_same_address("http://localhost:8080", "http://127.0.0.1:8080"));
    /// assert!(!Endpoint::is_same_address("http://localhost:8080", "http://localhost:8081"));
    /// ```
    #[must_use]
    pub fn is_same_address(one: &str, other: &str) -> bool {
        match (one.parse::<Self>(), other.parse::<Self>()) {
            (Ok(one), Ok(other)) => one.normalised() == other.normalised(),
            _ => one == other,
        }
    }

    fn normalised(&self) -> (&str, &str, Option<u16>) {
        let host = match self.authority.host() {
            "127.0.0.1" | "[::1]" => "localhost",
            host => host,
        };
        (self.scheme.as_str(), host, self.authority.port_u16())
    }

    /// The absolute URI of a path at this address.
    pub(crate) fn at(&self, path: PathAndQuery) -> Result<Uri, http::Error> {
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
    }
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |problem| InvalidEndpoint::new(text, problem);
        let (scheme, default_port, rest) = match text.split_once("://") {
            Some(("https", rest)) => (Scheme::HTTPS, 443, rest),
            Some(("http", rest)) => (Scheme::HTTP, 80, rest),
            Some(_) => return Err(invalid("its scheme must be https:// (or http:// on loopback)")),
            None => return Err(invalid("it must start with https://")),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#']) {
            return Err(invalid("it must end after the host and port, without a path"));
        }
        if authority.contains('@') {
            return Err(invalid("it must not hold a user name or password"));
        }
        let authority = authority.to_ascii_lowercase().parse::<Authority>().ok();
        let authority = authority.filter(|it| !it.host().is_empty() && has_sane_port(it));
        let authority = authority.ok_or_else(|| invalid("invalid host or port"))?;
        let has_default_port = authority.port_u16() == Some(default_port);
        let host = authority.host().parse().ok().filter(|_| has_default_port);
        Ok(Self { scheme, authority: host.unwrap_or(authority) })
    }
}

fn has_sane_port(authority: &Authority) -> bool {
    let after_host = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
    after_host.is_empty() || authority.port_u16().is_some_and(|port| port != 0)
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not an address or a region.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid address `{text}`: {problem}")]
pub struct InvalidEndpoint {
    text: String,
    problem: &'static str,
}

impl InvalidEndpoint {
    fn new(text: &str, problem: &'static str) -> Self {
        // The part before an `@` may contain a password.
        let shown = text.rsplit_once('@').map_or(text, |(_, host)| host);
        let shown = shown.chars().take(80).collect::<String>().escape_debug().to_string();
        Self { text: shown, problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_region_has_two_hosts_and_some_realms_have_their_own_domain() {
        for (region, domain) in [
            ("cn-north-4", "myhuaweicloud.com"),
            ("xx-nowhere-99", "myhuaweicloud.com"),
            ("eu-west-0", "myhuaweicloud.com"),
            ("eu-west-101", "myhuaweicloud.eu"),
            ("eu-de", "otc.t-systems.com"),
            ("my-kualalumpur-1", "alphaedge.tmone.com.my"),
        ] {
            let Endpoints { v2, v1 } = Endpoints::of_region(region).unwrap();
            assert_eq!(v2.to_string(), format!("https://dayu.{region}.{domain}"));
            assert_eq!(v1.to_string(), format!("https://dayu-dlf.{region}.{domain}"));
        }
    }

    #[test]
    fn a_region_that_is_not_a_host_label_is_refused() {
        for region in ["", "a.b", "cn north", "cn/north", "cn@evil", "CN-NORTH-4", "a\n"] {
            assert!(Endpoints::of_region(region).is_err(), "{region:?}");
        }
    }

    #[test]
    fn an_address_is_a_scheme_a_host_and_a_port_in_one_spelling() {
        for (text, same) in [
            ("https://h", "https://h"),
            ("https://h:8443", "https://h:8443"),
            ("http://127.0.0.1:1", "http://127.0.0.1:1"),
            ("http://[::1]:443", "http://[::1]:443"),
            ("https://h/", "https://h"),
            ("https://H.Example", "https://h.example"),
            ("https://h:443", "https://h"),
            ("https://h:0443", "https://h"),
            ("http://[::1]:80/", "http://[::1]"),
        ] {
            let endpoint = text.parse::<Endpoint>().unwrap();
            assert_eq!(endpoint.to_string(), same);
            assert_eq!(endpoint, same.parse().unwrap(), "{text}");
        }
    }

    #[test]
    fn the_names_of_loopback_are_one_host_and_each_port_is_another_service() {
        for same in ["http://localhost:1", "http://LOCALHOST:1/", "http://[::1]:1"] {
            assert!(Endpoint::is_same_address(same, "http://127.0.0.1:1"), "{same}");
        }
        for other in ["http://127.0.0.2:1", "http://localhost:2", "https://localhost:1"] {
            assert!(!Endpoint::is_same_address(other, "http://127.0.0.1:1"), "{other}");
        }
        assert!(Endpoint::is_same_address("nonsense", "nonsense"));
        assert!(!Endpoint::is_same_address("nonsense", "https://h"));
    }

    #[test]
    fn an_invalid_address_is_refused_with_the_reason() {
        for (text, what) in [
            ("dayu.example.com", "must start with https://"),
            ("ftp://h", "scheme"),
            ("https://h/v2", "without a path"),
            ("https://h?x=1", "without a path"),
            ("https://me:hunter2@h", "user name or password"),
            ("https://", "invalid host or port"),
            ("https://h:0", "invalid host or port"),
            ("https://h:99999", "invalid host or port"),
            ("https://h:", "invalid host or port"),
            ("https://a b", "invalid host or port"),
        ] {
            let error = text.parse::<Endpoint>().unwrap_err().to_string();
            assert!(error.contains(what), "{text}: {error}");
            assert!(!error.contains("hunter2") && !error.contains('\n'), "{error}");
        }
    }
}
