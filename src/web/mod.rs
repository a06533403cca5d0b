//! Pages and forms: what a person with a browser sees.
//!
//! May use `service` and what lies below it. A handler parses, calls one operation and renders. A
//! page is a model in [`pages`], rendered by [`templates`]; what it links to is named in [`links`]
//! and [`assets`], and [`avatar`] draws its pictures.

pub mod assets;
pub mod avatar;
mod compression;
mod extract;
mod failure;
mod flash;
mod guard;
mod handlers;
pub mod links;
pub mod pages;
mod public_page;
mod respond;
pub mod templates;

use std::sync::Arc;

use poem::{
    Endpoint, EndpointExt, IntoEndpoint, Response, Route, get, middleware::CookieJarManager, post,
};

use crate::{http::middleware::request_limits::RequestLimits, service::Service};
use guard::SameSiteOnly;
use handlers::{
    feeds, files, following, message, people, search, settings, sign_in, tag, timelines, tokens,
};
use public_page::PublicPage;
use templates::Templates;

/// All pages. Refusals by `limits` become pages as all others do.
pub fn endpoint(
    service: Service,
    templates: Arc<Templates>,
    limits: RequestLimits,
) -> impl Endpoint<Output = Response> + 'static {
    routes()
        .before(move |request| limits.read_body(request))
        .around(failure::render)
        .around(compression::compress)
        .with(CookieJarManager::new())
        .data(service)
        .data(templates)
        .data(Arc::new(PublicPage::default()))
}

fn routes() -> Route {
    let route = Route::new();
    let route = route.at("/", get(timelines::home));
    let route = route.at("/public", get(timelines::public));
    let route = route.at("/add_message", post(timelines::add_message.with(SameSiteOnly)));
    let login = get(sign_in::login_form).post(sign_in::login.with(SameSiteOnly));
    let route = route.at("/login", login);
    let register = get(sign_in::register_form).post(sign_in::register.with(SameSiteOnly));
    let route = route.at("/register", register);
    let route = route.at("/logout", both(|| sign_in::logout));
    let route = route.at("/static/:file_name", get(files::asset));
    let route = route.at("/favicon.ico", get(files::favicon));
    let route = route.at("/avatar/:username", get(files::avatar));
    let route = route.at("/robots.txt", get(files::robots));
    let route = route.at("/public.atom", get(feeds::public));
    let route = route.at("/:username<^.+[.]atom$>", get(feeds::of_user));
    let route = route.at("/search", get(search::search));
    let route = settings_routes(route);
    let route = route.at("/message/:id", get(message::show));
    let edit = get(message::edit_form).post(message::edit.with(SameSiteOnly));
    let route = route.at("/message/:id/edit", edit);
    let delete = get(message::delete_form).post(message::delete.with(SameSiteOnly));
    let route = route.at("/message/:id/delete", delete);
    let route = route.at("/tag/:tag", get(tag::show));
    let route = route.at("/:username", get(timelines::profile));
    let route = route.at("/:username/followers", get(people::followers));
    let route = route.at("/:username/following", get(people::following));
    let route = route.at("/:username/follow", both(|| following::follow));
    route.at("/:username/unfollow", both(|| following::unfollow))
}

fn settings_routes(route: Route) -> Route {
    let route = route.at("/settings", get(settings::all));
    let route = route.at("/settings/profile", post(settings::change_profile.with(SameSiteOnly)));
    let route = route.at("/settings/password", post(settings::change_password.with(SameSiteOnly)));
    let tokens = get(tokens::list).post(tokens::make.with(SameSiteOnly));
    let route = route.at("/settings/tokens", tokens);
    let revoke = post(tokens::revoke.with(SameSiteOnly));
    let route = route.at("/settings/tokens/:token_id/revoke", revoke);
    let end_sessions = post(settings::sign_out_everywhere.with(SameSiteOnly));
    let route = route.at("/settings/sessions/end", end_sessions);
    let delete = get(settings::ask_to_delete).post(settings::delete.with(SameSiteOnly));
    route.at("/settings/account/delete", delete)
}

/// The original changes state by GET, too, and its clients rely on that. The pages use POST.
fn both<E>(handler: impl Fn() -> E) -> poem::RouteMethod
where
    E: IntoEndpoint + EndpointExt + 'static,
{
    get(handler().with(SameSiteOnly)).post(handler().with(SameSiteOnly))
}

/// The route template that a matched pattern stands for: `/{username}/follow`, for `/:username/follow`,
/// and `/{username}.atom`, for what has to end so.
#[must_use]
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
