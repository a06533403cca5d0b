//! The simulator API: the contract with the simulator and its other clients.
//!
//! May use `service` and the layers below it. One file per resource; separate files for
//! the rules of every request (credentials, `latest`, errors).

mod auth;
mod count;
mod document;
mod error;
mod follows;
mod judgement;
mod latest;
mod messages;
mod params;
mod record_latest;
mod registration;
mod rejected_command;
mod render;
mod tags;

use poem::{Endpoint, EndpointExt, IntoEndpoint, Response};

pub use auth::Credentials;
pub use document::{PREFIX, document, route_template};

use crate::{http::middleware::request_limits::RequestLimits, service::Service};

/// The API, for any prefix.
pub fn endpoint(
    service: Service,
    credentials: Credentials,
    limits: RequestLimits,
) -> impl Endpoint<Output = Response> + 'static {
    document::openapi_service()
        .into_endpoint()
        .before(move |request| limits.read_body(request))
        .around(record_latest::record_latest)
        .around(render::render_errors)
        .around(count::count_commands)
        .data(service)
        .data(credentials)
}
