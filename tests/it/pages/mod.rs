//! The pages, as somebody with a browser sees them.

mod feeds;
mod files;
mod following;
mod kept;
mod message;
mod missing;
mod paging;
mod posting;
mod profile;
mod references;
mod search;
mod settings;
mod tag;
mod text;
mod timelines;
mod tokens;
mod weight;

use crate::support::{App, actors::Answer};

/// The texts of the messages on a page, from the first to the last, as they stand in its HTML.
fn messages(page: &Answer) -> Vec<&str> {
    assert_eq!(page.status, 200, "{page:?}");
    let parts = page.body.split("<p dir=\"auto\">").skip(1);
    parts.map(|part| part.split("</p>").next().expect("an end")).collect()
}

/// The key of the newest message of all.
async fn newest(app: &App) -> i64 {
    app.count("SELECT max(message_id) FROM messages").await
}

/// Where the page's link to older messages leads.
fn older(page: &Answer) -> Option<&str> {
    let (before, _) = page.body.split_once("\" rel=\"next\">Older messages</a>")?;
    before.rsplit('"').next()
}
