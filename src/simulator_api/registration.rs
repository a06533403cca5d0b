//! Registration of users.

use poem::web::Data;
use poem_openapi::{ApiResponse, Object, OpenApi, param::Query, payload::Json, types::Example};

use super::{
    auth::RequestOrigin,
    error::{ErrorResponse, Failure, failures},
    params::{CommandNumber, JsonString, example_latest},
    rejected_command::Command,
    tags::Tag,
};
use crate::{
    domain::Registration,
    service::{Error, Origin, Service},
};

/// A user to register.
#[derive(Debug, Object)]
#[oai(example)]
struct NewUser {
    /// The user name: 1 to 64 characters of any script.
    username: JsonString,
    /// The e-mail address.
    email: JsonString,
    /// The password: 1 to 72 bytes.
    pwd: JsonString,
}

impl Example for NewUser {
    fn example() -> Self {
        Self {
            username: "Roger Histand".into(),
            email: "Roger+Histand@hotmail.com".into(),
            pwd: "correct horse".into(),
        }
    }
}

#[derive(ApiResponse)]
enum RegisterResponse {
    /// The user is registered.
    #[oai(status = 204)]
    NoContent,
}

failures! {
    Register = [400: "You have to enter a username", 408, 413, 415, 429];
}

pub(super) struct RegistrationApi;

#[OpenApi(tag = "Tag::Simulator")]
impl RegistrationApi {
    /// Register a user
    ///
    /// Requires no credentials; requests with credentials have no rate limit. Of concurrent
    /// requests for one user name, exactly one succeeds.
    #[oai(path = "/register", method = "post", operation_id = "register")]
    async fn register(
        &self,
        /// The number of the simulator's command; recorded only if the request has credentials.
        #[oai(name = "latest", example = "example_latest")]
        _latest: Query<Option<CommandNumber>>,
        user: Json<NewUser>,
        origin: RequestOrigin,
        service: Data<&Service>,
    ) -> Result<RegisterResponse, Failure<Register>> {
        match register(&service, &user, origin.0).await {
            Ok(()) => Ok(RegisterResponse::NoContent),
            Err(response) => {
                let (username, email) = (user.username.loggable(), user.email.loggable());
                let authenticated = origin.0 == Origin::Simulator;
                Command::Register { username, email, authenticated }.report_rejected(&response);
                Err(response.into())
            }
        }
    }
}

async fn register(service: &Service, user: &NewUser, origin: Origin) -> Result<(), ErrorResponse> {
    let (username, email) = (user.username.parse("username")?, user.email.parse("email")?);
    let registration = Registration::parse(username, email, user.pwd.parse("pwd")?);
    Ok(service.register_exact(registration.map_err(Error::from)?, origin).await?)
}
