//! A form field with its value and, if it was rejected, the reason.

use serde::Serialize;

use crate::domain::Invalid;

#[derive(Debug, Default, Serialize)]
pub struct Field {
    /// Always empty for a password.
    pub value: String,
    /// The rule that the value breaks.
    pub error: Option<String>,
}

impl Field {
    pub fn with_value(value: impl Into<String>) -> Self {
        Self { value: value.into(), error: None }
    }

    /// A rejected field that does not show its value again, as for passwords.
    pub fn rejected(error: impl ToString) -> Self {
        Self { value: String::new(), error: Some(error.to_string()) }
    }

    /// A field with `value`, and the parsed value unless a rule rejects it.
    pub fn parse<T>(
        value: String,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> (Self, Option<T>) {
        match parse(&value) {
            Ok(parsed) => (Self::with_value(value), Some(parsed)),
            Err(invalid) => (Self { value, error: Some(invalid.to_string()) }, None),
        }
    }
}
