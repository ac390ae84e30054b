//! The planner: examples of a family of crates as ours, and laws over any.

use proptest::prelude::*;

use super::*;

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

/// `needs` holds names; one that ends in `!` is shown.
pub(crate) fn member(name: &str, needs: &[&str]) -> Member {
    let needs = needs.iter().map(|on| (on.trim_end_matches('!').into(), on.ends_with('!')));
    Member {
        name: name.into(),
        folder: String::new(),
        version: version("0.1.0"),
        released: Some(version("0.1.0")),
        needs: needs.collect(),
    }
}

fn family() -> Vec<Member> {
    vec![
        member("cli", &["dls"]),
        member("dls", &["model!", "rollout!", "transport!"]),
        member("emulator", &["model", "transport"]),
        member("model", &[]),
        member("rollout", &["model!"]),
        member("transport", &[]),
    ]
}

fn change(of: &str, level: Level) -> Change {
    Change { of: of.into(), level, path: format!("changes/{of}/x.md"), text: None }
}

/// Each bump as it is printed, a reason per line.
fn lines(members: &[Member], changes: &[(&str, Level)]) -> Vec<String> {
    let changes: Vec<Change> = changes.iter().map(|(of, level)| change(of, *level)).collect();
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    table(&plan(members, &changes).unwrap()).lines().map(words).collect()
}

#[test]
fn a_break_is_a_break_of_all_who_show_its_types_and_a_fix_of_those_who_need_it_and_else_nobody_follows()
 {
    let break_ = [
        "model 0.1.0 -> 0.2.0 break",
        "break: changes/model/x.md",
        "rollout 0.1.0 -> 0.2.0 break",
        "break: shows types of model, which breaks with 0.2.0",
        "dls 0.1.0 -> 0.2.0 break",
        "break: shows types of model, which breaks with 0.2.0",
        "break: shows types of rollout, which breaks with 0.2.0",
        "cli 0.1.0 -> 0.1.1 fix",
        "fix: needs dls, which breaks with 0.2.0",
        "emulator 0.1.0 -> 0.1.1 fix",
        "fix: needs model, which breaks with 0.2.0",
    ];
    let both = ["cli 0.1.0 -> 0.2.0 break", "fix: changes/cli/x.md", "break: changes/cli/x.md"];
    for (changes, expected) in [
        (&[("model", Level::Break)][..], &break_[..]),
        (&[], &["nothing to release"]),
        (&[("model", Level::Fix)], &["model 0.1.0 -> 0.1.1 fix", "fix: changes/model/x.md"]),
        (
            &[("model", Level::Feature)],
            &["model 0.1.0 -> 0.1.1 feature", "feature: changes/model/x.md"],
        ),
        (&[("cli", Level::Fix), ("cli", Level::Break)], &both),
    ] {
        assert_eq!(lines(&family(), changes), expected);
    }
}

#[test]
fn a_crate_without_a_tag_goes_out_as_it_is_and_a_bumped_one_is_not_bumped_twice() {
    let (mut first, mut bumped) = (family(), family());
    first[3].released = None;
    let changes = [("model", Level::Break)];
    // Nobody else: a first release breaks nothing.
    let expected = ["model new -> 0.1.0 first", "first release", "break: changes/model/x.md"];
    assert_eq!(lines(&first, &changes), expected);
    bumped[3].version = version("0.2.0");
    let expected = ["model 0.1.0 -> 0.2.0 break", "0.2.0 is in the manifest and has no tag yet"];
    assert_eq!(lines(&bumped, &changes)[..2], expected);
}

#[test]
fn from_one_on_a_break_is_the_first_number_and_a_feature_the_second() {
    for (from, level, to) in [
        ("0.3.7", Level::Break, "0.4.0"),
        ("0.3.7", Level::Feature, "0.3.8"),
        ("0.3.7", Level::Fix, "0.3.8"),
        ("1.2.3", Level::Break, "2.0.0"),
        ("1.2.3", Level::Feature, "1.3.0"),
        ("1.2.3", Level::Fix, "1.2.4"),
    ] {
        assert_eq!(next(&version(from), level), version(to), "{from} {level}");
    }
}

#[test]
fn a_circle_is_named() {
    let members = [("a", "b"), ("b", "c!"), ("c", "b")].map(|(name, on)| member(name, &[on]));
    let reason = plan(&members, &[]).unwrap_err().to_string();
    assert_eq!(reason, "some of these crates need each other: a, b, c");
}

/// Up to seven crates that need some of those before them, in any order.
fn members() -> impl Strategy<Value = Vec<Member>> {
    let needs = prop::collection::vec(prop::option::of(any::<bool>()), 7);
    let one = (needs, (0..2u64, 0..3u64, 0..3u64), prop::bool::weighted(0.8));
    // Against the order of needs, so that names alone give no right order.
    let name = |index: usize| format!("c{}", 9 - index);
    let member = move |(index, (needs, (major, minor, patch), released)): (usize, _)| {
        let needs: Vec<Option<bool>> = needs;
        let needs = needs.iter().take(index).enumerate();
        let version = Version::new(major, minor, patch);
        Member {
            name: name(index),
            folder: String::new(),
            released: bool::then_some(released, version.clone()),
            version,
            needs: needs.filter_map(|(on, shows)| Some((name(on), (*shows)?))).collect(),
        }
    };
    prop::collection::vec(one, 1..7)
        .prop_map(move |rows| rows.into_iter().enumerate().map(member).collect::<Vec<_>>())
        .prop_shuffle()
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let level = prop::sample::select(vec![Level::Fix, Level::Feature, Level::Break]);
    let one = (3..10, level).prop_map(|(crate_, level)| change(&format!("c{crate_}"), level));
    prop::collection::vec(one, 0..5)
}

proptest! {
    #[test]
    fn each_crate_comes_after_what_it_needs_whatever_the_order_of_the_input(members in members(), changes in changes()) {
        let ordered = order(&members).unwrap();
        let place = |name: &str| ordered.iter().position(|member| member.name == name).unwrap();
        for member in &members {
            prop_assert!(member.needs.keys().all(|on| place(on) < place(&member.name)));
        }
        let mut turned = members.clone();
        turned.reverse();
        prop_assert_eq!(plan(&members, &changes).unwrap(), plan(&turned, &changes).unwrap());
    }

    #[test]
    fn bumps_have_reasons_and_what_is_not_bumped_takes_the_new_versions(members in members(), changes in changes()) {
        let bumps = plan(&members, &changes).unwrap();
        for bump in &bumps {
            prop_assert!(!bump.reasons.is_empty());
            prop_assert!(bump.member.released.as_ref().is_none_or(|from| bump.to > *from));
        }
        let bump = |name: &str| bumps.iter().find(|bump| bump.member.name == name);
        for member in &members {
            let own = bump(&member.name);
            for (on, shows) in &member.needs {
                let Some(on) = bump(on) else { continue };
                if own.is_none() {
                    let released = on.member.released.as_ref().unwrap_or(&on.to);
                    prop_assert!(takes(released, &on.to), "{} needs {}", member.name, on.member.name);
                }
                // Whoever shows the types of what breaks breaks.
                if *shows && on.level == Some(Level::Break) && member.released.is_some() {
                    prop_assert_eq!(own.and_then(|own| own.level), Some(Level::Break));
                }
            }
        }
    }

    #[test]
    fn a_release_that_stopped_anywhere_goes_on_to_the_same_versions(
        mut members in members(), changes in changes(), done in 0..7usize,
    ) {
        let bumps = plan(&members, &changes).unwrap();
        let bumps: Vec<_> = bumps.iter().map(|bump| (bump.member.name.clone(), bump.to.clone())).collect();
        // Bumped, and tagged up to `done`.
        for member in &mut members {
            if let Some(place) = bumps.iter().position(|(name, _)| *name == member.name) {
                member.version = bumps[place].1.clone();
                if place < done {
                    member.released = Some(member.version.clone());
                }
            }
        }
        let left = bumps.get(done..).unwrap_or_default();
        let again = plan(&members, &[]).unwrap();
        let again = again.iter().map(|bump| (bump.member.name.clone(), bump.to.clone()));
        prop_assert_eq!(again.collect::<Vec<_>>(), left);
    }
}
