//! The operator endpoints and the documentation of the APIs: health, readiness, metrics, Swagger UI, and
//! the simulator API's document. The JSON API serves its own.

use std::{sync::Arc, time::Duration};

use listener::Shutdown;
use metrics_exporter_prometheus::PrometheusHandle;
use poem::{
    Endpoint, EndpointExt, Response, Route,
    endpoint::make,
    http::{HeaderValue, StatusCode, header},
};
use serde_json::json;
use tokio::time::timeout;

use crate::{
    api,
    db::{Connection, PgConnectOptions, migrations},
    http::{
        errors::{RETRY_AFTER_SECONDS, call_and_render, plain_text},
        methods::read,
        middleware::request_head,
        openapi::{DOCUMENT_PATH, Documented, document_endpoint, swagger_ui},
        representation::Representation,
    },
    service::Service,
    simulator_api,
    telemetry::{process, request::log_failure},
};

/// The longest time for a database to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) const HEALTHY: &str = "/healthz";
pub(super) const READY: &str = "/readyz";

/// Swagger UI is one page with inline script and style. It sends requests to this server only.
const DOCS_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);

/// Adds health, readiness and metrics.
pub(super) fn add_checks(
    routes: Route,
    service: &Service,
    metrics: &PrometheusHandle,
    shutdown: &Shutdown,
) -> Route {
    routes
        .at(HEALTHY, operation(healthy()))
        .at(READY, operation(ready(service.clone(), shutdown.clone())))
        .at("/metrics", operation(render_metrics(service.clone(), metrics.clone())))
}

/// Adds health, readiness and metrics of `minitwit postgres`.
pub(super) fn add_database_checks(
    routes: Route,
    options: PgConnectOptions,
    metrics: PrometheusHandle,
) -> Route {
    let ready = make(move |_| {
        let options = options.clone();
        async move {
            match connect(&options).await {
                Ok(()) => json_response(StatusCode::OK, json!({"status": "ready"})),
                Err(reason) => not_ready(&reason),
            }
        }
    });
    let render = make(move |_| {
        process::collect();
        let body = metrics.render();
        async move { Response::builder().content_type("text/plain; version=0.0.4").body(body) }
    });
    routes
        .at(HEALTHY, operation(healthy()))
        .at(READY, operation(ready))
        .at("/metrics", operation(render))
}

/// Checks that the database accepts a connection.
async fn connect(options: &PgConnectOptions) -> Result<(), String> {
    let connect = async {
        let connection = migrations::connect(options).await.map_err(|error| error.to_string())?;
        connection.close().await.map_err(|error| error.to_string())
    };
    timeout(CONNECT_TIMEOUT, connect).await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
}

fn healthy() -> impl Endpoint<Output = Response> {
    make(|_| async { json_response(StatusCode::OK, json!({"status": "ok"})) })
}

/// Adds the checks, the API documents and their page.
pub(super) fn add_to(
    routes: Route,
    service: &Service,
    metrics: &PrometheusHandle,
    shutdown: &Shutdown,
) -> Route {
    let [api, simulator] = documents();
    let page = swagger_ui(&[api, simulator.clone()]);
    add_checks(routes, service, metrics, shutdown)
        .at(DOCUMENT_PATH, operation(document_endpoint(simulator.document.clone())))
        .at(
            format!("{}{DOCUMENT_PATH}", simulator_api::PREFIX),
            operation(document_endpoint(simulator.document)),
        )
        .at("/docs", operation(swagger_ui_page(page)))
}

/// A route that reads. Its errors are plain text.
fn operation(
    endpoint: impl Endpoint<Output = Response> + 'static,
) -> impl Endpoint<Output = Response> + 'static {
    read(endpoint)
        .before(async |request| match request_head::check(&request) {
            Ok(()) => Ok(request),
            Err(error) => Err(error.into()),
        })
        .around(async |endpoint, request| {
            Ok(call_and_render(endpoint, request, async |error| plain_text(&error)).await)
        })
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

/// Whether this replica should get requests: it is not draining, and its database has a compatible
/// schema and accepts writes.
fn ready(service: Service, shutdown: Shutdown) -> impl Endpoint<Output = Response> {
    make(move |_| {
        let (service, shutdown) = (service.clone(), shutdown.clone());
        async move {
            if shutdown.is_draining() {
                return not_ready("the server is about to stop");
            }
            match service.check_readiness().await {
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
            service.record_saturation();
            process::collect();
            Response::builder().content_type("text/plain; version=0.0.4").body(handle.render())
        }
    })
}

fn swagger_ui_page(page: String) -> impl Endpoint<Output = Response> {
    let page = Arc::new(Representation::new("text/html; charset=utf-8", page));
    make(move |request| {
        let page = Arc::clone(&page);
        async move {
            let mut response = page.revalidated(request.headers());
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, DOCS_POLICY);
            response
        }
    })
}

fn json_response(status: StatusCode, body: serde_json::Value) -> Response {
    let response = Response::builder().status(status).content_type("application/json");
    match status {
        StatusCode::SERVICE_UNAVAILABLE => {
            response.header(header::RETRY_AFTER, RETRY_AFTER_SECONDS)
        }
        _ => response,
    }
    .header(header::CACHE_CONTROL, "no-store")
    .body(body.to_string())
}
