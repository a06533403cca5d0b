//! The viewer's bearer tokens: list, create, revoke.

use std::time::Duration;

use poem::{
    Response, Result, handler,
    http::StatusCode,
    web::{Data, Form, Path, Query},
};
use serde::Deserialize;

use crate::web::{
    extract::{
        page_query::PageQuery,
        session::{OwnAccount, SignedIn},
    },
    failure::Failure,
    flash::Flash,
    links::TOKENS_PATH,
    pages::{Field, NewTokenPage, TokenForm, TokensPage},
    respond::Responder,
};
use crate::{
    domain::{
        Invalid, KeyCursor, PAGE_SIZE, Scope, Scopes, TokenId, TokenName, TokenRequest, User,
    },
    service::{Error, Service},
};

/// The lifetime of a token in days: one of [`Days::CHOICES`].
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "u16")]
struct Days(u16);

impl Days {
    /// The JSON API accepts every number up to 365.
    const CHOICES: &[u16] = &[7, 30, 90, 365];

    fn lifetime(self) -> Duration {
        Duration::from_secs(u64::from(self.0) * 24 * 60 * 60)
    }
}

impl Default for Days {
    /// The JSON API has the same default.
    fn default() -> Self {
        Self(90)
    }
}

impl TryFrom<u16> for Days {
    type Error = &'static str;

    fn try_from(days: u16) -> Result<Self, &'static str> {
        if Self::CHOICES.contains(&days) {
            Ok(Self(days))
        } else {
            Err("not one of the offered lifetimes")
        }
    }
}

/// The scopes of a token, separated by spaces. The page offers [`TokenForm::SCOPES`].
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
struct ScopesField(Scopes);

impl TryFrom<String> for ScopesField {
    type Error = Invalid;

    fn try_from(names: String) -> Result<Self, Invalid> {
        let names: Vec<&str> = names.split(' ').collect();
        Scopes::parse(&names).map(Self)
    }
}

impl Default for ScopesField {
    /// Without `account`, which few programs need.
    fn default() -> Self {
        Self(Scopes::new([Scope::Read, Scope::Write]))
    }
}

#[handler]
pub async fn list(
    SignedIn(viewer): SignedIn,
    Query(query): Query<PageQuery>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    let empty = form(Field::default(), Days::default(), &ScopesField::default());
    tokens_page(&service, &responder, &viewer, query.cursor()?, (StatusCode::OK, empty)).await
}

fn form(name: Field, days: Days, scopes: &ScopesField) -> TokenForm {
    TokenForm {
        name,
        days: days.0,
        choices: Days::CHOICES,
        scopes: scopes.0.to_string(),
        scope_choices: TokenForm::SCOPES,
        password: Field::default(),
    }
}

async fn tokens_page(
    service: &Service,
    responder: &Responder,
    viewer: &User,
    before: Option<KeyCursor>,
    (status, form): (StatusCode, TokenForm),
) -> Result<Response, Failure> {
    let tokens = service.tokens(viewer.id, before, PAGE_SIZE).await?;
    let page = TokensPage::new(responder.frame(Some(viewer)), form, tokens);
    responder.page_with_status(status, &page)
}

#[derive(Deserialize)]
pub struct TokenFields {
    #[serde(default)]
    name: String,
    #[serde(default)]
    days: Days,
    #[serde(default)]
    scopes: ScopesField,
    #[serde(default)]
    password: String,
}

/// Creates a token. The response contains the secret.
#[handler]
pub async fn create(
    OwnAccount(account): OwnAccount,
    Form(fields): Form<TokenFields>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    let (name, parsed) = Field::parse(fields.name, TokenName::parse);
    let mut form = form(name, fields.days, &fields.scopes);
    if let Some(name) = parsed {
        let lifetime = fields.days.lifetime();
        let request = TokenRequest { name, scopes: fields.scopes.0, lifetime };
        match service.create_own_token(&account, &fields.password, &request).await {
            Ok(token) => {
                let frame = responder.frame(Some(&account.user));
                return responder.page(&NewTokenPage::new(frame, &token));
            }
            Err(error @ Error::WrongPassword) => form.password = Field::rejected(error),
            Err(error) => return Err(error.into()),
        }
    }
    tokens_page(&service, &responder, &account.user, None, (StatusCode::BAD_REQUEST, form)).await
}

#[handler]
pub async fn revoke(
    SignedIn(viewer): SignedIn,
    Path(token_id): Path<String>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    let token = token_id.parse().map(TokenId).map_err(|_| Error::UnknownToken)?;
    service.revoke_token(viewer.id, token).await?;
    Ok(responder.redirect_with(TOKENS_PATH, Flash::TokenRevoked))
}
