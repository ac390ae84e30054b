//! Lists packages page by page.

use std::collections::VecDeque;

use dls_model::{ListPackages, Package, Pages};

use crate::client::Client;
use crate::error::Error;

/// Packages that match a filter. Pages are fetched on demand.
///
/// If the list does not change meanwhile, it yields each package once, whether the service counts `offset` in rows or
/// in pages.
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
    /// Lists the packages that match (wire: `release-packages`).
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
    /// A page cannot be read, or paging makes no progress. A call after an error requests the same page again.
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

    /// The total number of matches, from the last page.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.pages.total()
    }
}
