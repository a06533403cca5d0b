//! Following and unfollowing, and the lists of who does.

use poem::web::Data;
use poem_openapi::{
    ApiResponse, OpenApi,
    param::{Path, Query},
};
use time::macros::datetime;

use super::{
    Resource,
    auth::{Caller, MaybeCaller},
    failure::Failure,
    fields::OptionalField,
    paging::{Limit, PageParams, PageRequest, PageResponse, default_limit},
    problem::{FieldProblem, Problem},
    profiles::{Profile, example_username, existing_user},
};
use crate::http::openapi::statuses;
use crate::{
    domain::Cursor,
    service::{Error, Service},
};

#[derive(ApiResponse)]
enum Changed {
    /// It is as it was asked for, whether or not it was so before.
    #[oai(status = 204)]
    NoContent,
}

statuses! {
    Follow = [401, 404, 422];
    Unfollow = [401, 404];
    List = [401, 404, 422];
}

pub(super) struct Follows;

#[OpenApi(tag = "Resource::Follows")]
impl Follows {
    /// Follow
    ///
    /// The caller follows the user. Who does so already goes on.
    #[oai(path = "/following/:username", method = "put", operation_id = "followUser")]
    async fn follow(
        &self,
        caller: Caller,
        /// Whom to follow.
        #[oai(example = "example_username")]
        username: Path<String>,
        service: Data<&Service>,
    ) -> Result<Changed, Failure<Follow>> {
        let follower = caller.0.user.username;
        match service.follow(follower, existing_user(&username)?).await {
            Err(Error::Invalid(rule)) => {
                Err(Problem::invalid(vec![FieldProblem::new("username", rule)]).into())
            }
            followed => Ok(followed.map(|()| Changed::NoContent)?),
        }
    }

    /// Unfollow
    ///
    /// The caller follows the user no longer. Who did not do so anyway is none the worse for it.
    #[oai(path = "/following/:username", method = "delete", operation_id = "unfollowUser")]
    async fn unfollow(
        &self,
        caller: Caller,
        /// Whom to follow no longer.
        #[oai(example = "example_username")]
        username: Path<String>,
        service: Data<&Service>,
    ) -> Result<Changed, Failure<Unfollow>> {
        let follower = caller.0.user.username;
        service.unfollow(follower, existing_user(&username)?).await?;
        Ok(Changed::NoContent)
    }

    /// Who follows a user
    ///
    /// The newest follow first.
    #[oai(path = "/users/:username/followers", method = "get", operation_id = "listFollowers")]
    async fn followers(
        &self,
        _caller: MaybeCaller,
        /// Whose followers.
        #[oai(example = "example_username")]
        username: Path<String>,
        /// How many users at most.
        #[oai(default = "default_limit", example = "default_limit")]
        limit: Query<OptionalField<Limit>>,
        /// The place after which the page begins: `next_cursor` of the one before.
        #[oai(example = "example_cursor")]
        cursor: Query<OptionalField<Cursor>>,
        asked: PageRequest,
        service: Data<&Service>,
    ) -> Result<PageResponse<Profile>, Failure<List>> {
        let followee = existing_user(&username)?;
        let PageParams { before, limit } = PageParams::of(limit.0, cursor.0)?;
        let page = service.follower_profiles(followee, before, limit).await?;
        Ok(PageResponse::new(&asked, page))
    }

    /// Whom a user follows
    ///
    /// The newest follow first.
    #[oai(path = "/users/:username/following", method = "get", operation_id = "listFollowing")]
    async fn following(
        &self,
        _caller: MaybeCaller,
        /// Whose followees.
        #[oai(example = "example_username")]
        username: Path<String>,
        /// How many users at most.
        #[oai(default = "default_limit", example = "default_limit")]
        limit: Query<OptionalField<Limit>>,
        /// The place after which the page begins: `next_cursor` of the one before.
        #[oai(example = "example_cursor")]
        cursor: Query<OptionalField<Cursor>>,
        asked: PageRequest,
        service: Data<&Service>,
    ) -> Result<PageResponse<Profile>, Failure<List>> {
        let follower = existing_user(&username)?;
        let PageParams { before, limit } = PageParams::of(limit.0, cursor.0)?;
        let page = service.followee_profiles(follower, before, limit).await?;
        Ok(PageResponse::new(&asked, page))
    }
}

fn example_cursor() -> OptionalField<Cursor> {
    Cursor::new(datetime!(2020-02-21 00:21 UTC), 7).into()
}
