//! The permission matrix: the status that each operation of the document returns to each kind of caller.

use std::collections::BTreeSet;

use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::support::{
    App,
    actors::{ApiClient, TestResponse, encode},
    documents::{committed, operations},
};

/// The caller of an operation on the token, the message or the account of the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Actor {
    /// A client without a token.
    SignedOut,
    /// The owner's browser when another site makes it send a request: with the session cookie, without a
    /// token.
    Cookie,
    Owner,
    Another,
    /// The owner, after an operator has disabled the account.
    Disabled,
    /// The owner, with a token that was revoked.
    Revoked,
    /// The owner, with an expired token.
    Expired,
    /// The owner, with a token that has only the scope `read`.
    Read,
    /// The owner, with a token that has only the scope `write`.
    Write,
    /// The owner, with a token that has only the scope `account`.
    Account,
}

use Actor::{Account, Another, Cookie, Disabled, Expired, Owner, Read, Revoked, SignedOut, Write};

const COUNT: usize = 10;
const ACTORS: [Actor; COUNT] =
    [SignedOut, Cookie, Owner, Another, Disabled, Revoked, Expired, Read, Write, Account];

impl Actor {
    /// The only scope of the actor's token.
    fn scope(self) -> Option<&'static str> {
        match self {
            Read => Some("read"),
            Write => Some("write"),
            Account => Some("account"),
            _ => None,
        }
    }
}

/// The statuses of one operation, in the order of [`ACTORS`].
struct Row {
    operation: &'static str,
    /// Returns the request body, given an unused username.
    body: Option<fn(&str) -> Value>,
    statuses: [u16; COUNT],
}

const fn row(operation: &'static str, statuses: [u16; COUNT]) -> Row {
    Row { operation, body: None, statuses }
}

impl Row {
    /// The operation as in the document, without a query.
    fn documented(&self) -> &'static str {
        self.operation.split_once('?').map_or(self.operation, |(operation, _)| operation)
    }

    const fn sending(self, body: fn(&str) -> Value) -> Self {
        Self { body: Some(body), ..self }
    }
}

/// One row for each operation. The columns are [`ACTORS`].
#[rustfmt::skip]
const MATRIX: &[Row] = &[
    //                                     signed                                          scope
    //                                       out cookie owner another disabled revoked expired read write account
    row("POST /tokens",                     [201, 201, 201, 201, 403, 201, 201, 201, 201, 201])
        .sending(|_| json!({"username": "{owner}", "password": "secret", "name": "phone"})),
    row("GET /tokens",                      [401, 401, 200, 200, 401, 401, 401, 403, 403, 200]),
    row("DELETE /tokens/{token_id}",        [401, 401, 204, 404, 401, 401, 401, 403, 403, 204]),
    row("GET /account",                     [401, 401, 200, 200, 401, 401, 401, 200, 200, 200]),
    row("POST /account/deletion",           [401, 401, 204, 204, 401, 401, 401, 403, 403, 204])
        .sending(|_| json!({"password": "secret"})),
    row("POST /users",                      [201, 201, 201, 201, 201, 201, 201, 201, 201, 201])
        .sending(|name| json!({"username": name, "email": "a@b", "password": "secret"})),
    row("GET /users",                       [200, 200, 200, 200, 401, 401, 401, 200, 403, 403]),
    row("GET /users/{username}",            [200, 200, 200, 200, 401, 401, 401, 200, 403, 403]),
    row("PATCH /users/{username}",          [401, 401, 204, 403, 401, 401, 401, 403, 204, 403])
        .sending(|_| json!({"bio": "changed"})),
    row("GET /users/{username}/followers",  [200, 200, 200, 200, 401, 401, 401, 200, 403, 403]),
    row("GET /users/{username}/following",  [200, 200, 200, 200, 401, 401, 401, 200, 403, 403]),
    row("PUT /following/{username}",        [401, 401, 422, 204, 401, 401, 401, 403, 422, 403]),
    row("DELETE /following/{username}",     [401, 401, 204, 204, 401, 401, 401, 403, 204, 403]),
    row("POST /messages",                   [401, 401, 201, 201, 401, 401, 401, 403, 201, 403])
        .sending(|_| json!({"text": "hello"})),
    row("GET /messages",                    [200, 200, 200, 200, 401, 401, 401, 200, 403, 403]),
    row("GET /messages/{id}",               [200, 200, 200, 200, 401, 401, 401, 200, 403, 403]),
    row("GET /messages/{id}/replies",       [200, 200, 200, 200, 401, 401, 401, 200, 403, 403]),
    row("GET /messages/{id}/parents",       [200, 200, 200, 200, 401, 401, 401, 200, 403, 403]),
    row("PATCH /messages/{id}",             [401, 401, 200, 403, 401, 401, 401, 403, 200, 403])
        .sending(|_| json!({"text": "changed"})),
    row("DELETE /messages/{id}",            [401, 401, 204, 403, 401, 401, 401, 403, 204, 403]),
    row("GET /users/{username}/messages",   [200, 200, 200, 200, 401, 401, 401, 200, 403, 403]),
    row("GET /timeline",                    [401, 401, 200, 200, 401, 401, 401, 200, 403, 403]),
    row("GET /search?q=hello",              [200, 200, 200, 200, 401, 401, 401, 200, 403, 403]),
    row("GET /stream",                      [200, 200, 200, 200, 401, 401, 401, 200, 403, 403]),
];

/// The owner's data, and the client of the actor. Another user exists as well.
struct Scene {
    owner: String,
    token_id: Value,
    message_id: Value,
    client: ApiClient,
    cookie: Option<String>,
}

impl Scene {
    /// Creates the users; `number` makes their usernames unique.
    async fn set_up(app: &App, actor: Actor, number: usize) -> Self {
        let owner = format!("owner {number}");
        let another = app.api_user(&format!("another {number}")).await;
        let client = app.api_user(&owner).await;
        let token_id = app.api().make_token(&owner, "secret").await.json()["id"].clone();
        let message = client.post("/messages", json!({"text": "hello"})).await.json();
        let message_id = message["id"].clone();
        let mut cookie = None;
        let client = match actor {
            SignedOut => app.api(),
            Cookie => {
                let browser = app.anonymous();
                let form = [("username", owner.as_str()), ("password", "secret")];
                let response = browser.post("/login", &form).await;
                let cookies = response.headers.get_all(header::SET_COOKIE).iter();
                let cookies = cookies.map(|cookie| cookie.to_str().expect("text"));
                let mut pairs = cookies.filter_map(|cookie| cookie.split(';').next());
                cookie = pairs.find(|pair| pair.starts_with("session_")).map(Into::into);
                assert!(cookie.is_some(), "{response:?}");
                app.api()
            }
            Another => another,
            Owner | Disabled | Revoked | Expired => client,
            Read | Write | Account => app.api().signed_in_with(&owner, actor.scope()).await,
        };
        let change = match actor {
            Disabled => "UPDATE users SET disabled_at = now() WHERE username = $1",
            Revoked => {
                "DELETE FROM api_tokens USING users WHERE users.user_id = api_tokens.user_id
                 AND username = $1"
            }
            Expired => {
                "UPDATE api_tokens SET created_at = now() - interval '2 years',
                     expires_at = now() - interval '1 second'
                 FROM users WHERE users.user_id = api_tokens.user_id AND username = $1"
            }
            _ => "SELECT $1",
        };
        sqlx::query(change).bind(&owner).execute(&app.rows).await.expect(change);
        Self { owner, token_id, message_id, client, cookie }
    }

    async fn call(&self, row: &Row, name: &str) -> TestResponse {
        let (method, path) = row.operation.split_once(' ').expect("a method and a path");
        let path = path
            .replace("{username}", &encode(&self.owner))
            .replace("{token_id}", &self.token_id.to_string())
            .replace("{id}", &self.message_id.to_string());
        assert!(!path.contains('{'), "{path}: unknown parameter");
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.client.request(method, &path);
        if let Some(body) = row.body {
            let body = body(name).to_string().replace("{owner}", &self.owner);
            request = request.header(header::CONTENT_TYPE, "application/json").body(body);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        TestResponse::of(request).await
    }
}

/// The scope that the response names as missing (RFC 6750).
fn required_scope(response: &TestResponse) -> &str {
    let problem = response.problem(403);
    assert_eq!(problem["code"], "insufficient-scope");
    let challenge = response.header("www-authenticate");
    let start = r#"Bearer realm="MiniTwit", error="insufficient_scope", scope=""#;
    let scope = challenge.strip_prefix(start).and_then(|rest| rest.strip_suffix('"'));
    let scope = scope.unwrap_or_else(|| panic!("{challenge}"));
    assert_eq!(problem["detail"], format!("The bearer token lacks the scope {scope}"));
    scope
}

#[tokio::test]
async fn each_response_has_the_status_in_the_permission_matrix() {
    let document: Value = serde_json::from_str(&committed("api")).expect("JSON");
    let operations = operations(&document);
    let documented: BTreeSet<&str> = operations.iter().map(|(name, _)| name.as_str()).collect();
    let rows: BTreeSet<&str> = MATRIX.iter().map(Row::documented).collect();
    assert_eq!(rows, documented, "the matrix has one row for each operation");
    assert_eq!(rows.len(), MATRIX.len(), "no operation has two rows");

    let app = App::start().await;
    let mut number = 0;
    let mut scenes = ACTORS.map(|_| None);
    for (name, operation) in &operations {
        let row = MATRIX.iter().find(|row| row.documented() == name).expect("a row");
        let schemes = operation["security"].as_array().expect("a security");
        let needs_token = !schemes.is_empty() && !schemes.contains(&json!({}));
        assert_eq!(
            row.statuses[0] == 401,
            needs_token,
            "{name}: the document and the matrix differ about the token"
        );
        for ((actor, status), unchanged) in ACTORS.into_iter().zip(row.statuses).zip(&mut scenes) {
            number += 1;
            let scene = match unchanged.take() {
                Some(scene) => scene,
                None => Scene::set_up(&app, actor, number).await,
            };
            let response = scene.call(row, &format!("new {number}")).await;
            assert_eq!(response.status, status, "{name} by {actor:?}: {response:?}");
            let documented = operation["responses"].get(status.to_string());
            assert!(documented.is_some(), "{name} does not document {status}");
            if status >= 400 {
                response.problem(status);
            }
            if status == 403 && actor.scope().is_some() {
                let scope = required_scope(&response);
                let permitted = ACTORS.iter().position(|it| it.scope() == Some(scope));
                let permitted = row.statuses[permitted.expect("a scope")];
                assert_ne!(permitted, 403, "{name} requires another scope than {scope}");
                let described = operation["description"].as_str().expect("a description");
                let text = described.split_whitespace().collect::<Vec<_>>().join(" ");
                // The document's own description covers operations without a token.
                let says = text.contains(&format!("scope `{scope}`"));
                assert_eq!(says, needs_token, "{name}: {text}");
            }
            if status >= 400 || name.starts_with("GET ") {
                *unchanged = Some(scene);
            }
        }
    }
}
