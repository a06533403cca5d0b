//! The table `messages`: a message, the messages above it, and the replies below it.
//!
//! One statement reads all of them. Each part has a bound: the chain of parents ends after
//! [`THREAD_MAX_PARENTS`], a page has the replies to the message, and each of these at most a few replies of its own.

use std::collections::HashMap;

use super::MessageRow;
use crate::{
    db::{
        error::Error,
        parameters::{keyset, one_more},
        pool::Database,
    },
    domain::{Cursor, Page, Reply, THREAD_MAX_PARENTS, Thread},
};

/// The most replies below each reply of a page.
const NESTED: usize = 2;

/// What a thread contains besides the message and the replies to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// The parents, and two levels of replies to replies.
    All,
    /// The parents.
    Parents,
    /// Nothing.
    None,
}

/// A row of the statement.
struct Row {
    /// 0 for the message, -1 for its parent, -2 for that one's; 1 for a reply, 2 for a reply to that.
    level: i32,
    message: MessageRow,
    /// Whether a row of the deepest level has replies.
    is_answered: bool,
}

/// Reads a message with its parents, and the replies after the cursor `after`; `None` if the message does
/// not exist or is flagged.
pub async fn read(
    database: &Database,
    id: i64,
    context: Context,
    after: Option<Cursor>,
    limit: u16,
) -> Result<Option<Thread>, Error> {
    let (time, after_id) = keyset(after);
    let (parents, nested) = match context {
        Context::All => (THREAD_MAX_PARENTS as i32, NESTED as i64 + 1),
        Context::Parents => (THREAD_MAX_PARENTS as i32, 0),
        Context::None => (0, 0),
    };
    let query = sqlx::query!(
        r#"WITH RECURSIVE chain AS (
               SELECT messages AS message, 0 AS depth FROM messages
               WHERE message_id = $1 AND NOT flagged
               UNION ALL
               SELECT parent, depth + 1
               FROM chain JOIN messages AS parent ON parent.message_id = (chain.message).parent_id
               WHERE depth < $2 AND NOT parent.flagged),
           replies AS MATERIALIZED (
               SELECT messages AS message, message_id FROM messages
               WHERE parent_id = $1 AND NOT flagged AND (published_at, message_id) >
                     (COALESCE($3::timestamptz, '-infinity'), COALESCE($4::bigint, 0))
               ORDER BY published_at, message_id
               LIMIT $5),
           nested AS MATERIALIZED (
               SELECT below.message, below.message_id
               FROM replies, LATERAL (
                   SELECT messages AS message, message_id FROM messages
                   WHERE parent_id = replies.message_id AND NOT flagged
                   ORDER BY published_at, message_id
                   LIMIT $6) AS below),
           deepest AS MATERIALIZED (
               SELECT below.message
               FROM nested, LATERAL (
                   SELECT messages AS message FROM messages
                   WHERE parent_id = nested.message_id AND NOT flagged
                   ORDER BY published_at, message_id
                   LIMIT $6) AS below),
           found AS (
               SELECT -depth AS level, (message).* FROM chain
               UNION ALL SELECT 1, (message).* FROM replies
               UNION ALL SELECT 2, (message).* FROM nested
               UNION ALL SELECT 3, (message).* FROM deepest)
           SELECT level AS "level!", message_id AS "message_id!", text AS "text!",
                  published_at AS "published_at!", edited_at, parent_id,
                  (SELECT username FROM users WHERE user_id = author_id) AS author,
                  (SELECT username FROM users WHERE user_id = parent_author_id) AS parent_author,
                  CASE WHEN level = 3
                       THEN EXISTS (SELECT FROM messages AS below
                                    WHERE below.parent_id = found.message_id AND NOT below.flagged
                                    -- Keeps the planner from reading all replies at once.
                                    OFFSET 0)
                       ELSE false END AS "is_answered!"
           FROM found
           ORDER BY level, found.published_at, found.message_id"#,
        id,
        parents,
        time,
        after_id,
        one_more(limit),
        nested,
    );
    let rows = database.all(query).await?.into_iter().filter_map(|row| {
        let message = MessageRow {
            message_id: row.message_id,
            author: row.author?,
            text: row.text,
            published_at: row.published_at,
            edited_at: row.edited_at,
            parent_id: row.parent_id,
            parent_author: row.parent_author,
        };
        Some(Row { level: row.level, message, is_answered: row.is_answered })
    });
    Ok(assemble(rows.collect(), limit))
}

/// Puts the rows in the order of the thread. They are in the order of their levels, farthest parent first.
fn assemble(rows: Vec<Row>, limit: u16) -> Option<Thread> {
    let mut parents = Vec::new();
    let mut message = None;
    let mut replies = Vec::new();
    let mut below: HashMap<Option<i64>, Vec<Row>> = HashMap::new();
    for row in rows {
        match row.level {
            ..0 => parents.push(row.message.into()),
            0 => message = Some(row.message.into()),
            1 => replies.push(row),
            _ => below.entry(row.message.parent_id).or_default().push(row),
        }
    }
    let rows = replies.into_iter().map(|row| {
        let cursor = Cursor::new(row.message.published_at, row.message.message_id);
        (row, cursor)
    });
    let Page { items, next } = Page::of(rows, limit);
    let mut replies = Vec::new();
    for row in items {
        add(&mut replies, row, 0, &mut below);
    }
    Some(Thread { parents, message: message?, replies: Page { items: replies, next } })
}

/// Adds a reply, and after it the replies to it.
fn add(replies: &mut Vec<Reply>, row: Row, depth: u8, below: &mut HashMap<Option<i64>, Vec<Row>>) {
    let answers = below.remove(&Some(row.message.message_id)).unwrap_or_default();
    let has_more = row.is_answered || answers.len() > NESTED;
    replies.push(Reply { message: row.message.into(), depth, has_more });
    for answer in answers.into_iter().take(NESTED) {
        add(replies, answer, depth + 1, below);
    }
}
