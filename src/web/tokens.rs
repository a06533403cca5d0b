//! The bearer tokens of the viewer: seen, made, revoked.

use std::time::Duration;

use poem::{
    Response, Result, handler,
    http::{HeaderValue, StatusCode, header},
    web::{Data, Form, Path, Query},
};
use serde::Deserialize;

use super::{
    failure::Failure,
    flash::Flash,
    page_query::PageQuery,
    pages::{Field, NewTokenPage, TokenForm, TokensPage},
    paths::TOKENS_PATH,
    respond::Responder,
    session::{OwnAccount, SignedIn},
};
use crate::{
    domain::{KeyCursor, PAGE_SIZE, TokenId, TokenName, User},
    service::{Error, Service},
};

/// How many days a token may last; the JSON API takes any number up to the last of them.
const DAYS: &[u16] = &[7, 30, 90, 365];
/// How many it lasts when nothing is chosen, as with the JSON API.
const DEFAULT_DAYS: u16 = 90;

/// What no browser and nothing between may keep.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// The viewer's tokens, and the form to make one.
#[handler]
pub(super) async fn list(
    SignedIn(viewer): SignedIn,
    Query(query): Query<PageQuery>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    let empty = form(Field::default(), DEFAULT_DAYS);
    show(&service, &responder, &viewer, query.cursor()?, (StatusCode::OK, empty)).await
}

fn form(name: Field, days: u16) -> TokenForm {
    TokenForm { name, days, choices: DAYS, password: Field::default() }
}

async fn show(
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
pub(super) struct TokenFields {
    #[serde(default)]
    name: String,
    #[serde(default)]
    days: String,
    #[serde(default)]
    password: String,
}

/// Makes a token, and shows it: on the answer to this request alone, which nothing keeps.
#[handler]
pub(super) async fn make(
    OwnAccount(account): OwnAccount,
    Form(fields): Form<TokenFields>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    let chosen = fields.days.parse().ok().filter(|days| DAYS.contains(days));
    let days = chosen.unwrap_or(DEFAULT_DAYS);
    let (name, parsed) = Field::parsed(fields.name, TokenName::parse);
    let mut refused = form(name, days);
    if let Some(name) = parsed {
        let lifetime = Duration::from_secs(u64::from(days) * 24 * 60 * 60);
        match service.create_own_token(&account, &fields.password, &name, lifetime).await {
            Ok(token) => {
                let frame = responder.frame(Some(&account.user));
                let mut response = responder.page(&NewTokenPage::new(frame, &token))?;
                response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
                return Ok(response);
            }
            Err(refusal @ Error::WrongPassword) => refused.password = Field::refused(refusal),
            Err(failure) => return Err(failure.into()),
        }
    }
    show(&service, &responder, &account.user, None, (StatusCode::BAD_REQUEST, refused)).await
}

/// Revokes a token of the viewer's.
#[handler]
pub(super) async fn revoke(
    SignedIn(viewer): SignedIn,
    Path(token_id): Path<i64>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    service.revoke_token(viewer.id, TokenId(token_id)).await?;
    Ok(responder.redirect_with(TOKENS_PATH, Flash::TokenRevoked))
}
