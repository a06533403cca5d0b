//! Signing up, and the simulator's `latest`.

use poem::web::Data;
use poem_openapi::{ApiResponse, Object, OpenApi, param::Query, payload::Json, types::Example};

use super::{
    Resource,
    auth::Sender,
    failure::{Answer, LatestFailure, RegisterFailure},
    in_flight,
    params::{CommandNumber, Text, example_latest},
    rejected_command::Command,
};
use crate::{
    domain::Registration,
    service::{Origin, Service},
};

/// Somebody who signs up.
#[derive(Debug, Object)]
#[oai(example)]
struct NewUser {
    /// The name: 1 to 64 characters of any script.
    #[oai(default)]
    username: Text,
    /// The e-mail address.
    #[oai(default)]
    email: Text,
    /// The password: 1 to 72 bytes.
    #[oai(default)]
    pwd: Text,
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

/// The number of the command that arrived last.
#[derive(Debug, Object)]
#[oai(example)]
struct LatestValue {
    /// The number; -1 before any arrived.
    latest: i64,
}

impl Example for LatestValue {
    fn example() -> Self {
        Self { latest: 1337 }
    }
}

#[derive(ApiResponse)]
enum Registered {
    /// The user is signed up.
    #[oai(status = 204)]
    NoContent,
}

#[derive(ApiResponse)]
enum LatestAnswer {
    /// The number of the command that arrived last, the same on every replica.
    #[oai(status = 200)]
    Ok(Json<LatestValue>),
}

pub(super) struct Accounts;

#[OpenApi(tag = "Resource::Simulator")]
impl Accounts {
    /// The latest command
    ///
    /// The number of the command that arrived last, -1 before any did. Needs no credentials.
    #[oai(path = "/latest", method = "get", operation_id = "getLatest", transform = "in_flight")]
    async fn latest(&self, service: Data<&Service>) -> Result<LatestAnswer, LatestFailure> {
        let latest = service.latest().await.map_err(Answer::from)?;
        Ok(LatestAnswer::Ok(Json(LatestValue { latest })))
    }

    /// Sign up
    ///
    /// Needs no credentials; with them there is no limit to how many sign up. Of two requests that race
    /// for one name, exactly one wins.
    #[oai(path = "/register", method = "post", operation_id = "register", transform = "in_flight")]
    async fn register(
        &self,
        /// The number of the simulator's command; noted if the credentials come with it.
        #[oai(name = "latest", example = "example_latest")]
        _latest: Query<Option<CommandNumber>>,
        user: Json<NewUser>,
        sender: Sender,
        service: Data<&Service>,
    ) -> Result<Registered, RegisterFailure> {
        match register(&service, &user, sender.0).await {
            Ok(()) => Ok(Registered::NoContent),
            Err(answer) => {
                let (username, email) = (user.username.loggable(), user.email.loggable());
                Command::Register { username, email }.rejected(&answer);
                Err(answer.into())
            }
        }
    }
}

async fn register(service: &Service, user: &NewUser, origin: Origin) -> Result<(), Answer> {
    let (username, email) = (user.username.of("username")?, user.email.of("email")?);
    let registration = Registration::parse(username, email, user.pwd.of("pwd")?);
    let registration = registration.map_err(crate::service::Error::from)?;
    Ok(service.register(registration, origin).await?)
}
