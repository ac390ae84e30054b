//! List: filters, order and pages.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::*;

fn all(world: &mut World, body: Value) -> Vec<u64> {
    let mut body = body;
    body["limit"] = json!(100);
    let seen = world.list(body);
    let ids: Vec<u64> = seen.assert_ok().ids().iter().map(|id| id.parse().unwrap()).collect();
    assert_eq!(seen.body["total"].as_u64().unwrap(), u64::try_from(ids.len()).unwrap());
    ids
}

#[test]
fn the_example_has_several_pages_and_each_holds_ten_by_default() {
    let mut world = world();
    let whole = all(&mut world, json!({}));
    assert!(whole.len() >= 25, "{}", whole.len());
    let mut paged = Vec::new();
    for page in 0.. {
        let seen = world.list(json!({"offset": page}));
        let ids = seen.ids();
        if ids.is_empty() {
            break;
        }
        assert!(ids.len() <= 10);
        assert_eq!(seen.body["total"].as_u64().unwrap(), u64::try_from(whole.len()).unwrap());
        paged.extend(ids.iter().map(|id| id.parse::<u64>().unwrap()));
    }
    assert_eq!(paged, whole);
}

#[test]
fn a_list_without_a_body_is_one_without_filters() {
    let bare = Ask { body: Vec::new(), ..list(json!({})) };
    assert_eq!(world().ask(bare).assert_ok().ids().len(), 10);
}

#[test]
fn the_newest_comes_first_unless_asked_otherwise() {
    let mut world = world();
    let newest_first = all(&mut world, json!({}));
    assert_eq!(newest_first.first(), Some(&119));
    let mut oldest_first = all(&mut world, json!({"sorted_direction": "asc"}));
    assert_eq!(oldest_first.first(), Some(&41));
    oldest_first.reverse();
    assert_eq!(oldest_first, newest_first);

    let by_id = all(&mut world, json!({"order_column": "package_id", "sorted_direction": "asc"}));
    assert!(by_id.is_sorted());
    let columns = [
        "apply_user_name",
        "deploy_status",
        "deploy_timestamp",
        "deploy_user_name",
        "package_name",
    ];
    for column in columns {
        let rows = world.list(json!({"order_column": column, "limit": 100})).body;
        let keys: Vec<Value> =
            rows["data"].as_array().unwrap().iter().map(|row| row[column].clone()).collect();
        let sorted = keys.windows(2).all(|pair| match (&pair[0], &pair[1]) {
            (Value::String(a), Value::String(b)) => a >= b,
            (a, b) => a.as_i64() >= b.as_i64() || b.is_null(),
        });
        assert!(sorted, "{column}: {keys:?}");
        assert!(column == "apply_user_name" || keys.iter().any(|key| *key != keys[0]), "{column}");
    }
}

#[test]
fn each_filter_filters() {
    let mut world = world();
    let whole = all(&mut world, json!({})).len();
    world.deploy(&["23"]).assert_ok();
    for (filter, expected) in [
        (json!({"key_word": "orders_"}), vec![23]),
        (json!({"key_word": "2025w46"}), vec![23]),
        (json!({"key_word": "Orders"}), vec![]),
        (json!({"deploy_status_filter": [3]}), vec![118, 42]),
        (json!({"deploy_status_filter": [5, 4]}), vec![23]),
        (json!({"deploy_user_name": "night-shift"}), vec![42]),
        (json!({"deploy_user_name_filter": ["night-shift", "nobody"]}), vec![42]),
        (json!({"apply_user_name": "nobody"}), vec![]),
        (json!({"apply_end_time": 1_746_500_400_000_i64}), vec![41]),
        (
            json!({"apply_begin_time": 1_747_026_600_000_i64, "apply_end_time": 1_747_037_400_000_i64}),
            vec![13, 12],
        ),
        (json!({"deploy_begin_time": 1_764_000_000_000_i64}), vec![23]),
        (json!({"deploy_end_time": 1_746_600_000_000_i64}), vec![41, 42]),
    ] {
        let seen = all(&mut world, filter.clone());
        let seen: BTreeSet<u64> = seen.into_iter().collect();
        assert_eq!(seen, expected.into_iter().collect(), "{filter}");
    }
    assert_eq!(all(&mut world, json!({"apply_user_name": "li.wei"})).len(), whole);
    assert_eq!(all(&mut world, json!({"apply_user_name_filter": []})).len(), whole);
    assert_eq!(all(&mut world, json!({"key_word": null, "limit": null})).len(), whole);
}

#[test]
fn a_list_that_is_not_as_documented_is_refused() {
    for body in [
        json!({"limit": 0}),
        json!({"limit": -1}),
        json!({"limit": 101}),
        json!({"limit": "10"}),
        json!({"offset": -1}),
        json!({"offset": 3_000_000_000_u64}),
        json!({"sorted_direction": "up"}),
        json!({"order_column": "secret"}),
        json!({"apply_begin_time": 1_747_106_000}),
        json!({"deploy_end_time": 0}),
        json!({"apply_begin_time": "1747106000000"}),
        json!({"deploy_status_filter": ["1"]}),
        json!({"apply_user_name": "a", "apply_user_name_filter": ["b"]}),
        json!({"deploy_user_name": "a", "deploy_user_name_filter": ["b"]}),
        json!([]),
        json!("{}"),
    ] {
        let seen = world().list(body.clone());
        assert_eq!((seen.status, seen.code()), (400, "DLF.3051"), "{body}");
    }
    world().list(json!({"offset": i32::MAX})).assert_ok();
    let set = json!({"apply_user_name": "a", "apply_user_name_filter": ["b", "a"]});
    world().list(set).assert_ok();
}

#[test]
fn a_list_holds_only_packages_of_its_workspace() {
    let mut world = world();
    let other = world.ask(list(json!({})).with("workspace", OTHER_WORKSPACE));
    assert_eq!(other.ids(), ["202", "201", "203"]);
    assert_eq!(
        other.body["data"][0]["project_id"],
        format!("{PROJECT}-workspace-{OTHER_WORKSPACE}")
    );
    assert!(all(&mut world, json!({})).iter().all(|id| ![201, 202, 203].contains(id)));
}
