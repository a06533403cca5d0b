//! The table `messages`: the timelines, newest message first.
//!
//! A page starts after a cursor (keyset pagination), so that it costs the same wherever it starts.
//! Authors' usernames come from a subquery instead of a join. So PostgreSQL has only one plan: an
//! index scan that stops at the limit.

use time::OffsetDateTime;

use super::{ListedRow, page};
use crate::{
    db::{
        error::Error,
        parameters::{keyset, one_more},
        pool::Database,
        users,
    },
    domain::{AuthorTimeline, Counts, Cursor, Message, MessageSummary, Page, UserId, Username},
};

/// Lists the messages of all users after the cursor `before`.
pub async fn public(
    database: &Database,
    before: Option<Cursor>,
    limit: u16,
) -> Result<Page<Message>, Error> {
    let (time, id) = keyset(before);
    let query = sqlx::query_as!(
        ListedRow,
        r#"SELECT message_id, text, published_at, edited_at, parent_id,
                  (SELECT username FROM users WHERE user_id = author_id) AS author,
                  (SELECT username FROM users WHERE user_id = parent_author_id) AS parent_author
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

/// Lists the own timeline of `reader` after the cursor `before`: the messages of the reader and the
/// followees, without their replies to users whom the reader does not follow, and all replies to
/// messages of the reader.
///
/// The rules of replies apply to the page that the query has found, so that its cost does not depend on
/// how many replies the rules omit. Rows that they omit have no author. A reply to the reader by a
/// followee is found twice, and omitted once.
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
        r#"SELECT found.message_id AS "message_id!", found.text AS "text!",
                  found.published_at AS "published_at!", found.edited_at, found.parent_id,
                  (SELECT username FROM users WHERE user_id = found.author_id
                     AND CASE WHEN found.is_answer
                              THEN found.author_id <> $4 AND NOT EXISTS (
                                  SELECT FROM follows
                                  WHERE follower_id = $4 AND followee_id = found.author_id)
                              ELSE found.parent_id IS NULL OR found.author_id = $4
                                   OR found.parent_author_id = $4 OR EXISTS (
                                  SELECT FROM follows
                                  WHERE follower_id = $4 AND followee_id = found.parent_author_id)
                         END) AS author,
                  (SELECT username FROM users WHERE user_id = found.parent_author_id)
                      AS parent_author
           FROM (SELECT candidates.author_id, newest.*, false AS is_answer
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
                          SELECT message_id, text, published_at, edited_at, parent_id,
                                 parent_author_id
                          FROM messages
                          WHERE messages.author_id = candidates.author_id AND NOT flagged
                            AND (published_at, message_id) <
                                (COALESCE($1::timestamptz, 'infinity'), COALESCE($2::bigint, 0))
                          ORDER BY published_at DESC, message_id DESC
                          LIMIT $3) AS newest
                 UNION ALL
                 (SELECT author_id, message_id, text, published_at, edited_at, parent_id,
                         parent_author_id, true
                  FROM messages
                  WHERE parent_author_id = $4 AND NOT flagged
                    AND (published_at, message_id) <
                        (COALESCE($1::timestamptz, 'infinity'), COALESCE($2::bigint, 0))
                  ORDER BY published_at DESC, message_id DESC
                  LIMIT $3)) AS found
           -- Of a reply that is found twice, the omitted row follows the other one, so no page ends between them.
           ORDER BY found.published_at DESC, found.message_id DESC, found.is_answer
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
                  newest.edits AS "edits?: Vec<Option<OffsetDateTime>>",
                  newest.parents AS "parents?: Vec<Option<i64>>",
                  newest.parent_authors AS "parent_authors?: Vec<Option<String>>"
           FROM users AS author, counts_of(author.user_id) AS counts,
                LATERAL (
                    SELECT array_agg(message_id) AS ids, array_agg(text) AS texts,
                           array_agg(published_at) AS times, array_agg(edited_at) AS edits,
                           array_agg(parent_id) AS parents,
                           array_agg((SELECT users.username FROM users
                                      WHERE user_id = parent_author_id)) AS parent_authors
                    FROM (SELECT message_id, text, published_at, edited_at, parent_id,
                                 parent_author_id
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
    let parents = row.parents.into_iter().flatten().zip(row.parent_authors.into_iter().flatten());
    let messages = texts.zip(times).zip(parents).map(|((text, time), parent)| {
        let ((message_id, text), (published_at, edited_at)) = (text, time);
        let (parent_id, parent_author) = parent;
        let author = Some(row.username.clone());
        ListedRow { message_id, author, text, published_at, edited_at, parent_id, parent_author }
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
