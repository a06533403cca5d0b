//! Pages and forms for people with a browser.
//!
//! May use `service` and the layers below it. A handler parses the request, calls one operation and
//! renders a page model of `pages` with `templates`.

mod assets;
mod avatar;
mod compression;
mod cookies;
mod error_pages;
mod extract;
mod failure;
mod flash;
mod handlers;
mod links;
mod pages;
mod public_page_cache;
mod respond;
mod same_site;
pub mod templates;

use std::sync::Arc;

use poem::{
    Endpoint, EndpointExt, IntoEndpoint, Middleware, Response, Route, endpoint::BoxEndpoint, get,
    middleware::CookieJarManager, post,
};

use crate::{service::Service, telemetry};
use handlers::{
    feeds, files, following, message, people, search, settings, sign_in, tag, timelines, tokens,
};
use public_page_cache::PublicPageCache;
use same_site::same_site_only;
use templates::Templates;

/// All pages. The middleware `limits` is inside the error rendering, so its errors become pages, too.
pub fn endpoint<M>(
    service: Service,
    templates: Arc<Templates>,
    limits: M,
) -> impl Endpoint<Output = Response> + 'static
where
    M: Middleware<BoxEndpoint<'static, Response>>,
    M::Output: 'static,
{
    routes()
        .map_to_response()
        .boxed()
        .with(limits)
        .around(error_pages::render)
        .around(compression::compress)
        .with(CookieJarManager::new())
        .data(service)
        .data(templates)
        .data(Arc::new(PublicPageCache::default()))
}

fn routes() -> Route {
    let route = Route::new();
    let route = at(route, "/", get(timelines::home));
    let route = at(route, "/public", get(timelines::public));
    let route = at(route, "/add_message", post(timelines::add_message.around(same_site_only)));
    let login = get(sign_in::login_form).post(sign_in::login.around(same_site_only));
    let route = at(route, "/login", login);
    let register = get(sign_in::register_form).post(sign_in::register.around(same_site_only));
    let route = at(route, "/register", register);
    let route = at(route, "/logout", get_and_post(|| sign_in::logout));
    let route = at(route, "/static/:file_name", get(files::asset));
    let route = at(route, "/favicon.ico", get(files::favicon));
    let route = at(route, "/avatar/:username", get(files::avatar));
    let route = at(route, "/robots.txt", get(files::robots));
    let route = at(route, "/public.atom", get(feeds::public));
    let route = at(route, "/:username<^.+[.]atom$>", get(feeds::profile));
    let route = at(route, "/search", get(search::search));
    let route = settings_routes(route);
    let route = at(route, "/message/:id", get(message::show));
    let edit = get(message::edit_form).post(message::edit.around(same_site_only));
    let route = at(route, "/message/:id/edit", edit);
    let delete = get(message::delete_form).post(message::delete.around(same_site_only));
    let route = at(route, "/message/:id/delete", delete);
    let route = at(route, "/tag/:tag", get(tag::show));
    let route = at(route, "/:username", get(timelines::profile));
    let route = at(route, "/:username/followers", get(people::followers));
    let route = at(route, "/:username/following", get(people::following));
    let route = at(route, "/:username/follow", get_and_post(|| following::follow));
    at(route, "/:username/unfollow", get_and_post(|| following::unfollow))
}

fn settings_routes(route: Route) -> Route {
    let route = at(route, "/settings", get(settings::show));
    let route =
        at(route, "/settings/profile", post(settings::change_profile.around(same_site_only)));
    let route =
        at(route, "/settings/password", post(settings::change_password.around(same_site_only)));
    let tokens = get(tokens::list).post(tokens::create.around(same_site_only));
    let route = at(route, "/settings/tokens", tokens);
    let revoke = post(tokens::revoke.around(same_site_only));
    let route = at(route, "/settings/tokens/:token_id/revoke", revoke);
    let end_sessions = post(settings::sign_out_everywhere.around(same_site_only));
    let route = at(route, "/settings/sessions/end", end_sessions);
    let delete = get(settings::delete_form).post(settings::delete.around(same_site_only));
    at(route, "/settings/account/delete", delete)
}

/// Adds a route that counts its in-flight requests.
fn at(route: Route, path: &'static str, endpoint: impl IntoEndpoint<Endpoint: 'static>) -> Route {
    let counter = Arc::new(telemetry::routes::Route::new(route_template(path)));
    let counted = endpoint.into_endpoint().around(move |endpoint, request| {
        let in_flight = counter.in_flight(request.method().as_str());
        async move {
            let response = endpoint.call(request).await;
            drop(in_flight);
            response
        }
    });
    route.at(path, counted)
}

/// Serves a change of state by GET and POST. Clients of the original rely on GET; our pages use POST.
fn get_and_post<E>(handler: impl Fn() -> E) -> poem::RouteMethod
where
    E: IntoEndpoint + EndpointExt + 'static,
{
    get(handler().around(same_site_only)).post(handler().around(same_site_only))
}

/// The route template of a matched pattern, such as `/{username}/follow` for `/:username/follow`.
///
/// The pattern of a feed, `/:username<^.+[.]atom$>`, becomes `/{username}.atom`.
pub fn route_template(pattern: &str) -> String {
    let segment = |part: &str| match part.strip_prefix(':') {
        Some(name) => match name.strip_suffix("<^.+[.]atom$>") {
            Some(name) => format!("{{{name}}}.atom"),
            None => format!("{{{name}}}"),
        },
        None => part.to_owned(),
    };
    pattern.split('/').map(segment).collect::<Vec<_>>().join("/")
}
