//! Search for messages and users.

use std::{path::Path, process::Command};

use serde_json::{Value, json};

use crate::support::{
    App,
    actors::{ApiClient, encode, field},
    cluster::TestDatabase,
};

/// The values of one field of all results; `kind` is `message` or `user`.
pub(super) async fn results(api: &ApiClient, path: &str, kind: &str, name: &str) -> Vec<String> {
    values(&api.whole_list(path).await, kind, name)
}

pub(super) fn values(items: &[Value], kind: &str, name: &str) -> Vec<String> {
    let objects: Vec<Value> = items.iter().map(|item| item[kind].clone()).collect();
    field(&objects, name)
}

pub(super) async fn matching_messages(api: &ApiClient, text: &str) -> Vec<String> {
    results(api, &format!("/search?limit=2&q={}", encode(text)), "message", "text").await
}

async fn matching_users(api: &ApiClient, text: &str) -> Vec<String> {
    let path = format!("/search?limit=2&kind=users&q={}", encode(text));
    results(api, &path, "user", "username").await
}

/// Starts a server, and posts these messages in order.
pub(super) async fn with_messages(texts: &[&str]) -> (App, ApiClient) {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    for text in texts {
        assert_eq!(ann.post("/messages", json!({ "text": text })).await.status, 201, "{text}");
    }
    (app, ann)
}

#[tokio::test]
async fn a_message_matches_all_words_and_the_last_one_as_a_prefix() {
    let texts = [
        "The quick brown Fox",
        "A quicker, browner fox!",
        "ÉCOLE: Привет мир",
        "안녕하세요 여러분",
        "100% of #rustaceans say don't @ann <b>bold</b> https://example.com/a?b=c",
        "A well-known cafe\u{301}, \u{ff21}\u{ff22}C",
    ];
    let (app, _) = with_messages(&texts).await;
    let api = app.api();
    for (text, expected) in [
        ("fox", &[1, 0][..]),
        ("FOX quick", &[1, 0]),
        ("quick fox", &[0]),
        ("fox brown", &[1, 0]),
        ("brow", &[1, 0]),
        ("row", &[]),
        ("éco", &[2]),
        ("école ПРИВ", &[2]),
        ("안녕", &[3]),
        ("#rust", &[4]),
        ("@ann", &[4]),
        ("100", &[4]),
        ("example.com", &[4]),
        ("don't", &[4]),
        ("bold", &[4]),
        ("café", &[5]),
        ("well-kno", &[5]),
        ("known", &[5]),
        ("wellknown", &[]),
        ("abc", &[5]),
        ("fox nothing", &[]),
        // Texts without a word, and operators of the query parser.
        ("!?", &[]),
        ("🦀", &[]),
        ("fox | nothing", &[]),
        ("fox & brown", &[1, 0]),
        ("'fox", &[1, 0]),
        (r"fox\", &[1, 0]),
        ("fox:*", &[1, 0]),
        ("(fox", &[1, 0]),
    ] {
        let expected: Vec<&str> = expected.iter().map(|number| texts[*number]).collect();
        assert_eq!(matching_messages(&api, text).await, expected, "{text}");
    }
}

#[tokio::test]
async fn text_in_scripts_without_spaces_matches_any_part_of_a_message() {
    let texts = [
        "今日は東京都庁へ行った",
        "京東は中国の会社",
        "猫が好き Cats",
        "ภาษาไทยง่ายมาก",
        "東_京 100%",
        "コンピューター と ｺﾝﾋﾟｭｰﾀ",
        "100 \u{3316} white",
    ];
    let (app, _) = with_messages(&texts).await;
    let api = app.api();
    for (text, expected) in [
        ("東京", &[0][..]),
        ("東京都庁", &[0]),
        ("京東", &[1]),
        ("京", &[4, 1, 0]),
        ("猫", &[2]),
        ("猫 CATS", &[2]),
        ("cats 猫", &[2]),
        ("cats 犬", &[]),
        ("ไทย", &[3]),
        ("ง่าย", &[3]),
        ("ピュー", &[5]),
        ("ｺﾝ", &[5]),
        ("東_京", &[4]),
        ("東%京", &[]),
        ("京 100%", &[4]),
        ("京 1", &[4]),
        ("ロメート", &[6]),
        // Other text still matches whole words or their beginnings only.
        ("hi", &[]),
        ("h", &[]),
        ("ca", &[2]),
    ] {
        let expected: Vec<&str> = expected.iter().map(|number| texts[*number]).collect();
        assert_eq!(matching_messages(&api, text).await, expected, "{text}");
    }
}

/// A search term has at most 2,046 bytes. NFKC expands U+3316 to six characters of three bytes each.
#[tokio::test]
async fn a_message_with_a_very_long_word_can_be_posted() {
    let (app, ann) = with_messages(&[]).await;
    for letters in 0..20 {
        let text = "\u{3316}".repeat(113) + &"a".repeat(letters);
        let posted = ann.post("/messages", json!({ "text": text })).await;
        assert_eq!(posted.status, 201, "{letters}: {}", posted.body);
    }
    for text in ["\u{fdfa}".repeat(280), "🦀".repeat(280), "Ⱥ".repeat(280)] {
        assert_eq!(ann.post("/messages", json!({ "text": text })).await.status, 201, "{text}");
    }
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 23);
}

#[tokio::test]
async fn search_works_after_a_dump_and_restore() {
    let (app, _) = with_messages(&["hello there", "#tag", "東京"]).await;
    let query = "SELECT setting FROM pg_config WHERE name = 'BINDIR'";
    let programs: String = sqlx::query_scalar(query).fetch_one(&app.rows).await.expect(query);
    let (dumped, restored) = (app.stop().await, TestDatabase::empty().await);
    let file = tempfile::NamedTempFile::new().expect("a file");
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(Path::new(&programs).join(program));
        let done = command.args(arguments).arg(file.path()).output().expect(program);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    run(
        "pg_dump",
        &["--format=custom", "--dbname", dumped.url().split('?').next().expect("a part"), "--file"],
    );
    run(
        "pg_restore",
        &["--exit-on-error", "--dbname", restored.url().split('?').next().expect("a part")],
    );
    let app = App::start_on(restored).await;
    for (text, expected) in [("hell", "hello there"), ("#tag", "#tag"), ("京", "東京")] {
        assert_eq!(matching_messages(&app.api(), text).await, [expected], "{text}");
    }
}

#[tokio::test]
async fn an_edited_or_deleted_message_matches_by_its_current_text() {
    let (app, ann) = with_messages(&["before", "gone"]).await;
    let id = app.count("SELECT message_id FROM messages WHERE text = 'before'").await;
    ann.patch(&format!("/messages/{id}"), json!({"text": "after 東京"})).await;
    app.execute("DELETE FROM messages WHERE text = 'gone'").await;
    assert_eq!(matching_messages(&ann, "before").await, [""; 0]);
    assert_eq!(matching_messages(&ann, "gone").await, [""; 0]);
    assert_eq!(matching_messages(&ann, "after").await, ["after 東京"]);
    assert_eq!(matching_messages(&ann, "東京").await, ["after 東京"]);
}

#[tokio::test]
async fn users_match_by_the_beginning_of_their_usernames_ignoring_case() {
    let app = App::start().await;
    let api = app.api();
    for name in ["Roger", "roger", "ROGER H", "Rog", "Ólafur", "ólöf", "%o", "李小龍", "O'Brien"]
    {
        // New users may not have names that differ only by case; the simulator's may.
        assert_eq!(app.simulator().register(name).await.status, 204, "{name}");
    }
    for (text, expected) in [
        ("roger", &["Roger", "roger", "ROGER H"][..]),
        ("ROG", &["Rog", "Roger", "roger", "ROGER H"]),
        ("ó", &["Ólafur", "ólöf"]),
        ("Ól", &["Ólafur", "ólöf"]),
        ("%", &["%o"]),
        ("_", &[]),
        ("李", &["李小龍"]),
        ("o'", &["O'Brien"]),
        ("oger", &[]),
    ] {
        assert_eq!(matching_users(&api, text).await, expected, "{text}");
    }
    let everything = api.get("/search?kind=users&q=rog").await;
    everything.does_not_say("@example.org");
}

#[tokio::test]
async fn a_result_contains_either_a_message_or_a_user() {
    let (app, _) = with_messages(&["hello"]).await;
    let message = app.api().get("/search?q=hello").await.json();
    assert_eq!(message["items"][0]["message"]["author"], "ann");
    assert_eq!(message["items"][0].get("user"), None);
    assert_eq!(message["next_cursor"], Value::Null);
    let user = app.api().get("/search?q=an&kind=users").await.json();
    assert_eq!(user["items"][0]["user"]["username"], "ann");
    assert_eq!(user["items"][0].get("message"), None);
}

#[tokio::test]
async fn an_invalid_search_is_rejected_with_all_errors() {
    let app = App::start().await;
    let rejected_fields =
        async |query: &str| app.api().get(&format!("/search{query}")).await.rejected_fields(422);
    assert_eq!(rejected_fields("").await, ["q"]);
    assert_eq!(rejected_fields("?q=%20").await, ["q"]);
    assert_eq!(rejected_fields(&format!("?q={}", "a".repeat(101))).await, ["q"]);
    assert_eq!(rejected_fields("?q=a%00").await, ["q"]);
    assert_eq!(rejected_fields("?kind=all&limit=0&q=").await, ["q", "kind", "limit"]);
    assert_eq!(rejected_fields("?q=a&cursor=x").await, ["cursor"]);
    assert_eq!(rejected_fields("?q=a&cursor=%25&kind=users").await, ["cursor"]);
    // A cursor of a search for users.
    assert_eq!(rejected_fields("?q=a&cursor=YW5u").await, ["cursor"]);
}
