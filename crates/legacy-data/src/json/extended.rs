//! Objects of Extended JSON, such as `{"$oid": "…"}`, in the canonical, the relaxed and the older form.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{record::Value, time::parse_iso};

pub(super) const DOCUMENT: Value = Value::Other("document");

/// The value of `{"name": inner}`.
pub(super) fn wrapped(name: &[u8], inner: Value) -> Value {
    let text = if let Value::Text(text) = &inner { Some(text.as_str()) } else { None };
    let value = match name {
        b"$oid" => text.and_then(hexadecimal).map(Value::ObjectId),
        b"$numberInt" | b"$numberLong" => {
            text.and_then(|text| text.parse().ok()).map(Value::Integer)
        }
        b"$numberDouble" => text.and_then(double).map(Value::Double),
        b"$uuid" => text
            .and_then(|text| hexadecimal::<16>(&text.replace('-', "")))
            .map(|uuid| Value::Bytes(uuid.to_vec())),
        b"$date" => return date(inner),
        // `$symbol` is a string of its own type.
        _ => return inner,
    };
    // Older forms and other programs write the number itself.
    value.unwrap_or(match inner {
        Value::Integer(_) | Value::Double(_) => inner,
        _ => DOCUMENT,
    })
}

/// A time as text or in milliseconds. Text that is no time remains text.
fn date(inner: Value) -> Value {
    match inner {
        Value::Integer(millis) => Value::Time { unix_micros: i128::from(millis) * 1_000 },
        Value::Text(text) => match parse_iso(text.as_bytes()) {
            Some(unix_micros) => Value::Time { unix_micros },
            None => Value::Text(text),
        },
        Value::Double(_) | Value::InvalidText(_) => inner,
        _ => DOCUMENT,
    }
}

fn double(text: &str) -> Option<f64> {
    match text {
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        _ => text.parse().ok(),
    }
}

fn hexadecimal<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |index: usize| {
            char::from(pair[index]).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
        };
        *byte = digit(0)? << 4 | digit(1)?;
    }
    Some(bytes)
}

/// The name of a type that has no representation; the same as that of BSON.
pub(super) fn type_name(name: &[u8]) -> &'static str {
    match name {
        b"$undefined" => "undefined",
        b"$regularExpression" | b"$regex" => "regular expression",
        b"$dbPointer" => "DBPointer",
        b"$code" => "JavaScript",
        b"$timestamp" => "timestamp",
        b"$numberDecimal" => "decimal128",
        b"$minKey" => "minimum key",
        b"$maxKey" => "maximum key",
        _ => "document",
    }
}

/// The bytes of `$binary`, given its content in base64.
pub(super) fn binary(content: Value) -> Value {
    match content {
        Value::Text(text) => STANDARD.decode(text).map_or(DOCUMENT, Value::Bytes),
        _ => DOCUMENT,
    }
}
