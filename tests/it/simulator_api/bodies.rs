//! Malformed bodies and parameters.

use reqwest::{Method, header};
use serde_json::json;

use super::post_text;
use crate::support::{
    App,
    actors::{Simulator, TestResponse},
};

const COMMANDS: [&str; 3] = ["/register", "/msgs/alice", "/fllws/alice"];

async fn simulator(app: &App) -> Simulator {
    let simulator = app.simulator();
    simulator.register("alice").await;
    simulator.register("bob").await;
    simulator
}

#[tokio::test]
async fn malformed_json_is_rejected() {
    let app = App::start().await;
    let simulator = simulator(&app).await;
    let deep = "[".repeat(10_000);
    for path in COMMANDS {
        for body in [
            "{",
            "{\"username\":",
            "nonsense",
            "{'content': 'x'}",
            "{\"content\": \"x\",}",
            "{\"content\": \"\\ud800\"}",
            "{\"content\": \"x\"} {}",
            "username=a&email=b%40c&pwd=x",
            &deep,
        ] {
            let text = post_text(&simulator, path, body.to_owned()).await.failure(400);
            assert!(text.contains("JSON"), "{path} {body}: {text}");
        }
        let text = post_text(&simulator, path, b"{\"content\": \"\xff\"}".to_vec()).await;
        assert!(text.failure(400).contains("JSON"), "{path}");
    }
}

#[tokio::test]
async fn json_that_is_not_an_object_is_rejected() {
    let app = App::start().await;
    let simulator = simulator(&app).await;
    for path in COMMANDS {
        for body in ["", "null", "[]", "[{\"content\": \"x\"}]", "\"hunter2\"", "12345", "true"] {
            let text = post_text(&simulator, path, body).await.failure(400);
            assert!(text.contains("JSON object"), "{path} {body}: {text}");
            assert!(!text.contains("hunter2") && !text.contains("12345"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_field_that_is_not_a_string_is_rejected_with_its_name() {
    let app = App::start().await;
    let simulator = simulator(&app).await;
    for value in [json!(48_151_623), json!(true), json!(["48151623"]), json!({"48151623": 1})] {
        for (path, field, body) in [
            ("/register", "username", json!({"username": value, "email": "a@b", "pwd": "x"})),
            ("/register", "email", json!({"username": "c", "email": value, "pwd": "x"})),
            ("/register", "pwd", json!({"username": "c", "email": "a@b", "pwd": value})),
            ("/msgs/alice", "content", json!({"content": value})),
            ("/fllws/alice", "follow", json!({"follow": value})),
            ("/fllws/alice", "unfollow", json!({"unfollow": value})),
        ] {
            let text = simulator.post(path, body).await.failure(400);
            assert!(text.contains(field), "{path} {field} {value}: {text}");
            assert!(!text.contains("48151623") && !text.contains("true"), "{text}");
        }
    }
    assert_eq!(app.count("SELECT count(*) FROM users").await, 2);
}

#[tokio::test]
async fn an_unsupported_content_type_gets_415() {
    let app = App::start().await;
    let simulator = simulator(&app).await;
    for path in COMMANDS {
        let body = r#"{"content":"hi","follow":"bob","username":"carol","email":"a@b","pwd":"x"}"#;
        for content_type in
            ["text/plain", "application/x-www-form-urlencoded", "application/xml", "json", ""]
        {
            let request = simulator.request(Method::POST, path);
            let request = request.header(header::CONTENT_TYPE, content_type).body(body);
            TestResponse::of(request).await.failure(415);
        }
        TestResponse::of(simulator.request(Method::POST, path).body(body)).await.failure(415);

        let request = simulator.request(Method::POST, path).body(body);
        let request = request.header(header::CONTENT_TYPE, "Application/JSON; charset=utf-8");
        assert_eq!(TestResponse::of(request).await.status, 204, "{path}");
    }
}

#[tokio::test]
async fn a_body_above_the_size_limit_gets_413() {
    let app = App::start().await;
    let simulator = simulator(&app).await;
    for path in COMMANDS {
        let blanks = |count: usize| " ".repeat(count);
        post_text(&simulator, path, blanks(65_537)).await.failure(413);
        post_text(&simulator, path, blanks(65_536)).await.failure(400);
    }
}

#[tokio::test]
async fn an_unknown_user_takes_precedence_over_the_rest_of_the_request() {
    let app = App::start().await;
    let simulator = simulator(&app).await;
    let deep = "[".repeat(10_000);
    let long = json!({"content": "a".repeat(281)}).to_string();
    let bodies = [
        "",
        "{",
        "[]",
        "{}",
        &deep,
        &long,
        "{\"content\": 7, \"follow\": 7}",
        "{\"follow\": \"bob\", \"unfollow\": \"bob\"}",
        "{\"follow\": \"nobody\", \"content\": \"\\u0000\"}",
    ];
    for path in ["/msgs/nobody", "/fllws/nobody", "/msgs/a%2Fb", "/fllws/%20x"] {
        for body in bodies {
            post_text(&simulator, path, body.to_owned()).await.failure(404);
            let request = simulator.request(Method::POST, path).body(body.to_owned());
            let request = request.header(header::CONTENT_TYPE, "text/plain");
            TestResponse::of(request).await.failure(404);
        }
        for parameter in ["latest=many", "latest=-1", "no=-1"] {
            simulator.get(&format!("{path}?{parameter}")).await.failure(404);
        }
        let post = json!({"content": "hello", "follow": "bob"});
        simulator.post(&format!("{path}?latest=-1"), post).await.failure(404);
    }
    post_text(&simulator, "/fllws/alice", "{").await.failure(400);
}

#[tokio::test]
async fn a_malformed_number_is_rejected_with_the_name_of_the_parameter() {
    let app = App::start().await;
    let simulator = simulator(&app).await;
    for value in ["-1", "many", "1.5", "1e3", "0x10", "", "%20", "1%00", "%FF", "%D9%A3"] {
        for path in ["/msgs", "/msgs/alice", "/fllws/alice"] {
            let text = simulator.get(&format!("{path}?no={value}")).await.failure(400);
            assert!(text.contains("no:"), "{path} {value}: {text}");
        }
        for path in ["/msgs", "/msgs/alice", "/fllws/alice"] {
            let text = simulator.get(&format!("{path}?latest={value}")).await.failure(400);
            assert!(text.contains("latest"), "{path} {value}: {text}");
        }
        let user = json!({"username": "carol", "email": "a@b", "pwd": "x"});
        for (path, body) in [
            ("/register", user),
            ("/msgs/alice", json!({"content": "x"})),
            ("/fllws/alice", json!({"follow": "bob"})),
        ] {
            let text = simulator.post(&format!("{path}?latest={value}"), body).await.failure(400);
            assert!(text.contains("latest"), "{path} {value}: {text}");
        }
    }
    assert_eq!(app.count("SELECT count(*) FROM users").await, 2);
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 0);
    assert_eq!(app.count("SELECT count(*) FROM follows").await, 0);
}

/// The credentials come first, then the user in the path, then the body and its type.
#[tokio::test]
async fn an_unknown_user_takes_precedence_over_the_body() {
    let app = App::start().await;
    let simulator = simulator(&app).await;
    let large = " ".repeat(70_000);
    let bodies = [
        ("application/json", "{"),
        ("application/json", "[]"),
        ("application/json", "{}"),
        ("application/json", "{\"content\": \"\", \"follow\": \"\"}"),
        ("application/json", "{\"content\": 5, \"follow\": 5}"),
        ("application/json", "{\"follow\": \"alice\\u0000\", \"content\": \"\\u0000\"}"),
        ("application/json", large.as_str()),
        ("text/plain", "{}"),
        ("", ""),
    ];
    for simulator in [simulator, app.simulator_at_root()] {
        for resource in ["msgs", "fllws"] {
            for name in ["nobody", "Alice", "a%2Fb", "%FF", "a%00", "%E2%80%8B"] {
                for path in [format!("/{resource}/{name}"), format!("/{resource}/{name}?latest=x")]
                {
                    for (content_type, body) in bodies {
                        let with = |request: reqwest::RequestBuilder| {
                            let request = request.header(header::CONTENT_TYPE, content_type);
                            TestResponse::of(request.body(body.to_owned()))
                        };
                        let answer = with(simulator.bare_request(Method::POST, &path)).await;
                        answer.failure(403);
                        let answer = with(simulator.request(Method::POST, &path)).await;
                        assert_eq!(
                            answer.status, 404,
                            "{path} {content_type} {body:.20}: {answer:?}"
                        );
                        answer.failure(404);
                        // With the user of the path, the body counts.
                        let known = path.replace(name, "alice");
                        let answer = with(simulator.request(Method::POST, &known)).await;
                        assert!([400, 413, 415].contains(&answer.status), "{answer:?}");
                    }
                    let coded = simulator.request(Method::POST, &path).json(&json!({}));
                    TestResponse::of(coded.header("content-encoding", "gzip")).await.failure(404);
                }
                let path = format!("/{resource}/{name}?no=x");
                simulator.get(&path).await.failure(404);
            }
        }
    }
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 0);
}
