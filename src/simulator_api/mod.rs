//! The simulator API: the contract that a client drives at a growing rate, to the letter.
//!
//! May use `service` and what lies below it. One file a resource; what the contract says of every
//! request (credentials, `latest`, the form of failures) has a file of its own.

mod accounts;
mod auth;
mod document;
mod failure;
mod following;
mod messages;
mod params;
mod record_latest;
mod rejected_command;

use poem::{Endpoint, EndpointExt, IntoEndpoint, Middleware, Response, endpoint::BoxEndpoint};
use poem_openapi::{OpenApiService, Tags};

pub use auth::Credentials;
pub use document::{document, route_template};

use crate::{http::openapi, service::Service};

/// Where the pages' server keeps this API.
pub const PREFIX: &str = "/sim";

#[derive(Tags)]
enum Resource {
    /// Signing up, and what the simulator sent last.
    Simulator,
    /// Posting and reading messages.
    Messages,
    /// Who follows whom.
    Follows,
}

type Apis = (accounts::Accounts, messages::Messages, following::Follows);

fn openapi_service() -> OpenApiService<Apis, ()> {
    let apis = (accounts::Accounts, messages::Messages, following::Follows);
    OpenApiService::new(apis, "MiniTwit simulator API", env!("CARGO_PKG_VERSION"))
        .description(
            "The contract between MiniTwit and its simulator. Each request may carry `latest`, the \
             number of the simulator's command; every failure is a JSON object of a status and a \
             text.",
        )
        .license(openapi::license())
        .server(PREFIX)
}

/// The API, to be served below any prefix. `limits` goes around every request, and its refusals
/// become JSON as all others do.
pub fn endpoint<M>(
    service: Service,
    credentials: Credentials,
    limits: M,
) -> impl Endpoint<Output = Response> + 'static
where
    M: Middleware<BoxEndpoint<'static, Response>>,
    M::Output: 'static,
{
    openapi_service()
        .into_endpoint()
        .with(limits)
        .with(record_latest::RecordLatest)
        .around(failure::render)
        .data(service)
        .data(credentials)
}

/// Around each operation: counts the requests that it is serving.
fn in_flight<E: Endpoint + 'static>(operation: E) -> impl Endpoint<Output = E::Output> {
    openapi::in_flight(operation, route_template)
}
