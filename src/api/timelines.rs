//! The timelines of users: the own timeline, and the messages of one author.

use poem::web::Data;
use poem_openapi::{OpenApi, param::Path};

use super::{
    auth::{Caller, OptionalCaller, Read},
    failure::{Failure, failures},
    messages::Message,
    paging::{
        CursorParam, LimitParam, PageParams, PageRequest, PageResponse, default_limit,
        example_cursor,
    },
    profiles::{example_username, path_username},
    tags::Tag,
};
use crate::{domain::Cursor, service::Service};

failures! {
    OwnTimeline = TOKEN, [], "limit": "must be an integer from 1 to 100";
    AuthorTimeline = OPTIONAL_TOKEN, [UnknownUser], "limit": "must be an integer from 1 to 100";
}

pub(super) struct Timelines;

#[OpenApi(tag = "Tag::Messages")]
impl Timelines {
    /// Read the caller's timeline
    ///
    /// Returns the messages of the caller and the caller's followees, newest first. Requires the
    /// scope `read`.
    #[oai(path = "/timeline", method = "get", operation_id = "getTimeline")]
    async fn own(
        &self,
        caller: Caller<Read>,
        /// The maximum number of messages in the response.
        #[oai(default = "default_limit", example = "default_limit")]
        limit: LimitParam,
        /// The `next_cursor` of the previous page; absent for the first page.
        #[oai(example = "example_cursor")]
        cursor: CursorParam<Cursor>,
        request: PageRequest,
        service: Data<&Service>,
    ) -> Result<PageResponse<Message>, Failure<OwnTimeline>> {
        let PageParams { before, limit } = PageParams::parse(limit, cursor)?;
        Ok(PageResponse::new(&request, service.own_timeline(&caller.user, before, limit).await?))
    }

    /// List the messages of a user
    ///
    /// Returns the user's messages, newest first.
    #[oai(path = "/users/:username/messages", method = "get", operation_id = "listUserMessages")]
    async fn author(
        &self,
        _caller: OptionalCaller,
        /// The author of the messages.
        #[oai(example = "example_username")]
        username: Path<String>,
        /// The maximum number of messages in the response.
        #[oai(default = "default_limit", example = "default_limit")]
        limit: LimitParam,
        /// The `next_cursor` of the previous page; absent for the first page.
        #[oai(example = "example_cursor")]
        cursor: CursorParam<Cursor>,
        request: PageRequest,
        service: Data<&Service>,
    ) -> Result<PageResponse<Message>, Failure<AuthorTimeline>> {
        let author = path_username(&username)?;
        let PageParams { before, limit } = PageParams::parse(limit, cursor)?;
        let timeline = service.author_timeline(author, None, before, limit).await?;
        Ok(PageResponse::new(&request, timeline.page))
    }
}
