//! The viewer's bearer tokens, and the page that shows a new one.

use serde::Serialize;

use super::{
    field::Field,
    format::{Day, Moment},
    frame::Frame,
};
use crate::{
    domain::{self, KeyCursor, TokenRecord},
    service::NewToken,
    web::{
        links::{TOKENS_PATH, next_page_path},
        templates::Page,
    },
};

#[derive(Debug, Serialize)]
pub struct TokensPage {
    frame: Frame,
    tokens: Vec<Token>,
    older: Option<String>,
    form: TokenForm,
}

/// A token without its secret.
#[derive(Debug, Serialize)]
struct Token {
    id: i64,
    name: String,
    created: Day,
    expires: Day,
    /// Separated by spaces.
    scopes: String,
    /// The last use; `None` if it was never used.
    used: Option<Moment>,
}

/// The form to create a token.
#[derive(Debug, Serialize)]
pub struct TokenForm {
    pub name: Field,
    /// The selected lifetime, in days.
    pub days: u16,
    /// The lifetimes to select from, in days.
    pub choices: &'static [u16],
    /// The selected scopes, separated by spaces.
    pub scopes: String,
    /// The scopes to select from, each with its description.
    pub scope_choices: &'static [(&'static str, &'static str)],
    pub password: Field,
}

impl TokenForm {
    /// The scopes that the page offers. The JSON API accepts every combination.
    pub const SCOPES: &[(&str, &str)] = &[
        ("read", "read"),
        ("read write", "read, post and follow"),
        ("read write account", "do everything, including managing your account"),
    ];
}

impl TokensPage {
    pub fn new(frame: Frame, form: TokenForm, page: domain::Page<TokenRecord, KeyCursor>) -> Self {
        Self {
            frame,
            tokens: page.items.iter().map(Token::from).collect(),
            older: page.next.map(|cursor| next_page_path(TOKENS_PATH, cursor)),
            form,
        }
    }
}

impl From<&TokenRecord> for Token {
    fn from(token: &TokenRecord) -> Self {
        Self {
            id: token.id.0,
            name: token.name.as_str().to_owned(),
            created: Day::of(token.created_at),
            expires: Day::of(token.expires_at),
            scopes: token.scopes.to_string(),
            used: token.last_used_at.map(Moment::of),
        }
    }
}

impl Page for TokensPage {
    const TEMPLATE: &'static str = "tokens.html";
}

/// Shows the secret of a new token once. Without `Debug`, so that the log cannot contain the secret.
#[derive(Serialize)]
pub struct NewTokenPage {
    frame: Frame,
    token: Token,
    secret: String,
}

impl NewTokenPage {
    pub fn new(frame: Frame, token: &NewToken) -> Self {
        Self { frame, token: Token::from(&token.record), secret: token.secret.expose() }
    }
}

impl Page for NewTokenPage {
    const TEMPLATE: &'static str = "new_token.html";
}
