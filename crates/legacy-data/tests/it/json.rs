//! Values of Extended JSON.

use legacy_data::{Value, mongo};

use crate::support::{messages, users};

/// The text of a message whose field `Text` is this JSON.
fn value(json: &str) -> Value {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("messages.json"), format!("{{\"Text\": {json}}}\n"))
        .unwrap();
    let source = mongo(directory.path()).unwrap();
    let mut messages = messages(source.as_ref());
    assert_eq!(messages.len(), 1, "{json}");
    messages.remove(0).text
}

fn error(content: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("messages.json"), content).unwrap();
    let source = mongo(directory.path()).unwrap();
    let error = source
        .read(legacy_data::Table::Messages)
        .unwrap()
        .find_map(Result::err)
        .expect(content)
        .to_string();
    error.rsplit_once("messages.json ").expect(&error).1.to_owned()
}

#[test]
fn every_type_has_a_value() {
    let text = |text: &str| Value::Text(text.to_owned());
    let time = |millis: i128| Value::Time { unix_micros: millis * 1_000 };
    for (json, expected) in [
        ("null", Value::Null),
        ("true", Value::Bool(true)),
        (" false ", Value::Bool(false)),
        ("-12", Value::Integer(-12)),
        ("9223372036854775808", Value::Double(9_223_372_036_854_775_808.0)),
        ("1.5e3", Value::Double(1500.0)),
        (r#""a\u0000\"\\\/\b\f\n\r\t""#, text("a\0\"\\/\x08\x0c\n\r\t")),
        (r#""\u00e6\uD83C\uDF89é""#, text("æ🎉é")),
        (r#""a\ud83cb""#, Value::InvalidText(b"a\xed\xa0\xbcb".to_vec())),
        (r#""\udf89""#, Value::InvalidText(b"\xed\xbe\x89".to_vec())),
        (r#""\ud83c\ud83c\udf89""#, Value::InvalidText(b"\xed\xa0\xbc\xf0\x9f\x8e\x89".to_vec())),
        (
            r#"{"$oid": "603cd74020823cfde6f1c26b"}"#,
            Value::ObjectId(*b"\x60\x3c\xd7\x40\x20\x82\x3c\xfd\xe6\xf1\xc2\x6b"),
        ),
        (r#"{"$oid": "603"}"#, Value::Other("document")),
        (r#"{"$oid": "é03cd74020823cfde6f1c26"}"#, Value::Other("document")),
        (r#"{"$numberInt": "7"}"#, Value::Integer(7)),
        (r#"{"$numberLong": "-7"}"#, Value::Integer(-7)),
        (r#"{"$numberLong": 7}"#, Value::Integer(7)),
        (r#"{"$numberDouble": "1.0"}"#, Value::Double(1.0)),
        (r#"{"$numberDouble": "-Infinity"}"#, Value::Double(f64::NEG_INFINITY)),
        (r#"{"$numberDecimal": "1"}"#, Value::Other("decimal128")),
        (r#"{"$date": {"$numberLong": "-62135596800000"}}"#, time(-62_135_596_800_000)),
        (r#"{"$date": "2021-03-01T14:46:40.464Z"}"#, time(1_614_610_000_464)),
        (r#"{"$date": 1614610000464}"#, time(1_614_610_000_464)),
        (r#"{"$date": "yesterday"}"#, text("yesterday")),
        (r#"{"$binary": {"base64": "AP8=", "subType": "00"}}"#, Value::Bytes(vec![0, 255])),
        (r#"{"$binary": "AP8=", "$type": "00"}"#, Value::Bytes(vec![0, 255])),
        (r#"{"$symbol": "s"}"#, text("s")),
        (r#"{"$timestamp": {"t": 1, "i": 1}}"#, Value::Other("timestamp")),
        (
            r#"{"$regularExpression": {"pattern": "}", "options": ""}}"#,
            Value::Other("regular expression"),
        ),
        (r#"{"$undefined": true}"#, Value::Other("undefined")),
        (r#"{"$minKey": 1}"#, Value::Other("minimum key")),
        (
            r#"{"$oid": "603cd74020823cfde6f1c26b", "more": [1, {"a": "]"}]}"#,
            Value::Other("document"),
        ),
        ("{}", Value::Other("document")),
        (
            r#"["a", {"$numberInt": "1"}, []]"#,
            Value::Array(vec![text("a"), Value::Integer(1), Value::Array(vec![])]),
        ),
    ] {
        assert_eq!(value(json), expected, "{json}");
    }
}

#[test]
fn damaged_json_has_an_offset() {
    for (content, expected) in [
        ("{\"Text\": 1} x", "at byte 12: the file is damaged: a document does not begin with {"),
        (
            "{\"Text\": 1 \"a\": 2}",
            "at byte 11: the file is damaged: a comma or the end of an object or array is expected",
        ),
        ("{\"Text\": nul}", "at byte 9: the file is damaged: a value is expected"),
        ("{\"Text\": \"\\x\"}", "at byte 10: the file is damaged: an escape is unknown"),
        ("{\"Text\": 1}\n{\"Text", "at byte 12: the file is truncated: it ends inside a document"),
        ("[{\"Text\": 1}, ", "at byte 14: the file is truncated: it ends inside an array"),
        (
            "[{\"Text\": 1} {",
            "at byte 13: the file is damaged: a comma or the end of the array is expected",
        ),
        ("[] {}", "at byte 3: the file is damaged: something follows the array"),
        ("[{},]", "at byte 4: the file is damaged: a document does not begin with {"),
    ] {
        assert_eq!(error(content), expected, "{content}");
    }
}

#[test]
fn documents_larger_than_the_buffer_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let ids = vec![r#"{"$oid": "603cd74020823cfde6f1c26b"}"#; 100_000].join(", ");
    let document = format!("\u{feff}{{\"Name\": \"a\", \"Follows\": [{ids}]}}\n");
    std::fs::write(
        directory.path().join("users.json"),
        document.clone() + &document[3..].repeat(2),
    )
    .unwrap();
    let source = mongo(directory.path()).unwrap();
    let users = users(source.as_ref());
    assert_eq!(users.len(), 3);
    assert!(
        users.iter().all(|user| matches!(&user.follows, Value::Array(ids) if ids.len() == 100_000))
    );
}
