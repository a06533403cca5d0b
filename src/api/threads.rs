//! The messages above and below a message.

use poem::web::Data;
use poem_openapi::{OpenApi, param::Path};

use super::{
    auth::OptionalCaller,
    failure::{Failure, failures},
    messages::{Message, example_id},
    paging::{
        CursorParam, LimitParam, PageParams, PageRequest, PageResponse, default_limit,
        example_cursor,
    },
    tags::Tag,
};
use crate::{
    domain::{Cursor, Page},
    service::Service,
};

failures! {
    Replies = OPTIONAL_TOKEN, [UnknownMessage, UnknownPath],
        "limit": "must be an integer from 1 to 100";
    Parents = OPTIONAL_TOKEN, [UnknownMessage, UnknownPath];
}

pub(super) struct Threads;

#[OpenApi(tag = "Tag::Messages")]
impl Threads {
    /// List the replies to a message
    ///
    /// Returns the replies to the message itself, oldest first.
    #[oai(path = "/messages/:id/replies", method = "get", operation_id = "listReplies")]
    async fn replies(
        &self,
        _caller: OptionalCaller,
        /// The id of the message.
        #[oai(example = "example_id")]
        id: Path<i64>,
        /// The maximum number of messages in the response.
        #[oai(default = "default_limit", example = "default_limit")]
        limit: LimitParam,
        /// The `next_cursor` of the previous page; absent for the first page.
        #[oai(example = "example_cursor")]
        cursor: CursorParam<Cursor>,
        request: PageRequest,
        service: Data<&Service>,
    ) -> Result<PageResponse<Message>, Failure<Replies>> {
        let PageParams { before: after, limit } = PageParams::parse(limit, cursor)?;
        Ok(PageResponse::new(&request, service.replies(id.0, after, limit).await?))
    }

    /// List the messages above a message
    ///
    /// Returns the message that the message replies to, the one that this replies to, and so on, 20 at most,
    /// oldest first. The list ends at a deleted message. If its first message is a reply, the messages above
    /// that one continue it.
    #[oai(path = "/messages/:id/parents", method = "get", operation_id = "listParents")]
    async fn parents(
        &self,
        _caller: OptionalCaller,
        /// The id of the message.
        #[oai(example = "example_id")]
        id: Path<i64>,
        request: PageRequest,
        service: Data<&Service>,
    ) -> Result<PageResponse<Message>, Failure<Parents>> {
        let items = service.parents(id.0).await?;
        Ok(PageResponse::new(&request, Page::<_, Cursor> { items, next: None }))
    }
}
