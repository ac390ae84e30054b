//! Paging over services of every kind: it ends, skips nothing, repeats nothing, and reports an error if it cannot.
use std::collections::HashSet;

use crate::support::id;
use ::proptest::prelude::*;
use dls_model::*;

/// What an `offset` of a service counts.
#[derive(Clone, Copy, Debug)]
enum Counts {
    Rows,
    /// Pages of the size that it gives.
    Pages,
    /// Pages of the size that was asked for, even where it gives less or more.
    PagesAsAsked,
    /// Nothing: it gives the first page always.
    Nothing,
}

#[derive(Clone, Copy, Debug)]
enum Tells {
    Total,
    /// On every other page only.
    TotalNowAndThen,
    Nothing,
}

/// A service whose list does not change. Rows of number 0 have no id.
#[derive(Clone, Debug)]
struct Service {
    rows: Vec<u64>,
    counts: Counts,
    tells: Tells,
    /// The fewest and the most rows that it gives.
    sizes: (u32, u32),
}

impl Service {
    /// So many packages, on pages of the requested size.
    fn new(count: u64, counts: Counts, tells: Tells) -> Self {
        Self { rows: numbered(count), counts, tells, sizes: (1, u32::MAX) }
    }

    /// All pages of this size.
    fn read(&self, limit: u32) -> (Vec<u64>, Result<(), PageError>) {
        read(limit, self.rows.len() + 4, |offset, limit| self.answer(offset, limit))
    }

    fn answer(&self, offset: u32, limit: u32) -> PackagePage {
        let size = limit.clamp(self.sizes.0, self.sizes.1);
        let start = match self.counts {
            Counts::Rows => offset,
            Counts::Pages => offset * size,
            Counts::PagesAsAsked => offset * limit,
            Counts::Nothing => 0,
        };
        let rows = self.rows.iter().skip(start as usize).take(size as usize);
        let mut page = PackagePage::default();
        page.packages = rows.map(|number| package(*number)).collect();
        page.total = match self.tells {
            Tells::Total => Some(self.rows.len() as u64),
            Tells::TotalNowAndThen => offset.is_multiple_of(2).then_some(self.rows.len() as u64),
            Tells::Nothing => None,
        };
        page
    }
}

fn package(number: u64) -> Package {
    let mut package = Package::default();
    package.id = (number > 0).then(|| id(number));
    package
}

/// Reads all pages of a service, which is asked at most `most` times.
fn read(
    limit: u32,
    most: usize,
    mut answer: impl FnMut(u32, u32) -> PackagePage,
) -> (Vec<u64>, Result<(), PageError>) {
    let mut pages = Pages::new(ListPackages::new().with_limit(limit));
    let mut given = Vec::new();
    for _ in 0..most {
        let Some(request) = pages.request() else {
            return (given, Ok(()));
        };
        let page = answer(request.offset().unwrap(), request.limit().unwrap());
        match pages.accept(page) {
            Ok(new) => given.extend(new.iter().map(|p| p.id.map_or(0, PackageId::as_u64))),
            Err(error) => {
                assert!(pages.request().is_none(), "nothing is asked after an error");
                return (given, Err(error));
            }
        }
    }
    panic!("asked {most} times, and no end; given: {given:?}");
}

fn numbered(count: u64) -> Vec<u64> {
    (1..=count).rev().collect()
}

fn service() -> impl Strategy<Value = Service> {
    let counts = prop_oneof![Just(Counts::Rows), Just(Counts::Pages), Just(Counts::PagesAsAsked)];
    let tells = prop_oneof![Just(Tells::Total), Just(Tells::TotalNowAndThen), Just(Tells::Nothing)];
    let sizes = prop_oneof![
        Just((1, u32::MAX)),
        (1..8_u32).prop_map(|most| (1, most)),
        (1..8_u32).prop_map(|least| (least, u32::MAX)),
        (1..8_u32).prop_map(|always| (always, always)),
    ];
    (0..45_u64, counts, tells, sizes).prop_map(|(count, counts, tells, sizes)| Service {
        rows: numbered(count),
        counts,
        tells,
        sizes,
    })
}

::proptest::proptest! {
    #![proptest_config(crate::support::config())]

    #[test]
    fn a_list_that_does_not_change_is_read_completely_and_in_order(service in service(), limit in 1..12_u32) {
        prop_assert_eq!(service.read(limit), (service.rows.clone(), Ok(())));
    }

    #[test]
    fn rows_without_an_id_are_returned_once_too(
        mut service in service(), limit in 1..12_u32, nameless in ::proptest::collection::vec(0..45_usize, 0..4),
    ) {
        for row in nameless {
            service.rows.get_mut(row).into_iter().for_each(|number| *number = 0);
        }
        let (given, end) = service.read(limit);
        match end {
            Ok(()) => prop_assert_eq!(given, service.rows),
            // A page without any id cannot be distinguished from one that was read before.
            Err(_) => prop_assert!(service.rows.contains(&0) && service.rows.starts_with(&given)),
        }
    }

    #[test]
    fn a_service_that_ignores_the_offset_ends_in_an_error(
        count in 1..30_u64, limit in 1..12_u32, total in any::<bool>(),
    ) {
        let tells = if total { Tells::Total } else { Tells::Nothing };
        let service = Service::new(count, Counts::Nothing, tells);
        let (given, end) = read(limit, 3, |offset, limit| service.answer(offset, limit));
        let whole = total && count <= u64::from(limit);
        prop_assert_eq!(end, if whole { Ok(()) } else { Err(PageError::Repeats(1)) });
        prop_assert_eq!(given.len() as u64, count.min(u64::from(limit)));
    }

    #[test]
    fn a_list_that_ends_before_its_total_is_an_error(service in service(), limit in 1..12_u32, more in 1..9_u64) {
        let total = service.rows.len() as u64 + more;
        let (given, end) = read(limit, service.rows.len() + 4, |offset, limit| {
            let mut page = service.answer(offset, limit);
            page.total = Some(total);
            page
        });
        prop_assert_eq!(end, Err(PageError::Incomplete { seen: total - more, total }));
        prop_assert_eq!(given, service.rows);
    }

    #[test]
    fn packages_submitted_meanwhile_cause_no_duplicate_and_no_silent_gap(
        service in service(), limit in 1..12_u32, arrivals in ::proptest::collection::vec(0..3_u64, 60),
    ) {
        let mut moving = service.clone();
        moving.tells = Tells::Total;
        let mut arrivals = arrivals.into_iter();
        let (given, end) = read(limit, 200, |offset, limit| {
            for _ in 0..arrivals.next().unwrap_or_default() {
                moving.rows.insert(0, moving.rows.len() as u64 + 1);
            }
            moving.answer(offset, limit)
        });
        let distinct: HashSet<_> = given.iter().collect();
        prop_assert_eq!(distinct.len(), given.len());
        if end.is_ok() {
            prop_assert!(service.rows.iter().all(|row| distinct.contains(row)), "{given:?} of {service:?}");
        }
    }

    #[test]
    fn whatever_a_service_answers_paging_ends_and_repeats_nothing(
        limit in 1..5_u32,
        answers in ::proptest::collection::vec(
            (::proptest::collection::vec(0..30_u64, 0..6), ::proptest::option::of(0..40_u64)), 1..20),
    ) {
        let mut answers = answers.iter().cycle();
        let (given, _) = read(limit, 30 + 4, |_, _| {
            let (rows, total) = answers.next().unwrap();
            let mut page = PackagePage::default();
            page.packages = rows.iter().map(|number| package(*number)).collect();
            page.total = *total;
            page
        });
        let named: Vec<_> = given.iter().filter(|number| **number > 0).collect();
        prop_assert_eq!(named.iter().collect::<HashSet<_>>().len(), named.len());
    }
}

#[test]
fn the_second_request_finds_out_what_an_offset_counts() {
    for (counts, expected) in [
        (Counts::Rows, vec![(0, 3), (1, 3), (4, 3), (7, 3)]),
        (Counts::Pages, vec![(0, 3), (1, 3), (2, 3)]),
    ] {
        let service = Service::new(8, counts, Tells::Total);
        let mut asked = Vec::new();
        let (given, end) = read(3, 9, |offset, limit| {
            asked.push((offset, limit));
            service.answer(offset, limit)
        });
        assert_eq!((given, end), (numbered(8), Ok(())));
        assert_eq!(asked, expected);
    }
}

#[test]
fn one_page_is_one_request_if_the_total_says_so() {
    let service = Service::new(10, Counts::Rows, Tells::Total);
    let (given, end) = read(10, 1 + 1, |offset, limit| service.answer(offset, limit));
    assert_eq!((given, end), (numbered(10), Ok(())));
}

#[test]
fn a_total_below_the_number_of_packages_is_ignored() {
    let service = Service::new(25, Counts::Pages, Tells::Nothing);
    let (given, end) = read(10, 9, |offset, limit| {
        let mut page = service.answer(offset, limit);
        page.total = Some(0);
        page
    });
    assert_eq!((given, end), (numbered(25), Ok(())));
}

#[test]
fn a_package_submitted_before_the_probe_does_not_hide_that_pages_are_counted() {
    let mut service = Service::new(20, Counts::Pages, Tells::Nothing);
    let (given, end) = read(5, 20, |offset, limit| {
        if offset == 1 {
            service.rows.insert(0, 21);
        }
        service.answer(offset, limit)
    });
    assert_eq!((given, end), (numbered(20), Ok(())));
}

#[test]
fn rows_without_an_id_on_the_probed_page_are_an_error() {
    let mut service = Service::new(3, Counts::Rows, Tells::Total);
    service.rows[1] = 0;
    assert_eq!(service.read(2), (vec![3, 0], Err(PageError::NoIds(1))));
}

#[test]
fn a_total_on_the_first_page_still_counts_at_the_end() {
    let service = Service::new(4, Counts::Pages, Tells::Nothing);
    let (given, end) = read(2, 9, |offset, limit| {
        let mut page = service.answer(offset, limit);
        page.total = (offset == 0).then_some(5);
        page
    });
    assert_eq!((given, end), (numbered(4), Err(PageError::Incomplete { seen: 4, total: 5 })));
}

#[test]
fn the_filters_stay_and_the_limit_is_the_default_if_none_is_said() {
    let query = ListPackages::new().with_statuses([Status::Failed]).with_offset(7);
    let pages = Pages::new(query.clone());
    assert_eq!(pages.request(), Some(query.with_offset(0).with_limit(10)));
    assert_eq!(pages.total(), None);
}

#[test]
fn a_request_stays_until_its_answer_comes() {
    let pages = Pages::new(ListPackages::new());
    assert_eq!(pages.request(), pages.request());
}
