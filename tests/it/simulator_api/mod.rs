//! The contract of the simulator API, operation by operation.

mod bodies;
mod credentials;
mod errors;
mod following;
mod messages;
mod names;
mod paths;
mod registering;

use reqwest::{Method, header};

use crate::support::actors::{Simulator, TestResponse};

/// The response to a POST with exactly this body.
async fn post_text(
    simulator: &Simulator,
    path: &str,
    body: impl Into<reqwest::Body>,
) -> TestResponse {
    let request = simulator.request(Method::POST, path);
    TestResponse::of(request.header(header::CONTENT_TYPE, "application/json").body(body)).await
}

/// The texts of the messages at `path`.
async fn contents(simulator: &Simulator, path: &str) -> Vec<String> {
    let response = simulator.get(path).await;
    assert_eq!(response.status, 200, "{response:?}");
    let messages = response.json();
    let messages = messages.as_array().expect("a list").iter();
    messages.map(|message| message["content"].as_str().expect("a text").to_owned()).collect()
}

/// The names of the followees at `path`.
async fn follows(simulator: &Simulator, path: &str) -> Vec<String> {
    let response = simulator.get(path).await;
    assert_eq!(response.status, 200, "{response:?}");
    serde_json::from_value(response.json()["follows"].clone()).expect("a list of names")
}
