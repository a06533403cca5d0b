//! The predecessor's MongoDB, as mongoexport writes it.

use serde_json::{Value, json};

use super::{OldSystem, Report, digest, import, rows};
use crate::support::{App, cluster::TestDatabase};

/// The key and the salt of `pässwörd`, as .NET's `Rfc2898DeriveBytes` makes them.
const KEY: &str = "N1RHk5UEnZ4k4K8/kZu3+UNWciKqPUKSG5F3F4ZI54WuqHpsG5MullRIuMH2cG/dfrPvyz145V81XHWghDKMufZ+TDKCGA==";
const SALT: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0BBQkNERQ==";

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
    let users = [user(1, "ann", &[2, 4], &[2]), plain, without, empty_salt];
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
        messages(1, "id_repeated"),
        messages(2, "author_unknown"),
        messages(3, "time_impossible"),
        messages(4, "id_converted"),
        messages(4, "time_converted"),
        messages(5, "author_renamed"),
        messages(5, "time_future"),
        messages(6, "text_empty"),
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
    assert_eq!(report.0["plain_text_passwords"], 2);

    let app = App::start_on(database).await;
    let connection = &mut app.database.connect().await;
    let query = "SELECT text || ' ' || extract(epoch FROM published_at)::bigint FROM messages
                 WHERE published_at < now() - interval '1 hour' ORDER BY message_id";
    // The time of an ObjectId replaces a time that cannot be.
    let expected = [
        "message 1 1617235200",
        "message 3 1614600000",
        "message 4 1614600000",
        "\u{fffd} 1617235200",
    ];
    assert_eq!(rows(connection, query).await, expected);
    assert_eq!(app.simulator().latest().await, 4711);
    for (name, password) in [("ann", super::PASSWORD), ("plain", "in the clear"), ("ann-2", "p")] {
        let form = [("username", name), ("password", password)];
        app.anonymous().submit("/login", &form).await.says("You were logged in");
    }
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
