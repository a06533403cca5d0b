//! The page of one message, and its author's forms to edit and delete it.

use poem::{
    Response, Result, handler,
    http::{HeaderMap, StatusCode},
    web::{Data, Form, Query},
};

use crate::web::{
    extract::{
        page_query::PageQuery,
        path::PathMessage,
        session::{SignedIn, Viewer},
    },
    failure::Failure,
    flash::Flash,
    links::message_path,
    pages::{DeletePage, EditPage, Field, MessagePage},
    respond::Responder,
    written::TextFields,
};
use crate::{
    domain::{Cursor, MessageText, PAGE_SIZE, User},
    service::Service,
};

/// The message, the messages above it, and the replies below it. `before` continues the replies.
#[handler]
pub async fn show(
    PathMessage(id): PathMessage,
    Viewer(viewer): Viewer,
    Query(query): Query<PageQuery>,
    service: Data<&Service>,
    headers: &HeaderMap,
    responder: Responder,
) -> Result<Response, Failure> {
    let position = (id, query.cursor()?);
    let page = thread_page(&service, &responder, headers, viewer.as_ref(), position).await?;
    responder.page(&page)
}

/// The page of a message, with the replies after a cursor.
pub(super) async fn thread_page(
    service: &Service,
    responder: &Responder,
    headers: &HeaderMap,
    viewer: Option<&User>,
    (id, after): (i64, Option<Cursor>),
) -> Result<MessagePage, Failure> {
    let thread = service.thread(id, after, PAGE_SIZE).await?;
    Ok(MessagePage::new(responder.frame(viewer), &responder.site(headers), thread))
}

#[handler]
pub async fn edit_form(
    SignedIn(viewer): SignedIn,
    PathMessage(id): PathMessage,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    let message = service.own_message(&viewer, id).await?;
    let text = Field::with_value(message.text);
    responder.page(&EditPage::new(responder.frame(Some(&viewer)), id, text))
}

/// Edits a message. If the text is invalid, shows the form again with the error.
#[handler]
pub async fn edit(
    SignedIn(viewer): SignedIn,
    PathMessage(id): PathMessage,
    Form(fields): Form<TextFields>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    let (field, parsed) = Field::parse(fields.into_text(), MessageText::parse);
    let Some(text) = parsed else {
        // The limits do not hold for the text that an imported message has.
        if service.own_message(&viewer, id).await?.has_text(&field.value) {
            return Ok(responder.redirect_with(&message_path(id), Flash::MessageChanged));
        }
        let page = EditPage::new(responder.frame(Some(&viewer)), id, field);
        return responder.page_with_status(StatusCode::BAD_REQUEST, &page);
    };
    service.edit_message(viewer.id, id, text).await?;
    Ok(responder.redirect_with(&message_path(id), Flash::MessageChanged))
}

#[handler]
pub async fn delete_form(
    SignedIn(viewer): SignedIn,
    PathMessage(id): PathMessage,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    let message = service.own_message(&viewer, id).await?;
    responder.page(&DeletePage::new(responder.frame(Some(&viewer)), message))
}

#[handler]
pub async fn delete(
    SignedIn(viewer): SignedIn,
    PathMessage(id): PathMessage,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    service.delete_message(viewer.id, id).await?;
    Ok(responder.redirect_with("/", Flash::MessageDeleted))
}
