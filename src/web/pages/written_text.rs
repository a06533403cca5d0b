//! A text whose request failed, in a form that sends it again, shown by the template `written.html`.

use serde::Serialize;

#[derive(Debug, Clone, Serialize)]
pub struct WrittenText {
    /// The path that stores the text.
    pub action: String,
    pub text: String,
    /// The once-only key of the form; empty if it has none.
    pub key: String,
}
