//! Properties: no input causes a panic, and the ledger is true after any sequence of requests and faults.

use dls_emulator::{FaultPlan, Initiator, Seed};
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::support::*;

fn targets() -> impl Strategy<Value = String> {
    prop_oneof![
        "(/deploy|/unpack|/[ -~]{0,40})?".prop_map(|text| packages(&text)),
        "[ -~]{0,40}".prop_map(|text| format!("/v1/{PROJECT}/system-tasks/{text}")),
        "[ -~]{0,40}".prop_map(|text| format!("/v2/{text}/factory/release-packages/23?{text}")),
        "/__emulator/[ -~]{0,10}",
        "[ -~]{0,60}",
        "\\PC{0,30}",
    ]
}

fn header() -> impl Strategy<Value = (String, Vec<u8>)> {
    let names = "authorization|host|x-sdk-date|x-auth-token|x-security-token|x-project-id|workspace\
        |content-type|x-sdk-content-sha256|[a-z-]{1,12}";
    let texts = "SDK-HMAC-SHA256 Access=AKIDEXAMPLE, SignedHeaders=[a-zé;-]{0,20}, Signature=[0-9a-f]{0,64}\
        |[ -~]{0,60}|[0-9]{8}T[0-9]{6}Z|20251124T160000Z|example-token|default|application/json";
    let values = prop_oneof![vec(any::<u8>(), 0..60), texts.prop_map(String::into_bytes)];
    (names, values)
}

fn requests() -> impl Strategy<Value = Request<Vec<u8>>> {
    let methods = prop_oneof![Just("GET".to_owned()), Just("POST".to_owned()), "[!-~]{1,8}"];
    let parts = (methods, targets(), vec(header(), 0..8), bodies());
    parts.prop_filter_map("not HTTP", |(method, target, headers, body)| {
        let mut request = Request::new(body);
        *request.method_mut() = Method::from_bytes(method.as_bytes()).ok()?;
        *request.uri_mut() = target.parse::<Uri>().ok()?;
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            request.headers_mut().append(name, HeaderValue::from_bytes(&value).ok()?);
        }
        Some(request)
    })
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..80),
        documents().prop_map(|value| value.to_string().into_bytes()),
    ]
}

/// JSON with the members that the service knows, and values that it may not.
fn documents() -> impl Strategy<Value = Value> {
    let names = "package_ids|startup_mode|publish_type|limit|offset|order_column|sorted_direction\
        |key_word|deploy_status_filter|apply_begin_time|deploy_user_name";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        (0..130_i64).prop_map(Value::from),
        "[ -~]{0,10}|23|41|999|desc|package_id|asy".prop_map(Value::from),
    ];
    let values = leaf.prop_recursive(3, 16, 4, |inner| vec(inner, 0..4).prop_map(Value::from));
    vec((names, values), 0..5).prop_map(|members| members.into_iter().collect())
}

const IDS: [&str; 6] = ["12", "23", "31", "41", "42", "999"];

const ASKS: [fn(&[&str]) -> Ask; 5] = [deploy, deploy, deploy, revoke, |ids| show(ids[0])];

/// Requests, and the milliseconds that pass before each.
fn steps() -> impl Strategy<Value = Vec<(u64, Ask)>> {
    let pause = prop_oneof![Just(0), 0..3000_u64];
    let ask = (select(&ASKS[..]), vec(select(&IDS[..]), 1..3)).prop_map(|(ask, ids)| ask(&ids));
    vec((pause, ask), 1..30)
}

/// A rule of a plan, right or not.
fn rules() -> impl Strategy<Value = String> {
    let on = "connection|any|deploy|list|show|revoke";
    let when = "(nth = [0-3]|every = [1-3]|chance = 0\\.[0-9]|times = 1)?";
    let word = "refuse|close|reset|silence|throttle|partly-done|nested-code|html|redirect|garbage|empty|truncated|overlong\
        |drip|token-ends|copy|other-(releases|revokes)-(before|after)|tls-expired|lag";
    let with = "\\{ (lag|skew|copy|drip|refuse) = \"-?[0-9]{1,3}(ms|s|m)\" \\}\
        |\\{ (status|padded|(close|reset)-after-bytes) = [0-9]{3} \\}";
    let what = prop_oneof![2 => word.prop_map(|word| format!("{word:?}")), 1 => with];
    let done = prop_oneof!["", "done = (true|false)", "retry-after = \"[ -!#-\\[\\]-~]{0,3}\""];
    (on, when, what, done).prop_map(|(on, when, what, done)| {
        format!("[[faults]]\non = {on:?}\n{when}\ndo = {what}\n{done}\n")
    })
}

proptest! {
    #[test]
    fn no_text_makes_reading_a_plan_or_a_seed_panic(text in "\\PC{0,200}", rule in rules()) {
        prop_assert!(Seed::from_toml(&text).is_err());
        for text in [text.clone(), format!("{rule}{text}"), rule.replace('"', &text)] {
            if let Err(error) = FaultPlan::from_toml(&text) {
                prop_assert_eq!(error.to_string().lines().count(), 1);
            }
        }
    }

    #[test]
    fn whatever_goes_wrong_the_ledger_has_each_request_and_no_release_without_a_cause(
        rules in vec(rules(), 1..6),
        steps in steps(),
    ) {
        let rules = rules.into_iter().filter(|rule| FaultPlan::from_toml(rule).is_ok());
        let text: String = rules.collect();
        let mut world = World::of(builder().faults(FaultPlan::from_toml(&text).unwrap()));
        for (pause, ask) in &steps {
            world.pass(*pause);
            world.engine.answer(world.now, &ask.signed(world.now));
        }
        let ledger = world.ledger();
        let requests = &ledger.requests;
        let came = requests.iter().filter(|request| request.by == Initiator::Client).count();
        prop_assert_eq!(came, steps.len());
        for request in requests {
            prop_assert_eq!(request.seen, request.status.is_some());
            prop_assert!(request.seen || !request.answered);
            prop_assert_eq!(request.by == Initiator::Copy, request.copy_of.is_some() && request.faults.is_empty() && !request.answered);
        }
        for release in &ledger.releases {
            let cause = requests.iter().find(|it| Some(&it.request_id) == release.request_id.as_ref());
            prop_assert!(cause.is_none_or(|it| it.seen && it.packages.contains(&release.package_id)));
            prop_assert_eq!(release.by, cause.map_or(Initiator::Other, |cause| cause.by));
        }
    }

    #[test]
    fn no_request_makes_the_engine_panic(
        requests in vec(requests(), 1..5), body in bodies(), target in select(&["", "/deploy", "/unpack"][..]),
    ) {
        let mut world = world();
        let signed = world.ask(Ask { body, ..post(packages(target), &json!({})) });
        prop_assert!([200, 400].contains(&signed.status), "{}", signed.status);
        for request in &requests {
            let seen = world.send(request);
            prop_assert!([200, 400, 401, 403, 404, 414].contains(&seen.status), "{}", seen.status);
            prop_assert!(seen.header("date").is_some() && seen.header("x-request-id").is_some());
            prop_assert!(seen.status == 200 || seen.body.is_object());
        }
        prop_assert!(world.ledger().requests.len() <= requests.len() + 1);
    }

    #[test]
    fn no_time_makes_the_engine_panic(seconds in any::<i64>()) {
        let mut world = world();
        let span = std::time::Duration::from_secs(seconds.unsigned_abs());
        let epoch = std::time::UNIX_EPOCH;
        let time = if seconds < 0 { epoch.checked_sub(span) } else { epoch.checked_add(span) };
        if let Some(time) = time {
            let request = deploy(&["23"]).signed(start());
            world.now = time;
            world.send(&request);
            world.ledger();
        }
    }

    #[test]
    fn the_ledger_and_the_status_of_a_package_agree(steps in steps()) {
        let mut world = world();
        for (pause, ask) in steps {
            world.pass(pause);
            let before = world.releases();
            let details = world.ask(ask).body["deploy_package_details"].take();
            prop_assert_eq!(world.releases(), before + details.as_array().map_or(0, Vec::len));
            for id in IDS {
                let status = world.status(id);
                let ledger = world.ledger();
                let releases = ledger.releases.iter().filter(|it| it.package_id == id);
                let releases: Vec<_> = releases.collect();
                // Only a release that failed is followed by another one.
                let all_but_last = releases.split_last().map_or(&[][..], |(_, rest)| rest);
                prop_assert!(all_but_last.iter().all(|it| it.outcome == Some("failed")));
                let Some(last) = releases.last().filter(|_| !status.is_null()) else { continue };
                let expected = match last.outcome {
                    None => 5,
                    Some("succeeded") => 2,
                    Some(_) => 3,
                };
                prop_assert_eq!(&status, &json!(expected), "{}", id);
                prop_assert_eq!(last.outcome.is_some(), last.finished_at.is_some());
                prop_assert!(last.finished_at.as_ref().is_none_or(|end| *end >= last.accepted_at));
            }
        }
    }

    #[test]
    fn a_seed_with_an_error_anywhere_is_read_or_refused_in_one_line(
        at in 0..Seed::BUILT_IN.len(), with in prop_oneof!["[ -~]{0,3}", Just("\n".to_owned())],
        cut in 0..4_usize,
    ) {
        let bytes = Seed::BUILT_IN.as_bytes();
        let end = (at + cut).min(bytes.len());
        let text = [&bytes[..at], with.as_bytes(), &bytes[end..]].concat();
        let text = String::from_utf8(text).unwrap();
        if let Err(error) = Seed::from_toml(&text) {
            let lines = text.lines().count() + 1;
            prop_assert!((1..=lines).contains(&error.line), "{}", error);
            prop_assert!(!error.to_string().contains('\n'), "{}", error);
        }
    }
}
