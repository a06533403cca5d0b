//! The form to reply to a message, on the page of that message.

use poem::{
    Response, Result, handler,
    http::{HeaderMap, StatusCode},
    web::{Data, Form},
};

use super::message::thread_page;
use crate::web::{
    extract::{path::PathMessage, session::SignedIn},
    failure::Failure,
    flash::Flash,
    links::{message_path, reply_path},
    once::keyed_request,
    pages::Field,
    respond::Responder,
    written::TextFields,
};
use crate::{domain::MessageText, service::Service};

/// The page of the message, with the focus in the form.
#[handler]
pub async fn show(
    SignedIn(viewer): SignedIn,
    PathMessage(id): PathMessage,
    service: Data<&Service>,
    headers: &HeaderMap,
    responder: Responder,
) -> Result<Response, Failure> {
    let page = thread_page(&service, &responder, headers, Some(&viewer), (id, None)).await?;
    responder.page(&page.with_reply(Field::default()))
}

/// Posts a reply, once for each key of a form. If the text is invalid, shows the form again with the error.
#[handler]
pub async fn post(
    SignedIn(viewer): SignedIn,
    PathMessage(id): PathMessage,
    Form(fields): Form<TextFields>,
    service: Data<&Service>,
    headers: &HeaderMap,
    responder: Responder,
) -> Result<Response, Failure> {
    let key = fields.key.clone();
    let (field, parsed) = Field::parse(fields.into_text(), MessageText::parse);
    let Some(text) = parsed else {
        let page = thread_page(&service, &responder, headers, Some(&viewer), (id, None)).await?;
        return responder.page_with_status(StatusCode::BAD_REQUEST, &page.with_reply(field));
    };
    let request = keyed_request(&reply_path(id), &key, &text);
    let posted = service.post_once(viewer, text, Some(id), request).await?;
    Ok(responder.redirect_with(&message_path(posted.message.id), Flash::MessageRecorded))
}
