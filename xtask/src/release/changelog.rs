//! Fragments and cascades as a section of a crate's changelog.

use super::{
    fragment::{Fragment, LEVELS, Level},
    plan::{Bump, Reason},
};

/// The items of one release of one crate: what its fragments say, and what comes from below.
pub(crate) fn items(bump: &Bump, fragments: &[Fragment]) -> Vec<(Level, String)> {
    let own = fragments.iter().filter(|fragment| fragment.of == bump.name);
    let own = own.map(|fragment| (fragment.level, fragment.text.clone()));
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
/// with it; an item that is there already is not told twice.
pub(crate) fn with(text: &str, version: &str, items: &[(Level, String)]) -> String {
    let heading = format!("## {version}\n");
    let text = text.replacen("## Unreleased\n", &heading, 1);
    let (before, section, after) = match text.split_once(&heading) {
        Some((before, rest)) => match rest.find("\n## ") {
            Some(end) => {
                let (section, after) = rest.split_at(end + 1);
                (before, section, after)
            }
            None => (before, rest, ""),
        },
        None => match text.find("\n## ") {
            Some(end) => {
                let (before, after) = text.split_at(end + 1);
                (before, "", after)
            }
            None => (text.as_str(), "", ""),
        },
    };
    let section = [section.trim(), added(section, items).trim()].join("\n\n");
    let parts = [before.trim_end(), heading.trim(), section.trim(), after.trim()];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n\n") + "\n"
}

fn added(section: &str, items: &[(Level, String)]) -> String {
    let mut text = String::new();
    for (level, _, heading) in LEVELS {
        let items = items.iter().filter(|(of, _)| *of == level);
        let items: Vec<String> = items.map(|(_, text)| item(text)).collect();
        // Whole lines: one item may begin like another.
        let lines = format!("\n{section}\n");
        let is_new = |item: &&String| !lines.contains(&format!("\n{item}\n"));
        let new: Vec<&String> = items.iter().filter(is_new).collect();
        if !new.is_empty() {
            text.push_str(&format!("### {heading}\n\n"));
            new.iter().for_each(|item| text.push_str(&format!("{item}\n")));
            text.push('\n');
        }
    }
    text
}

/// Markdown as one item of a list: what follows the first line is moved in.
fn item(text: &str) -> String {
    let mut lines = text.lines();
    let mut item = format!("- {}", lines.next().unwrap_or_default());
    for line in lines {
        item.push('\n');
        if !line.is_empty() {
            item.push_str(&format!("  {line}"));
        }
    }
    item
}

#[cfg(test)]
mod tests {
    use semver::Version;

    use super::*;

    const OLD: &str = "# Changelog\n\n## 0.1.0\n\n- First version.\n";

    fn breaking() -> Vec<(Level, String)> {
        vec![
            (Level::Fix, "Counts right.".into()),
            (Level::Break, "Ids are wide.\n\nMigration: say `Wide`.".into()),
        ]
    }

    #[test]
    fn a_version_stands_above_the_last_one_with_its_migration() {
        assert_eq!(
            with(OLD, "0.2.0", &breaking()),
            "# Changelog\n\n## 0.2.0\n\n### Breaking\n\n- Ids are wide.\n\n  Migration: say `Wide`.\n\n\
             ### Fixed\n\n- Counts right.\n\n## 0.1.0\n\n- First version.\n"
        );
    }

    #[test]
    fn what_was_unreleased_is_released() {
        let text = with("# Changelog\n\n## Unreleased\n\n- First version.\n", "0.1.0", &[]);
        assert_eq!(text, OLD);
    }

    #[test]
    fn nothing_is_told_twice() {
        let once = with(OLD, "0.2.0", &breaking());
        assert_eq!(with(&once, "0.2.0", &breaking()), once);
        let more = with(&once, "0.2.0", &[(Level::Feature, "Reads more.".into())]);
        let (section, old) = more.split_once("## 0.1.0").unwrap();
        assert!(section.ends_with("### New\n\n- Reads more.\n\n"), "{more}");
        assert!(old.contains("First version."));
    }

    #[test]
    fn an_item_that_begins_like_another_is_told_too() {
        let more = with(OLD, "0.2.0", &[(Level::Fix, "Counts right, always.".into())]);
        let both = with(&more, "0.2.0", &[(Level::Fix, "Counts right".into())]);
        assert!(both.contains("- Counts right\n"), "{both}");
    }

    #[test]
    fn a_break_from_below_says_where_to_read_on() {
        let bump = Bump {
            name: "rollout".into(),
            from: Version::new(0, 1, 0),
            to: Version::new(0, 2, 0),
            level: Some(Level::Break),
            reasons: vec![Reason::Shows("model".into(), Version::new(0, 2, 0))],
        };
        let items = items(&bump, &[]);
        assert_eq!(items[0].0, Level::Break);
        assert!(items[0].1.ends_with("Migration: see the changelog of `model`."));
    }
}
