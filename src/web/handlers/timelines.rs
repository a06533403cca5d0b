//! Timelines, and posting a message.

use std::sync::Arc;

use crate::web::{
    extract::{
        page_query::PageQuery,
        path::PathName,
        session::{Session, SignedIn, Viewer},
    },
    failure::Failure,
    flash::Flash,
    links::{NEW_MESSAGE_PATH, USERS_PATH, profile_path},
    once::keyed_request,
    pages::{Field, FollowStatus, OpenGraph, TimelinePage},
    public_page_cache::PublicPageCache,
    respond::{Responder, redirect},
    written::TextFields,
};
use crate::{
    domain::{AuthorTimeline, Cursor, MessageText, PAGE_SIZE, User, UserId, Username},
    service::{Error, Service},
};
use poem::{
    Response, Result, handler,
    http::{HeaderMap, StatusCode, Uri},
    web::{Data, Form, Query},
};

/// The viewer's own timeline. Redirects signed-out visitors to the public timeline.
#[handler]
pub async fn home(
    Session(session): Session,
    Query(query): Query<PageQuery>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    let Some((token, viewer)) = session else { return Ok(redirect("/public")) };
    responder.cookies.renew_session(&token);
    let before = query.cursor()?;
    own_timeline(&service, &responder, &viewer, before, Field::default()).await
}

/// The number of people to follow that an empty timeline suggests.
const SUGGESTIONS: u16 = 8;

async fn own_timeline(
    service: &Service,
    responder: &Responder,
    viewer: &User,
    before: Option<Cursor>,
    text: Field,
) -> Result<Response, Failure> {
    let status = if text.error.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let messages = service.own_timeline(viewer, before, PAGE_SIZE).await?;
    let is_empty = before.is_none() && messages.items.is_empty() && messages.next.is_none();
    let mut page = TimelinePage::own(responder.frame(Some(viewer)), text, messages);
    if is_empty {
        let people = service.people_to_follow(viewer.id, SUGGESTIONS).await?;
        page = page.with_people_to_follow(&people);
    }
    let page = if before.is_none() { page.live() } else { page };
    responder.page_with_status(status, &page)
}

/// The public timeline. Visitors without session and flash message get its first page from the cache.
#[handler]
pub async fn public(
    Viewer(viewer): Viewer,
    Query(query): Query<PageQuery>,
    service: Data<&Service>,
    cache: Data<&Arc<PublicPageCache>>,
    headers: &HeaderMap,
    responder: Responder,
) -> Result<Response, Failure> {
    if viewer.is_none() && query.is_first_page() && !responder.has_flash() {
        return cache.respond(&service, &responder.templates, headers).await;
    }
    let before = query.cursor()?;
    let messages = service.public_timeline(before, PAGE_SIZE).await?;
    let page = TimelinePage::public(responder.frame(viewer.as_ref()), messages);
    responder.page(&if before.is_none() { page.live() } else { page })
}

/// The timeline of the user with this name, or else of the oldest whose name differs only by case.
pub(super) async fn timeline_of(
    service: &Service,
    username: Username,
    viewer: Option<UserId>,
    before: Option<Cursor>,
) -> Result<AuthorTimeline, Error> {
    match service.author_timeline(username, viewer, before, PAGE_SIZE).await {
        Err(Error::UnknownUser(name)) => {
            let name = service.name_in_other_case(&name).await?;
            service.author_timeline(name, viewer, before, PAGE_SIZE).await
        }
        found => found,
    }
}

#[handler]
pub async fn profile(
    PathName(username): PathName,
    Viewer(viewer): Viewer,
    Query(query): Query<PageQuery>,
    service: Data<&Service>,
    uri: &Uri,
    headers: &HeaderMap,
    responder: Responder,
) -> Result<Response, Failure> {
    let viewer_id = viewer.as_ref().map(|viewer| viewer.id);
    let before = query.cursor()?;
    let timeline = timeline_of(&service, username, viewer_id, before).await?;
    // A page may take the short path of a reserved name.
    if timeline.author.username.is_reserved() && !uri.path().starts_with(USERS_PATH) {
        return Ok(redirect(&profile_path(&timeline.author.username)));
    }
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
    let author = (&timeline.author, timeline.counts);
    let page = TimelinePage::profile(frame, author, follow_status, timeline.page);
    if before.is_some() {
        return responder.page(&page);
    }
    let open_graph = OpenGraph::of_user(&responder.site(headers), &timeline.author);
    responder.page(&page.with_open_graph(open_graph))
}

/// Posts a message, once for each key of a form. If the text is invalid, shows the form again with the error.
#[handler]
pub async fn add_message(
    SignedIn(viewer): SignedIn,
    Form(fields): Form<TextFields>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    let key = fields.key.clone();
    let (field, parsed) = Field::parse(fields.into_text(), MessageText::parse);
    let Some(text) = parsed else {
        return own_timeline(&service, &responder, &viewer, None, field).await;
    };
    let request = keyed_request(NEW_MESSAGE_PATH, &key, &text);
    service.post_once(viewer, text, None, request).await?;
    Ok(responder.redirect_with("/", Flash::MessageRecorded))
}
