//! The bearer tokens of somebody's own.

use serde::Serialize;

use super::{Field, Frame, format::Day};
use crate::{
    domain::{self, KeyCursor, TokenRecord},
    service::NewToken,
    web::{links::TOKENS_PATH, templates::Page},
};

/// A user's tokens, and the form to make another.
#[derive(Debug, Serialize)]
pub struct TokensPage {
    frame: Frame,
    tokens: Vec<Token>,
    older: Option<String>,
    form: TokenForm,
}

/// A token as its owner sees it.
#[derive(Debug, Serialize)]
struct Token {
    id: i64,
    name: String,
    created: Day,
    expires: Day,
}

/// The form to make a token.
#[derive(Debug, Serialize)]
pub struct TokenForm {
    /// What to call it.
    pub name: Field,
    /// How many days it lasts.
    pub days: u16,
    /// How many days it may last.
    pub choices: &'static [u16],
    /// The account's password, asked for once more.
    pub password: Field,
}

impl TokensPage {
    /// The page of these tokens.
    #[must_use]
    pub fn new(frame: Frame, form: TokenForm, page: domain::Page<TokenRecord, KeyCursor>) -> Self {
        Self {
            frame,
            tokens: page.items.iter().map(Token::from).collect(),
            older: page.next.map(|cursor| format!("{TOKENS_PATH}?before={cursor}")),
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
        }
    }
}

impl Page for TokensPage {
    const TEMPLATE: &'static str = "tokens.html";
}

/// A token that was just made, with its secret, which is shown this once.
#[derive(Serialize)]
pub struct NewTokenPage {
    frame: Frame,
    token: Token,
    secret: String,
}

impl NewTokenPage {
    /// The page of this token.
    #[must_use]
    pub fn new(frame: Frame, token: &NewToken) -> Self {
        Self { frame, token: Token::from(&token.record), secret: token.secret.expose() }
    }
}

impl Page for NewTokenPage {
    const TEMPLATE: &'static str = "new_token.html";
}
