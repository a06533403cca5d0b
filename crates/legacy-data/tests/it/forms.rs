//! Every form of one dump yields the same records.

use legacy_data::{Message, Place, Position, Record, Table, User, Value, mongo};

use crate::support::{data, messages, read, users};

/// The forms of the sample dump, relative to its directory.
const BSON: [&str; 4] = ["dump", "dump-gz", "dump.archive", "dump.archive.gz"];
const JSON: [&str; 2] = ["export-canonical", "export-relaxed"];

fn expected(what: &str) -> usize {
    let text = std::fs::read_to_string(data("expected.json")).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
    usize::try_from(expected["documents"][what].as_u64().unwrap()).unwrap()
}

fn nowhere() -> Position {
    Position { file: std::path::Path::new("").into(), place: Place::File }
}

fn without_positions(users: Vec<User>, messages: Vec<Message>) -> (Vec<User>, Vec<Message>) {
    let users = users.into_iter().map(|user| User { position: nowhere(), ..user }).collect();
    let messages =
        messages.into_iter().map(|message| Message { position: nowhere(), ..message }).collect();
    (users, messages)
}

#[test]
fn every_form_has_all_documents() {
    for form in BSON {
        let source = mongo(&data(form)).unwrap();
        assert_eq!(source.tables(), [Table::Users, Table::Messages, Table::Latest], "{form}");
        assert_eq!(users(source.as_ref()).len(), expected("users"), "{form}");
        assert_eq!(messages(source.as_ref()).len(), expected("messages"), "{form}");
        let latest = read(source.as_ref(), Table::Latest).unwrap();
        assert!(
            matches!(&latest[..], [Record::Latest(latest)] if latest.value == Value::Integer(4711)),
            "{form}"
        );
        assert!(read(source.as_ref(), Table::Follows).unwrap().is_empty(), "{form}");
    }
}

#[test]
fn bson_forms_have_the_same_records() {
    let records = |form: &str| {
        let source = mongo(&data(form)).unwrap();
        without_positions(users(source.as_ref()), messages(source.as_ref()))
    };
    let plain = records(BSON[0]);
    for form in &BSON[1..] {
        assert!(records(form) == plain, "{form}");
    }
}

/// JSON has no documents with invalid UTF-8: mongoexport does not write them.
#[test]
fn json_forms_have_the_same_records() {
    let source = mongo(&data("dump")).unwrap();
    let valid = |value: &Value| !matches!(value, Value::InvalidText(_));
    let users_of = |source: &dyn legacy_data::Source| users(source);
    let wanted_users: Vec<_> =
        users_of(source.as_ref()).into_iter().filter(|user| valid(&user.name)).collect();
    let wanted_messages: Vec<_> =
        messages(source.as_ref()).into_iter().filter(|message| valid(&message.text)).collect();
    assert_eq!(wanted_users.len() + 1, expected("users"));
    assert_eq!(wanted_messages.len() + 1, expected("messages"));
    let wanted = without_positions(wanted_users, wanted_messages);
    for form in JSON {
        let source = mongo(&data(form)).unwrap();
        assert_eq!(source.tables(), [Table::Users, Table::Messages, Table::Latest], "{form}");
        let found = without_positions(users(source.as_ref()), messages(source.as_ref()));
        assert_eq!(found.0, wanted.0, "{form}");
        assert_eq!(found.1, wanted.1, "{form}");
        let latest = read(source.as_ref(), Table::Latest).unwrap();
        assert!(
            matches!(&latest[..], [Record::Latest(latest)] if latest.value == Value::Integer(4711)),
            "{form}"
        );
    }
}

#[test]
fn dirty_values_are_as_stored() {
    let source = mongo(&data("dump")).unwrap();
    let messages = messages(source.as_ref());
    let text = |wanted: Value| messages.iter().any(|message| message.text == wanted);
    assert!(text(Value::Null));
    assert!(text(Value::Text(String::new())));
    assert!(text(Value::Text("a\0b".to_owned())));
    assert!(text(Value::InvalidText(b"caf\xe9 \xff!".to_vec())));
    let published = |wanted: Value| messages.iter().any(|message| message.published == wanted);
    assert!(published(Value::Integer(1_614_600_000)));
    assert!(published(Value::Text("2021-04-01T10:00:00Z".to_owned())));
    assert!(published(Value::Time { unix_micros: -62_135_596_800_000_000 }));
    let users = users(source.as_ref());
    let without_password: Vec<_> =
        users.iter().filter(|user| *user.password.expose() == Value::Missing).collect();
    assert_eq!(without_password.len(), 1);
    assert_eq!(without_password[0].name, Value::Text("missing password".to_owned()));
}

#[test]
fn debug_shows_no_password() {
    let source = mongo(&data("dump")).unwrap();
    for user in users(source.as_ref()) {
        let shown = format!("{user:?}");
        for secret in [&user.password, &user.password_salt] {
            if let Value::Text(text) = secret.expose() {
                assert!(text.len() < 4 || !shown.contains(text.as_str()), "{shown}");
            }
        }
    }
}

#[test]
fn a_directory_without_collections_is_an_error() {
    let empty = tempfile::tempdir().unwrap();
    let error = mongo(empty.path()).err().expect("an empty directory is no dump").to_string();
    assert!(error.contains("no users, messages or latest"), "{error}");
    let error = mongo(&empty.path().join("none")).err().expect("no such directory").to_string();
    assert!(error.contains("cannot read"), "{error}");
}
