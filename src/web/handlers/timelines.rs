//! Timelines, and the box to post a message in.

use std::sync::Arc;

use poem::{
    Response, Result, handler,
    http::{HeaderMap, StatusCode},
    web::{Data, Form, Query},
};
use serde::Deserialize;

use crate::web::{
    extract::page_query::PageQuery,
    extract::path::PathName,
    extract::session::{self, SignedIn, Viewer},
    failure::Failure,
    flash::Flash,
    pages::{Compose, FollowStatus, OpenGraph, TimelinePage},
    public_page::PublicPage,
    respond::{Responder, redirect},
};
use crate::{
    domain::{Cursor, MessageText, PAGE_SIZE, User},
    service::Service,
};

/// The own timeline; whoever is signed out sees everybody's.
#[handler]
pub(in crate::web) async fn home(
    Viewer(viewer): Viewer,
    Query(query): Query<PageQuery>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    let Some(viewer) = viewer else { return Ok(redirect("/public")) };
    session::renew(&responder.jar, &responder.client);
    let before = query.cursor()?;
    own_timeline(&service, &responder, &viewer, before, Compose::default()).await
}

async fn own_timeline(
    service: &Service,
    responder: &Responder,
    viewer: &User,
    before: Option<Cursor>,
    compose: Compose,
) -> Result<Response, Failure> {
    let refused = compose.error.is_some();
    let messages = service.own_timeline(viewer, before, PAGE_SIZE).await?;
    let page = TimelinePage::mine(responder.frame(Some(viewer)), compose, messages);
    let page = if before.is_none() { page.live() } else { page };
    let status = if refused { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    responder.page_with_status(status, &page)
}

/// Everybody's messages.
#[handler]
pub(in crate::web) async fn public(
    Viewer(viewer): Viewer,
    Query(query): Query<PageQuery>,
    service: Data<&Service>,
    kept: Data<&Arc<PublicPage>>,
    headers: &HeaderMap,
    responder: Responder,
) -> Result<Response, Failure> {
    if viewer.is_none() && query.is_first() && !responder.notices_wait() {
        return responder.public_page(&kept, &service, headers).await;
    }
    let before = query.cursor()?;
    let messages = service.public_timeline(before, PAGE_SIZE).await?;
    let page = TimelinePage::public(responder.frame(viewer.as_ref()), messages);
    responder.page(&if before.is_none() { page.live() } else { page })
}

/// One user's messages.
#[handler]
pub(in crate::web) async fn profile(
    PathName(username): PathName,
    Viewer(viewer): Viewer,
    Query(query): Query<PageQuery>,
    service: Data<&Service>,
    headers: &HeaderMap,
    responder: Responder,
) -> Result<Response, Failure> {
    let viewer_id = viewer.as_ref().map(|viewer| viewer.id);
    let before = query.cursor()?;
    let timeline = service.author_timeline(username, viewer_id, before, PAGE_SIZE).await?;
    let follow_status = viewer.as_ref().map(|viewer| {
        if viewer.username == timeline.author.username {
            FollowStatus::Yourself
        } else if timeline.followed {
            FollowStatus::Following
        } else {
            FollowStatus::NotFollowing
        }
    });
    let frame = responder.frame(viewer.as_ref());
    let owner = (&timeline.author, timeline.counts);
    let page = TimelinePage::profile(frame, owner, follow_status, timeline.page);
    if before.is_some() {
        return responder.page(&page);
    }
    let open_graph = OpenGraph::of_user(&responder.site(headers), &timeline.author);
    responder.page(&page.described(open_graph))
}

/// The box to post in.
#[derive(Debug, Deserialize)]
pub(in crate::web) struct MessageForm {
    #[serde(default)]
    text: String,
}

/// Posts a message. One that is refused comes back in its box, with the rule.
#[handler]
pub(in crate::web) async fn add_message(
    SignedIn(viewer): SignedIn,
    Form(form): Form<MessageForm>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    let text = match MessageText::parse(&form.text) {
        Ok(text) => text,
        Err(refusal) => {
            let compose = Compose { error: Some(refusal.to_string()), text: form.text };
            return own_timeline(&service, &responder, &viewer, None, compose).await;
        }
    };
    service.post_as(viewer, text).await?;
    Ok(responder.redirect_with("/", Flash::Recorded))
}
