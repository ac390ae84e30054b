//! The plan for people and for programs.

use serde_json::{Value, json};

use super::plan::{Bump, Reason};

/// A line for each crate, and below it a line for each reason.
pub(crate) fn table(bumps: &[Bump]) -> String {
    if bumps.is_empty() {
        return "nothing to release\n".into();
    }
    let width = bumps.iter().map(|bump| bump.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for bump in bumps {
        let (name, from, to) = (&bump.name, &bump.from, &bump.to);
        let from = match bump.level {
            Some(_) => from.to_string(),
            None => "new".into(),
        };
        text.push_str(&format!("{name:<width$}  {from:>7} -> {to:<7}  {}\n", level(bump)));
        for reason in &bump.reasons {
            text.push_str(&format!("{:width$}  {reason}\n", ""));
        }
    }
    text
}

/// The same as a list, in the order of publishing.
pub(crate) fn json(bumps: &[Bump]) -> Value {
    let bump = |bump: &Bump| {
        json!({
            "crate": bump.name,
            "from": bump.level.map(|_| bump.from.to_string()),
            "to": bump.to.to_string(),
            "level": level(bump),
            "reasons": bump.reasons.iter().map(Reason::to_string).collect::<Vec<_>>(),
        })
    };
    bumps.iter().map(bump).collect()
}

fn level(bump: &Bump) -> String {
    bump.level.map_or("first".into(), |level| level.to_string())
}

#[cfg(test)]
mod tests {
    use semver::Version;

    use super::*;
    use crate::release::fragment::Level;

    fn bumps() -> Vec<Bump> {
        let bump = |name: &str, level, reason| Bump {
            name: name.into(),
            from: Version::new(0, 1, 0),
            to: Version::new(0, if level == Some(Level::Break) { 2 } else { 1 }, 0),
            level,
            reasons: vec![reason],
        };
        let why = Reason::Shows("model".into(), Version::new(0, 2, 0));
        vec![bump("model", None, Reason::NeverReleased), bump("rollout", Some(Level::Break), why)]
    }

    #[test]
    fn each_crate_has_a_line_and_each_reason_one_below() {
        assert_eq!(
            table(&bumps()),
            "model        new -> 0.1.0    first\n         first release\n\
             rollout    0.1.0 -> 0.2.0    break\n         break: shows types of model, which breaks with 0.2.0\n"
        );
        assert_eq!(table(&[]), "nothing to release\n");
    }

    #[test]
    fn a_first_release_comes_from_no_version() {
        let json = json(&bumps());
        assert_eq!(json[0]["from"], Value::Null);
        assert_eq!(json[0]["level"], "first");
        assert_eq!(json[1]["from"], "0.1.0");
        assert_eq!(json[1]["reasons"][0], "break: shows types of model, which breaks with 0.2.0");
    }
}
