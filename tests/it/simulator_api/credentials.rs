//! The credentials of the simulator API.

use reqwest::{Method, header};
use serde_json::json;

use crate::support::{
    App,
    actors::{Simulator, TestResponse},
};

const REJECTION: &str = "You are not authorized to use this resource!";

/// The operations that require credentials, with this username.
fn protected_operations(name: &str) -> [(Method, String); 5] {
    [
        (Method::GET, "/msgs".to_owned()),
        (Method::GET, format!("/msgs/{name}")),
        (Method::POST, format!("/msgs/{name}")),
        (Method::GET, format!("/fllws/{name}")),
        (Method::POST, format!("/fllws/{name}")),
    ]
}

/// A body that every command accepts.
fn any_command() -> serde_json::Value {
    json!({"content": "hello", "follow": "bob", "username": "carol", "email": "c@d", "pwd": "x"})
}

/// Registers alice and bob. Returns clients of both addresses of the API.
async fn clients_of_both_addresses(app: &App) -> [Simulator; 2] {
    let simulator = app.simulator();
    simulator.register("alice").await;
    simulator.register("bob").await;
    [simulator, app.simulator_at_root()]
}

#[tokio::test]
async fn wrong_or_missing_credentials_are_rejected() {
    let app = App::start().await;
    let wrong = [
        "Basic c2ltdWxhdG9yOndyb25n",
        "Basic c2ltdWxhdG9yOg==",
        "Basic U2ltdWxhdG9yOnN1cGVyX3NhZmUh",
        "Basic c2ltdWxhdG9yOnN1cGVyX3NhZmUhIQ==",
        "Basic c2ltdWxhdG9y",
        "Basic c2ltdWxhdG9yOnN1cGVyX3NhZmUh!",
        "Basic simulator:super_safe!",
        "Basic",
        "Bearer c2ltdWxhdG9yOnN1cGVyX3NhZmUh",
        "c2ltdWxhdG9yOnN1cGVyX3NhZmUh",
        "",
    ];
    for simulator in clients_of_both_addresses(&app).await {
        for (method, path) in protected_operations("alice") {
            let request = || simulator.bare_request(method.clone(), &path).json(&any_command());
            assert_eq!(
                TestResponse::of(request()).await.failure(403),
                REJECTION,
                "{method} {path}"
            );
            for value in wrong {
                let response =
                    TestResponse::of(request().header(header::AUTHORIZATION, value)).await;
                assert_eq!(response.failure(403), REJECTION, "{method} {path} {value:?}");
            }
            let latin_1 = header::HeaderValue::from_bytes(b"Basic \xe6").expect("a value");
            let response = TestResponse::of(request().header(header::AUTHORIZATION, latin_1)).await;
            assert_eq!(response.failure(403), REJECTION, "{method} {path}");
        }
    }
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 0);
    assert_eq!(app.count("SELECT count(*) FROM follows").await, 0);
}

#[tokio::test]
async fn missing_credentials_take_precedence_over_other_errors() {
    let app = App::start().await;
    for simulator in clients_of_both_addresses(&app).await {
        for (method, path) in protected_operations("nobody") {
            let path = format!("{path}?no=-1&latest=many");
            for (content_type, body) in
                [("application/json", "{"), ("application/json", "{}"), ("text/plain", "")]
            {
                let request = simulator.bare_request(method.clone(), &path);
                let request = request.header(header::CONTENT_TYPE, content_type).body(body);
                let text = TestResponse::of(request).await.failure(403);
                assert_eq!(text, REJECTION, "{method} {path} {body}");
            }
        }
    }
}

#[tokio::test]
async fn the_right_credentials_are_accepted_by_every_operation() {
    let app = App::start().await;
    for simulator in clients_of_both_addresses(&app).await {
        for (method, path) in protected_operations("alice") {
            let response =
                TestResponse::of(simulator.request(method.clone(), &path).json(&any_command()))
                    .await;
            let expected = if method == Method::GET { 200 } else { 204 };
            assert_eq!(response.status, expected, "{method} {path}");
            assert_eq!(response.body.is_empty(), expected == 204, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn latest_and_register_need_no_credentials() {
    let app = App::start().await;
    let simulator = app.simulator();
    for (number, credentials) in
        [None, Some("Basic c2ltdWxhdG9yOndyb25n"), Some("nonsense")].into_iter().enumerate()
    {
        let send = |mut request: reqwest::RequestBuilder| {
            if let Some(value) = credentials {
                request = request.header(header::AUTHORIZATION, value);
            }
            TestResponse::of(request)
        };
        let latest = send(simulator.bare_request(Method::GET, "/latest")).await;
        assert_eq!((latest.status, latest.json()), (200, json!({"latest": -1})));

        let user = json!({"username": format!("user{number}"), "email": "a@b", "pwd": "x"});
        let request = simulator.bare_request(Method::POST, "/register");
        assert_eq!(send(request.json(&user)).await.status, 204, "{credentials:?}");
    }
}

#[tokio::test]
async fn the_credentials_are_configurable() {
    use crate::support::cluster::TestDatabase;
    let database = TestDatabase::fresh().await;
    let app = App::start_with(database, |settings| {
        settings.server.credentials =
            minitwit::simulator_api::Credentials::new("søren".into(), "a:b c".into());
    })
    .await;
    let simulator = app.simulator();
    assert_eq!(simulator.get("/msgs").await.failure(403), REJECTION);
    let request = simulator.bare_request(Method::GET, "/msgs").basic_auth("søren", Some("a:b c"));
    assert_eq!(TestResponse::of(request).await.status, 200);
}
