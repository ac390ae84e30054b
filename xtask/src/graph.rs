//! Circles in what needs what: of crates, and of the files of one crate.

use std::collections::{BTreeMap, BTreeSet};

/// What each name needs.
pub(crate) type Graph = BTreeMap<String, BTreeSet<String>>;

/// The groups of two or more that all need each other, directly or not.
pub(crate) fn circles(graph: &Graph) -> Vec<BTreeSet<&str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        graph.keys().map(|name| (name.as_str(), reached_from(name, graph))).collect();
    let mut circles: Vec<BTreeSet<&str>> = Vec::new();
    for (name, below) in &reached {
        let is_mutual = |other: &&&str| reached.get(**other).is_some_and(|to| to.contains(name));
        let circle: BTreeSet<&str> = below.iter().filter(is_mutual).copied().collect();
        if circle.len() > 1 && !circles.contains(&circle) {
            circles.push(circle);
        }
    }
    circles
}

fn reached_from<'a>(start: &str, graph: &'a Graph) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut left = vec![start];
    while let Some(name) = left.pop() {
        for to in graph.get(name).into_iter().flatten() {
            if reached.insert(to.as_str()) {
                left.push(to);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_is_all_that_need_each_other_and_not_what_leads_there() {
        let graph = |edges: &[(&str, &str)]| {
            let mut graph = Graph::new();
            for (from, to) in edges {
                graph.entry((*from).into()).or_default().insert((*to).into());
            }
            graph
        };
        let two = graph(&[("a", "b"), ("b", "c"), ("c", "b"), ("b", "d"), ("e", "f"), ("f", "e")]);
        assert_eq!(circles(&two), [BTreeSet::from(["b", "c"]), BTreeSet::from(["e", "f"])]);
        assert!(circles(&graph(&[("a", "a"), ("a", "b"), ("c", "b")])).is_empty());
    }
}
