//! Fields and parameters of requests, read without failing, so that all that break a rule can be
//! told at once.

use std::borrow::Cow;

use poem::http::HeaderMap;
use poem_openapi::{
    registry::{MetaSchema, MetaSchemaRef},
    types::{ParseFromJSON, ParseFromParameter, ParseResult, ToJSON, Type},
};
use serde_json::Value;

use super::{
    problem::{FieldProblem, Problem},
    values::Text,
};

/// A type that a field of a request can have.
pub(super) trait FieldValue: Sized + Send + Sync {
    /// What the document says of the type.
    fn schema() -> MetaSchema;

    /// Reads a value.
    ///
    /// # Errors
    /// The rule that it breaks. It never quotes the value, which might be a password.
    fn read(value: Value) -> Result<Self, Cow<'static, str>>;

    /// The value as the document's examples show it.
    fn shown(&self) -> Value;
}

/// A field as it came. `REQUIRED` says whether it has to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Field<T, const REQUIRED: bool = true> {
    /// It did not come.
    Absent,
    /// It came, and keeps the rules.
    Given(T),
    /// It came, and breaks this rule.
    Wrong(Cow<'static, str>),
}

/// A field or parameter that may be absent.
pub(super) type OptionalField<T> = Field<T, false>;

impl<T> OptionalField<T> {
    /// The field of the header `name`, of which the library leaves out values that are not ASCII: they
    /// have come all the same.
    pub(super) fn of_header(self, headers: &HeaderMap, name: &str) -> Self {
        match self {
            Self::Absent if headers.contains_key(name) => {
                Self::Wrong("must be visible ASCII characters".into())
            }
            field => field,
        }
    }
}

impl<T, const REQUIRED: bool> From<T> for Field<T, REQUIRED> {
    fn from(value: T) -> Self {
        Self::Given(value)
    }
}

impl<T: FieldValue, const REQUIRED: bool> Field<T, REQUIRED> {
    fn read(value: Value) -> Self {
        T::read(value).map_or_else(Self::Wrong, Self::Given)
    }
}

impl<T: FieldValue, const REQUIRED: bool> Type for Field<T, REQUIRED> {
    const IS_REQUIRED: bool = REQUIRED;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        T::schema().ty.into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(T::schema()))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl<T: FieldValue, const REQUIRED: bool> ParseFromJSON for Field<T, REQUIRED> {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        Ok(value.map_or(Self::Absent, Self::read))
    }
}

impl<T: FieldValue, const REQUIRED: bool> ParseFromParameter for Field<T, REQUIRED> {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        // A parameter is a text; where a number is asked for, it is that of the text.
        let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        let number = value.parse::<u64>().ok().filter(|_| is_number && T::schema().ty == "integer");
        Ok(Self::read(number.map_or_else(|| value.into(), Value::from)))
    }

    fn parse_from_parameters<I: IntoIterator<Item = A>, A: AsRef<str>>(
        values: I,
    ) -> ParseResult<Self> {
        match values.into_iter().next() {
            Some(value) => Self::parse_from_parameter(value.as_ref()),
            None => Ok(Self::Absent),
        }
    }
}

impl<T: FieldValue, const REQUIRED: bool> ToJSON for Field<T, REQUIRED> {
    fn to_json(&self) -> Option<Value> {
        match self {
            Self::Given(value) => Some(value.shown()),
            Self::Absent | Self::Wrong(_) => None,
        }
    }
}

/// The fields of a request that break a rule, as far as they have been read.
#[derive(Debug, Default)]
pub(super) struct Refusals(Vec<FieldProblem>);

impl Refusals {
    /// The value of a field that must be there; `None` if the request will be refused for it.
    pub(super) fn required<T>(&mut self, name: &str, field: Field<T>) -> Option<T> {
        match field {
            Field::Given(value) => return Some(value),
            Field::Absent => self.add(name, "must be given"),
            Field::Wrong(rule) => self.add(name, &rule),
        }
        None
    }

    /// The value of a field that may be absent; `None` if it is, or if the request will be refused
    /// for it.
    pub(super) fn optional<T>(&mut self, name: &str, field: OptionalField<T>) -> Option<T> {
        match field {
            Field::Given(value) => Some(value),
            Field::Absent => None,
            Field::Wrong(rule) => {
                self.add(name, &rule);
                None
            }
        }
    }

    /// The place that the parameter `cursor` names.
    pub(super) fn place<C: FieldValue>(&mut self, cursor: Option<Text>) -> Option<C> {
        let field = cursor.map_or(Field::Absent, |Text(cursor)| OptionalField::read(cursor.into()));
        self.optional("cursor", field)
    }

    /// Refuses the request for this field.
    pub(super) fn add(&mut self, name: &str, rule: &str) {
        self.0.push(FieldProblem::new(name, rule));
    }

    /// Whether every field that was read keeps the rules.
    ///
    /// # Errors
    /// The problem of those that do not.
    pub(super) fn none(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::invalid(self.0)) }
    }

    /// The values of fields that must be there, if all that was read keeps the rules.
    ///
    /// # Errors
    /// The problem of those that do not.
    pub(super) fn all<T>(self, values: Option<T>) -> Result<T, Problem> {
        match values {
            Some(values) if self.0.is_empty() => Ok(values),
            _ => Err(Problem::invalid(self.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::Email;

    fn read(value: Option<Value>) -> Field<Email> {
        Field::parse_from_json(value).expect("never fails")
    }

    #[test]
    fn all_wrong_fields_are_told_at_once_and_none_is_quoted() {
        let mut refusals = Refusals::default();
        assert!(refusals.required("a", read(None)).is_none());
        assert!(refusals.required("b", read(Some(Value::Null))).is_none());
        assert!(refusals.required("c", read(Some(json!(12_345)))).is_none());
        assert!(refusals.required("d", read(Some(json!("secret")))).is_none());
        assert!(refusals.required("e", read(Some(json!("a@b")))).is_some());
        let told: Vec<&str> = refusals.0.iter().map(|problem| problem.detail()).collect();
        assert_eq!(
            told,
            [
                "must be given",
                "must be a text",
                "must be a text",
                "You have to enter a valid email address"
            ]
        );
        assert!(refusals.none().is_err());
    }
}
