//! The page of a tag.

use minitwit::domain::{
    Tag,
    rich_text::{Segment, segments},
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRng, TestRunner},
};

use super::{messages, older};
use crate::support::{App, actors::encode};

/// The texts on the first page of a tag, without links.
async fn tagged(app: &App, tag: &str) -> Vec<String> {
    let page = app.anonymous().get(&format!("/tag/{}", encode(tag))).await;
    messages(&page).into_iter().map(without_links).collect()
}

fn without_links(html: &str) -> String {
    html.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect()
}

/// Inserts messages, each a minute newer than the previous one.
async fn insert(app: &App, texts: &[&str]) {
    let statement = "INSERT INTO messages (author_id, text, published_at)
                     SELECT user_id, text, '2020-01-01Z'::timestamptz + place * interval '1 minute'
                     FROM users, unnest($1::text[]) WITH ORDINALITY AS given (text, place)
                     ORDER BY place";
    sqlx::query(statement).bind(texts).execute(&app.rows).await.expect("inserted");
}

#[tokio::test]
async fn a_tag_page_shows_its_messages_newest_first() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    for text in ["one #rust", "nothing", "two #go", "three #Rust, #go"] {
        alice.say(text).await;
    }
    for tag in ["rust", "RUST"] {
        let page = alice.get(&format!("/tag/{tag}")).await;
        page.says(&format!("<title>#{tag} | MiniTwit</title>"))
            .says(&format!("<h2>#{tag}</h2>"))
            .says("sign out [alice]")
            .says("Delete");
        assert_eq!(tagged(&app, tag).await, ["three #Rust, #go", "one #rust"]);
    }
    app.execute("UPDATE messages SET flagged = true WHERE text = 'one #rust'").await;
    assert_eq!(tagged(&app, "rust").await, ["three #Rust, #go"]);
    let empty = app.anonymous().get("/tag/nothing").await;
    assert!(!empty.body.contains("Delete"));
    empty.says("<em>No message has this tag yet.</em>");
}

#[tokio::test]
async fn only_whole_tags_match() {
    let app = App::start().await;
    app.signed_in("alice").await;
    insert(
        &app,
        &[
            "#rustacean",
            "#rus",
            "rust",
            "a#rust",
            "&#rust;",
            "##rust",
            "https://a.example/#rust",
            "https://a.example/?q=(#rust)",
            "#rust_",
            "#_rust",
            "#rust2",
            "#rüst",
            "#rusT\u{301}",
        ],
    )
    .await;
    assert_eq!(tagged(&app, "rust").await, [""; 0]);
    let found = ["(#rust)", "#rust's", "＃Rust", "#rust-lang", "#rust.", "#a,#RUST", "<b #rust >"];
    insert(&app, &found).await;
    let page = app.anonymous().get("/tag/rust").await;
    assert_eq!(messages(&page).len(), found.len(), "{}", page.body);
}

#[tokio::test]
async fn tags_of_every_script_match_case_insensitively() {
    let app = App::start().await;
    app.signed_in("alice").await;
    for (tag, text) in [
        ("ÉCOLE", "l'#e\u{301}cole"),
        ("e\u{301}cole", "#École"),
        ("москва", "#Москва!"),
        ("ΟΔΟΣ", "#οδος"),
        ("istanbul", "#İstanbul"),
        ("STRAẞE", "#straße"),
        ("東京", "「#東京」"),
        ("नमस्ते", "#नमस्ते।"),
        ("می\u{200c}خواهم", "#می\u{200c}خواهم"),
        ("ภาษาไทย", "#ภาษาไทย"),
        ("한국어", "#한국어."),
        ("2024goals", "#2024Goals"),
        ("il·lusió", "#IL·LUSIÓ!"),
        ("ぼっち・ざ・ろっく", "「#ぼっち・ざ・ろっく」"),
        ("צה״ל", "#צה״ל."),
        ("ג׳ירפה", "#ג׳ירפה"),
        ("བོད་ཡིག", "#བོད་ཡིག།"),
        ("ﾎﾞｯﾁ･ｻﾞ", "#ﾎﾞｯﾁ･ｻﾞ・"),
        ("葛\u{e0100}城", "#葛\u{e0100}城\u{fe0f}"),
        ("rust", "❤\u{fe0f}#rust\u{fe0f}"),
        ("a", "#a\u{387}b"),
    ] {
        insert(&app, &[text]).await;
        let found = tagged(&app, tag).await;
        assert_eq!(found.len(), 1, "{tag}");
        app.execute("DELETE FROM messages").await;
    }
}

#[tokio::test]
async fn a_malformed_tag_is_not_found() {
    let app = App::start().await;
    let long = "a".repeat(281);
    for tag in ["1", "2024", "%23rust", "a%20b", "a-b", "%F0%9F%A6%80", "a%00", "%FF", &long] {
        let page = app.anonymous().get(&format!("/tag/{tag}")).await;
        assert_eq!(page.status, 404, "{tag}");
        page.says("<h2>Not Found</h2>").says("There is no tag #");
    }
}

#[tokio::test]
async fn paging_works_for_frequent_and_rare_tags() {
    let app = App::start().await;
    app.signed_in("alice").await;
    // So many messages that the query for a rare tag must use the index.
    let statement = "INSERT INTO messages (author_id, text, published_at)
                     SELECT user_id, n || CASE WHEN n % 10 = 0 THEN ' #often' ELSE '' END
                                       || CASE WHEN n % 1000 = 1 THEN ' #seldom' ELSE '' END
                                       || ' #seldomly https://a.example/#seldom',
                            '2020-01-01Z'::timestamptz + n / 7 * interval '1 second'
                     FROM users, generate_series(1, 20000) AS n";
    sqlx::query(statement).execute(&app.rows).await.expect("inserted");
    for (tag, count) in [("often", 65), ("seldom", 20)] {
        let mut path = format!("/tag/{tag}");
        let (mut numbers, mut pages) = (Vec::new(), 0);
        while numbers.len() < count {
            let page = app.anonymous().get(&path).await;
            for text in messages(&page) {
                let number = text.split(' ').next().expect("a number");
                numbers.push(number.parse::<i32>().expect("a number"));
            }
            pages += 1;
            assert!(pages < 5, "{tag}: {numbers:?}");
            match older(&page) {
                Some(next) => path = next.to_owned(),
                None => break,
            }
        }
        let step = 20_000 / if tag == "often" { 2_000 } else { 20 };
        let first = if tag == "often" { 20_000 } else { 19_001 };
        let expected: Vec<i32> =
            (0..).map(|place| first - place * step).take(numbers.len()).collect();
        assert_eq!(numbers, expected, "{tag}");
        assert!(numbers.len() >= count, "{tag}: {}", numbers.len());
    }
}

#[tokio::test]
async fn a_malformed_cursor_is_rejected() {
    let app = App::start().await;
    let page = app.anonymous().get("/tag/rust?before=x").await;
    assert_eq!(page.status, 400);
    page.says("before").says("malformed");
}

/// Generates texts of number signs, letters of several scripts, and characters at the limits of the grammar of tags.
fn dense_texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[#＃]{1,2}",
        "[ ,][#＃]",
        "[@&/=.,()'\" _-]",
        "[a-zA-ZéIi\u{307}ΣςσßẞİıK東京नम\u{94d}\u{93f}\u{301}\u{200c}0-9]{1,4}",
        "[·׳״་・･\u{387}\u{fe0f}\u{180b}\u{e0100}\u{200d}\u{3164}\u{ffa0}\u{34f}\u{20e3}]",
        "[²¾①、。…🦀À-ɏΆ-ϿЀ-ӿא-תء-ٟअ-ॣ०-९ก-ฺเ-๎ァ-ヺ一-伀가-걿]{1,2}",
        "https?://",
    ];
    prop::collection::vec(piece, 0..15).prop_map(|pieces| pieces.concat())
}

/// The spellings of a tag that the Rust grammar considers equal to it.
fn spellings(tag: &Tag) -> impl Iterator<Item = Tag> {
    let written = tag.as_str();
    let spellings = [written.to_owned(), written.to_uppercase(), written.to_lowercase()];
    spellings.into_iter().filter_map(|text| Tag::parse(&text).ok()).filter(move |it| it == tag)
}

/// The SQL functions must find every tag that the Rust grammar finds, in every spelling. Otherwise pages of tags would
/// omit messages.
#[tokio::test]
async fn the_database_finds_every_tag_that_the_grammar_finds() {
    let app = App::start().await;
    // A fixed seed gives the same texts in every run.
    let config = Config::default();
    let rng = TestRng::deterministic_rng(config.rng_algorithm);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let (mut texts, mut tags, mut literals) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..2_000 {
        let text = dense_texts().new_tree(&mut runner).expect("a text").current();
        for segment in segments(&text) {
            let Segment::Tag { tag, .. } = segment else { continue };
            for spelling in spellings(&tag) {
                texts.push(text.clone());
                literals.push(spelling.literal().to_owned());
                tags.push(spelling.as_str().to_owned());
            }
        }
    }
    assert!(tags.len() > 1_500, "{}", tags.len());
    let query = "SELECT text || E'\\n' || tag
                 FROM unnest($1::text[], $2::text[], $3::text[]) AS given (text, tag, literal)
                 WHERE (strpos(search_form(text), literal) > 0
                        AND terms_of(text) @@ query_for_tag(tag)) IS NOT TRUE";
    let missed: Vec<String> = sqlx::query_scalar(query)
        .bind(&texts)
        .bind(&tags)
        .bind(&literals)
        .fetch_all(&app.rows)
        .await
        .expect(query);
    assert_eq!(missed, [""; 0]);
}
