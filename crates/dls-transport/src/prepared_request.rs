//! A request as it goes out: its origin is rendered once, its headers and signature for each attempt.

use std::borrow::Cow;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version};
use http_body_util::Full;

use crate::credentials::Credentials;
use crate::error::Error;
use crate::origin::{Origin, PlaintextHosts};
use crate::sign::{Parts, SdkDate, decodes, parse_query, sign, target};

/// Headers that the transport sets itself. A request that brings one is refused.
const OURS: [HeaderName; 15] = [
    AUTHORIZATION,
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    HOST,
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("x-auth-token"),
    HeaderName::from_static("x-sdk-content-sha256"),
    HeaderName::from_static("x-sdk-date"),
    HeaderName::from_static("x-security-token"),
];

const SECRET: [HeaderName; 3] = [
    AUTHORIZATION,
    HeaderName::from_static("x-auth-token"),
    HeaderName::from_static("x-security-token"),
];

/// Headers of each request of a transport.
#[derive(Clone, Debug)]
pub(crate) struct DefaultHeaders {
    pub(crate) project_id: Option<String>,
    pub(crate) user_agent: HeaderValue,
}

/// A request that can be sent. It has no `Debug`: what it holds is the caller's.
pub(crate) struct PreparedRequest {
    pub(crate) origin: Origin,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl PreparedRequest {
    pub(crate) fn new(request: Request<Vec<u8>>, plaintext: PlaintextHosts) -> Result<Self, Error> {
        let (parts, body) = request.into_parts();
        let origin = Origin::of(&parts.uri, plaintext)?;
        if parts.method == Method::CONNECT {
            return Err(Error::invalid("CONNECT requests are not supported"));
        }
        let query = parts.uri.query().unwrap_or_default();
        for (part, text) in [("path", parts.uri.path()), ("query", query)] {
            if !decodes(text) {
                return Err(Error::invalid(format!(
                    "the {part} holds percent-escapes that are not UTF-8, such as %FF: they cannot \
                     be signed"
                )));
            }
        }
        if let Some(name) = OURS.iter().find(|name| parts.headers.contains_key(*name)) {
            return Err(Error::invalid(format!(
                "the header {name} is set by the transport itself"
            )));
        }
        Ok(Self {
            origin,
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            body: body.into(),
        })
    }

    /// The request to write, signed with this date if the credentials are a key.
    pub(crate) fn render(
        &self,
        default_headers: &DefaultHeaders,
        credentials: &Credentials,
        date: SystemTime,
    ) -> Result<Request<Full<Bytes>>, Error> {
        let (target, headers) = self.with_auth_headers(default_headers, credentials, date)?;
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.version_mut() = Version::HTTP_11;
        *request.uri_mut() = Uri::try_from(target)
            .map_err(|error| Error::invalid("the path cannot be sent").with_source(error))?;
        *request.headers_mut() = headers;
        self.add_unsigned(request.headers_mut(), default_headers);
        Ok(request)
    }

    /// The target and the headers that the credentials vouch for.
    fn with_auth_headers(
        &self,
        default_headers: &DefaultHeaders,
        credentials: &Credentials,
        date: SystemTime,
    ) -> Result<(String, HeaderMap), Error> {
        let (host, path) = (self.origin.authority(), self.uri.path());
        let query = parse_query(self.uri.query().unwrap_or_default());
        let project_id = default_headers.project_id.as_deref().map(|id| ("x-project-id", id));

        let mut texts = Vec::with_capacity(self.headers.len() + 3);
        for (name, value) in &self.headers {
            if project_id.is_none_or(|(ours, _)| name != ours) {
                let text = str::from_utf8(value.as_bytes()).map_err(|_| {
                    Error::invalid(format!("the value of header {name} is not UTF-8"))
                })?;
                texts.push((name.as_str(), text));
            }
        }
        texts.extend(project_id);

        let (target, sent) = match credentials {
            Credentials::AccessKey(key) => {
                let parts = Parts {
                    method: self.method.as_str(),
                    host,
                    path,
                    query: &query,
                    headers: &texts,
                    body: &self.body,
                };
                let signed = sign(&parts, key, SdkDate::from(date)).map_err(|error| {
                    Error::invalid("the request cannot be signed").with_source(error)
                })?;
                (signed.uri, signed.headers)
            }
            Credentials::Token(token) => {
                texts.extend([(HOST.as_str(), host), ("x-auth-token", token.expose())]);
                let texts = texts.into_iter().map(|(name, value)| (name, Cow::Borrowed(value)));
                (target(path, &query), texts.collect())
            }
        };
        let mut headers = HeaderMap::with_capacity(sent.len() + 3);
        for (name, value) in sent {
            append(&mut headers, name, &value)?;
        }
        Ok((target, headers))
    }

    /// What a proxy may change on the way, and is therefore not signed.
    fn add_unsigned(&self, headers: &mut HeaderMap, default_headers: &DefaultHeaders) {
        if !headers.contains_key(USER_AGENT) {
            headers.insert(USER_AGENT, default_headers.user_agent.clone());
        }
        // We decompress nothing.
        if !headers.contains_key(ACCEPT_ENCODING) {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        // hyper leaves it out when there is no body, and then some servers wait for one.
        if self.body.is_empty() && !matches!(self.method, Method::GET | Method::HEAD) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
    }
}

fn append(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Error> {
    let bad = || format!("the header {name} cannot be sent");
    let name = HeaderName::from_bytes(name.as_bytes())
        .map_err(|error| Error::invalid(bad()).with_source(error))?;
    let mut value = HeaderValue::from_bytes(value.as_bytes())
        .map_err(|error| Error::invalid(bad()).with_source(error))?;
    value.set_sensitive(SECRET.contains(&name));
    headers.append(name, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::credentials::{AccessKey, SecretKey, SecurityToken, Token};
    use crate::sign::{
        canonical_request, parse_authorization, payload_hash, string_to_sign, verify,
    };

    fn default_headers() -> DefaultHeaders {
        DefaultHeaders {
            project_id: Some("project".into()),
            user_agent: HeaderValue::from_static("test/1"),
        }
    }

    fn key() -> AccessKey {
        AccessKey::new("AK", SecretKey::new("secret").unwrap()).unwrap()
    }

    fn date() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_714_378_530)
    }

    fn request(uri: &str) -> http::request::Builder {
        Request::builder().method("POST").uri(uri)
    }

    fn render(
        request: Request<Vec<u8>>,
        credentials: impl Into<Credentials>,
    ) -> Result<Request<Full<Bytes>>, Error> {
        let prepared = PreparedRequest::new(request, PlaintextHosts::Loopback)?;
        prepared.render(&default_headers(), &credentials.into(), date())
    }

    /// As a server does it, from what came over the wire.
    fn verifies(request: &Request<Full<Bytes>>, body: &[u8]) -> bool {
        let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
        let authorization = header("authorization");
        let authorization = parse_authorization(&authorization).unwrap();
        let signed: Vec<_> =
            authorization.signed_headers.split(';').map(|name| (name, header(name))).collect();
        let canonical = canonical_request(
            request.method().as_str(),
            request.uri().path(),
            &parse_query(request.uri().query().unwrap_or_default()),
            &signed,
            &payload_hash(None, body),
        );
        let to_sign = string_to_sign(header("x-sdk-date").parse().unwrap(), &canonical);
        verify(key().secret(), &to_sign, authorization.signature)
    }

    #[test]
    fn what_is_sent_is_what_was_signed() {
        for uri in [
            "http://127.0.0.1:4711/v2/p/x",
            "https://a.example",
            "https://a.example:8443/a%2Fb//../c?b=2&a=x%20y&a=&flag&c=1+2",
            "https://a.example/%E4%BD%9C/作",
        ] {
            let request = request(uri)
                .header("Content-Type", "text/plain")
                .header("workspace", "  w1 ")
                .header("with_underscore", "1");
            let rendered = render(request.body(b"body".to_vec()).unwrap(), key()).unwrap();
            assert!(verifies(&rendered, b"body"), "{uri}");
            assert!(!verifies(&rendered, b"other"), "the body is signed, whatever its type");
        }
    }

    #[test]
    fn the_query_is_sent_as_it_is_signed_with_either_kind_of_credentials() {
        let uri = "https://a.example/p?b=2&a=x y+z".replace(' ', "%20");
        for credentials in [Credentials::from(key()), Token::new("t").unwrap().into()] {
            let request = request(&uri).body(Vec::new()).unwrap();
            let rendered = render(request, credentials).unwrap();
            assert_eq!(rendered.uri(), "/p?a=x%20y%2Bz&b=2");
        }
    }

    #[test]
    fn a_key_signs_and_marks_what_is_secret() {
        let key = key().with_security_token(SecurityToken::new("sts").unwrap());
        let request = request("https://a.example:8443/x")
            .header("x-project-id", "the caller's")
            .header("user-agent", "mine/2")
            .body(Vec::new());
        let rendered = render(request.unwrap(), key).unwrap();
        let mut names: Vec<&str> = rendered.headers().keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(
            names.join(" "),
            "accept-encoding authorization content-length host user-agent x-project-id x-sdk-date \
             x-security-token"
        );
        let headers = rendered.headers();
        assert_eq!(headers["host"], "a.example:8443");
        assert_eq!(headers["x-project-id"], "project");
        assert_eq!(headers["user-agent"], "mine/2");
        assert_eq!(headers["x-sdk-date"], "20240429T081530Z");
        assert_eq!(headers["content-length"], "0");
        for (name, value) in headers {
            let secret = matches!(name.as_str(), "authorization" | "x-security-token");
            assert_eq!(value.is_sensitive(), secret, "{name}");
        }
        let authorization = headers["authorization"].to_str().unwrap();
        let signed = parse_authorization(authorization).unwrap().signed_headers;
        assert_eq!(signed, "host;user-agent;x-project-id;x-sdk-date;x-security-token");
    }

    #[test]
    fn a_token_is_sent_and_nothing_is_signed() {
        let request = request("https://a.example/x").header("workspace", "w").body(vec![1]);
        let rendered = render(request.unwrap(), Token::new("token").unwrap()).unwrap();
        let headers = rendered.headers();
        assert_eq!(headers["x-auth-token"], "token");
        assert!(headers["x-auth-token"].is_sensitive());
        assert_eq!(headers["host"], "a.example");
        assert!(!headers.contains_key("authorization"));
        assert!(!headers.contains_key("x-sdk-date"));
        assert!(!headers.contains_key("content-length"), "hyper knows the length of a body");
    }

    #[test]
    fn escapes_that_are_not_utf_8_are_refused() {
        for (uri, part) in [
            ("https://a.example/?k=%FF", Some("query")),
            ("https://a.example/?%C0%AF=v", Some("query")),
            ("https://a.example/?a=%E4%BD&b=%9C", Some("query")),
            ("https://a.example/a%ff/b", Some("path")),
            ("https://a.example/%ED%A0%80?k=%FF", Some("path")),
            ("https://a.example/%E4%BD%9C?k=%E4%BD%9C%EF%BF%BD&100%", None),
        ] {
            let request = request(uri).body(Vec::new()).unwrap();
            let refused = PreparedRequest::new(request, PlaintextHosts::Loopback).err();
            let message = part.map(|part| {
                format!(
                    "the {part} holds percent-escapes that are not UTF-8, such as %FF: they \
                     cannot be signed"
                )
            });
            assert_eq!(refused.map(|error| error.to_string()), message, "{uri}");
        }
    }

    #[test]
    fn what_cannot_be_sent_or_signed_is_refused() {
        let bytes = HeaderValue::from_bytes(b"\xff").unwrap();
        let post = || request("https://a.example/");
        let ours = OURS.map(|name| {
            let message = format!("the header {name} is set by the transport itself");
            (post().header(name, "1"), message)
        });
        let others = [
            (post().method("CONNECT"), "CONNECT requests are not supported"),
            (post().header("x", bytes), "the value of header x is not UTF-8"),
            (post().header("x", "1").header("X", "2"), "the request cannot be signed"),
        ];
        let others = others.map(|(request, message)| (request, message.to_owned()));
        for (request, message) in ours.into_iter().chain(others) {
            let error = render(request.body(Vec::new()).unwrap(), key()).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }
}
