//! Searching `messages` and `users`.
//!
//! A search of messages, be it for words, for parts of texts or for a tag, first looks through the newest,
//! where what many say now fills the page; only when they do not, it goes back week by week, each of
//! which is a part of the index, until the page is full. Either way alone would be slow for what the
//! other is for, and PostgreSQL cannot tell them apart before it plans.

use super::{MessageRow, page};
use crate::db::{
    error::Error,
    parameters::{keyset, one_more},
    pool::Database,
};
use crate::domain::{Cursor, Message, Page, SearchTerms, SearchText, Tag, rich_text::has_tag};

/// How many of the newest messages are looked through: a millisecond or two. What does not fill a page here
/// is found so seldom that a week's messages which have it are read in a few more.
const NEWEST: i64 = 1_000;

/// The messages that `text` is found in, newest first, those after `before`.
///
/// # Errors
/// When the database fails.
pub async fn messages(
    database: &Database,
    text: &SearchText,
    before: Option<Cursor>,
    limit: u16,
) -> Result<Page<Message>, Error> {
    let wanted = match text.terms() {
        SearchTerms::Words(words) => Wanted { words: Some(words), ..Wanted::default() },
        SearchTerms::Parts(parts) => Wanted { parts, ..Wanted::default() },
    };
    find(database, wanted, before, limit).await
}

/// The messages that have this tag, newest first, those after `before`.
///
/// The database takes some words for tags that are none, such as a part of an address; a page that
/// some of these are on has fewer messages than `limit`.
///
/// # Errors
/// When the database fails.
pub async fn tagged(
    database: &Database,
    tag: &Tag,
    before: Option<Cursor>,
    limit: u16,
) -> Result<Page<Message>, Error> {
    let wanted = Wanted { tag: Some(tag), ..Wanted::default() };
    let mut page = find(database, wanted, before, limit).await?;
    page.items.retain(|message| has_tag(&message.text, tag));
    Ok(page)
}

/// What is looked for: one of these.
#[derive(Default)]
struct Wanted<'a> {
    words: Option<&'a str>,
    tag: Option<&'a Tag>,
    parts: Vec<&'a str>,
}

/// The messages that have all that is wanted.
async fn find(
    database: &Database,
    wanted: Wanted<'_>,
    before: Option<Cursor>,
    limit: u16,
) -> Result<Page<Message>, Error> {
    let (time, id) = keyset(before);
    // To look for one literal as it stands is quicker than to find each message's terms. The weeks are
    // read one after the other, as far as the limit asks for them: a nested loop keeps
    // their order. OFFSET keeps the planner from reading a week in the order of time, in hope of finding
    // what fills the page soon.
    let query = sqlx::query_as!(
        MessageRow,
        r#"WITH RECURSIVE wanted AS MATERIALIZED (
               SELECT COALESCE(query_for_words($1), query_for_tag($2), query_for_parts($4)) AS query,
                      COALESCE($3, folded(($4::text[])[1]),
                               (SELECT lexeme FROM unnest(tsvector_to_array(words_of($1))) AS lexeme
                                ORDER BY char_length(lexeme) DESC LIMIT 1)) AS literal,
                      ARRAY(SELECT folded(part) FROM unnest($4) AS part) AS parts),
           newest AS MATERIALIZED (
               SELECT message_id, author_id, text, published_at, edited_at
               FROM (SELECT message_id, author_id, text, published_at, edited_at
                     FROM messages
                     WHERE NOT flagged AND (published_at, message_id) <
                           (COALESCE($5::timestamptz, 'infinity'), COALESCE($6::bigint, 0))
                     ORDER BY published_at DESC, message_id DESC
                     LIMIT $8) AS looked_through
               WHERE strpos(folded(text), (SELECT literal FROM wanted)) > 0
                 AND terms_of(text) @@ (SELECT query FROM wanted)
                 AND NOT EXISTS (SELECT FROM unnest((SELECT parts FROM wanted)) AS part
                                 WHERE strpos(folded(text), part) = 0)
               ORDER BY published_at DESC, message_id DESC
               LIMIT $7),
           weeks AS (
               SELECT (SELECT week_of(published_at)
                       FROM messages
                       WHERE NOT flagged AND (published_at, message_id) <
                             (COALESCE($5::timestamptz, 'infinity'), COALESCE($6::bigint, 0))
                       ORDER BY published_at DESC, message_id DESC
                       LIMIT 1) AS week
               WHERE (SELECT count(*) < $7 FROM newest)
               UNION ALL
               SELECT (SELECT week_of(published_at)
                       FROM messages
                       WHERE NOT flagged AND published_at < beginning_of_week(week)
                       ORDER BY published_at DESC, message_id DESC
                       LIMIT 1)
               FROM weeks
               WHERE week IS NOT NULL),
           older AS MATERIALIZED (
               SELECT found.*
               FROM weeks CROSS JOIN LATERAL (
                    SELECT *
                    FROM (SELECT message_id, author_id, text, published_at, edited_at
                          FROM messages
                          WHERE NOT flagged
                            AND of_week(terms_of(text), week_of(published_at))
                                @@ of_week((SELECT query FROM wanted), week)
                            AND (published_at, message_id) <
                                (COALESCE($5::timestamptz, 'infinity'), COALESCE($6::bigint, 0))
                            AND NOT EXISTS (SELECT FROM unnest((SELECT parts FROM wanted)) AS part
                                            WHERE strpos(folded(text), part) = 0)
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
        wanted.words,
        wanted.tag.map(Tag::as_str),
        wanted.tag.map(Tag::literal),
        &wanted.parts as &[&str],
        time,
        id,
        one_more(limit),
        NEWEST,
    );
    Ok(page(database.all(query).await?, limit))
}
