//! A plan for a pull request.

use dls::rollout::PlannedPackage;

use super::review::Review;
use super::table::{consents, kind, name, sign, start_line, summary, text, versions};
use crate::json::{self, display};

pub(super) fn of(review: &Review<'_>) -> String {
    let destination = &review.plan.destination;
    let mut lines = vec![
        format!("### Release plan: {}", escaped(&summary(review))),
        String::new(),
        format!(
            "Workspace {} at {}, plan `{}`.",
            code(destination.workspace.as_str()),
            code(&destination.endpoint),
            review.hash.chars().take(12).collect::<String>()
        ),
        String::new(),
    ];
    for consent in consents(review) {
        lines.extend([format!("> **{}**", escaped(&consent)), String::new()]);
    }
    lines.extend([
        "| package | status | applied by | change | kind | name | version |".to_owned(),
        "| --- | --- | --- | --- | --- | --- | --- |".to_owned(),
    ]);
    lines.extend(review.plan.packages.iter().flat_map(rows));
    lines.extend([String::new(), escaped(&start_line(review))]);
    lines.join("\n")
}

/// One row for each task; the first one has what is the same for all of a package.
fn rows(planned: &PlannedPackage) -> Vec<String> {
    let package = &planned.seen.package;
    let head = format!(
        "| {} {} | {} | {} |",
        planned.id,
        escaped(&text(package.name.as_deref())),
        escaped(&display(package.status).unwrap_or_default()),
        escaped(&text(json::user_name(package.applicant.as_ref())))
    );
    let tasks = &planned.seen.tasks;
    if tasks.is_empty() {
        return vec![format!("{head} | | | |")];
    }
    let heads = std::iter::once(head).chain(std::iter::repeat("| | | |".to_owned()));
    let rows = heads.zip(tasks).map(|(head, task)| {
        let change = display(task.change).unwrap_or_default();
        format!(
            "{head} {} | {} | {} | {} |",
            escaped(&format!("{} {change}", sign(task))),
            kind(task),
            escaped(&name(task)),
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
