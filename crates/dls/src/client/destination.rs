//! Compares the destination of a plan or a recorded run with that of a client.

use dls_rollout::Destination;

use crate::endpoint::Endpoint;

/// The client's address, if it differs from that of the plan or run; `Ok(None)` if it is the same.
///
/// A plan and a run are compared with *one* service, so the caller must confirm that another address leads to it.
///
/// # Errors
///
/// The project or workspace differs, or the address differs and the caller did not confirm it.
pub(super) fn other_address(
    there: &Destination,
    here: &Destination,
    same_service: bool,
) -> Result<Option<String>, OtherDestination> {
    let is_same_workspace = (&there.project, &there.workspace) == (&here.project, &here.workspace);
    if !is_same_workspace {
        return Err(OtherDestination);
    }
    match Endpoint::is_same_address(&there.endpoint, &here.endpoint) {
        true => Ok(None),
        false if same_service => Ok(Some(here.endpoint.clone())),
        false => Err(OtherDestination),
    }
}

/// A plan or a run has another destination than the client.
#[derive(Debug)]
pub(super) struct OtherDestination;
