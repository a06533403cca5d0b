//! Following and unfollowing.

use poem::{http::StatusCode, web::Data};
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Path, Query},
    payload::Json,
    types::Example,
};

use super::{
    auth::Authorized,
    error::{ErrorResponse, Failure, failures},
    judgement::user_first,
    params::{
        CommandNumber, ItemCount, JsonString, default_count, example_latest, example_username,
        existing_user,
    },
    rejected_command::Command,
    tags::Tag,
};
use crate::service::{Error, ErrorKind, Service};

/// A user to follow or to unfollow; exactly one of the fields is required.
#[derive(Debug, Object)]
#[oai(example)]
struct FollowChange {
    /// The name of the user to follow.
    #[oai(default)]
    follow: JsonString,
    /// The name of the user to unfollow.
    #[oai(default)]
    unfollow: JsonString,
}

impl Example for FollowChange {
    fn example() -> Self {
        Self { follow: "Geoffrey Stieff".into(), unfollow: JsonString::default() }
    }
}

/// The users that a user follows.
#[derive(Debug, Object)]
#[oai(example)]
struct Followees {
    /// Their names, oldest follow first.
    follows: Vec<String>,
}

impl Example for Followees {
    fn example() -> Self {
        Self { follows: vec!["Geoffrey Stieff".to_owned(), "Wendell Ballan".to_owned()] }
    }
}

#[derive(ApiResponse)]
enum FolloweesResponse {
    /// The followees, oldest follow first.
    #[oai(status = 200)]
    Ok(Json<Followees>),
}

#[derive(ApiResponse)]
enum ChangeResponse {
    /// The follow exists or does not, as requested.
    #[oai(status = 204)]
    NoContent,
}

failures! {
    ReadFollowees = [400: "no: must be a number that is not negative", 403, 404];
    ChangeFollow = [
        400: "Exactly one of the fields follow and unfollow must be given",
        403, 404, 408, 413, 415
    ];
}

pub(super) struct FollowsApi;

#[OpenApi(tag = "Tag::Follows")]
impl FollowsApi {
    /// List a user's followees
    ///
    /// Oldest follow first.
    #[oai(path = "/fllws/:username", method = "get", operation_id = "getFollowees")]
    async fn of_user(
        &self,
        _authorized: Authorized,
        /// The name of the follower.
        #[oai(example = "example_username")]
        username: Path<String>,
        /// The maximum number of followees in the response; values above 1,000 count as 1,000.
        #[oai(default = "default_count", example = "default_count")]
        no: Query<ItemCount>,
        /// The number of the simulator's command.
        #[oai(name = "latest", example = "example_latest")]
        _latest: Query<Option<CommandNumber>>,
        service: Data<&Service>,
    ) -> Result<FolloweesResponse, Failure<ReadFollowees>> {
        let followees = service.followees(existing_user(&username)?, no.0.0).await?;
        let follows = followees.iter().map(ToString::to_string).collect();
        Ok(FolloweesResponse::Ok(Json(Followees { follows })))
    }

    /// Follow or unfollow a user
    ///
    /// A request that changes nothing succeeds, too: to follow a followed user, or to unfollow one
    /// that is not followed.
    #[oai(path = "/fllws/:username", method = "post", operation_id = "changeFollow")]
    async fn change(
        &self,
        _authorized: Authorized,
        /// The name of the follower.
        #[oai(example = "example_username")]
        username: Path<String>,
        /// The number of the simulator's command.
        #[oai(name = "latest", example = "example_latest")]
        _latest: Query<Option<CommandNumber>>,
        change: Json<FollowChange>,
        service: Data<&Service>,
    ) -> Result<ChangeResponse, Failure<ChangeFollow>> {
        let command = FollowCommand::parse(&change);
        let result = match &command {
            Ok(command) => command.execute(&service, &username).await,
            Err(response) => Err(response.clone()),
        };
        match result {
            Ok(()) => Ok(ChangeResponse::NoContent),
            Err(response) => {
                let response = user_first(&service, &username, response).await;
                let unclear = Command::FollowOrUnfollow { username: &username };
                command.map_or(unclear, |it| it.loggable(&username)).report_rejected(&response);
                Err(response.into())
            }
        }
    }
}

/// A valid [`FollowChange`].
#[derive(Debug, Clone, Copy)]
enum FollowCommand<'a> {
    Follow(&'a str),
    Unfollow(&'a str),
}

impl<'a> FollowCommand<'a> {
    fn parse(change: &'a FollowChange) -> Result<Self, ErrorResponse> {
        let follow = without_nul("follow", change.follow.parse("follow")?)?;
        let unfollow = without_nul("unfollow", change.unfollow.parse("unfollow")?)?;
        match (follow.trim().is_empty(), unfollow.trim().is_empty()) {
            (false, true) => Ok(Self::Follow(follow)),
            (true, false) => Ok(Self::Unfollow(unfollow)),
            _ => Err(ErrorResponse::new(
                StatusCode::BAD_REQUEST,
                "Exactly one of the fields follow and unfollow must be given",
            )),
        }
    }

    async fn execute(self, service: &Service, username: &str) -> Result<(), ErrorResponse> {
        let follower = existing_user(username)?;
        match self {
            Self::Follow(name) => {
                let result = service.follow(follower, existing_user(name)?).await;
                result.map_err(|error| with_field("follow", error))
            }
            Self::Unfollow(name) => {
                let result = service.unfollow(follower, existing_user(name)?).await;
                result.map_err(|error| with_field("unfollow", error))
            }
        }
    }

    fn loggable(self, username: &'a str) -> Command<'a> {
        match self {
            Self::Follow(followee) => Command::Follow { username, followee },
            Self::Unfollow(followee) => Command::Unfollow { username, followee },
        }
    }
}

/// Rejects U+0000, as the contract requires for every field, even for a name to look up.
fn without_nul<'a>(field: &str, text: &'a str) -> Result<&'a str, ErrorResponse> {
    if text.contains('\0') {
        return Err(ErrorResponse::invalid_field(field, "must not contain a NUL character"));
    }
    Ok(text)
}

/// The response to `error`. Names the field if its value is invalid.
fn with_field(field: &str, error: Error) -> ErrorResponse {
    match error.kind() {
        ErrorKind::Invalid => ErrorResponse::invalid_field(field, error),
        _ => error.into(),
    }
}
