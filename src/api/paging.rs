//! Lists: which page is asked for, and how the next one is named.

use std::fmt::Display;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use poem::{FromRequest, Request, RequestBody, Result};
use poem_openapi::{
    ApiResponse, Object,
    payload::Json,
    types::{Example, ParseFromJSON, ToJSON},
};

use super::{
    PREFIX,
    fields::{FieldValue, OptionalField, Refusals},
    problem::Problem,
    values::Whole,
};
use crate::domain::{PAGE_SIZE, Page};

/// How many items a page has at most.
pub(super) type Limit = Whole<1, 100>;

/// Which page is asked for.
pub(super) struct PageParams<C> {
    /// The place after which it begins; from the newest item on without one.
    pub(super) before: Option<C>,
    /// How many items it has at most.
    pub(super) limit: u16,
}

impl<C: FieldValue> PageParams<C> {
    /// Reads the parameters `limit` and `cursor`.
    ///
    /// # Errors
    /// When either breaks its rule.
    pub(super) fn of(
        limit: OptionalField<Limit>,
        cursor: OptionalField<C>,
    ) -> Result<Self, Problem> {
        let mut refusals = Refusals::default();
        let limit = refusals.optional("limit", limit).map_or(PAGE_SIZE, |limit| limit.0);
        let before = refusals.optional("cursor", cursor);
        refusals.none()?;
        Ok(Self { before, limit })
    }
}

/// The limit of a request that has none, for the document.
pub(super) fn default_limit() -> OptionalField<Limit> {
    Whole(PAGE_SIZE).into()
}

/// A page of a list.
#[derive(Debug, Object)]
#[oai(rename = "PageOf", example)]
pub(super) struct PageBody<T: ParseFromJSON + ToJSON + Example> {
    /// The items, newest first.
    items: Vec<T>,
    /// The `cursor` of the next page; null on the last one.
    #[oai(nullable)]
    next_cursor: Option<String>,
}

impl<T: ParseFromJSON + ToJSON + Example> Example for PageBody<T> {
    fn example() -> Self {
        Self { items: vec![T::example()], next_cursor: None }
    }
}

/// An answer that is a page of a list.
#[derive(ApiResponse)]
pub(super) enum PageResponse<T: ParseFromJSON + ToJSON + Example> {
    /// A page of the list.
    #[oai(status = 200)]
    Ok(
        Json<PageBody<T>>,
        /// Where the next page is, as `<…>; rel="next"`; absent on the last one.
        #[oai(header = "Link")]
        Option<String>,
    ),
}

impl<T: ParseFromJSON + ToJSON + Example> PageResponse<T> {
    /// The answer to `asked` that shows `page`.
    pub(super) fn new<I, C>(asked: &PageRequest, page: Page<I, C>) -> Self
    where
        T: From<I>,
        C: Display,
    {
        let link = asked.link_to_next(&page);
        let next_cursor = page.next.map(|next| next.to_string());
        let items = page.items.into_iter().map(T::from).collect();
        Self::Ok(Json(PageBody { items, next_cursor }), link)
    }
}

/// The path and query of a request.
pub(super) struct PageRequest {
    path: String,
    query: Vec<(String, String)>,
}

impl<'a> FromRequest<'a> for PageRequest {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> Result<Self> {
        // Not as the client wrote it: a doubled slash at its beginning would name another server.
        let path = format!("{PREFIX}{}", request.uri().path());
        Ok(Self { path, query: request.params().unwrap_or_default() })
    }
}

impl PageRequest {
    /// What the header `Link` says of the page after this one (RFC 8288): the same request with
    /// another cursor. `None` on the last page.
    pub(super) fn link_to_next<T, C: Display>(&self, page: &Page<T, C>) -> Option<String> {
        let next = page.next.as_ref()?.to_string();
        let others = self.query.iter().filter(|(name, _)| name != "cursor");
        let others = others.map(|(name, value)| (name.as_str(), value.as_str()));
        let query: Vec<String> = others
            .chain([("cursor", next.as_str())])
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        Some(format!("<{}?{}>; rel=\"next\"", self.path, query.join("&")))
    }
}

/// A text as it stands in a path or a query.
pub(super) fn encode(text: &str) -> impl Display {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::KeyCursor;

    #[test]
    fn the_next_page_is_the_same_request_with_another_cursor() {
        let query = [("limit", "2"), ("cursor", "9"), ("q", "a&b é")];
        let query = query.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let asked = PageRequest { path: "/api/v1/users".to_owned(), query };
        let page = Page { items: vec![()], next: Some(KeyCursor(7)) };
        assert_eq!(
            asked.link_to_next(&page).as_deref(),
            Some("</api/v1/users?limit=2&q=a%26b%20%C3%A9&cursor=7>; rel=\"next\"")
        );
        assert_eq!(asked.link_to_next(&Page::<(), KeyCursor> { items: vec![], next: None }), None);
    }
}
