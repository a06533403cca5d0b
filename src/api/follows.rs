//! Follow and unfollow users; list followers and followees.

use poem::web::Data;
use poem_openapi::{ApiResponse, OpenApi, param::Path};

use super::{
    auth::{Caller, OptionalCaller, Write},
    failure::{Failure, failures},
    paging::{
        CursorParam, LimitParam, PageParams, PageRequest, PageResponse, default_limit,
        example_cursor,
    },
    problem::{FieldError, Problem},
    profiles::{User, example_username, path_username},
    tags::Tag,
};
use crate::{
    domain::Cursor,
    service::{Error, Service},
};

#[derive(ApiResponse)]
enum FollowResponse {
    /// The state is as requested, whether or not this request changed it.
    #[oai(status = 204)]
    NoContent,
}

failures! {
    Follow = TOKEN, [UnknownUser, RateLimited], "username": "You cannot follow yourself";
    Unfollow = TOKEN, [UnknownUser, RateLimited];
    List = OPTIONAL_TOKEN, [UnknownUser], "limit": "must be an integer from 1 to 100";
}

pub(super) struct Follows;

#[OpenApi(tag = "Tag::Follows")]
impl Follows {
    /// Follow a user
    ///
    /// Adds the user's messages to the caller's timeline. Succeeds, too, if the caller already
    /// follows the user. 422 if the user is the caller. Requires the scope `write`.
    #[oai(path = "/following/:username", method = "put", operation_id = "followUser")]
    async fn follow(
        &self,
        caller: Caller<Write>,
        /// The user to follow.
        #[oai(example = "example_username")]
        username: Path<String>,
        service: Data<&Service>,
    ) -> Result<FollowResponse, Failure<Follow>> {
        let follower = caller.0.account.user;
        match service.follow_as(follower, path_username(&username)?).await {
            Err(Error::Invalid(rule)) => {
                Err(Problem::invalid_fields(vec![FieldError::new("username", rule)]).into())
            }
            followed => Ok(followed.map(|()| FollowResponse::NoContent)?),
        }
    }

    /// Unfollow a user
    ///
    /// Removes the user's messages from the caller's timeline. Succeeds, too, if the caller does
    /// not follow the user. Requires the scope `write`.
    #[oai(path = "/following/:username", method = "delete", operation_id = "unfollowUser")]
    async fn unfollow(
        &self,
        caller: Caller<Write>,
        /// The user to unfollow.
        #[oai(example = "example_username")]
        username: Path<String>,
        service: Data<&Service>,
    ) -> Result<FollowResponse, Failure<Unfollow>> {
        let follower = caller.0.account.user;
        service.unfollow_as(follower, path_username(&username)?).await?;
        Ok(FollowResponse::NoContent)
    }

    /// List the followers of a user
    ///
    /// Returns the user's followers, the newest follow first.
    #[oai(path = "/users/:username/followers", method = "get", operation_id = "listFollowers")]
    async fn followers(
        &self,
        _caller: OptionalCaller,
        /// The user whose followers to list.
        #[oai(example = "example_username")]
        username: Path<String>,
        /// The maximum number of users in the response.
        #[oai(default = "default_limit", example = "default_limit")]
        limit: LimitParam,
        /// The `next_cursor` of the previous page; absent for the first page.
        #[oai(example = "example_cursor")]
        cursor: CursorParam<Cursor>,
        request: PageRequest,
        service: Data<&Service>,
    ) -> Result<PageResponse<User>, Failure<List>> {
        let followee = path_username(&username)?;
        let PageParams { before, limit } = PageParams::parse(limit, cursor)?;
        let page = service.follower_profiles(followee, before, limit).await?;
        Ok(PageResponse::new(&request, page))
    }

    /// List the users that a user follows
    ///
    /// Returns the user's followees, the newest follow first.
    #[oai(path = "/users/:username/following", method = "get", operation_id = "listFollowing")]
    async fn following(
        &self,
        _caller: OptionalCaller,
        /// The user whose followees to list.
        #[oai(example = "example_username")]
        username: Path<String>,
        /// The maximum number of users in the response.
        #[oai(default = "default_limit", example = "default_limit")]
        limit: LimitParam,
        /// The `next_cursor` of the previous page; absent for the first page.
        #[oai(example = "example_cursor")]
        cursor: CursorParam<Cursor>,
        request: PageRequest,
        service: Data<&Service>,
    ) -> Result<PageResponse<User>, Failure<List>> {
        let follower = path_username(&username)?;
        let PageParams { before, limit } = PageParams::parse(limit, cursor)?;
        let page = service.followee_profiles(follower, before, limit).await?;
        Ok(PageResponse::new(&request, page))
    }
}
