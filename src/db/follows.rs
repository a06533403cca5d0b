//! The table `follows`.

use std::collections::HashSet;

use super::{Database, Error, keyset, one_more, users};
use crate::domain::{Cursor, Page, Profile, UserId, Username};

/// What became of a follow or an unfollow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is as it was asked for, whether or not it was so before.
    Done,
    /// There is no follower of that name.
    UnknownFollower,
    /// There is no followee of that name.
    UnknownFollowee,
}

impl Outcome {
    fn of(follower_known: bool, followee_known: bool) -> Self {
        match (follower_known, followee_known) {
            (false, _) => Self::UnknownFollower,
            (true, false) => Self::UnknownFollowee,
            (true, true) => Self::Done,
        }
    }
}

/// What a follow breaks of which one side is gone.
const FOLLOWER_KEY: &str = "follows_follower_id_fkey";
const FOLLOWEE_KEY: &str = "follows_followee_id_fkey";

/// Who is to follow whom.
#[derive(Debug, Clone)]
pub struct NewFollow {
    /// Who follows.
    pub follower: Username,
    /// Who is followed.
    pub followee: Username,
}

/// Makes followers follow, all or none. Returns what became of each, in the order of `follows`.
///
/// # Errors
/// When the database fails.
pub async fn insert(database: &Database, follows: &[NewFollow]) -> Result<Vec<Outcome>, Error> {
    let followers: Vec<&str> = follows.iter().map(|follow| follow.follower.as_str()).collect();
    let followees: Vec<&str> = follows.iter().map(|follow| follow.followee.as_str()).collect();
    // In the order of the key, so that no two statements wait for each other.
    let statement = sqlx::query!(
        r#"WITH given AS MATERIALIZED (
               SELECT (SELECT user_id FROM users WHERE username = follower) AS follower_id,
                      (SELECT user_id FROM users WHERE username = followee) AS followee_id, place
               FROM unnest($1::text[], $2::text[]) WITH ORDINALITY
                    AS given (follower, followee, place)),
           inserted AS (
               INSERT INTO follows (follower_id, followee_id)
               SELECT DISTINCT follower_id, followee_id FROM given
               WHERE follower_id IS NOT NULL AND followee_id IS NOT NULL
               ORDER BY follower_id, followee_id
               ON CONFLICT ON CONSTRAINT follows_pkey DO NOTHING)
           SELECT follower_id IS NOT NULL AS "follower_known!",
                  followee_id IS NOT NULL AS "followee_known!"
           FROM given ORDER BY place"#,
        &followers as &[&str],
        &followees as &[&str],
    )
    .fetch_all(database.pool());
    let rows = match database.with_timeout(statement).await {
        // One of the two was deleted after the statement had begun.
        Err(error) if follows.len() == 1 && error.breaks_foreign_key(FOLLOWER_KEY) => {
            return Ok(vec![Outcome::of(false, true)]);
        }
        Err(error) if follows.len() == 1 && error.breaks_foreign_key(FOLLOWEE_KEY) => {
            return Ok(vec![Outcome::of(true, false)]);
        }
        rows => rows?,
    };
    Ok(rows.iter().map(|row| Outcome::of(row.follower_known, row.followee_known)).collect())
}

/// Makes `follower` no longer follow `followee`.
///
/// # Errors
/// When the database fails.
pub async fn delete(
    database: &Database,
    follower: &Username,
    followee: &Username,
) -> Result<Outcome, Error> {
    let statement = sqlx::query!(
        r#"WITH pair AS (
               SELECT (SELECT user_id FROM users WHERE username = $1) AS follower_id,
                      (SELECT user_id FROM users WHERE username = $2) AS followee_id),
           deleted AS (
               DELETE FROM follows USING pair
               WHERE follows.follower_id = pair.follower_id
                 AND follows.followee_id = pair.followee_id)
           SELECT follower_id IS NOT NULL AS "follower_known!",
                  followee_id IS NOT NULL AS "followee_known!" FROM pair"#,
        follower.as_str(),
        followee.as_str(),
    )
    .fetch_one(database.pool());
    let pair = database.with_timeout(statement).await?;
    Ok(Outcome::of(pair.follower_known, pair.followee_known))
}

/// Removes follows of a user's, `limit` at most in each direction. Returns how many there were.
///
/// # Errors
/// When the database fails.
pub async fn delete_some_of(database: &Database, user: UserId, limit: u16) -> Result<u64, Error> {
    let statement = sqlx::query!(
        "DELETE FROM follows
         USING ((SELECT follower_id, followee_id FROM follows WHERE follower_id = $1 LIMIT $2)
                UNION ALL
                (SELECT follower_id, followee_id FROM follows WHERE followee_id = $1 LIMIT $2)
               ) AS gone
         WHERE follows.follower_id = gone.follower_id AND follows.followee_id = gone.followee_id",
        user.0,
        i64::from(limit),
    )
    .execute(database.pool());
    Ok(database.with_timeout(statement).await?.rows_affected())
}

/// Which of `followers` follow which of `followees`. Takes as long as the followers follow others.
///
/// # Errors
/// When the database fails.
pub async fn among(
    database: &Database,
    followers: &[UserId],
    followees: &[UserId],
) -> Result<HashSet<(UserId, UserId)>, Error> {
    let followers: Vec<i64> = followers.iter().map(|user| user.0).collect();
    let followees: Vec<i64> = followees.iter().map(|user| user.0).collect();
    // To read all whom the followers follow takes a tenth of the time that it takes to look for each
    // pair, and to read all who follow the followees might take for ever: some have a million.
    let statement = sqlx::query!(
        r#"SELECT follower.id AS "follower_id!", follows.followee_id AS "followee_id!"
           FROM unnest($1::bigint[]) AS follower (id),
                LATERAL (SELECT followee_id FROM follows WHERE follower_id = follower.id
                         -- Keeps the planner from looking for pairs.
                         OFFSET 0) AS follows,
                unnest($2::bigint[]) AS followee (id)
           WHERE followee.id = follows.followee_id"#,
        &followers,
        &followees,
    )
    .fetch_all(database.pool());
    let rows = database.with_timeout(statement).await?.into_iter();
    Ok(rows.map(|row| (UserId(row.follower_id), UserId(row.followee_id))).collect())
}

/// The first `limit` of those whom `follower` follows, oldest follow first; `None` if there is no
/// user of that name.
///
/// # Errors
/// When the database fails.
pub async fn followees(
    database: &Database,
    follower: &Username,
    limit: u16,
) -> Result<Option<Vec<Username>>, Error> {
    let statement = sqlx::query_scalar!(
        r#"SELECT (SELECT username FROM users WHERE user_id = oldest.followee_id) AS followee
           FROM users AS follower
           LEFT JOIN LATERAL (
               SELECT followee_id, created_at
               FROM follows
               WHERE follows.follower_id = follower.user_id
               ORDER BY created_at, followee_id
               LIMIT $2) AS oldest ON true
           WHERE follower.username = $1
           ORDER BY oldest.created_at, oldest.followee_id"#,
        follower.as_str(),
        i64::from(limit),
    )
    .fetch_all(database.pool());
    let rows = database.with_timeout(statement).await?;
    if rows.is_empty() {
        return Ok(None);
    }
    Ok(Some(rows.into_iter().flatten().map(Username::from_stored).collect()))
}

/// Those whom `follower` follows, newest follow first, those after `before`; `None` if there is no
/// user of that name.
///
/// # Errors
/// When the database fails.
pub async fn followee_profiles(
    database: &Database,
    follower: &Username,
    before: Option<Cursor>,
    limit: u16,
) -> Result<Option<Page<Profile>>, Error> {
    let (time, id) = keyset(before);
    let statement = sqlx::query!(
        r#"SELECT newest.followee_id AS "user_id?", newest.created_at AS "followed_at?",
                  followee.username AS "username?", followee.display_name, followee.bio,
                  followee.created_at AS "joined_at?"
           FROM users AS follower
           LEFT JOIN LATERAL (
               SELECT followee_id, created_at
               FROM follows
               WHERE follows.follower_id = follower.user_id
                 AND (created_at, followee_id) <
                     (COALESCE($1::timestamptz, 'infinity'), COALESCE($2::bigint, 0))
               ORDER BY created_at DESC, followee_id DESC
               LIMIT $3) AS newest ON true
           LEFT JOIN LATERAL (
               SELECT username, display_name, bio, created_at
               FROM users WHERE user_id = newest.followee_id
               -- Keeps the planner from joining with all users.
               LIMIT 1) AS followee ON true
           WHERE follower.username = $4
           ORDER BY newest.created_at DESC, newest.followee_id DESC"#,
        time,
        id,
        one_more(limit),
        follower.as_str(),
    )
    .fetch_all(database.pool());
    let rows = database.with_timeout(statement).await?;
    if rows.is_empty() {
        return Ok(None);
    }
    // A row of nothing stands for an empty list.
    let rows = rows.into_iter().filter_map(|row| {
        let profile = users::profile(row.username?, row.display_name, row.bio, row.joined_at?);
        Some((profile, Cursor::new(row.followed_at?, row.user_id?)))
    });
    Ok(Some(Page::of(rows, limit)))
}

/// Those who follow `followee`, newest follow first, those after `before`; `None` if there is no
/// user of that name.
///
/// # Errors
/// When the database fails.
pub async fn follower_profiles(
    database: &Database,
    followee: &Username,
    before: Option<Cursor>,
    limit: u16,
) -> Result<Option<Page<Profile>>, Error> {
    let (time, id) = keyset(before);
    let statement = sqlx::query!(
        r#"SELECT newest.follower_id AS "user_id?", newest.created_at AS "followed_at?",
                  follower.username AS "username?", follower.display_name, follower.bio,
                  follower.created_at AS "joined_at?"
           FROM users AS followee
           LEFT JOIN LATERAL (
               SELECT follower_id, created_at
               FROM follows
               WHERE follows.followee_id = followee.user_id
                 AND (created_at, follower_id) <
                     (COALESCE($1::timestamptz, 'infinity'), COALESCE($2::bigint, 0))
               ORDER BY created_at DESC, follower_id DESC
               LIMIT $3) AS newest ON true
           LEFT JOIN LATERAL (
               SELECT username, display_name, bio, created_at
               FROM users WHERE user_id = newest.follower_id
               -- Keeps the planner from joining with all users.
               LIMIT 1) AS follower ON true
           WHERE followee.username = $4
           ORDER BY newest.created_at DESC, newest.follower_id DESC"#,
        time,
        id,
        one_more(limit),
        followee.as_str(),
    )
    .fetch_all(database.pool());
    let rows = database.with_timeout(statement).await?;
    if rows.is_empty() {
        return Ok(None);
    }
    // A row of nothing stands for an empty list.
    let rows = rows.into_iter().filter_map(|row| {
        let profile = users::profile(row.username?, row.display_name, row.bio, row.joined_at?);
        Some((profile, Cursor::new(row.followed_at?, row.user_id?)))
    });
    Ok(Some(Page::of(rows, limit)))
}
