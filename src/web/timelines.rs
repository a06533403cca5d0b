//! Timelines, and the box to post a message in.

use std::sync::Arc;

use poem::{
    Response, Result, handler,
    http::{HeaderMap, StatusCode},
    web::{Data, Form, Query},
};
use serde::Deserialize;

use super::{
    failure::Failure,
    flash::Flash,
    pages::{Compose, FollowStatus, TimelinePage},
    paths::PathName,
    public_page::PublicPage,
    respond::{Responder, redirect},
    session::{self, SignedIn, Viewer},
};
use crate::{
    domain::{Cursor, MessageText, PAGE_SIZE, User},
    service::Service,
};

/// Which page of a timeline is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct PageQuery {
    before: Option<String>,
}

impl PageQuery {
    /// Where the page begins, if not at the newest message.
    pub(super) fn cursor(&self) -> Result<Option<Cursor>, Failure> {
        Ok(self.before.as_deref().map(str::parse).transpose()?)
    }
}

/// The own timeline; whoever is signed out sees everybody's.
#[handler]
pub(super) async fn home(
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
    let status = if refused { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    responder.page_with_status(status, &page)
}

/// Everybody's messages.
#[handler]
pub(super) async fn public(
    Viewer(viewer): Viewer,
    Query(query): Query<PageQuery>,
    service: Data<&Service>,
    kept: Data<&Arc<PublicPage>>,
    headers: &HeaderMap,
    responder: Responder,
) -> Result<Response, Failure> {
    if viewer.is_none() && query.before.is_none() && !responder.notices_wait() {
        return responder.public_page(&kept, &service, headers).await;
    }
    let messages = service.public_timeline(query.cursor()?, PAGE_SIZE).await?;
    responder.page(&TimelinePage::public(responder.frame(viewer.as_ref()), messages))
}

/// One user's messages.
#[handler]
pub(super) async fn profile(
    PathName(username): PathName,
    Viewer(viewer): Viewer,
    Query(query): Query<PageQuery>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    let viewer_id = viewer.as_ref().map(|viewer| viewer.id);
    let timeline = service.author_timeline(username, viewer_id, query.cursor()?, PAGE_SIZE).await?;
    let follow_status = viewer.as_ref().map(|viewer| {
        if viewer.id == timeline.author.id {
            FollowStatus::Yourself
        } else if timeline.followed {
            FollowStatus::Following
        } else {
            FollowStatus::NotFollowing
        }
    });
    let frame = responder.frame(viewer.as_ref());
    let owner = &timeline.author.username;
    responder.page(&TimelinePage::profile(frame, owner, follow_status, timeline.page))
}

/// The box to post in.
#[derive(Debug, Deserialize)]
pub(super) struct MessageForm {
    #[serde(default)]
    text: String,
}

/// Posts a message. One that is refused comes back in its box, with the rule.
#[handler]
pub(super) async fn add_message(
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
