//! The OpenAPI service with all resources, its document, and the document's routes.

use std::sync::{Arc, LazyLock, OnceLock};

use poem::{Endpoint, Response, endpoint::make};
use poem_openapi::{ExternalDocumentObject, OpenApiService};

use super::{
    account::Accounts, follows::Follows, messages::Messages, paths::PREFIX, search::Search,
    stream::Stream, threads::Threads, timelines::Timelines, tokens::Tokens, users::Users,
};
use crate::{
    http::{
        client::Client,
        cookies::CookieNames,
        error_entry::CATALOGUE_PATH,
        openapi::{self, document_representation, with_session_cookie},
        representation::Representation,
        routes::Routes,
    },
    service::Service,
};

const DESCRIPTION: &str = "The JSON API for MiniTwit clients.\n\n\
    **Authentication.** `POST /tokens` exchanges a username and a password for a bearer token. Send it as \
    `Authorization: Bearer …`. Operations that require no token accept one, too, but respond with 401 if it is \
    invalid, expired or revoked. The API ignores cookies, except in `GET /stream`: browsers \
    cannot add a header there, so a page of this server sends its session cookie.\n\n\
    **Scopes.** A token permits what its scopes name: `read`, `write`, `account`. Each operation names the \
    scope that it requires; one that requires no token requires `read` of a token that is sent. A request \
    beyond the scopes is 403. `GET /account` shows the scopes of a token.\n\n\
    **Other sites.** Scripts on any site may use the API and read all its responses (CORS). The server \
    ignores cookies in their requests.\n\n\
    **Lists** are paged and, unless stated otherwise, sorted newest first. `limit` sets the page size (1 to \
    100, 30 by default). The `Link` header with `rel=\"next\"` points to the next page; `next_cursor` in the \
    body is the `cursor` of that page. Items that are added while a client reads a list never make it \
    skip or repeat another item.\n\n\
    **Errors** are problem details (RFC 9457). `code` identifies the type of problem, and `type` leads to its \
    cause and remedy in the [list of codes](/docs/errors). A 422 response names every invalid field and the \
    rule that the field violates. 429 and 503 responses say in `Retry-After` when to retry. A 500 response \
    contains the request id, under which the server logs the cause.";

/// Optional fields that the examples of bodies show: what a script that changes a bio needs.
const SHOWN: &[(&str, &str)] = &[("NewToken", "scopes"), ("AccountChange", "bio")];

type Resources = (Tokens, Accounts, Users, Follows, Messages, Threads, Timelines, Stream, Search);

pub(super) fn openapi_service() -> OpenApiService<Resources, ()> {
    let resources =
        (Tokens, Accounts, Users, Follows, Messages, Threads, Timelines, Stream, Search);
    OpenApiService::new(resources, "MiniTwit API", env!("CARGO_PKG_VERSION"))
        .description(DESCRIPTION)
        .license(openapi::license())
        .contact(openapi::contact())
        .external_document(
            ExternalDocumentObject::new(CATALOGUE_PATH)
                .description("Error codes: causes and remedies"),
        )
        .server(PREFIX)
}

/// The OpenAPI document, as JSON with a final line break.
pub fn document() -> String {
    let mut document = openapi::document(&openapi_service().spec(), SHOWN, |_| {});
    // The library names the schema of a generic type `Page_Message`.
    for item in ["Message", "SearchResult", "Token", "User"] {
        document = document.replace(&format!("Page_{item}\""), &format!("{item}Page\""));
    }
    document
}

pub(super) static ROUTES: LazyLock<Routes> = LazyLock::new(|| Routes::of(&document(), PREFIX));

/// The path in the document, with named parameters, of a matched route pattern.
pub fn route_template(pattern: &str) -> String {
    ROUTES.template(pattern)
}

/// Serves the document with the name of this instance's session cookie.
pub(super) fn document_endpoint(service: Service) -> impl Endpoint<Output = Response> {
    let general = Arc::new(document_representation(document()));
    let named: Arc<[OnceLock<Representation>; 2]> = Arc::default();
    make(move |request| {
        let (service, general, named) = (service.clone(), Arc::clone(&general), Arc::clone(&named));
        async move {
            let https = request.data::<Client>().is_some_and(|client| client.https);
            let instance = service.instance().await.ok();
            let representation = instance.map(|instance| {
                named[usize::from(https)].get_or_init(|| {
                    let cookie = CookieNames::new(&instance.name, https).session();
                    document_representation(with_session_cookie(&document(), &cookie))
                })
            });
            // Without a database, the name is unknown.
            representation.unwrap_or(&general).revalidated(request.headers())
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::domain::{BIO_MAX_CHARS, DisplayName, MESSAGE_TEXT_MAX_CHARS, TokenName};

    #[test]
    fn examples_show_how_to_make_a_token_that_may_change_a_bio() {
        let document: Value = serde_json::from_str(&document()).expect("JSON");
        let example = |schema: &str| document["components"]["schemas"][schema]["example"].clone();
        assert_eq!(example("NewToken")["scopes"], serde_json::json!(["read", "write"]));
        assert_eq!(example("AccountChange"), serde_json::json!({"bio": "Anybody out there?"}));
    }

    #[test]
    fn documented_lengths_equal_those_of_the_domain() {
        let document: Value = serde_json::from_str(&document()).expect("JSON");
        for (schema, field, max_length) in [
            ("MessageContent", "text", MESSAGE_TEXT_MAX_CHARS),
            ("AccountChange", "bio", BIO_MAX_CHARS),
            ("AccountChange", "display_name", DisplayName::MAX_CHARS),
            ("NewToken", "name", TokenName::MAX_CHARS),
        ] {
            let path = format!("/components/schemas/{schema}/properties/{field}/maxLength");
            let documented = document.pointer(&path).and_then(Value::as_u64);
            assert_eq!(documented, u64::try_from(max_length).ok(), "{path}");
        }
    }
}
