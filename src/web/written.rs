//! Texts of forms whose requests failed: the page of the error shows the text again, with the way on.

use std::sync::Arc;

use poem::{Endpoint, FromRequest, Request, RequestBody, Result, web::Form};
use serde::Deserialize;

use super::{
    failure::Failure,
    flash::Flash,
    links::{NEW_MESSAGE_PATH, message_path},
    once::keyed_request,
    pages::WrittenText,
};
use crate::{
    domain::{MessageText, User},
    service::{Error, Service},
};

/// A text of a failed request, and the form that sends it again.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) text: WrittenText,
    /// True if the request was a sign-in that was to store the text afterwards.
    pub(super) signs_in: bool,
}

/// The fields of a form with a text. Old clients send no key.
#[derive(Debug, Deserialize)]
pub struct TextFields {
    #[serde(default)]
    pub text: String,
    #[serde(default)]
    pub key: String,
}

impl TextFields {
    /// The text with the line breaks that the user typed: browsers send each as CR LF.
    pub fn into_text(self) -> String {
        self.text.replace("\r\n", "\n")
    }
}

/// Adds the text of the request to an error, from which the error page takes it.
pub(super) async fn keep_text<E: Endpoint>(
    endpoint: Arc<E>,
    mut request: Request,
) -> Result<E::Output> {
    // The body is in memory already.
    let bytes = request.take_body().into_bytes().await?;
    let mut copy = RequestBody::new(bytes.clone().into());
    let fields = Form::<TextFields>::from_request(&request, &mut copy).await.ok();
    request.set_body(bytes);
    let action = request.uri().path().to_owned();
    endpoint.call(request).await.map_err(|mut error| {
        if let Some(Form(fields)) = fields {
            let key = fields.key.clone();
            let text = WrittenText { action, text: fields.into_text(), key };
            error.set_data(Written { text, signs_in: false });
        }
        error
    })
}

/// Does what the form was to do, as `viewer`. Returns the path of the result and its message.
pub(super) async fn store(
    written: &WrittenText,
    service: &Service,
    viewer: User,
) -> Result<(String, Flash), Failure> {
    let text = MessageText::parse(&written.text).map_err(Error::from)?;
    if let Some(id) = edited_message(&written.action) {
        service.edit_message(viewer.id, id, text).await?;
        return Ok((message_path(id), Flash::MessageChanged));
    }
    let parent = answered_message(&written.action);
    let request = keyed_request(&written.action, &written.key, &text);
    let posted = service.post_once(viewer, text, parent, request).await?;
    let path = parent.map_or_else(|| "/".to_owned(), |_| message_path(posted.message.id));
    Ok((path, Flash::MessageRecorded))
}

/// Whether a form with a text has this target.
pub(super) fn stores_text(path: &str) -> bool {
    path == NEW_MESSAGE_PATH || edited_message(path).is_some() || answered_message(path).is_some()
}

fn answered_message(path: &str) -> Option<i64> {
    path.strip_prefix("/message/")?.strip_suffix("/reply")?.parse().ok()
}

fn edited_message(path: &str) -> Option<i64> {
    path.strip_prefix("/message/")?.strip_suffix("/edit")?.parse().ok()
}
