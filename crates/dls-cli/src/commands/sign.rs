//! `dls sign`: the signature of any request, offline, stage by stage. The secret is never shown.

use dls::model::printable;
use dls::transport::credentials::Credentials;
use dls::transport::sign::{Parts, SdkDate, Signed, parse_query, sign};
use serde_json::{Map, Value, json};

use crate::args;
use crate::credentials;
use crate::document::{Block, Document};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output::Output;

pub(crate) fn run(
    global: &args::Global,
    args: &args::Sign,
    output: Output,
) -> Result<ExitCode, Failure> {
    let (host, path, query) = split(&args.url)?;
    let headers = args.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let mut headers: Vec<_> = headers.collect();
    let date = date(args, &headers)?;
    let date_text = date.to_string();
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("x-sdk-date")) {
        headers.push(("X-Sdk-Date", &date_text));
    }
    let body = body(args.data.as_deref())?;
    let Credentials::AccessKey(key) = credentials::find(global)? else {
        return Err(Failure::new(ExitCode::NotPermitted, "no key pair to sign with")
            .with_next("set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK"));
    };
    let query = parse_query(query);
    let parts =
        Parts { method: &args.method, host, path, query: &query, headers: &headers, body: &body };
    let signed = sign(&parts, &key, date).map_err(|error| Failure::usage(error.to_string()))?;
    output.show(&signed);
    Ok(ExitCode::Success)
}

impl Document for Signed<'_> {
    fn json(&self) -> Value {
        let headers = self.headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
        json!({
            "canonical_request": &*self.canonical_request,
            "string_to_sign": self.string_to_sign,
            "authorization": self.authorization,
            "headers": headers.collect::<Map<_, _>>(),
            "uri": self.uri,
        })
    }

    fn text(&self) -> Vec<Block> {
        let headers = self.headers.iter().map(|(name, value)| format!("\n{name}: {value}"));
        vec![Block::Lines(format!(
            "canonical request:\n{}\n\nstring to sign:\n{}\n\nuri:\n{}\n\nheaders:{}",
            &*self.canonical_request,
            self.string_to_sign,
            self.uri,
            headers.collect::<String>()
        ))]
    }
}

/// Host, path and query of an address in full. It is not decoded or normalised: the signature is
/// over what was typed.
fn split(url: &str) -> Result<(&str, &str, &str), Failure> {
    let rest =
        url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).ok_or_else(|| {
            Failure::usage(format!("`{}`: it must begin with https://", printable(url, 40)))
        })?;
    let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let at = rest.find('/').unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(at).unwrap_or((rest, ""));
    if host.is_empty() || host.contains('@') {
        return Err(Failure::usage("the URL must name a host, and no user"));
    }
    Ok((host, if path.is_empty() { "/" } else { path }, query))
}

fn date(args: &args::Sign, headers: &[(&str, &str)]) -> Result<SdkDate, Failure> {
    let given = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-sdk-date"));
    match (args.at, given) {
        (Some(_), Some(_)) => Err(Failure::usage("--at and -H X-Sdk-Date: give one of them")),
        (Some(at), None) => Ok(at),
        (None, Some((_, value))) => {
            value.trim().parse().map_err(|error| Failure::usage(format!("X-Sdk-Date: {error}")))
        }
        (None, None) => Ok(crate::clock::now().into()),
    }
}

fn body(data: Option<&str>) -> Result<Vec<u8>, Failure> {
    match data {
        None => Ok(Vec::new()),
        Some(data) => match data.strip_prefix('@') {
            None => Ok(data.as_bytes().to_vec()),
            Some(path) => std::fs::read(path)
                .map_err(|error| Failure::usage(format!("--data {path}: {error}"))),
        },
    }
}
