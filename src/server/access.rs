//! Accounts for every request: an identity, one line in the log, and the metrics. That a server is
//! ready is no line.
//!
//! The line has no query string, no header and no body: none of them can carry a secret into the log.

use std::{sync::Arc, time::Instant};

use poem::{
    Endpoint, IntoResponse, Middleware, PathPattern, Request, Response, Result,
    http::{HeaderName, HeaderValue, Method},
};

use crate::{
    api, sim,
    surface::client::Client,
    telemetry::{request::RequestId, routes::Route},
    web,
};

use super::operations::READY;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// What the log says of a request that was cut off before its answer, by its client or by the end of
/// the server's patience when it stops (nginx's number for it).
const CLIENT_CLOSED_REQUEST: u16 = 499;
/// The label of a request that no route took.
const UNMATCHED: &str = "unmatched";

/// The middleware.
pub(super) struct Account;

impl<E: Endpoint> Middleware<E> for Account {
    type Output = Accounted<E>;

    fn transform(&self, inner: E) -> Accounted<E> {
        Accounted(inner)
    }
}

pub(super) struct Accounted<E>(E);

impl<E: Endpoint> Endpoint for Accounted<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let id = RequestId::random();
        let mut entry = Entry::begin(id, &request);
        let answer = id.scope(self.0.call(request)).await;
        let mut response = answer.map_or_else(|e| e.into_response(), IntoResponse::into_response);
        if let Ok(value) = HeaderValue::try_from(id.to_string()) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        entry.status = response.status().as_u16();
        if let Some(PathPattern(pattern)) = response.data() {
            entry.route = Route::of(pattern, template);
        }
        Ok(response)
    }
}

/// What a matched route is called; where only the place matched that further routes are at, as if
/// nothing had.
fn template(pattern: &str) -> String {
    if ["", api::PREFIX, sim::PREFIX].contains(&pattern) {
        return UNMATCHED.to_owned();
    }
    // On its port of its own the simulator API has no prefix.
    if pattern.starts_with(api::PREFIX) {
        api::route_template(pattern)
    } else if pattern.starts_with(sim::PREFIX) {
        sim::route_template(pattern)
    } else {
        web::route_template(&sim::route_template(pattern))
    }
}

/// A request's line in the log, written when it is dropped: also when the client hangs up.
struct Entry {
    id: RequestId,
    begun: Instant,
    method: Method,
    path: String,
    client: Option<std::net::IpAddr>,
    status: u16,
    route: Arc<Route>,
}

impl Entry {
    fn begin(id: RequestId, request: &Request) -> Self {
        Self {
            id,
            begun: Instant::now(),
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            client: request.data::<Client>().map(|client| client.address),
            status: CLIENT_CLOSED_REQUEST,
            route: Route::of("", template),
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let took = self.begun.elapsed();
        self.route.answered(self.method.as_str(), self.status, took);
        // A proxy asks every second: that all is well would drown everything else.
        if self.path == READY && self.status == 200 {
            return;
        }
        tracing::info!(
            request_id = %self.id,
            method = %self.method,
            path = self.path,
            route = self.route.template(),
            status = self.status,
            duration_ms = took.as_secs_f64() * 1_000.0,
            client = self.client.map(tracing::field::display),
            "request"
        );
    }
}
