//! Search in messages and in usernames.

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
    domain::{PAGE_SIZE, SearchText, is_blank},
    service::Service,
};

/// The query string except the cursor, which [`PageQuery`] reads.
#[derive(Debug, Deserialize)]
pub struct SearchQuery {
    #[serde(default)]
    q: String,
    #[serde(default, rename = "in")]
    scope: SearchScope,
}

#[handler]
pub async fn search(
    Viewer(viewer): Viewer,
    Query(SearchQuery { q, scope }): Query<SearchQuery>,
    Query(page): Query<PageQuery>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    let form = || SearchPage::new(responder.frame(viewer.as_ref()), &q, scope);
    if is_blank(&q) {
        return responder.page(&form());
    }
    let text = match SearchText::parse(&q) {
        Ok(text) => text,
        Err(invalid) => {
            let page = form().with_error(invalid.to_string());
            return responder.page_with_status(StatusCode::BAD_REQUEST, &page);
        }
    };
    let results = match scope {
        SearchScope::Messages => {
            let messages = service.search_messages(&text, page.cursor()?, PAGE_SIZE).await?;
            form().with_messages(messages)
        }
        SearchScope::People => {
            let after = page.cursor()?;
            let people = service.search_users(&text, after.as_ref(), PAGE_SIZE).await?;
            form().with_people(page.is_first_page(), people)
        }
    };
    responder.page(&results)
}
