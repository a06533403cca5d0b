//! The number of SQL statements that each request runs, including `BEGIN` and `COMMIT`.

mod counting_server;
pub mod page_routes;

use std::collections::BTreeSet;

use reqwest::{Client, Method, RequestBuilder, header, redirect::Policy};
use serde_json::{Value, json};

use self::{
    counting_server::{CountingServer, statements},
    page_routes::page_routes,
};
use crate::support::{
    App, AppSettings,
    actors::{TestResponse, encode},
    cluster::TestDatabase,
    documents::{committed, operations},
    eventually,
};

/// The highest permitted number of statements of a request.
const MAX_STATEMENTS: i64 = 2;

/// Their statements are read one after the other while the response is sent.
const DOWNLOADS: &str = "/settings/data.";

/// The client of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sender {
    Anonymous,
    Simulator,
    Browser,
    /// The browser of a user registered for this request, which may end the session or the account.
    NewUser,
    Token,
}

#[derive(Debug, Clone, Copy)]
enum Body {
    None,
    Json(&'static str),
    Form(&'static [(&'static str, &'static str)]),
}

use Body::{Form, Json};
use Sender::{Anonymous, Browser, NewUser, Simulator, Token};

/// A request and its expected number of statements. `{n}` in a body is replaced by a number that is
/// unique to the request.
struct Row {
    /// The method and the route, as in the OpenAPI document or the source.
    operation: &'static str,
    by: Sender,
    query: &'static str,
    body: Body,
    /// Whether the request has the header `Idempotency-Key`.
    keyed: bool,
    status: u16,
    statements: i64,
}

const fn row(operation: &'static str, by: Sender, status: u16, statements: i64) -> Row {
    Row { operation, by, query: "", body: Body::None, keyed: false, status, statements }
}

impl Row {
    const fn query(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    const fn body(self, body: Body) -> Self {
        Self { body, ..self }
    }

    const fn keyed(self) -> Self {
        Self { keyed: true, ..self }
    }

    fn route(&self) -> &'static str {
        self.operation.split_once(' ').expect("a method and a route").1
    }
}

const USER: Body = Json(r#"{"username": "new {n}", "email": "a@b", "pwd": "secret"}"#);

/// Authentication by session or token takes one statement, and storing `latest` takes one.
#[rustfmt::skip]
const SIMULATOR: &[Row] = &[
    row("GET /latest", Anonymous, 200, 1),
    // The first statement looks for the username, to avoid hashing a password if it is taken.
    row("POST /register", Simulator, 204, 2).body(USER),
    row("GET /msgs", Simulator, 200, 1),
    row("GET /msgs", Simulator, 200, 2).query("?latest=7"),
    row("GET /msgs/{username}", Simulator, 200, 1),
    row("POST /msgs/{username}", Simulator, 204, 1).body(Json(r#"{"content": "hello"}"#)),
    row("POST /msgs/{username}", Simulator, 204, 2).query("?latest=7").body(Json(r#"{"content": "hello"}"#)),
    row("GET /fllws/{username}", Simulator, 200, 1),
    row("POST /fllws/{username}", Simulator, 204, 1).body(Json(r#"{"follow": "bob"}"#)),
    row("POST /fllws/{username}", Simulator, 204, 1).body(Json(r#"{"unfollow": "bob"}"#)),
];

#[rustfmt::skip]
const API: &[Row] = &[
    row("POST /tokens", Anonymous, 201, 2).body(Json(r#"{"username": "ann", "password": "secret", "name": "a"}"#)),
    row("GET /tokens", Token, 200, 2),
    row("DELETE /tokens/{token_id}", Token, 204, 2),
    row("GET /account", Token, 200, 2),
    row("POST /users", Anonymous, 201, 2).body(Json(r#"{"username": "new {n}", "email": "a@b", "password": "x"}"#)),
    row("GET /users", Anonymous, 200, 1),
    row("GET /users/{username}", Anonymous, 200, 1),
    row("GET /users/{username}", Token, 200, 2),
    row("PATCH /users/{username}", Token, 204, 2).body(Json(r#"{"bio": "hello"}"#)),
    row("GET /users/{username}/followers", Anonymous, 200, 1),
    row("GET /users/{username}/following", Anonymous, 200, 1),
    row("PUT /following/{username}", Token, 204, 2),
    row("DELETE /following/{username}", Token, 204, 2),
    row("POST /messages", Token, 201, 2).body(Json(r#"{"text": "hello"}"#)),
    row("POST /messages", Token, 201, 2).body(Json(r#"{"text": "hello"}"#)).keyed(),
    row("GET /messages", Anonymous, 200, 1),
    row("GET /messages/{id}", Anonymous, 200, 1),
    row("GET /messages/{id}/replies", Anonymous, 200, 1),
    row("GET /messages/{id}/parents", Anonymous, 200, 1),
    row("POST /messages", Token, 422, 2).body(Json(r#"{"text": "hello", "in_reply_to": 0}"#)),
    row("PATCH /messages/{id}", Token, 200, 2).body(Json(r#"{"text": "changed {n}"}"#)),
    row("GET /users/{username}/messages", Anonymous, 200, 1),
    row("GET /timeline", Token, 200, 2),
    row("GET /search", Anonymous, 200, 1).query("?q=hello"),
    row("GET /search", Anonymous, 200, 1).query("?q=%E6%9D%B1"),
    row("GET /search", Anonymous, 200, 1).query("?q=a&kind=users"),
    // All streams share the polls for new messages, so these are not counted.
    row("GET /stream", Anonymous, 200, 0),
    row("DELETE /messages/{id}", Token, 204, 2),
    // Must be the last row, since it deletes the account.
    row("POST /account/deletion", Token, 204, 2).body(Json(r#"{"password": "secret"}"#)),
];

#[rustfmt::skip]
const PAGES: &[Row] = &[
    row("GET /", Anonymous, 302, 0),
    row("GET /", Browser, 200, 2),
    row("GET /public", Anonymous, 200, 1),
    row("GET /public", Browser, 200, 2),
    row("POST /add_message", Browser, 302, 2).body(Form(&[("text", "hello")])),
    row("GET /login", Anonymous, 200, 0),
    row("POST /login", Anonymous, 302, 2).body(Form(&[("username", "bob"), ("password", "secret")])),
    row("GET /register", Anonymous, 200, 0),
    row("POST /register", Anonymous, 302, 2).body(Form(&[
        ("username", "new {n}"), ("email", "a@b"), ("password", "x"), ("password2", "x"),
    ])),
    row("GET /static/{file_name}", Anonymous, 404, 0),
    row("GET /favicon.ico", Anonymous, 302, 0),
    row("GET /avatar/{username}", Anonymous, 200, 0),
    row("GET /robots.txt", Anonymous, 200, 0),
    row("GET /.well-known/change-password", Anonymous, 302, 0),
    row("GET /.well-known/security.txt", Anonymous, 404, 0),
    row("GET /docs/errors", Anonymous, 200, 0),
    row("GET /docs/errors", Browser, 200, 1),
    row("GET /public.atom", Anonymous, 200, 1),
    row("GET /{username}.atom", Anonymous, 200, 1),
    row("GET /message/{id}", Anonymous, 200, 1),
    row("GET /message/{id}", Browser, 200, 2),
    row("GET /message/{id}/reply", Browser, 200, 2),
    row("POST /message/{id}/reply", Browser, 302, 2).body(Form(&[("text", "a reply")])),
    row("POST /message/{id}/reply", Browser, 302, 2).body(Form(&[("text", "a reply"), ("key", "{n}")])),
    row("POST /message/{id}/reply", Browser, 400, 2).body(Form(&[("text", "")])),
    row("GET /message/{id}/edit", Browser, 200, 2),
    row("POST /message/{id}/edit", Browser, 302, 2).body(Form(&[("text", "changed {n}")])),
    row("POST /message/{id}/edit", Browser, 400, 2).body(Form(&[("text", "")])),
    row("GET /message/{id}/delete", Browser, 200, 2),
    row("POST /message/{id}/delete", Browser, 302, 2),
    row("GET /tag/{tag}", Anonymous, 200, 1),
    row("GET /tag/{tag}", Browser, 200, 2),
    row("GET /{username}", Anonymous, 200, 1),
    row("GET /{username}", Browser, 200, 2),
    row("GET /{username}/followers", Anonymous, 200, 1),
    row("GET /{username}/followers", Browser, 200, 2),
    row("GET /{username}/following", Anonymous, 200, 1),
    row("GET /{username}/following", Browser, 200, 2),
    row("GET /search", Anonymous, 200, 0),
    row("GET /search", Browser, 200, 2).query("?q=hello"),
    row("GET /search", Browser, 200, 2).query("?q=a&in=people"),
    row("GET /settings", Browser, 200, 2),
    // One statement a page of messages, followees and followers, after the session and the profile.
    row("GET /settings/data.json", Browser, 200, 5),
    row("GET /settings/data.atom", Browser, 200, 3),
    row("POST /settings/profile", NewUser, 302, 2).body(Form(&[("email", "a@b")])),
    row("POST /settings/profile", NewUser, 400, 2).body(Form(&[("email", "a")])),
    row("POST /settings/password", NewUser, 302, 2).body(Form(&[("current", "secret"), ("new", "x"), ("repeated", "x")])),
    row("POST /settings/password", NewUser, 400, 2).body(Form(&[("current", "guess"), ("new", "x"), ("repeated", "x")])),
    row("GET /settings/tokens", Browser, 200, 2),
    row("POST /settings/tokens", NewUser, 200, 2).body(Form(&[("name", "a"), ("password", "secret")])),
    row("POST /settings/tokens", NewUser, 400, 2).body(Form(&[("name", "a"), ("password", "guess")])),
    row("POST /settings/tokens/{token_id}/revoke", NewUser, 302, 2),
    row("POST /settings/sessions/end", NewUser, 302, 2),
    row("GET /settings/account/delete", Browser, 200, 1),
    row("POST /settings/account/delete", NewUser, 302, 2).body(Form(&[("password", "secret")])),
    row("POST /settings/account/delete", NewUser, 400, 1).body(Form(&[("password", "guess")])),
    row("POST /{username}/follow", Browser, 302, 2),
    row("POST /{username}/unfollow", Browser, 302, 2),
    row("GET /users/{username}", Anonymous, 200, 1),
    row("GET /users/{username}", Browser, 200, 2),
    row("GET /users/{username}/feed.atom", Anonymous, 200, 1),
    row("GET /users/{username}/followers", Browser, 200, 2),
    row("GET /users/{username}/following", Browser, 200, 2),
    row("POST /users/{username}/follow", Browser, 302, 2),
    row("POST /users/{username}/unfollow", Browser, 302, 2),
    row("POST /logout", Browser, 302, 1),
];

/// A server with the users `ann` and `bob`, and the credentials of `ann`, who sends the requests.
struct Fixture {
    app: App,
    client: Client,
    token: String,
    cookie: String,
    token_id: i64,
    /// One message for the pages and one for the JSON API, since both delete their message.
    message_ids: [i64; 2],
}

impl Fixture {
    async fn create(counting: &CountingServer) -> Self {
        let options = counting.options.clone();
        let change = |settings: &mut AppSettings| settings.database = options;
        let app = App::start_with(TestDatabase::empty().await, change).await;
        app.api_user("bob").await;
        app.api().sign_up("ann").await;
        let token = app.api().make_token("ann", "secret").await.json();
        let other = app.api().make_token("ann", "secret").await.json();
        let ann = app.api().with_token(token["token"].as_str().expect("a token"));
        let mut message_ids = [0; 2];
        for message_id in &mut message_ids {
            *message_id = id(&ann.post("/messages", json!({"text": "hello"})).await.json());
        }
        let cookie = session(&app, "ann").await;
        let client = Client::builder().redirect(Policy::none()).build().expect("a client");
        Self {
            app,
            client,
            token: token["token"].as_str().expect("a token").to_owned(),
            cookie,
            token_id: id(&other),
            message_ids,
        }
    }

    /// Registers a user. Returns the cookie of a session and the id of a token.
    async fn new_user(&self, number: usize) -> (String, i64) {
        let name = format!("new user {number}");
        self.app.api().sign_up(&name).await;
        let token = self.app.api().make_token(&name, "secret").await.json();
        (session(&self.app, &name).await, id(&token))
    }

    async fn request(&self, prefix: &str, row: &Row, number: usize) -> RequestBuilder {
        let (method, route) = row.operation.split_once(' ').expect("a method and a route");
        // Users can change only their own account.
        let own = method == "PATCH" && route == "/users/{username}";
        let name = if own || row.by == Simulator { "ann" } else { "bob" };
        let (cookie, token_id) = match row.by {
            NewUser => self.new_user(number).await,
            _ => (self.cookie.clone(), self.token_id),
        };
        let [for_pages, for_api] = self.message_ids;
        let message_id = if prefix.is_empty() { for_pages } else { for_api };
        let path = route
            .replace("{username}", &encode(name))
            .replace("{token_id}", &token_id.to_string())
            .replace("{id}", &message_id.to_string())
            .replace("{tag}", "rust")
            .replace("{file_name}", "none");
        let url = self.app.url(&format!("{prefix}{path}{}", row.query));
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let request = self.client.request(method, url);
        let numbered = |text: &str| text.replace("{n}", &number.to_string());
        let request = match row.body {
            Body::None => request,
            Json(body) => {
                request.header(header::CONTENT_TYPE, "application/json").body(numbered(body))
            }
            Form(fields) => {
                let fields = fields.iter().map(|(name, value)| (*name, numbered(value)));
                request.form(&fields.collect::<Vec<_>>())
            }
        };
        let key = row.keyed.then(|| number.to_string());
        let request = key.into_iter().fold(request, |it, key| it.header("Idempotency-Key", key));
        match row.by {
            Anonymous => request,
            Simulator => request.basic_auth("simulator", Some("super_safe!")),
            Browser | NewUser => request.header(header::COOKIE, cookie),
            Token => request.bearer_auth(&self.token),
        }
    }
}

/// Signs in a user whose password is `secret`. Returns the cookie of the session.
async fn session(app: &App, username: &str) -> String {
    let form = [("username", username), ("password", "secret")];
    let response = app.anonymous().post("/login", &form).await;
    let cookies = response.headers.get_all(header::SET_COOKIE).iter();
    let cookies = cookies.filter_map(|cookie| cookie.to_str().expect("text").split(';').next());
    cookies.filter(|it| it.starts_with("session_")).collect()
}

fn id(object: &Value) -> i64 {
    object["id"].as_i64().expect("a number")
}

fn documented(api: &str) -> BTreeSet<String> {
    let document: Value = serde_json::from_str(&committed(api)).expect("JSON");
    operations(&document).into_iter().map(|(name, _)| name).collect()
}

#[tokio::test]
async fn each_request_runs_the_expected_number_of_statements() {
    let operations_of =
        |rows: &[Row]| rows.iter().map(|row| row.operation.to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(operations_of(SIMULATOR), documented("simulator"), "each operation has a row");
    assert_eq!(operations_of(API), documented("api"), "each operation has a row");
    let routes: BTreeSet<String> = PAGES.iter().map(|row| row.route().to_owned()).collect();
    assert_eq!(routes, page_routes(), "each route has a row");

    let counting = CountingServer::start().await;
    let fixture = Fixture::create(&counting).await;
    let mut counter = counting.connect().await;
    // The first `latest` of a server also deletes the rows of stopped servers, in the background.
    for _ in 0..2 {
        let first = fixture.request("/sim", &SIMULATOR[3], 0).await;
        assert_eq!(TestResponse::of(first).await.status, 200);
    }
    eventually("the deletion of other rows", || async {
        let mut counter = counting.connect().await;
        let done = statements(&mut counter).await;
        done.iter().any(|query| query.starts_with("DELETE FROM simulator_latest")).then_some(())
    })
    .await;
    let all = [("/sim", SIMULATOR), ("", PAGES), ("/api/v1", API)];
    let rows = all.into_iter().flat_map(|(prefix, rows)| rows.iter().map(move |row| (prefix, row)));
    for (number, (prefix, row)) in rows.enumerate() {
        let request = fixture.request(prefix, row, number).await;
        statements(&mut counter).await;
        let response = TestResponse::of(request).await;
        assert_eq!(response.status, row.status, "{prefix} {}: {response:?}", row.operation);
        let counted = statements(&mut counter).await;
        let count = i64::try_from(counted.len()).expect("a number");
        let context = format!("{prefix} {} by {:?}: {counted:#?}", row.operation, row.by);
        assert_eq!(count, row.statements, "{context}");
        assert!(count <= MAX_STATEMENTS || row.route().starts_with(DOWNLOADS), "{context}");
    }
    fixture.app.stop().await;
    counting.server.stop();
}
