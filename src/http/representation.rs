//! A body that many clients get: compressed once, with a validator.

use std::sync::OnceLock;

use bytes::Bytes;
use flate2::Compression;
use poem::{
    Response,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    web::headers::ETag,
};

use super::{
    compression::{GZIP, accepts_gzip, gzip},
    validators::{etag, is_unchanged},
};

/// A body, its type, its compressed form and its entity tag.
#[derive(Debug)]
pub struct Representation {
    content_type: &'static str,
    body: Bytes,
    gzipped: OnceLock<Bytes>,
    etag: ETag,
}

impl Representation {
    /// A representation of this type.
    pub fn new(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let etag = etag(&body);
        Self { content_type, body, gzipped: OnceLock::new(), etag }
    }

    /// Like [`Self::respond`], for what is the same for every client. Caches must revalidate it on each
    /// request.
    pub fn revalidated(&self, headers: &HeaderMap) -> Response {
        let vary = HeaderValue::from_static("accept-encoding");
        self.respond(headers, HeaderValue::from_static("no-cache"), vary)
    }

    /// The response to a request with these headers; 304 if the client has the body already.
    pub fn respond(
        &self,
        headers: &HeaderMap,
        cache_control: HeaderValue,
        vary: HeaderValue,
    ) -> Response {
        let response = Response::builder()
            .typed_header(self.etag.clone())
            .header(header::CACHE_CONTROL, cache_control)
            .header(header::VARY, vary);
        if is_unchanged(headers, &self.etag) {
            return response.status(StatusCode::NOT_MODIFIED).finish();
        }
        let response = response.content_type(self.content_type);
        if !accepts_gzip(headers) {
            return response.body(self.body.clone());
        }
        let gzipped = self.gzipped.get_or_init(|| gzip(&self.body, Compression::best()).into());
        response.header(header::CONTENT_ENCODING, GZIP).body(gzipped.clone())
    }
}
