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
    http::client::Client,
    telemetry::{request::RequestId, routes::Route},
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// What the log says of a request that was cut off before its answer, by its client or by the end of
/// the server's patience when it stops (nginx's number for it).
const CLIENT_CLOSED_REQUEST: u16 = 499;
/// The middleware.
#[derive(Debug, Clone, Copy)]
pub struct AccessLog {
    /// The route template of a matched pattern.
    pub template: fn(&str) -> String,
    /// The path of the readiness check, whose successes are not logged.
    pub ready_path: &'static str,
}

impl<E: Endpoint> Middleware<E> for AccessLog {
    type Output = AccessLogEndpoint<E>;

    fn transform(&self, inner: E) -> AccessLogEndpoint<E> {
        AccessLogEndpoint { inner, settings: *self }
    }
}

/// The endpoint of [`AccessLog`].
pub struct AccessLogEndpoint<E> {
    inner: E,
    settings: AccessLog,
}

impl<E: Endpoint> Endpoint for AccessLogEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let id = RequestId::random();
        let mut entry = Entry::begin(id, &request, self.settings);
        let answer = id.scope(self.inner.call(request)).await;
        let mut response = answer.map_or_else(|e| e.into_response(), IntoResponse::into_response);
        if let Ok(value) = HeaderValue::try_from(id.to_string()) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        entry.status = response.status().as_u16();
        if let Some(PathPattern(pattern)) = response.data() {
            entry.route = Route::of(pattern, self.settings.template);
        }
        Ok(response)
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
    ready_path: &'static str,
}

impl Entry {
    fn begin(id: RequestId, request: &Request, settings: AccessLog) -> Self {
        Self {
            id,
            begun: Instant::now(),
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            client: request.data::<Client>().map(|client| client.address),
            status: CLIENT_CLOSED_REQUEST,
            route: Route::of("", settings.template),
            ready_path: settings.ready_path,
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let took = self.begun.elapsed();
        self.route.answered(self.method.as_str(), self.status, took);
        // A proxy asks every second: that all is well would drown everything else.
        if self.path == self.ready_path && self.status == 200 {
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
