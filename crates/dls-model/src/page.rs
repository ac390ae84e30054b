//! Reads a whole list page by page, without I/O: says which request comes next and takes its answer.
//!
//! No document says whether the list's `offset` counts pages or rows, so the second request asks and its
//! answer tells: offset 1 brings the second row if rows are counted, and rows never seen before if pages are.

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::ids::PackageId;
use crate::list::{ListPackages, PackagePage};
use crate::package::Package;

/// All pages of a list: [`request`](Self::request) says what to ask, [`accept`](Self::accept) takes the answer.
///
/// If the list does not change meanwhile, every package comes once, in order. If it changes, packages may be missed,
/// as with any offset; none comes twice. It always ends: each page after the second must bring a package that was
/// not seen before.
///
/// After the first page the page size is what that page held, so that a service which gives less than was asked
/// for cannot make us skip. One that gives more is believed, because no document says that it does not; how many rows an
/// answer may have at all is bounded where it is [decoded](crate::Problem::TooMany).
///
/// ```
/// use dls_model::{ListPackages, PackagePage, Pages};
///
/// let mut pages = Pages::new(ListPackages::new().with_limit(50));
/// while let Some(request) = pages.request() {
///     assert_eq!(request.offset(), Some(0));
///     let answer = PackagePage::default(); // what the service answers to `request`
///     for package in pages.accept(answer)? {
///         println!("{:?}", package.name);
///     }
/// }
/// # Ok::<(), dls_model::PageError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pages {
    query: ListPackages,
    limit: u32,
    next: Next,
    first: Vec<Option<PackageId>>,
    seen: HashSet<PackageId>,
    given: u64,
    total: Option<u64>,
}

/// What is asked next.
#[derive(Clone, Copy, Debug)]
enum Next {
    /// Offset 0.
    First,
    /// Offset 1, which shows what an offset counts.
    Probe,
    /// This row.
    Row(u32),
    /// This page.
    Page(u32),
    Nothing,
}

impl Next {
    fn offset(self) -> Option<u32> {
        match self {
            Self::First => Some(0),
            Self::Probe => Some(1),
            Self::Row(offset) | Self::Page(offset) => Some(offset),
            Self::Nothing => None,
        }
    }
}

impl Pages {
    /// All pages of `query`, from the first. Its limit is the page size, its offset is not used.
    #[must_use]
    pub fn new(query: ListPackages) -> Self {
        Self {
            limit: query.limit().unwrap_or(ListPackages::DEFAULT_LIMIT),
            query,
            next: Next::First,
            first: Vec::new(),
            seen: HashSet::new(),
            given: 0,
            total: None,
        }
    }

    /// The next request; `None` if the list is read, or if it broke. It stays the same until
    /// [`accept`](Self::accept) takes its answer.
    #[must_use]
    pub fn request(&self) -> Option<ListPackages> {
        let offset = self.next.offset()?;
        Some(self.query.clone().with_limit(self.limit).with_offset(offset))
    }

    /// How many packages match in all, as the last answer with a total reports.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// Takes the answer to [`request`](Self::request) and gives the packages that are new in it. One without a
    /// readable id is given where its row is new.
    ///
    /// # Errors
    ///
    /// The pages do not fit together; nothing more is asked then. What was given before stays true.
    pub fn accept(&mut self, page: PackagePage) -> Result<Vec<Package>, PageError> {
        let asked = std::mem::replace(&mut self.next, Next::Nothing);
        let Some(offset) = asked.offset() else {
            return Ok(Vec::new());
        };
        self.total = page.total.or(self.total);
        if page.packages.is_empty() {
            return match self.total {
                Some(total) if total > self.given => {
                    Err(PageError::Incomplete { seen: self.given, total })
                }
                _ => Ok(Vec::new()),
            };
        }

        let rows = u32::try_from(page.packages.len()).unwrap_or(u32::MAX);
        let counted = match asked {
            Next::First => {
                self.first = page.packages.iter().map(|package| package.id).collect();
                self.limit = rows;
                asked
            }
            Next::Probe => self.what_is_counted(&page).ok_or(PageError::NoIds(offset))?,
            Next::Row(_) | Next::Page(_) | Next::Nothing => asked,
        };
        let seen_before = self.seen.len();
        let known_rows = match counted {
            Next::Row(rows_before) => rows_before.saturating_sub(offset),
            _ => 0,
        };
        let new = self.new_in(page.packages, known_rows);

        // A total below what was seen is ignored.
        if self.total == Some(self.given) {
            return Ok(new);
        }
        // The probe may bring nothing new where rows are counted: then it was the list without its first row.
        let probed_rows = matches!((asked, counted), (Next::Probe, Next::Row(_)));
        let stuck = self.seen.len() == seen_before && !probed_rows;
        if stuck && !matches!(asked, Next::First) {
            return Err(PageError::Repeats(offset));
        }
        self.next = match counted {
            Next::First => Next::Probe,
            Next::Row(_) => Next::Row(offset.saturating_add(rows)),
            _ => Next::Page(offset.saturating_add(1)),
        };
        if self.next.offset() > Some(i32::MAX.unsigned_abs()) {
            self.next = Next::Nothing;
            return Err(PageError::Endless(self.given));
        }
        Ok(new)
    }

    /// Those of a page's packages that were not given before. Of the packages without an id these are all but the
    /// ones in the `known_rows` at the head of the page.
    fn new_in(&mut self, packages: Vec<Package>, known_rows: u32) -> Vec<Package> {
        let is_new = |(package, row): &(Package, u32)| match package.id {
            Some(id) => self.seen.insert(id),
            None => *row >= known_rows,
        };
        let new: Vec<_> =
            packages.into_iter().zip(0..).filter(is_new).map(|(package, _)| package).collect();
        self.given = self.given.saturating_add(u64::try_from(new.len()).unwrap_or(u64::MAX));
        new
    }

    /// What the answer to offset 1 shows. Where rows are counted it is the first page moved by one row, or by a
    /// few if the list itself has moved; where pages are counted it has nothing of the first page, or its end.
    /// `None` if ids are missing in just those rows that would tell.
    fn what_is_counted(&self, page: &PackagePage) -> Option<Next> {
        let rows = self.first.len();
        let mut row_of = HashMap::with_capacity(rows);
        for (id, row) in self.first.iter().zip(0_usize..) {
            row_of.entry(*id).or_insert(row);
        }
        let ids = || page.packages.iter().map(|package| package.id);
        let moved_by = ids().zip(0_usize..).find_map(|(id, row)| {
            let before = row_of.get(&id).filter(|_| id.is_some())?;
            before.checked_sub(row)
        });
        let tells = |(before, id): (&Option<_>, Option<_>)| before.is_some() && id.is_some();
        match moved_by {
            Some(by) if by > 0 && by * 2 <= rows => {
                Some(Next::Row(u32::try_from(rows).unwrap_or(u32::MAX)))
            }
            None if rows > 1 && !self.first.iter().skip(1).zip(ids()).any(tells) => None,
            _ => Some(Next::Page(1)),
        }
    }
}

/// Why the pages of a list do not fit together.
///
/// # Troubleshooting
///
/// If packages were submitted or released meanwhile, read the list again. If it happens again, the service
/// pages in a way that we do not know: ask for one page that is large enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PageError {
    /// After so many packages there are more pages than an offset can count.
    Endless(u64),
    /// A page is empty although the service counts more packages than came.
    Incomplete {
        /// How many packages came.
        seen: u64,
        /// How many the service counts.
        total: u64,
    },
    /// The page at this offset has no readable package ids where they are needed to tell what an offset counts.
    NoIds(u32),
    /// The page at this offset brought nothing new: the service seems to ignore the offset.
    Repeats(u32),
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endless(seen) => write!(f, "the list goes on after {seen} packages"),
            Self::Incomplete { seen, total } => {
                write!(f, "the list ended after {seen} packages, but the service counts {total}")
            }
            Self::NoIds(offset) => {
                write!(
                    f,
                    "the page at offset {offset} has no readable package ids, so it cannot be told from the others"
                )
            }
            Self::Repeats(offset) => {
                write!(f, "the page at offset {offset} brought no new package")
            }
        }
    }
}

impl std::error::Error for PageError {}
