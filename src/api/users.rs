//! Sign-up, profiles, and changes to the caller's account.

use poem::web::Data;
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::Path,
    payload::Json,
    types::{Example, Password as PasswordString},
};

use super::{
    auth::{AnyScope, Caller, OptionalCaller},
    code::Code,
    failure::{Failure, failures},
    fields::{FieldErrors, Unparsed, any_string},
    paging::{
        CursorParam, LimitParam, PageParams, PageRequest, PageResponse, default_limit,
        example_key_cursor,
    },
    paths,
    problem::Problem,
    profiles::{User, UserDetails, example_username, path_username},
    tags::Tag,
};
use crate::{
    domain::{
        self, Bio, DisplayName, Email, KeyCursor, PasswordChange, PasswordRules, Registration,
        Scope, Username,
    },
    http::client::Client,
    service::{Error, Origin, Service},
};

/// A user to sign up.
#[derive(Object)]
#[oai(example)]
struct NewUser {
    /// The username: 1 to 64 characters of any script, symbols, emoji and inner spaces. It must not
    /// have invisible or unassigned characters. Some names are reserved, in any case.
    #[oai(validator(
        min_length = 1,
        max_length = 64,
        pattern = r"^[^\s/\u0000-\u001f\u007f-\u009f]([^/\u0000-\u001f\u007f-\u009f]*[^\s/\u0000-\u001f\u007f-\u009f])?$"
    ))]
    username: Unparsed<String>,
    /// The e-mail address. The API shows it only to this user.
    #[oai(validator(
        min_length = 1,
        max_length = 254,
        pattern = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f]@[^\s@\u0000-\u001f\u007f-\u009f]+$"
    ))]
    email: Unparsed<String>,
    /// The password: 1 to 72 bytes in Unicode normalization form C. The server may require more
    /// characters; then the error names their number.
    #[oai(validator(
        min_length = 1,
        max_length = 72,
        pattern = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"
    ))]
    password: Unparsed<PasswordString>,
}

impl Example for NewUser {
    fn example() -> Self {
        Self {
            username: example_username().into(),
            email: "Roger+Histand@hotmail.com".into(),
            password: "correct horse".into(),
        }
    }
}

/// Changes to an account. Absent fields stay as they are.
#[derive(Object)]
#[oai(example)]
struct AccountChange {
    /// The new e-mail address.
    #[oai(validator(
        min_length = 1,
        max_length = 254,
        pattern = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f]@[^\s@\u0000-\u001f\u007f-\u009f]+$"
    ))]
    email: Unparsed<Option<String>>,
    /// The new password: 1 to 72 bytes in Unicode normalization form C; the server may require more
    /// characters. It requires `current_password`, and ends all sessions and
    /// tokens of the account, including the token of this request.
    #[oai(validator(
        min_length = 1,
        max_length = 72,
        pattern = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"
    ))]
    password: Unparsed<Option<PasswordString>>,
    /// The current password; required to change the password.
    #[oai(validator(pattern = r"^[^\u0000]*$"))]
    current_password: Unparsed<Option<String>>,
    /// The new display name: 1 to 64 characters, none of them invisible or unassigned; null removes
    /// it.
    #[oai(
        nullable,
        validator(
            min_length = 1,
            max_length = 64,
            pattern = r"^[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$"
        )
    )]
    display_name: Unparsed<Option<String>>,
    /// The new bio: 1 to 160 characters, not all invisible; null removes it. CR LF counts as one
    /// character.
    #[oai(
        nullable,
        validator(
            min_length = 1,
            max_length = 160,
            pattern = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"
        )
    )]
    bio: Unparsed<Option<String>>,
}

impl Example for AccountChange {
    fn example() -> Self {
        Self {
            email: "roger@example.org".into(),
            password: "battery staple".into(),
            current_password: "correct horse".into(),
            display_name: "Roger".into(),
            bio: "Anybody out there?".into(),
        }
    }
}

impl AccountChange {
    /// The scopes that the present fields require; `write` if there are none.
    fn scopes(&self) -> Vec<Scope> {
        let manages = self.email.is_present()
            || self.password.is_present()
            || self.current_password.is_present();
        let writes = self.display_name.is_present() || self.bio.is_present() || !manages;
        let write = writes.then_some(Scope::Write);
        write.into_iter().chain(manages.then_some(Scope::Account)).collect()
    }

    /// Parses the fields. Accepts the display name `stored`, even if it was set before a rule that
    /// forbids it.
    fn parse(
        self,
        stored: Option<&DisplayName>,
        rules: &PasswordRules,
    ) -> Result<domain::AccountChange, Problem> {
        let mut errors = FieldErrors::default();
        let email = errors.string("email", self.email, Email::parse);
        let new = errors.string("password", self.password, |raw| rules.parse(raw));
        let current = errors.string("current_password", self.current_password, any_string);
        let display_name = errors.nullable_string("display_name", self.display_name, |raw| {
            match stored.filter(|name| name.as_str() == raw) {
                Some(name) => Ok(name.clone()),
                None => DisplayName::parse(raw),
            }
        });
        let bio = errors.nullable_string("bio", self.bio, Bio::parse);
        if new.is_some() && current.is_none() {
            errors.add("current_password", "is required to change the password");
        }
        let password = new.zip(current).map(|(new, current)| PasswordChange { current, new });
        errors.finish(Some(domain::AccountChange { email, password, display_name, bio }))
    }
}

/// A user who has signed up.
#[derive(Object)]
#[oai(example)]
struct CreatedUser {
    /// The username, in Unicode normalization form C.
    username: String,
}

impl Example for CreatedUser {
    fn example() -> Self {
        Self { username: example_username() }
    }
}

#[derive(ApiResponse)]
enum CreateResponse {
    /// The user is signed up.
    #[oai(status = 201)]
    Created(
        Json<CreatedUser>,
        /// The path of the user's profile.
        #[oai(header = "Location")]
        String,
    ),
}

#[derive(ApiResponse)]
enum UserResponse {
    /// The user.
    #[oai(status = 200)]
    Ok(Json<UserDetails>),
}

#[derive(ApiResponse)]
enum ChangeResponse {
    /// The account is changed.
    #[oai(status = 204)]
    NoContent,
}

failures! {
    Create = BODY, [UsernameTaken("username"), RateLimited],
        "email": "You have to enter a valid email address";
    List = OPTIONAL_TOKEN, [], "limit": "must be an integer from 1 to 100";
    Get = OPTIONAL_TOKEN, [UnknownUser];
    Change = TOKEN | BODY, [NotYours, WrongPassword("current_password"), UnknownUser, RateLimited],
        "email": "You have to enter a valid email address";
}

pub(super) struct Users;

#[OpenApi(tag = "Tag::Users")]
impl Users {
    /// Sign up
    ///
    /// Creates a user. 409 if the username is taken. Of concurrent requests for one username,
    /// exactly one succeeds.
    #[oai(path = "/users", method = "post", operation_id = "createUser")]
    async fn create(
        &self,
        user: Json<NewUser>,
        client: Client,
        service: Data<&Service>,
    ) -> Result<CreateResponse, Failure<Create>> {
        let user = user.0;
        let mut errors = FieldErrors::default();
        let username = errors.string("username", user.username, Username::parse_new);
        let email = errors.string("email", user.email, Email::parse);
        let password =
            errors.string("password", user.password, |raw| service.password_rules().parse(raw));
        let ((username, email), password) = errors.finish(username.zip(email).zip(password))?;
        let created = CreatedUser { username: username.to_string() };
        let location = paths::user(&username);
        let registration = Registration { username, email, password };
        service.register(registration, Origin::Address(client.address)).await?;
        Ok(CreateResponse::Created(Json(created), location))
    }

    /// List all users
    ///
    /// Returns all users, the newest sign-up first.
    #[oai(path = "/users", method = "get", operation_id = "listUsers")]
    async fn list(
        &self,
        _caller: OptionalCaller,
        /// The maximum number of users in the response.
        #[oai(default = "default_limit", example = "default_limit")]
        limit: LimitParam,
        /// The `next_cursor` of the previous page; absent for the first page.
        #[oai(example = "example_key_cursor")]
        cursor: CursorParam<KeyCursor>,
        request: PageRequest,
        service: Data<&Service>,
    ) -> Result<PageResponse<User>, Failure<List>> {
        let PageParams { before, limit } = PageParams::parse(limit, cursor)?;
        Ok(PageResponse::new(&request, service.users(before, limit).await?))
    }

    /// Read a user's profile
    ///
    /// Returns the profile with counts and whether the caller follows the user. Callers see the
    /// e-mail address of their own account only.
    #[oai(path = "/users/:username", method = "get", operation_id = "getUser")]
    async fn get(
        &self,
        caller: OptionalCaller,
        /// The username.
        #[oai(example = "example_username")]
        username: Path<String>,
        service: Data<&Service>,
    ) -> Result<UserResponse, Failure<Get>> {
        let viewer = caller.0.map(|account| account.user.id);
        let view = service.profile(path_username(&username)?, viewer).await?;
        Ok(UserResponse::Ok(Json(view.into())))
    }

    /// Change the caller's account
    ///
    /// Changes the fields that are present. A new password requires the current one, and ends all
    /// sessions and tokens of the account, including stolen ones. 403 if the account is another
    /// user's, or if the current password is wrong. Requires the scope `write` for the display name
    /// and the bio, and the scope `account` for the e-mail address and the password.
    #[oai(path = "/users/:username", method = "patch", operation_id = "changeUser")]
    async fn change(
        &self,
        caller: Caller<AnyScope>,
        /// The caller's username.
        #[oai(example = "example_username")]
        username: Path<String>,
        change: Json<AccountChange>,
        service: Data<&Service>,
    ) -> Result<ChangeResponse, Failure<Change>> {
        caller.require(&change.0.scopes())?;
        service.require_own_account(&caller, &path_username(&username)?).await?;
        let name = change.0.display_name.text();
        let stored = match name.filter(|name| DisplayName::parse(name).is_err()) {
            Some(_) => {
                service.profile(caller.user.username.clone(), None).await?.profile.display_name
            }
            None => None,
        };
        let change = change.0.parse(stored.as_ref(), service.password_rules())?;
        match service.change_account(caller.0.account, change).await {
            // Not 401: the token is valid, so a new token would not help.
            Err(Error::WrongPassword) => {
                Err(Problem::from(Code::WrongPassword).about_field("current_password").into())
            }
            changed => Ok(changed.map(|()| ChangeResponse::NoContent)?),
        }
    }
}
