//! Compresses responses with gzip, which every browser supports.
//!
//! The length of a compressed page reveals no secret (BREACH). Only the settings and the page of a new
//! token contain secrets. Other sites cannot insert text there, because forms reject cross-site requests.

use std::{io::Write, sync::Arc};

use flate2::{Compression, write::GzEncoder};
use poem::{
    Endpoint, Request, Response, Result,
    http::{HeaderMap, HeaderValue, header},
};

/// Smaller responses fit in one packet without compression.
const MIN_BYTES: usize = 1_024;

/// The content coding of compressed responses.
pub const GZIP: HeaderValue = HeaderValue::from_static("gzip");
/// A stream has no end, and its events must not wait in a buffer.
const EVENT_STREAM: &str = "text/event-stream";
const VARY_ON_ENCODING: HeaderValue = HeaderValue::from_static("accept-encoding");

/// True if a client accepts gzip (RFC 9110, section 12.5.3).
pub fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    let codings = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let (mut gzip, mut wildcard) = (None, false);
    for coding in codings {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let accepted = !parts.any(is_zero_weight);
        if name.eq_ignore_ascii_case("gzip") {
            gzip = Some(accepted);
        } else if name == "*" {
            wildcard = accepted;
        }
    }
    gzip.unwrap_or(wildcard)
}

fn is_zero_weight(parameter: &str) -> bool {
    parameter.split_once('=').is_some_and(|(name, weight)| {
        name.eq_ignore_ascii_case("q") && weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0)
    })
}

/// Compresses `content`.
pub fn gzip(content: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(content.len() / 2), level);
    // Writing to memory cannot fail.
    let _ = encoder.write_all(content);
    encoder.finish().unwrap_or_default()
}

/// Marks a response whose body is sent while it is made. It may be long, so it must not wait in memory.
#[derive(Debug, Clone, Copy)]
pub struct Streamed;

/// Compresses text and JSON that is neither compressed yet nor streamed.
pub async fn compress<E: Endpoint<Output = Response>>(
    endpoint: Arc<E>,
    request: Request,
) -> Result<Response> {
    let accepted = accepts_gzip(request.headers());
    let mut response = endpoint.call(request).await?;
    let streamed = response.data::<Streamed>().is_some();
    if streamed || !is_text(&response) || response.headers().contains_key(header::CONTENT_ENCODING)
    {
        return Ok(response);
    }
    response.headers_mut().append(header::VARY, VARY_ON_ENCODING);
    if !accepted {
        return Ok(response);
    }
    let content = response.take_body().into_bytes().await?;
    if content.len() < MIN_BYTES {
        response.set_body(content);
        return Ok(response);
    }
    response.headers_mut().insert(header::CONTENT_ENCODING, GZIP);
    // A better level would take more time than the smaller page saves.
    response.set_body(gzip(&content, Compression::fast()));
    Ok(response)
}

fn is_text(response: &Response) -> bool {
    let texts = [
        "text/",
        "image/svg",
        "application/atom+xml",
        "application/json",
        "application/problem+json",
    ];
    let is_text = |it: &str| texts.iter().any(|text| it.starts_with(text)) && it != EVENT_STREAM;
    response.content_type().is_some_and(is_text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_used_only_if_the_client_accepts_it() {
        for (value, accepted) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("*", true),
            ("", false),
            ("br", false),
            ("gzip;q=0", false),
            ("gzip; q=0.000, br", false),
            ("identity", false),
            ("gzip;q=0, *", false),
            ("*, gzip;Q=0", false),
            ("*;q=0, gzip", true),
            ("*;q=0", false),
            ("xgzip", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            assert_eq!(accepts_gzip(&headers), accepted, "{value}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
