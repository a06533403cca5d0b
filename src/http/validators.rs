//! Entity tags, with which clients ask whether a response has changed (RFC 9110, section 8.8.3).

use poem::{
    Response, Result,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    web::headers::{ETag, HeaderMapExt, IfNoneMatch},
};
use sha2::{Digest, Sha256};

/// The entity tag of `content`. It is weak, since compressed and plain responses share it.
pub fn etag(content: &[u8]) -> ETag {
    let digest = Sha256::digest(content);
    let tag: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let parsed = format!("W/\"{tag}\"").parse();
    #[expect(clippy::expect_used, reason = "digits between quotation marks are an entity tag")]
    parsed.expect("an entity tag")
}

/// True if `If-None-Match` matches this content.
pub fn is_unchanged(headers: &HeaderMap, etag: &ETag) -> bool {
    let if_none_match = headers.typed_get::<IfNoneMatch>();
    if_none_match.is_some_and(|condition| !condition.precondition_passes(etag))
}

/// Adds an entity tag to a response to GET with JSON, and makes it 304 if the client has it already.
/// Only the client may store it. `request` are the headers of the request.
pub async fn validate(request: &HeaderMap, mut response: Response) -> Result<Response> {
    let content = response.take_body().into_bytes().await?;
    let etag = etag(&content);
    let unchanged = is_unchanged(request, &etag);
    response.headers_mut().typed_insert(etag);
    let private = HeaderValue::from_static("private, no-cache");
    response.headers_mut().insert(header::CACHE_CONTROL, private);
    response.headers_mut().append(header::VARY, HeaderValue::from_static("authorization"));
    if unchanged {
        let encoding = HeaderValue::from_static("accept-encoding");
        response.headers_mut().append(header::VARY, encoding);
        response.set_status(StatusCode::NOT_MODIFIED);
        response.headers_mut().remove(header::CONTENT_TYPE);
    } else {
        response.set_body(content);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_tag_depends_on_the_content() {
        assert_eq!(etag(b"a"), etag(b"a"));
        assert_ne!(etag(b"a"), etag(b"b"));
    }

    #[tokio::test]
    async fn an_unchanged_response_is_304_without_a_body() {
        let response = || Response::builder().content_type("application/json").body("{}");
        let first = validate(&HeaderMap::new(), response()).await.expect("a response");
        assert_eq!(first.status(), StatusCode::OK);
        let tag = first.headers()[header::ETAG].clone();
        assert_eq!(first.into_body().into_string().await.expect("text"), "{}");
        for (condition, status) in [
            (tag, StatusCode::NOT_MODIFIED),
            (HeaderValue::from_static("*"), StatusCode::NOT_MODIFIED),
            (HeaderValue::from_static("W/\"x\""), StatusCode::OK),
        ] {
            let request = HeaderMap::from_iter([(header::IF_NONE_MATCH, condition)]);
            let response = validate(&request, response()).await.expect("a response");
            assert_eq!(response.status(), status);
            let body = response.into_body().into_string().await.expect("text");
            assert_eq!(body.is_empty(), status == StatusCode::NOT_MODIFIED);
        }
    }
}
