//! Lists: the page that a request selects, and the response with a link to the next page.

use std::{fmt::Display, str::FromStr};

use poem::{FromRequest, Request, RequestBody, Result};
use poem_openapi::{
    ApiResponse, Object,
    param::Query,
    payload::Json,
    registry::MetaSchema,
    types::{Example, ParseFromJSON, ToJSON, Type},
};
use time::macros::datetime;

use super::{
    fields::{FieldErrors, Unparsed, cursor},
    paths::{PREFIX, encode},
    problem::Problem,
};
use crate::{
    domain::{Cursor, KeyCursor, PAGE_SIZE, Page},
    http::openapi::documented_type,
};

const MAX_LIMIT: u16 = 100;

/// A page size, as the document describes it.
pub(super) struct Limit;

documented_type!(
    Limit,
    "Limit",
    MetaSchema {
        minimum: Some(1.0),
        maximum: Some(MAX_LIMIT.into()),
        ..MetaSchema::new_with_format("integer", "int32")
    }
);
documented_type!(Cursor, "Cursor", string(r"^-?\d{1,18}_-?\d{1,18}$"));
documented_type!(KeyCursor, "KeyCursor", string(r"^\d{1,18}$"));

fn string(pattern: &str) -> MetaSchema {
    MetaSchema { pattern: Some(pattern.to_owned()), ..MetaSchema::new("string") }
}

pub(super) type LimitParam = Query<Unparsed<Option<Limit>>>;
pub(super) type CursorParam<C> = Query<Unparsed<Option<C>>>;

/// The page that a request selects.
pub(super) struct PageParams<C> {
    /// The position after which the page starts; `None` for the first page.
    pub(super) before: Option<C>,
    pub(super) limit: u16,
}

impl<C: FromStr + Type> PageParams<C> {
    pub(super) fn parse(limit: LimitParam, cursor: CursorParam<C>) -> Result<Self, Problem> {
        let mut errors = FieldErrors::default();
        let limit = parse_limit(&mut errors, limit);
        let before = parse_cursor(&mut errors, cursor);
        errors.finish(Some(Self { before, limit }))
    }
}

/// Parses the parameter `limit`; [`PAGE_SIZE`] if it is absent.
pub(super) fn parse_limit(errors: &mut FieldErrors, limit: LimitParam) -> u16 {
    errors.integer("limit", limit.0, 1..=MAX_LIMIT).unwrap_or(PAGE_SIZE)
}

pub(super) fn parse_cursor<T: Type, C: FromStr>(
    errors: &mut FieldErrors,
    param: Query<Unparsed<T>>,
) -> Option<C> {
    errors.string("cursor", param.0, cursor)
}

pub(super) fn default_limit() -> Unparsed<Option<Limit>> {
    PAGE_SIZE.into()
}

pub(super) fn example_cursor() -> Unparsed<Option<Cursor>> {
    Cursor::new(datetime!(2020-02-21 00:21 UTC), 7).to_string().into()
}

pub(super) fn example_key_cursor() -> Unparsed<Option<KeyCursor>> {
    KeyCursor(7).to_string().into()
}

/// One page of a list.
#[derive(Debug, Object)]
#[oai(rename = "Page", example)]
pub(super) struct PageBody<T: ParseFromJSON + ToJSON + Example> {
    /// The items, in the order of the list.
    items: Vec<T>,
    /// The `cursor` of the next page; null on the last page.
    #[oai(nullable)]
    next_cursor: Option<String>,
}

impl<T: ParseFromJSON + ToJSON + Example> Example for PageBody<T> {
    fn example() -> Self {
        Self { items: vec![T::example()], next_cursor: None }
    }
}

#[derive(ApiResponse)]
pub(super) enum PageResponse<T: ParseFromJSON + ToJSON + Example> {
    /// One page of the list.
    #[oai(status = 200)]
    Ok(
        Json<PageBody<T>>,
        /// The next page, as `<…>; rel="next"`; absent on the last page.
        #[oai(header = "Link")]
        Option<String>,
    ),
}

impl<T: ParseFromJSON + ToJSON + Example> PageResponse<T> {
    pub(super) fn new<I, C>(request: &PageRequest, page: Page<I, C>) -> Self
    where
        T: From<I>,
        C: Display,
    {
        let next_cursor = page.next.map(|next| next.to_string());
        let link = next_cursor.as_deref().map(|cursor| request.link_to(cursor));
        let items = page.items.into_iter().map(T::from).collect();
        Self::Ok(Json(PageBody { items, next_cursor }), link)
    }
}

/// The path and query of a request for a page.
pub(super) struct PageRequest {
    path: String,
    query: Vec<(String, String)>,
}

impl<'a> FromRequest<'a> for PageRequest {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> Result<Self> {
        // Adds the prefix: a bare path could begin with `//`, which would name another host.
        let path = format!("{PREFIX}{}", request.uri().path());
        Ok(Self { path, query: request.params().unwrap_or_default() })
    }
}

impl PageRequest {
    /// The value of the `Link` header (RFC 8288): the same request with another cursor.
    fn link_to(&self, cursor: &str) -> String {
        let others = self.query.iter().filter(|(name, _)| name != "cursor");
        let others = others.map(|(name, value)| (name.as_str(), value.as_str()));
        let query: Vec<String> = others
            .chain([("cursor", cursor)])
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        format!("<{}?{}>; rel=\"next\"", self.path, query.join("&"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_to_the_next_page_keeps_the_other_parameters() {
        let query = [("limit", "2"), ("cursor", "9"), ("q", "a&b é")];
        let query = query.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let request = PageRequest { path: "/api/v1/users".to_owned(), query };
        assert_eq!(
            request.link_to("7"),
            "</api/v1/users?limit=2&q=a%26b%20%C3%A9&cursor=7>; rel=\"next\""
        );
    }
}
