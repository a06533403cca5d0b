//! Atom feeds of the public timeline and of each profile.

use poem::{
    Response, Result, handler,
    http::HeaderMap,
    web::{Data, Path, Query},
};

use super::timelines::timeline_of;
use crate::web::{
    extract::{page_query::PageQuery, path::PathName},
    failure::Failure,
    links::FEED_SUFFIX,
    pages::Feed,
    respond::Responder,
};
use crate::{
    domain::{PAGE_SIZE, Username},
    service::Service,
};

#[handler]
pub async fn public(
    Query(query): Query<PageQuery>,
    service: Data<&Service>,
    headers: &HeaderMap,
    responder: Responder,
) -> Result<Response, Failure> {
    let before = query.cursor()?;
    let messages = service.public_timeline(before, PAGE_SIZE).await?;
    responder.feed(&Feed::public(&responder.site(headers), before, messages), headers)
}

#[handler]
pub async fn profile(
    Path(file_name): Path<String>,
    Query(query): Query<PageQuery>,
    service: Data<&Service>,
    headers: &HeaderMap,
    responder: Responder,
) -> Result<Response, Failure> {
    let name = file_name.strip_suffix(FEED_SUFFIX).unwrap_or(&file_name);
    let owner = Username::parse(name).map_err(|_| Failure::NoSuchUser(name.to_owned()))?;
    profile_feed(owner, &query, &service, headers, &responder).await
}

/// The feed of a user whose name is reserved.
#[handler]
pub async fn reserved_profile(
    PathName(owner): PathName,
    Query(query): Query<PageQuery>,
    service: Data<&Service>,
    headers: &HeaderMap,
    responder: Responder,
) -> Result<Response, Failure> {
    profile_feed(owner, &query, &service, headers, &responder).await
}

async fn profile_feed(
    owner: Username,
    query: &PageQuery,
    service: &Service,
    headers: &HeaderMap,
    responder: &Responder,
) -> Result<Response, Failure> {
    let before = query.cursor()?;
    let timeline = timeline_of(service, owner, None, before).await?;
    let (site, owner) = (responder.site(headers), &timeline.author.username);
    let feed = Feed::profile(&site, owner, before, timeline.page);
    responder.feed(&feed, headers)
}
