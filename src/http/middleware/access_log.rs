//! Gives each request an id, one log line and its metrics.
//!
//! The line has no query string, header or body, because those may carry secrets.

use std::{net::IpAddr, sync::Arc, time::Instant};

use poem::{
    Endpoint, PathPattern, Request, Response, Result,
    http::{HeaderName, HeaderValue, Method},
};
use tracing::Span;

use crate::{
    http::client::Client,
    telemetry::{
        metrics::InFlightGauge,
        request::{RequestId, cut},
        route_metrics::RouteMetrics,
    },
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The logged status, as in nginx, if the connection closed before the response: the client closed
/// it, or the shutdown time-out expired.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// The access log's settings for the routes.
#[derive(Debug, Clone, Copy)]
pub struct AccessLog {
    /// The route template of a matched pattern.
    pub template: fn(&str) -> String,
    /// The path of the readiness check, whose successes are not logged.
    pub ready_path: &'static str,
}

impl AccessLog {
    /// Calls `endpoint`, and logs and counts the request.
    pub async fn call<E: Endpoint>(self, endpoint: Arc<E>, request: Request) -> Result<Response> {
        let id = RequestId::random();
        let mut entry = Entry::begin(self, id.span(), &request);
        let span = entry.span.clone();
        // Boxed, because each wrapper would move this large future.
        let response = Box::pin(endpoint.get_response(request));
        let mut response = id.scope(span, response).await;
        if let Ok(value) = HeaderValue::try_from(id.to_string()) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        entry.status = response.status().as_u16();
        if let Some(PathPattern(pattern)) = response.data() {
            entry.route = RouteMetrics::of(pattern, self.template);
        }
        Ok(response)
    }
}

/// A request's log line. Written on drop, so that a cancelled request is logged, too.
struct Entry {
    span: Span,
    start: Instant,
    method: Method,
    path: String,
    client: Option<IpAddr>,
    status: u16,
    route: Arc<RouteMetrics>,
    ready_path: &'static str,
    _in_flight: InFlightGauge,
}

impl Entry {
    fn begin(settings: AccessLog, span: Span, request: &Request) -> Self {
        Self {
            span,
            start: Instant::now(),
            method: request.method().clone(),
            path: cut(request.uri().path()).to_owned(),
            client: request.data::<Client>().map(|client| client.address),
            status: CLIENT_CLOSED_REQUEST,
            route: RouteMetrics::of("", settings.template),
            ready_path: settings.ready_path,
            _in_flight: InFlightGauge::http_request(),
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let duration = self.start.elapsed();
        self.route.record(self.method.as_str(), self.status, duration);
        // A proxy checks every second; these successes would hide other lines.
        if self.path == self.ready_path && self.status == 200 {
            return;
        }
        tracing::info!(
            parent: &self.span,
            method = %self.method,
            path = self.path,
            route = self.route.template(),
            status = self.status,
            duration_ms = duration.as_secs_f64() * 1_000.0,
            client = self.client.map(tracing::field::display),
            "request"
        );
    }
}
