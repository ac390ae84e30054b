//! Changes and what follows from them, as a section of a crate's changelog.

use super::{
    change::{Change, Level},
    plan::{Bump, Reason},
};

/// The items of one release of one crate: its own changes, and what comes from the crates that it needs.
pub(crate) fn items(bump: &Bump<'_>, changes: &[Change]) -> Vec<(Level, String)> {
    let own = changes.iter().filter(|change| change.of == bump.member.name);
    let own = own.filter_map(|change| Some((change.level, change.text.clone()?)));
    let from_below = bump.reasons.iter().filter_map(|reason| match reason {
        Reason::Shows(on, version) => Some((
            Level::Break,
            format!("Shows types of `{on}` {version}, which breaks.\n\nMigration: see the changelog of `{on}`."),
        )),
        Reason::Needs(on, version) => Some((Level::Fix, format!("Needs `{on}` {version}."))),
        Reason::NeverReleased | Reason::Pending(_) | Reason::Change(..) => None,
    });
    own.chain(from_below).collect()
}

/// The changelog `text` with these items under `version`. What stood under *Unreleased* is released
/// with it; an item that is there already is not repeated.
pub(crate) fn with(text: &str, version: &str, items: &[(Level, String)]) -> String {
    let heading = format!("## {version}\n");
    let text = text.replacen("## Unreleased\n", &heading, 1);
    let (before, rest) =
        text.split_once(&heading).unwrap_or_else(|| text.split_at(next_section(&text)));
    let (section, after) = rest.split_at(next_section(rest));
    let added = added(section, items);
    let parts = [before, &heading, section, &added, after].map(str::trim);
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n") + "\n"
}

/// Where the next section begins.
fn next_section(text: &str) -> usize {
    if text.starts_with("## ") { 0 } else { text.find("\n## ").map_or(text.len(), |at| at + 1) }
}

fn added(section: &str, items: &[(Level, String)]) -> String {
    // Whole lines: one item may begin like another.
    let lines = format!("\n{section}\n");
    let mut text = String::new();
    for level in Level::ALL {
        let items = items.iter().filter(|(of, _)| *of == level);
        // As one item of a list: what follows the first line is moved in.
        let items = items.map(|(_, text)| {
            format!("- {}\n", text.replace('\n', "\n  ").replace("\n  \n", "\n\n"))
        });
        let new: String = items.filter(|item| !lines.contains(&format!("\n{item}"))).collect();
        if !new.is_empty() {
            text.push_str(&format!("### {}\n\n{new}\n", level.heading()));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use semver::Version;

    use super::*;
    use crate::release::plan::tests::member;

    const OLD: &str = "# Changelog\n\n## 0.1.0\n\n- First version.\n";

    #[test]
    fn a_version_stands_above_the_last_one_with_its_migration_and_nothing_is_repeated() {
        let items = vec![
            (Level::Fix, "Counts right.".into()),
            (Level::Break, "Ids are wide.\n\nMigration: say `Wide`.".into()),
        ];
        let once = with(OLD, "0.2.0", &items);
        assert_eq!(
            once,
            "# Changelog\n\n## 0.2.0\n\n### Breaking\n\n- Ids are wide.\n\n  Migration: say `Wide`.\n\n\
             ### Fixed\n\n- Counts right.\n\n## 0.1.0\n\n- First version.\n"
        );
        assert_eq!(with(&once, "0.2.0", &items), once);
        let more = with(&once, "0.2.0", &[(Level::Feature, "Reads more.".into())]);
        let (section, old) = more.split_once("## 0.1.0").unwrap();
        assert!(section.ends_with("### New\n\n- Reads more.\n\n"), "{more}");
        assert!(old.contains("First version."));
    }

    #[test]
    fn what_was_unreleased_is_released() {
        let text = with("# Changelog\n\n## Unreleased\n\n- First version.\n", "0.1.0", &[]);
        assert_eq!(text, OLD);
    }

    #[test]
    fn an_item_that_begins_like_another_is_added_too() {
        let more = with(OLD, "0.2.0", &[(Level::Fix, "Counts right, always.".into())]);
        let both = with(&more, "0.2.0", &[(Level::Fix, "Counts right".into())]);
        assert!(both.contains("- Counts right\n"), "{both}");
    }

    #[test]
    fn a_break_from_below_says_where_to_read_on() {
        let (member, to) = (member("rollout", &["model!"]), Version::new(0, 2, 0));
        let reasons = vec![Reason::Shows("model".into(), to.clone())];
        let bump = Bump { member: &member, to, level: Some(Level::Break), reasons };
        let items = items(&bump, &[]);
        assert_eq!(items[0].0, Level::Break);
        assert!(items[0].1.ends_with("Migration: see the changelog of `model`."));
    }
}
