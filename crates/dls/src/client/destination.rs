//! Whether a plan, or a run to be taken up again, is of the place that a client works at.

use dls_rollout::Destination;

use crate::endpoint::Endpoint;

/// The address at which a plan or a run is used, beside the one that it belongs to: `Ok(None)` where it is the same.
///
/// A plan and a run are held against what *one* service says, so another address of it must be vouched for.
///
/// # Errors
///
/// It is of another project or workspace, or of an address that nobody vouched for.
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

/// A plan or a run is of another place than the client.
#[derive(Debug)]
pub(super) struct OtherDestination;

#[cfg(test)]
mod tests {
    use super::*;

    fn place(endpoint: &str, workspace: &str) -> Destination {
        let project = "p-1".parse().unwrap();
        Destination::new(endpoint, project, workspace.parse().unwrap())
    }

    #[test]
    fn another_address_needs_to_be_vouched_for_and_another_workspace_never_fits() {
        let there = place("https://h", "w-1");
        for same_service in [false, true] {
            let same = place("https://H:443/", "w-1");
            assert_eq!(other_address(&there, &same, same_service).unwrap(), None);
            let workspace = place("https://h", "w-2");
            other_address(&there, &workspace, same_service).unwrap_err();
        }
        let other = place("https://proxy:8443", "w-1");
        other_address(&there, &other, false).unwrap_err();
        let told = other_address(&there, &other, true).unwrap();
        assert_eq!(told.as_deref(), Some("https://proxy:8443"));
    }
}
