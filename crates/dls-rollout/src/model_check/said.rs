//! The choices of the search in the words of the rollout: what was planned, and what was heard.

use dls_model::{DeployAnswer, DeployDetail, ServiceError};
use serde_json::json;

use super::step::{Failing, Heard};
use super::world::{Set, World, id};
use crate::event::{EventKind, ObserveError, SendError};
use crate::options::Options;
use crate::plan::{Destination, Plan, PlannedPackage};

pub(super) fn plan(destination: Destination, options: &Options, world: &World) -> Plan {
    let packages = world.packages.iter().enumerate();
    let packages = packages
        .map(|(index, truth)| PlannedPackage::new(id(index), truth.now().detail(index, false)));
    Plan::new(destination, world.at(), options.start(), packages.collect())
}

pub(super) fn observe_error(failing: Failing) -> ObserveError {
    match failing {
        Failing::Unavailable => ObserveError::Unavailable("503".to_owned()),
        Failing::NotFound => ObserveError::NotFound(error(400, "DLF.0810")),
        Failing::Forbidden => ObserveError::Refused(error(401, "APIGW.0301")),
    }
}

pub(super) fn outcome(heard: Heard) -> EventKind {
    let failure = match heard {
        Heard::NotSent => SendError::NotSent("refused".to_owned()),
        Heard::NoCredentials => SendError::NotAuthenticated("expired".to_owned()),
        Heard::Nothing => SendError::Lost("reset".to_owned()),
        Heard::Accepted(named) => return accepted(named),
        Heard::GatewayNo => SendError::Answered(error(403, "APIGW.0302")),
        Heard::TooMany => SendError::Answered(error(429, "APIGW.0308")),
        Heard::ServiceNo => SendError::Answered(error(400, "DLF.20990")),
        Heard::ServerError => SendError::Answered(error(500, "DLF.0001")),
        Heard::PartlyDone => SendError::Answered(error_in(429, "APIGW.0308", false)),
        Heard::GatewayError => SendError::Answered(error(502, "APIGW.0605")),
    };
    EventKind::SendFailed { failure }
}

fn accepted(named: Set) -> EventKind {
    let details = named.indices().map(|index| {
        let mut detail = DeployDetail::default();
        detail.package_id = Some(id(index));
        detail
    });
    let mut answer = DeployAnswer::default();
    answer.details = Some(details.collect());
    EventKind::Accepted { answer, request_id: None }
}

/// An answer that is nothing but an error.
fn error(status: u16, code: &str) -> Box<ServiceError> {
    error_in(status, code, true)
}

fn error_in(status: u16, code: &str, flat: bool) -> Box<ServiceError> {
    let error = json!({"status": status, "code": code, "message": "no", "flat": flat});
    serde_json::from_value(error).unwrap()
}
