//! The types of the contract's parameters and fields.

use poem::http::StatusCode;
use poem_openapi::{
    registry::MetaSchema,
    types::{ParseError, ParseFromJSON, ParseFromParameter, ParseResult, ToJSON},
};
use serde_json::Value;

use super::failure::Answer;
use crate::{domain::Username, http::openapi::documented_type};

/// The most items that a list shows, whatever `no` asks for.
const MAX_ITEMS: u16 = 1_000;

/// `no`: how many items to show. Any number that is not negative; above 1,000 it counts as 1,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ItemCount(pub(super) u16);

/// `latest`: the number of the simulator's command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CommandNumber(i64);

documented_type!(
    ItemCount,
    "integer_item_count",
    MetaSchema { minimum: Some(0.0), ..MetaSchema::new("integer") }
);
documented_type!(
    CommandNumber,
    "integer_command_number",
    MetaSchema { minimum: Some(0.0), ..MetaSchema::new_with_format("integer", "int64") }
);

impl ParseFromParameter for ItemCount {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ParseError::custom("not a number"));
        }
        // Digits alone can only fail to parse by being too many.
        let count = value.parse().unwrap_or(u64::MAX).min(u64::from(MAX_ITEMS));
        Ok(Self(u16::try_from(count).unwrap_or(MAX_ITEMS)))
    }
}

impl ParseFromParameter for CommandNumber {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        match value.parse() {
            Ok(number) if number >= 0 => Ok(Self(number)),
            _ => Err(ParseError::custom("not a number")),
        }
    }
}

impl ToJSON for ItemCount {
    fn to_json(&self) -> Option<Value> {
        Some(self.0.into())
    }
}

impl ToJSON for CommandNumber {
    fn to_json(&self) -> Option<Value> {
        Some(self.0.into())
    }
}

/// A field of text. Missing and null count as empty; what is no text is kept for the refusal, which
/// names the field and not the value, since that might be a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Text {
    Given(String),
    NotText,
}

documented_type!(Text, "string", MetaSchema { nullable: true, ..MetaSchema::new("string") });

impl Default for Text {
    fn default() -> Self {
        Self::Given(String::new())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::Given(text.to_owned())
    }
}

impl Text {
    /// The text.
    ///
    /// # Errors
    /// When something else was given in the field of this name.
    pub(super) fn of(&self, field: &str) -> Result<&str, Answer> {
        match self {
            Self::Given(text) => Ok(text),
            Self::NotText => Err(Answer::invalid_field(field, "must be a text")),
        }
    }

    /// The text for the log.
    pub(super) fn loggable(&self) -> &str {
        match self {
            Self::Given(text) => text,
            Self::NotText => "",
        }
    }
}

impl ParseFromJSON for Text {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        Ok(match value {
            None | Some(Value::Null) => Self::default(),
            Some(Value::String(text)) => Self::Given(text),
            Some(_) => Self::NotText,
        })
    }
}

impl ToJSON for Text {
    fn to_json(&self) -> Option<Value> {
        match self {
            Self::Given(text) => Some(text.clone().into()),
            Self::NotText => None,
        }
    }
}

/// The name of somebody who may exist. A malformed name is nobody's.
///
/// # Errors
/// When nobody can have that name.
pub(super) fn existing_user(raw: &str) -> Result<Username, Answer> {
    Username::parse(raw)
        .map_err(|_| Answer::new(StatusCode::NOT_FOUND, format!("There is no user named {raw}")))
}

/// The number of items when a request does not say.
pub(super) fn default_count() -> ItemCount {
    ItemCount(100)
}

/// A command's number for the documentation.
pub(super) fn example_latest() -> Option<CommandNumber> {
    Some(CommandNumber(1337))
}

/// A name for the documentation.
pub(super) fn example_username() -> String {
    "Roger Histand".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_any_number_that_is_not_negative_and_a_thousand_at_most() {
        for (text, count) in
            [("0", 0), ("30", 30), ("1000", 1000), ("1001", 1000), (&"9".repeat(40), 1000)]
        {
            assert_eq!(ItemCount::parse_from_parameter(text).expect(text).0, count);
        }
        for text in ["", "-1", "+1", "1.5", "ten", "1e3", "٣"] {
            assert!(ItemCount::parse_from_parameter(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_field_that_is_no_text_is_refused_without_being_quoted() {
        let field = Text::parse_from_json(Some(serde_json::json!(12345))).expect("kept");
        let refusal = field.of("pwd").expect_err("refused");
        assert_eq!(refusal.text, "pwd: must be a text");
    }
}
