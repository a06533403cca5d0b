//! The table `messages`, and the timelines that are read from it.
//!
//! Every list runs from the newest to the oldest and continues by keyset: a page costs the same
//! wherever it begins. Authors' names come from a subquery rather than a join, so that the one plan
//! that is right (an index scan that stops at the limit) is also the only one.

use time::OffsetDateTime;

use crate::db::{Database, Error, keyset, one_more, users};
use crate::domain::{
    Counts, Cursor, Message, MessageSummary, MessageText, Page, Profile, UserId, Username,
};

/// What a message of an author who is gone breaks.
pub(in crate::db) const AUTHOR_KEY: &str = "messages_author_id_fkey";

/// Somebody's messages, what that somebody tells, and how the viewer stands to them.
#[derive(Debug, Clone)]
pub struct AuthorTimeline {
    /// Whose messages they are.
    pub author: Profile,
    /// How many messages, followers and followees the author has.
    pub counts: Counts,
    /// Whether the viewer follows the author.
    pub followed: bool,
    /// The messages.
    pub page: Page<Message>,
}

/// A message to be added.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Who says it.
    pub author: Username,
    /// What is said.
    pub text: MessageText,
}

/// Adds messages, all or none. Returns the place of each in the timelines, in the order of
/// `messages`; `None` where there is no author of that name.
///
/// # Errors
/// When the database fails.
pub async fn insert(
    database: &Database,
    messages: &[NewMessage],
) -> Result<Vec<Option<Cursor>>, Error> {
    let authors: Vec<&str> = messages.iter().map(|message| message.author.as_str()).collect();
    let texts: Vec<&str> = messages.iter().map(|message| message.text.as_str()).collect();
    // The keys are drawn first, since RETURNING does not tell which of the messages a row is.
    let statement = sqlx::query!(
        r#"WITH given AS MATERIALIZED (
               SELECT (SELECT user_id FROM users WHERE username = author) AS author_id, text, place
               FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS given (author, text, place)),
           keyed AS MATERIALIZED (
               SELECT nextval(pg_get_serial_sequence('messages', 'message_id')) AS message_id,
                      author_id, text, publication_time() AS published_at, place
               FROM given WHERE author_id IS NOT NULL),
           inserted AS (
               INSERT INTO messages (message_id, author_id, text, published_at)
               OVERRIDING SYSTEM VALUE
               SELECT message_id, author_id, text, published_at FROM keyed ORDER BY message_id)
           SELECT place AS "place!", message_id AS "message_id!",
                  published_at AS "published_at!"
           FROM keyed"#,
        &authors as &[&str],
        &texts as &[&str],
    )
    .fetch_all(database.pool());
    let rows = match database.with_timeout(statement).await {
        // The author was deleted after the statement had begun.
        Err(error) if messages.len() == 1 && error.breaks_foreign_key(AUTHOR_KEY) => Vec::new(),
        rows => rows?,
    };
    let mut places = vec![None; messages.len()];
    for row in rows {
        let place = usize::try_from(row.place - 1).ok().and_then(|place| places.get_mut(place));
        if let Some(place) = place {
            *place = Some(Cursor::new(row.published_at, row.message_id));
        }
    }
    Ok(places)
}

/// The messages of everybody that stand after `before`, or the newest.
///
/// # Errors
/// When the database fails.
pub async fn public(
    database: &Database,
    before: Option<Cursor>,
    limit: u16,
) -> Result<Page<Message>, Error> {
    let (time, id) = keyset(before);
    let statement = sqlx::query!(
        r#"SELECT message_id, text, published_at, edited_at,
                  (SELECT username FROM users WHERE user_id = author_id) AS "author!"
           FROM messages
           WHERE NOT flagged AND (published_at, message_id) <
                 (COALESCE($1::timestamptz, 'infinity'), COALESCE($2::bigint, 0))
           ORDER BY published_at DESC, message_id DESC
           LIMIT $3"#,
        time,
        id,
        one_more(limit),
    )
    .fetch_all(database.pool());
    let rows = database.with_timeout(statement).await?;
    let messages = rows.into_iter().map(|row| Message {
        id: row.message_id,
        author: Username::from_stored(row.author),
        text: row.text,
        published_at: row.published_at,
        edited_at: row.edited_at,
    });
    Ok(page(messages, limit))
}

/// The messages of `reader` and of everybody whom `reader` follows, after `before` or the newest.
///
/// Of the authors only those matter whose newest message is among the `limit + 1` newest of these:
/// anybody else has that many messages before their own. So a follower of many costs one look at
/// the index for each, and `limit` of them for a few.
///
/// # Errors
/// When the database fails.
pub async fn own_timeline(
    database: &Database,
    reader: UserId,
    before: Option<Cursor>,
    limit: u16,
) -> Result<Page<Message>, Error> {
    let (time, id) = keyset(before);
    let statement = sqlx::query!(
        r#"SELECT newest.message_id AS "message_id!", newest.text AS "text!",
                  newest.published_at AS "published_at!", newest.edited_at,
                  (SELECT username FROM users WHERE user_id = ahead.author_id) AS "author!"
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
                 LIMIT $3) AS ahead,
                LATERAL (
                    SELECT message_id, text, published_at, edited_at
                    FROM messages
                    WHERE messages.author_id = ahead.author_id AND NOT flagged
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
    )
    .fetch_all(database.pool());
    let rows = database.with_timeout(statement).await?;
    let messages = rows.into_iter().map(|row| Message {
        id: row.message_id,
        author: Username::from_stored(row.author),
        text: row.text,
        published_at: row.published_at,
        edited_at: row.edited_at,
    });
    Ok(page(messages, limit))
}

/// The messages of the user of that name, after `before` or the newest, and what there is to be seen
/// of the author; `None` if there is none of that name.
///
/// # Errors
/// When the database fails.
pub async fn by_author(
    database: &Database,
    author: &Username,
    viewer: Option<UserId>,
    before: Option<Cursor>,
    limit: u16,
) -> Result<Option<AuthorTimeline>, Error> {
    let (time, id) = keyset(before);
    // One row, with the messages in arrays: what is said of the author comes once.
    let statement = sqlx::query!(
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
    )
    .fetch_optional(database.pool());
    let Some(row) = database.with_timeout(statement).await? else { return Ok(None) };
    let author = users::profile(row.username, row.display_name, row.bio, row.created_at);
    let texts = row.ids.into_iter().flatten().zip(row.texts.into_iter().flatten());
    let times = row.times.into_iter().flatten().zip(row.edits.into_iter().flatten());
    let messages = texts.zip(times).map(|((id, text), (published_at, edited_at))| {
        let author = author.username.clone();
        Message { id, author, text, published_at, edited_at }
    });
    let page = page(messages, limit);
    let counts =
        Counts { messages: row.messages, followers: row.followers, following: row.following };
    Ok(Some(AuthorTimeline { author, counts, followed: row.followed, page }))
}

/// Whose messages to list, and how many.
#[derive(Debug, Clone)]
pub struct Listing {
    /// Whose.
    pub author: Username,
    /// How many at most.
    pub limit: u16,
}

/// The newest messages of several authors, in the order of `listings`; `None` where there is no
/// author of that name.
///
/// # Errors
/// When the database fails.
pub async fn newest_of(
    database: &Database,
    listings: &[Listing],
) -> Result<Vec<Option<Vec<MessageSummary>>>, Error> {
    let authors: Vec<&str> = listings.iter().map(|listing| listing.author.as_str()).collect();
    let limits: Vec<i64> = listings.iter().map(|listing| listing.limit.into()).collect();
    // A row an author: both sides spend more on a row than on an element of an array.
    let statement = sqlx::query!(
        r#"SELECT author.user_id IS NOT NULL AS "known!", newest.texts AS "texts?",
                  newest.times AS "times?"
           FROM (SELECT (SELECT user_id FROM users WHERE username = given.author) AS user_id,
                        given.row_limit, given.place
                 FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY
                      AS given (author, row_limit, place)
                 OFFSET 0) AS author
           LEFT JOIN LATERAL (
               SELECT array_agg(text) AS texts, array_agg(published_at) AS times
               FROM (SELECT text, published_at
                     FROM messages
                     WHERE messages.author_id = author.user_id AND NOT flagged
                     ORDER BY published_at DESC, message_id DESC
                     LIMIT author.row_limit) AS ordered) AS newest ON true
           ORDER BY author.place"#,
        &authors as &[&str],
        &limits,
    )
    .fetch_all(database.pool());
    let rows = database.with_timeout(statement).await?;
    let lists = rows.into_iter().map(|row| {
        let texts = row.texts.unwrap_or_default().into_iter();
        let said = texts.zip(row.times.unwrap_or_default());
        row.known.then(|| {
            said.map(|(text, published_at)| MessageSummary { text, published_at }).collect()
        })
    });
    Ok(lists.collect())
}

fn page(messages: impl Iterator<Item = Message>, limit: u16) -> Page<Message> {
    let mut items: Vec<Message> = messages.collect();
    let more = items.len() > usize::from(limit);
    items.truncate(usize::from(limit));
    let next = if more { items.last().map(Message::cursor) } else { None };
    Page { items, next }
}
