//! `dls sign`: the signature of any request, offline, stage by stage. The secret is never shown.

use dls::transport::credentials::Credentials;
use dls::transport::sign::{Parts, SdkDate, parse_query, sign};
use serde_json::{Map, json};

use crate::args;
use crate::config;
use crate::exit::Failure;
use crate::exit_code::ExitCode;
use crate::output::{Output, print};

pub(crate) fn run(
    global: &args::Global,
    args: &args::Sign,
    output: Output,
) -> Result<ExitCode, Failure> {
    let (host, path, query) = split(&args.url)?;
    let mut headers =
        args.headers.iter().map(|header| split_header(header)).collect::<Result<Vec<_>, _>>()?;
    let date = date(args, &headers)?;
    let date_text = date.to_string();
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("x-sdk-date")) {
        headers.push(("X-Sdk-Date", &date_text));
    }
    let body = body(args.data.as_deref())?;
    let Some(Credentials::AccessKey(key)) = config::credentials(global.token_file.as_deref())?
    else {
        return Err(Failure::new(ExitCode::NotPermitted, "no key pair to sign with")
            .with_next("set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK"));
    };
    let query = parse_query(query);
    let parts =
        Parts { method: &args.method, host, path, query: &query, headers: &headers, body: &body };
    let signed = sign(&parts, &key, date).map_err(|error| Failure::usage(error.to_string()))?;
    if output.is_json() {
        let headers: Map<_, _> =
            signed.headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        Output::json(&json!({
            "canonical_request": &*signed.canonical_request,
            "string_to_sign": signed.string_to_sign,
            "authorization": signed.authorization,
            "headers": headers,
            "uri": signed.uri,
        }));
        return Ok(ExitCode::Success);
    }
    print(&format!("canonical request:\n{}\n", &*signed.canonical_request));
    print(&format!("string to sign:\n{}\n", signed.string_to_sign));
    print(&format!("uri:\n{}\n\nheaders:", signed.uri));
    for (name, value) in &signed.headers {
        print(&format!("{name}: {value}"));
    }
    Ok(ExitCode::Success)
}

/// Host, path and query of an address in full. It is not decoded or normalised: the signature is
/// over what was typed.
fn split(url: &str) -> Result<(&str, &str, &str), Failure> {
    let shown = || url.chars().take(80).collect::<String>().escape_debug().to_string();
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))
        .ok_or_else(|| Failure::usage(format!("`{}`: it must begin with https://", shown())))?;
    let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let at = rest.find('/').unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(at).unwrap_or((rest, ""));
    if host.is_empty() || host.contains('@') {
        return Err(Failure::usage("the URL must name a host, and no user"));
    }
    Ok((host, if path.is_empty() { "/" } else { path }, query))
}

fn split_header(header: &str) -> Result<(&str, &str), Failure> {
    let (name, value) = header.split_once(':').ok_or_else(|| {
        let shown = header.chars().take(40).collect::<String>();
        Failure::usage(format!("-H `{}`: it must be `NAME: VALUE`", shown.escape_debug()))
    })?;
    Ok((name, value.strip_prefix(' ').unwrap_or(value)))
}

fn date(args: &args::Sign, headers: &[(&str, &str)]) -> Result<SdkDate, Failure> {
    let given = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-sdk-date"));
    let parse = |what: &str, text: &str| {
        text.trim().parse().map_err(|error| Failure::usage(format!("{what}: {error}")))
    };
    match (args.at.as_deref(), given) {
        (Some(_), Some(_)) => Err(Failure::usage("--at and -H X-Sdk-Date: give one of them")),
        (Some(at), None) => parse("--at", at),
        (None, Some((_, value))) => parse("X-Sdk-Date", value),
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
