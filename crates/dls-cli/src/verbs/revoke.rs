//! `dls revoke`: take packages back before they are released.

use serde_json::{Value, json};

use crate::args;
use crate::config::Place;
use crate::exit::Failure;
use crate::ids;
use crate::output::Output;

pub(crate) async fn run(
    global: &args::Global,
    args: &args::Revoke,
    output: Output,
) -> Result<u8, Failure> {
    let ids = ids::of_one_request(&args.ids)?;
    let place = Place::resolve(global).await?;
    place.workspace_for_a_write()?;
    let result = place.client()?.revoke(ids.clone()).await;
    let failure = result
        .err()
        .map(|error| Failure::of_write(&error, ids.len()));
    let outcome = match &failure {
        None => "successful",
        Some(failure) if failure.code == 7 => "unknown",
        Some(_) => "refused",
    };
    if output.is_json() {
        let row = |id: &dls::PackageId| json!({"id": id.to_string(), "outcome": outcome});
        let rows: Vec<Value> = ids.iter().map(row).collect();
        Output::json(&json!({
            "schema": "dls.revoke/1",
            "workspace": place.workspace.as_ref().map(|workspace| workspace.as_str()),
            "endpoint": place.endpoints.v2().to_string(),
            "outcome": outcome,
            "packages": rows,
        }));
    } else {
        let rows = ids
            .iter()
            .map(|id| vec![id.to_string(), outcome.to_owned()])
            .collect();
        output.rows(&["id", "outcome"], rows);
    }
    match failure {
        None => Ok(0),
        Some(failure) if failure.code == 7 => {
            let ids = ids
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" ");
            Err(failure.with_next(format!("look before doing it again: dls status {ids}")))
        }
        Some(failure) => Err(failure),
    }
}
