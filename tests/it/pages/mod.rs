//! The content of each page and the effect of each form, over HTTP.

mod bidi;
mod feeds;
mod files;
mod following;
mod imported;
mod message;
mod missing;
mod own_data;
mod paging;
mod posting;
mod profile;
mod public_page_cache;
mod references;
mod replies;
mod reserved_names;
mod search;
mod settings;
mod tag;
mod text;
mod timelines;
mod tokens;
mod ways_on;
mod weight;

use crate::support::{App, actors::TestResponse};

/// The texts of the messages on a page, in order, as HTML.
fn messages(page: &TestResponse) -> Vec<&str> {
    assert_eq!(page.status, 200, "{page:?}");
    let parts = page.body.split("<span class=\"text\" dir=\"auto\">").skip(1);
    parts.map(|part| part.split("</span>").next().expect("an end")).collect()
}

/// The id of the newest message.
async fn newest(app: &App) -> i64 {
    app.count("SELECT max(message_id) FROM messages").await
}

/// The target of the page's link to older messages.
fn older(page: &TestResponse) -> Option<&str> {
    let (before, _) = page.body.split_once("\" rel=\"next\">Older messages</a>")?;
    before.rsplit('"').next()
}
