//! Plans as files: JSON with a hash that detects later changes.

use dls_rollout::Plan;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::store::hex;

/// The format. No other one is read.
const SCHEMA: &str = "dls.plan/1";

#[derive(Serialize, Deserialize)]
struct File<P> {
    schema: String,
    hash: String,
    plan: P,
}

/// The hash over a plan's destination, ids, names, tasks with their change and pending version, and whether
/// jobs start. 64 hexadecimal digits.
#[must_use]
pub fn hash(plan: &Plan) -> String {
    // An identity consists of text and numbers, which can always be serialized.
    let text = serde_json::to_vec(&plan.identity()).unwrap_or_default();
    hex(&Sha256::digest(text))
}

/// Serializes a plan for a file.
#[must_use]
pub fn to_json(plan: &Plan) -> String {
    let file = File { schema: SCHEMA.to_owned(), hash: hash(plan), plan };
    // Text and numbers, as above.
    serde_json::to_string_pretty(&file).unwrap_or_default()
}

/// Reads a plan from the text of a file.
///
/// # Errors
///
/// The text is not a plan, has another format, or was changed by hand.
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
    let unreadable = |error: serde_json::Error| InvalidPlan::Unreadable(error.to_string());
    let head: Head = serde_json::from_str(text).map_err(unreadable)?;
    if head.schema != SCHEMA {
        return Err(InvalidPlan::Schema(head.schema.chars().take(40).collect()));
    }
    let file: File<Plan> = serde_json::from_str(text).map_err(unreadable)?;
    if hash(&file.plan) != file.hash {
        return Err(InvalidPlan::Changed);
    }
    Ok(file.plan)
}

/// Why a text is not a valid plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPlan {
    /// It is not the JSON of a plan.
    #[error("not a plan: {0}")]
    Unreadable(String),
    /// This version does not know its format.
    #[error("its format is {}; this version reads {SCHEMA}", .0.escape_debug())]
    Schema(String),
    /// Its hash does not match the plan.
    #[error("its hash does not match its content: it was changed after it was made")]
    Changed,
}
