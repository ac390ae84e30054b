//! Faults without sockets: when rules fire, what the client receives, what the ledger records, and errors in plans.

use std::time::Duration;

use dls_emulator::{ConnectionEnd, FaultPlan, Initiator, ResponseEffect};
use http::Request;
use serde_json::json;

use crate::support::*;

/// A plan of rules that are given as the lines of each.
pub(crate) fn plan(rules: &[&str]) -> FaultPlan {
    let rules = rules.iter().map(|rule| format!("[[faults]]\n{rule}\n"));
    FaultPlan::from_toml(&rules.collect::<String>()).unwrap()
}

fn faulty(rules: &[&str]) -> World {
    World::of(builder().faults(plan(rules)))
}

/// All deploys get this fault; `more` is added to the rule.
fn faulty_deploy(fault: &str, more: &str) -> World {
    faulty(&[&format!("on = \"deploy\"\ndo = {fault}\n{more}")])
}

impl World {
    fn effect(&mut self, ask: Ask) -> ResponseEffect {
        let request = ask.signed(self.now);
        self.engine.answer(self.now, &request)
    }

    /// The bytes that are received instead of an answer, and the pause between them.
    fn raw(&mut self, ask: Ask) -> (String, Duration) {
        match self.effect(ask) {
            ResponseEffect::Raw { bytes, pause, end: ConnectionEnd::Close } => {
                (String::from_utf8(bytes).unwrap(), pause)
            }
            other => panic!("{other:?}"),
        }
    }

    /// Of each request: whether the service saw it, its status, and its faults.
    fn requests(&mut self) -> Vec<(bool, Option<u16>, String)> {
        let requests = self.ledger().requests.into_iter();
        requests.map(|row| (row.seen, row.status, row.faults.join(" "))).collect()
    }

    /// Of each release: the package, and who caused it.
    fn released_by(&mut self) -> Vec<String> {
        let releases = self.ledger().releases.into_iter();
        releases.map(|row| format!("{} {:?}", row.package_id, row.by)).collect()
    }
}

/// Head and body of an answer in bytes, and its `Content-Length`.
fn parts(text: &str) -> (&str, &str, usize) {
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    (head, body, length.unwrap().parse().unwrap())
}

#[test]
fn a_rule_applies_only_to_what_it_names() {
    for on in ["deploy", "list", "show", "revoke", "system-task", "any"] {
        let mut world = faulty(&[&format!("on = {on:?}\ndo = {{ status = 502 }}")]);
        for (name, ask) in [
            ("deploy", deploy(&["23"])),
            ("list", list(json!({}))),
            ("show", show("23")),
            ("revoke", revoke(&["24"])),
            ("system-task", system_task("x")),
            ("any", get("/nowhere".to_owned())),
        ] {
            let applies = on == "any" || on == name;
            assert_eq!(world.ask(ask).status == 502, applies, "{on} {name}");
        }
        let page = Request::get("/__emulator/health").body(Vec::new()).unwrap();
        world.send(&page).assert_ok();
    }
}

#[test]
fn nth_every_chance_and_times_choose_among_the_requests_of_a_rule() {
    for (when, expected) in [
        ("", vec![1, 2, 3, 4, 5, 6, 7]),
        ("nth = 2", vec![2]),
        ("every = 3", vec![3, 6]),
        ("times = 2", vec![1, 2]),
        ("every = 2\ntimes = 2", vec![2, 4]),
        ("chance = 1.0", vec![1, 2, 3, 4, 5, 6, 7]),
        ("chance = 0.0", vec![]),
    ] {
        let mut world = faulty(&[&format!("on = \"show\"\ndo = \"html\"\n{when}")]);
        world.deploy(&["23"]).assert_ok();
        let mut fires = |_: &i32| world.show("23").body.is_null();
        assert_eq!((1..=7).filter(&mut fires).collect::<Vec<_>>(), expected, "{when}");
    }
}

#[test]
fn the_first_two_lists_are_answered_503() {
    let mut world = faulty(&["on = \"list\"\ntimes = 2\ndo = { status = 503 }"]);
    let statuses = [0; 4].map(|_| world.list(json!({})).status);
    assert_eq!(statuses, [503, 503, 200, 200]);
}

#[test]
fn chance_is_the_same_for_the_same_seed_and_another_for_another() {
    let hits = |seed: u64| {
        let rule = "[[faults]]\non = \"show\"\nchance = 0.5\ndo = \"html\"";
        let plan = FaultPlan::from_toml(&format!("seed = {seed}\n{rule}")).unwrap();
        let mut world = World::of(builder().faults(plan));
        (0..64).map(|_| world.show("23").body.is_null()).collect::<Vec<_>>()
    };
    assert_eq!(hits(7), hits(7));
    assert_ne!(hits(7), hits(8));
    let count = hits(7).into_iter().filter(|hit| *hit).count();
    assert!((16..48).contains(&count), "{count}");
}

#[test]
fn the_first_rule_that_changes_the_response_wins_and_the_next_is_not_used_up() {
    let mut world = faulty(&[
        "on = \"show\"\nnth = 1\ndo = { status = 502 }",
        "on = \"show\"\ntimes = 1\ndo = { status = 504 }",
    ]);
    assert_eq!([0; 3].map(|_| world.show("23").status), [502, 504, 200]);
}

/// What the client receives, in short.
fn described(effect: &ResponseEffect) -> String {
    match effect {
        ResponseEffect::Answer(answer) => {
            let kind = answer.headers().get("content-type").map_or("", |it| it.to_str().unwrap());
            let id = answer.headers().contains_key("x-request-id");
            let is_html = answer.body().starts_with(b"<html>");
            format!("{} {kind} html={is_html} id={id}", answer.status().as_u16())
        }
        ResponseEffect::Raw { bytes, end, .. } => {
            let is_http = bytes.starts_with(b"HTTP/1.1 200 OK\r\n");
            format!("{} http={is_http} {end:?}", if bytes.is_empty() { "nothing" } else { "bytes" })
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_client_receives_what_the_rule_says_and_the_request_is_executed_if_it_says_so() {
    let json = "application/json html=false id=true";
    let proxy = "text/html html=true id=false";
    // Of a request that is cut nothing can be executed.
    for (fault, expected, default) in [
        ("\"close\"", "nothing http=false Close".to_owned(), Some(true)),
        ("\"reset\"", "nothing http=false Reset".to_owned(), Some(true)),
        ("\"silence\"", "nothing http=false Silence".to_owned(), Some(true)),
        ("{ close-after-bytes = 40 }", "nothing http=false Close".to_owned(), None),
        ("{ reset-after-bytes = 40 }", "nothing http=false Reset".to_owned(), None),
        ("{ silence-after-bytes = 40 }", "nothing http=false Silence".to_owned(), None),
        ("{ status = 502 }", format!("502 {proxy}"), Some(true)),
        ("{ status = 503 }", format!("503 {proxy}"), Some(true)),
        ("{ status = 429 }", format!("429 {proxy}"), Some(true)),
        ("\"html\"", format!("200 {proxy}"), Some(true)),
        ("\"redirect\"", format!("307 {proxy}"), Some(true)),
        ("\"throttle\"", format!("429 {json}"), Some(false)),
        ("\"partly-done\"", format!("429 {json}"), Some(true)),
        ("{ nested-code = 400 }", format!("400 {json}"), Some(true)),
        ("\"garbage\"", "bytes http=false Close".to_owned(), Some(true)),
        ("\"empty\"", format!("200 {json}"), Some(true)),
        ("\"truncated\"", "bytes http=true Close".to_owned(), Some(true)),
        ("\"overlong\"", "bytes http=true Close".to_owned(), Some(true)),
        ("{ padded = 1000 }", format!("200 {json}"), Some(true)),
        ("\"drip\"", "bytes http=true Close".to_owned(), Some(true)),
    ] {
        let name = fault.trim_matches(['"', '{', ' ']).split(' ').next().unwrap();
        let both = default.map(|_| [("done = true", true), ("done = false", false)]);
        let variants = both.into_iter().flatten().chain([("", default == Some(true))]);
        for (done, is_done) in variants {
            let mut world = faulty_deploy(fault, done);
            let effect = world.effect(deploy(&["23"]));
            assert_eq!(described(&effect), expected, "{fault} {done}");
            assert_eq!(world.releases(), usize::from(is_done), "{fault} {done}");
            assert_eq!(world.requests(), [(is_done, is_done.then_some(200), name.to_owned())]);
            let request = &world.ledger().requests[0];
            assert!(!request.answered && request.operation == Some("deploy"));
            assert_eq!(request.packages, ["23"]);
        }
    }
}

#[test]
fn a_redirect_and_retry_after_are_what_the_rule_says() {
    for (fault, more, header, expected) in [
        ("\"redirect\"", "", "location", Some("https://elsewhere.invalid/")),
        ("{ redirect = \"http://127.0.0.1:1/x\" }", "", "location", Some("http://127.0.0.1:1/x")),
        ("\"throttle\"", "", "retry-after", None),
        ("\"throttle\"", "retry-after = \"2\"", "retry-after", Some("2")),
        ("{ status = 503 }", "retry-after = \"soon\"", "retry-after", Some("soon")),
    ] {
        let received = faulty_deploy(fault, more).ask(deploy(&["23"]));
        assert_eq!(received.header(header), expected, "{fault} {more}");
    }
    let throttled = faulty_deploy("\"throttle\"", "").ask(deploy(&["23"]));
    throttled.assert_refused(429, "APIGW.0308");
}

#[test]
fn a_partly_executed_deploy_releases_the_first_half_and_has_a_nested_code() {
    for (fault, status) in [("\"partly-done\"", 429), ("{ partly-done = 400 }", 400)] {
        let mut world = faulty_deploy(fault, "");
        let received = world.ask(deploy(&["23", "24", "31"]));
        assert_eq!(received.status, status);
        let expected = json!({
            "status": "partly done",
            "deployed": ["23", "24"],
            "failed": [{"package_id": "31", "error_code": "APIG.0308"}],
        });
        assert_eq!(received.body, expected);
        assert_eq!(world.released_by(), ["23 Client", "24 Client"]);
        assert!(!received.is_flat());
    }
    let mut world = faulty_deploy("\"partly-done\"", "");
    let received = world.deploy(&["23"]);
    assert_eq!(received.body["failed"], json!([{"error_code": "APIG.0308"}]), "always a code");
}

#[test]
fn a_nested_code_of_the_gateway_comes_although_the_request_is_executed() {
    for (fault, status, code) in
        [("\"nested-code\"", 400, "APIGW.0101"), ("{ nested-code = 429 }", 429, "APIGW.0308")]
    {
        let mut world = faulty_deploy(fault, "");
        let received = world.ask(deploy(&["23", "24"]));
        let nested = &received.body["error"]["error_code"];
        assert_eq!((received.status, nested), (status, &json!(code)));
        assert_eq!(world.releases(), 2);
        assert!(!received.is_flat());
    }
}

#[test]
fn a_truncated_answer_is_shorter_than_its_length_and_an_overlong_one_longer() {
    // The answer to a revoke has no body, and one that is not executed gets `{}`.
    let not_done = "done = false";
    for (ask, done) in [(deploy(&["23"]), ""), (revoke(&["23"]), ""), (deploy(&["23"]), not_done)] {
        let truth = match done {
            "" => world().ask(ask.clone()).response.into_body(),
            _ => b"{}".to_vec(),
        };
        let truth = String::from_utf8(truth).unwrap();
        let rule = |fault: &str| format!("on = \"any\"\ndo = {fault:?}\n{done}");
        let (answer, _) = faulty(&[&rule("truncated")]).raw(ask.clone());
        let (_, body, length) = parts(&answer);
        assert!(truth.starts_with(body) && body.len() < length, "{answer}");
        assert_eq!(length, truth.len().max(1));
        let (answer, _) = faulty(&[&rule("overlong")]).raw(ask);
        let (_, body, length) = parts(&answer);
        assert!(body.starts_with(&truth) && body.len() > length, "{answer}");
        assert_eq!(length, truth.len());
    }
}

#[test]
fn a_padded_or_dripping_answer_is_the_true_one_and_an_empty_one_has_no_body() {
    let truth = world().deploy(&["23"]).body;
    let padded = faulty_deploy("{ padded = 100000 }", "").ask(deploy(&["23"]));
    assert_eq!((padded.response.body().len(), &padded.body), (100_000, &truth));
    let empty = faulty_deploy("\"empty\"", "").ask(deploy(&["23"]));
    assert_eq!(empty.response.body().len(), 0);
    let (answer, pause) = faulty_deploy("{ drip = \"20ms\" }", "").raw(deploy(&["23"]));
    let (_, body, length) = parts(&answer);
    assert_eq!((pause, body.len()), (Duration::from_millis(20), length));
    assert_eq!(body, truth.to_string());
}

#[test]
fn list_and_show_lag_from_a_request_on() {
    let mut world = faulty(&["on = \"deploy\"\nnth = 2\ndo = { lag = \"5s\" }"]);
    world.deploy(&["23"]).assert_ok();
    assert_eq!(world.status("23"), 5);
    world.deploy(&["24"]).assert_ok();
    assert_eq!(world.status("24"), 1, "the state of five seconds ago");
    world.pass(5000);
    assert_eq!(world.status("24"), 5);
    world.pass(2000);
    assert_eq!(world.status("24"), 2);
    let rows = world.list(json!({"key_word": "orders"})).body;
    assert_eq!(rows["data"][0]["deploy_status"], 2);
}

#[test]
fn a_skewed_clock_shows_in_the_date_and_refuses_right_signatures() {
    let mut world = faulty(&["on = \"deploy\"\nnth = 1\ndo = { skew = \"-20m\" }"]);
    let date = |received: &Received| received.header("date").unwrap().to_owned();
    assert_eq!(date(&world.ask(show("23"))), "Mon, 24 Nov 2025 16:00:00 GMT");
    let refused = world.ask(deploy(&["23"]));
    refused.assert_refused(401, "APIGW.0303");
    assert_eq!(date(&refused), "Mon, 24 Nov 2025 15:40:00 GMT");
    assert_eq!(world.releases(), 0);
    let slow = deploy(&["23"]).signed(world.now - Duration::from_secs(20 * 60));
    world.send(&slow).assert_ok();

    faulty(&["on = \"any\"\ndo = { skew = \"14m\" }"]).ask(deploy(&["23"])).assert_ok();
}

#[test]
fn a_token_expires_at_a_request_and_a_signature_does_not() {
    let mut world = faulty(&["on = \"show\"\nnth = 2\ndo = \"token-ends\""]);
    let by_token = show("23").unsigned(Some("example-token"));
    world.send(&by_token).assert_ok();
    world.send(&by_token).assert_refused(401, "APIGW.0307");
    world.send(&by_token).assert_refused(401, "APIGW.0307");
    world.show("23").assert_ok();
}

#[test]
fn a_copy_reaches_the_service_later_and_nobody_reads_its_answer() {
    let builder = builder().assume("redeploy-released", "new-release").unwrap();
    let mut world =
        World::of(builder.faults(plan(&["on = \"deploy\"\nnth = 1\ndo = { copy = \"3s\" }"])));
    world.deploy(&["23"]).assert_ok();
    world.pass(2999);
    assert_eq!(world.releases(), 1);
    world.pass(10_001);
    assert_eq!(world.released_by(), ["23 Client", "23 Copy"]);
    let ledger = world.ledger();
    let [first, copy] = &ledger.requests[..] else { panic!("{ledger:?}") };
    assert_eq!(copy.at, "2025-11-24T16:00:03Z", "at its own time");
    assert_eq!(copy.copy_of.as_ref(), Some(&first.request_id));
    assert_eq!((copy.by, &copy.faults[..]), (Initiator::Copy, &[][..]));
    assert!(first.answered && !copy.answered);
    assert_eq!(copy.packages, ["23"]);
    assert_eq!(ledger.releases[1].accepted_ms, 1_764_000_003_000);
}

#[test]
fn a_copy_comes_before_the_request_that_it_overtakes() {
    let mut world = faulty(&[
        "on = \"deploy\"\nnth = 1\ndo = \"reset\"\ndone = false",
        "on = \"deploy\"\nnth = 1\ndo = { copy = \"2s\" }",
    ]);
    world.effect(deploy(&["23"]));
    assert_eq!(world.releases(), 0);
    world.pass(2000);
    world.deploy(&["23"]).assert_refused(400, "DLF.20990");
    assert_eq!(world.released_by(), ["23 Copy"]);
    let expected = [(None, "reset copy"), (Some(200), ""), (Some(400), "")];
    let expected = expected.map(|(it, faults)| (it.is_some(), it, faults.to_owned()));
    assert_eq!(world.requests(), expected);
}

#[test]
fn a_late_copy_is_refused_by_its_signature_and_one_with_a_token_is_known_as_a_copy() {
    let mut world = faulty_deploy("{ copy = \"16m\" }", "");
    world.effect(deploy(&["23"]));
    let by_token = deploy(&["24"]).unsigned(Some("example-token"));
    world.send(&by_token);
    world.pass(16 * 60 * 1000);
    let ledger = world.ledger();
    let late = ledger.requests[2..].iter().map(|row| (row.error_code, row.copy_of.clone()));
    let first = |index: usize| Some(ledger.requests[index].request_id.clone());
    let expected = [(Some("APIGW.0303"), first(0)), (Some("DLF.20990"), first(1))];
    assert_eq!(late.collect::<Vec<_>>(), expected);
    assert_eq!(ledger.releases.len(), 2);
}

#[test]
fn another_actor_acts_just_before_or_just_after_a_request() {
    for (fault, status, by) in [
        ("other-releases-before", 400, vec!["23 Other"]),
        ("other-releases-after", 200, vec!["23 Client"]),
        ("other-revokes-before", 400, vec![]),
        ("other-revokes-after", 200, vec!["23 Client"]),
    ] {
        let mut world = faulty_deploy(&format!("{fault:?}"), "");
        assert_eq!(world.deploy(&["23"]).status, status, "{fault}");
        assert_eq!(world.released_by(), by, "{fault}");
    }
    // Reads can be affected, too, and packages that the request does not name.
    let mut world = faulty(&["on = \"show\"\ntimes = 1\ndo = \"other-releases-after\""]);
    assert_eq!([0; 2].map(|_| world.status("23")), [1, 5]);
    let mut world = faulty_deploy("{ other-releases-before = [\"24\"] }", "");
    world.deploy(&["23"]).assert_ok();
    let releases = world.ledger().releases;
    assert_eq!((releases[0].by, &releases[0].request_id), (Initiator::Other, &None));
    assert_eq!([0, 1].map(|index| &*releases[index].user), ["zhang.min", "ci-bot"]);
    let shown = world.show("24").body;
    assert_eq!(shown["release_package"]["deploy_user_name"], "zhang.min");

    let ids = "[\"23\", \"no id\", \"999\"]";
    let rule = format!("on = \"list\"\ntimes = 1\ndo = {{ other-revokes-after = {ids} }}");
    let mut world = faulty(&[&rule]);
    world.list(json!({})).assert_ok();
    world.show("23").assert_refused(400, "DLF.0810");
}

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
