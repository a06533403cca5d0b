//! The tables `user_counts` and `user_count_changes`: how many messages, followers and followees
//! each user has.
//!
//! Triggers note every change of `messages` and `follows` (`migrations/V4__counts.sql`); here
//! what was noted is folded into one row a user. The function `counts_of` reads both.

use super::{Database, Error};

/// How many changes one statement folds at most: some 50 ms of work, so that it holds nobody up.
const BATCH: i64 = 10_000;

/// The advisory lock of whoever folds; any number that nothing else in the database uses ("counts").
const LOCK_KEY: i64 = 0x636f_756e_7473;

/// Folds changes that were noted. Returns whether there may be more at once.
///
/// One statement takes them away and adds them, so that a crash loses none and adds none twice;
/// nor does it wait for the disk, which decides only when it happens. Of many who fold at once
/// one does, and the others find nothing to do. Changes of users who are gone are dropped.
///
/// # Errors
/// When the database fails.
pub async fn fold(database: &Database) -> Result<bool, Error> {
    let statement = sqlx::query_scalar!(
        r#"WITH turn AS MATERIALIZED (
               SELECT pg_try_advisory_xact_lock($1) AS mine,
                      set_config('synchronous_commit', 'off', true)),
           taken AS (
               DELETE FROM user_count_changes
               WHERE ctid = ANY (ARRAY(SELECT ctid FROM user_count_changes
                                       WHERE (SELECT mine FROM turn) LIMIT $2))
               RETURNING user_id, messages, followers, following),
           sums AS (
               SELECT user_id, sum(messages) AS messages, sum(followers) AS followers,
                      sum(following) AS following
               FROM taken GROUP BY user_id),
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
           SELECT count(*) AS "count!" FROM taken"#,
        LOCK_KEY,
        BATCH,
    )
    .fetch_one(database.pool());
    Ok(database.with_timeout(statement).await? == BATCH)
}
