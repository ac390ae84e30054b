//! Which packages a request names, whoever sent it, and whether or not it can be served. However much there is, little
//! is kept of it.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

/// So many ids are kept: as many as a deploy may name.
const MOST_IDS: usize = 100;
/// So long an id may be, in bytes: a number of 64 bits has 20 digits.
const MOST_BYTES: usize = 32;

/// The ids in the body of a deploy or a revoke: the first hundred that are short texts.
pub(crate) fn package_ids(body: &[u8]) -> Vec<String> {
    let body: Result<Body, _> = serde_json::from_slice(body);
    body.map(|body| body.package_ids.0).unwrap_or_default()
}

#[derive(Deserialize)]
struct Body {
    package_ids: Ids,
}

struct Ids(Vec<String>);

impl<'de> Deserialize<'de> for Ids {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Ids;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of ids")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Ids, A::Error> {
                let mut ids = Vec::new();
                while ids.len() < MOST_IDS {
                    match elements.next_element()? {
                        Some(Element::Id(id)) if id.len() <= MOST_BYTES => {
                            ids.push(id.into_owned())
                        }
                        Some(_) => {}
                        None => return Ok(Ids(ids)),
                    }
                }
                while elements.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Ids(ids))
            }
        }

        deserializer.deserialize_seq(Reader)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Element<'a> {
    Id(#[serde(borrow)] Cow<'a, str>),
    Other(IgnoredAny),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_hundred_short_texts_are_kept() {
        let named =
            |ids: &str| package_ids(format!(r#"{{"a":[1],"package_ids":{ids}}}"#).as_bytes());
        assert_eq!(named(r#"["23","\u0032\u0034"]"#), ["23", "24"]);
        assert_eq!(named(r#"["23",24,null,["25"],{"a":"26"},"27"]"#), ["23", "27"]);
        let long = format!(r#"["{}","23"]"#, "2".repeat(33));
        assert_eq!(named(&long), ["23"]);
        let many: Vec<String> = (0..1000).map(|id| format!("\"{id}\"")).collect();
        let kept = named(&format!("[{}]", many.join(",")));
        assert_eq!((kept.len(), kept[99].as_str()), (100, "99"));
        for none in ["7", "{}", "null", r#""23""#] {
            assert_eq!(named(none), [""; 0], "{none}");
        }
        assert_eq!(package_ids(b"no JSON"), [""; 0]);
    }
}
