//! Faults without sockets: what is decided, what the client is told, and what the ledger knows.

use std::time::Duration;

use dls_emulator::{
    ConnectionEffect, ConnectionEnd, FaultPlan, Initiator, ResponseEffect, TlsFault,
};
use http::Request;
use serde_json::json;

use crate::support::*;

pub(crate) fn plan(text: &str) -> FaultPlan {
    FaultPlan::from_toml(text).unwrap()
}

/// A plan of one rule.
pub(crate) fn rule(text: &str) -> FaultPlan {
    plan(&format!("[[faults]]\n{text}\n"))
}

fn faulty(rules: &str) -> World {
    World::of(builder().faults(rule(rules)))
}

impl World {
    fn meet(&mut self, ask: Ask) -> ResponseEffect {
        let request = ask.signed(self.now);
        self.engine.answer_with_faults(self.now, &request)
    }

    /// Meets the faults, and is answered.
    fn told(&mut self, ask: Ask) -> Received {
        match self.meet(ask) {
            ResponseEffect::Answer(answer) => Received::of(answer),
            other => panic!("{other:?}"),
        }
    }

    /// Of each request: did the service see it, its status, and what it met.
    fn requests(&mut self) -> Vec<(bool, Option<u16>, String)> {
        let requests = self.ledger().requests;
        let rows = requests.iter();
        rows.map(|row| (row.seen, row.status, row.faults.join(" "))).collect()
    }

    fn released_by(&mut self) -> Vec<(String, Initiator)> {
        let releases = self.ledger().releases.into_iter();
        releases.map(|row| (row.package_id, row.by)).collect()
    }
}

fn raw(fate: ResponseEffect) -> (Vec<u8>, Duration, ConnectionEnd) {
    match fate {
        ResponseEffect::Raw { bytes, pause, end } => (bytes, pause, end),
        other => panic!("{other:?}"),
    }
}

fn text(fate: ResponseEffect) -> String {
    String::from_utf8(raw(fate).0).unwrap()
}

/// Head and body of an answer in bytes, and the length that it claims.
fn parts(text: &str) -> (&str, &str, usize) {
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    (head, body, length.unwrap().parse().unwrap())
}

#[test]
fn without_rules_a_request_meets_nothing() {
    let mut world = world();
    world.told(deploy(&["23"])).assert_ok();
    assert_eq!(world.engine.connect(), ConnectionEffect::Serve);
    assert_eq!(world.requests(), [(true, Some(200), String::new())]);
    assert_eq!(world.released_by(), [("23".to_owned(), Initiator::Client)]);
    assert!(world.ledger().requests[0].answered);
    assert_eq!(world.ledger().connections, 1);
}

#[test]
fn a_rule_meets_only_what_it_names() {
    let asks = || {
        [
            ("deploy", deploy(&["23"])),
            ("list", list(json!({}))),
            ("show", show("23")),
            ("revoke", revoke(&["24"])),
            ("system-task", system_task("x")),
            ("any", get("/nowhere".to_owned())),
        ]
    };
    for on in ["deploy", "list", "show", "revoke", "system-task", "any"] {
        let mut world = faulty(&format!("on = {on:?}\ndo = {{ status = 502 }}"));
        for (name, ask) in asks() {
            let is_met = on == "any" || on == name;
            assert_eq!(world.told(ask).status == 502, is_met, "{on} {name}");
        }
        assert_eq!(world.engine.connect(), ConnectionEffect::Serve);
    }
}

#[test]
fn nth_every_and_times_choose_among_what_a_rule_meets() {
    for (when, expected) in [
        ("", vec![1, 2, 3, 4, 5, 6, 7]),
        ("nth = 2", vec![2]),
        ("every = 3", vec![3, 6]),
        ("times = 2", vec![1, 2]),
        ("every = 2\ntimes = 2", vec![2, 4]),
        ("chance = 1.0", vec![1, 2, 3, 4, 5, 6, 7]),
        ("chance = 0.0", vec![]),
    ] {
        let mut world = faulty(&format!("on = \"show\"\ndo = \"html\"\n{when}"));
        world.told(deploy(&["23"])).assert_ok();
        let mut hits = Vec::new();
        for number in 1..=7 {
            if world.told(show("23")).body.is_null() {
                hits.push(number);
            }
        }
        assert_eq!(hits, expected, "{when}");
    }
}

#[test]
fn chance_is_the_same_for_the_same_seed_and_another_for_another() {
    let hits = |seed: u64| {
        let rule = "[[faults]]\non = \"show\"\nchance = 0.5\ndo = \"html\"";
        let mut world = World::of(builder().faults(plan(&format!("seed = {seed}\n{rule}"))));
        let mut hit = || world.told(show("23")).body.is_null();
        (0..64).map(|_| hit()).collect::<Vec<_>>()
    };
    assert_eq!(hits(7), hits(7));
    assert_ne!(hits(7), hits(8));
    let count = hits(7).into_iter().filter(|hit| *hit).count();
    assert!((16..48).contains(&count), "{count}");
}

#[test]
fn the_first_rule_that_answers_wins_and_the_next_keeps_its_turns() {
    let mut world = World::of(builder().faults(plan(
        "[[faults]]\non = \"show\"\nnth = 1\ndo = { status = 502 }\n\
         [[faults]]\non = \"show\"\ntimes = 1\ndo = { status = 504 }\n",
    )));
    let statuses = [0; 3].map(|_| world.told(show("23")).status);
    assert_eq!(statuses, [502, 504, 200]);
}

#[test]
fn an_exchange_without_an_answer_is_done_or_not_as_the_rule_says() {
    for (word, how) in [
        ("close", ConnectionEnd::Close),
        ("reset", ConnectionEnd::Reset),
        ("silence", ConnectionEnd::Silence),
    ] {
        for (done, releases) in [("", 1), ("done = true", 1), ("done = false", 0)] {
            let mut world = faulty(&format!("on = \"deploy\"\ndo = {word:?}\n{done}"));
            let (bytes, _, end) = raw(world.meet(deploy(&["23"])));
            assert_eq!((bytes.as_slice(), end), (&b""[..], how), "{word} {done}");
            assert_eq!(world.releases(), releases, "{word} {done}");
            let seen = releases == 1;
            let row = (seen, seen.then_some(200), word.to_owned());
            assert_eq!(world.requests(), [row]);
            let request = &world.ledger().requests[0];
            assert!(!request.answered);
            assert_eq!(request.operation, Some("deploy"));
            assert_eq!(request.packages, ["23"]);
        }
    }
}

#[test]
fn a_request_that_is_cut_is_not_seen_by_the_service() {
    for (word, how) in [
        ("close-after-bytes", ConnectionEnd::Close),
        ("reset-after-bytes", ConnectionEnd::Reset),
        ("silence-after-bytes", ConnectionEnd::Silence),
    ] {
        let mut world = faulty(&format!("on = \"deploy\"\ndo = {{ {word} = 40 }}"));
        let fate = world.meet(deploy(&["23"]));
        assert!(matches!(fate, ResponseEffect::Cut { after: 40, end } if end == how), "{fate:?}");
        assert_eq!(world.requests(), [(false, None, word.to_owned())]);
        assert_eq!(world.releases(), 0);
    }
}

#[test]
fn a_strangers_answer_has_no_code_and_no_request_id() {
    for (what, status) in [
        ("{ status = 502 }", 502),
        ("{ status = 504 }", 504),
        ("{ status = 429 }", 429),
        ("\"html\"", 200),
        ("\"redirect\"", 307),
    ] {
        for (done, releases) in [("true", 1), ("false", 0)] {
            let mut world = faulty(&format!("on = \"deploy\"\ndo = {what}\ndone = {done}"));
            let seen = world.told(deploy(&["23"]));
            assert_eq!(seen.status, status, "{what}");
            assert_eq!(seen.header("content-type"), Some("text/html"));
            assert_eq!(seen.header("x-request-id"), None);
            assert!(seen.response.body().starts_with(b"<html>"), "{what}");
            assert_eq!(world.releases(), releases, "{what} {done}");
        }
    }
}

#[test]
fn a_redirect_leads_where_the_rule_says() {
    let mut world = faulty("on = \"any\"\ndo = \"redirect\"");
    let seen = world.told(deploy(&["23"]));
    assert_eq!(seen.header("location"), Some("https://elsewhere.invalid/"));
    let mut world = faulty("on = \"any\"\ndo = { redirect = \"http://127.0.0.1:1/x\" }");
    let seen = world.told(deploy(&["23"]));
    assert_eq!(seen.header("location"), Some("http://127.0.0.1:1/x"));
}

#[test]
fn a_deploy_that_is_partly_done_releases_some_and_says_a_nested_code() {
    for (parameter, status) in [("\"partly-done\"", 429), ("{ partly-done = 400 }", 400)] {
        let mut world = faulty(&format!("on = \"deploy\"\ndo = {parameter}"));
        let seen = world.told(deploy(&["23", "24", "31"]));
        assert_eq!(seen.status, status);
        assert_eq!(
            seen.body,
            json!({
                "status": "partly done",
                "deployed": ["23", "24"],
                "failed": [{"package_id": "31", "error_code": "APIG.0308"}],
            })
        );
        let ledger = world.ledger();
        let released: Vec<_> = ledger.releases.iter().map(|it| &it.package_id).collect();
        assert_eq!(released, ["23", "24"]);
        assert!(!seen.is_flat());
    }
    // One package is all of it, and there is a code all the same.
    let mut world = faulty("on = \"deploy\"\ndo = \"partly-done\"");
    let seen = world.told(deploy(&["23"]));
    assert_eq!(seen.body["failed"], json!([{"error_code": "APIG.0308"}]));
    assert_eq!(world.releases(), 1);
}

#[test]
fn a_nested_code_of_the_gateway_comes_although_all_is_done() {
    for (parameter, status, code) in
        [("\"nested-code\"", 400, "APIGW.0101"), ("{ nested-code = 429 }", 429, "APIGW.0308")]
    {
        let mut world = faulty(&format!("on = \"deploy\"\ndo = {parameter}"));
        let seen = world.told(deploy(&["23", "24"]));
        assert_eq!((seen.status, &seen.body["error"]["error_code"]), (status, &json!(code)));
        assert_eq!(world.releases(), 2);
        assert!(!seen.is_flat());

        let mut world = faulty(&format!("on = \"deploy\"\ndo = {parameter}\ndone = false"));
        assert_eq!(world.told(deploy(&["23"])).status, status);
        assert_eq!(world.releases(), 0);
    }
}

#[test]
fn the_gateway_throttles_in_its_own_words_and_the_service_sees_nothing() {
    for (retry, header) in [("", None), ("retry-after = \"2\"", Some("2"))] {
        let mut world = faulty(&format!("on = \"deploy\"\ndo = \"throttle\"\n{retry}"));
        let seen = world.told(deploy(&["23"]));
        seen.assert_refused(429, "APIGW.0308");
        assert_eq!(seen.header("retry-after"), header);
        assert_eq!(world.requests(), [(false, None, "throttle".to_owned())]);
        assert_eq!(world.releases(), 0);
    }
    let mut world = faulty("on = \"show\"\ndo = { status = 503 }\nretry-after = \"soon\"");
    assert_eq!(world.told(show("23")).header("retry-after"), Some("soon"));
}

#[test]
fn an_answer_can_be_garbage_or_have_no_body() {
    let mut world = faulty("on = \"deploy\"\ndo = \"garbage\"");
    let (bytes, _, end) = raw(world.meet(deploy(&["23"])));
    assert!(!bytes.is_empty() && !bytes.starts_with(b"HTTP"));
    assert_eq!(end, ConnectionEnd::Close);
    assert_eq!(world.releases(), 1);

    let mut world = faulty("on = \"deploy\"\ndo = \"empty\"");
    let seen = world.told(deploy(&["23"]));
    assert_eq!((seen.status, seen.response.body().len()), (200, 0));
    assert_eq!(world.releases(), 1);
}

#[test]
fn a_truncated_answer_is_shorter_than_it_claims_and_an_overlong_one_longer() {
    // A revoke is answered with no body at all, and one that is not done with a made-up one.
    let none = "done = false";
    for (ask, done) in [(deploy(&["23"]), ""), (revoke(&["23"]), ""), (deploy(&["23"]), none)] {
        let truth = match done {
            "" => world().ask(ask.clone()).response.into_body(),
            _ => b"{}".to_vec(),
        };
        let truth = String::from_utf8(truth).unwrap();
        let mut world = faulty(&format!("on = \"any\"\ndo = \"truncated\"\n{done}"));
        let answer = text(world.meet(ask.clone()));
        let (head, body, length) = parts(&answer);
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(truth.starts_with(body) && body.len() < length, "{answer}");
        assert_eq!(length, truth.len().max(1));

        let mut world = faulty(&format!("on = \"any\"\ndo = \"overlong\"\n{done}"));
        let answer = text(world.meet(ask));
        let (_, body, length) = parts(&answer);
        assert_eq!(length, truth.len());
        assert!(body.starts_with(&truth) && body.len() > length, "{answer}");
        assert_eq!(world.requests()[0].0, done.is_empty());
    }
}

#[test]
fn a_padded_answer_is_the_truth_in_more_bytes() {
    let truth = world().deploy(&["23"]).body;
    let mut world = faulty("on = \"deploy\"\ndo = { padded = 100000 }");
    let seen = world.told(deploy(&["23"]));
    assert_eq!((seen.response.body().len(), seen.body), (100_000, truth));
    assert_eq!(world.releases(), 1);
}

#[test]
fn an_answer_that_drips_is_the_truth_byte_by_byte() {
    let mut world = faulty("on = \"deploy\"\ndo = { drip = \"20ms\" }");
    let (bytes, pause, end) = raw(world.meet(deploy(&["23"])));
    assert_eq!((pause, end), (Duration::from_millis(20), ConnectionEnd::Close));
    let answer = String::from_utf8(bytes).unwrap();
    let (_, body, length) = parts(&answer);
    assert_eq!(body.len(), length);
    assert!(body.contains("\"package_id\":23"), "{body}");
    assert_eq!(world.releases(), 1);
}

#[test]
fn a_status_lags_from_a_request_on() {
    let mut world = faulty("on = \"deploy\"\nnth = 2\ndo = { lag = \"5s\" }");
    world.told(deploy(&["23"])).assert_ok();
    assert_eq!(world.status("23"), 5);
    world.told(deploy(&["24"])).assert_ok();
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
    let mut world = faulty("on = \"deploy\"\nnth = 1\ndo = { skew = \"-20m\" }");
    let before = world.told(show("23"));
    assert_eq!(before.header("date"), Some("Mon, 24 Nov 2025 16:00:00 GMT"));
    let seen = world.told(deploy(&["23"]));
    seen.assert_refused(401, "APIGW.0303");
    assert_eq!(seen.header("date"), Some("Mon, 24 Nov 2025 15:40:00 GMT"));
    assert_eq!(world.releases(), 0);
    let slow = deploy(&["23"]).signed(world.now - Duration::from_secs(20 * 60));
    assert!(
        matches!(world.engine.answer_with_faults(world.now, &slow), ResponseEffect::Answer(answer) if answer.status() == 200)
    );

    let mut world = faulty("on = \"any\"\ndo = { skew = \"14m\" }");
    world.told(deploy(&["23"])).assert_ok();
}

#[test]
fn a_token_ends_in_the_middle_and_a_signature_does_not() {
    let mut world = faulty("on = \"show\"\nnth = 2\ndo = \"token-ends\"");
    let by_token = show("23").unsigned(Some("example-token"));
    let mut meet =
        |request: &Request<Vec<u8>>| match world.engine.answer_with_faults(start(), request) {
            ResponseEffect::Answer(answer) => Received::of(answer),
            other => panic!("{other:?}"),
        };
    meet(&by_token).assert_ok();
    meet(&by_token).assert_refused(401, "APIGW.0307");
    meet(&by_token).assert_refused(401, "APIGW.0307");
    meet(&show("23").signed(start())).assert_ok();
}

#[test]
fn a_copy_reaches_the_service_later_and_nobody_reads_its_answer() {
    let builder = builder().assume("redeploy-released", "new-release").unwrap();
    let mut world =
        World::of(builder.faults(rule("on = \"deploy\"\nnth = 1\ndo = { copy = \"3s\" }")));
    world.told(deploy(&["23"])).assert_ok();
    world.pass(2999);
    assert_eq!(world.releases(), 1);
    world.pass(10_001);
    assert_eq!(
        world.released_by(),
        [("23".to_owned(), Initiator::Client), ("23".to_owned(), Initiator::Copy)]
    );
    let ledger = world.ledger();
    assert_eq!(ledger.requests[1].at, "2025-11-24T16:00:03Z", "at its own time");
    assert_eq!(ledger.requests[1].copy_of.as_ref(), Some(&ledger.requests[0].request_id));
    assert_eq!(ledger.requests[1].faults, [""; 0]);
    assert_eq!(ledger.requests[1].by, Initiator::Copy);
    assert!(ledger.requests[0].answered && !ledger.requests[1].answered);
    assert_eq!(ledger.requests[1].packages, ["23"]);
    assert_eq!(ledger.releases[1].accepted_ms, 1_764_000_003_000);
}

#[test]
fn a_copy_comes_before_the_request_that_it_overtakes() {
    let mut world = World::of(builder().faults(plan(
        "[[faults]]\non = \"deploy\"\nnth = 1\ndo = \"reset\"\ndone = false\n\
         [[faults]]\non = \"deploy\"\nnth = 1\ndo = { copy = \"2s\" }\n",
    )));
    world.meet(deploy(&["23"]));
    assert_eq!(world.releases(), 0);
    world.pass(2000);
    world.told(deploy(&["23"])).assert_refused(400, "DLF.20990");
    assert_eq!(world.released_by(), [("23".to_owned(), Initiator::Copy)]);
    let first = "reset copy".to_owned();
    let expected =
        [(false, None, first), (true, Some(200), String::new()), (true, Some(400), String::new())];
    assert_eq!(world.requests(), expected);
}

#[test]
fn a_copy_of_a_signed_request_dies_with_its_signature_and_one_with_a_token_is_known_as_a_copy() {
    let mut world = faulty("on = \"deploy\"\ndo = { copy = \"16m\" }");
    world.meet(deploy(&["23"]));
    let by_token = deploy(&["24"]).unsigned(Some("example-token"));
    world.engine.answer_with_faults(world.now, &by_token);
    world.pass(16 * 60 * 1000);
    let ledger = world.ledger();
    let late: Vec<_> =
        ledger.requests[2..].iter().map(|row| (row.error_code, &row.copy_of)).collect();
    let first = |index: usize| Some(ledger.requests[index].request_id.clone());
    assert_eq!(late, [(Some("APIGW.0303"), &first(0)), (Some("DLF.20990"), &first(1))]);
    assert_eq!(ledger.releases.len(), 2);
}

#[test]
fn another_actor_comes_just_before_or_just_after() {
    for (word, status, by, shown) in [
        ("other-releases-before", 400, Initiator::Other, 5),
        ("other-releases-after", 200, Initiator::Client, 5),
    ] {
        let mut world = faulty(&format!("on = \"deploy\"\ndo = {word:?}"));
        assert_eq!(world.told(deploy(&["23"])).status, status, "{word}");
        assert_eq!(world.released_by(), [("23".to_owned(), by)], "{word}");
        assert_eq!(world.status("23"), shown);
    }
    for (word, status, releases) in
        [("other-revokes-before", 400, 0), ("other-revokes-after", 200, 1)]
    {
        let mut world = faulty(&format!("on = \"deploy\"\ndo = {word:?}"));
        assert_eq!(world.told(deploy(&["23"])).status, status, "{word}");
        assert_eq!(world.releases(), releases, "{word}");
    }
    // What was not asked for can be taken as well, after a look, too.
    let mut world = faulty("on = \"show\"\ntimes = 1\ndo = \"other-releases-after\"");
    assert_eq!(world.told(show("23")).body["release_package"]["deploy_status"], 1);
    assert_eq!(world.told(show("23")).body["release_package"]["deploy_status"], 5);
    let mut world = faulty(
        "on = \"list\"\ntimes = 1\ndo = { other-revokes-after = [\"23\", \"no id\", \"999\"] }",
    );
    world.told(list(json!({}))).assert_ok();
    world.told(show("23")).assert_refused(400, "DLF.0810");
}

#[test]
fn another_actor_is_told_apart_and_named() {
    let mut world = faulty("on = \"deploy\"\ndo = { other-releases-before = [\"24\"] }");
    world.told(deploy(&["23"])).assert_ok();
    let releases = world.ledger().releases;
    assert_eq!((releases[0].by, releases[0].request_id.as_ref()), (Initiator::Other, None));
    assert_eq!((releases[0].user.as_str(), releases[1].user.as_str()), ("zhang.min", "ci-bot"));
    let shown = world.show("24").body;
    assert_eq!(shown["release_package"]["deploy_user_name"], "zhang.min");
}

#[test]
fn what_becomes_of_connections_can_be_asked_without_sockets() {
    let mut world = World::of(builder().faults(plan(
        "[[faults]]\non = \"connection\"\nnth = 2\ndo = \"refuse\"\n\
         [[faults]]\non = \"connection\"\nnth = 3\ndo = \"reset\"\n\
         [[faults]]\non = \"connection\"\nnth = 4\ndo = { close-after-bytes = 40 }\n\
         [[faults]]\non = \"connection\"\nnth = 5\ndo = \"tls-expired\"\n",
    )));
    let lasts = Duration::from_millis(500);
    for expected in [
        ConnectionEffect::Serve,
        ConnectionEffect::Refuse { lasts },
        ConnectionEffect::Cut { after: 0, end: ConnectionEnd::Reset },
        ConnectionEffect::Cut { after: 40, end: ConnectionEnd::Close },
        ConnectionEffect::Tls(TlsFault::Expired),
        ConnectionEffect::Serve,
    ] {
        assert_eq!(world.engine.connect(), expected);
    }
    assert_eq!(world.ledger().connections, 5, "a refused one was never accepted");
}

#[test]
fn the_emulators_own_pages_meet_nothing() {
    let mut world = faulty("on = \"any\"\ndo = \"reset\"");
    let page = Request::get("/__emulator/health").body(Vec::new()).unwrap();
    assert!(
        matches!(world.engine.answer_with_faults(world.now, &page), ResponseEffect::Answer(answer) if answer.status() == 200)
    );
}
