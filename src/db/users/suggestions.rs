//! People whom a user may want to follow.

use super::profile;
use crate::{
    db::{error::Error, pool::Database},
    domain::{Profile, UserId},
};

/// Lists at most `limit` users whom `reader` does not follow: first those whom the reader's followees follow, then those
/// with the most followers.
///
/// The query is bounded: it considers 50 followees with 50 followees each, and the authors of the newest 300 messages.
pub async fn of(database: &Database, reader: UserId, limit: u16) -> Result<Vec<Profile>, Error> {
    // OFFSET 0 keeps the look-up of each user an index scan.
    let query = sqlx::query!(
        r#"WITH near AS MATERIALIZED (
               SELECT theirs.followee_id AS user_id
               FROM (SELECT followee_id FROM follows WHERE follower_id = $1 LIMIT 50) AS mine,
                    LATERAL (SELECT followee_id FROM follows
                             WHERE follower_id = mine.followee_id LIMIT 50) AS theirs),
           recent AS MATERIALIZED (
               SELECT author_id AS user_id FROM messages WHERE NOT flagged
               ORDER BY messages.published_at DESC, messages.message_id DESC
               LIMIT 300),
           candidates AS MATERIALIZED (
               SELECT user_id, sum(shared) AS shared
               FROM (SELECT user_id, 1 AS shared FROM near
                     UNION ALL SELECT user_id, 0 FROM recent) AS found
               WHERE user_id <> $1
               GROUP BY user_id)
           SELECT person.username AS "username!", person.display_name, person.bio,
                  person.created_at AS "created_at!"
           FROM candidates,
                LATERAL (SELECT username, display_name, bio, created_at
                         FROM users
                         WHERE users.user_id = candidates.user_id AND disabled_at IS NULL
                         OFFSET 0) AS person,
                LATERAL (SELECT followers FROM counts_of(candidates.user_id) OFFSET 0) AS counts
           WHERE NOT EXISTS (SELECT FROM follows
                             WHERE follower_id = $1 AND followee_id = candidates.user_id
                             OFFSET 0)
           ORDER BY shared DESC, counts.followers DESC, candidates.user_id
           LIMIT $2"#,
        reader.0,
        i64::from(limit),
    );
    let rows = database.all(query).await?.into_iter();
    Ok(rows.map(|row| profile(row.username, row.display_name, row.bio, row.created_at)).collect())
}
