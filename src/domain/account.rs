//! Accounts: the data that users and operators manage.

use time::OffsetDateTime;

use super::{
    password::Password,
    password_hash::PasswordHash,
    profile::{Bio, DisplayName, Profile},
    scope::Scopes,
    token::{TokenHash, TokenId},
    user::{Email, User, Username},
};

/// An authenticated user, with the hash for a further check of the password.
#[derive(Debug, Clone)]
pub struct Account {
    /// The user.
    pub user: User,
    /// The hash of the user's password when the user authenticated.
    pub password_hash: PasswordHash,
    /// The hash of the session's token or the bearer token that authenticated the user; `None` if a
    /// password did.
    pub credential: Option<TokenHash>,
}

/// What a valid bearer token permits: to act as its user, within its scopes.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The user's account.
    pub account: Account,
    /// The token.
    pub token: TokenId,
    /// The scopes of the token.
    pub scopes: Scopes,
}

/// An account as its owner sees it.
#[derive(Debug, Clone)]
pub struct AccountView {
    /// The public profile.
    pub profile: Profile,
    /// The e-mail address.
    pub email: Email,
}

/// A change of a password.
#[derive(Debug, Clone)]
pub struct PasswordChange {
    /// The current password, unchecked.
    pub current: String,
    /// The new password.
    pub new: Password,
}

/// A change of an account. `None` keeps a value; `Some(None)` removes it.
#[derive(Debug, Clone, Default)]
pub struct AccountChange {
    /// The new e-mail address.
    pub email: Option<Email>,
    /// The new password.
    pub password: Option<PasswordChange>,
    /// The new display name.
    pub display_name: Option<Option<DisplayName>>,
    /// The new bio.
    pub bio: Option<Option<Bio>>,
}

/// A user, with the data for operators.
#[derive(Debug, Clone)]
pub struct ModeratedUser {
    /// The username.
    pub username: Username,
    /// The e-mail address.
    pub email: Email,
    /// When the user registered, UTC.
    pub joined_at: OffsetDateTime,
    /// When an operator disabled the account, UTC; `None` if it is enabled.
    pub disabled_at: Option<OffsetDateTime>,
}
