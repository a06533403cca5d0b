//! SQLite files of the Flask original and of its variants.

use std::path::Path;

use legacy_data::{Record, Table, Value, sqlite};
use rusqlite::Connection;

use crate::support::{messages, read, users};

const ORIGINAL: &str = "
    create table user (user_id integer primary key autoincrement, username string not null,
                       email string not null, pw_hash string not null);
    create table follower (who_id integer, whom_id integer);
    create table message (message_id integer primary key autoincrement, author_id integer not null,
                          text string not null, pub_date integer, flagged integer);";

fn database(file: &Path, sql: &str) {
    Connection::open(file).unwrap().execute_batch(sql).unwrap();
}

/// A file of the original with rows in every table.
pub fn sample() -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("old.db");
    let many = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 500)
                insert into message select i, 1, 'a text of some length ' || i, i, 0 from n;";
    let rows = "insert into user values (1, 'a', 'a@example.org', 'h'); insert into follower values (1, 1);";
    database(&file, &format!("{ORIGINAL}{many}{rows}"));
    std::fs::read(&file).unwrap()
}

#[test]
fn the_original_is_read_as_stored() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("mini twit?#%.db");
    database(
        &file,
        &format!(
            "{ORIGINAL}
             insert into user values (1, 'Roger', 'roger@example.org', 'pbkdf2:sha256:50000$s$0f'),
                                     (2, '007', 'x', ''), (3, cast(x'ff41' as text), null_text, '') ;"
        )
        .replace("null_text", "char(97, 0, 98)"),
    );
    database(
        &file,
        "insert into message values (1, 1, 'hello', 1233065594, 1), (2, 99, '12.50', 'yesterday', null),
                                    (3, 1, x'00ff', 1.5, 0);
         insert into follower values (1, 2), ('x', null);",
    );
    let source = sqlite(&file).unwrap();
    assert_eq!(source.tables(), [Table::Users, Table::Messages, Table::Follows]);

    let users = users(source.as_ref());
    assert_eq!(users[0].name, Value::Text("Roger".to_owned()));
    assert_eq!(*users[0].password.expose(), Value::Text("pbkdf2:sha256:50000$s$0f".to_owned()));
    assert_eq!(*users[0].password_salt.expose(), Value::Missing);
    assert_eq!(users[1].name, Value::Integer(7), "the affinity of the type string is numeric");
    assert_eq!(users[2].name, Value::InvalidText(vec![0xff, b'A']));
    assert_eq!(users[2].email, Value::Text("a\0b".to_owned()));

    let messages = messages(source.as_ref());
    assert_eq!(messages[0].published, Value::Integer(1_233_065_594));
    assert_eq!(messages[0].flagged, Value::Integer(1));
    assert_eq!(messages[1].text, Value::Double(12.5));
    assert_eq!(messages[1].published, Value::Text("yesterday".to_owned()));
    assert_eq!(messages[2].text, Value::Bytes(vec![0, 0xff]));
    assert_eq!(messages[2].published, Value::Double(1.5));

    let follows = read(source.as_ref(), Table::Follows).unwrap();
    let [Record::Follow(_), Record::Follow(second)] = &follows[..] else { panic!("{follows:?}") };
    assert_eq!(second.follower_id, Value::Text("x".to_owned()));
    assert_eq!(second.followee_id, Value::Null);
}

#[test]
fn a_table_can_be_read_again_and_reading_can_stop() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("old.db");
    let many = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000)
                insert into message select i, 1, 'text ' || i, i, 0 from n;";
    database(&file, &format!("{ORIGINAL}{many}"));
    let source = sqlite(&file).unwrap();
    assert_eq!(messages(source.as_ref()).len(), 5000);
    drop(source.read(Table::Messages).unwrap().next());
    assert_eq!(messages(source.as_ref()).len(), 5000);
}

#[test]
fn variants_of_names_are_found() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("old.db");
    database(
        &file,
        "create table \"Users\" (\"Id\" integer primary key, \"UserName\" text, \"PasswordHash\" text);
         create table messages (id integer primary key, author_id integer, content text, pub_date timestamp);
         create table followers (who_id integer, whom_id integer, primary key (who_id, whom_id)) without rowid;
         create table latest (id integer);
         insert into \"Users\" values (5, 'a', 'h'); insert into messages values (1, 5, 't', '2021-01-01 00:00:00');
         insert into followers values (5, 5); insert into latest values (12);",
    );
    let source = sqlite(&file).unwrap();
    assert_eq!(source.tables(), Table::ALL);
    let users = users(source.as_ref());
    assert_eq!((&users[0].source_id, &users[0].email), (&Value::Integer(5), &Value::Missing));
    assert_eq!(messages(source.as_ref())[0].text, Value::Text("t".to_owned()));
    assert_eq!(read(source.as_ref(), Table::Follows).unwrap().len(), 1);
    let latest = read(source.as_ref(), Table::Latest).unwrap();
    assert!(matches!(&latest[..], [Record::Latest(latest)] if latest.value == Value::Integer(12)));
}

#[test]
fn other_files_are_errors() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("old.db");
    std::fs::write(&file, "no database at all, but text that is long enough").unwrap();
    let error = sqlite(&file).err().expect("text is no database").to_string();
    assert!(error.contains("old.db") && error.contains("not a database"), "{error}");
    let other = directory.path().join("other.db");
    database(&other, "create table user (city text)");
    let error = sqlite(&other).err().expect("the table has no user").to_string();
    assert!(error.contains("no table user"), "{error}");
}

#[test]
fn reading_leaves_no_files_behind() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("old.db");
    database(&file, &format!("pragma journal_mode = wal; {ORIGINAL}"));
    let names = || {
        std::fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(), ["old.db"]);
    let source = sqlite(&file).unwrap();
    assert!(messages(source.as_ref()).is_empty());
    assert_eq!(names(), ["old.db"]);
}

#[test]
fn rows_that_are_still_in_the_log_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("old.db");
    let writer = Connection::open(&file).unwrap();
    writer
        .execute_batch(&format!(
            "pragma journal_mode = wal; {ORIGINAL} insert into follower values (1, 2);"
        ))
        .unwrap();
    let source = sqlite(&file).unwrap();
    assert_eq!(read(source.as_ref(), Table::Follows).unwrap().len(), 1);
}

#[test]
fn a_damaged_page_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("old.db");
    let mut content = sample();
    // The last page holds messages; its third byte counts its rows.
    let page = content.len() - 4096;
    assert_eq!(content[page], 13, "a leaf of a table");
    content[page + 4] ^= 1;
    std::fs::write(&file, content).unwrap();
    let error = sqlite(&file).err().expect("a page has a wrong number of rows").to_string();
    assert!(error.contains(&format!("old.db at byte {page}: the file is damaged")), "{error}");
}

#[test]
fn values_that_break_constraints_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("old.db");
    database(
        &file,
        "create table user (user_id integer primary key, username text);
         insert into user values (1, null);
         pragma writable_schema = on;
         update sqlite_schema set sql = replace(sql, 'username text', 'username text not null');",
    );
    let source = sqlite(&file).unwrap();
    assert_eq!(users(source.as_ref())[0].name, Value::Null);
}

#[test]
fn an_interrupted_transaction_is_explained() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("old.db");
    database(&file, ORIGINAL);
    let writer = Connection::open(&file).unwrap();
    // A cache of one page writes the pages of an open transaction to the file.
    writer.execute_batch("pragma cache_size = 1; begin; insert into message values (1, 1, zeroblob(100000), 1, 0);").unwrap();
    let copy = directory.path().join("copy.db");
    std::fs::copy(&file, &copy).unwrap();
    std::fs::copy(
        directory.path().join("old.db-journal"),
        directory.path().join("copy.db-journal"),
    )
    .unwrap();
    let error = sqlite(&copy).err().expect("the journal must be rolled back first").to_string();
    assert!(error.contains("a transaction was interrupted; roll it back with: sqlite3"), "{error}");
}
