//! Downloads of the viewer's own data.

use std::{io, sync::Arc};

use futures_util::stream;
use poem::{
    Body, Response, Result, handler,
    http::{HeaderMap, StatusCode, header},
    web::Data,
};
use tokio_util::bytes::Bytes;

use crate::web::{
    extract::session::SignedIn,
    failure::Failure,
    pages::{ArchiveEntries, Feed, OwnDataJson},
    respond::{ATOM, Responder},
};
use crate::{http::compression::Streamed, service::Service};

const JSON: &str = "application/json";
const FEED_END: &str = "\n</feed>";

/// Profile, messages and follows as one JSON document.
#[handler]
pub async fn json(
    SignedIn(viewer): SignedIn,
    service: Data<&Service>,
) -> Result<Response, Failure> {
    let mut data = service.own_data(&viewer).await?;
    let mut document = OwnDataJson::begin(data.profile());
    // The first page decides between a response and an error.
    if let Some(page) = data.next_page().await? {
        document.add(&page);
    }
    let rest = stream::unfold(Some((data, document)), async |state| {
        let (mut data, mut document) = state?;
        let written = Bytes::from(document.take());
        Some(match data.next_page().await {
            Ok(Some(page)) => {
                document.add(&page);
                (Ok(written), Some((data, document)))
            }
            Ok(None) => (Ok([&written[..], document.end().as_bytes()].concat().into()), None),
            Err(error) => (Err(failed(&error)), None),
        })
    });
    Ok(download("minitwit.json", JSON, Body::from_bytes_stream(rest)))
}

/// Messages as one Atom feed.
#[handler]
pub async fn atom(
    SignedIn(viewer): SignedIn,
    service: Data<&Service>,
    headers: &HeaderMap,
    responder: Responder,
) -> Result<Response, Failure> {
    let mut data = service.own_data(&viewer).await?;
    let messages = data.next_messages().await?.unwrap_or_default();
    let site = responder.site(headers);
    let feed = responder.templates.render(&Feed::archive(&site, &viewer.username, &messages))?;
    // The entries come before the end tag of the feed.
    let (head, end) = feed.split_at(feed.rfind(FEED_END).unwrap_or(feed.len()));
    let end = end.to_owned();
    let entries = responder.templates.render(&ArchiveEntries::new(&site, messages))?;
    let state = Some((data, format!("{head}{entries}"), Arc::clone(&responder.templates)));
    let rest = stream::unfold(state, move |state| {
        let (site, end) = (site.clone(), end.clone());
        async move {
            let (mut data, written, templates) = state?;
            let entries = match data.next_messages().await {
                Ok(Some(messages)) => templates.render(&ArchiveEntries::new(&site, messages)),
                Ok(None) => return Some((Ok(Bytes::from(written + &end)), None)),
                Err(error) => return Some((Err(failed(&error)), None)),
            };
            Some(match entries {
                Ok(entries) => (Ok(written.into()), Some((data, entries, templates))),
                Err(error) => (Err(failed(&error)), None),
            })
        }
    });
    Ok(download("minitwit.atom", ATOM, Body::from_bytes_stream(rest)))
}

/// Ends the response before its end, so that the browser reports an incomplete download.
fn failed(error: &(dyn std::error::Error + 'static)) -> io::Error {
    tracing::warn!(error, "a download of a user's data failed");
    io::Error::other("the download failed")
}

fn download(file_name: &str, content_type: &str, body: Body) -> Response {
    let mut response = Response::builder()
        .status(StatusCode::OK)
        .content_type(content_type)
        .header(header::CONTENT_DISPOSITION, format!("attachment; filename=\"{file_name}\""))
        .body(body);
    response.extensions_mut().insert(Streamed);
    response
}
