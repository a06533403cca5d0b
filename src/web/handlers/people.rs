//! Those who follow a user, and those whom the user follows.

use poem::{
    Response, Result, handler,
    web::{Data, Query},
};

use crate::web::{
    extract::page_query::PageQuery,
    extract::path::PathName,
    extract::session::Viewer,
    failure::Failure,
    pages::{Direction, FollowsPage},
    respond::Responder,
};
use crate::{domain::PAGE_SIZE, service::Service};

/// Those who follow the user whose path it is.
#[handler]
pub(in crate::web) async fn followers(
    PathName(owner): PathName,
    Viewer(viewer): Viewer,
    Query(query): Query<PageQuery>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    let people = service.follower_profiles(owner.clone(), query.cursor()?, PAGE_SIZE).await?;
    let (frame, later) = (responder.frame(viewer.as_ref()), !query.is_first());
    responder.page(&FollowsPage::new(frame, &owner, Direction::Followers, later, people))
}

/// Those whom the user follows whose path it is.
#[handler]
pub(in crate::web) async fn following(
    PathName(owner): PathName,
    Viewer(viewer): Viewer,
    Query(query): Query<PageQuery>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    let people = service.followee_profiles(owner.clone(), query.cursor()?, PAGE_SIZE).await?;
    let (frame, later) = (responder.frame(viewer.as_ref()), !query.is_first());
    responder.page(&FollowsPage::new(frame, &owner, Direction::Following, later, people))
}
