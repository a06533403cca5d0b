//! Reads values of the old systems, whatever their type.

use legacy_data::Value;
use time::{
    OffsetDateTime, PrimitiveDateTime,
    format_description::{BorrowedFormatItem, well_known::Rfc3339},
    macros::format_description,
};

use super::rule::Rule;

/// The types of ids and times that a source stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Ids are integers; times are seconds since 1970, or timestamps.
    Sql,
    /// Ids are ObjectIds; times are dates.
    Mongo,
}

/// The rules that apply to a record, in the order of their discovery.
pub(super) type Rules = Vec<(Rule, String)>;

/// Numbers of this size or more count milliseconds; as seconds they would be after the year 5138.
const MILLISECONDS: f64 = 1e11;
/// Numbers of this size or more count microseconds.
const MICROSECONDS: f64 = 1e14;
/// Numbers of this size or more are no times.
const TIME_END: f64 = 1e17;
/// The end of the year 9999 in microseconds since 1970.
const YEAR_10_000: i128 = 253_402_300_800_000_000;

/// The canonical form of an id: decimal digits, or the 24 hexadecimal digits of an ObjectId.
///
/// Returns `None` if there is no id. The flag tells that the type is not the usual one.
pub(super) fn id(value: &Value, dialect: Dialect) -> Option<(String, bool)> {
    let usual = match dialect {
        Dialect::Sql => matches!(value, Value::Integer(_)),
        Dialect::Mongo => matches!(value, Value::ObjectId(_)),
    };
    let id = match value {
        Value::Integer(number) => number.to_string(),
        Value::ObjectId(bytes) => hexadecimal(bytes),
        Value::Double(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
            format!("{number}")
        }
        Value::Text(text) => text_id(text)?,
        Value::Bytes(bytes) if bytes.len() == 12 => hexadecimal(bytes),
        _ => return None,
    };
    Some((id, !usual))
}

fn text_id(text: &str) -> Option<String> {
    let text = text.trim();
    if let Ok(number) = text.parse::<i64>() {
        return Some(number.to_string());
    }
    let valid = !text.is_empty() && text.len() <= 200 && !text.chars().any(char::is_control);
    let is_object_id = text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    valid.then(|| if is_object_id { text.to_ascii_lowercase() } else { text.to_owned() })
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The time in an id that is an ObjectId, in microseconds since 1970.
pub(super) fn time_of_id(id: &str) -> Option<i128> {
    if id.len() != 24 {
        return None;
    }
    let seconds = u32::from_str_radix(id.get(..8)?, 16).ok()?;
    u64::from_str_radix(&id[8..], 16).ok()?;
    (seconds > 0).then(|| i128::from(seconds) * 1_000_000)
}

/// A text, or why there is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Text {
    Some(String),
    /// Missing or null.
    Absent,
    /// A list, a document or another value without a text.
    Unreadable,
}

/// Reads a text, and adds the rules that apply to `rules`, with the name of the field.
pub(super) fn text(value: Value, field: &str, rules: &mut Rules) -> Text {
    let (text, rule) = match value {
        Value::Missing | Value::Null => return Text::Absent,
        Value::Text(text) => (text, None),
        Value::InvalidText(bytes) => (lossy(&bytes), Some(Rule::InvalidUnicode)),
        Value::Integer(number) => (number.to_string(), Some(Rule::ValueConverted)),
        Value::Double(number) => (format!("{number}"), Some(Rule::ValueConverted)),
        Value::Bool(flag) => (flag.to_string(), Some(Rule::ValueConverted)),
        Value::ObjectId(bytes) => (hexadecimal(&bytes), Some(Rule::ValueConverted)),
        Value::Bytes(bytes) => (lossy(&bytes), Some(Rule::ValueConverted)),
        Value::Time { .. } | Value::Array(_) | Value::Other(_) => return Text::Unreadable,
    };
    if let Some(rule) = rule {
        rules.push((rule, field.to_owned()));
    }
    Text::Some(text)
}

/// Decodes UTF-8 with one U+FFFD for each invalid part; a lone surrogate (three bytes) is one part.
fn lossy(mut bytes: &[u8]) -> String {
    let is_surrogate = |part: &[u8]| matches!(part, [0xed, 0xa0..=0xbf, 0x80..=0xbf]);
    let mut text = String::with_capacity(bytes.len());
    while let Some(at) = bytes.windows(3).position(is_surrogate) {
        text.push_str(&String::from_utf8_lossy(&bytes[..at]));
        text.push('\u{fffd}');
        bytes = &bytes[at + 3..];
    }
    text + &String::from_utf8_lossy(bytes)
}

/// A time in microseconds since 1970, or why there is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Time {
    Micros {
        micros: i128,
        /// The type is not the usual one.
        converted: bool,
    },
    /// Missing or null.
    Absent,
    Impossible,
}

/// Reads a time: a date, a number of seconds, milliseconds or microseconds by its size, or a text of
/// either.
pub(super) fn time(value: &Value, dialect: Dialect) -> Time {
    let (micros, converted) = match value {
        Value::Missing | Value::Null => return Time::Absent,
        Value::Time { unix_micros } => (Some(*unix_micros), false),
        Value::Integer(number) => {
            // Exact up to 2^53; larger numbers are no times.
            let micros = micros(*number as f64);
            (micros, dialect == Dialect::Mongo || (*number as f64).abs() >= MILLISECONDS)
        }
        Value::Double(number) => (micros(*number), true),
        Value::Text(text) if text.trim().is_empty() => return Time::Absent,
        Value::Text(text) => (parse_time(text.trim()), true),
        _ => (None, true),
    };
    match micros {
        Some(micros) if (1..YEAR_10_000).contains(&micros) => Time::Micros { micros, converted },
        _ => Time::Impossible,
    }
}

fn micros(number: f64) -> Option<i128> {
    let scale = match number.abs() {
        size if size < MILLISECONDS => 1e6,
        size if size < MICROSECONDS => 1e3,
        size if size < TIME_END => 1.0,
        // Also a number that is none.
        _ => return None,
    };
    Some((number * scale).round() as i128)
}

/// Forms of times besides RFC 3339; without a time zone they are in UTC.
const FORMATS: &[&[BorrowedFormatItem<'static>]] = &[
    format_description!(
        version = 2,
        "[year]-[month]-[day][first [T][ ]][hour]:[minute]:[second][optional [.[subsecond]]]"
    ),
    format_description!(version = 2, "[year]-[month]-[day][first [T][ ]][hour]:[minute]"),
];

fn parse_time(text: &str) -> Option<i128> {
    if let Ok(number) = text.parse::<f64>() {
        return micros(number);
    }
    let with_separator =
        if text.get(10..11) == Some(" ") { text.replacen(' ', "T", 1) } else { text.to_owned() };
    let time = OffsetDateTime::parse(&with_separator, &Rfc3339).ok().or_else(|| {
        let text = text.strip_suffix(" UTC").unwrap_or(text);
        let whole = if text.len() == 10 { format!("{text} 00:00") } else { text.to_owned() };
        let parse = |format: &&[_]| PrimitiveDateTime::parse(&whole, *format).ok();
        FORMATS.iter().find_map(parse).map(PrimitiveDateTime::assume_utc)
    })?;
    Some(time.unix_timestamp_nanos() / 1_000)
}

/// Whether a moderator hid a message: any number but 0 does. `None` if the value does not tell.
pub(super) fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Missing => Some(false),
        Value::Bool(flag) => Some(*flag),
        Value::Integer(number) => Some(*number != 0),
        Value::Double(number) => Some(*number != 0.0),
        Value::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "0" | "f" | "false" | "" => Some(false),
            "1" | "t" | "true" => Some(true),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_has_one_form_whatever_its_type() {
        let id_of = |value| id(&value, Dialect::Sql);
        assert_eq!(id_of(Value::Integer(7)), Some(("7".into(), false)));
        assert_eq!(id_of(Value::Double(7.0)), Some(("7".into(), true)));
        assert_eq!(id_of(Value::Text(" 07".into())), Some(("7".into(), true)));
        for none in [Value::Missing, Value::Null, Value::Double(7.5), Value::Text(" ".into())] {
            assert_eq!(id_of(none), None);
        }
        let bytes = [0x60, 0x3c, 0xd7, 0x40, 0x20, 0x82, 0x3c, 0xfd, 0xe6, 0xf1, 0xc2, 0x6b];
        let hex = "603cd74020823cfde6f1c26b".to_owned();
        assert_eq!(id(&Value::ObjectId(bytes), Dialect::Mongo), Some((hex.clone(), false)));
        let upper = Value::Text(hex.to_uppercase());
        assert_eq!(id(&upper, Dialect::Mongo), Some((hex.clone(), true)));
        assert_eq!(time_of_id(&hex), Some(1_614_600_000_000_000));
        assert_eq!(time_of_id("7"), None);
        assert_eq!(time_of_id("é23cd74020823cfde6f1c26b"), None);
    }

    #[test]
    fn a_time_is_read_from_any_type() {
        let expected = 1_614_600_000_000_000;
        for (value, converted) in [
            (Value::Integer(1_614_600_000), false),
            (Value::Time { unix_micros: expected }, false),
            (Value::Double(1_614_600_000.0), true),
            (Value::Integer(1_614_600_000_000), true),
            (Value::Integer(1_614_600_000_000_000), true),
            (Value::Text("1614600000".into()), true),
            (Value::Text("2021-03-01T12:00:00Z".into()), true),
            (Value::Text("2021-03-01 12:00:00".into()), true),
            (Value::Text("2021-03-01 13:00:00+01:00".into()), true),
            (Value::Text("2021-03-01 12:00:00.000 UTC".into()), true),
            (Value::Text("2021-03-01 12:00".into()), true),
        ] {
            let time = time(&value, Dialect::Sql);
            assert_eq!(time, Time::Micros { micros: expected, converted }, "{value:?}");
        }
        let midnight = Time::Micros { micros: 1_614_556_800_000_000, converted: true };
        assert_eq!(time(&Value::Text("2021-03-01".into()), Dialect::Sql), midnight);
        for value in [
            Value::Integer(0),
            Value::Integer(-1),
            Value::Integer(i64::MAX),
            Value::Double(f64::NAN),
            Value::Double(1e300),
            Value::Text("yesterday".into()),
            Value::Bool(true),
            Value::Time { unix_micros: -62_135_596_800_000_000 },
            Value::Time { unix_micros: i128::MAX },
        ] {
            assert_eq!(time(&value, Dialect::Sql), Time::Impossible, "{value:?}");
        }
        assert_eq!(time(&Value::Null, Dialect::Sql), Time::Absent);
    }

    #[test]
    fn invalid_parts_become_one_replacement_each() {
        for (bytes, expected) in [
            (&b"a\xffb"[..], "a\u{fffd}b"),
            (b"\xed\xa0\x80", "\u{fffd}"),
            (b"a\xed\xa0\x80\xed\xb0\x80b", "a\u{fffd}\u{fffd}b"),
            (b"\xed", "\u{fffd}"),
            (b"\xe2\x82", "\u{fffd}"),
        ] {
            assert_eq!(lossy(bytes), expected, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn valid_utf_8_is_decoded_as_it_is(text: String) {
            prop_assert_eq!(lossy(text.as_bytes()), text);
        }

        #[test]
        fn no_text_makes_the_parser_of_times_panic(text: String, number: f64) {
            let _ = parse_time(&text);
            let _ = micros(number);
        }
    }
}
