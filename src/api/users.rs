//! Signing up, profiles, and the own account.

use poem::{http::StatusCode, web::Data};
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Path, Query},
    payload::Json,
    types::Example,
};

use super::{
    PREFIX, Resource,
    auth::{Caller, MaybeCaller},
    failure::Failure,
    fields::{Field, OptionalField, Refusals},
    paging::{Limit, PageParams, PageRequest, PageResponse, default_limit, encode},
    problem::Problem,
    profiles::{Profile, UserDetails, example_username, existing_user},
    values::{NewUsername, Text},
};
use crate::http::openapi::statuses;
use crate::{
    domain::{
        AccountChange, Bio, DisplayName, Email, KeyCursor, Password, PasswordChange, Registration,
        Username,
    },
    http::client::Client,
    service::{Error, Origin, Service},
};

/// Somebody who signs up.
#[derive(Object)]
#[oai(example)]
struct NewUser {
    /// The name: 1 to 64 characters of any script. A few are reserved.
    username: Field<NewUsername>,
    /// The e-mail address, which nobody else will see.
    email: Field<Email>,
    /// The password: 1 to 72 bytes.
    password: Field<Password>,
}

impl Example for NewUser {
    fn example() -> Self {
        Self {
            username: NewUsername(Username::from_stored(example_username())).into(),
            email: Email::from_stored("Roger+Histand@hotmail.com".to_owned()).into(),
            password: Password::parse("correct horse").map_or(Field::Absent, Field::Given),
        }
    }
}

/// What to change of the own account. What is absent stays as it is.
#[derive(Object)]
#[oai(example)]
struct UserChange {
    /// The new e-mail address.
    email: OptionalField<Email>,
    /// The new password. With it all tokens and all sessions end, this request's token among them.
    password: OptionalField<Password>,
    /// The password that was good until now; needed to change it.
    current_password: OptionalField<Text>,
    /// How to be called, 1 to 64 characters; null takes it away.
    display_name: OptionalField<Option<DisplayName>>,
    /// What to tell, 1 to 160 characters; null takes it away.
    bio: OptionalField<Option<Bio>>,
}

impl Example for UserChange {
    fn example() -> Self {
        Self {
            email: Email::from_stored("roger@example.org".to_owned()).into(),
            password: Password::parse("battery staple").map_or(Field::Absent, Field::Given),
            current_password: Text::from("correct horse").into(),
            display_name: Some(DisplayName::from_stored("Roger".to_owned())).into(),
            bio: None.into(),
        }
    }
}

/// The proof that it is the owner who deletes an account.
#[derive(Object)]
#[oai(example)]
struct Farewell {
    /// The account's password.
    password: Field<Text>,
}

impl Example for Farewell {
    fn example() -> Self {
        Self { password: Text::from("correct horse").into() }
    }
}

/// Somebody who has just signed up.
#[derive(Object)]
#[oai(example)]
struct NewProfile {
    /// The name, in Unicode's normalization form C.
    username: String,
}

impl Example for NewProfile {
    fn example() -> Self {
        Self { username: example_username() }
    }
}

#[derive(ApiResponse)]
enum SignedUp {
    /// The user is signed up.
    #[oai(status = 201)]
    Created(
        Json<NewProfile>,
        /// Where the new user's profile is.
        #[oai(header = "Location")]
        String,
    ),
}

#[derive(ApiResponse)]
enum Seen {
    /// The profile.
    #[oai(status = 200)]
    Ok(Json<UserDetails>),
}

#[derive(ApiResponse)]
enum Changed {
    /// The account is changed.
    #[oai(status = 204)]
    NoContent,
}

#[derive(ApiResponse)]
enum Deleted {
    /// The account is gone, and all that was its owner's.
    #[oai(status = 204)]
    NoContent,
}

statuses! {
    SignUp = [400, 408, 409, 413, 415, 422, 429];
    List = [401, 422];
    See = [401, 404];
    ChangeOwn = [400, 401, 403, 404, 408, 413, 415, 422, 429];
}

pub(super) struct Users;

#[OpenApi(tag = "Resource::Users")]
impl Users {
    /// Sign up
    ///
    /// Of two requests that race for one name, exactly one wins; the other is answered 409.
    #[oai(path = "/users", method = "post", operation_id = "createUser")]
    async fn create(
        &self,
        user: Json<NewUser>,
        client: Client,
        service: Data<&Service>,
    ) -> Result<SignedUp, Failure<SignUp>> {
        let Json(NewUser { username, email, password }) = user;
        let mut refusals = Refusals::default();
        let username = refusals.required("username", username);
        let email = refusals.required("email", email);
        let password = refusals.required("password", password);
        let given = username.zip(email).zip(password);
        let ((NewUsername(username), email), password) = refusals.all(given)?;
        let profile = NewProfile { username: username.to_string() };
        let location = profile_path(&username);
        let registration = Registration { username, email, password };
        service.register(registration, Origin::Address(client.address)).await?;
        Ok(SignedUp::Created(Json(profile), location))
    }

    /// Everybody
    ///
    /// Who signed up last comes first.
    #[oai(path = "/users", method = "get", operation_id = "listUsers")]
    async fn list(
        &self,
        _caller: MaybeCaller,
        /// How many users at most.
        #[oai(default = "default_limit", example = "default_limit")]
        limit: Query<OptionalField<Limit>>,
        /// The place after which the page begins: `next_cursor` of the one before.
        #[oai(example = "example_cursor")]
        cursor: Query<OptionalField<KeyCursor>>,
        asked: PageRequest,
        service: Data<&Service>,
    ) -> Result<PageResponse<Profile>, Failure<List>> {
        let PageParams { before, limit } = PageParams::of(limit.0, cursor.0)?;
        let page = service.users(before, limit).await?;
        Ok(PageResponse::new(&asked, page))
    }

    /// A profile
    ///
    /// With the e-mail address, if it is the caller's own.
    #[oai(path = "/users/:username", method = "get", operation_id = "getUser")]
    async fn see(
        &self,
        caller: MaybeCaller,
        /// Whose profile.
        #[oai(example = "example_username")]
        username: Path<String>,
        service: Data<&Service>,
    ) -> Result<Seen, Failure<See>> {
        let viewer = caller.0.map(|account| account.user.id);
        let seen = service.profile(existing_user(&username)?, viewer).await?;
        Ok(Seen::Ok(Json(seen.into())))
    }

    /// Change the own account
    ///
    /// What is absent stays as it is. A new password needs the current one; it ends all tokens and all
    /// sessions, so that whoever has one that was stolen is out.
    #[oai(path = "/users/:username", method = "patch", operation_id = "changeUser")]
    async fn change(
        &self,
        caller: Caller,
        /// The caller's own name.
        #[oai(example = "example_username")]
        username: Path<String>,
        change: Json<UserChange>,
        service: Data<&Service>,
    ) -> Result<Changed, Failure<ChangeOwn>> {
        service.require_own_account(&caller, &existing_user(&username)?).await?;
        let change = account_change(change.0)?;
        match service.change_account(caller.0, change).await {
            Err(Error::WrongPassword) => Err(wrong_password("current_password").into()),
            changed => Ok(changed.map(|()| Changed::NoContent)?),
        }
    }

    /// Delete the own account
    ///
    /// For good, and at once: messages, follows in both directions, sessions and tokens go, too.
    #[oai(path = "/users/:username", method = "delete", operation_id = "deleteUser")]
    async fn delete(
        &self,
        caller: Caller,
        /// The caller's own name.
        #[oai(example = "example_username")]
        username: Path<String>,
        farewell: Json<Farewell>,
        service: Data<&Service>,
    ) -> Result<Deleted, Failure<ChangeOwn>> {
        service.require_own_account(&caller, &existing_user(&username)?).await?;
        let mut refusals = Refusals::default();
        let password = refusals.required("password", farewell.0.password);
        let Text(password) = refusals.all(password)?;
        match service.delete_account(caller.0, &password).await {
            Err(Error::WrongPassword) => Err(wrong_password("password").into()),
            deleted => Ok(deleted.map(|()| Deleted::NoContent)?),
        }
    }
}

fn account_change(change: UserChange) -> Result<AccountChange, Problem> {
    let UserChange { email, password, current_password, display_name, bio } = change;
    let mut refusals = Refusals::default();
    let email = refusals.optional("email", email);
    let new_password = refusals.optional("password", password);
    let current_password = refusals.optional("current_password", current_password);
    let display_name = refusals.optional("display_name", display_name);
    let bio = refusals.optional("bio", bio);
    let password = match (new_password, current_password) {
        (Some(new), Some(Text(current))) => Some(PasswordChange { current, new }),
        (Some(_), None) => {
            refusals.add("current_password", "must be given to change the password");
            None
        }
        (None, _) => None,
    };
    refusals.none()?;
    Ok(AccountChange { email, password, display_name, bio })
}

/// The token is good and the password is not: nothing that a new token would mend.
fn wrong_password(field: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "The password is wrong").about(field)
}

fn profile_path(username: &Username) -> String {
    format!("{PREFIX}/users/{}", encode(username.as_str()))
}

fn example_cursor() -> OptionalField<KeyCursor> {
    KeyCursor(7).into()
}
