//! Pages and forms for browsers.
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
    Endpoint, EndpointExt, IntoEndpoint, Response, Route, get, middleware::CookieJarManager, post,
};

use crate::{
    http::{error_entry::ErrorCatalogue, middleware::request_limits::RequestLimits},
    service::Service,
};
use handlers::{
    error_codes, feeds, files, following, message, people, search, settings, sign_in, tag,
    timelines, tokens,
};
use public_page_cache::PublicPageCache;
use same_site::same_site_only;
use templates::Templates;

/// All pages. Error rendering encloses `limits`, so rejected bodies get an error page.
pub fn endpoint(
    service: Service,
    templates: Arc<Templates>,
    limits: RequestLimits,
    catalogue: ErrorCatalogue,
) -> impl Endpoint<Output = Response> + 'static {
    routes()
        .before(move |request| limits.read_body(request))
        .around(error_pages::render)
        .around(compression::compress)
        .with(CookieJarManager::new())
        .data(service)
        .data(templates)
        .data(catalogue)
        .data(Arc::new(PublicPageCache::default()))
}

fn routes() -> Route {
    let route = Route::new();
    let route = route.at("/", get(timelines::home));
    let route = route.at("/public", get(timelines::public));
    let route = route.at("/add_message", post(timelines::add_message.around(same_site_only)));
    let login = get(sign_in::login_form).post(sign_in::login.around(same_site_only));
    let route = route.at("/login", login);
    let register = get(sign_in::register_form).post(sign_in::register.around(same_site_only));
    let route = route.at("/register", register);
    let route = route.at("/logout", get_and_post(|| sign_in::logout));
    let route = route.at("/static/:file_name", get(files::asset));
    let route = route.at("/favicon.ico", get(files::favicon));
    let route = route.at("/avatar/:username", get(files::avatar));
    let route = route.at("/robots.txt", get(files::robots));
    let route = route.at("/docs/errors", get(error_codes::show));
    let route = route.at("/public.atom", get(feeds::public));
    let route = route.at("/:username<^.+[.]atom$>", get(feeds::profile));
    let route = route.at("/search", get(search::search));
    let route = settings_routes(route);
    let route = route.at("/message/:id", get(message::show));
    let edit = get(message::edit_form).post(message::edit.around(same_site_only));
    let route = route.at("/message/:id/edit", edit);
    let delete = get(message::delete_form).post(message::delete.around(same_site_only));
    let route = route.at("/message/:id/delete", delete);
    let route = route.at("/tag/:tag", get(tag::show));
    let route = route.at("/:username", get(timelines::profile));
    let route = route.at("/:username/followers", get(people::followers));
    let route = route.at("/:username/following", get(people::following));
    let route = route.at("/:username/follow", get_and_post(|| following::follow));
    route.at("/:username/unfollow", get_and_post(|| following::unfollow))
}

fn settings_routes(route: Route) -> Route {
    let route = route.at("/settings", get(settings::show));
    let route =
        route.at("/settings/profile", post(settings::change_profile.around(same_site_only)));
    let route =
        route.at("/settings/password", post(settings::change_password.around(same_site_only)));
    let tokens = get(tokens::list).post(tokens::create.around(same_site_only));
    let route = route.at("/settings/tokens", tokens);
    let revoke = post(tokens::revoke.around(same_site_only));
    let route = route.at("/settings/tokens/:token_id/revoke", revoke);
    let end_sessions = post(settings::sign_out_everywhere.around(same_site_only));
    let route = route.at("/settings/sessions/end", end_sessions);
    let delete = get(settings::delete_form).post(settings::delete.around(same_site_only));
    route.at("/settings/account/delete", delete)
}

/// Serves a change of state by GET and POST. Clients of the original rely on GET; the pages use POST.
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
