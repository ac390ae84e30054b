//! The choices of the search in the words of the fold: what was planned, and what was heard.

use std::sync::LazyLock;

use dls_model::{DeployAnswer, DeployDetail, ServiceError};

use super::step::{Failing, Heard};
use super::world::{Set, World, id};
use crate::event::{LookFailure, SendFailure, What};
use crate::options::Options;
use crate::plan::{Place, Plan, PlannedPackage};

pub(super) fn plan(place: Place, options: Options, world: &World) -> Plan {
    let packages = world.packages.iter().enumerate();
    let packages = packages
        .map(|(index, truth)| PlannedPackage::new(id(index), truth.now().detail(index, false)))
        .collect();
    Plan::new(place, world.at(), options.start, packages)
}

pub(super) fn look_failure(failing: Failing) -> LookFailure {
    match failing {
        Failing::Unavailable => LookFailure::Unavailable("503".to_owned()),
        Failing::NotFound => LookFailure::NotFound(error(0)),
        Failing::Forbidden => LookFailure::Refused(error(1)),
    }
}

pub(super) fn outcome(heard: Heard) -> What {
    let failure = match heard {
        Heard::NotSent => SendFailure::NotSent("refused".to_owned()),
        Heard::NoCredentials => SendFailure::NotAuthenticated("expired".to_owned()),
        Heard::Nothing => SendFailure::Lost("reset".to_owned()),
        Heard::Accepted(named) => return accepted(named),
        Heard::GatewayNo => SendFailure::Answered(error(2)),
        Heard::TooMany => SendFailure::Answered(error(3)),
        Heard::ServiceNo => SendFailure::Answered(error(4)),
        Heard::ServerError => SendFailure::Answered(error(5)),
        Heard::PartlyDone => SendFailure::Answered(error(6)),
        Heard::GatewayError => SendFailure::Answered(error(7)),
    };
    What::SendFailed { failure }
}

fn accepted(named: Set) -> What {
    let details = named.indices().map(|index| {
        let mut detail = DeployDetail::default();
        detail.package_id = Some(id(index));
        detail
    });
    let mut answer = DeployAnswer::default();
    answer.details = Some(details.collect());
    What::Accepted { answer, request_id: None }
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
