//! Tables in our Markdown documents, which some checks read so that the documents stay true.

/// The body rows of the first table under the heading `heading`, cells trimmed.
/// None when there is no such heading, or no table before the next one.
pub(crate) fn table(text: &str, heading: &str) -> Option<Vec<Vec<String>>> {
    let section = text.lines().skip_while(|line| line.trim_end() != heading).skip(1);
    let section = section.take_while(|line| !line.starts_with('#'));
    let rows: Vec<Vec<String>> = section
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .map(cells)
        .collect();
    // The head and the rule below it.
    (rows.len() >= 2).then(|| rows.into_iter().skip(2).collect())
}

/// The words in backticks of one cell.
pub(crate) fn names(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn cells(row: &str) -> Vec<String> {
    row.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Title\n\n| not | this |\n|---|---|\n| x | y |\n\n## Arrows\n\nWords.\n\n\
        | crate | below |\n| --- | --- |\n| `a` | `b`, `c` |\n| `b` | – |\n\nMore.\n\n| no | more |\n";

    #[test]
    fn the_first_table_under_the_heading_is_read() {
        let rows = table(TEXT, "## Arrows").unwrap();
        assert_eq!(rows, [["`a`", "`b`, `c`"], ["`b`", "–"]]);
    }

    #[test]
    fn a_missing_heading_or_table_is_told_from_an_empty_table() {
        assert_eq!(table(TEXT, "## Elsewhere"), None);
        assert_eq!(table("## Arrows\nnone here\n## Next\n| a |\n|---|\n", "## Arrows"), None);
        assert_eq!(table("## Arrows\n| a |\n|---|\n", "## Arrows"), Some(vec![]));
    }

    #[test]
    fn names_stand_in_backticks() {
        assert_eq!(names("`b`, `c` and no d"), ["b", "c"]);
        assert!(names("–").is_empty());
    }
}
