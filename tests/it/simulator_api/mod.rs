//! The simulator's contract, row by row.

mod bodies;
mod credentials;
mod following;
mod messages;
mod names;
mod paths;
mod registering;

use reqwest::{Method, header};

use crate::support::actors::{Answer, Simulator};

/// The answer to a POST of this body, as it stands.
async fn post_text(simulator: &Simulator, path: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = simulator.request(Method::POST, path);
    Answer::of(request.header(header::CONTENT_TYPE, "application/json").body(body)).await
}

/// The texts of the messages that a GET of `path` answers.
async fn contents(simulator: &Simulator, path: &str) -> Vec<String> {
    let answer = simulator.get(path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let messages = answer.json();
    let messages = messages.as_array().expect("a list").iter();
    messages.map(|message| message["content"].as_str().expect("a text").to_owned()).collect()
}

/// The names that a GET of `path` answers.
async fn follows(simulator: &Simulator, path: &str) -> Vec<String> {
    let answer = simulator.get(path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_value(answer.json()["follows"].clone()).expect("a list of names")
}
