//! All packages that match a filter, one after the other.

use std::collections::VecDeque;

use dls_model::{ListPackages, Package, Pages};

use crate::client::Client;
use crate::error::Error;

/// Packages, fetched a page at a time as they are asked for.
///
/// While the list stands still, each package comes once, whichever way the service counts
/// `offset`.
///
/// ```
/// use dls::model::{ListPackages, Status};
///
/// # async fn example(client: dls::Client) -> Result<(), dls::Error> {
/// let mut packages = client.packages(ListPackages::new().with_statuses([Status::ToBeReviewed]));
/// while let Some(package) = packages.next().await? {
///     println!("{:?}: {:?}", package.id, package.name);
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Pager {
    client: Client,
    pages: Pages,
    rows: VecDeque<Package>,
}

impl Client {
    /// The packages that match, page by page (wire: `release-packages`).
    #[must_use]
    pub fn packages(&self, filter: ListPackages) -> Pager {
        Pager { client: self.clone(), pages: Pages::new(filter), rows: VecDeque::new() }
    }
}

impl Pager {
    /// The next package; `None` after the last one.
    ///
    /// # Errors
    ///
    /// When a page cannot be had, or when paging gets nowhere. Asking again after an error asks for
    /// the same page again.
    pub async fn next(&mut self) -> Result<Option<Package>, Error> {
        loop {
            if let Some(package) = self.rows.pop_front() {
                return Ok(Some(package));
            }
            let Some(request) = self.pages.request() else {
                return Ok(None);
            };
            let page = self.client.call(&request).await?;
            self.rows.extend(self.pages.accept(page)?);
        }
    }

    /// How many packages match in all, as the last page said.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.pages.total()
    }
}
