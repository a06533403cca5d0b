//! A field of a form, as it comes back when the form is refused.

use serde::Serialize;

use crate::domain::Invalid;

/// What stands in a field, and why it was refused. The template of fields shows it.
#[derive(Debug, Default, Serialize)]
pub struct Field {
    /// What stands in it. Of a password, nothing.
    pub value: String,
    /// The rule that it breaks.
    pub error: Option<String>,
}

impl Field {
    /// A field with this in it.
    #[must_use]
    pub fn holding(value: impl Into<String>) -> Self {
        Self { value: value.into(), error: None }
    }

    /// An empty field that was refused: a password's.
    #[must_use]
    pub fn refused(error: impl ToString) -> Self {
        Self { value: String::new(), error: Some(error.to_string()) }
    }

    /// A field with this in it, and what `parse` makes of that; `None` where a rule refuses it.
    pub fn parsed<T>(
        value: String,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> (Self, Option<T>) {
        match parse(&value) {
            Ok(parsed) => (Self::holding(value), Some(parsed)),
            Err(refusal) => (Self { value, error: Some(refusal.to_string()) }, None),
        }
    }
}
