//! Where an operation takes place: the project, and the workspace inside it.

use crate::ids::{ProjectId, WorkspaceId};

/// The project and, where it is named, the workspace of a request.
///
/// A read without a workspace asks the one called `default`, as the service does. A write without a
/// workspace is refused by [`Operation::encode`](crate::Operation::encode), so that nothing is ever
/// released in a workspace that nobody named.
///
/// ```
/// use dls_model::Scope;
///
/// let scope = Scope::new("b384b9e9ab9b4ee8994c8633aabc9505".parse()?).with_workspace("default".parse()?);
/// assert_eq!(scope.workspace().map(|w| w.as_str()), Some("default"));
/// # Ok::<(), dls_model::InvalidId>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    project: ProjectId,
    workspace: Option<WorkspaceId>,
}

impl Scope {
    /// The project alone.
    #[must_use]
    pub fn new(project: ProjectId) -> Self {
        Self { project, workspace: None }
    }

    /// Names the workspace.
    #[must_use]
    pub fn with_workspace(mut self, workspace: WorkspaceId) -> Self {
        self.workspace = Some(workspace);
        self
    }

    /// The project.
    #[must_use]
    pub fn project(&self) -> &ProjectId {
        &self.project
    }

    /// The workspace, if one was named.
    #[must_use]
    pub fn workspace(&self) -> Option<&WorkspaceId> {
        self.workspace.as_ref()
    }
}
