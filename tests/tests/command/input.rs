//! Wrong input: one line that names it, one on what to do next, and nothing is sent.

use std::process::Stdio;

use crate::bench::*;

/// What is typed, and what the error must name.
const WRONG: [(&str, &str); 53] = [
    // Commands and flags.
    ("deployx 23", "did you mean deploy?"),
    ("deploy 23 --no-starts", "did you mean --no-start?"),
    ("list --status fail", "did you mean failed?"),
    ("wait", "<ID>"),
    ("plan", "<ID>"),
    ("deploy --no-start", "<ID>"),
    ("deploy 23", "add --start or --no-start"),
    ("deploy 23 --start --no-start", "--no-start"),
    ("plan 23 --start --no-start", "--no-start"),
    ("deploy 23 --plan plan.json", "--plan"),
    ("resume --resend 23", "<RUN>"),
    ("resume 20251124-104107-7f3a --no-fence", "--resend"),
    // Ids.
    ("deploy 23 23 --no-start", "23"),
    ("deploy x --no-start", "'x'"),
    ("deploy 作业 --no-start", "作"),
    ("deploy 0 --no-start", "0"),
    ("deploy @twice.txt --no-start", "23"),
    ("plan 24 @twice.txt", "24"),
    ("watch @word.txt", "line 2"),
    ("wait @empty.txt", "@empty.txt"),
    ("deploy @missing.txt --no-start", "@missing.txt"),
    ("deploy - --no-start", "stdin"),
    ("resume r-1 --resend @empty.txt", "@empty.txt"),
    ("resume ../../etc/passwd", "run name"),
    // Values.
    ("deploy 23 --no-start --timeout soon", "--timeout"),
    ("watch 23 --timeout -1s", "-1"),
    ("deploy 23 --no-start --connect-timeout 0", "--connect-timeout"),
    ("deploy 23 --no-start --request-timeout 0s", "--request-timeout"),
    ("deploy 23 --no-start --journal-timeout 0", "--journal-timeout"),
    ("deploy 23 --no-start --journal-timeout soon", "--journal-timeout"),
    ("deploy 23 --no-start --interval 0", "--interval"),
    ("deploy 23 --no-start --interval 5s..1s", "--interval"),
    ("deploy 23 --no-start --grace soon", "--grace"),
    ("deploy 23 --no-start --if-released maybe", "--if-released"),
    ("deploy 23 --no-start --on-lost-answer again", "--on-lost-answer"),
    ("deploy 23 --no-start --rate 0", "--rate"),
    ("deploy 23 --no-start --max-attempts 0", "--max-attempts"),
    ("deploy 23 --no-start --journal=", "--journal"),
    ("resume --journal off", "--journal off"),
    ("history --journal off", "--journal off"),
    ("list --endpoint dayu.example.com", "endpoint"),
    ("list --endpoint https://dayu.example.com/v2", "endpoint"),
    ("list --endpoint https://me:hunter2@dayu.example.com", "endpoint"),
    ("list --workspace x", "workspace"),
    ("list --project-id a/b", "project id"),
    // Formats that another command has.
    ("list -o markdown", "plan only"),
    ("status 23 -o markdown", "plan only"),
    ("deploy 23 --start -o markdown", "plan only"),
    ("list -o ndjson", "deploy, resume, watch and wait only"),
    // The emulator.
    ("emulator serve --rate-limit fast", "--rate-limit"),
    ("emulator serve --rate-limit 0", "--rate-limit"),
    ("emulator serve --assume list-offset=bytes", "--assume"),
    ("emulator serve --listen here", "--listen"),
];

#[test]
fn wrong_input_is_named_in_one_line_and_sends_nothing() {
    let bench = Bench::quick();
    bench.write("twice.txt", "23 24\n23");
    bench.write("word.txt", "23\nx24\n");
    bench.write("empty.txt", " \n");
    let typed = WRONG.map(|(args, named)| (args.split(' ').collect(), named));
    let ids = ["2 3", "23\n24", ""].map(|id| (vec!["status", id], "id"));
    for (args, named) in typed.into_iter().chain(ids) {
        let output = ended(2, bench.dls().args(&args).stdin(Stdio::null()));
        let text = stderr(&output);
        assert!(text.starts_with("error: ") && text.lines().count() <= 2, "{args:?}: {text}");
        assert!(text.contains(named), "{args:?}: {text}");
        assert!(!text.contains("hunter2"), "{args:?}: {text}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
    assert_eq!(bench.requests(), 0);
}

#[test]
fn a_format_that_is_a_setting_is_replaced_where_a_command_does_not_have_it() {
    let bench = Bench::quick();
    for (form, args) in [("ndjson", "list"), ("markdown", "status 23")] {
        let output = ended(0, &mut bench.dls_with([("DLS_OUTPUT", form)], args));
        // Whoever reads lines of JSON reads a document of it, too.
        let is_json = serde_json::from_slice::<serde_json::Value>(&output.stdout).is_ok();
        assert_eq!(is_json, form == "ndjson", "{}", stdout(&output));
    }
}

#[test]
fn missing_settings_are_named() {
    let bench = Bench::quick();
    for (variable, exit_code) in [
        ("HUAWEICLOUD_SDK_PROJECT_ID", 2),
        ("DLS_WORKSPACE", 2),
        ("DLS_ENDPOINT", 2),
        ("HUAWEICLOUD_SDK_SK", 4),
    ] {
        let mut command = bench.dls_with([], "deploy 23 --no-start -o json");
        let output = ended(exit_code, command.env_remove(variable));
        if exit_code == 4 {
            let document = json(&output);
            assert_eq!(document["outcome"], "refused");
            assert_eq!(outcomes(&document), ["not-sent"]);
        }
        says(&output, variable);
    }
    // A key that cannot be used is named with the reason, but never shown.
    let wrong = [("HUAWEICLOUD_SDK_SK", "example\nsecret")];
    let output = ended(4, &mut bench.dls_with(wrong, "list"));
    says(&output, "HUAWEICLOUD_SDK_SK is not usable: ");
    assert!(!stderr(&output).contains("example"));
    assert_eq!(bench.requests(), 0);
}

#[test]
fn a_state_file_with_an_unknown_key_is_refused_with_key_and_line() {
    let bench = Bench::quick();
    let seed = stdout(&bench.run("emulator seed"));
    bench.write("state.toml", &seed.replacen("role =", "rolle =", 1));
    let output = bench.ends(2, "emulator serve --state state.toml");
    says(&output, "rolle");
    says(&output, "line ");
}
