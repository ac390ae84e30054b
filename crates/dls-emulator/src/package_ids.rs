//! Which packages a request names, whether or not it can be served. Only a bounded part of it is kept.

use serde::Deserialize;
use serde_json::Value;

/// As many as a deploy may name.
const MAX_IDS: usize = 100;
/// In bytes. A number of 64 bits has at most 20 digits.
const MAX_ID_LENGTH: usize = 32;

/// The ids in the body of a deploy or a revoke: the first hundred that are short texts.
pub(crate) fn package_ids(body: &[u8]) -> Vec<String> {
    #[derive(Deserialize)]
    struct Body {
        package_ids: Vec<Value>,
    }

    let ids =
        serde_json::from_slice(body).map_or_else(|_| Vec::new(), |body: Body| body.package_ids);
    let ids = ids.into_iter().filter_map(|id| match id {
        Value::String(id) if id.len() <= MAX_ID_LENGTH => Some(id),
        _ => None,
    });
    ids.take(MAX_IDS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_hundred_short_texts_are_kept() {
        let ids = |ids: &str| package_ids(format!(r#"{{"a":[1],"package_ids":{ids}}}"#).as_bytes());
        assert_eq!(ids(r#"["23","\u0032\u0034"]"#), ["23", "24"]);
        assert_eq!(ids(r#"["23",24,null,["25"],{"a":"26"},"27"]"#), ["23", "27"]);
        assert_eq!(ids(&format!(r#"["{}","23"]"#, "2".repeat(33))), ["23"]);
        let many: Vec<String> = (0..1000).map(|id| format!("\"{id}\"")).collect();
        let kept = ids(&format!("[{}]", many.join(",")));
        assert_eq!((kept.len(), kept[99].as_str()), (100, "99"));
        for none in ["7", "{}", "null", r#""23""#] {
            assert_eq!(ids(none), [""; 0], "{none}");
        }
        assert_eq!(package_ids(b"no JSON"), [""; 0]);
    }
}
