//! Search for messages and users.

use std::{path::Path, process::Command};

use minitwit::domain::{SearchTerms, SearchText, has_unspaced_script};
use proptest::{
    prelude::{Strategy as _, prop},
    strategy::ValueTree as _,
    test_runner::TestRunner,
};
use serde_json::{Value, json};

use crate::support::{
    App,
    actors::{ApiClient, encode, field},
    cluster::TestDatabase,
};

/// The values of one field of all results; `kind` is `message` or `user`.
async fn results(api: &ApiClient, path: &str, kind: &str, name: &str) -> Vec<String> {
    values(&api.whole_list(path).await, kind, name)
}

fn values(items: &[Value], kind: &str, name: &str) -> Vec<String> {
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

/// Twice as many messages as a search reads before it uses the index. It finds the oldest ones only with
/// the index.
const MANY: &str = "
    INSERT INTO messages (author_id, text, published_at)
    SELECT 1, CASE WHEN n % 1000 = 0 THEN 'rare 稀 ' ELSE 'common 普通 ' END || n,
           '2020-02-20Z'::timestamptz + n * interval '1 second'
    FROM generate_series(1, 12000) AS n;";

#[tokio::test]
async fn all_matches_are_listed_once_while_messages_are_posted() {
    let (app, ann) = with_messages(&[]).await;
    app.execute(MANY).await;
    app.index_messages().await;
    for (text, step) in [("rare", 1_000), ("稀", 1_000), ("rare 12000", 12_000)] {
        let mut page = ann.get(&format!("/search?limit=5&q={}", encode(text))).await;
        let mut seen = Vec::new();
        loop {
            seen.extend(values(&page.items(), "message", "text"));
            ann.post("/messages", json!({"text": "rare 稀 added 12000"})).await;
            let Some(next) = ann.follow_link(&page).await else { break };
            page = next;
        }
        let expected: Vec<String> =
            (1..=12_000 / step).rev().map(|n| format!("rare 稀 {}", n * step)).collect();
        assert_eq!(seen, expected, "{text}");
        app.execute("DELETE FROM messages WHERE text LIKE '%added%'").await;
    }
    for text in ["common", "普通"] {
        let path = format!("/search?limit=100&q={}", encode(text));
        let all = results(&ann, &path, "message", "text").await;
        let expected = (1..=12_000).rev().filter(|n| n % 1_000 != 0);
        let expected: Vec<String> = expected.map(|n| format!("common 普通 {n}")).collect();
        assert!(all == expected, "{text}: {} of {}", all.len(), expected.len());
    }
}

/// More messages than a search reads before it uses the index: three per day for years, the oldest
/// inserted last.
const YEARS: &str = "
    INSERT INTO messages (author_id, text, published_at)
    SELECT 1, n || CASE WHEN n <= 1000 THEN ' past 昔 #past' ELSE ' now 今 #now' END
                || CASE WHEN n % 500 = 0 THEN ' rare 稀 #rare' ELSE '' END,
           '2020-02-20Z'::timestamptz + n * interval '8 hours'
    FROM generate_series(4000, 1, -1) AS n;";

#[tokio::test]
async fn matches_from_years_ago_are_listed_newest_first() {
    let (app, ann) = with_messages(&[]).await;
    app.execute(YEARS).await;
    app.index_messages().await;
    let past: Vec<i32> = (1..=1_000).rev().collect();
    let rare: Vec<i32> = (1..=8).rev().map(|n| n * 500).collect();
    for (text, expected) in [
        ("past", &past),
        ("昔", &past),
        ("#past", &past),
        ("pas", &past),
        ("rare", &rare),
        ("稀", &rare),
        ("past rare", &vec![1_000, 500]),
        ("昔 稀", &vec![1_000, 500]),
        ("now past", &vec![]),
    ] {
        let path = format!("/search?limit=30&q={}", encode(text));
        let texts = results(&ann, &path, "message", "text").await;
        let numbers = texts.iter().map(|text| text.split(' ').next().expect("a number"));
        let numbers: Vec<i32> = numbers.map(|number| number.parse().expect("a number")).collect();
        assert!(numbers == *expected, "{text}: {numbers:?}");
    }
}

/// The texts that a search finds must be those that match, whatever is indexed and has changed since.
async fn assert_finds_all_matches(app: &App, api: &ApiClient) {
    for text in ["alpha", "alpha beta", "gam", "delta", "猫", "beta 猫"] {
        let search = SearchText::parse(text).expect("valid");
        let (words, parts) = match search.terms() {
            SearchTerms::Words(words) => (Some(words), Vec::new()),
            SearchTerms::Parts(parts) => (None, parts),
        };
        let query = "SELECT text FROM messages
                     WHERE NOT flagged
                       AND terms_of(text) @@ COALESCE(query_for_words($1), query_for_parts($2))
                       AND ($1 IS NOT NULL OR text LIKE ALL (SELECT '%' || unnest($2::text[]) || '%'))
                     ORDER BY published_at DESC, message_id DESC";
        let expected: Vec<String> = sqlx::query_scalar(query)
            .bind(words)
            .bind(&parts)
            .fetch_all(&app.rows)
            .await
            .expect(query);
        assert!(!expected.is_empty(), "{text}");
        let path = format!("/search?limit=100&q={}", encode(text));
        let found = results(api, &path, "message", "text").await;
        assert!(found == expected, "{text}: {} of {}", found.len(), expected.len());
    }
}

#[tokio::test]
async fn a_search_finds_every_match_before_during_and_after_indexing() {
    let (app, ann) = with_messages(&[]).await;
    let insert = "
        INSERT INTO messages (author_id, text, published_at)
        SELECT 1, concat_ws(' ', n, CASE WHEN n % 3 = 0 THEN 'alpha' END, CASE WHEN n % 7 = 0 THEN 'beta' END,
                            CASE WHEN n % 200 = 0 THEN 'gamma' END, CASE WHEN n % 90 = 0 THEN '#delta' END,
                            CASE WHEN n % 77 = 0 THEN '子猫' END),
               '2020-02-20Z'::timestamptz + n * interval '1 hour'
        FROM generate_series(1, 2500) AS n";
    let change = "
        UPDATE messages SET text = 'alpha beta gamma #delta 猫 edited ' || message_id
            WHERE message_id % 400 = 1;
        UPDATE messages SET flagged = true WHERE message_id % 300 = 2;
        UPDATE messages SET flagged = false WHERE message_id % 600 = 2;
        DELETE FROM messages WHERE message_id % 350 = 3;
        INSERT INTO messages (author_id, text, published_at)
            VALUES (1, 'alpha beta gamma #delta 猫 first', '2019-01-01Z'),
                   (1, 'alpha beta gamma #delta 猫 between', '2020-03-01Z')";
    app.execute(insert).await;
    assert_finds_all_matches(&app, &ann).await;
    app.index_messages().await;
    assert!(app.count("SELECT count(*) FROM search_blocks").await >= 9);
    assert_finds_all_matches(&app, &ann).await;
    app.execute(change).await;
    assert_finds_all_matches(&app, &ann).await;
    app.index_messages().await;
    assert_finds_all_matches(&app, &ann).await;
    // More than are added to their blocks one by one, all older than the others.
    let older = "INSERT INTO messages (author_id, text, published_at)
                 SELECT 1, 'alpha gamma older ' || n, '2018-02-20Z'::timestamptz + n * interval '1 minute'
                 FROM generate_series(1, 1500) AS n";
    app.execute(older).await;
    assert_finds_all_matches(&app, &ann).await;
    app.index_messages().await;
    let largest =
        "SELECT max(messages) FROM (SELECT count(*) AS messages FROM search_blocks JOIN messages
                   ON (published_at, message_id) > (after_time, after_id)
                      AND (published_at, message_id) <= (until_time, until_id)
                   GROUP BY until_time, until_id) AS blocks";
    assert!(app.count(largest).await <= 260, "the blocks were built again");
    assert_finds_all_matches(&app, &ann).await;
}

#[tokio::test]
async fn messages_without_any_word_are_indexed() {
    let (app, ann) = with_messages(&[]).await;
    app.execute(
        "INSERT INTO messages (author_id, text, published_at)
         SELECT 1, CASE WHEN n = 1 THEN 'found' ELSE '!?' END, '2020-02-20Z'::timestamptz + n * interval '1 second'
         FROM generate_series(1, 600) AS n",
    )
    .await;
    app.index_messages().await;
    app.execute("UPDATE messages SET text = '?!' WHERE message_id = 300").await;
    app.index_messages().await;
    assert_eq!(app.count("SELECT count(*) FROM search_blocks").await, 2);
    assert_eq!(matching_messages(&ann, "found").await, ["found"]);
}

/// Every block contains both words, and one message at the very beginning contains them together.
#[tokio::test]
async fn a_search_without_matches_stops_after_a_bounded_number_of_messages() {
    let (app, ann) = with_messages(&[]).await;
    app.execute(
        "INSERT INTO messages (author_id, text, published_at)
         SELECT 1, CASE WHEN n = 1 THEN 'left right' WHEN n % 2 = 0 THEN 'left' ELSE 'right' END,
                '2020-02-20Z'::timestamptz + n * interval '1 second'
         FROM generate_series(1, 30000) AS n",
    )
    .await;
    app.index_messages().await;
    let mut page = ann.get("/search?limit=2&q=left%20right").await;
    let mut pages = 1;
    // 17 blocks of 256 messages each.
    while page.items().is_empty() {
        page = ann.follow_link(&page).await.expect("a link to older messages");
        pages += 1;
    }
    assert_eq!(pages, 30_000_usize.div_ceil(17 * 256));
    assert_eq!(values(&page.items(), "message", "text"), ["left right"]);
    assert!(ann.follow_link(&page).await.is_none());
}

#[tokio::test]
async fn users_match_by_the_beginning_of_their_usernames_ignoring_case() {
    let app = App::start().await;
    let api = app.api();
    for name in ["Roger", "roger", "ROGER H", "Rog", "Ólafur", "ólöf", "%o", "李小龍", "O'Brien"]
    {
        assert_eq!(api.sign_up(name).await.status, 201, "{name}");
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

/// Compares `has_unspaced_script` in Rust with the SQL function of that name, for every character.
#[tokio::test]
async fn rust_and_sql_agree_on_scripts_without_spaces() {
    let app = App::start().await;
    let query = "SELECT n FROM generate_series(1, 1114111) AS n
                 WHERE n NOT BETWEEN 55296 AND 57343 AND has_unspaced_script(chr(n)) ORDER BY n";
    let in_sql: Vec<i32> = sqlx::query_scalar(query).fetch_all(&app.rows).await.expect(query);
    let in_rust = ('\u{1}'..=char::MAX).filter(|it| has_unspaced_script(&it.to_string()));
    let in_rust: Vec<i32> =
        in_rust.map(|it| i32::try_from(u32::from(it)).expect("a code point")).collect();
    assert!(in_sql == in_rust, "{} and {}", in_sql.len(), in_rust.len());
    assert!(in_rust.len() > 90_000);
}

/// Rust decides by the text of a search whether to search for words or for parts. SQL decides by the search form of each
/// message which terms to index. Both must agree, so that each of its words finds a message.
#[tokio::test]
async fn every_generated_text_is_found_by_its_own_words() {
    let app = App::start().await;
    let words = "[a-z\u{ad}\u{200b}\u{200d}\u{fe0f}🦀❤👩🇩🏽™★A-ZéÉßİK\u{ff21}-\u{ff3a}東京猫ァ-ヺｱ-ﾝก-ฮ\u{3316}가-각0-9]{1,6}";
    let texts = prop::collection::vec(words, 1..6).prop_map(|words| words.join(" "));
    let mut runner = TestRunner::deterministic();
    let (mut bodies, mut words, mut parts) = (Vec::new(), Vec::new(), Vec::new());
    let mut emoji = Vec::new();
    for _ in 0..256 {
        let text = texts.new_tree(&mut runner).expect("a text").current();
        for word in text.split(' ') {
            let Ok(search) = SearchText::parse(word) else { continue };
            let (in_words, in_parts) = match search.terms() {
                SearchTerms::Words(word) => (Some(word.to_owned()), None),
                SearchTerms::Parts(parts) => (None, Some(parts.concat())),
            };
            bodies.push(text.clone());
            emoji.push(search.emoji().first().cloned());
            words.push(in_words);
            parts.push(in_parts);
        }
    }
    assert!(parts.iter().flatten().count() > 200 && words.iter().flatten().count() > 100);
    let query = "SELECT text || E'\\n' || COALESCE(word, part)
                 FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
                      AS given (text, word, part, emoji)
                 WHERE (terms_of(text) @@ COALESCE(query_for_words(word), query_for_parts(ARRAY[part]))
                        AND (part IS NULL OR strpos(search_form(text), search_form(part)) > 0)
                        AND (emoji IS NULL OR strpos(search_form(text), search_form(emoji)) > 0))
                       IS NOT TRUE";
    let missed: Vec<String> = sqlx::query_scalar(query)
        .bind(&bodies)
        .bind(&words)
        .bind(&parts)
        .bind(&emoji)
        .fetch_all(&app.rows)
        .await
        .expect(query);
    assert_eq!(missed, [""; 0]);
}
