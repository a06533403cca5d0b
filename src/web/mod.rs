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
    Endpoint, EndpointExt, IntoEndpoint, Middleware, Response, Route, endpoint::BoxEndpoint, get,
    middleware::CookieJarManager, post,
};

use crate::{service::Service, telemetry};
use guard::SameSiteOnly;
use handlers::{
    feeds, files, following, message, people, search, settings, sign_in, tag, timelines, tokens,
};
use public_page::PublicPage;
use templates::Templates;

/// All pages. `limits` goes around every request, and its refusals become pages as all others do.
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
        .around(failure::render)
        .around(compression::compress)
        .with(CookieJarManager::new())
        .data(service)
        .data(templates)
        .data(Arc::new(PublicPage::default()))
}

fn routes() -> Route {
    let route = Route::new();
    let route = at(route, "/", get(timelines::home));
    let route = at(route, "/public", get(timelines::public));
    let route = at(route, "/add_message", post(timelines::add_message.with(SameSiteOnly)));
    let login = get(sign_in::login_form).post(sign_in::login.with(SameSiteOnly));
    let route = at(route, "/login", login);
    let register = get(sign_in::register_form).post(sign_in::register.with(SameSiteOnly));
    let route = at(route, "/register", register);
    let route = at(route, "/logout", both(|| sign_in::logout));
    let route = at(route, "/static/:file_name", get(files::asset));
    let route = at(route, "/favicon.ico", get(files::favicon));
    let route = at(route, "/avatar/:username", get(files::avatar));
    let route = at(route, "/robots.txt", get(files::robots));
    let route = at(route, "/public.atom", get(feeds::public));
    let route = at(route, "/:username<^.+[.]atom$>", get(feeds::of_user));
    let route = at(route, "/search", get(search::search));
    let route = settings_routes(route);
    let route = at(route, "/message/:id", get(message::show));
    let edit = get(message::edit_form).post(message::edit.with(SameSiteOnly));
    let route = at(route, "/message/:id/edit", edit);
    let delete = get(message::delete_form).post(message::delete.with(SameSiteOnly));
    let route = at(route, "/message/:id/delete", delete);
    let route = at(route, "/tag/:tag", get(tag::show));
    let route = at(route, "/:username", get(timelines::profile));
    let route = at(route, "/:username/followers", get(people::followers));
    let route = at(route, "/:username/following", get(people::following));
    let route = at(route, "/:username/follow", both(|| following::follow));
    at(route, "/:username/unfollow", both(|| following::unfollow))
}

fn settings_routes(route: Route) -> Route {
    let route = at(route, "/settings", get(settings::all));
    let route = at(route, "/settings/profile", post(settings::change_profile.with(SameSiteOnly)));
    let route = at(route, "/settings/password", post(settings::change_password.with(SameSiteOnly)));
    let tokens = get(tokens::list).post(tokens::make.with(SameSiteOnly));
    let route = at(route, "/settings/tokens", tokens);
    let revoke = post(tokens::revoke.with(SameSiteOnly));
    let route = at(route, "/settings/tokens/:token_id/revoke", revoke);
    let end_sessions = post(settings::sign_out_everywhere.with(SameSiteOnly));
    let route = at(route, "/settings/sessions/end", end_sessions);
    let delete = get(settings::ask_to_delete).post(settings::delete.with(SameSiteOnly));
    at(route, "/settings/account/delete", delete)
}

/// Routes `path`, and counts the requests that it is serving.
fn at(route: Route, path: &'static str, endpoint: impl IntoEndpoint<Endpoint: 'static>) -> Route {
    let counter = Arc::new(telemetry::routes::Route::new(route_template(path)));
    let counted = endpoint.into_endpoint().around(move |endpoint, request| {
        let in_flight = counter.in_flight(request.method().as_str());
        async move {
            let answer = endpoint.call(request).await;
            drop(in_flight);
            answer
        }
    });
    route.at(path, counted)
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
