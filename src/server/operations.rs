//! The operator endpoints and the API documents: health, readiness, metrics, OpenAPI and Swagger UI.

use listener::Shutdown;
use metrics_exporter_prometheus::PrometheusHandle;
use poem::{
    Endpoint, Response, Route,
    endpoint::make,
    get,
    http::{HeaderValue, StatusCode, header},
};
use serde_json::json;

use crate::{
    api,
    http::openapi::{Documented, swagger_ui},
    service::Service,
    simulator_api,
    telemetry::request::log_failure,
};

pub(super) const HEALTHY: &str = "/healthz";
pub(super) const READY: &str = "/readyz";

/// Swagger UI is one page with inline script and style. It sends requests to this server only.
const DOCS_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);

pub(super) fn add_to(
    routes: Route,
    service: &Service,
    metrics: &PrometheusHandle,
    shutdown: &Shutdown,
) -> Route {
    let [api, simulator] = documents();
    let page = swagger_ui(&[api.clone(), simulator.clone()]);
    let json = |documented: Documented| fixed("application/json", documented.document, None);
    routes
        .at(
            HEALTHY,
            get(make(|_| async { json_response(StatusCode::OK, json!({"status": "ok"})) })),
        )
        .at(READY, get(ready(service.clone(), shutdown.clone())))
        .at("/metrics", get(render_metrics(service.clone(), metrics.clone())))
        .at("/openapi.json", get(json(simulator)))
        .at(format!("{}/openapi.json", api::PREFIX), get(json(api)))
        .at("/docs", get(fixed("text/html; charset=utf-8", page, Some(DOCS_POLICY))))
}

/// The API documents. Swagger UI shows the first by default.
fn documents() -> [Documented; 2] {
    [
        Documented { key: "v1", title: "MiniTwit API", document: api::document() },
        Documented {
            key: "simulator",
            title: "MiniTwit simulator API",
            document: simulator_api::document(),
        },
    ]
}

/// Whether this replica should get requests: it is not draining, and its database responds and has a
/// compatible schema.
fn ready(service: Service, shutdown: Shutdown) -> impl Endpoint<Output = Response> {
    make(move |_| {
        let (service, shutdown) = (service.clone(), shutdown.clone());
        async move {
            if shutdown.is_draining() {
                return not_ready("the server is about to stop");
            }
            match service.check_schema().await {
                Ok(()) => json_response(StatusCode::OK, json!({"status": "ready"})),
                Err(error) => {
                    log_failure(&error);
                    not_ready(&error.public_reason())
                }
            }
        }
    })
}

fn not_ready(reason: &str) -> Response {
    let body = json!({"status": "not ready", "reason": reason});
    json_response(StatusCode::SERVICE_UNAVAILABLE, body)
}

fn render_metrics(service: Service, handle: PrometheusHandle) -> impl Endpoint<Output = Response> {
    make(move |_| {
        let (service, handle) = (service.clone(), handle.clone());
        async move {
            service.record_pool_metrics();
            Response::builder().content_type("text/plain; version=0.0.4").body(handle.render())
        }
    })
}

/// A constant response, which caches revalidate before each use.
fn fixed(
    content_type: &'static str,
    body: String,
    policy: Option<HeaderValue>,
) -> impl Endpoint<Output = Response> {
    make(move |_| {
        let mut response = Response::builder()
            .content_type(content_type)
            .header(header::CACHE_CONTROL, "no-cache")
            .body(body.clone());
        if let Some(policy) = policy.clone() {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        async move { response }
    })
}

fn json_response(status: StatusCode, body: serde_json::Value) -> Response {
    let response = Response::builder().status(status).content_type("application/json");
    match status {
        StatusCode::SERVICE_UNAVAILABLE => response.header(header::RETRY_AFTER, "1"),
        _ => response,
    }
    .header(header::CACHE_CONTROL, "no-store")
    .body(body.to_string())
}
