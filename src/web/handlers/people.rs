//! The followers and the followees of a user.

use poem::{
    Response, Result, handler,
    web::{Data, Query},
};

use crate::web::{
    extract::{page_query::PageQuery, path::PathName, session::Viewer},
    failure::Failure,
    pages::{Direction, FollowsPage},
    respond::Responder,
};
use crate::{domain::PAGE_SIZE, service::Service};

#[handler]
pub async fn followers(
    PathName(owner): PathName,
    Viewer(viewer): Viewer,
    Query(query): Query<PageQuery>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    let people = service.follower_profiles(owner.clone(), query.cursor()?, PAGE_SIZE).await?;
    let is_first_page = query.is_first_page();
    let frame = responder.frame(viewer.as_ref());
    responder.page(&FollowsPage::new(frame, &owner, Direction::Followers, is_first_page, people))
}

#[handler]
pub async fn following(
    PathName(owner): PathName,
    Viewer(viewer): Viewer,
    Query(query): Query<PageQuery>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    let people = service.followee_profiles(owner.clone(), query.cursor()?, PAGE_SIZE).await?;
    let is_first_page = query.is_first_page();
    let frame = responder.frame(viewer.as_ref());
    responder.page(&FollowsPage::new(frame, &owner, Direction::Following, is_first_page, people))
}
