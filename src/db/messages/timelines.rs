//! The table `messages`: inserts, and the timelines, newest message first.
//!
//! A page starts after a cursor (keyset pagination), so that it costs the same wherever it starts.
//! Authors' usernames come from a subquery instead of a join. So PostgreSQL has only one plan: an
//! index scan that stops at the limit.

use time::OffsetDateTime;

use super::{AUTHOR_KEY, ListedRow, page};
use crate::{
    db::{
        error::Error,
        parameters::{keyset, one_more},
        pool::Database,
        users,
    },
    domain::{
        AuthorTimeline, Counts, Cursor, Message, MessageSummary, MessageText, Page, UserId,
        Username,
    },
};

/// A message to insert.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// The author's username.
    pub author: Username,
    /// The text.
    pub text: MessageText,
}

/// Inserts messages, all or none. Returns the position of each in the timelines, in the order of
/// `messages`; `None` where the author does not exist.
pub async fn insert(
    database: &Database,
    messages: &[NewMessage],
) -> Result<Vec<Option<Cursor>>, Error> {
    let authors: Vec<&str> = messages.iter().map(|message| message.author.as_str()).collect();
    let texts: Vec<&str> = messages.iter().map(|message| message.text.as_str()).collect();
    // The statement draws the keys first: RETURNING does not tell which message a row comes from.
    let query = sqlx::query!(
        r#"WITH given AS MATERIALIZED (
               SELECT (SELECT user_id FROM users WHERE username = author) AS author_id, text,
                      ordinal
               FROM unnest($1::text[], $2::text[]) WITH ORDINALITY
                    AS given (author, text, ordinal)),
           keyed AS MATERIALIZED (
               SELECT nextval(pg_get_serial_sequence('messages', 'message_id')) AS message_id,
                      author_id, text, (SELECT publication_time()) AS published_at, ordinal
               FROM given WHERE author_id IS NOT NULL),
           inserted AS (
               INSERT INTO messages (message_id, author_id, text, published_at)
               OVERRIDING SYSTEM VALUE
               SELECT message_id, author_id, text, published_at FROM keyed ORDER BY message_id)
           SELECT ordinal AS "ordinal!", message_id AS "message_id!",
                  published_at AS "published_at!"
           FROM keyed"#,
        &authors as &[&str],
        &texts as &[&str],
    );
    let rows = match database.all(query).await {
        // The author was deleted after the statement began.
        Err(error) if messages.len() == 1 && error.violates_foreign_key(AUTHOR_KEY) => Vec::new(),
        rows => rows?,
    };
    let mut positions = vec![None; messages.len()];
    for row in rows {
        let index = usize::try_from(row.ordinal - 1).ok();
        if let Some(position) = index.and_then(|index| positions.get_mut(index)) {
            *position = Some(Cursor::new(row.published_at, row.message_id));
        }
    }
    Ok(positions)
}

/// Lists the messages of all users after the cursor `before`.
pub async fn public(
    database: &Database,
    before: Option<Cursor>,
    limit: u16,
) -> Result<Page<Message>, Error> {
    let (time, id) = keyset(before);
    let query = sqlx::query_as!(
        ListedRow,
        r#"SELECT message_id, text, published_at, edited_at,
                  (SELECT username FROM users WHERE user_id = author_id) AS author
           FROM messages
           WHERE NOT flagged AND (published_at, message_id) <
                 (COALESCE($1::timestamptz, 'infinity'), COALESCE($2::bigint, 0))
           ORDER BY published_at DESC, message_id DESC
           LIMIT $3"#,
        time,
        id,
        one_more(limit),
    );
    Ok(page(database.all(query).await?, limit))
}

/// Lists the messages of `reader` and the followees after the cursor `before`.
///
/// The query first finds the newest message of each author. It reads further messages only of the
/// `limit + 1` authors with the newest ones, since no other author can have a message on the page.
/// It costs one index look-up per followee, and up to `limit + 1` rows for each of these authors.
pub async fn own_timeline(
    database: &Database,
    reader: UserId,
    before: Option<Cursor>,
    limit: u16,
) -> Result<Page<Message>, Error> {
    let (time, id) = keyset(before);
    let query = sqlx::query_as!(
        ListedRow,
        r#"SELECT newest.message_id AS "message_id!", newest.text AS "text!",
                  newest.published_at AS "published_at!", newest.edited_at,
                  (SELECT username FROM users WHERE user_id = candidates.author_id) AS author
           FROM (SELECT authors.author_id
                 FROM (SELECT $4::bigint AS author_id
                       UNION ALL
                       SELECT followee_id FROM follows WHERE follower_id = $4) AS authors,
                      LATERAL (
                          SELECT published_at, message_id
                          FROM messages
                          WHERE messages.author_id = authors.author_id AND NOT flagged
                            AND (published_at, message_id) <
                                (COALESCE($1::timestamptz, 'infinity'), COALESCE($2::bigint, 0))
                          ORDER BY published_at DESC, message_id DESC
                          LIMIT 1) AS first
                 ORDER BY first.published_at DESC, first.message_id DESC
                 LIMIT $3) AS candidates,
                LATERAL (
                    SELECT message_id, text, published_at, edited_at
                    FROM messages
                    WHERE messages.author_id = candidates.author_id AND NOT flagged
                      AND (published_at, message_id) <
                          (COALESCE($1::timestamptz, 'infinity'), COALESCE($2::bigint, 0))
                    ORDER BY published_at DESC, message_id DESC
                    LIMIT $3) AS newest
           ORDER BY newest.published_at DESC, newest.message_id DESC
           LIMIT $3"#,
        time,
        id,
        one_more(limit),
        reader.0,
    );
    Ok(page(database.all(query).await?, limit))
}

/// Lists the messages of the user with this username after the cursor `before`, with the user's
/// profile and counts; `None` if there is no such user.
pub async fn by_author(
    database: &Database,
    author: &Username,
    viewer: Option<UserId>,
    before: Option<Cursor>,
    limit: u16,
) -> Result<Option<AuthorTimeline>, Error> {
    let (time, id) = keyset(before);
    // One row with the messages in arrays, so that the author's columns are sent once.
    let query = sqlx::query!(
        r#"SELECT author.username, author.display_name, author.bio, author.created_at,
                  counts.messages AS "messages!", counts.followers AS "followers!",
                  counts.following AS "following!",
                  EXISTS (SELECT FROM follows
                          WHERE follower_id = $5 AND followee_id = author.user_id) AS "followed!",
                  newest.ids AS "ids?", newest.texts AS "texts?", newest.times AS "times?",
                  newest.edits AS "edits?: Vec<Option<OffsetDateTime>>"
           FROM users AS author, counts_of(author.user_id) AS counts,
                LATERAL (
                    SELECT array_agg(message_id) AS ids, array_agg(text) AS texts,
                           array_agg(published_at) AS times, array_agg(edited_at) AS edits
                    FROM (SELECT message_id, text, published_at, edited_at
                          FROM messages
                          WHERE messages.author_id = author.user_id AND NOT flagged
                            AND (published_at, message_id) <
                                (COALESCE($1::timestamptz, 'infinity'), COALESCE($2::bigint, 0))
                          ORDER BY published_at DESC, message_id DESC
                          LIMIT $3) AS ordered) AS newest
           WHERE author.username = $4"#,
        time,
        id,
        one_more(limit),
        author.as_str(),
        viewer.map(|viewer| viewer.0),
    );
    let Some(row) = database.optional(query).await? else { return Ok(None) };
    let texts = row.ids.into_iter().flatten().zip(row.texts.into_iter().flatten());
    let times = row.times.into_iter().flatten().zip(row.edits.into_iter().flatten());
    let messages = texts.zip(times).map(|((message_id, text), (published_at, edited_at))| {
        let author = Some(row.username.clone());
        ListedRow { message_id, author, text, published_at, edited_at }
    });
    Ok(Some(AuthorTimeline {
        page: page(messages, limit),
        counts: Counts {
            messages: row.messages,
            followers: row.followers,
            following: row.following,
        },
        followed: row.followed,
        author: users::profile(row.username, row.display_name, row.bio, row.created_at),
    }))
}

/// A request for the newest messages of one author.
#[derive(Debug, Clone)]
pub struct NewestRequest {
    /// The author's username.
    pub author: Username,
    /// The maximum of messages.
    pub limit: u16,
}

/// Lists the newest messages of several authors, in the order of `requests`; `None` where the
/// author does not exist.
pub async fn newest_of(
    database: &Database,
    requests: &[NewestRequest],
) -> Result<Vec<Option<Vec<MessageSummary>>>, Error> {
    let authors: Vec<&str> = requests.iter().map(|request| request.author.as_str()).collect();
    let limits: Vec<i64> = requests.iter().map(|request| request.limit.into()).collect();
    // One row per author: a row costs PostgreSQL and sqlx more than an element of an array.
    let query = sqlx::query!(
        r#"SELECT author.user_id IS NOT NULL AS "known!", newest.texts AS "texts?",
                  newest.times AS "times?"
           FROM (SELECT (SELECT user_id FROM users WHERE username = given.author) AS user_id,
                        given.row_limit, given.ordinal
                 FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY
                      AS given (author, row_limit, ordinal)
                 OFFSET 0) AS author
           LEFT JOIN LATERAL (
               SELECT array_agg(text) AS texts, array_agg(published_at) AS times
               FROM (SELECT text, published_at
                     FROM messages
                     WHERE messages.author_id = author.user_id AND NOT flagged
                     ORDER BY published_at DESC, message_id DESC
                     LIMIT author.row_limit) AS ordered) AS newest ON true
           ORDER BY author.ordinal"#,
        &authors as &[&str],
        &limits,
    );
    let lists = database.all(query).await?.into_iter().map(|row| {
        let messages = row.texts.into_iter().flatten().zip(row.times.into_iter().flatten());
        let summary = |(text, published_at)| MessageSummary { text, published_at };
        row.known.then(|| messages.map(summary).collect())
    });
    Ok(lists.collect())
}
