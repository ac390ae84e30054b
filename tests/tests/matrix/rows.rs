//! The rows as data, and that what they name is there.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;

use crate::cases::cases;

/// So many faults were thought of.
const ROWS: u8 = 95;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    row: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    number: u8,
    fault: String,
    holds: String,
    #[serde(default)]
    shown: Vec<String>,
    waits: Option<String>,
}

fn rows() -> Vec<Row> {
    let rows: Result<Rows, _> = toml::from_str(include_str!("rows.toml"));
    rows.unwrap_or_else(|error| panic!("rows.toml: {error}")).row
}

fn played() -> BTreeSet<u8> {
    let rows = cases().all().flat_map(|case| &case.rows);
    rows.copied().collect()
}

#[test]
fn every_fault_has_a_test_or_a_reason_for_none() {
    let (rows, played) = (rows(), played());
    let numbers = rows.iter().map(|row| row.number);
    assert!(numbers.eq(1..=ROWS), "the rows are counted from 1 to {ROWS}");
    assert!(played.iter().all(|row| (1..=ROWS).contains(row)), "{played:?}");
    for row in &rows {
        let said = [&row.fault, &row.holds].into_iter().chain(&row.waits);
        assert!(said.into_iter().all(|text| !text.is_empty()), "row {}", row.number);
        let is_shown = !row.shown.is_empty() || played.contains(&row.number);
        assert!(is_shown || row.waits.is_some(), "row {}: {}", row.number, row.fault);
    }
}

#[test]
fn the_tests_that_a_row_names_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for row in rows() {
        for place in &row.shown {
            let (file, what) = place.split_once("::").unwrap_or_else(|| panic!("{place}"));
            let text = std::fs::read_to_string(root.join(file));
            let text = text.unwrap_or_else(|error| panic!("row {}: {file}: {error}", row.number));
            let is_there = match file.ends_with(".rs") {
                true => text.contains(&format!("fn {what}(")),
                false => text.contains(what),
            };
            assert!(is_there, "row {}: {place}", row.number);
        }
    }
}
