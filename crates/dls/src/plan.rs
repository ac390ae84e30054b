//! Plans as files: JSON with a hash, so that what was reviewed is what is released.

use dls_rollout::Plan;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The form of the files that this version writes. It reads all before it, too.
const SCHEMA: &str = "dls.plan/1";

#[derive(Serialize, Deserialize)]
struct File<P> {
    schema: String,
    hash: String,
    plan: P,
}

/// The hash of what a plan covers: place, ids, names, the tasks with their change and pending
/// version, and whether jobs start. 64 hexadecimal digits.
#[must_use]
pub fn hash(plan: &Plan) -> String {
    // An identity is made of text and numbers: it can always be written.
    let text = serde_json::to_vec(&plan.identity()).unwrap_or_default();
    let digest = Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The plan as the text of a file.
#[must_use]
pub fn to_json(plan: &Plan) -> String {
    let file = File { schema: SCHEMA.to_owned(), hash: hash(plan), plan };
    // Text and numbers, as above.
    serde_json::to_string_pretty(&file).unwrap_or_default()
}

/// The plan in the text of a file.
///
/// # Errors
///
/// The text is no plan, is one of a later version, or was changed by hand.
///
/// ```
/// use dls::plan;
///
/// assert!(plan::from_json("{}").is_err());
/// ```
pub fn from_json(text: &str) -> Result<Plan, InvalidPlan> {
    #[derive(Deserialize)]
    struct Head {
        schema: String,
    }
    let unreadable = |error: serde_json::Error| InvalidPlan::Unreadable { why: error.to_string() };
    let head: Head = serde_json::from_str(text).map_err(unreadable)?;
    if head.schema != SCHEMA {
        return Err(InvalidPlan::Schema { schema: head.schema.chars().take(40).collect() });
    }
    let file: File<Plan> = serde_json::from_str(text).map_err(unreadable)?;
    if hash(&file.plan) != file.hash {
        return Err(InvalidPlan::Changed);
    }
    Ok(file.plan)
}

/// Why a text is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPlan {
    /// It is no JSON, or not that of a plan.
    #[error("it is no plan: {why}")]
    Unreadable {
        /// What is wrong, and where.
        why: String,
    },
    /// It is of another form than this version knows.
    #[error("it says it is {}; this version reads {SCHEMA}", schema.escape_debug())]
    Schema {
        /// The form that it says it has.
        schema: String,
    },
    /// Its hash says something else than the plan does.
    #[error("its hash does not fit what it says: it was changed after it was made")]
    Changed,
}
