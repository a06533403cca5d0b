//! How many statements PostgreSQL carries out for a request, as it counts them itself: `BEGIN` and
//! `COMMIT` would count, too.

use std::collections::BTreeSet;

use embedded_postgres::{Data, Embedded, Settings};
use minitwit::db::migrations;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use proc_macro2::{TokenStream, TokenTree};
use reqwest::{Client, Method, RequestBuilder, header, redirect::Policy};
use serde_json::{Value, json};
use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions};

use crate::{
    operations::document::{committed, operations},
    support::{
        App,
        actors::{Answer, encode},
        cluster::TestDatabase,
        eventually, source,
    },
};

/// The most that any request may take.
const MOST: i64 = 2;

/// What a request says of who sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Nobody,
    Simulator,
    Browser,
    /// A browser of somebody who has just signed up, whose account or session may end by this.
    Newcomer,
    Token,
}

#[derive(Debug, Clone, Copy)]
enum Body {
    None,
    Json(&'static str),
    Form(&'static [(&'static str, &'static str)]),
}

use Body::{Form, Json};
use By::{Browser, Newcomer, Nobody, Simulator, Token};

/// A request, and what it takes. `{n}` in a body is a number that no other request has.
struct Row {
    /// The method, and the route as the document or the source has it.
    operation: &'static str,
    by: By,
    query: &'static str,
    body: Body,
    /// Whether it has an `Idempotency-Key`.
    keyed: bool,
    status: u16,
    statements: i64,
}

const fn row(operation: &'static str, by: By, status: u16, statements: i64) -> Row {
    Row { operation, by, query: "", body: Body::None, keyed: false, status, statements }
}

impl Row {
    const fn asking(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    const fn sending(self, body: Body) -> Self {
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

/// A request that changes something takes one statement more for who sends it, and so does one that
/// reads what depends on that. With `latest` a command of the simulator takes one more.
#[rustfmt::skip]
const SIMULATOR: &[Row] = &[
    row("GET /latest", Nobody, 200, 1),
    // The name is looked for before a password is hashed in vain.
    row("POST /register", Simulator, 204, 2).sending(USER),
    row("GET /msgs", Simulator, 200, 1),
    row("GET /msgs", Simulator, 200, 2).asking("?latest=7"),
    row("GET /msgs/{username}", Simulator, 200, 1),
    row("POST /msgs/{username}", Simulator, 204, 1).sending(Json(r#"{"content": "hello"}"#)),
    row("POST /msgs/{username}", Simulator, 204, 2).asking("?latest=7").sending(Json(r#"{"content": "hello"}"#)),
    row("GET /fllws/{username}", Simulator, 200, 1),
    row("POST /fllws/{username}", Simulator, 204, 1).sending(Json(r#"{"follow": "bob"}"#)),
    row("POST /fllws/{username}", Simulator, 204, 1).sending(Json(r#"{"unfollow": "bob"}"#)),
];

#[rustfmt::skip]
const API: &[Row] = &[
    row("POST /tokens", Nobody, 201, 2).sending(Json(r#"{"username": "ann", "password": "secret", "name": "a"}"#)),
    row("GET /tokens", Token, 200, 2),
    row("DELETE /tokens/{token_id}", Token, 204, 2),
    row("POST /users", Nobody, 201, 2).sending(Json(r#"{"username": "new {n}", "email": "a@b", "password": "x"}"#)),
    row("GET /users", Nobody, 200, 1),
    row("GET /users/{username}", Nobody, 200, 1),
    row("GET /users/{username}", Token, 200, 2),
    row("PATCH /users/{username}", Token, 204, 2).sending(Json(r#"{"bio": "hello"}"#)),
    row("GET /users/{username}/followers", Nobody, 200, 1),
    row("GET /users/{username}/following", Nobody, 200, 1),
    row("PUT /following/{username}", Token, 204, 2),
    row("DELETE /following/{username}", Token, 204, 2),
    row("POST /messages", Token, 201, 2).sending(Json(r#"{"text": "hello"}"#)),
    row("POST /messages", Token, 201, 2).sending(Json(r#"{"text": "hello"}"#)).keyed(),
    row("GET /messages", Nobody, 200, 1),
    row("GET /messages/{id}", Nobody, 200, 1),
    row("PATCH /messages/{id}", Token, 200, 2).sending(Json(r#"{"text": "changed {n}"}"#)),
    row("GET /users/{username}/messages", Nobody, 200, 1),
    row("GET /timeline", Token, 200, 2),
    row("GET /search", Nobody, 200, 1).asking("?q=hello"),
    row("GET /search", Nobody, 200, 1).asking("?q=%E6%9D%B1"),
    row("GET /search", Nobody, 200, 1).asking("?q=a&kind=users"),
    // Besides, the feed looks for all that listen.
    row("GET /stream", Nobody, 200, 0),
    row("DELETE /messages/{id}", Token, 204, 2),
    // The last: the caller is gone then.
    row("DELETE /users/{username}", Token, 204, 2).sending(Json(r#"{"password": "secret"}"#)),
];

#[rustfmt::skip]
const PAGES: &[Row] = &[
    row("GET /", Nobody, 302, 0),
    row("GET /", Browser, 200, 2),
    row("GET /public", Nobody, 200, 1),
    row("GET /public", Browser, 200, 2),
    row("POST /add_message", Browser, 302, 2).sending(Form(&[("text", "hello")])),
    row("GET /login", Nobody, 200, 0),
    row("POST /login", Nobody, 302, 2).sending(Form(&[("username", "bob"), ("password", "secret")])),
    row("GET /register", Nobody, 200, 0),
    row("POST /register", Nobody, 302, 2).sending(Form(&[
        ("username", "new {n}"), ("email", "a@b"), ("password", "x"), ("password2", "x"),
    ])),
    row("GET /static/{file_name}", Nobody, 404, 0),
    row("GET /favicon.ico", Nobody, 302, 0),
    row("GET /avatar/{username}", Nobody, 200, 0),
    row("GET /robots.txt", Nobody, 200, 0),
    row("GET /public.atom", Nobody, 200, 1),
    row("GET /{username}.atom", Nobody, 200, 1),
    row("GET /message/{id}", Nobody, 200, 1),
    row("GET /message/{id}", Browser, 200, 2),
    row("GET /message/{id}/edit", Browser, 200, 2),
    row("POST /message/{id}/edit", Browser, 302, 2).sending(Form(&[("text", "changed {n}")])),
    row("POST /message/{id}/edit", Browser, 400, 2).sending(Form(&[("text", "")])),
    row("GET /message/{id}/delete", Browser, 200, 2),
    row("POST /message/{id}/delete", Browser, 302, 2),
    row("GET /tag/{tag}", Nobody, 200, 1),
    row("GET /tag/{tag}", Browser, 200, 2),
    row("GET /{username}", Nobody, 200, 1),
    row("GET /{username}", Browser, 200, 2),
    row("GET /{username}/followers", Nobody, 200, 1),
    row("GET /{username}/followers", Browser, 200, 2),
    row("GET /{username}/following", Nobody, 200, 1),
    row("GET /{username}/following", Browser, 200, 2),
    row("GET /search", Nobody, 200, 0),
    row("GET /search", Browser, 200, 2).asking("?q=hello"),
    row("GET /search", Browser, 200, 2).asking("?q=a&in=people"),
    row("GET /settings", Browser, 200, 2),
    row("POST /settings/profile", Newcomer, 302, 2).sending(Form(&[("email", "a@b")])),
    row("POST /settings/profile", Newcomer, 400, 1).sending(Form(&[("email", "a")])),
    row("POST /settings/password", Newcomer, 302, 2).sending(Form(&[("current", "secret"), ("new", "x"), ("repeated", "x")])),
    row("POST /settings/password", Newcomer, 400, 2).sending(Form(&[("current", "guess"), ("new", "x"), ("repeated", "x")])),
    row("GET /settings/tokens", Browser, 200, 2),
    row("POST /settings/tokens", Newcomer, 200, 2).sending(Form(&[("name", "a"), ("password", "secret")])),
    row("POST /settings/tokens", Newcomer, 400, 2).sending(Form(&[("name", "a"), ("password", "guess")])),
    row("POST /settings/tokens/{token_id}/revoke", Newcomer, 302, 2),
    row("POST /settings/sessions/end", Newcomer, 302, 2),
    row("GET /settings/account/delete", Browser, 200, 1),
    row("POST /settings/account/delete", Newcomer, 302, 2).sending(Form(&[("password", "secret")])),
    row("POST /settings/account/delete", Newcomer, 400, 1).sending(Form(&[("password", "guess")])),
    row("POST /{username}/follow", Browser, 302, 2),
    row("POST /{username}/unfollow", Browser, 302, 2),
    row("POST /logout", Browser, 302, 1),
];

/// A PostgreSQL that counts statements, with the newest schema in a database.
struct Counting {
    server: Embedded,
    options: PgConnectOptions,
}

impl Counting {
    async fn start() -> Self {
        let start = || Embedded::start(&Settings::new(Data::Ephemeral)).expect("a server");
        let server = tokio::task::spawn_blocking(start).await.expect("no panic");
        let options = server.connect_options("counted");
        server.create_database("counted").await.expect("created");
        let mut connection = migrations::connect(&options).await.expect("connected");
        migrations::apply(&mut connection, None).await.expect("migrated");
        for setting in [
            "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'",
            "ALTER DATABASE counted SET pg_stat_statements.track = 'top'",
        ] {
            // What is not loaded yet has no settings: the default of the second is the same.
            let done = sqlx::raw_sql(setting).execute(&mut connection).await;
            assert!(done.is_ok() || setting.contains("track"), "{done:?}");
        }
        // Its supervisor starts it again, with the library.
        let pid = server.pid().expect("it runs");
        kill(Pid::from_raw(pid.try_into().expect("a pid")), Signal::SIGINT).expect("stopped");
        eventually("another server", || async {
            (server.pid().is_some_and(|now| now != pid)).then_some(())
        })
        .await;
        let connection =
            eventually("a connection", || async { options.connect().await.ok() }).await;
        let mut connection = connection;
        let extension = "CREATE EXTENSION pg_stat_statements";
        sqlx::raw_sql(extension).execute(&mut connection).await.expect(extension);
        Self { server, options }
    }

    async fn connect(&self) -> PgConnection {
        self.options.connect().await.expect("connected")
    }
}

/// The statements since the last call, one line each. Those of the feed are no request's.
async fn statements(counter: &mut PgConnection) -> Vec<String> {
    let query = "SELECT query FROM pg_stat_statements, generate_series(1, calls)
                 WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
                   AND query NOT LIKE '%pg_stat_statements%'
                   AND query NOT LIKE '%pg_current_snapshot%'";
    let counted = sqlx::query_scalar(query).fetch_all(&mut *counter).await.expect(query);
    let reset = "SELECT pg_stat_statements_reset()";
    sqlx::query(reset).execute(counter).await.expect(reset);
    counted
}

/// Two users and what is theirs, and how to send requests in the name of the first.
struct Scene {
    app: App,
    client: Client,
    token: String,
    cookie: String,
    token_id: i64,
    /// For the pages and for the JSON API: both delete it in the end.
    message_ids: [i64; 2],
}

impl Scene {
    async fn set(counting: &Counting) -> Self {
        let options = counting.options.clone();
        let change = |settings: &mut crate::support::AppSettings| settings.database = options;
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

    /// The session of somebody who has just signed up, and the number of a token.
    async fn newcomer(&self, number: usize) -> (String, i64) {
        let name = format!("newcomer {number}");
        self.app.api().sign_up(&name).await;
        let token = self.app.api().make_token(&name, "secret").await.json();
        (session(&self.app, &name).await, id(&token))
    }

    async fn request(&self, prefix: &str, row: &Row, number: usize) -> RequestBuilder {
        let (method, route) = row.operation.split_once(' ').expect("a method and a route");
        // What is the caller's own, and whom to follow.
        let own = matches!(method, "PATCH" | "DELETE") && route == "/users/{username}";
        let name = if own || row.by == Simulator { "ann" } else { "bob" };
        let (cookie, token_id) = match row.by {
            Newcomer => self.newcomer(number).await,
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
            Nobody => request,
            Simulator => request.basic_auth("simulator", Some("super_safe!")),
            Browser | Newcomer => request.header(header::COOKIE, cookie),
            Token => request.bearer_auth(&self.token),
        }
    }
}

/// The cookie of a new session of this user, whose password is `secret`.
async fn session(app: &App, username: &str) -> String {
    let form = [("username", username), ("password", "secret")];
    let signed_in = app.anonymous().post("/login", &form).await;
    let cookies = signed_in.headers.get_all(header::SET_COOKIE).iter();
    let cookies = cookies.filter_map(|cookie| cookie.to_str().expect("text").split(';').next());
    cookies.filter(|it| it.starts_with("session=")).collect()
}

fn id(object: &Value) -> i64 {
    object["id"].as_i64().expect("a number")
}

/// The paths that the pages' source routes, as templates.
fn page_routes() -> BTreeSet<String> {
    let files = source::files();
    let file = files.iter().find(|file| file.path == "src/web/mod.rs").expect("the routes");
    let mut found = BTreeSet::new();
    routes_in(&file.tokens, &mut found);
    found
}

/// Adds the second argument of each `at(route, "…", …)`.
fn routes_in(tokens: &TokenStream, found: &mut BTreeSet<String>) {
    let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    for (place, tree) in trees.iter().enumerate() {
        let TokenTree::Group(group) = tree else { continue };
        routes_in(&group.stream(), found);
        let called = place.checked_sub(1).map(|before| trees[before].to_string());
        let arguments: Vec<TokenTree> = group.stream().into_iter().collect();
        if called.as_deref() == Some("at")
            && let [_, _, TokenTree::Literal(path), ..] = &arguments[..]
        {
            found.insert(minitwit::web::route_template(path.to_string().trim_matches('"')));
        }
    }
}

fn documented(api: &str) -> BTreeSet<String> {
    let document: Value = serde_json::from_str(&committed(api)).expect("JSON");
    operations(&document).into_iter().map(|(name, _)| name).collect()
}

#[tokio::test]
async fn no_request_takes_more_statements_than_its_row_says() {
    let of =
        |rows: &[Row]| rows.iter().map(|row| row.operation.to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(of(SIMULATOR), documented("simulator"), "each operation has a row");
    assert_eq!(of(API), documented("api"), "each operation has a row");
    let routes: BTreeSet<String> = PAGES.iter().map(|row| row.route().to_owned()).collect();
    assert_eq!(routes, page_routes(), "each route has a row");

    let counting = Counting::start().await;
    let scene = Scene::set(&counting).await;
    let mut counter = counting.connect().await;
    // A server's first `latest` also removes those of servers that are gone.
    for _ in 0..2 {
        let first = scene.request("/sim", &SIMULATOR[3], 0).await;
        assert_eq!(Answer::of(first).await.status, 200);
    }
    eventually("the end of that", || async {
        let mut counter = counting.connect().await;
        let done = statements(&mut counter).await;
        done.iter().any(|query| query.starts_with("DELETE FROM simulator_latest")).then_some(())
    })
    .await;
    let all = [("/sim", SIMULATOR), ("", PAGES), ("/api/v1", API)];
    let rows = all.into_iter().flat_map(|(prefix, rows)| rows.iter().map(move |row| (prefix, row)));
    for (number, (prefix, row)) in rows.enumerate() {
        let request = scene.request(prefix, row, number).await;
        statements(&mut counter).await;
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, row.status, "{prefix} {}: {answer:?}", row.operation);
        let counted = statements(&mut counter).await;
        let count = i64::try_from(counted.len()).expect("a number");
        let what = format!("{prefix} {} by {:?}: {counted:#?}", row.operation, row.by);
        assert_eq!(count, row.statements, "{what}");
        assert!(count <= MOST, "{what}");
    }
    scene.app.stop().await;
    counting.server.stop();
}
