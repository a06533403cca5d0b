//! Files: those that never change under their name (the style sheet, the icons, the scripts, and the
//! users' pictures), and what search engines ask for first.

use poem::{
    Response, Result, handler,
    http::{HeaderValue, header},
    web::Path,
};

use crate::web::{
    assets::Asset, avatar::avatar_svg, extract::path::PathName, failure::Failure, respond::redirect,
};

/// A year, the longest that caches are asked for, and no question in between.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// A static file, by its fingerprinted name.
#[handler]
pub(in crate::web) fn asset(Path(file_name): Path<String>) -> Result<Response, Failure> {
    let asset = Asset::find(&file_name).ok_or(Failure::NoSuchFile)?;
    Ok(file(asset.content_type(), asset.bytes()))
}

/// Where browsers look for an icon when what they show is no page of ours, such as `/docs`.
#[handler]
pub(in crate::web) fn favicon() -> Response {
    redirect(&Asset::icon().url())
}

/// The picture that goes with a name, whether or not anybody has it.
#[handler]
pub(in crate::web) fn avatar(PathName(username): PathName) -> Response {
    file("image/svg+xml", avatar_svg(&username))
}

/// What search engines are asked to leave alone: the APIs, and what is its owner's alone.
const ROBOTS: &str = "User-agent: *\nDisallow: /api/\nDisallow: /settings\nDisallow: /sim/\n";

/// What search engines may look at.
#[handler]
pub(in crate::web) fn robots() -> Response {
    Response::builder().content_type("text/plain; charset=utf-8").body(ROBOTS)
}

fn file(content_type: &'static str, body: impl Into<poem::Body>) -> Response {
    Response::builder()
        .content_type(content_type)
        .header(header::CACHE_CONTROL, FOR_EVER)
        .body(body)
}
