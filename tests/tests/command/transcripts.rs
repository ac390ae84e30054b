//! The stories that the command was designed by, each with a state of its own.

use crate::bench::*;

/// Two packages that touch the same job, of which the first also deletes one.
const ORDERS_AND_CRM: &str = r#"
[[packages]]
id = 23
name = "orders_2025w46"
applicant = "li.wei"
applied_at = 2025-05-13T03:13:20Z
reviewers = ["zhang.min"]
tasks = [
    { id = 230, kind = "job", name = "ods_orders_d", change = "modify", pending_version = 15, deployed_version = 14 },
    { id = 231, kind = "script", name = "q_orders_check", change = "add", pending_version = 1 },
    { id = 232, kind = "job", name = "ods_orders_old", change = "delete", deployed_version = 9 },
]

[[packages]]
id = 24
name = "crm_fix"
applicant = "li.wei"
applied_at = 2025-05-13T05:00:00Z
tasks = [
    { id = 240, kind = "job", name = "ods_orders_d", change = "modify", pending_version = 16, deployed_version = 14 },
]
"#;

#[test]
fn a_lost_answer_is_reconciled_or_ends_as_unknown() {
    let faults = r#"
        [[faults]]
        on = "deploy"
        do = { reset-after-bytes = 40 }

        [[faults]]
        on = "deploy"
        do = { other-releases-before = ["23"] }
    "#;
    let bench = Bench::faulty(faults, SHORT);
    let output = bench.ends(7, "deploy 23 24 --no-start --yes --grace 1s --interval 50ms -o json");
    let document = json(&output);
    assert_eq!(document["outcome"], "unknown");
    assert_eq!(outcomes(&document), ["successful", "unknown"]);
    // Somebody else's release is no proof of ours.
    assert_eq!(document["packages"][0]["ours"], false);
    assert_eq!(document["packages"][0]["released_by"], "zhang.min");
    let text = stderr(&output);
    for said in [
        "answer lost after the request for 23 24 was sent",
        "Not sending again; asking the service.",
        "1 of 2 packages is unknown",
        "next: dls status 24",
        "--resend 24",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert_eq!(bench.requests_to("deploy"), 1);
    assert_eq!((bench.releases_of("23"), bench.releases_of("24")), (1, 0));
}

#[test]
fn a_plan_shows_what_a_release_will_change() {
    let bench = Bench::seeded(ORDERS_AND_CRM, SHORT);
    let output = bench.ends(21, "plan 23 24 --detailed-exitcode");
    let text = stdout(&output);
    let squeezed: Vec<String> =
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for (line, begins) in [
        (0, "Package 23 orders_2025w46 to-be-reviewed applied by li.wei "),
        (1, "~ job ods_orders_d v14 → v15 ! also in package 24 (v16): order matters"),
        (2, "+ script q_orders_check v1"),
        (3, "- job ods_orders_old v9 → (deleted in production)"),
        (4, "Package 24 crm_fix to-be-reviewed"),
        (5, "~ job ods_orders_d v14 → v16 ! also in package 23 (v15): order matters"),
        (6, "Start after release: not chosen (the service's default is START"),
        (7, "2 packages, 4 tasks: 1 add, 2 modify, 1 delete. 1 overlap."),
    ] {
        assert!(squeezed[line].starts_with(begins), "{line}: {text}");
    }
    assert!(squeezed[0].ends_with("reviewers: zhang.min"), "{text}");
    bench.ends(0, "plan 23 24");
    assert_eq!(bench.releases(), 0);
}

#[test]
fn an_outdated_plan_is_refused_with_the_differences() {
    let bench = Bench::seeded(ORDERS_AND_CRM, SHORT);
    bench.ends(0, "plan 23 24 --no-start --out plan.json");
    let bench =
        bench.becomes(&ORDERS_AND_CRM.replace("pending_version = 16", "pending_version = 17"));
    let output = bench.ends(9, "deploy --plan plan.json --allow-delete --in-order --yes -o json");
    assert_eq!(outcomes(&json(&output)), ["not-sent", "not-sent"]);
    let text = stderr(&output);
    let error = text.lines().find(|line| line.starts_with("error: "));
    let error = error.unwrap_or_else(|| panic!("{text}"));
    for said in ["out of date", "package 24", "ods_orders_d", "v17", "v16", "nothing was sent"] {
        assert!(error.contains(said), "{said}: {error}");
    }
    assert_eq!(bench.requests_to("deploy"), 0);
}

#[test]
fn watch_follows_each_task_to_its_end() {
    let bench = Bench::new(std::time::Duration::from_millis(900));
    bench.ends(0, "deploy 23 24 --no-start --no-wait");
    let output = bench.ends(0, "watch 23 24 --timeout 20m --interval 50ms --rate 100 -o json");
    let document = json(&output);
    assert_eq!(document["schema"], "dls.watch/1");
    assert_eq!(outcomes(&document), ["successful", "successful"]);
    let text = stderr(&output);
    for said in [
        "23 orders_2025w46  1/2 tasks  ods_orders_d successful",
        "23 orders_2025w46  2/2 tasks  ods_orders_clean successful",
        "24 crm_fix  2/2 tasks  crm_udf.jar successful",
        "24 crm_fix  successful",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert_eq!(bench.requests_to("deploy"), 1);
}
