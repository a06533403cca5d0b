//! The binary values of PostgreSQL, by the type of their column.

use sqlx::{ValueRef as _, postgres::PgValueRef};

use crate::{record::Value, text::text_value};

/// How to read a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Bool,
    Integer,
    Float,
    Text,
    Bytes,
    Timestamp,
    Date,
    /// Any other type, as the server's text of it.
    Cast,
}

/// Microseconds from 1970 to 2000, where PostgreSQL's times begin.
const EPOCH: i128 = 946_684_800_000_000;
const DAY: i128 = 86_400_000_000;

impl Column {
    /// The column of a type, by its name in the server's catalog.
    pub(super) fn of_type(name: &str) -> Self {
        match name {
            "bool" => Self::Bool,
            "int2" | "int4" | "int8" => Self::Integer,
            "float4" | "float8" => Self::Float,
            "text" | "varchar" | "bpchar" | "name" => Self::Text,
            "bytea" => Self::Bytes,
            "timestamp" | "timestamptz" => Self::Timestamp,
            "date" => Self::Date,
            _ => Self::Cast,
        }
    }

    /// The expression that selects the column.
    pub(super) fn expression(self, quoted: &str) -> String {
        match self {
            Self::Cast => format!("{quoted}::text"),
            _ => quoted.to_owned(),
        }
    }

    /// The value of a column in a row. A time without a zone is taken as UTC.
    pub(super) fn value(self, value: &PgValueRef<'_>) -> Value {
        if value.is_null() {
            return Value::Null;
        }
        let bytes = value.as_bytes().unwrap_or_default();
        self.decode(bytes).unwrap_or(Value::Other("value of an unexpected length"))
    }

    fn decode(self, bytes: &[u8]) -> Option<Value> {
        Some(match self {
            Self::Bool => Value::Bool(bytes != [0]),
            Self::Integer => Value::Integer(integer(bytes)?),
            Self::Float => Value::Double(match bytes.len() {
                4 => f64::from(f32::from_be_bytes(bytes.try_into().ok()?)),
                _ => f64::from_be_bytes(bytes.try_into().ok()?),
            }),
            Self::Text | Self::Cast => text_value(bytes),
            Self::Bytes => Value::Bytes(bytes.to_vec()),
            Self::Timestamp => match integer(bytes)? {
                i64::MAX | i64::MIN => Value::Other("infinite time"),
                micros => Value::Time { unix_micros: EPOCH + i128::from(micros) },
            },
            Self::Date => match i32::from_be_bytes(bytes.try_into().ok()?) {
                i32::MAX | i32::MIN => Value::Other("infinite time"),
                days => Value::Time { unix_micros: EPOCH + i128::from(days) * DAY },
            },
        })
    }
}

fn integer(bytes: &[u8]) -> Option<i64> {
    match bytes.len() {
        2 => Some(i16::from_be_bytes(bytes.try_into().ok()?).into()),
        4 => Some(i32::from_be_bytes(bytes.try_into().ok()?).into()),
        _ => Some(i64::from_be_bytes(bytes.try_into().ok()?)),
    }
}
