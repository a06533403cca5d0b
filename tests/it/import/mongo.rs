//! The predecessor's MongoDB, as mongoexport writes it.

use serde_json::{Value, json};

use super::{OldSystem, Report, digest, import, rows};
use crate::support::{App, cluster::TestDatabase};

/// The key and the salt of `pässwörd`, as .NET's `Rfc2898DeriveBytes` makes them.
const KEY: &str = "N1RHk5UEnZ4k4K8/kZu3+UNWciKqPUKSG5F3F4ZI54WuqHpsG5MullRIuMH2cG/dfrPvyz145V81XHWghDKMufZ+TDKCGA==";
const SALT: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0BBQkNERQ==";

/// Of 73 bytes, of white space, and with U+0000. The last one is empty, so it is no password.
const OTHER_PASSWORDS: [&str; 4] = [LONG, " \t", "a\0b", ""];
const LONG: &str = "0123456789012345678901234567890123456789012345678901234567890123456789abc";

fn id(number: u32) -> Value {
    json!({"$oid": format!("603cd740000000000000{number:04x}")})
}

fn user(number: u32, name: &str, follows: &[u32], followers: &[u32]) -> Value {
    let ids = |numbers: &[u32]| numbers.iter().map(|number| id(*number)).collect::<Vec<_>>();
    json!({
        "_id": id(number), "Name": name, "Password": KEY, "PasswordSalt": SALT,
        "Email": "someone@example.org", "Follows": ids(follows), "Followers": ids(followers),
    })
}

fn message(number: u32, author: u32, fields: Value) -> Value {
    let mut message = json!({
        "_id": id(number), "AuthorID": id(author), "AuthorName": "ann",
        "Timestamp": {"$date": "2021-04-01T00:00:00Z"}, "Text": format!("message {number}"),
    });
    let fields = fields.as_object().expect("an object").clone();
    message.as_object_mut().expect("an object").extend(fields);
    message
}

fn old_system() -> OldSystem {
    let old = OldSystem::new();
    let mut plain = user(2, "plain", &[], &[1]);
    plain["Password"] = json!("in the clear");
    plain["PasswordSalt"] = Value::Null;
    let mut without = user(3, "without", &[3, 2, 2], &[9]);
    without.as_object_mut().expect("an object").remove("Password");
    let mut empty_salt = user(4, "ann", &[], &[]);
    empty_salt["Password"] = json!("p");
    empty_salt["PasswordSalt"] = json!("");
    // bcrypt holds none of these.
    let others = OTHER_PASSWORDS.iter().zip(5..).map(|(password, number)| {
        let mut user = user(number, &format!("other {number}"), &[], &[]);
        user["Password"] = json!(password);
        user["PasswordSalt"] = Value::Null;
        user
    });
    let mut users = vec![user(1, "ann", &[2, 4], &[2]), plain, without, empty_salt];
    users.extend(others);
    let messages = [
        message(1, 1, json!({})),
        message(2, 9, json!({"AuthorName": "ghost"})),
        message(
            3,
            2,
            json!({"Timestamp": {"$date": {"$numberLong": "-62135596800000"}}, "AuthorName": "plain"}),
        ),
        message(4, 1, json!({"Timestamp": 1614600000, "AuthorID": "603CD7400000000000000001"})),
        message(5, 1, json!({"Timestamp": {"$date": "9999-12-31T00:00:00Z"}, "AuthorName": "eve"})),
        message(1, 1, json!({"Text": "the id of another"})),
        message(6, 1, json!({"Text": null})),
        message(7, 1, json!({"Text": "\u{0}"})),
        message(8, 1, json!({"Text": ["list"]})),
    ];
    let lines = |values: &[Value]| values.iter().map(|it| format!("{it}\n")).collect::<String>();
    for (name, content) in [
        ("users.json", lines(&users)),
        ("messages.json", lines(&messages)),
        ("latest.json", lines(&[json!({"_id": id(1), "latest": 4711})])),
    ] {
        std::fs::write(old.path(name), content).expect("written");
    }
    old
}

#[tokio::test]
async fn the_predecessor_moves_in() {
    let database = TestDatabase::fresh().await;
    let old = old_system();
    let directory = old.directory.path().to_str().expect("text");
    let output = import(&database, &["mongo", directory, "--password-cost=10"], &old.report());
    assert!(output.status.success(), "{output:?}");
    let report = Report::read(&old.report());
    let mongo_id = |number: u32| format!("603cd740000000000000{number:04x}");
    let users = |number, rule: &str| format!("users {} {rule}", mongo_id(number));
    let messages = |number, rule: &str| format!("messages {} {rule}", mongo_id(number));
    let follows =
        |from, to, rule: &str| format!("follows {} -> {} {rule}", mongo_id(from), mongo_id(to));
    let mut expected = vec![
        users(3, "password_unusable"),
        users(4, "name_taken"),
        users(4, "salt_empty"),
        users(8, "password_unusable"),
        messages(1, "id_repeated"),
        messages(2, "author_unknown"),
        messages(3, "time_impossible"),
        messages(4, "id_converted"),
        messages(4, "time_converted"),
        messages(5, "author_renamed"),
        messages(5, "time_future"),
        messages(6, "text_missing"),
        messages(7, "text_nul"),
        messages(8, "text_unreadable"),
        follows(1, 4, "follow_only_by_follower"),
        follows(2, 1, "follow_only_by_followee"),
        follows(3, 2, "follow_only_by_follower"),
        follows(3, 2, "follow_repeated"),
        follows(3, 3, "follow_of_self"),
        follows(9, 3, "follow_user_unknown"),
    ];
    expected.sort();
    assert_eq!(report.findings(), expected);
    assert_eq!(report.0["plain_text_passwords"], 5);

    let app = App::start_on(database).await;
    let connection = &mut app.database.connect().await;
    let query = "SELECT text || ' ' || extract(epoch FROM published_at)::bigint FROM messages
                 WHERE published_at < now() - interval '1 hour' ORDER BY message_id";
    // The time of an ObjectId replaces a time that cannot be.
    let expected = [
        "message 1 1617235200",
        "message 3 1614600000",
        "message 4 1614600000",
        " 1617235200",
        "\u{fffd} 1617235200",
    ];
    assert_eq!(rows(connection, query).await, expected);
    assert_eq!(app.simulator().latest().await, 4711);
    for (name, password) in [("ann", super::PASSWORD), ("plain", "in the clear"), ("ann-2", "p")] {
        let form = [("username", name), ("password", password)];
        app.anonymous().submit("/login", &form).await.says("You were logged in");
    }
    for (password, number) in OTHER_PASSWORDS[..3].iter().zip(5..) {
        let form = [("username", &*format!("other {number}")), ("password", password)];
        app.anonymous().submit("/login", &form).await.says("You were logged in");
    }
    let query = "SELECT DISTINCT password_scheme || ' ' || left(password_hash, 21) FROM users
                 WHERE username IN ('other 5', 'other 6', 'other 7')";
    assert_eq!(rows(connection, query).await, ["werkzeug_pbkdf2 pbkdf2:sha256:600000$"]);
    let whole = std::fs::read_to_string(old.report()).expect("a report");
    assert!(!whole.contains("in the clear") && !whole.contains(KEY), "no password is reported");
    let output = [output.stdout, output.stderr].concat();
    assert!(!String::from_utf8_lossy(&output).contains("in the clear"));

    let before = digest(&app.database).await;
    let output = import(&app.database, &["mongo", directory], &old.report());
    assert!(output.status.success(), "{output:?}");
    assert_eq!(digest(&app.database).await, before);
}

/// Files of MongoDB's tools, with all kinds of dirt.
fn data(name: &str) -> String {
    format!("{}/crates/legacy-data/tests/data/mongo/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[tokio::test]
async fn every_form_gives_the_same_report() {
    let old = OldSystem::new();
    let database = TestDatabase::fresh().await;
    let report = |form: &str, arguments: &[&str]| {
        let path = data(form);
        let output = import(&database, &[&["mongo", &path], arguments].concat(), &old.report());
        assert!(output.status.success(), "{form}: {output:?}");
        Report::read(&old.report())
    };
    let imported = report("dump", &[]);
    let same = |report: &Report, members: &[&str], form: &str| {
        for member in members {
            assert_eq!(report.0[*member], imported.0[*member], "{form} {member}");
        }
    };
    for form in ["dump-gz", "dump.archive", "dump.archive.gz"] {
        let again = report(form, &["--dry-run", "--source", "again"]);
        // Other users have the names by now.
        same(&again, &["plain_text_passwords"], form);
        for table in ["messages", "follows"] {
            assert_eq!(again.counts(table), imported.counts(table), "{form} {table}");
        }
        assert_eq!(again.counts("users")[0], imported.counts("users")[0]);
    }
    let canonical = report("export-canonical", &["--dry-run", "--source", "again"]);
    let relaxed = report("export-relaxed", &["--dry-run", "--source", "again"]);
    assert_eq!(canonical.0["findings"], relaxed.0["findings"]);
    // mongoexport cannot write the records with invalid UTF-8.
    assert_eq!(canonical.counts("messages")[0] + 1, imported.counts("messages")[0]);

    let expected = std::fs::read_to_string(data("expected.json")).expect("a file");
    let expected: Value = serde_json::from_str(&expected).expect("JSON");
    assert_eq!(
        imported.counts("users")[0],
        expected["documents"]["users"].as_u64().expect("a number")
    );
    let app = App::start_on(database.clone()).await;
    for (name, password) in expected["passwords"].as_object().expect("passwords") {
        let form = [("username", name.as_str()), ("password", password.as_str().expect("text"))];
        app.anonymous().submit("/login", &form).await.says("You were logged in");
    }
}

/// What PyMongo wrote: values of types that the predecessor does not use.
const ODD_TYPES: &str = "users 10 id_converted
    users 10 id_converted
    users 10 id_repeated
    users 9 id_converted
    users #12 id_missing
    users 2 email_missing
    users 2 value_converted
    users 3 follows_unreadable
    users 3 name_missing
    users 4 value_converted
    users 4 value_converted
    users 5 value_converted
    users 5 value_converted
    users 6 email_characters
    users 6 name_characters
    users 7 name_missing
    users 7 password_unusable
    users 8 name_characters
    users 8 name_kept
    users 8 password_unusable
    users 8 value_converted
    users d name_too_long
    messages 102 time_converted
    messages 103 time_converted
    messages 104 time_impossible
    messages 105 time_impossible
    messages 106 time_impossible
    messages 107 time_future
    messages 108 text_unreadable
    messages 109 text_unreadable
    messages 10a text_unreadable
    messages 10b value_converted
    messages 10d text_empty
    messages 10e author_renamed
    messages 10e id_converted
    messages 10f author_renamed
    messages 10f id_converted
    messages 110 author_unknown
    messages 111 id_converted
    messages 113 flag_unreadable
    messages 114 text_long
    follows 1 -> 3 follow_only_by_follower
    follows 1 -> 3 id_converted
    follows 1 -> none follow_user_unknown";

#[tokio::test]
async fn a_dump_by_pymongo_with_odd_types_is_imported() {
    let database = TestDatabase::fresh().await;
    let old = OldSystem::new();
    let dump = format!("{}/crates/legacy-data/tests/data/pymongo", env!("CARGO_MANIFEST_DIR"));
    let output = import(&database, &["mongo", &dump, "--password-cost=10"], &old.report());
    assert!(output.status.success(), "{output:?}");
    let report = Report::read(&old.report());
    let short = |finding: String| {
        let word = |word: &str| match word.strip_prefix("603cd74000000000") {
            Some(digits) => digits.trim_start_matches('0').to_owned(),
            None => word.to_owned(),
        };
        finding.split(' ').map(word).collect::<Vec<_>>().join(" ")
    };
    let mut found: Vec<String> = report.findings().into_iter().map(short).collect();
    found.sort();
    let mut expected: Vec<&str> = ODD_TYPES.lines().map(str::trim).collect();
    expected.sort_unstable();
    assert_eq!(found, expected);

    let app = App::start_on(database).await;
    let long = "p".repeat(100);
    for (name, password) in [
        ("ann", super::PASSWORD),
        ("2", "password 2"),
        ("true", "12345678"),
        ("fünf", "five"),
        ("six_", "password 6"),
        ("user-603cd740000000000000000d", &long),
    ] {
        let form = [("username", name), ("password", password)];
        app.anonymous().submit("/login", &form).await.says("You were logged in");
    }
    assert_eq!(app.simulator().latest().await, 4711);
}

#[tokio::test]
async fn a_damaged_dump_is_named_with_its_offset_and_changes_nothing() {
    let database = TestDatabase::empty().await;
    let old = OldSystem::new();
    let read = |form: &str| std::fs::read(data(form)).expect("a file");
    let (archive, compressed) = (read("dump.archive"), read("dump.archive.gz"));
    let bson = read("dump/MiniTwit/messages.bson");
    let corrupted = |content: &[u8], at: usize| {
        let mut content = content.to_vec();
        content[at] ^= 0xff;
        content
    };
    let half = |content: &[u8]| content[..content.len() / 2].to_vec();
    for (name, content, place) in [
        ("dump.archive", half(&archive), "byte "),
        ("dump.archive", corrupted(&archive, archive.len() / 2), "byte "),
        ("dump.archive.gz", half(&compressed), "byte "),
        ("dump.archive.gz", corrupted(&compressed, compressed.len() / 2), "byte "),
        ("messages.bson", bson[..bson.len() - 7].to_vec(), "byte "),
        ("messages.bson", corrupted(&bson, 3), "byte "),
    ] {
        std::fs::write(old.path(name), content).expect("written");
        let path = if name == "messages.bson" { ".".to_owned() } else { name.to_owned() };
        let output = import(&database, &["mongo", &old.path(&path)], &old.report());
        std::fs::remove_file(old.path(name)).expect("removed");
        assert_eq!(output.status.code(), Some(1), "{name}: {output:?}");
        let errors = String::from_utf8_lossy(&output.stderr);
        let said = errors.lines().find(|line| line.contains(name) && line.contains(place));
        assert!(said.is_some(), "{name}: {errors}");
        assert!(!std::path::Path::new(&old.report()).exists(), "{name}");
    }
    let tables = "SELECT count(*)::text FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(rows(&mut database.connect().await, tables).await, ["0"]);
}
