//! The table `sessions`.

use std::time::Duration;

use super::{
    error::Error,
    parameters::{NewSession, client_hashes, interval},
    pool::Database,
    users::AccountRow,
};
use crate::domain::{Account, TokenHash, UserId};

/// Inserts a session, and its client as known.
///
/// Returns `false` if the password differs from that of `account`, or if the account is disabled or
/// no longer exists.
pub async fn insert(
    database: &Database,
    account: &Account,
    session: &NewSession,
) -> Result<bool, Error> {
    let query = sqlx::query!(
        "INSERT INTO sessions (token_hash, user_id, expires_at)
         SELECT $3, user_id, now() + $4::interval FROM sign_in($1, $2, $5) AS user_id",
        account.user.id.0,
        account.password_hash.expose(),
        session.token.as_bytes(),
        interval(session.lifetime),
        &client_hashes(&session.clients) as &[&[u8]],
    );
    Ok(database.execute(query).await? == 1)
}

/// Returns the account of a session; `None` if it does not exist or has expired, or if the account
/// is disabled.
///
/// Extends the session to `lifetime` from now if a twentieth of it has passed. So most requests
/// write nothing.
pub async fn account(
    database: &Database,
    token: &TokenHash,
    lifetime: Duration,
) -> Result<Option<Account>, Error> {
    let query = sqlx::query_as!(
        AccountRow,
        "WITH extended AS (
             UPDATE sessions SET expires_at = now() + $2::interval
             WHERE token_hash = $1 AND expires_at > now()
               AND expires_at < now() + $2::interval * 0.95)
         SELECT user_id, username, password_scheme, password_hash
         FROM sessions JOIN users USING (user_id)
         WHERE token_hash = $1 AND expires_at > now() AND disabled_at IS NULL",
        token.as_bytes(),
        interval(lifetime),
    );
    let row = database.optional(query).await?;
    row.map(|row| row.authenticated_by(token.clone())).transpose()
}

/// Deletes a session.
pub async fn delete(database: &Database, token: &TokenHash) -> Result<(), Error> {
    let query = sqlx::query!("DELETE FROM sessions WHERE token_hash = $1", token.as_bytes());
    database.execute(query).await.map(drop)
}

/// Deletes all sessions of a user.
pub async fn delete_all(database: &Database, user: UserId) -> Result<(), Error> {
    let query = sqlx::query!("DELETE FROM sessions WHERE user_id = $1", user.0);
    database.execute(query).await.map(drop)
}

/// Returns the tokens without a valid session: it does not exist or has expired, or its user is
/// disabled.
pub async fn ended(database: &Database, tokens: &[TokenHash]) -> Result<Vec<TokenHash>, Error> {
    let hashes: Vec<&[u8]> = tokens.iter().map(TokenHash::as_bytes).collect();
    let query = sqlx::query!(
        r#"SELECT (SELECT disabled_at IS NULL FROM sessions JOIN users USING (user_id)
                   WHERE token_hash = given.hash AND expires_at > now()) AS "valid"
           FROM unnest($1::bytea[]) WITH ORDINALITY AS given (hash, ordinal) ORDER BY ordinal"#,
        &hashes as &[&[u8]],
    );
    let rows = database.all(query).await?;
    let ended = tokens.iter().zip(rows).filter(|(_, row)| row.valid != Some(true));
    Ok(ended.map(|(token, _)| token.clone()).collect())
}

/// Deletes expired sessions. Returns their number.
pub async fn sweep(database: &Database) -> Result<u64, Error> {
    database.execute(sqlx::query!("DELETE FROM sessions WHERE expires_at < now()")).await
}
