//! A plan for a pull request.

use super::table::{consents, sign, start_line, summary, text, versions};
use crate::json::{PackageRow, PlanDocument};

pub(super) fn of(plan: &PlanDocument) -> String {
    let mut lines = vec![
        format!("### Release plan: {}", escaped(&summary(plan))),
        String::new(),
        format!(
            "Workspace {} at {}, plan `{}`.",
            code(&plan.workspace),
            code(&plan.endpoint),
            plan.hash.chars().take(12).collect::<String>()
        ),
        String::new(),
    ];
    for consent in consents(plan) {
        lines.extend([format!("> **{}**", escaped(&consent)), String::new()]);
    }
    lines.extend([
        "| package | status | applied by | change | kind | name | version |".to_owned(),
        "| --- | --- | --- | --- | --- | --- | --- |".to_owned(),
    ]);
    lines.extend(plan.packages.iter().flat_map(rows));
    lines.extend([String::new(), escaped(&start_line(plan))]);
    lines.join("\n")
}

/// One row a task; what is the same for all of a package stands in the first.
fn rows(package: &PackageRow) -> Vec<String> {
    let head = format!(
        "| {} {} | {} | {} |",
        text(&package.id),
        escaped(&text(&package.name)),
        escaped(&text(&package.status)),
        escaped(&text(&package.applied_by))
    );
    let tasks = package.task_rows();
    if tasks.is_empty() {
        return vec![format!("{head} | | | |")];
    }
    let heads = std::iter::once(head).chain(std::iter::repeat("| | | |".to_owned()));
    let rows = heads.zip(tasks).map(|(head, task)| {
        let change = format!("{} {}", sign(task), text(&task.change));
        format!(
            "{head} {} | {} | {} | {} |",
            escaped(&change),
            text(&task.kind),
            escaped(&text(&task.name)),
            escaped(&versions(task))
        )
    });
    rows.collect()
}

/// Text that can be nothing else: no cell border, no emphasis, no link, no HTML, no mention.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '@' => escaped.push_str("&#64;"),
            '|' | '\\' | '`' | '*' | '[' | ']' | '~' | '#' | '!' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c => escaped.push(c),
        }
    }
    escaped
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_break_out_of_its_cell() {
        assert_eq!(
            escaped("a|b <img> @me `x` [y](z)"),
            "a\\|b &lt;img> &#64;me \\`x\\` \\[y\\](z)"
        );
        assert_eq!(escaped("ods_orders_d"), "ods_orders_d");
    }
}
