//! The caller's account: whose token the request has, and the deletion of the account.

use poem::web::Data;
use poem_openapi::{ApiResponse, Object, OpenApi, payload::Json, types::Example};

use super::{
    auth::{AnyScope, Caller, Manage},
    code::Code,
    failure::{Failure, failures},
    fields::{FieldErrors, Unparsed, any_string},
    problem::Problem,
    profiles::User,
    tags::Tag,
    tokens::Token,
};
use crate::{
    domain::Scope,
    service::{Error, Service},
};

/// The caller's account, and the token of the request.
#[derive(Debug, Object)]
#[oai(example)]
struct Account {
    /// The caller.
    user: User,
    /// The e-mail address; present only if the token has the scope `read`.
    #[oai(skip_serializing_if_is_none)]
    email: Option<String>,
    /// The token of the request.
    token: Token,
}

impl Example for Account {
    fn example() -> Self {
        let email = Some("Roger+Histand@hotmail.com".to_owned());
        Self { user: User::example(), email, token: Token::example() }
    }
}

/// The confirmation of a deletion.
#[derive(Object)]
#[oai(example)]
struct AccountDeletion {
    /// The password of the account.
    #[oai(validator(pattern = r"^[^\u0000]*$"))]
    password: Unparsed<String>,
}

impl Example for AccountDeletion {
    fn example() -> Self {
        Self { password: "correct horse".into() }
    }
}

#[derive(ApiResponse)]
enum AccountResponse {
    /// The account.
    #[oai(status = 200)]
    Ok(Json<Account>),
}

#[derive(ApiResponse)]
enum DeleteResponse {
    /// The account is deleted.
    #[oai(status = 204)]
    NoContent,
}

failures! {
    Get = ANY_TOKEN, [];
    Delete = TOKEN | BODY, [WrongPassword("password"), RateLimited], "password": "is required";
}

pub(super) struct Accounts;

#[OpenApi(tag = "Tag::Account")]
impl Accounts {
    /// Read the caller's account
    ///
    /// Returns the user whose token the request has, and the token's name, scopes, expiry and last
    /// use. A token with any scope suffices.
    #[oai(path = "/account", method = "get", operation_id = "getAccount")]
    async fn get(
        &self,
        caller: Caller<AnyScope>,
        service: Data<&Service>,
    ) -> Result<AccountResponse, Failure<Get>> {
        let found = service.token_with_account(caller.0.token).await?;
        let (account, token) = found.ok_or(Code::InvalidToken)?;
        let email = caller.0.scopes.contains(Scope::Read).then_some(account.email);
        Ok(AccountResponse::Ok(Json(Account {
            user: account.profile.into(),
            email: email.map(|email| email.as_str().to_owned()),
            token: token.into(),
        })))
    }

    /// Delete the caller's account
    ///
    /// Deletes the account immediately and permanently, with its messages, follows in both
    /// directions, sessions and tokens. 403 if the password is wrong. Requires the scope `account`.
    #[oai(path = "/account/deletion", method = "post", operation_id = "deleteAccount")]
    async fn delete(
        &self,
        caller: Caller<Manage>,
        deletion: Json<AccountDeletion>,
        service: Data<&Service>,
    ) -> Result<DeleteResponse, Failure<Delete>> {
        let mut errors = FieldErrors::default();
        let password = errors.string("password", deletion.0.password, any_string);
        match service.delete_account(caller.0.account, &errors.finish(password)?).await {
            // Not 401: the token is valid, so a new token would not help.
            Err(Error::WrongPassword) => {
                Err(Problem::from(Code::WrongPassword).about_field("password").into())
            }
            deleted => Ok(deleted.map(|()| DeleteResponse::NoContent)?),
        }
    }
}
