//! Following and unfollowing.

use poem::{http::StatusCode, web::Data};
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Path, Query},
    payload::Json,
    types::Example,
};

use super::{
    Resource,
    auth::Authorized,
    failure::{Answer, UserReadFailure, UserWriteFailure},
    in_flight,
    params::{
        CommandNumber, ItemCount, Text, default_count, example_latest, example_username,
        existing_user,
    },
    rejected_command::Command,
};
use crate::service::{Error, ErrorKind, Service};

/// Whom to follow, or whom to follow no longer: one of the two.
#[derive(Debug, Object)]
#[oai(example)]
struct FollowChange {
    /// Whom to follow.
    #[oai(default)]
    follow: Text,
    /// Whom to follow no longer.
    #[oai(default)]
    unfollow: Text,
}

impl Example for FollowChange {
    fn example() -> Self {
        Self { follow: "Geoffrey Stieff".into(), unfollow: Text::default() }
    }
}

/// Whom a user follows.
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
enum FolloweeList {
    /// The followees, oldest follow first.
    #[oai(status = 200)]
    Ok(Json<Followees>),
}

#[derive(ApiResponse)]
enum Changed {
    /// It is as it was asked for, whether or not it was so before.
    #[oai(status = 204)]
    NoContent,
}

pub(super) struct Follows;

#[OpenApi(tag = "Resource::Follows")]
impl Follows {
    /// Whom a user follows
    ///
    /// Oldest follow first.
    #[oai(
        path = "/fllws/:username",
        method = "get",
        operation_id = "getFollowees",
        transform = "in_flight"
    )]
    async fn of_user(
        &self,
        _authorized: Authorized,
        /// Whose followees.
        #[oai(example = "example_username")]
        username: Path<String>,
        /// How many followees; above 1,000 it counts as 1,000.
        #[oai(default = "default_count", example = "default_count")]
        no: Query<ItemCount>,
        /// The number of the simulator's command.
        #[oai(name = "latest", example = "example_latest")]
        _latest: Query<Option<CommandNumber>>,
        service: Data<&Service>,
    ) -> Result<FolloweeList, UserReadFailure> {
        let follower = existing_user(&username)?;
        let followees = service.followees(follower, no.0.0).await.map_err(Answer::from)?;
        let follows = followees.iter().map(ToString::to_string).collect();
        Ok(FolloweeList::Ok(Json(Followees { follows })))
    }

    /// Follow or unfollow
    ///
    /// In the name of that user. Following whom one follows already, and unfollowing whom one does
    /// not follow, succeed and change nothing.
    #[oai(
        path = "/fllws/:username",
        method = "post",
        operation_id = "changeFollow",
        transform = "in_flight"
    )]
    async fn change(
        &self,
        _authorized: Authorized,
        /// Who follows, or follows no longer.
        #[oai(example = "example_username")]
        username: Path<String>,
        /// The number of the simulator's command.
        #[oai(name = "latest", example = "example_latest")]
        _latest: Query<Option<CommandNumber>>,
        change: Json<FollowChange>,
        service: Data<&Service>,
    ) -> Result<Changed, UserWriteFailure> {
        let wish = FollowCommand::of(&change);
        let done = match &wish {
            Ok(wish) => wish.fulfil(&service, &username).await,
            Err(answer) => Err(answer.clone()),
        };
        match done {
            Ok(()) => Ok(Changed::NoContent),
            Err(answer) => {
                wish.map_or(Command::Unclear { username: &username }, |w| w.command(&username))
                    .rejected(&answer);
                Err(answer.into())
            }
        }
    }
}

/// What a [`FollowChange`] asks for.
#[derive(Debug, Clone, Copy)]
enum FollowCommand<'a> {
    Follow(&'a str),
    Unfollow(&'a str),
}

impl<'a> FollowCommand<'a> {
    fn of(change: &'a FollowChange) -> Result<Self, Answer> {
        let follow = without_nul("follow", change.follow.of("follow")?)?;
        let unfollow = without_nul("unfollow", change.unfollow.of("unfollow")?)?;
        match (follow.trim().is_empty(), unfollow.trim().is_empty()) {
            (false, true) => Ok(Self::Follow(follow)),
            (true, false) => Ok(Self::Unfollow(unfollow)),
            _ => Err(Answer::new(
                StatusCode::BAD_REQUEST,
                "Exactly one of the fields follow and unfollow must be given",
            )),
        }
    }

    async fn fulfil(self, service: &Service, username: &str) -> Result<(), Answer> {
        let follower = existing_user(username)?;
        match self {
            Self::Follow(name) => {
                let followed = service.follow(follower, existing_user(name)?).await;
                followed.map_err(|error| named("follow", error))
            }
            Self::Unfollow(name) => {
                let unfollowed = service.unfollow(follower, existing_user(name)?).await;
                unfollowed.map_err(|error| named("unfollow", error))
            }
        }
    }

    fn command(self, username: &'a str) -> Command<'a> {
        match self {
            Self::Follow(followee) => Command::Follow { username, followee },
            Self::Unfollow(followee) => Command::Unfollow { username, followee },
        }
    }
}

/// The contract refuses U+0000 in any field; in a name that is looked up, too.
fn without_nul<'a>(field: &str, text: &'a str) -> Result<&'a str, Answer> {
    if text.contains('\0') {
        return Err(Answer::invalid_field(field, "must not contain a NUL character"));
    }
    Ok(text)
}

/// A refusal names the field that it is about.
fn named(field: &str, error: Error) -> Answer {
    match error.kind() {
        ErrorKind::Invalid => Answer::invalid_field(field, error),
        _ => error.into(),
    }
}
