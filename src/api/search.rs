//! Searching for messages and for users.

use poem::web::Data;
use poem_openapi::{Object, OpenApi, param::Query, types::Example};

use super::{
    Resource,
    auth::MaybeCaller,
    failure::Failure,
    fields::{Field, OptionalField, Refusals},
    messages::Message,
    paging::{Limit, PageRequest, PageResponse, default_limit},
    profiles::Profile,
    values::{Kind, Text},
};
use crate::http::openapi::statuses;
use crate::{
    domain::{self, PAGE_SIZE, SearchText},
    service::Service,
};

/// What was found: a message or a user.
#[derive(Debug, Object)]
#[oai(example)]
pub(super) struct Found {
    /// The message, if it is one.
    #[oai(skip_serializing_if_is_none)]
    message: Option<Message>,
    /// The user, if it is one.
    #[oai(skip_serializing_if_is_none)]
    user: Option<Profile>,
}

impl Example for Found {
    fn example() -> Self {
        Self { message: Some(Message::example()), user: None }
    }
}

impl From<domain::Message> for Found {
    fn from(message: domain::Message) -> Self {
        Self { message: Some(message.into()), user: None }
    }
}

impl From<domain::Profile> for Found {
    fn from(profile: domain::Profile) -> Self {
        Self { message: None, user: Some(profile.into()) }
    }
}

statuses! {
    Find = [401, 422];
}

pub(super) struct Search;

#[OpenApi(tag = "Resource::Search")]
impl Search {
    /// Search
    ///
    /// Messages that have all words of the text, whose last one may be the beginning of a word; where
    /// a script puts no spaces between words, its characters anywhere in a message. Newest first. Or
    /// users whose names begin with the text, by name. Upper and lower case are the same.
    #[oai(path = "/search", method = "get", operation_id = "search")]
    #[expect(clippy::too_many_arguments, reason = "one for each part of the request")]
    async fn search(
        &self,
        _caller: MaybeCaller,
        /// What to search for: 1 to 100 characters.
        #[oai(example = "example_text")]
        q: Query<Field<SearchText>>,
        /// What to search.
        #[oai(default = "default_kind", example = "default_kind")]
        kind: Query<OptionalField<Kind>>,
        /// How many results at most.
        #[oai(default = "default_limit", example = "default_limit")]
        limit: Query<OptionalField<Limit>>,
        /// The place after which the page begins: `next_cursor` of the one before.
        #[oai(example = "example_cursor")]
        cursor: Query<OptionalField<Text>>,
        asked: PageRequest,
        service: Data<&Service>,
    ) -> Result<PageResponse<Found>, Failure<Find>> {
        let mut refusals = Refusals::default();
        let text = refusals.required("q", q.0);
        let kind = refusals.optional("kind", kind.0).unwrap_or(Kind::Messages);
        let limit = refusals.optional("limit", limit.0).map_or(PAGE_SIZE, |limit| limit.0);
        let cursor = refusals.optional("cursor", cursor.0);
        match kind {
            Kind::Messages => {
                let before = refusals.place(cursor);
                let text = refusals.all(text)?;
                let page = service.search_messages(&text, before, limit).await?;
                Ok(PageResponse::new(&asked, page))
            }
            Kind::Users => {
                let after = refusals.place(cursor);
                let text = refusals.all(text)?;
                let page = service.search_users(&text, after.as_ref(), limit).await?;
                Ok(PageResponse::new(&asked, page))
            }
        }
    }
}

fn example_text() -> Field<SearchText> {
    SearchText::parse("anybody").map_or(Field::Absent, Field::Given)
}

fn example_cursor() -> OptionalField<Text> {
    Text::from("1582244460000000_7").into()
}

fn default_kind() -> OptionalField<Kind> {
    Kind::Messages.into()
}
