//! The JSON API: everything that a client of MiniTwit needs, for apps, programs and the curious.
//!
//! May use `service` and what lies below it, and `surface`. One file a resource; what holds for every
//! request (bearer tokens, failures, fields, pages) has a file of its own.

mod auth;
mod document;
mod failure;
mod fields;
mod following;
mod messages;
mod paging;
mod problem;
mod profiles;
mod search;
mod stream;
mod timelines;
mod tokens;
mod users;
mod values;

use poem::{Endpoint, EndpointExt, IntoEndpoint, Response};
use poem_openapi::{OpenApiService, Tags};

pub use document::{document, route_template};

use crate::{
    http::{middleware::request_limits::RequestLimits, openapi},
    service::Service,
};

/// Where this API is.
pub const PREFIX: &str = "/api/v1";

#[derive(Tags)]
enum Resource {
    /// Bearer tokens: how a client signs in.
    Tokens,
    /// Signing up, profiles, and the own account.
    Users,
    /// Who follows whom.
    Follows,
    /// Posting and reading messages.
    Messages,
    /// Finding messages and users.
    Search,
    /// New messages as they come.
    Stream,
}

type Apis = (
    tokens::Tokens,
    users::Users,
    following::Follows,
    messages::Messages,
    timelines::Timelines,
    stream::Stream,
    search::Search,
);

fn openapi_service() -> OpenApiService<Apis, ()> {
    let apis = (
        tokens::Tokens,
        users::Users,
        following::Follows,
        messages::Messages,
        timelines::Timelines,
        stream::Stream,
        search::Search,
    );
    OpenApiService::new(apis, "MiniTwit API", env!("CARGO_PKG_VERSION"))
        .description(DESCRIPTION)
        .license(openapi::license())
        .server(PREFIX)
}

const DESCRIPTION: &str = "Everything that a client of MiniTwit needs.\n\n\
    **Signing in.** `POST /tokens` gives a bearer token for a name and a password; send it as \
    `Authorization: Bearer …`. Operations that anybody may use take a token, too, and refuse one that \
    is no longer good. Cookies count for nothing, but for `GET /stream`, which browsers send no \
    token with.\n\n\
    **Lists** come newest first, `limit` items at a time (1 to 100). The next page is what the answer's \
    `Link` header with `rel=\"next\"` points to; `next_cursor` in the body is the same place. While \
    items are added, none is shown twice and none is skipped.\n\n\
    **Failures** are problem details (RFC 9457). 422 names every field that breaks a rule, with the \
    rule. 429 and 503 say in `Retry-After` when to try again. 500 says under which identity the \
    server's log has the cause.";

/// The API, to be served at [`PREFIX`]. Refusals by `limits` become problems as all others do.
pub fn endpoint(
    service: Service,
    limits: RequestLimits,
) -> impl Endpoint<Output = Response> + 'static {
    openapi_service()
        .into_endpoint()
        .before(move |request| limits.read_body(request))
        .around(failure::render)
        .data(service)
}
