//! The tables `user_counts` and `user_count_changes`: each user's number of messages, followers and
//! followees.
//!
//! Triggers insert every change of `messages` and `follows` into `user_count_changes`. [`fold`] adds
//! these changes to `user_counts`, one row a user. The function `counts_of` reads both tables.

use super::{error::Error, pool::Database};

/// The most changes that one statement folds. It takes about 50 ms, and other statements may wait
/// that long.
const MAX_CHANGES: i64 = 10_000;

/// The key of a fold's advisory lock, used by nothing else in the database: "counts" in ASCII.
const LOCK_KEY: i64 = 0x636f_756e_7473;

/// Folds pending changes. Returns whether there may be more.
///
/// One statement deletes the changes and adds them, so a crash neither loses a change nor adds it
/// twice. The commit does not wait for the disk: after a crash, a later fold repeats it. Only one
/// of several concurrent folds finds changes. Changes of deleted users are dropped.
pub async fn fold(database: &Database) -> Result<bool, Error> {
    let query = sqlx::query!(
        r#"WITH lock AS MATERIALIZED (
               SELECT pg_try_advisory_xact_lock($1) AS acquired,
                      set_config('synchronous_commit', 'off', true)),
           changes AS (
               DELETE FROM user_count_changes
               WHERE ctid = ANY (ARRAY(SELECT ctid FROM user_count_changes
                                       WHERE (SELECT acquired FROM lock) LIMIT $2))
               RETURNING user_id, messages, followers, following),
           sums AS (
               SELECT user_id, sum(messages) AS messages, sum(followers) AS followers,
                      sum(following) AS following
               FROM changes GROUP BY user_id),
           folded AS (
               INSERT INTO user_counts AS counts (user_id, messages, followers, following)
               SELECT existing.user_id, sums.messages, sums.followers, sums.following
               FROM (SELECT * FROM sums ORDER BY user_id) AS sums,
                    LATERAL (SELECT user_id FROM users WHERE users.user_id = sums.user_id
                             FOR KEY SHARE) AS existing
               ON CONFLICT ON CONSTRAINT user_counts_pkey DO UPDATE
               SET messages = counts.messages + excluded.messages,
                   followers = counts.followers + excluded.followers,
                   following = counts.following + excluded.following)
           SELECT count(*) AS "count!" FROM changes"#,
        LOCK_KEY,
        MAX_CHANGES,
    );
    Ok(database.one(query).await?.count == MAX_CHANGES)
}
