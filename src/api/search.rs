//! Search for messages and for users.

use poem::web::Data;
use poem_openapi::{Object, OpenApi, param::Query, registry::MetaSchema, types::Example};

use super::{
    auth::OptionalCaller,
    failure::{Failure, failures},
    fields::{FieldErrors, Unparsed},
    messages::Message,
    paging::{LimitParam, PageRequest, PageResponse, default_limit, parse_cursor, parse_limit},
    profiles::User,
    tags::Tag,
};
use crate::{
    domain::{self, Invalid, SearchText},
    http::openapi::documented_type,
    service::Service,
};

#[derive(Debug, Clone, Copy)]
enum SearchTarget {
    Messages,
    Users,
}

documented_type!(
    SearchTarget,
    "SearchTarget",
    MetaSchema { enum_items: vec!["messages".into(), "users".into()], ..MetaSchema::new("string") }
);

impl SearchTarget {
    fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "messages" => Ok(Self::Messages),
            "users" => Ok(Self::Users),
            _ => Err(Invalid::new("must be messages or users")),
        }
    }
}

/// A message or a user that matches the search.
#[derive(Debug, Object)]
#[oai(example)]
pub(super) struct SearchResult {
    /// The message; present if `kind` is `messages`.
    #[oai(skip_serializing_if_is_none)]
    message: Option<Message>,
    /// The user; present if `kind` is `users`.
    #[oai(skip_serializing_if_is_none)]
    user: Option<User>,
}

impl Example for SearchResult {
    fn example() -> Self {
        Self { message: Some(Message::example()), user: None }
    }
}

impl From<domain::Message> for SearchResult {
    fn from(message: domain::Message) -> Self {
        Self { message: Some(message.into()), user: None }
    }
}

impl From<domain::Profile> for SearchResult {
    fn from(profile: domain::Profile) -> Self {
        Self { message: None, user: Some(profile.into()) }
    }
}

failures! {
    Find = OPTIONAL_TOKEN, [], "q": "You have to enter what to search for";
}

pub(super) struct Search;

#[OpenApi(tag = "Tag::Search")]
impl Search {
    /// Search messages or users
    ///
    /// Returns the messages that contain all words of the text, newest first; the last word may be
    /// the beginning of a word. In scripts without spaces between words, such as Chinese, Japanese
    /// and Thai, a message matches if it contains the text anywhere. With `kind=users`, returns the
    /// users whose usernames begin with the text, sorted by username. It understands `@` before a
    /// username. The search ignores case and invisible characters, and finds emoji.
    #[oai(path = "/search", method = "get", operation_id = "search")]
    #[expect(clippy::too_many_arguments, reason = "one argument for each part of the request")]
    async fn search(
        &self,
        _caller: OptionalCaller,
        /// The text to search for: 1 to 100 characters, at least one of them visible.
        #[oai(
            example = "example_text",
            validator(
                min_length = 1,
                max_length = 100,
                pattern = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"
            )
        )]
        q: Query<Unparsed<String>>,
        /// What to search: messages or users.
        #[oai(default = "default_target", example = "default_target")]
        kind: Query<Unparsed<Option<SearchTarget>>>,
        /// The maximum number of results in the response.
        #[oai(default = "default_limit", example = "default_limit")]
        limit: LimitParam,
        /// The `next_cursor` of the previous page; absent for the first page.
        #[oai(example = "example_cursor", validator(pattern = r"^[^\u0000]*$"))]
        cursor: Query<Unparsed<Option<String>>>,
        request: PageRequest,
        service: Data<&Service>,
    ) -> Result<PageResponse<SearchResult>, Failure<Find>> {
        let mut errors = FieldErrors::default();
        let text = errors.string("q", q.0, SearchText::parse);
        let target = errors.string("kind", kind.0, SearchTarget::parse);
        let limit = parse_limit(&mut errors, limit);
        match target.unwrap_or(SearchTarget::Messages) {
            SearchTarget::Messages => {
                let before = parse_cursor(&mut errors, cursor);
                let text = errors.finish(text)?;
                let page = service.search_messages(&text, before, limit).await?;
                Ok(PageResponse::new(&request, page))
            }
            SearchTarget::Users => {
                let after = parse_cursor(&mut errors, cursor);
                let text = errors.finish(text)?;
                let page = service.search_users(&text, after.as_ref(), limit).await?;
                Ok(PageResponse::new(&request, page))
            }
        }
    }
}

fn example_text() -> Unparsed<String> {
    "anybody".into()
}

fn example_cursor() -> Unparsed<Option<String>> {
    "1582244460000000_7".into()
}

fn default_target() -> Unparsed<Option<SearchTarget>> {
    "messages".into()
}
