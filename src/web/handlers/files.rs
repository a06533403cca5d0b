//! Files: the static files, the avatars, `robots.txt`, and well-known paths (RFC 8615).

use poem::{
    Response, Result, handler,
    http::{HeaderValue, header},
    web::{Data, Path},
};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::web::{
    assets::Asset, avatar::avatar_svg, extract::path::PathName, failure::Failure,
    links::SETTINGS_PATH, respond::redirect, security_contact::SecurityContact,
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

/// Where password managers send a user who wants to change the password.
#[handler]
pub fn change_password() -> Response {
    redirect(SETTINGS_PATH)
}

/// How long `security.txt` is valid. The standard recommends less than a year.
const SECURITY_TXT_LIFETIME: Duration = Duration::days(180);

/// Where to report vulnerabilities (RFC 9116); 404 unless the operator has named a contact.
#[handler]
pub fn security_txt(contact: Data<&SecurityContact>) -> Result<Response, Failure> {
    let contact = contact.0.0.as_deref().ok_or(Failure::NoSuchFile)?;
    let expires = (OffsetDateTime::now_utc() + SECURITY_TXT_LIFETIME).replace_nanosecond(0);
    let expires = expires.ok().and_then(|expires| expires.format(&Rfc3339).ok());
    let expires = expires.ok_or(Failure::NoSuchFile)?;
    let body = format!("Contact: {contact}\nExpires: {expires}\nPreferred-Languages: en\n");
    Ok(Response::builder().content_type("text/plain; charset=utf-8").body(body))
}

fn file(content_type: &'static str, body: impl Into<poem::Body>) -> Response {
    Response::builder()
        .content_type(content_type)
        .header(header::CACHE_CONTROL, IMMUTABLE)
        .body(body)
}
