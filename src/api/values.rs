//! The domain's values as fields of requests: how the document describes each, and how it is read.

use std::borrow::Cow;

use poem_openapi::registry::MetaSchema;
use serde_json::Value;

use super::fields::FieldValue;
use crate::domain::{
    BIO_MAX_CHARS, Bio, Cursor, DisplayName, Email, IdempotencyKey, Invalid, KeyCursor,
    MESSAGE_TEXT_MAX_CHARS, MessageText, NameCursor, Password, SearchText, TokenName, Username,
};

/// Any text without a NUL character.
const WITHOUT_NUL: &str = r"^[^\u0000]*$";
/// Not white space alone, and without a NUL character.
const NOT_BLANK: &str = r"^[^\u0000]*[^\s\u0000][^\u0000]*$";
/// Neither begins nor ends with white space, nor has a control character.
const ONE_LINE: &str = r"^[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$";

fn text(max_length: usize, pattern: &str) -> MetaSchema {
    MetaSchema {
        min_length: Some(1),
        max_length: Some(max_length),
        pattern: Some(pattern.to_owned()),
        ..MetaSchema::new("string")
    }
}

fn as_text(value: &Value) -> Result<&str, Cow<'static, str>> {
    value.as_str().ok_or(Cow::Borrowed("must be a text"))
}

/// Implements [`FieldValue`] for a type that is parsed from a text and shown as one.
macro_rules! text_field {
    ($type:ty, $schema:expr, $parse:expr, $show:expr) => {
        impl FieldValue for $type {
            fn schema() -> MetaSchema {
                $schema
            }

            fn read(value: Value) -> Result<Self, Cow<'static, str>> {
                let parse: fn(&str) -> Result<Self, Invalid> = $parse;
                parse(as_text(&value)?).map_err(|invalid| invalid.rule().into())
            }

            fn shown(&self) -> Value {
                let show: fn(&Self) -> String = $show;
                show(self).into()
            }
        }
    };
}

/// The name that somebody wants to sign up with.
#[derive(Debug, Clone)]
pub(super) struct NewUsername(pub(super) Username);

text_field!(
    NewUsername,
    text(
        64,
        r"^[^\s/\u0000-\u001f\u007f-\u009f]([^/\u0000-\u001f\u007f-\u009f]*[^\s/\u0000-\u001f\u007f-\u009f])?$"
    ),
    |raw| Username::parse_new(raw).map(NewUsername),
    |name| name.0.to_string()
);
text_field!(
    Email,
    text(
        254,
        r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f]@[^\s@\u0000-\u001f\u007f-\u009f]+$"
    ),
    Email::parse,
    |email| email.as_str().to_owned()
);
text_field!(DisplayName, text(DisplayName::MAX_CHARS, ONE_LINE), DisplayName::parse, |name| {
    name.as_str().to_owned()
});
text_field!(Bio, text(BIO_MAX_CHARS, NOT_BLANK), Bio::parse, |bio| { bio.as_str().to_owned() });
text_field!(TokenName, text(TokenName::MAX_CHARS, ONE_LINE), TokenName::parse, |name| {
    name.as_str().to_owned()
});
// What is shown of a password is an example's.
text_field!(
    Password,
    MetaSchema { format: Some("password"), ..text(72, NOT_BLANK) },
    Password::parse,
    |password| password.expose().to_owned()
);

/// A text that is compared with what is stored: a name or a password at sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text(pub(super) String);

text_field!(
    Text,
    MetaSchema { pattern: Some(WITHOUT_NUL.to_owned()), ..MetaSchema::new("string") },
    |raw| Ok(Self(raw.to_owned())),
    |text| text.0.clone()
);

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

const MALFORMED_CURSOR: &str = "is no cursor that this API gave out";

text_field!(
    Cursor,
    MetaSchema {
        pattern: Some(r"^-?\d{1,18}_-?\d{1,18}$".to_owned()),
        ..MetaSchema::new("string")
    },
    |raw| raw.parse().map_err(|_| Invalid::new(MALFORMED_CURSOR)),
    |cursor| cursor.to_string()
);
text_field!(
    KeyCursor,
    MetaSchema { pattern: Some(r"^\d{1,18}$".to_owned()), ..MetaSchema::new("string") },
    |raw| raw.parse().map_err(|_| Invalid::new(MALFORMED_CURSOR)),
    |cursor| cursor.to_string()
);

text_field!(
    NameCursor,
    MetaSchema { pattern: Some(r"^[A-Za-z0-9_-]+$".to_owned()), ..MetaSchema::new("string") },
    |raw| raw.parse().map_err(|_| Invalid::new(MALFORMED_CURSOR)),
    |cursor| cursor.to_string()
);
text_field!(MessageText, text(MESSAGE_TEXT_MAX_CHARS, NOT_BLANK), MessageText::parse, |text| text
    .as_str()
    .to_owned());
text_field!(SearchText, text(100, NOT_BLANK), SearchText::parse, |text| text.as_str().to_owned());
text_field!(IdempotencyKey, text(255, "^[!-~]+$"), IdempotencyKey::parse, |key| key
    .as_str()
    .to_owned());

/// What is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Messages.
    Messages,
    /// Users.
    Users,
}

text_field!(
    Kind,
    MetaSchema { enum_items: vec!["messages".into(), "users".into()], ..MetaSchema::new("string") },
    |raw| match raw {
        "messages" => Ok(Self::Messages),
        "users" => Ok(Self::Users),
        _ => Err(Invalid::new("must be messages or users")),
    },
    |kind| match kind {
        Self::Messages => "messages".to_owned(),
        Self::Users => "users".to_owned(),
    }
);

/// A whole number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Whole<const MIN: u16, const MAX: u16>(pub(super) u16);

impl<const MIN: u16, const MAX: u16> FieldValue for Whole<MIN, MAX> {
    fn schema() -> MetaSchema {
        MetaSchema {
            minimum: Some(MIN.into()),
            maximum: Some(MAX.into()),
            ..MetaSchema::new_with_format("integer", "int32")
        }
    }

    fn read(value: Value) -> Result<Self, Cow<'static, str>> {
        let number = value.as_u64().and_then(|number| u16::try_from(number).ok());
        number
            .filter(|number| (MIN..=MAX).contains(number))
            .map(Self)
            .ok_or_else(|| format!("must be a whole number from {MIN} to {MAX}").into())
    }

    fn shown(&self) -> Value {
        self.0.into()
    }
}

/// A value, or `null`, which takes away what is there.
impl<T: FieldValue> FieldValue for Option<T> {
    fn schema() -> MetaSchema {
        MetaSchema { nullable: true, ..T::schema() }
    }

    fn read(value: Value) -> Result<Self, Cow<'static, str>> {
        if value.is_null() { Ok(None) } else { T::read(value).map(Some) }
    }

    fn shown(&self) -> Value {
        self.as_ref().map_or(Value::Null, FieldValue::shown)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_is_whole_and_within_its_bounds() {
        for good in [1, 30, 100] {
            assert_eq!(Whole::<1, 100>::read(json!(good)), Ok(Whole(good)));
        }
        for bad in [json!(0), json!(101), json!(-1), json!(1.5), json!("30"), json!(null)] {
            let refusal = Whole::<1, 100>::read(bad).expect_err("refused");
            assert_eq!(refusal, "must be a whole number from 1 to 100");
        }
    }

    #[test]
    fn null_takes_away_and_a_wrong_value_does_not() {
        assert_eq!(Option::<Bio>::read(json!(null)), Ok(None));
        assert!(matches!(Option::<Bio>::read(json!("hello")), Ok(Some(_))));
        assert!(Option::<Bio>::read(json!("")).is_err());
    }
}
