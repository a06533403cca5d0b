//! Clients of a server: browser, simulator, JSON API.

use reqwest::{Client, Method, RequestBuilder, header, redirect::Policy};
use serde_json::{Value, json};

/// A complete response, with assertions about it.
#[derive(Debug)]
pub struct TestResponse {
    pub status: u16,
    pub headers: header::HeaderMap,
    pub body: String,
}

impl TestResponse {
    /// Sends a request, and reads the whole response.
    pub async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("a response");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        // The body of a stream has no end.
        let endless = headers.get(header::CONTENT_TYPE).is_some_and(|it| it == "text/event-stream");
        let body = if endless { String::new() } else { response.text().await.expect("a body") };
        Self { status, headers, body }
    }

    /// Like [`Self::of`], for a body that may be compressed.
    pub async fn of_bytes(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("a response");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.expect("a body");
        Self { status, headers, body: String::from_utf8_lossy(&body).into_owned() }
    }

    /// The value of a header; empty if it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The items of a page of the JSON API.
    #[track_caller]
    pub fn items(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()["items"].as_array().expect("items").clone()
    }

    /// Asserts an error of the simulator API with this status. Returns its text.
    #[track_caller]
    pub fn failure(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.header("content-type").starts_with("application/json"), "{self:?}");
        let failure = self.json();
        let text = failure["error_msg"].as_str().expect("a text").to_owned();
        assert_eq!(failure, json!({"status": status, "error_msg": text}));
        text
    }

    /// Asserts a problem of the JSON API with this status. Returns it.
    #[track_caller]
    pub fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        assert_eq!(self.header("cache-control"), "no-store");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        for field in ["code", "title", "detail"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
        }
        let code = problem["code"].as_str().expect("a code");
        assert_eq!(problem["type"], format!("/docs/errors#{code}"), "{problem}");
        problem
    }

    /// Asserts a problem with this status. Returns the fields that it names.
    #[track_caller]
    pub fn rejected_fields(&self, status: u16) -> Vec<String> {
        let problem = self.problem(status);
        let errors = problem["errors"].as_array().expect("errors");
        let field = |error: &Value| {
            assert!(error["detail"].as_str().is_some_and(|rule| !rule.is_empty()), "{problem}");
            error["field"].as_str().expect("a field").to_owned()
        };
        errors.iter().map(field).collect()
    }

    /// Asserts that the body contains `text`.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        assert!(self.body.contains(text), "{text:?} is not in {}", self.body);
        self
    }

    /// Asserts that the body does not contain `text`.
    #[track_caller]
    pub fn does_not_say(&self, text: &str) -> &Self {
        assert!(!self.body.contains(text), "{text:?} is in {}", self.body);
        self
    }
}

/// A browser: keeps cookies, and follows redirects only in `visit` and `submit`.
pub struct Browser {
    base: String,
    client: Client,
    following_redirects: Client,
    cookies: std::sync::Arc<reqwest::cookie::Jar>,
}

impl Browser {
    pub fn new(base: String) -> Self {
        let cookies = std::sync::Arc::new(reqwest::cookie::Jar::default());
        let builder = || Client::builder().cookie_provider(std::sync::Arc::clone(&cookies));
        let client = builder().redirect(Policy::none()).build().expect("a client");
        let following_redirects = builder().build().expect("a client");
        Self { base, client, following_redirects, cookies }
    }

    /// The same browser at another server; both servers get the same cookies, as on one host.
    pub fn at(&self, base: String) -> Self {
        Self {
            base,
            client: self.client.clone(),
            following_redirects: self.following_redirects.clone(),
            cookies: std::sync::Arc::clone(&self.cookies),
        }
    }

    /// A request for the caller to complete and send with [`TestResponse::of`]. Redirects are not followed.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    /// Sets the cookie that the scripts set.
    pub fn run_scripts(&self) {
        self.cookies.add_cookie_str("scripts=1", &self.base.parse().expect("a URL"));
    }

    /// Sends a GET request without following redirects.
    pub async fn get(&self, path: &str) -> TestResponse {
        TestResponse::of(self.request(Method::GET, path)).await
    }

    /// Posts a form without following redirects.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> TestResponse {
        TestResponse::of(self.request(Method::POST, path).form(form)).await
    }

    /// Sends a GET request and follows redirects.
    pub async fn visit(&self, path: &str) -> TestResponse {
        TestResponse::of(self.following_redirects.get(format!("{}{path}", self.base))).await
    }

    /// Posts a form and follows redirects.
    pub async fn submit(&self, path: &str, form: &[(&str, &str)]) -> TestResponse {
        TestResponse::of(self.following_redirects.post(format!("{}{path}", self.base)).form(form))
            .await
    }

    /// Signs up with the password `secret`.
    pub async fn sign_up(&self, username: &str) -> TestResponse {
        let email = format!("{}@example.org", username.replace(char::is_whitespace, "."));
        let fields = [
            ("username", username),
            ("email", &email),
            ("password", "secret"),
            ("password2", "secret"),
        ];
        self.submit("/register", &fields).await
    }

    /// Signs in with the password `secret`.
    pub async fn sign_in(&self, username: &str) -> TestResponse {
        self.submit("/login", &[("username", username), ("password", "secret")]).await
    }

    /// Posts a message and follows the redirect.
    pub async fn say(&self, text: &str) -> TestResponse {
        self.submit("/add_message", &[("text", text)]).await
    }
}

/// A client of the simulator API, which uses one connection per request, as the simulator does.
#[derive(Clone)]
pub struct Simulator {
    base: String,
    client: Client,
}

impl Simulator {
    pub fn new(base: String) -> Self {
        let client = Client::builder().pool_max_idle_per_host(0).redirect(Policy::none());
        Self { base, client: client.build().expect("a client") }
    }

    /// A request without credentials.
    pub fn bare_request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.base))
            .header(header::CONNECTION, "close")
    }

    /// A request for the caller to complete and send with [`TestResponse::of`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare_request(method, path)
            .header(header::AUTHORIZATION, "Basic c2ltdWxhdG9yOnN1cGVyX3NhZmUh")
    }

    pub async fn get(&self, path: &str) -> TestResponse {
        TestResponse::of(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> TestResponse {
        TestResponse::of(self.request(Method::POST, path).json(&body)).await
    }

    pub async fn register(&self, username: &str) -> TestResponse {
        let body = json!({"username": username, "email": "someone@example.org", "pwd": "secret"});
        self.post("/register", body).await
    }

    pub async fn tweet(&self, username: &str, content: &str) -> TestResponse {
        self.post(&format!("/msgs/{}", encode(username)), json!({ "content": content })).await
    }

    pub async fn follow(&self, username: &str, whom: &str) -> TestResponse {
        self.post(&format!("/fllws/{}", encode(username)), json!({ "follow": whom })).await
    }

    pub async fn unfollow(&self, username: &str, whom: &str) -> TestResponse {
        self.post(&format!("/fllws/{}", encode(username)), json!({ "unfollow": whom })).await
    }

    pub async fn latest(&self) -> i64 {
        let response = TestResponse::of(self.bare_request(Method::GET, "/latest")).await;
        assert_eq!(response.status, 200, "{response:?}");
        response.json()["latest"].as_i64().expect("a number")
    }
}

/// A client of the JSON API, with or without a bearer token.
#[derive(Clone)]
pub struct ApiClient {
    server: String,
    token: Option<String>,
    client: Client,
}

impl ApiClient {
    pub fn new(server: String) -> Self {
        Self { server, token: None, client: Client::new() }
    }

    pub fn at(&self, server: String) -> Self {
        Self { server, ..self.clone() }
    }

    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// A request for the caller to complete and send with [`TestResponse::of`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}/api/v1{path}", self.server));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> TestResponse {
        TestResponse::of(self.request(Method::GET, path)).await
    }

    /// Requests the next page of a list; `None` after the last page.
    pub async fn follow_link(&self, response: &TestResponse) -> Option<TestResponse> {
        let link = response.headers.get("link")?.to_str().expect("text");
        let target = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\""));
        let path = target.and_then(|target| target.strip_prefix("/api/v1")).expect(link);
        Some(self.get(path).await)
    }

    pub async fn send(&self, method: Method, path: &str, body: Value) -> TestResponse {
        TestResponse::of(self.request(method, path).json(&body)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> TestResponse {
        self.send(Method::POST, path, body).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> TestResponse {
        self.send(Method::PATCH, path, body).await
    }

    pub async fn put(&self, path: &str) -> TestResponse {
        TestResponse::of(self.request(Method::PUT, path)).await
    }

    pub async fn delete(&self, path: &str) -> TestResponse {
        TestResponse::of(self.request(Method::DELETE, path)).await
    }

    /// Signs up with the password `secret`.
    pub async fn sign_up(&self, username: &str) -> TestResponse {
        let email = format!("{}@example.org", username.replace(char::is_whitespace, "."));
        let user = json!({"username": username, "email": email, "password": "secret"});
        self.post("/users", user).await
    }

    pub async fn make_token(&self, username: &str, password: &str) -> TestResponse {
        let token_request = json!({"username": username, "password": password, "name": "test"});
        self.post("/tokens", token_request).await
    }

    /// The same client with a new token of this user; the password is `secret`.
    pub async fn signed_in(&self, username: &str) -> Self {
        let response = self.make_token(username, "secret").await;
        assert_eq!(response.status, 201, "{response:?}");
        self.with_token(response.json()["token"].as_str().expect("a token"))
    }

    /// The same client with a new token that has only this scope, or all scopes.
    pub async fn signed_in_with(&self, username: &str, scope: Option<&str>) -> Self {
        let mut request = json!({"username": username, "password": "secret", "name": "test"});
        if let Some(scope) = scope {
            request["scopes"] = json!([scope]);
        }
        let answer = self.post("/tokens", request).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        self.with_token(answer.json()["token"].as_str().expect("a token"))
    }

    /// The items of all pages of a list, following `Link` headers.
    pub async fn whole_list(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut page = Some(self.get(path).await);
        while let Some(response) = page {
            items.extend(response.items());
            page = self.follow_link(&response).await;
        }
        items
    }
}

/// The values of one field of all items.
pub fn field(items: &[Value], name: &str) -> Vec<String> {
    items.iter().map(|item| item[name].as_str().expect(name).to_owned()).collect()
}

/// Percent-encodes a path segment or a query value.
pub fn encode(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
}
