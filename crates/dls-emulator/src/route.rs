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
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Route<'r> {
    pub(crate) call: Call,
    pub(crate) name: &'static str,
    pub(crate) family: HostFamily,
    pub(crate) project: &'r str,
    /// The id in the path, if the route has one; otherwise empty.
    pub(crate) parameter: &'r str,
}

struct Row {
    call: Call,
    name: &'static str,
    method: Method,
    template: &'static str,
    family: HostFamily,
}

const fn row<O: Operation>(call: Call) -> Row {
    Row { call, name: O::NAME, method: O::METHOD, template: O::ROUTE, family: O::HOST }
}

static TABLE: [Row; 5] = [
    row::<Deploy>(Call::Deploy),
    row::<ListPackages>(Call::List),
    row::<Revoke>(Call::Revoke),
    row::<ShowPackage>(Call::Show),
    row::<ShowSystemTask>(Call::SystemTask),
];

/// Finds the operation of a request.
///
/// A host that begins with `dayu.` serves only V2 paths, one that begins with `dayu-dlf.` only V1 paths. Any other host
/// serves both, so that a proxy can be used.
pub(crate) fn find(request: &Request<Vec<u8>>) -> Result<Route<'_>, Refusal> {
    let rows = TABLE.iter().filter(|row| row.method == *request.method());
    let route = rows
        .filter_map(|row| matched(row, request.uri().path()))
        .next()
        .ok_or(Refusal::UNKNOWN_API)?;
    let host = request.headers().get(HOST).map_or(&b""[..], |host| host.as_bytes());
    let serves = |family: HostFamily| {
        let prefix = family.prefix().as_bytes();
        let rest = host.get(prefix.len()..).filter(|_| begins(host, prefix));
        rest.is_some_and(|rest| rest.starts_with(b"."))
    };
    let other = match route.family {
        HostFamily::V1 => HostFamily::V2,
        HostFamily::V2 => HostFamily::V1,
    };
    if serves(other) {
        return Err(Refusal::UNKNOWN_API);
    }
    Ok(route)
}

fn begins(text: &[u8], prefix: &[u8]) -> bool {
    let beginning = text.get(..prefix.len());
    beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(prefix))
}

fn matched<'r>(row: &Row, path: &'r str) -> Option<Route<'r>> {
    let (mut project, mut parameter) = ("", "");
    let mut segments = path.split('/');
    for wanted in row.template.split('/') {
        let segment = segments.next()?;
        match wanted {
            "{project_id}" => project = segment,
            _ if wanted.starts_with('{') && !segment.is_empty() => parameter = segment,
            _ if wanted == segment => {}
            _ => return None,
        }
    }
    segments.next().is_none().then_some(Route {
        call: row.call,
        name: row.name,
        family: row.family,
        project,
        parameter,
    })
}
