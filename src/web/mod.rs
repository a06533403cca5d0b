//! Pages and forms for browsers.
//!
//! May use `service` and the layers below it. A handler parses the request, calls one operation and
//! renders a page model of `pages` with `templates`.

mod assets;
mod avatar;
mod bidi;
mod cookies;
mod error_pages;
mod extract;
mod failure;
mod flash;
mod handlers;
mod links;
mod once;
mod pages;
mod private_pages;
mod public_page_cache;
mod refused_origin;
mod respond;
mod same_site;
mod security_contact;
pub mod templates;
mod written;

pub use security_contact::SecurityContact;

use std::sync::Arc;

use poem::{Endpoint, EndpointExt, IntoEndpoint, Response, Route, middleware::CookieJarManager};

use crate::{
    http::{
        compression::compress,
        error_entry::ErrorCatalogue,
        methods::{change, change_by_get, form, read},
        middleware::request_limits::RequestLimits,
    },
    service::Service,
};
use handlers::{
    error_codes, feeds, files, following, message, own_data, people, reply, search, settings,
    sign_in, tag, timelines, tokens,
};
use pages::Confirmation;
use private_pages::keep_private;
use public_page_cache::PublicPageCache;
use respond::no_store;
use same_site::{confirmed_only, same_site_only};
use templates::Templates;
use written::keep_text;

/// All pages. Error rendering encloses `limits`, so rejected bodies get an error page.
pub fn endpoint(
    service: Service,
    templates: Arc<Templates>,
    limits: RequestLimits,
    catalogue: ErrorCatalogue,
    security_contact: SecurityContact,
) -> impl Endpoint<Output = Response> + 'static {
    routes()
        .before(move |request| limits.read_body(request))
        .around(error_pages::render)
        .around(keep_private)
        .around(compress)
        .with(CookieJarManager::new())
        .data(service)
        .data(templates)
        .data(security_contact)
        .data(catalogue)
        .data(Arc::new(PublicPageCache::default()))
}

fn routes() -> Route {
    let route = Route::new();
    let route = route.at("/", read(timelines::home));
    let route = route.at("/public", read(timelines::public));
    let route = route.at(
        "/add_message",
        change(timelines::add_message.around(same_site_only).around(keep_text)),
    );
    let login = form(sign_in::login_form, sign_in::login.around(same_site_only));
    let route = route.at("/login", login);
    let register = form(sign_in::register_form, sign_in::register.around(same_site_only));
    let route = route.at("/register", register);
    let route = route.at("/logout", by_get_and_post(Confirmation::SignOut, || sign_in::logout));
    let route = route.at("/static/:file_name", read(files::asset));
    let route = route.at("/favicon.ico", read(files::favicon));
    let route = route.at("/avatar/:username", read(files::avatar));
    let route = route.at("/robots.txt", read(files::robots));
    let route = route.at("/docs/errors", read(error_codes::show));
    let route = route.at("/.well-known/change-password", read(files::change_password));
    let route = route.at("/.well-known/security.txt", read(files::security_txt));
    let route = route.at("/public.atom", read(feeds::public));
    let route = user_routes(route);
    let route = route.at("/search", read(search::search));
    let route = settings_routes(route);
    let route = route.at("/message/:id", read(message::show));
    let edit = message::edit.around(same_site_only).around(keep_text);
    let edit = form(message::edit_form, edit);
    let route = route.at("/message/:id/edit", edit);
    let reply = reply::post.around(same_site_only).around(keep_text);
    let route = route.at("/message/:id/reply", form(reply::show, reply));
    let delete = form(message::delete_form, message::delete.around(same_site_only));
    let route = route.at("/message/:id/delete", delete);
    route.at("/tag/:tag", read(tag::show))
}

/// The pages of a user, also below `/users/`, where users with reserved names are.
fn user_routes(route: Route) -> Route {
    let follow = || by_get_and_post(Confirmation::Follow, || following::follow);
    let unfollow = || by_get_and_post(Confirmation::Unfollow, || following::unfollow);
    let route = route.at("/:username<^.+[.]atom$>", read(feeds::profile));
    let route = route.at("/:username", read(timelines::profile));
    let route = route.at("/:username/followers", read(people::followers));
    let route = route.at("/:username/following", read(people::following));
    let route = route.at("/:username/follow", follow());
    let route = route.at("/:username/unfollow", unfollow());
    let route = route.at("/users/:username", read(timelines::profile));
    let route = route.at("/users/:username/feed.atom", read(feeds::reserved_profile));
    let route = route.at("/users/:username/followers", read(people::followers));
    let route = route.at("/users/:username/following", read(people::following));
    let route = route.at("/users/:username/follow", follow());
    route.at("/users/:username/unfollow", unfollow())
}

/// Personal data, which the browser must not keep.
fn settings_routes(route: Route) -> Route {
    let route = route.at("/settings", read(settings::show.around(no_store)));
    let route = route.at("/settings/data.json", read(own_data::json.around(no_store)));
    let route = route.at("/settings/data.atom", read(own_data::atom.around(no_store)));
    let profile = settings::change_profile.around(same_site_only).around(no_store);
    let route = route.at("/settings/profile", change(profile));
    let password = settings::change_password.around(same_site_only).around(no_store);
    let route = route.at("/settings/password", change(password));
    let create = tokens::create.around(same_site_only).around(no_store);
    let route = route.at("/settings/tokens", form(tokens::list.around(no_store), create));
    let revoke = change(tokens::revoke.around(same_site_only));
    let route = route.at("/settings/tokens/:token_id/revoke", revoke);
    let end_sessions = change(settings::sign_out_everywhere.around(same_site_only));
    let route = route.at("/settings/sessions/end", end_sessions);
    let delete = settings::delete.around(same_site_only).around(no_store);
    let delete = form(settings::delete_form.around(no_store), delete);
    route.at("/settings/account/delete", delete)
}

/// Serves a change of state by GET and POST. Clients of the original rely on GET; the pages use POST.
fn by_get_and_post<E>(
    what: Confirmation,
    handler: impl Fn() -> E,
) -> impl Endpoint<Output = Response> + 'static
where
    E: IntoEndpoint + EndpointExt + 'static,
{
    let by_get = handler().around(move |endpoint, request| confirmed_only(what, endpoint, request));
    change_by_get(by_get, handler().around(same_site_only))
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
