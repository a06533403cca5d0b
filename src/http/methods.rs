//! Routes that name their methods in the header `Allow` of a 405 response.

use std::sync::Arc;

use poem::{
    Endpoint, EndpointExt, Error, IntoEndpoint, Request, Response, Result, RouteMethod,
    endpoint::make, error::MethodNotAllowedError, http::Method,
};

/// The methods of a route: data of its 405 error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allow(pub &'static str);

/// The request is HEAD, although its handler sees GET.
#[derive(Debug, Clone, Copy)]
pub struct IsHead;

/// A route that only reads. HEAD is served like GET.
pub fn read<E>(handler: E) -> impl Endpoint<Output = Response> + 'static
where
    E: IntoEndpoint<Endpoint: 'static>,
{
    with_allow(poem::get(handler), "GET, HEAD")
}

/// A route that only changes.
pub fn change<E>(handler: E) -> impl Endpoint<Output = Response> + 'static
where
    E: IntoEndpoint<Endpoint: 'static>,
{
    with_allow(poem::post(handler), "POST")
}

/// A route that shows a form by GET and takes it by POST.
pub fn form<G, P>(show: G, submit: P) -> impl Endpoint<Output = Response> + 'static
where
    G: IntoEndpoint<Endpoint: 'static>,
    P: IntoEndpoint<Endpoint: 'static>,
{
    with_allow(poem::get(show).post(submit), "GET, HEAD, POST")
}

/// A route that changes by GET, too. HEAD would have to change the same, so it is rejected.
pub fn change_by_get<G, P>(by_get: G, by_post: P) -> impl Endpoint<Output = Response> + 'static
where
    G: IntoEndpoint<Endpoint: 'static>,
    P: IntoEndpoint<Endpoint: 'static>,
{
    let reject = make(async |_| Err::<Response, Error>(MethodNotAllowedError.into()));
    with_allow(poem::get(by_get).post(by_post).head(reject), "GET, POST")
}

fn with_allow(
    route: RouteMethod,
    methods: &'static str,
) -> impl Endpoint<Output = Response> + 'static {
    route.around(move |route, request| call(route, request, methods))
}

async fn call(
    route: Arc<RouteMethod>,
    mut request: Request,
    methods: &'static str,
) -> Result<Response> {
    if request.method() == Method::HEAD {
        request.set_data(IsHead);
    }
    route.call(request).await.map_err(|mut error| {
        if error.is::<MethodNotAllowedError>() {
            error.set_data(Allow(methods));
        }
        error
    })
}
