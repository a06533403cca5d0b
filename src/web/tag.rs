//! The messages that have a tag.

use poem::{
    Response, Result, handler,
    web::{Data, Query},
};

use super::{
    failure::Failure, page_query::PageQuery, pages::TagPage, paths::PathTag, respond::Responder,
    session::Viewer,
};
use crate::{domain::PAGE_SIZE, service::Service};

/// One tag's messages.
#[handler]
pub(super) async fn show(
    PathTag(tag): PathTag,
    Viewer(viewer): Viewer,
    Query(query): Query<PageQuery>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    let messages = service.tagged(&tag, query.cursor()?, PAGE_SIZE).await?;
    responder.page(&TagPage::new(responder.frame(viewer.as_ref()), &tag, messages))
}
