//! Finds the operation of a request by method and path, and checks that its host serves it.

use dls_model::{Deploy, HostFamily, ListPackages, Operation, Revoke, ShowPackage, ShowSystemTask};
use http::{Method, Request, header::HOST};

use crate::refusal::Refusal;

/// An operation that the emulator serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Deploy,
    List,
    Revoke,
    Show,
    SystemTask,
}

/// The operation of a request, and the parameters in its path.
pub(crate) struct Route<'r> {
    pub(crate) api: &'static Api,
    pub(crate) project: &'r str,
    /// The id in the path, if the route has one; otherwise empty.
    pub(crate) parameter: &'r str,
}

/// How requests of an operation look.
pub(crate) struct Api {
    pub(crate) call: Call,
    pub(crate) name: &'static str,
    pub(crate) family: HostFamily,
    method: Method,
    template: &'static str,
}

const fn api<O: Operation>(call: Call) -> Api {
    Api { call, name: O::NAME, family: O::HOST, method: O::METHOD, template: O::ROUTE }
}

static APIS: [Api; 5] = [
    api::<Deploy>(Call::Deploy),
    api::<ListPackages>(Call::List),
    api::<Revoke>(Call::Revoke),
    api::<ShowPackage>(Call::Show),
    api::<ShowSystemTask>(Call::SystemTask),
];

/// Finds the operation of a request.
///
/// A host that begins with `dayu.` serves only V2 paths, one that begins with `dayu-dlf.` only V1 paths. Any other host
/// serves both, so that a proxy can be used.
pub(crate) fn find(request: &Request<Vec<u8>>) -> Result<Route<'_>, Refusal> {
    let mut apis = APIS.iter().filter(|api| api.method == *request.method());
    let route = apis.find_map(|api| matched(api, request.uri().path()));
    let route = route.ok_or(Refusal::UNKNOWN_API)?;
    let other = match route.api.family {
        HostFamily::V1 => HostFamily::V2,
        HostFamily::V2 => HostFamily::V1,
    };
    let host = request.headers().get(HOST).map_or(&b""[..], |host| host.as_bytes());
    let mut labels = host.split(|byte| *byte == b'.');
    let is_other =
        labels.next().is_some_and(|label| label.eq_ignore_ascii_case(other.prefix().as_bytes()));
    match is_other && labels.next().is_some() {
        true => Err(Refusal::UNKNOWN_API),
        false => Ok(route),
    }
}

fn matched<'r>(api: &'static Api, path: &'r str) -> Option<Route<'r>> {
    let (mut project, mut parameter) = ("", "");
    let mut segments = path.split('/');
    for wanted in api.template.split('/') {
        let segment = segments.next()?;
        match wanted {
            "{project_id}" => project = segment,
            _ if wanted.starts_with('{') && !segment.is_empty() => parameter = segment,
            _ if wanted == segment => {}
            _ => return None,
        }
    }
    segments.next().is_none().then_some(Route { api, project, parameter })
}
