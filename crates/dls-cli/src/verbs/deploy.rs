//! `dls deploy`: release, and wait until it is known what became of each package.

use dls::JobStart;
use dls::model::{Deploy, Operation as _, Scope};
use dls::rollout::{Options, Report, Verdict};
use serde_json::json;

use super::package_ids;
use crate::args;
use crate::config::{Place, time};
use crate::document::{Run, why};
use crate::exit::Failure;
use crate::output::{Output, note, text};
use crate::progress::Progress;

pub(crate) async fn run(
    global: &args::Global,
    args: &args::Deploy,
    output: Output,
) -> Result<u8, Failure> {
    let ids = package_ids(&args.ids)?;
    let start = if args.start {
        JobStart::Immediately
    } else {
        JobStart::Later
    };
    let timeout = time("--timeout", Some(&args.timeout))?.filter(|time| !time.is_zero());
    let place = Place::resolve(global).await?;
    let workspace = place.workspace_for_a_write()?.clone();
    if args.dry_run {
        let scope = Scope::new(place.project.clone()).with_workspace(workspace);
        return dry_run(&place, &Deploy::new(ids, start), &scope, output);
    }
    let client = place.client()?;
    let options = Options::new(start)
        .with_wait(!args.no_wait)
        .with_again(args.again);
    let run = client
        .rollout(ids, options)
        .map_err(|error| Failure::of_read(&error))?;
    let mut run = match timeout {
        Some(timeout) => run.with_timeout(timeout),
        None => run,
    };
    let mut progress = Progress::new();
    while run.next_event().await.is_some() {
        progress.tell(&run.report());
    }
    progress.end();
    let report = run.report();
    if output.is_json() {
        Output::json(&Run::new(&place, &report));
    } else {
        table(&report, output);
    }
    conclude(&report);
    Ok(report.exit_code)
}

fn table(report: &Report, output: Output) {
    let rows = report.packages.iter().map(|package| {
        let name = package
            .latest
            .as_ref()
            .and_then(|detail| detail.package.name.clone());
        let verdict = package.verdict.as_ref();
        vec![
            package.id.to_string(),
            name.unwrap_or_default(),
            verdict.map_or("pending", Verdict::word).to_owned(),
            verdict.and_then(why).unwrap_or_default(),
        ]
    });
    output.rows(&["id", "name", "outcome", ""], rows.collect());
}

/// One line on why it is not 0, and one on what to do next.
fn conclude(report: &Report) {
    let ids = |word: &str| {
        let with = report.packages.iter().filter(|package| {
            package
                .verdict
                .as_ref()
                .is_some_and(|verdict| verdict.word() == word)
        });
        with.map(|package| package.id.to_string())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let first_why = || {
        report
            .packages
            .iter()
            .filter_map(|it| it.verdict.as_ref())
            .find_map(why)
    };
    let (what, next) = match report.exit_code {
        0 => return,
        3 => (
            "the release failed".to_owned(),
            format!("dls view {}", ids("failed")),
        ),
        4 => (
            first_why().unwrap_or_default(),
            "check HUAWEICLOUD_SDK_AK, HUAWEICLOUD_SDK_SK, the \
              clock and your role in the workspace"
                .to_owned(),
        ),
        5 => (
            "not found; nothing was released".to_owned(),
            "dls list (an id means something in its \
              own workspace only)"
                .to_owned(),
        ),
        6 => (
            "only a part succeeded".to_owned(),
            "see the outcome of each package".to_owned(),
        ),
        7 => (
            "the outcome is unknown: a request may have been received. It was not sent again"
                .to_owned(),
            format!("dls status {}", ids("unknown")),
        ),
        8 => (
            "not over yet; the release goes on without us".to_owned(),
            format!("dls status {}", ids("pending")),
        ),
        9 => (
            first_why().unwrap_or_default(),
            "nothing was released".to_owned(),
        ),
        10 => (
            first_why().unwrap_or_default(),
            "wait a little, then run it again: nothing was \
               accepted"
                .to_owned(),
        ),
        _ => (
            first_why().unwrap_or_default(),
            "check --endpoint or --region, and the network: \
              nothing was accepted"
                .to_owned(),
        ),
    };
    note(&format!("error: {what}"));
    note(&format!("  next: {}", next.trim()));
}

/// Shows the request as it would be made. Nothing is signed, nothing is sent.
fn dry_run(place: &Place, deploy: &Deploy, scope: &Scope, output: Output) -> Result<u8, Failure> {
    let request = deploy
        .encode(scope)
        .map_err(|error| Failure::usage(error.to_string()))?;
    let url = format!("{}{}", place.endpoints.v2(), request.uri());
    let headers = request.headers().iter();
    let headers =
        headers.map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())));
    let headers: Vec<_> = headers.collect();
    let body = String::from_utf8_lossy(request.body());
    if output.is_json() {
        let headers: serde_json::Map<_, _> = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        let body: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        let method = request.method().as_str();
        Output::json(&json!({
            "schema": "dls.deploy.dry-run/1",
            "request": {"method": method, "url": url, "headers": headers, "body": body},
        }));
    } else {
        text(&format!("{} {url}", request.method()));
        for (name, value) in headers {
            text(&format!("{name}: {value}"));
        }
        text(&format!("\n{body}"));
    }
    note("nothing was sent");
    Ok(0)
}
