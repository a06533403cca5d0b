//! Data that is not as it should be, in an SQLite file.

use super::{OldSystem, PASSWORD, PBKDF2, rows};
use crate::support::{App, actors::encode, cluster::TestDatabase};

#[tokio::test]
async fn every_kind_of_dirt_is_handled_and_reported() {
    let long_name = "n".repeat(300);
    let longest_name = "n".repeat(2_000);
    let old = OldSystem::sqlite(&format!(
        "INSERT INTO user VALUES
             (1, 'bob', 'bob@example.org', '{PBKDF2}'),
             (2, 'bob', 'b@example.org', '{PBKDF2}'),
             (3, 'Zo' || char(0x65, 0x308), 'z@example.org', '{PBKDF2}'),
             (4, 'Zo' || char(0xeb), 'z@example.org', '{PBKDF2}'),
             (5, 'bob-2', '', '{PBKDF2}'),
             (6, 'a/b', 'nobody', 'no hash'),
             (7, '..', 'x@example.org', ''),
             (8, '', 'x@example.org', '{PBKDF2}'),
             (9, 123, 'x@example.org', '{PBKDF2}'),
             (10, 'c' || char(1) || 'd', 'x@example.org', '{PBKDF2}'),
             (11, '{long_name}', 'x@example.org', '{PBKDF2}'),
             (12, '{longest_name}', 'x@example.org', '{PBKDF2}'),
             (13, 'al' || char(0x200b) || 'ice', 'x@example.org', '{PBKDF2}'),
             (14, CAST(x'ff41' AS text), 'x@example.org', '{PBKDF2}'),
             (15, ' e' || char(9, 10) || 'f ', 'x@example.org', '{PBKDF2}'),
             (16, 'g' || char(0) || 'h', 'x@example.org', '{PBKDF2}');
         INSERT INTO message VALUES
             (1, 1, 'fine', 1233065594, 0),
             (2, 99, 'of nobody', 1233065594, 0),
             (3, 1, '', 1233065594, 0),
             (4, 1, '  ', 1233065594, 0),
             (5, 1, 42, 1233065594, 0),
             (6, 1, 'a' || char(0) || 'b', 1233065594, 0),
             (7, 1, CAST(x'61ff62' AS text), 1233065594, 0),
             (8, 1, CAST(x'eda080' AS text), 1233065594, 0),
             (9, 1, replace(printf('%2000d', 0), ' ', 'x'), 1233065594, 0),
             (10, 1, 'no time', NULL, 0),
             (11, 1, 'wrong time', 'yesterday', 0),
             (12, 1, 'text time', '2009-01-27 14:13:14', 0),
             (13, 1, 'double time', 1233065594.5, 0),
             (14, 1, 'milliseconds', 1233065594000, 0),
             (15, 1, 'future', 4102444800, 0),
             (16, 1, 'beyond', 9000000000000000000, 0),
             (17, 1, 'unset', 0, 0),
             (18, 1, 'no flag', 1233065594, NULL),
             (19, 'one', 'text author', 1233065594, 0),
             (20, 1, x'626c6f62', 1233065594, 2);
         INSERT INTO follower VALUES (1, 2), (1, 2), (1, 1), (1, 99), (NULL, 1), ('two', 1), (2, 1);"
    ));
    let database = TestDatabase::fresh().await;
    let report = old.imported(&database, &[]);
    let mut expected: Vec<&str> = EXPECTED.lines().map(str::trim).collect();
    expected.sort_unstable();
    assert_eq!(report.findings(), expected);
    assert_eq!(report.counts("users"), [16, 5, 11, 0]);
    assert_eq!(report.counts("messages"), [20, 4, 14, 2]);
    assert_eq!(report.counts("follows"), [7, 2, 0, 5]);

    let connection = &mut database.connect().await;
    let names = rows(connection, "SELECT username FROM users ORDER BY user_id").await;
    let expected = [
        "bob",
        "bob-3",
        "Zoë",
        "Zoë-2",
        "bob-2",
        "a_b",
        "user-7",
        "user-8",
        "123",
        "c\u{1}d",
        &long_name,
        "user-12",
        "al\u{200b}ice",
        "\u{fffd}A",
        " e\t\nf ",
        "g_h",
    ];
    assert_eq!(names, expected);
    let query = "SELECT text || ' ' || (published_at > now() - interval '1 hour') || ' ' || flagged
                 FROM messages WHERE char_length(text) < 280 ORDER BY message_id";
    let expected = [
        "fine false false",
        " false false",
        "   false false",
        "42 false false",
        "a\u{fffd}b false false",
        "a\u{fffd}b false false",
        "\u{fffd} false false",
        "no time true false",
        "wrong time true false",
        "text time false false",
        "double time false false",
        "milliseconds false false",
        "future true false",
        "beyond true false",
        "unset true false",
        "no flag false false",
        "blob false true",
    ];
    assert_eq!(rows(connection, query).await, expected);
    let query = "SELECT char_length(text)::text FROM messages WHERE char_length(text) > 280";
    assert_eq!(rows(connection, query).await, ["2000"]);
    let query = "SELECT count(*)::text FROM messages WHERE published_at > now()";
    assert_eq!(rows(connection, query).await, ["0"]);

    // Every page of an old name or text works.
    let app = App::start_on(database).await;
    app.index_messages().await;
    for path in ["/public", "/bob", "/Zo%C3%AB", "/123", "/a_b", &format!("/{long_name}")] {
        assert_eq!(app.anonymous().visit(path).await.status, 200, "{path}");
    }
    for name in ["bob-3", "c\u{1}d", "al\u{200b}ice", " e\t\nf ", "g_h"] {
        assert_eq!(
            app.anonymous().visit(&format!("/{}", encode(name))).await.status,
            200,
            "{name:?}"
        );
        let form = [("username", name), ("password", PASSWORD)];
        app.anonymous().submit("/login", &form).await.says("You were logged in");
    }
}

const EXPECTED: &str = "users 2 name_taken
    users 3 name_normalized
    users 4 name_taken
    users 5 email_missing
    users 6 name_characters
    users 6 email_invalid
    users 6 password_unusable
    users 7 name_path
    users 7 password_unusable
    users 8 name_missing
    users 9 value_converted
    users 10 name_kept
    users 11 name_kept
    users 12 name_too_long
    users 13 name_kept
    users 14 invalid_unicode
    users 15 name_kept
    users 16 name_characters
    messages 2 author_unknown
    messages 3 text_empty
    messages 4 text_empty
    messages 5 value_converted
    messages 6 text_nul
    messages 7 invalid_unicode
    messages 8 invalid_unicode
    messages 9 text_long
    messages 10 time_missing
    messages 11 time_impossible
    messages 12 time_converted
    messages 13 time_converted
    messages 14 time_converted
    messages 15 time_future
    messages 16 time_impossible
    messages 17 time_impossible
    messages 18 flag_unreadable
    messages 19 author_unknown
    messages 19 id_converted
    messages 20 value_converted
    follows 1 -> 2 follow_repeated
    follows 1 -> 1 follow_of_self
    follows 1 -> 99 follow_user_unknown
    follows none -> 1 follow_user_unknown
    follows two -> 1 follow_user_unknown";
