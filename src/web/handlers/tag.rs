//! The messages with a tag.

use poem::{
    Response, Result, handler,
    web::{Data, Query},
};

use crate::web::{
    extract::{page_query::PageQuery, path::PathTag, session::Viewer},
    failure::Failure,
    pages::TagPage,
    respond::Responder,
};
use crate::{domain::PAGE_SIZE, service::Service};

#[handler]
pub async fn show(
    PathTag(tag): PathTag,
    Viewer(viewer): Viewer,
    Query(query): Query<PageQuery>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    let messages = service.tagged(&tag, query.cursor()?, PAGE_SIZE).await?;
    responder.page(&TagPage::new(responder.frame(viewer.as_ref()), &tag, messages))
}
