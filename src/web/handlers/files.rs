//! Files: the static files, the avatars, and `robots.txt`.

use poem::{
    Response, Result, handler,
    http::{HeaderValue, header},
    web::Path,
};

use crate::web::{
    assets::Asset, avatar::avatar_svg, extract::path::PathName, failure::Failure, respond::redirect,
};

/// One year without revalidation, for content that never changes at its URL.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

#[handler]
pub fn asset(Path(file_name): Path<String>) -> Result<Response, Failure> {
    let asset = Asset::find(&file_name).ok_or(Failure::NoSuchFile)?;
    Ok(file(asset.content_type(), asset.bytes()))
}

/// The default icon path, for documents without an icon link, such as `/docs`.
#[handler]
pub fn favicon() -> Response {
    redirect(&Asset::icon().url())
}

/// The avatar of a username, whether or not such a user exists.
#[handler]
pub fn avatar(PathName(username): PathName) -> Response {
    file("image/svg+xml", avatar_svg(&username))
}

/// Excludes the APIs and the settings from crawling.
const ROBOTS: &str = "User-agent: *\nDisallow: /api/\nDisallow: /settings\nDisallow: /sim/\n";

#[handler]
pub fn robots() -> Response {
    Response::builder().content_type("text/plain; charset=utf-8").body(ROBOTS)
}

fn file(content_type: &'static str, body: impl Into<poem::Body>) -> Response {
    Response::builder()
        .content_type(content_type)
        .header(header::CACHE_CONTROL, IMMUTABLE)
        .body(body)
}
