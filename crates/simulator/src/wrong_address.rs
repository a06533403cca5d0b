//! Recognizes a base URL that leads to pages instead of the simulator API.

use std::time::Duration;

use hyper::Method;

use crate::{
    client::{Client, Response},
    requests,
};

/// Time-out of a request that looks for the API. A slow system is not at a wrong address.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The prefix of the simulator API in this project.
const USUAL_PREFIX: &str = "sim";

/// A base URL whose responses are HTML pages.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{base_url} is no simulator API: GET {path} returned status {status}, {content_type}; {hint}"
)]
pub struct WrongAddress {
    base_url: String,
    path: &'static str,
    status: u16,
    content_type: String,
    hint: String,
}

impl WrongAddress {
    fn new(base_url: &str, path: &'static str, response: Response) -> Self {
        let root = base_url.trim_end_matches('/');
        let hint = match root.rsplit('/').next() {
            Some(USUAL_PREFIX) => "check the host and the path".to_owned(),
            _ => format!("try {root}/{USUAL_PREFIX}"),
        };
        let Response { status, content_type, .. } = response;
        Self { base_url: base_url.to_owned(), path, status, content_type, hint }
    }
}

/// Reads two paths of the API. Returns an error if both return pages: a system may lack one path.
pub(crate) async fn check(client: &Client) -> Result<(), WrongAddress> {
    let Some(latest) = page(client, requests::LATEST).await else { return Ok(()) };
    match page(client, requests::MESSAGES).await {
        Some(_) => Err(WrongAddress::new(client.base_url(), requests::LATEST, latest)),
        None => Ok(()),
    }
}

/// The response, if it is a page that no overload or wrong credentials explain.
async fn page(client: &Client, path: &str) -> Option<Response> {
    let call = client.call(Method::GET, path, Vec::new());
    let response = client.send(call, TIMEOUT).await.ok()?;
    let is_explained = matches!(response.status, 401 | 403 | 429 | 500..);
    (response.is_page() && !is_explained).then_some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_the_response_and_the_likely_address() {
        let error = |base_url| {
            let content_type = "text/html".to_owned();
            let response = Response { status: 404, content_type, body: "<html>".into() };
            WrongAddress::new(base_url, "/latest", response).to_string()
        };
        let response = "is no simulator API: GET /latest returned status 404, text/html;";
        for (base_url, hint) in [
            ("http://a:1", "try http://a:1/sim"),
            ("http://a:1/", "try http://a:1/sim"),
            ("http://a/b", "try http://a/b/sim"),
            ("http://a/sim", "check the host and the path"),
            ("http://a/sim/", "check the host and the path"),
        ] {
            assert_eq!(error(base_url), format!("{base_url} {response} {hint}"));
        }
    }
}
