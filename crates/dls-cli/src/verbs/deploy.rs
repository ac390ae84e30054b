//! `dls deploy`: release, and wait until it is known what became of each package.

use std::time::Duration;

use dls::model::{Deploy, Operation as _, Scope, Timestamp};
use dls::rollout::{
    Began, Event, LookFailure, Options, Place as RunPlace, Report, Rollout, Verdict, What,
};
use dls::{Client, JobStart, PackageIds};
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
    let options = Options::new(start)
        .with_wait(!args.no_wait)
        .with_again(args.again);
    let report = match place.client() {
        Ok(client) => release(&client, ids, options, timeout).await?,
        Err(failure) if failure.code == 4 => unsent(&place, ids, options, failure.message),
        Err(failure) => return Err(failure),
    };
    if output.is_json() {
        Output::json(&Run::new(&place, &report));
    } else {
        table(&report, output);
    }
    conclude(&report);
    Ok(report.exit_code)
}

async fn release(
    client: &Client,
    ids: PackageIds,
    options: Options,
    timeout: Option<Duration>,
) -> Result<Report, Failure> {
    let run = client.rollout(ids, options);
    let mut run = run.map_err(|error| Failure::of_read(&error))?;
    if let Some(timeout) = timeout {
        run = run.with_timeout(timeout);
    }
    let mut progress = Progress::new();
    while run.next_event().await.is_some() {
        progress.tell(&run.report());
    }
    progress.end();
    Ok(run.report())
}

/// The report of a run that has nobody to ask as.
fn unsent(place: &Place, ids: PackageIds, options: Options, why: String) -> Report {
    let workspace = place.workspace.clone();
    let run_place = RunPlace::new(
        place.endpoints.v2().to_string(),
        place.project.clone(),
        workspace.unwrap_or_else(dls::WorkspaceId::service_default),
    );
    let packages: Vec<_> = ids.iter().copied().collect();
    let mut rollout = Rollout::new(Began::new(run_place, ids.into(), options), Timestamp::MAX);
    if let Some(package) = packages.first().copied() {
        let failure = LookFailure::NotAuthenticated(why);
        let what = What::LookFailed { package, failure };
        rollout.fold(Event::new(Timestamp::MAX, what));
    }
    rollout.report()
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
    let verdicts = || report.packages.iter().filter_map(|it| it.verdict.as_ref());
    let why_in_full = verdicts().find_map(why).unwrap_or_default();
    let ids = |words: &[&str]| {
        let with = report.packages.iter().filter(|package| {
            let verdict = package.verdict.as_ref();
            verdict.is_some_and(|verdict| words.contains(&verdict.word()))
        });
        with.map(|package| format!(" {}", package.id))
            .collect::<String>()
    };
    let goes_on = verdicts().any(|it| matches!(it, Verdict::StillRunning { .. }));
    let (what, next) = match report.exit_code {
        0 => return,
        3 => (
            "the release failed",
            format!("dls view{}", ids(&["failed"])),
        ),
        5 => (
            "not found; nothing was released",
            "dls list, and check --workspace".to_owned(),
        ),
        6 => (
            "only a part succeeded, or a released job did not start",
            "see the outcome of each package above".to_owned(),
        ),
        7 => (
            "the outcome is unknown: a request may have been received, and it was not sent again",
            format!("dls status{}", ids(&["unknown", "gone"])),
        ),
        8 if goes_on => (
            "not over yet; the release goes on without us",
            format!("dls status{}", ids(&["pending"])),
        ),
        8 => (
            "the time was over before anything was sent",
            "run it again".to_owned(),
        ),
        code => (
            why_in_full.as_str(),
            match code {
                4 => {
                    "check HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK (or --token-file), the clock, \
                      and your role in the workspace"
                }
                9 => "dls status, to see what may be released",
                10 => "wait a little, then run it again",
                _ => "check --endpoint or --region, and the network; then run it again",
            }
            .to_owned(),
        ),
    };
    note(&format!("error: {what}"));
    note(&format!("  next: {next}"));
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
