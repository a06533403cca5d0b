//! Search for emoji, and for words with characters that show nothing.

use icu_properties::{CodePointSetData, props::DefaultIgnorableCodePoint};
use minitwit::domain::is_symbol;

use super::search::{matching_messages, with_messages};
use crate::support::App;

#[tokio::test]
async fn words_with_characters_that_show_nothing_are_found() {
    let texts = [
        "Donau\u{ad}dampf\u{ad}schiff",
        "zero\u{200b}width and \u{2060}joi\u{200d}ner",
        "می\u{200c}خواهم",
        "東\u{200b}京\u{2060}都",
        "bom\u{feff}mark caf\u{ad}e\u{301}",
    ];
    let (app, _) = with_messages(&texts).await;
    let api = app.api();
    for (text, expected) in [
        ("donaudampfschiff", 0),
        ("Donaudampf", 0),
        ("Donau\u{ad}dampf\u{ad}schiff", 0),
        ("do\u{200b}nau", 0),
        ("zerowidth joiner", 1),
        ("میخواهم", 2),
        ("می\u{200c}خواهم", 2),
        ("東京都", 3),
        ("京\u{200d}都", 3),
        ("bommark", 4),
        ("café", 4),
    ] {
        assert_eq!(matching_messages(&api, text).await, [texts[expected]], "{text:?}");
    }
    let only = api.get("/search?q=%E2%80%8B%C2%AD").await;
    assert_eq!(only.rejected_fields(422), ["q"]);
}

#[tokio::test]
async fn emoji_are_found() {
    let texts = [
        "one 🦀",
        "🦀🐦 two",
        "three ❤\u{fe0f}!",
        "four 👍🏽",
        "five 👍",
        "six 👩\u{200d}👩\u{200d}👧",
        "seven 🇩🇰",
        "eight 🇩🇪🇰🇷",
        "nine 1\u{fe0f}\u{20e3}",
        "ten™ ★→",
        "東京🗼",
        "㊗\u{fe0f} twelve",
    ];
    let (app, _) = with_messages(&texts).await;
    let api = app.api();
    for (text, expected) in [
        ("🦀", &[1, 0][..]),
        ("🐦", &[1]),
        ("🦀 🐦", &[1]),
        ("🐦🦀", &[1]),
        ("tw 🐦", &[1]),
        ("🦀 tw", &[1]),
        ("one 🦀", &[0]),
        ("one 🐦", &[]),
        ("❤", &[2]),
        ("❤\u{fe0f}", &[2]),
        ("👍", &[4, 3]),
        ("👍🏽", &[3]),
        ("👩\u{200d}👩\u{200d}👧", &[5]),
        ("👧", &[5]),
        ("👧\u{200d}👩", &[]),
        ("🇩🇰", &[6]),
        ("1\u{fe0f}\u{20e3}", &[8]),
        ("2\u{fe0f}\u{20e3}", &[]),
        ("™", &[9]),
        ("★", &[9]),
        ("→ ten", &[9]),
        ("🗼", &[10]),
        ("京🗼", &[10]),
        ("🗼 東京", &[10]),
        ("㊗\u{fe0f}", &[11]),
        ("🐢", &[]),
    ] {
        let expected: Vec<&str> = expected.iter().map(|number| texts[*number]).collect();
        assert_eq!(matching_messages(&api, text).await, expected, "{text}");
    }
}

/// `is_symbol` exists in Rust and in SQL, and every emoji must be found.
#[tokio::test]
async fn rust_and_sql_agree_on_emoji_and_on_characters_that_show_nothing() {
    let app = App::start().await;
    let query = "SELECT n FROM generate_series(1, 1114111) AS n
                 WHERE n NOT BETWEEN 55296 AND 57343 AND emoji_of(chr(n)) IS NOT NULL ORDER BY n";
    assert_same(&app, query, is_symbol).await;

    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    let query = "SELECT n FROM generate_series(128, 1114111) AS n
                 WHERE n NOT BETWEEN 55296 AND 57343 AND search_form('a' || chr(n) || 'b') = 'ab'
                 ORDER BY n";
    assert_same(&app, query, |it| ignorable.contains(it)).await;
}

/// Asserts that a query returns all code points of this class.
async fn assert_same(app: &App, query: &'static str, is_in_rust: impl Fn(char) -> bool) {
    let in_sql: Vec<i32> = sqlx::query_scalar(query).fetch_all(&app.rows).await.expect(query);
    let in_rust = ('\u{1}'..=char::MAX).filter(|it| is_in_rust(*it));
    let in_rust: Vec<i32> =
        in_rust.map(|it| i32::try_from(u32::from(it)).expect("a code point")).collect();
    assert!(in_sql == in_rust, "{} and {}", in_sql.len(), in_rust.len());
}
