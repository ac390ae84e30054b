//! The choices of the search in the words of the rollout: what was planned, and what was heard.

use std::sync::LazyLock;

use dls_model::{DeployAnswer, DeployDetail, ServiceError};

use super::step::{Failing, Heard};
use super::world::{Set, World, id};
use crate::event::{EventKind, ObserveError, SendError};
use crate::options::Options;
use crate::plan::{Destination, Plan, PlannedPackage};

pub(super) fn plan(destination: Destination, options: Options, world: &World) -> Plan {
    let packages = world.packages.iter().enumerate();
    let packages = packages
        .map(|(index, truth)| PlannedPackage::new(id(index), truth.now().detail(index, false)))
        .collect();
    Plan::new(destination, world.at(), options.start(), packages)
}

pub(super) fn observe_error(failing: Failing) -> ObserveError {
    match failing {
        Failing::Unavailable => ObserveError::Unavailable("503".to_owned()),
        Failing::NotFound => ObserveError::NotFound(error(0)),
        Failing::Forbidden => ObserveError::Refused(error(1)),
    }
}

pub(super) fn outcome(heard: Heard) -> EventKind {
    let failure = match heard {
        Heard::NotSent => SendError::NotSent("refused".to_owned()),
        Heard::NoCredentials => SendError::NotAuthenticated("expired".to_owned()),
        Heard::Nothing => SendError::Lost("reset".to_owned()),
        Heard::Accepted(named) => return accepted(named),
        Heard::GatewayNo => SendError::Answered(error(2)),
        Heard::TooMany => SendError::Answered(error(3)),
        Heard::ServiceNo => SendError::Answered(error(4)),
        Heard::ServerError => SendError::Answered(error(5)),
        Heard::PartlyDone => SendError::Answered(error(6)),
        Heard::GatewayError => SendError::Answered(error(7)),
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

fn error(index: usize) -> Box<ServiceError> {
    static ERRORS: LazyLock<Vec<ServiceError>> = LazyLock::new(|| {
        let all = [
            (400, "DLF.0810", true),
            (401, "APIGW.0301", true),
            (403, "APIGW.0302", true),
            (429, "APIGW.0308", true),
            (400, "DLF.20990", true),
            (500, "DLF.0001", true),
            (429, "APIGW.0308", false),
            (502, "APIGW.0605", true),
        ];
        let texts = all.map(|(status, code, flat)| {
            format!(r#"{{"status":{status},"code":"{code}","message":"no","flat":{flat}}}"#)
        });
        texts.map(|text| serde_json::from_str(&text).unwrap()).into()
    });
    Box::new(ERRORS[index].clone())
}
