//! What a command has to show, whatever the format.

use serde_json::Value;

/// A result that can be shown in each format. [`Output`](crate::output::Output) chooses.
pub(crate) trait Document {
    /// The JSON document. Its field names are part of the command's contract.
    fn json(&self) -> Value;

    /// For people on a terminal, and for `cut` and `awk`.
    fn text(&self) -> Vec<Block>;

    /// For a pull request, where there is such a form.
    fn markdown(&self) -> Option<String> {
        None
    }
}

/// A part of a text.
pub(crate) enum Block {
    Lines(String),
    /// Aligned columns on a terminal, else tab-separated and without the head.
    Table {
        head: &'static [&'static str],
        rows: Vec<Vec<String>>,
    },
}
