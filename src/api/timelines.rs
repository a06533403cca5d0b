//! The timelines of users: the own one, and the messages of one author.

use poem::web::Data;
use poem_openapi::{
    OpenApi,
    param::{Path, Query},
};

use super::{
    Resource,
    auth::{Caller, MaybeCaller},
    failure::Failure,
    fields::OptionalField,
    messages::{Message, example_cursor},
    paging::{Limit, PageParams, PageRequest, PageResponse, default_limit},
    profiles::{example_username, existing_user},
};
use crate::http::openapi::statuses;
use crate::{domain::Cursor, service::Service};

statuses! {
    Own = [401, 422];
    Author = [401, 404, 422];
}

pub(super) struct Timelines;

#[OpenApi(tag = "Resource::Messages")]
impl Timelines {
    /// The own timeline
    ///
    /// The messages of the caller and of everybody whom the caller follows, newest first.
    #[oai(path = "/timeline", method = "get", operation_id = "getTimeline")]
    async fn own(
        &self,
        caller: Caller,
        /// How many messages at most.
        #[oai(default = "default_limit", example = "default_limit")]
        limit: Query<OptionalField<Limit>>,
        /// The place after which the page begins: `next_cursor` of the one before.
        #[oai(example = "example_cursor")]
        cursor: Query<OptionalField<Cursor>>,
        asked: PageRequest,
        service: Data<&Service>,
    ) -> Result<PageResponse<Message>, Failure<Own>> {
        let PageParams { before, limit } = PageParams::of(limit.0, cursor.0)?;
        Ok(PageResponse::new(&asked, service.own_timeline(&caller.user, before, limit).await?))
    }

    /// A user's messages
    ///
    /// Newest first.
    #[oai(path = "/users/:username/messages", method = "get", operation_id = "listUserMessages")]
    async fn author(
        &self,
        _caller: MaybeCaller,
        /// Whose messages.
        #[oai(example = "example_username")]
        username: Path<String>,
        /// How many messages at most.
        #[oai(default = "default_limit", example = "default_limit")]
        limit: Query<OptionalField<Limit>>,
        /// The place after which the page begins: `next_cursor` of the one before.
        #[oai(example = "example_cursor")]
        cursor: Query<OptionalField<Cursor>>,
        asked: PageRequest,
        service: Data<&Service>,
    ) -> Result<PageResponse<Message>, Failure<Author>> {
        let author = existing_user(&username)?;
        let PageParams { before, limit } = PageParams::of(limit.0, cursor.0)?;
        let timeline = service.author_timeline(author, None, before, limit).await?;
        Ok(PageResponse::new(&asked, timeline.page))
    }
}
