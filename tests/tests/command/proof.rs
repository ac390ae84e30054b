//! `dls emulator simulate` as a user runs it.

use crate::bench::{bare, ended, json};

#[test]
fn random_cases_break_no_promise_and_reach_the_rare_states() {
    let args = ["emulator", "simulate", "--cases", "1500", "-o", "json"];
    let output = ended(0, bare().args(args));
    let tally = json(&output);
    assert_eq!(tally["cases"], 1500);
    for broken in
        ["double_sends", "false_successes", "false_failures", "other_violations", "endless"]
    {
        assert_eq!(tally[broken], 0, "{tally}");
    }
    // Every kind of fault occurred.
    for met in ["deploys", "crashes", "faults", "unknown"] {
        assert!(tally[met].as_u64().unwrap() > 300, "{tally}");
    }
}

#[test]
fn a_simulation_ends_with_one_line_of_counts() {
    let args = ["emulator", "simulate", "--cases", "20", "--seed", "7"];
    let output = ended(0, bare().args(args));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.starts_with("20 cases (") && text.contains(" 0 double sends"), "{text}");
}
