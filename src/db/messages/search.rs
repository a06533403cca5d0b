//! Searches of `messages`: for words, for parts of words, for a tag.
//!
//! Every search first reads the newest messages. If these do not fill the page, it reads the index
//! week by week, newest first, until the page is full. Time order alone would be slow for rare
//! terms, and the index alone for common ones. PostgreSQL cannot tell them apart when it plans.

use super::{MessageRow, page};
use crate::db::{
    error::Error,
    parameters::{keyset, one_more},
    pool::Database,
};
use crate::domain::{Cursor, Message, Page, SearchTerms, SearchText, Tag, rich_text::has_tag};

/// How many of the newest messages are read, in 1 to 2 ms. A term that does not fill the page with
/// them is rare: reading its messages of a week takes a few milliseconds more.
const NEWEST: i64 = 1_000;

/// Returns the messages that contain `text`, newest first, after the cursor `before`.
pub async fn messages(
    database: &Database,
    text: &SearchText,
    before: Option<Cursor>,
    limit: u16,
) -> Result<Page<Message>, Error> {
    let emoji = text.emoji();
    let criteria = match text.terms() {
        SearchTerms::Words(words) => {
            let parts = emoji.iter().map(String::as_str).collect();
            Criteria { words: Some(words), parts, ..Criteria::default() }
        }
        SearchTerms::Parts(parts) => Criteria { parts, ..Criteria::default() },
    };
    find(database, criteria, before, limit).await
}

/// Returns the messages with this tag, newest first, after the cursor `before`.
///
/// The index also contains words that are not tags, such as parts of addresses. This function
/// removes such messages, so a page may have fewer than `limit`.
pub async fn tagged(
    database: &Database,
    tag: &Tag,
    before: Option<Cursor>,
    limit: u16,
) -> Result<Page<Message>, Error> {
    let criteria = Criteria { tag: Some(tag), ..Criteria::default() };
    let mut page = find(database, criteria, before, limit).await?;
    page.items.retain(|message| has_tag(&message.text, tag));
    Ok(page)
}

/// What a message must contain: words with parts, which are emoji; a tag; or parts of its text.
#[derive(Default)]
struct Criteria<'a> {
    words: Option<&'a str>,
    tag: Option<&'a Tag>,
    parts: Vec<&'a str>,
}

async fn find(
    database: &Database,
    criteria: Criteria<'_>,
    before: Option<Cursor>,
    limit: u16,
) -> Result<Page<Message>, Error> {
    let (time, id) = keyset(before);
    // `literal` is a cheap test before the computation of a message's terms. The nested loop reads
    // the weeks in order, and only as many as the limit needs. OFFSET 0 keeps the planner from
    // reading a week in time order and expecting to stop early.
    let query = sqlx::query_as!(
        MessageRow,
        r#"WITH RECURSIVE criteria AS MATERIALIZED (
               SELECT COALESCE(query_for_words($1), query_for_tag($2), query_for_parts($4)) AS query,
                      COALESCE($3, search_form(($4::text[])[1]),
                               (SELECT lexeme
                                FROM unnest(tsvector_to_array(word_terms_of($1))) AS lexeme
                                ORDER BY char_length(lexeme) DESC LIMIT 1)) AS literal,
                      ARRAY(SELECT search_form(part) FROM unnest($4) AS part) AS parts),
           visible AS NOT MATERIALIZED (
               SELECT message_id, author_id, text, published_at, edited_at
               FROM messages
               WHERE NOT flagged AND (published_at, message_id) <
                     (COALESCE($5::timestamptz, 'infinity'), COALESCE($6::bigint, 0))),
           newest AS MATERIALIZED (
               SELECT *
               FROM (SELECT * FROM visible
                     ORDER BY published_at DESC, message_id DESC
                     LIMIT $8) AS candidates
               WHERE strpos(search_form(text), (SELECT literal FROM criteria)) > 0
                 AND terms_of(text) @@ (SELECT query FROM criteria)
                 AND NOT EXISTS (SELECT FROM unnest((SELECT parts FROM criteria)) AS part
                                 WHERE strpos(search_form(text), part) = 0)
               ORDER BY published_at DESC, message_id DESC
               LIMIT $7),
           weeks AS (
               SELECT (SELECT week_number(published_at) FROM visible
                       ORDER BY published_at DESC, message_id DESC
                       LIMIT 1) AS week
               WHERE (SELECT count(*) < $7 FROM newest)
               UNION ALL
               SELECT (SELECT week_number(published_at)
                       FROM messages
                       WHERE NOT flagged AND published_at < week_start(week)
                       ORDER BY published_at DESC, message_id DESC
                       LIMIT 1)
               FROM weeks
               WHERE week IS NOT NULL),
           older AS MATERIALIZED (
               SELECT found.*
               FROM weeks CROSS JOIN LATERAL (
                    SELECT *
                    FROM (SELECT * FROM visible
                          WHERE prefix_with_week(terms_of(text), week_number(published_at))
                                @@ prefix_with_week((SELECT query FROM criteria), week)
                            AND NOT EXISTS (SELECT FROM unnest((SELECT parts FROM criteria)) AS part
                                            WHERE strpos(search_form(text), part) = 0)
                          OFFSET 0) AS of_the_week
                    ORDER BY published_at DESC, message_id DESC
                    LIMIT $7) AS found
               LIMIT $7)
           SELECT message_id AS "message_id!", text AS "text!", published_at AS "published_at!",
                  edited_at, (SELECT username FROM users WHERE user_id = author_id) AS "author!"
           FROM (SELECT * FROM older
                 UNION ALL
                 SELECT * FROM newest WHERE (SELECT count(*) >= $7 FROM newest)) AS matching
           ORDER BY published_at DESC, message_id DESC
           LIMIT $7"#,
        criteria.words,
        criteria.tag.map(Tag::as_str),
        criteria.tag.map(Tag::literal),
        &criteria.parts as &[&str],
        time,
        id,
        one_more(limit),
        NEWEST,
    );
    Ok(page(database.all(query).await?, limit))
}
