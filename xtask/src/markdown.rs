//! Tables in our Markdown documents, which some checks read so that the documents stay true.

/// The body rows of the first table under the heading `heading`, cells trimmed.
/// None when there is no such heading, or no table before the next one.
pub(crate) fn table(text: &str, heading: &str) -> Option<Vec<Vec<String>>> {
    let section = text.lines().skip_while(|line| line.trim_end() != heading).skip(1);
    let section = section.take_while(|line| !line.starts_with('#'));
    let rows =
        section.skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = |row: &str| {
        row.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let rows: Vec<Vec<String>> = rows.map(cells).collect();
    // The head and the rule below it.
    (rows.len() >= 2).then(|| rows.into_iter().skip(2).collect())
}

/// The words in backticks of one cell.
pub(crate) fn names(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_table_under_the_heading_is_read_and_an_empty_one_is_no_missing_one() {
        let text = "# Title\n\n| not | this |\n|---|---|\n| x | y |\n\n## Crates\n\nWords.\n\n\
            | crate | below |\n| --- | --- |\n| `a` | `b`, `c` and no d |\n| `b` | – |\n\nMore.\n\n| no | more |\n";
        let rows = table(text, "## Crates").unwrap();
        assert_eq!(rows, [["`a`", "`b`, `c` and no d"], ["`b`", "–"]]);
        assert_eq!(names(&rows[0][1]).collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(names(&rows[1][1]).count(), 0);
        assert_eq!(table(text, "## Elsewhere"), None);
        assert_eq!(table("## A\nnone here\n## Next\n| a |\n|---|\n", "## A"), None);
        assert_eq!(table("## A\n| a |\n|---|\n", "## A"), Some(vec![]));
    }
}
