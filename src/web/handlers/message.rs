//! One message: its own page, and the forms by which its author edits and deletes it.

use poem::{
    Response, Result, handler,
    http::{HeaderMap, StatusCode},
    web::{Data, Form},
};
use serde::Deserialize;

use crate::web::{
    extract::path::PathMessage,
    extract::session::{SignedIn, Viewer},
    failure::Failure,
    flash::Flash,
    links::message_path,
    pages::{Compose, DeletePage, EditPage, MessagePage},
    respond::Responder,
};
use crate::{domain::MessageText, service::Service};

/// A message alone.
#[handler]
pub(in crate::web) async fn show(
    PathMessage(id): PathMessage,
    Viewer(viewer): Viewer,
    service: Data<&Service>,
    headers: &HeaderMap,
    responder: Responder,
) -> Result<Response, Failure> {
    let message = service.message(id).await?;
    let frame = responder.frame(viewer.as_ref());
    responder.page(&MessagePage::new(frame, &responder.site(headers), message))
}

/// The form to edit a message, with its text.
#[handler]
pub(in crate::web) async fn edit_form(
    SignedIn(viewer): SignedIn,
    PathMessage(id): PathMessage,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    let message = service.own_message(&viewer, id).await?;
    let compose = Compose { error: None, text: message.text };
    responder.page(&EditPage::new(responder.frame(Some(&viewer)), id, compose))
}

/// What the form to edit a message has.
#[derive(Debug, Deserialize)]
pub(in crate::web) struct EditForm {
    #[serde(default)]
    text: String,
}

/// Changes a message's text. One that is refused comes back in its box, with the rule.
#[handler]
pub(in crate::web) async fn edit(
    SignedIn(viewer): SignedIn,
    PathMessage(id): PathMessage,
    Form(form): Form<EditForm>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    // As browsers send what they show as a line feed: what was not changed must come back the same.
    let text = form.text.replace("\r\n", "\n");
    let changed = match MessageText::parse(&text) {
        Ok(changed) => changed,
        Err(refusal) => {
            service.own_message(&viewer, id).await?;
            let compose = Compose { error: Some(refusal.to_string()), text };
            let page = EditPage::new(responder.frame(Some(&viewer)), id, compose);
            return responder.page_with_status(StatusCode::BAD_REQUEST, &page);
        }
    };
    service.edit_message(viewer.id, id, changed).await?;
    Ok(responder.redirect_with(&message_path(id), Flash::Changed))
}

/// Asks whether a message is to be deleted.
#[handler]
pub(in crate::web) async fn delete_form(
    SignedIn(viewer): SignedIn,
    PathMessage(id): PathMessage,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    let message = service.own_message(&viewer, id).await?;
    responder.page(&DeletePage::new(responder.frame(Some(&viewer)), message))
}

/// Deletes a message.
#[handler]
pub(in crate::web) async fn delete(
    SignedIn(viewer): SignedIn,
    PathMessage(id): PathMessage,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    service.delete_message(viewer.id, id).await?;
    Ok(responder.redirect_with("/", Flash::Deleted))
}
