//! Every error that the document shows really happens, with the code and the text that it shows.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use minitwit::{
    api::error_codes,
    service::{Rate, RateLimits, Settings},
};
use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::support::{
    App, AppSettings,
    actors::{ApiClient, TestResponse, encode},
    cluster::TestDatabase,
    documents::{Operation, documented},
    raw::{self, RawBody},
};

/// A well-formed token that no user has.
const NO_TOKEN: &str = "minitwit_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
/// The user in the examples of the document.
const EXAMPLE_USER: &str = "Roger Histand";

/// Servers on one database, with the users ann, bob and carol, whose account is disabled. Ann has a
/// token, and bob the message with the id 1.
struct Scene {
    app: App,
    /// Allows one request of each rate limit, and a body time-out that every slow body exceeds.
    strict: App,
    /// A server without its database.
    alone: App,
    ann: ApiClient,
    token: String,
}

impl Scene {
    async fn set_up() -> Self {
        let app = App::start().await;
        let api = app.api();
        for name in ["ann", "bob", "carol"] {
            assert_eq!(api.sign_up(name).await.status, 201);
        }
        let bob = api.signed_in("bob").await;
        assert_eq!(bob.post("/messages", json!({"text": "hello"})).await.json()["id"], 1);
        app.execute("UPDATE users SET disabled_at = now() WHERE username = 'carol'").await;
        let token = api.make_token("ann", "secret").await.json()["token"].clone();
        let token = token.as_str().expect("a token").to_owned();
        let strict = App::start_with(app.database.clone(), |settings| {
            settings.server.requests.body_timeout = Duration::from_millis(50);
            limit_each_rate(&mut settings.service);
        });
        let alone = App::start_with(TestDatabase::fresh().await, |settings: &mut AppSettings| {
            settings.pool.acquire_timeout = Duration::from_millis(50);
            settings.database = settings.database.clone().socket("/nowhere");
        });
        let (strict, alone) = (strict.await, alone.await);
        Self { ann: api.with_token(&token), app, strict, alone, token }
    }

    /// Calls the operation so that it fails with the code of `example`.
    async fn provoke(&self, operation: &Operation, example: &Value) -> TestResponse {
        let call = Call::of(operation);
        let code = example["code"].as_str().expect("a code");
        match code {
            "malformed-json" => call.with_text("{").send(&self.ann).await,
            "unreadable-body" => self.send_raw(&self.app, call, RawBody::Malformed).await,
            "body-timeout" => self.send_raw(&self.strict, call, RawBody::Missing).await,
            "body-too-large" => call.with_text(&" ".repeat(65_537)).send(&self.ann).await,
            "unsupported-media-type" => call.with_media_type("text/plain").send(&self.ann).await,
            "token-required" => call.with_query("timeline", "own").send(&self.app.api()).await,
            "invalid-token" => call.send(&self.app.api().with_token(NO_TOKEN)).await,
            "wrong-credentials" => call.with_user(EXAMPLE_USER).send(&self.ann).await,
            "account-disabled" => {
                call.with_user("carol").with_field("password", "secret").send(&self.ann).await
            }
            "insufficient-scope" => {
                let scope = if call.method == Method::GET { "write" } else { "read" };
                call.send(&self.app.api().signed_in_with("ann", Some(scope)).await).await
            }
            "wrong-password" => call.with_guessed_password().send(&self.ann).await,
            "not-yours" => call.with_owner("bob").with_id("1").send(&self.ann).await,
            "unknown-path" => call.with_id("x").send(&self.ann).await,
            "unknown-user" => call.with_owner(EXAMPLE_USER).send(&self.ann).await,
            "unknown-message" | "unknown-token" => call.with_id("999").send(&self.ann).await,
            "username-taken" => call.with_user("ann").send(&self.ann).await,
            "invalid-fields" => {
                call.with_invalid_field(&example["errors"][0]).send(&self.ann).await
            }
            "idempotency-key-reused" => {
                let call = call.with_key("k");
                call.clone().with_field("text", "another").send(&self.ann).await;
                call.send(&self.ann).await
            }
            "rate-limited" => {
                let strict = self.ann.at(self.strict.url(""));
                let call = call.with_guessed_password();
                call.clone().send(&strict).await;
                call.with_user("dora").with_field("username", "ann").send(&strict).await
            }
            "internal-error" => call.send(&self.ann).await,
            "unavailable" => call.send(&self.ann.at(self.alone.url(""))).await,
            other => panic!("{}: this test cannot cause {other} yet", operation.name),
        }
    }

    async fn send_raw(&self, app: &App, call: Call, body: RawBody) -> TestResponse {
        let path = format!("/api/v1{}", call.path());
        let authorization = format!("Bearer {}", self.token);
        raw::send(app.address, &call.method, &path, &authorization, body).await
    }
}

fn limit_each_rate(settings: &mut Settings) {
    settings.limits = RateLimits {
        sign_ins_per_account: Rate::per_minute(1),
        sign_ins_per_address: Rate::per_minute(100),
        registrations_per_address: Rate::per_minute(1),
        posts_per_account: Rate::per_minute(1),
        changes_per_account: Rate::per_minute(1),
        downloads_per_account: Rate::per_minute(1),
    };
}

/// A request, valid at first: on ann's account, on bob, or on an id that exists.
#[derive(Debug, Clone)]
struct Call {
    method: Method,
    template: String,
    username: String,
    id: String,
    query: Vec<(String, String)>,
    media_type: &'static str,
    body: Option<Value>,
    text: Option<String>,
    /// The value of `Idempotency-Key`.
    key: Option<&'static str>,
}

impl Call {
    fn of(operation: &Operation) -> Self {
        let own = operation.path.starts_with("/users/");
        Self {
            method: operation.method.clone(),
            template: operation.path.clone(),
            username: if own { "ann" } else { "bob" }.to_owned(),
            id: "1".to_owned(),
            query: Vec::new(),
            media_type: "application/json",
            body: operation.body.clone(),
            text: None,
            key: None,
        }
    }

    fn with_key(self, key: &'static str) -> Self {
        Self { key: Some(key), ..self }
    }

    fn with_text(self, text: &str) -> Self {
        Self { text: Some(text.to_owned()), ..self }
    }

    fn with_media_type(self, media_type: &'static str) -> Self {
        Self { media_type, ..self }
    }

    fn with_owner(self, username: &str) -> Self {
        Self { username: username.to_owned(), ..self }
    }

    fn with_id(self, id: &str) -> Self {
        Self { id: id.to_owned(), ..self }
    }

    fn with_query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    fn with_field(mut self, name: &str, value: &str) -> Self {
        if let Some(body) = &mut self.body {
            body[name] = value.into();
        }
        self
    }

    /// Names this user in the body, if the body names one.
    fn with_user(self, username: &str) -> Self {
        let named = self.body.as_ref().is_some_and(|body| body.get("username").is_some());
        if named { self.with_field("username", username) } else { self }
    }

    /// Gives a wrong password wherever the operation requires the current one.
    fn with_guessed_password(self) -> Self {
        match (&self.method, self.template.as_str()) {
            (&Method::PATCH, _) => {
                self.with_field("password", "new").with_field("current_password", "guess")
            }
            (_, "/tokens") => self.with_user("ann").with_field("password", "guess"),
            _ => self,
        }
    }

    /// Makes the field of an error in an example invalid, by the rule of the example.
    fn with_invalid_field(mut self, error: &Value) -> Self {
        let text = |name: &str| error[name].as_str().expect(name).to_owned();
        let (field, rule) = (text("field"), text("detail"));
        let in_body = self.body.as_ref().is_some_and(Value::is_object);
        match (field.as_str(), rule.as_str()) {
            ("username", "You cannot follow yourself") => self.with_owner("ann"),
            (_, "is required") if in_body => {
                let fields = self.body.as_mut().and_then(Value::as_object_mut).expect("an object");
                fields.remove(&field);
                self
            }
            _ if in_body => self.with_field(&field, ""),
            ("limit", _) => self.with_query("limit", "0"),
            _ => self.with_query(&field, ""),
        }
    }

    fn path(&self) -> String {
        let path = self.template.replace("{username}", &encode(&self.username));
        path.replace("{id}", &self.id).replace("{token_id}", &self.id)
    }

    async fn send(self, client: &ApiClient) -> TestResponse {
        let request = client.request(self.method.clone(), &self.path()).query(&self.query);
        let request =
            self.key.into_iter().fold(request, |it, key| it.header("Idempotency-Key", key));
        let text = self.text.or(self.body.map(|body| body.to_string()));
        TestResponse::of(match text {
            Some(text) => request.header(header::CONTENT_TYPE, self.media_type).body(text),
            None => request,
        })
        .await
    }
}

/// The problem without the parts that differ from request to request.
fn normalized(mut problem: Value) -> Value {
    let detail = problem["detail"].as_str().expect("a text");
    let general = match problem["code"].as_str().expect("a code") {
        "rate-limited" => detail.replace(|it: char| it.is_ascii_digit(), "").replace("  ", " "),
        "internal-error" => detail.split('(').next().expect("a text").to_owned(),
        // The example shows the scope `write`.
        "insufficient-scope" => {
            let scope = detail.strip_prefix("The bearer token lacks the scope ");
            let is_scope = matches!(scope, Some("read" | "write" | "account"));
            assert!(is_scope, "{detail}");
            "a missing scope".to_owned()
        }
        _ => detail.to_owned(),
    };
    problem["detail"] = general.into();
    problem
}

/// The stages in which errors are provoked: the last two change what all requests do.
const STAGES: [fn(&str) -> bool; 3] = [
    |code| !["rate-limited", "internal-error"].contains(&code),
    |code| code == "rate-limited",
    |code| code == "internal-error",
];

#[tokio::test]
async fn every_documented_error_happens_as_its_example_shows() {
    let operations = documented("api");
    let scene = Scene::set_up().await;
    let mut codes = BTreeSet::new();
    for (number, stage) in STAGES.iter().enumerate() {
        if number == 2 {
            scene.app.execute("ALTER TABLE users RENAME TO people").await;
        }
        for operation in &operations {
            for (status, example) in &operation.errors {
                let code = example["code"].as_str().expect("a code");
                if !stage(code) {
                    continue;
                }
                codes.insert(code.to_owned());
                let response = scene.provoke(operation, example).await;
                let problem = response.problem(status.parse().expect("a number"));
                assert_eq!(
                    normalized(problem),
                    normalized(example.clone()),
                    "{}: {code}",
                    operation.name
                );
            }
        }
    }
    // No operation has this error, because no operation has its method.
    let response = TestResponse::of(scene.ann.request(Method::TRACE, "/users")).await;
    assert_eq!(response.problem(405)["code"], "method-not-allowed");
    codes.insert("method-not-allowed".to_owned());
    let head = "GET /api/v1/users HTTP/1.1\r\n\r\n";
    let response = raw::exchange(scene.app.address, head).await;
    assert_eq!(response.problem(400)["code"], "invalid-host");
    codes.insert("invalid-host".to_owned());
    let all: BTreeSet<String> = error_codes().iter().map(|entry| entry.code.to_owned()).collect();
    assert_eq!(codes, all, "each code is documented and happens");
}

#[test]
fn each_example_has_the_status_and_the_text_of_its_code() {
    for operation in documented("api") {
        let statuses: BTreeSet<&str> =
            operation.errors.iter().map(|(status, _)| status.as_str()).collect();
        assert!(statuses.is_superset(&BTreeSet::from(["500", "503"])), "{}", operation.name);
        for (status, example) in &operation.errors {
            let code = example["code"].as_str().expect("a code");
            let entry = error_codes().iter().find(|entry| entry.code == code);
            let entry = entry.unwrap_or_else(|| panic!("{code} is not an error code"));
            assert_eq!(example["status"].to_string(), *status, "{}: {code}", operation.name);
            assert_eq!(example["status"], entry.status, "{}: {code}", operation.name);
            assert_eq!(example["title"], entry.title, "{code}");
            assert_eq!(example["type"], entry.uri(), "{code}");
        }
    }
}

#[tokio::test]
async fn each_type_leads_to_its_entry_on_the_page() {
    let app = App::start().await;
    for browser in [app.anonymous(), app.signed_in("ann").await] {
        let page = browser.get("/docs/errors").await;
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
        for entry in error_codes() {
            let (path, anchor) = entry.uri().split_once('#').map(own).expect("an anchor");
            assert_eq!(path, "/docs/errors");
            page.says(&format!("id=\"{anchor}\""))
                .says(&format!("<code>{}</code>", entry.code))
                .says(&format!("{}. Status {}.", entry.title, entry.status))
                .says(&entry.cause.replace('\'', "&#39;"))
                .says(&entry.remedy.replace('\'', "&#39;"));
        }
    }
}

fn own((path, anchor): (&str, &str)) -> (String, String) {
    (path.to_owned(), anchor.to_owned())
}

#[test]
fn the_reference_lists_every_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/errors.md");
    let reference = fs::read_to_string(&path).expect("the reference");
    let rows = error_codes().iter().map(|it| {
        format!("| `{}` | {} | {} | {} | {} |", it.code, it.status, it.title, it.cause, it.remedy)
    });
    let expected: Vec<String> = rows.collect();
    let listed: Vec<&str> = reference.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(listed, expected, "copy these rows to {}:\n{}", path.display(), expected.join("\n"));
}

#[tokio::test]
async fn errors_outside_of_operations_have_codes() {
    let app = App::start().await;
    let api = app.api();
    for path in ["", "/", "/nothing", "/users/a/b/c", "/messages/1/2", "/%FF"] {
        let problem = api.get(path).await.problem(404);
        assert_eq!(problem["code"], "unknown-path", "{path}");
    }
    for path in ["/openapi.json", "/users"] {
        let response = TestResponse::of(api.request(Method::TRACE, path)).await;
        assert_eq!(response.problem(405)["code"], "method-not-allowed", "{path}");
        assert!(response.header("allow").contains("HEAD"), "{response:?}");
    }
}
