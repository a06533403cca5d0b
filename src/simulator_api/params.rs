//! The types of the contract's parameters and fields.

use poem::http::StatusCode;
use poem_openapi::{
    registry::MetaSchema,
    types::{ParseError, ParseFromJSON, ParseFromParameter, ParseResult, ToJSON},
};
use serde_json::Value;

use super::error::ErrorResponse;
use crate::{domain::Username, http::openapi::documented_type};

const MAX_ITEMS: u16 = 1_000;

/// `no`: the requested number of items, at most [`MAX_ITEMS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ItemCount(pub(super) u16);

/// `latest`: the number of the simulator's command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CommandNumber(pub(super) i64);

impl CommandNumber {
    pub(super) fn parse(value: &str) -> Option<Self> {
        value.parse().ok().filter(|number| *number >= 0).map(Self)
    }
}

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
        // The value has only digits, so parsing fails only on overflow.
        let count = value.parse().unwrap_or(u64::MAX).min(u64::from(MAX_ITEMS));
        Ok(Self(u16::try_from(count).unwrap_or(MAX_ITEMS)))
    }
}

impl ParseFromParameter for CommandNumber {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        Self::parse(value).ok_or_else(|| ParseError::custom("not a number"))
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

/// A string field. A missing or null field counts as empty.
///
/// A value of another type becomes `OtherType`. The error names the field and not the value, which
/// may be a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum JsonString {
    String(String),
    OtherType,
}

documented_type!(JsonString, "string", MetaSchema { nullable: true, ..MetaSchema::new("string") });

impl Default for JsonString {
    fn default() -> Self {
        Self::String(String::new())
    }
}

impl From<&str> for JsonString {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl JsonString {
    /// The string; an error that names `field` if the value has another type.
    pub(super) fn parse(&self, field: &str) -> Result<&str, ErrorResponse> {
        match self {
            Self::String(text) => Ok(text),
            Self::OtherType => Err(ErrorResponse::invalid_field(field, "must be a string")),
        }
    }

    pub(super) fn loggable(&self) -> &str {
        match self {
            Self::String(text) => text,
            Self::OtherType => "",
        }
    }
}

impl ParseFromJSON for JsonString {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        Ok(match value {
            None | Some(Value::Null) => Self::default(),
            Some(Value::String(text)) => Self::String(text),
            Some(_) => Self::OtherType,
        })
    }
}

impl ToJSON for JsonString {
    fn to_json(&self) -> Option<Value> {
        match self {
            Self::String(text) => Some(text.clone().into()),
            Self::OtherType => None,
        }
    }
}

/// Parses the name of an existing user. A malformed name is 404, because no user has one.
pub(super) fn existing_user(raw: &str) -> Result<Username, ErrorResponse> {
    Username::parse(raw).map_err(|_| {
        ErrorResponse::new(StatusCode::NOT_FOUND, format!("There is no user named {raw}"))
    })
}

pub(super) fn default_count() -> ItemCount {
    ItemCount(100)
}

pub(super) fn example_latest() -> Option<CommandNumber> {
    Some(CommandNumber(1337))
}

pub(super) fn example_username() -> String {
    "Roger Histand".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_a_number_and_at_most_1000() {
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
    fn the_error_of_a_field_of_another_type_omits_its_value() {
        let field = JsonString::parse_from_json(Some(serde_json::json!(12345))).expect("kept");
        let error = field.parse("pwd").expect_err("rejected");
        assert_eq!(error.text, "pwd: must be a string");
    }
}
