//! Fields and parameters of requests, and the errors in them.
//!
//! poem-openapi stops at the first field that it cannot parse. This API reports all invalid fields
//! in one response, so requests contain [`Unparsed`] fields, and operations parse them with
//! [`FieldErrors`].

use std::{borrow::Cow, marker::PhantomData, ops::RangeInclusive, str::FromStr};

use poem::http::HeaderMap;
use poem_openapi::{
    registry::{MetaSchemaRef, Registry},
    types::{ParseFromJSON, ParseFromParameter, ParseResult, ToJSON, Type},
};
use serde_json::Value;

use super::problem::{FieldError, Problem};
use crate::domain::Invalid;

/// A field with any JSON value or none, which the document describes as a `T`.
///
/// Its validators appear in the document and reject nothing: poem-openapi would report only the
/// first invalid field.
pub(super) struct Unparsed<T>(Option<Value>, PhantomData<fn() -> T>);

impl<T> Unparsed<T> {
    fn new(value: Option<Value>) -> Self {
        Self(value, PhantomData)
    }

    /// Whether the request has this field, valid or not.
    pub(super) fn is_present(&self) -> bool {
        self.0.is_some()
    }

    /// The value, if it is a string.
    pub(super) fn text(&self) -> Option<&str> {
        self.0.as_ref()?.as_str()
    }

    /// The value, if it is a string.
    pub(super) fn as_str(&self) -> Option<&str> {
        self.0.as_ref().and_then(Value::as_str)
    }

    /// This header parameter. If its value has bytes other than visible ASCII, poem-openapi omits it, and
    /// the value comes from `headers`.
    pub(super) fn or_header(self, headers: &HeaderMap, name: &str) -> Self {
        let skipped = || Some(String::from_utf8_lossy(headers.get(name)?.as_bytes()).into());
        Self::new(self.0.or_else(skipped))
    }
}

impl<T, V: Into<Value>> From<V> for Unparsed<T> {
    fn from(value: V) -> Self {
        Self::new(Some(value.into()))
    }
}

impl<T: Type> Type for Unparsed<T> {
    const IS_REQUIRED: bool = T::IS_REQUIRED;
    type RawValueType = T::RawValueType;
    type RawElementValueType = T::RawElementValueType;

    fn name() -> Cow<'static, str> {
        T::name()
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        None
    }

    fn raw_element_iter<'a>(
        &'a self,
    ) -> Box<dyn Iterator<Item = &'a Self::RawElementValueType> + 'a> {
        Box::new(std::iter::empty())
    }
}

impl<T: Type> ParseFromJSON for Unparsed<T> {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        Ok(Self::new(value))
    }
}

impl<T: Type> ParseFromParameter for Unparsed<T> {
    fn parse_from_parameter(text: &str) -> ParseResult<Self> {
        let is_integer =
            matches!(T::schema_ref(), MetaSchemaRef::Inline(schema) if schema.ty == "integer");
        let digits = is_integer && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = if digits { text.parse::<u64>().ok() } else { None };
        Ok(number.map_or_else(|| text.into(), Self::from))
    }

    fn parse_from_parameters<I: IntoIterator<Item = A>, A: AsRef<str>>(
        texts: I,
    ) -> ParseResult<Self> {
        match texts.into_iter().next() {
            Some(text) => Self::parse_from_parameter(text.as_ref()),
            None => Ok(Self::new(None)),
        }
    }
}

impl<T: Type> ToJSON for Unparsed<T> {
    fn to_json(&self) -> Option<Value> {
        self.0.clone()
    }
}

/// Parses the fields of a request, and collects the errors.
///
/// The methods return `None` for an invalid field and for an absent optional one. An error never
/// quotes the value, which may be a password.
#[derive(Debug, Default)]
pub(super) struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    pub(super) fn string<T: Type, V>(
        &mut self,
        name: &str,
        field: Unparsed<T>,
        parse: impl FnOnce(&str) -> Result<V, Invalid>,
    ) -> Option<V> {
        self.field(name, field, |value| parse_string(value, parse))
    }

    /// Parses a string or `null`, which becomes `Some(None)`.
    pub(super) fn nullable_string<T: Type, V>(
        &mut self,
        name: &str,
        field: Unparsed<T>,
        parse: impl FnOnce(&str) -> Result<V, Invalid>,
    ) -> Option<Option<V>> {
        self.field(name, field, |value| match value {
            Value::Null => Ok(None),
            value => parse_string(value, parse).map(Some),
        })
    }

    /// Parses an array of strings.
    pub(super) fn strings<T: Type, V>(
        &mut self,
        name: &str,
        field: Unparsed<T>,
        parse: impl FnOnce(&[&str]) -> Result<V, Invalid>,
    ) -> Option<V> {
        self.field(name, field, |value| {
            let items = value.as_array().ok_or("must be an array of strings")?;
            let strings: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            let strings = strings.ok_or("must be an array of strings")?;
            parse(&strings).map_err(|invalid| invalid.rule().into())
        })
    }

    pub(super) fn integer<T: Type>(
        &mut self,
        name: &str,
        field: Unparsed<T>,
        range: RangeInclusive<u16>,
    ) -> Option<u16> {
        self.field(name, field, |value| {
            let number = value.as_u64().and_then(|number| u16::try_from(number).ok());
            number.filter(|number| range.contains(number)).ok_or_else(|| {
                format!("must be an integer from {} to {}", range.start(), range.end()).into()
            })
        })
    }

    /// Parses an integer or `null`, which becomes `None`.
    pub(super) fn nullable_id<T: Type>(&mut self, name: &str, field: Unparsed<T>) -> Option<i64> {
        let id = self.field(name, field, |value| match value {
            Value::Null => Ok(None),
            value => Ok(Some(value.as_i64().ok_or("must be an integer or null")?)),
        });
        id.flatten()
    }

    fn field<T: Type, V>(
        &mut self,
        name: &str,
        field: Unparsed<T>,
        parse: impl FnOnce(&Value) -> Result<V, Cow<'static, str>>,
    ) -> Option<V> {
        let parsed = match &field.0 {
            Some(value) => parse(value),
            None if T::IS_REQUIRED => Err("is required".into()),
            None => return None,
        };
        parsed.map_err(|rule| self.add(name, &rule)).ok()
    }

    /// Adds an error, unless the field has one already.
    pub(super) fn add(&mut self, name: &str, rule: &str) {
        if !self.0.iter().any(|error| error.is_about(name)) {
            self.0.push(FieldError::new(name, rule));
        }
    }

    /// Returns the parsed values of the required fields, or the problem that lists all errors.
    pub(super) fn finish<V>(self, required: Option<V>) -> Result<V, Problem> {
        match required {
            Some(values) if self.0.is_empty() => Ok(values),
            _ => Err(Problem::invalid_fields(self.0)),
        }
    }
}

fn parse_string<V>(
    value: &Value,
    parse: impl FnOnce(&str) -> Result<V, Invalid>,
) -> Result<V, Cow<'static, str>> {
    let text = value.as_str().ok_or("must be a string")?;
    parse(text).map_err(|invalid| invalid.rule().into())
}

/// Accepts any string without U+0000, such as a name or password to compare with a stored one.
pub(super) fn any_string(text: &str) -> Result<String, Invalid> {
    if text.contains('\0') {
        return Err(Invalid::new("must not contain a NUL character"));
    }
    Ok(text.to_owned())
}

pub(super) fn cursor<C: FromStr>(text: &str) -> Result<C, Invalid> {
    text.parse().map_err(|_| Invalid::new("must be a value that this API returned"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::{Bio, Email, Scopes};

    #[test]
    fn all_invalid_fields_are_reported_and_no_value_is_quoted() {
        let mut errors = FieldErrors::default();
        for (name, value) in [
            ("a", None),
            ("b", Some(Value::Null)),
            ("c", Some(json!(12_345))),
            ("d", Some(json!("secret"))),
        ] {
            let field = Unparsed::<String>::new(value);
            assert!(errors.string(name, field, Email::parse).is_none());
        }
        assert!(errors.string("email", Unparsed::<String>::from("a@b"), Email::parse).is_some());
        let rules: Vec<&str> = errors.0.iter().map(FieldError::rule).collect();
        assert_eq!(
            rules,
            [
                "is required",
                "must be a string",
                "must be a string",
                "You have to enter a valid email address"
            ]
        );
        assert!(errors.finish(Some(())).is_err());
    }

    #[test]
    fn a_field_has_one_error_the_first() {
        let mut errors = FieldErrors::default();
        errors.add("email", "is required");
        errors.add("email", "is wrong");
        errors.add("bio", "is wrong");
        let rules: Vec<&str> = errors.0.iter().map(FieldError::rule).collect();
        assert_eq!(rules, ["is required", "is wrong"]);
    }

    #[test]
    fn an_absent_optional_field_is_valid() {
        let mut errors = FieldErrors::default();
        let absent = Unparsed::<Option<String>>::new(None);
        assert!(errors.string("email", absent, Email::parse).is_none());
        assert!(errors.finish(Some(())).is_ok());
    }

    #[test]
    fn an_integer_must_be_within_its_range() {
        let read = |value| {
            let mut errors = FieldErrors::default();
            let number = errors.integer("limit", Unparsed::<i32>::from(value), 1..=100);
            (number, errors.0.first().map(|error| error.rule().to_owned()))
        };
        for good in [1, 30, 100] {
            assert_eq!(read(json!(good)), (Some(good), None));
        }
        for bad in [json!(0), json!(101), json!(-1), json!(1.5), json!("30"), json!(null)] {
            let rule = "must be an integer from 1 to 100".to_owned();
            assert_eq!(read(bad), (None, Some(rule)));
        }
    }

    #[test]
    fn an_array_must_contain_only_strings() {
        let read = |value| {
            let mut errors = FieldErrors::default();
            let field = Unparsed::<Vec<String>>::from(value);
            let scopes = errors.strings("scopes", field, Scopes::parse);
            (
                scopes.map(|scopes| scopes.to_string()),
                errors.0.first().map(|it| it.rule().to_owned()),
            )
        };
        assert_eq!(read(json!(["write", "read"])), (Some("read write".to_owned()), None));
        for bad in [json!(null), json!("read"), json!({}), json!([1]), json!(["read", null])] {
            assert_eq!(read(bad), (None, Some("must be an array of strings".to_owned())));
        }
        assert_eq!(read(json!([])), (None, Some("The scopes must not be empty".to_owned())));
    }

    #[test]
    fn null_is_valid_only_in_a_nullable_field() {
        let read = |value| {
            let field = Unparsed::<Option<String>>::from(value);
            FieldErrors::default().nullable_string("bio", field, Bio::parse)
        };
        assert_eq!(read(json!(null)), Some(None));
        assert!(matches!(read(json!("hello")), Some(Some(_))));
        assert_eq!(read(json!("")), None);
    }
}
