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

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(endpoint: &str, workspace: &str) -> Destination {
        let project = "p-1".parse().unwrap();
        Destination::new(endpoint, project, workspace.parse().unwrap())
    }

    #[test]
    fn another_address_needs_confirmation_and_another_workspace_is_never_accepted() {
        let there = destination("https://h", "w-1");
        for same_service in [false, true] {
            let same = destination("https://H:443/", "w-1");
            assert_eq!(other_address(&there, &same, same_service).unwrap(), None);
            let workspace = destination("https://h", "w-2");
            other_address(&there, &workspace, same_service).unwrap_err();
        }
        let other = destination("https://proxy:8443", "w-1");
        other_address(&there, &other, false).unwrap_err();
        let recorded = other_address(&there, &other, true).unwrap();
        assert_eq!(recorded.as_deref(), Some("https://proxy:8443"));
    }
}
