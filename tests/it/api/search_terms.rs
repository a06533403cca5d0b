//! Rust and SQL divide texts into the same search terms.

use minitwit::domain::{SearchTerms, SearchText, has_unspaced_script};
use proptest::{
    prelude::{Strategy as _, prop},
    strategy::ValueTree as _,
    test_runner::TestRunner,
};

use crate::support::App;

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
