//! List: filters, order and pages.

use serde_json::{Value, json};

use crate::support::*;

/// All packages that a query finds.
fn all(world: &mut World, mut query: Value) -> Vec<u64> {
    query["limit"] = json!(100);
    let seen = world.list(query);
    assert_eq!(seen.assert_ok().body["total"], seen.ids().len());
    seen.ids()
}

#[test]
fn the_example_has_several_pages_and_each_holds_ten_by_default() {
    let mut world = world();
    let whole = all(&mut world, json!({}));
    assert!(whole.len() >= 25, "{}", whole.len());
    let pages = (0..5).map(|page| {
        let seen = world.list(json!({"offset": page}));
        assert_eq!(seen.body["total"], whole.len());
        seen.ids()
    });
    let pages: Vec<Vec<u64>> = pages.collect();
    assert!(pages.iter().all(|page| page.len() <= 10) && pages[4].is_empty());
    assert_eq!(pages.concat(), whole);
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
    for column in
        ["apply_user_name", "deploy_status", "deploy_timestamp", "deploy_user_name", "package_name"]
    {
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
    let from = 1_747_026_600_000_i64;
    world.deploy(&["23"]).assert_ok();
    for (filter, expected) in [
        (json!({"key_word": "orders_"}), vec![23]),
        (json!({"key_word": "2025w46"}), vec![23]),
        (json!({"key_word": "Orders"}), vec![]),
        (json!({"deploy_status_filter": [3]}), vec![42, 118]),
        (json!({"deploy_status_filter": [5, 4]}), vec![23]),
        (json!({"deploy_user_name": "night-shift"}), vec![42]),
        (json!({"deploy_user_name_filter": ["night-shift", "nobody"]}), vec![42]),
        (json!({"apply_user_name": "nobody"}), vec![]),
        (json!({"apply_end_time": 1_746_500_400_000_i64}), vec![41]),
        (json!({"apply_begin_time": from, "apply_end_time": 1_747_037_400_000_i64}), vec![12, 13]),
        (json!({"deploy_begin_time": 1_764_000_000_000_i64}), vec![23]),
        (json!({"deploy_end_time": 1_746_600_000_000_i64}), vec![41, 42]),
    ] {
        let mut found = all(&mut world, filter.clone());
        found.sort_unstable();
        assert_eq!(found, expected, "{filter}");
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
    assert_eq!(other.ids(), [202, 201, 203]);
    assert_eq!(
        other.body["data"][0]["project_id"],
        format!("{PROJECT}-workspace-{OTHER_WORKSPACE}")
    );
    assert!(all(&mut world, json!({})).iter().all(|id| ![201, 202, 203].contains(id)));
}
