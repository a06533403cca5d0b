//! Searching messages and people.

use poem::{
    Response, Result, handler,
    http::StatusCode,
    web::{Data, Query},
};
use serde::Deserialize;

use crate::web::{
    extract::page_query::PageQuery, extract::session::Viewer, failure::Failure, links::SearchScope,
    pages::SearchPage, respond::Responder,
};
use crate::{
    domain::{PAGE_SIZE, SearchText},
    service::Service,
};

/// What is asked for. Which page of it, [`PageQuery`] reads.
#[derive(Debug, Deserialize)]
pub(in crate::web) struct SearchQuery {
    #[serde(default)]
    q: String,
    #[serde(default, rename = "in")]
    sought: SearchScope,
}

/// The form to search by, and what was found.
#[handler]
pub(in crate::web) async fn search(
    Viewer(viewer): Viewer,
    Query(SearchQuery { q, sought }): Query<SearchQuery>,
    Query(page): Query<PageQuery>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    let form =
        |responder: &Responder| SearchPage::new(responder.frame(viewer.as_ref()), &q, sought);
    if q.trim().is_empty() {
        return responder.page(&form(&responder));
    }
    let text = match SearchText::parse(&q) {
        Ok(text) => text,
        Err(refusal) => {
            let refused = form(&responder).with_error(refusal.to_string());
            return responder.page_with_status(StatusCode::BAD_REQUEST, &refused);
        }
    };
    let found = match sought {
        SearchScope::Messages => {
            let messages = service.search_messages(&text, page.cursor()?, PAGE_SIZE).await?;
            form(&responder).with_messages(messages)
        }
        SearchScope::People => {
            let after = page.cursor()?;
            let people = service.search_users(&text, after.as_ref(), PAGE_SIZE).await?;
            form(&responder).with_people(!page.is_first(), people)
        }
    };
    responder.page(&found)
}
