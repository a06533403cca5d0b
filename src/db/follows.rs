//! The table `follows`.

use std::collections::HashSet;

use time::OffsetDateTime;

use super::{
    error::Error,
    parameters::{keyset, one_more},
    pool::Database,
    users,
};
use crate::domain::{Cursor, Page, Profile, UserId, Username};

/// The result of a follow or an unfollow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowResult {
    /// The follow now exists, or no longer exists, as requested; the statement may have changed
    /// nothing.
    Done,
    /// The follower does not exist.
    UnknownFollower,
    /// The followee does not exist.
    UnknownFollowee,
}

impl FollowResult {
    fn new(follower_known: bool, followee_known: bool) -> Self {
        match (follower_known, followee_known) {
            (false, _) => Self::UnknownFollower,
            (true, false) => Self::UnknownFollowee,
            (true, true) => Self::Done,
        }
    }
}

/// Foreign keys that a follow violates when one of the users no longer exists.
const FOLLOWER_KEY: &str = "follows_follower_id_fkey";
const FOLLOWEE_KEY: &str = "follows_followee_id_fkey";

/// A follow to insert.
#[derive(Debug, Clone)]
pub struct NewFollow {
    /// The follower's username.
    pub follower: Username,
    /// The followee's username.
    pub followee: Username,
}

/// Inserts follows, all or none. Returns the result of each, in the order of `follows`.
pub async fn insert(
    database: &Database,
    follows: &[NewFollow],
) -> Result<Vec<FollowResult>, Error> {
    let followers: Vec<&str> = follows.iter().map(|follow| follow.follower.as_str()).collect();
    let followees: Vec<&str> = follows.iter().map(|follow| follow.followee.as_str()).collect();
    // Rows are inserted in the order of the key, so that no two statements deadlock.
    let query = sqlx::query!(
        r#"WITH given AS MATERIALIZED (
               SELECT (SELECT user_id FROM users WHERE username = follower) AS follower_id,
                      (SELECT user_id FROM users WHERE username = followee) AS followee_id, ordinal
               FROM unnest($1::text[], $2::text[]) WITH ORDINALITY
                    AS given (follower, followee, ordinal)),
           inserted AS (
               INSERT INTO follows (follower_id, followee_id)
               SELECT DISTINCT follower_id, followee_id FROM given
               WHERE follower_id IS NOT NULL AND followee_id IS NOT NULL
               ORDER BY follower_id, followee_id
               ON CONFLICT ON CONSTRAINT follows_pkey DO NOTHING)
           SELECT follower_id IS NOT NULL AS "follower_known!",
                  followee_id IS NOT NULL AS "followee_known!"
           FROM given ORDER BY ordinal"#,
        &followers as &[&str],
        &followees as &[&str],
    );
    let rows = match database.all(query).await {
        // One of the users was deleted after the statement began.
        Err(error) if follows.len() == 1 && error.violates_foreign_key(FOLLOWER_KEY) => {
            return Ok(vec![FollowResult::UnknownFollower]);
        }
        Err(error) if follows.len() == 1 && error.violates_foreign_key(FOLLOWEE_KEY) => {
            return Ok(vec![FollowResult::UnknownFollowee]);
        }
        rows => rows?,
    };
    Ok(rows.iter().map(|row| FollowResult::new(row.follower_known, row.followee_known)).collect())
}

/// Deletes a follow.
pub async fn delete(
    database: &Database,
    follower: &Username,
    followee: &Username,
) -> Result<FollowResult, Error> {
    let query = sqlx::query!(
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
    );
    let row = database.one(query).await?;
    Ok(FollowResult::new(row.follower_known, row.followee_known))
}

/// Deletes follows of a user, at most `limit` in each direction. Returns their number.
pub async fn delete_some_of(database: &Database, user: UserId, limit: u16) -> Result<u64, Error> {
    let query = sqlx::query!(
        "DELETE FROM follows
         USING ((SELECT follower_id, followee_id FROM follows WHERE follower_id = $1 LIMIT $2)
                UNION ALL
                (SELECT follower_id, followee_id FROM follows WHERE followee_id = $1 LIMIT $2)
               ) AS chosen
         WHERE follows.follower_id = chosen.follower_id AND follows.followee_id = chosen.followee_id",
        user.0,
        i64::from(limit),
    );
    database.execute(query).await
}

/// Returns the pairs of a follower and a followee among these users.
///
/// Reads all follows of `followers`, which takes a tenth of the time of a look-up per pair. Reading
/// those of `followees` could take too long: a user may have a million followers.
pub async fn among(
    database: &Database,
    followers: &[UserId],
    followees: &[UserId],
) -> Result<HashSet<(UserId, UserId)>, Error> {
    let followers: Vec<i64> = followers.iter().map(|user| user.0).collect();
    let followees: Vec<i64> = followees.iter().map(|user| user.0).collect();
    let query = sqlx::query!(
        r#"SELECT follower.id AS "follower_id!", follows.followee_id AS "followee_id!"
           FROM unnest($1::bigint[]) AS follower (id),
                LATERAL (SELECT followee_id FROM follows WHERE follower_id = follower.id
                         -- Keeps the planner from looking up each pair.
                         OFFSET 0) AS follows,
                unnest($2::bigint[]) AS followee (id)
           WHERE followee.id = follows.followee_id"#,
        &followers,
        &followees,
    );
    let rows = database.all(query).await?.into_iter();
    Ok(rows.map(|row| (UserId(row.follower_id), UserId(row.followee_id))).collect())
}

/// Lists the first `limit` followees of the user with this username, oldest follow first; `None`
/// if there is no such user.
pub async fn followees(
    database: &Database,
    follower: &Username,
    limit: u16,
) -> Result<Option<Vec<Username>>, Error> {
    let query = sqlx::query!(
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
    );
    let rows = database.all(query).await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let usernames = rows.into_iter().filter_map(|row| row.followee);
    Ok(Some(usernames.map(Username::from_stored).collect()))
}

/// Lists the followees of the user with this username, newest follow first, after the cursor
/// `before`; `None` if there is no such user.
pub async fn followee_profiles(
    database: &Database,
    follower: &Username,
    before: Option<Cursor>,
    limit: u16,
) -> Result<Option<Page<Profile>>, Error> {
    let (time, id) = keyset(before);
    let query = sqlx::query_as!(
        FollowRow,
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
    );
    Ok(page(database.all(query).await?, limit))
}

/// Lists the followers of the user with this username, newest follow first, after the cursor
/// `before`; `None` if there is no such user.
pub async fn follower_profiles(
    database: &Database,
    followee: &Username,
    before: Option<Cursor>,
    limit: u16,
) -> Result<Option<Page<Profile>>, Error> {
    let (time, id) = keyset(before);
    let query = sqlx::query_as!(
        FollowRow,
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
    );
    Ok(page(database.all(query).await?, limit))
}

/// A follow with the profile of one user. All columns are `NULL` if the other user has no follow.
struct FollowRow {
    user_id: Option<i64>,
    followed_at: Option<OffsetDateTime>,
    username: Option<String>,
    display_name: Option<String>,
    bio: Option<String>,
    joined_at: Option<OffsetDateTime>,
}

/// Builds a page of profiles; `None` without rows, which means that the user does not exist.
fn page(rows: Vec<FollowRow>, limit: u16) -> Option<Page<Profile>> {
    if rows.is_empty() {
        return None;
    }
    let rows = rows.into_iter().filter_map(|row| {
        let cursor = Cursor::new(row.followed_at?, row.user_id?);
        // Without a profile, the row is an orphan: it does not end the list.
        let profile = row.username.zip(row.joined_at).map(|(username, joined_at)| {
            users::profile(username, row.display_name, row.bio, joined_at)
        });
        Some((profile, cursor))
    });
    let Page { items, next } = Page::of(rows, limit);
    Some(Page { items: items.into_iter().flatten().collect(), next })
}
