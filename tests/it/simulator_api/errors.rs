//! Every error that the document shows really happens, with the text that it shows.

use std::{collections::BTreeSet, time::Duration};

use minitwit::service::{Rate, RateLimits};
use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::support::{
    App, AppSettings,
    actors::{Simulator, TestResponse, encode},
    cluster::TestDatabase,
    documents::{Operation, documented},
    raw::{self, RawBody},
};

/// Servers on one database with the user ann; the user of the examples is unknown.
struct Scene {
    app: App,
    /// Allows one sign-up, and a body time-out that every slow body exceeds.
    strict: App,
    /// A server without its database.
    alone: App,
}

impl Scene {
    async fn set_up() -> Self {
        let app = App::start().await;
        assert_eq!(app.simulator().register("ann").await.status, 204);
        let strict = App::start_with(app.database.clone(), |settings| {
            settings.server.requests.body_timeout = Duration::from_millis(50);
            settings.service.limits = RateLimits {
                registrations_per_address: Rate::per_minute(1),
                ..RateLimits::default()
            };
        });
        let alone = App::start_with(TestDatabase::fresh().await, |settings: &mut AppSettings| {
            settings.pool.acquire_timeout = Duration::from_millis(50);
            settings.database = settings.database.clone().socket("/nowhere");
        });
        let (strict, alone) = (strict.await, alone.await);
        Self { app, strict, alone }
    }

    /// Calls the operation so that it fails with `status`.
    async fn provoke(&self, operation: &Operation, status: &str) -> TestResponse {
        let (simulator, known) = (self.app.simulator(), "ann");
        let body = operation.body.as_ref().map(Value::to_string);
        let text = |text: &str| body.as_ref().map(|_| text.to_owned());
        match status {
            "400" if body.is_some() => call(&simulator, operation, known, "", text("{}")).await,
            "400" => call(&simulator, operation, known, "?no=x", None).await,
            "403" => {
                let path = path(operation, known);
                TestResponse::of(simulator.bare_request(operation.method.clone(), &path)).await
            }
            "404" => call(&simulator, operation, "Roger Histand", "", body).await,
            "408" => self.send_raw(operation).await,
            "413" => call(&simulator, operation, known, "", text(&" ".repeat(65_537))).await,
            "415" => {
                let request = simulator.request(operation.method.clone(), &path(operation, known));
                let request = request.header(header::CONTENT_TYPE, "text/plain");
                TestResponse::of(request.body(body.unwrap_or_default())).await
            }
            "429" => {
                let strict = self.strict.simulator();
                for username in ["bob", "carol"] {
                    let user = json!({"username": username, "email": "a@b", "pwd": "secret"});
                    let request = strict.bare_request(Method::POST, "/register").json(&user);
                    let answer = TestResponse::of(request).await;
                    if answer.status != 204 {
                        return answer;
                    }
                }
                panic!("no registration was rejected");
            }
            "500" => call(&simulator, operation, known, "", body).await,
            "503" => call(&self.alone.simulator(), operation, known, "", body).await,
            other => panic!("{}: this test cannot cause {other} yet", operation.name),
        }
    }

    async fn send_raw(&self, operation: &Operation) -> TestResponse {
        let path = format!("/sim{}", path(operation, "ann"));
        let credentials = "Basic c2ltdWxhdG9yOnN1cGVyX3NhZmUh";
        let (address, method) = (self.strict.address, &operation.method);
        raw::send(address, method, &path, credentials, RawBody::Missing).await
    }
}

fn path(operation: &Operation, username: &str) -> String {
    operation.path.replace("{username}", &encode(username))
}

async fn call(
    simulator: &Simulator,
    operation: &Operation,
    username: &str,
    query: &str,
    body: Option<String>,
) -> TestResponse {
    let path = format!("{}{query}", path(operation, username));
    let request = simulator.request(operation.method.clone(), &path);
    TestResponse::of(match body {
        Some(body) => request.header(header::CONTENT_TYPE, "application/json").body(body),
        None => request,
    })
    .await
}

/// The text without the parts that differ from request to request.
fn normalized(text: &str) -> String {
    let text = text.split("(request").next().expect("a text");
    if text.starts_with("That was too often") {
        text.replace(|it: char| it.is_ascii_digit(), "")
    } else {
        text.to_owned()
    }
}

#[tokio::test]
async fn every_documented_error_happens_as_its_example_shows() {
    let scene = Scene::set_up().await;
    for internal in [false, true] {
        if internal {
            for table in ["users", "messages", "simulator_latest"] {
                let rename = format!("ALTER TABLE {table} RENAME TO former_{table}");
                let rename = sqlx::raw_sql(sqlx::AssertSqlSafe(rename));
                rename.execute(&scene.app.rows).await.expect("renamed");
            }
        }
        for operation in documented("simulator") {
            for (status, example) in &operation.errors {
                if (status == "500") != internal {
                    continue;
                }
                let response = scene.provoke(&operation, status).await;
                let text = response.failure(status.parse().expect("a number"));
                let shown = example["error_msg"].as_str().expect("a text");
                assert_eq!(normalized(&text), normalized(shown), "{}: {status}", operation.name);
            }
        }
    }
}

#[test]
fn each_example_has_the_status_of_its_response() {
    for operation in documented("simulator") {
        let statuses: BTreeSet<&str> =
            operation.errors.iter().map(|(status, _)| status.as_str()).collect();
        assert_eq!(statuses.len(), operation.errors.len(), "{}", operation.name);
        for (status, example) in &operation.errors {
            assert_eq!(example["status"].to_string(), *status, "{}", operation.name);
        }
    }
}
