//! The fault plan as a file: errors in it are named.

use dls_emulator::FaultPlan;

#[test]
fn an_error_in_a_plan_is_one_line_with_its_number_and_key() {
    let rule = |text: &str| format!("[[faults]]\non = \"deploy\"\n{text}\n");
    let connection = |text: &str| rule(text).replace("deploy", "connection");
    for (text, line, expected) in [
        ("sed = 7".to_owned(), 1, "unknown key \"sed\", expected one of \"seed\""),
        (rule("do = \"reset\"\nof = 3"), 4, "unknown key \"of\", expected one of \"on\""),
        (rule("nth = 1"), 1, "missing key \"do\""),
        ("[[faults]]\non = \"moon\"".to_owned(), 2, "key \"on\": unknown value \"moon\""),
        (
            rule("do = \"explode\""),
            3,
            "key \"do\": unknown fault \"explode\", expected one of refuse",
        ),
        (rule("do = 7"), 3, "key \"do\": expected a fault such as"),
        (rule("do = {}"), 3, "it names no fault"),
        (rule("do = { reset = 1 }"), 3, "\"reset\" takes no parameter"),
        (rule("do = { copy = \"1s\", lag = \"1s\" }"), 3, "one fault, not \"copy\" and \"lag\""),
        (rule("do = \"status\""), 3, "\"status\" takes a status from 200 to 599"),
        (rule("do = { status = 101 }"), 3, "\"status\" takes a status"),
        (rule("do = { status = \"502\" }"), 3, "\"status\" takes a status"),
        (rule("do = { reset-after-bytes = -1 }"), 3, "takes a number of bytes"),
        (rule("do = { padded = 99999999999 }"), 3, "takes a number of bytes, at most"),
        (rule("do = \"lag\""), 3, "\"lag\" takes a time such as 500ms"),
        (rule("do = { lag = \"5\" }"), 3, "\"lag\" takes a time such as 500ms"),
        (rule("do = { copy = \"25000m\" }"), 3, "at most a day"),
        (rule("do = { skew = \"--1s\" }"), 3, "\"skew\" takes a time such as 20m, or -20m"),
        (rule("do = { redirect = \"a\\nb\" }"), 3, "\"redirect\" takes an address"),
        (rule("do = { other-releases-before = \"23\" }"), 3, "takes package ids such as"),
        (rule("do = \"reset\"\nnth = 0"), 4, "key \"nth\": invalid value"),
        (
            rule("do = \"reset\"\nnth = 1\nevery = 2"),
            1,
            "only one of \"nth\", \"every\" and \"chance\"",
        ),
        (rule("do = \"reset\"\nchance = 1.5"), 1, "key \"chance\" is a number from 0 to 1"),
        (rule("do = \"refuse\""), 1, "\"refuse\" applies to connections"),
        (rule("do = \"tls-close\""), 1, "\"tls-close\" applies to connections"),
        (connection("do = \"html\""), 1, "\"html\" applies to requests"),
        (connection("do = \"close\"\ndone = true"), 1, "key \"done\": \"close\" does not change"),
        (rule("do = { lag = \"1s\" }\ndone = true"), 1, "key \"done\": \"lag\" does not change"),
        (
            rule("do = \"html\"\nretry-after = \"1\""),
            1,
            "key \"retry-after\" goes with \"throttle\"",
        ),
        (rule("do = \"throttle\"\nretry-after = \"a\\nb\""), 1, "is not a header value"),
        ("[[faults]\n".to_owned(), 1, ""),
    ] {
        let error = FaultPlan::from_toml(&text).expect_err(&text);
        let shown = error.to_string();
        assert_eq!(error.line, line, "{text}: {shown}");
        assert!(shown.starts_with(&format!("line {line}: ")), "{shown}");
        assert!(shown.contains(expected), "{text}: {shown}");
        assert_eq!(shown.lines().count(), 1, "{shown}");
    }
}
