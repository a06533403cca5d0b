//! Searching `messages` and `users`.
//!
//! A search of messages, for words or for a tag, first looks through the newest, where a common word
//! fills the page; only when it does not, an index finds all that match. Either way alone would be slow
//! for the other kind of word, and PostgreSQL cannot tell them apart before it plans. What stays slow is
//! a word that many have said and nobody says any more: all of its matches are read, at about a million
//! a second or two.

use time::OffsetDateTime;

use super::{Database, Error, keyset, one_more, users};
use crate::domain::{
    Cursor, Message, NameCursor, Page, Profile, SearchTerms, SearchText, Tag, Username,
    rich_text::has_tag, spelled_thrice,
};

/// How many of the newest messages are looked through: some 5 ms. What does not fill a page here is
/// found less than once in a hundred of them.
const NEWEST: i64 = 5_000;

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
    let rows = match text.terms() {
        SearchTerms::Words(words) => by_words(database, words, before, limit).await?,
        SearchTerms::Parts(parts) => by_parts(database, &parts, before, limit).await?,
    };
    Ok(page(rows, limit))
}

fn page(rows: Vec<Row>, limit: u16) -> Page<Message> {
    let messages = rows.into_iter().map(|row| {
        let message = Message {
            id: row.message_id,
            author: Username::from_stored(row.author),
            text: row.text,
            published_at: row.published_at,
            edited_at: row.edited_at,
        };
        let place = message.cursor();
        (message, place)
    });
    Page::of(messages, limit)
}

struct Row {
    message_id: i64,
    author: String,
    text: String,
    published_at: OffsetDateTime,
    edited_at: Option<OffsetDateTime>,
}

/// Those that have all these words; of the last one the beginning is enough.
async fn by_words(
    database: &Database,
    words: &str,
    before: Option<Cursor>,
    limit: u16,
) -> Result<Vec<Row>, Error> {
    let (time, id) = keyset(before);
    // To look for the longest word as it stands is quicker than to parse each message.
    let statement = sqlx::query_as!(
        Row,
        r#"WITH wanted AS MATERIALIZED (
               SELECT (NULLIF(plainto_tsquery('simple', $1)::text, '') || ':*')::tsquery AS query,
                      (SELECT lexeme
                       FROM unnest(tsvector_to_array(to_tsvector('simple', $1))) AS lexeme
                       ORDER BY char_length(lexeme) DESC LIMIT 1) AS longest),
           newest AS MATERIALIZED (
               SELECT message_id, author_id, text, published_at, edited_at
               FROM (SELECT message_id, author_id, text, published_at, edited_at
                     FROM messages
                     WHERE NOT flagged AND (published_at, message_id) <
                           (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::bigint, 0))
                     ORDER BY published_at DESC, message_id DESC
                     LIMIT $5) AS looked_through
               WHERE strpos(lower(text), (SELECT longest FROM wanted)) > 0
                 AND to_tsvector('simple', text) @@ (SELECT query FROM wanted)
               ORDER BY published_at DESC, message_id DESC
               LIMIT $4),
           enough AS MATERIALIZED (SELECT count(*) >= $4 AS found FROM newest),
           every AS MATERIALIZED (
               SELECT message_id, author_id, text, published_at, edited_at
               FROM messages
               WHERE NOT flagged AND to_tsvector('simple', text) @@ (SELECT query FROM wanted)
                 AND (published_at, message_id) <
                     (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::bigint, 0))
                 AND NOT (SELECT found FROM enough))
           SELECT message_id AS "message_id!", text AS "text!", published_at AS "published_at!",
                  edited_at, (SELECT username FROM users WHERE user_id = author_id) AS "author!"
           FROM (SELECT * FROM newest WHERE (SELECT found FROM enough)
                 UNION ALL
                 SELECT * FROM every) AS matching
           ORDER BY published_at DESC, message_id DESC
           LIMIT $4"#,
        words,
        time,
        id,
        one_more(limit),
        NEWEST,
    )
    .fetch_all(database.pool());
    database.patiently(statement).await
}

/// Those that have each of these parts somewhere, whatever the case; the index looks for the first.
async fn by_parts(
    database: &Database,
    parts: &[&str],
    before: Option<Cursor>,
    limit: u16,
) -> Result<Vec<Row>, Error> {
    let (time, id) = keyset(before);
    let patterns: Vec<String> = parts.iter().map(|part| containing(part)).collect();
    let indexed = patterns.first().map_or_else(String::new, |longest| spelled_thrice(longest));
    let statement = sqlx::query_as!(
        Row,
        r#"WITH newest AS MATERIALIZED (
               SELECT message_id, author_id, text, published_at, edited_at
               FROM (SELECT message_id, author_id, text, published_at, edited_at
                     FROM messages
                     WHERE NOT flagged AND (published_at, message_id) <
                           (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::bigint, 0))
                     ORDER BY published_at DESC, message_id DESC
                     LIMIT $5) AS looked_through
               WHERE text ILIKE ALL ($1::text[])
               ORDER BY published_at DESC, message_id DESC
               LIMIT $4),
           enough AS MATERIALIZED (SELECT count(*) >= $4 AS found FROM newest),
           every AS MATERIALIZED (
               SELECT message_id, author_id, text, published_at, edited_at
               FROM messages
               WHERE NOT flagged AND runs_together(text)
                 AND spelled_thrice(text) ILIKE $6
                 AND text ILIKE ALL ($1::text[])
                 AND (published_at, message_id) <
                     (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::bigint, 0))
                 AND NOT (SELECT found FROM enough))
           SELECT message_id AS "message_id!", text AS "text!", published_at AS "published_at!",
                  edited_at, (SELECT username FROM users WHERE user_id = author_id) AS "author!"
           FROM (SELECT * FROM newest WHERE (SELECT found FROM enough)
                 UNION ALL
                 SELECT * FROM every) AS matching
           ORDER BY published_at DESC, message_id DESC
           LIMIT $4"#,
        &patterns,
        time,
        id,
        one_more(limit),
        NEWEST,
        indexed,
    )
    .fetch_all(database.pool());
    database.patiently(statement).await
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
    let (time, id) = keyset(before);
    // To look for a part of the tag as it stands is quicker than to find each message's tags.
    let statement = sqlx::query_as!(
        Row,
        r#"WITH wanted AS MATERIALIZED (SELECT tags_of('#' || $1::text) AS tags),
           newest AS MATERIALIZED (
               SELECT message_id, author_id, text, published_at, edited_at
               FROM (SELECT message_id, author_id, text, published_at, edited_at
                     FROM messages
                     WHERE NOT flagged AND (published_at, message_id) <
                           (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::bigint, 0))
                     ORDER BY published_at DESC, message_id DESC
                     LIMIT $5) AS looked_through
               WHERE text ~ '[#＃]' AND strpos(lower(text), $6) > 0
                 AND tags_of(text) @> (SELECT tags FROM wanted)
               ORDER BY published_at DESC, message_id DESC
               LIMIT $4),
           enough AS MATERIALIZED (SELECT count(*) >= $4 AS found FROM newest),
           every AS MATERIALIZED (
               SELECT message_id, author_id, text, published_at, edited_at
               FROM messages
               WHERE NOT flagged AND text ~ '[#＃]' AND tags_of(text) @> (SELECT tags FROM wanted)
                 AND (published_at, message_id) <
                     (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::bigint, 0))
                 AND NOT (SELECT found FROM enough))
           SELECT message_id AS "message_id!", text AS "text!", published_at AS "published_at!",
                  edited_at, (SELECT username FROM users WHERE user_id = author_id) AS "author!"
           FROM (SELECT * FROM newest WHERE (SELECT found FROM enough)
                 UNION ALL
                 SELECT * FROM every) AS matching
           ORDER BY published_at DESC, message_id DESC
           LIMIT $4"#,
        tag.as_str(),
        time,
        id,
        one_more(limit),
        NEWEST,
        tag.literal(),
    )
    .fetch_all(database.pool());
    let mut page = page(database.patiently(statement).await?, limit);
    page.items.retain(|message| has_tag(&message.text, tag));
    Ok(page)
}

/// The pattern of what has `part` somewhere.
fn containing(part: &str) -> String {
    let mut pattern = String::from("%");
    for character in part.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

/// The users whose names begin with `text`, whatever the case, by name, those after `after`.
///
/// # Errors
/// When the database fails.
pub async fn users(
    database: &Database,
    text: &SearchText,
    after: Option<&NameCursor>,
    limit: u16,
) -> Result<Page<Profile, NameCursor>, Error> {
    // Compared by bytes, all that begins with a text stands between it and it with the last
    // character there is.
    let statement = sqlx::query!(
        r#"SELECT username, display_name, bio, created_at
           FROM users
           WHERE (lower(username COLLATE "default") COLLATE "C", username) >
                 (lower(COALESCE($2, $1::text)) COLLATE "C", COALESCE($2::text, ''))
             AND lower(username COLLATE "default") COLLATE "C" >= lower($1) COLLATE "C"
             AND lower(username COLLATE "default") COLLATE "C" <
                 (lower($1) || U&'\+10FFFF') COLLATE "C"
           ORDER BY lower(username COLLATE "default") COLLATE "C", username
           LIMIT $3"#,
        text.as_str(),
        after.map(NameCursor::as_str),
        one_more(limit),
    )
    .fetch_all(database.pool());
    let rows = database.patiently(statement).await?.into_iter().map(|row| {
        let profile = users::profile(row.username, row.display_name, row.bio, row.created_at);
        let place = NameCursor::new(&profile.username);
        (profile, place)
    });
    Ok(Page::of(rows, limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_stands_for_itself_in_a_pattern() {
        assert_eq!(containing(r"東_%\"), r"%東\_\%\\%");
    }
}
