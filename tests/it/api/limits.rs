//! Rate limits of the pages, of the JSON API, and of registrations at the simulator API without
//! credentials. Requests with the simulator's credentials are never limited.

use minitwit::{
    http::middleware::trusted_proxies::TrustedProxies,
    service::{Rate, RateLimits},
};
use reqwest::Method;
use serde_json::json;

use crate::support::{
    App,
    actors::{Browser, TestResponse},
    cluster::TestDatabase,
};

async fn limited(limits: RateLimits) -> App {
    App::start_with(TestDatabase::fresh().await, |settings| settings.service.limits = limits).await
}

/// Asserts status 429 with a valid `Retry-After`.
#[track_caller]
fn assert_rate_limited(response: &TestResponse) {
    assert_eq!(response.status, 429, "{response:?}");
    let seconds: u32 = response.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&seconds), "{seconds}");
}

/// The addresses of an attacker and of an account's owner.
const ATTACKER: &str = "192.0.2.66";
const OWNER: &str = "192.0.2.7";

/// A server that takes the client's address from `X-Forwarded-For`, with this limit of wrong passwords.
async fn guarded(wrong_passwords: u32) -> App {
    App::start_with(TestDatabase::fresh().await, |settings| {
        let proxies = ["127.0.0.1/32".parse().expect("a network")];
        settings.server.trusted_proxies = TrustedProxies::new(&proxies);
        settings.service.limits.sign_ins_per_account = Rate::per_minute(wrong_passwords);
    })
    .await
}

async fn make_token(app: &App, address: &str, password: &str) -> TestResponse {
    let wish = json!({"username": "ann", "password": password, "name": "test"});
    let request = app.api().request(Method::POST, "/tokens").json(&wish);
    TestResponse::of(request.header("x-forwarded-for", address)).await
}

async fn sign_in(browser: &Browser, address: &str, password: &str) -> TestResponse {
    let form = [("username", "ann"), ("password", password)];
    let request = browser.request(Method::POST, "/login").form(&form);
    TestResponse::of(request.header("x-forwarded-for", address)).await
}

/// Sends wrong passwords until they are rejected, by page and API.
async fn attack(app: &App, address: &str) {
    for number in 0..200 {
        let response = match number % 2 {
            0 => make_token(app, address, "guess").await,
            _ => sign_in(&app.anonymous(), address, "guess").await,
        };
        if response.status == 429 {
            return assert_rate_limited(&response);
        }
    }
    panic!("no guess is rejected");
}

#[tokio::test]
async fn wrong_passwords_are_limited_per_account_and_address() {
    let app = guarded(2).await;
    let api = app.api();
    api.sign_up("ann").await;
    api.sign_up("bob").await;
    make_token(&app, ATTACKER, "guess").await.problem(401);
    sign_in(&app.anonymous(), ATTACKER, "guess").await.says("Invalid password");

    // The limit covers the right password, too: otherwise it would not slow down guessing.
    let response = make_token(&app, ATTACKER, "secret").await;
    response.problem(429);
    assert_rate_limited(&response);
    let page = sign_in(&app.anonymous(), ATTACKER, "secret").await;
    assert_rate_limited(&page);
    page.says("Too Many Requests").says("That was too often; try again in");
    // Another account at this address, and the same account at another one, are not limited.
    let request = app.api().request(Method::POST, "/tokens");
    let bob = json!({"username": "bob", "password": "secret", "name": "test"});
    let response = TestResponse::of(request.json(&bob).header("x-forwarded-for", ATTACKER)).await;
    assert_eq!(response.status, 201, "{response:?}");
    for _ in 0..5 {
        assert_eq!(make_token(&app, OWNER, "secret").await.status, 201);
        assert_eq!(sign_in(&app.anonymous(), OWNER, "secret").await.status, 302);
    }
}

#[tokio::test]
async fn an_attacker_at_the_address_of_an_earlier_sign_in_does_not_keep_the_owner_out() {
    let app = guarded(2).await;
    app.api().sign_up("ann").await;
    assert_eq!(make_token(&app, OWNER, "secret").await.status, 201);
    attack(&app, OWNER).await;
    for _ in 0..5 {
        assert_eq!(make_token(&app, OWNER, "secret").await.status, 201);
        assert_eq!(sign_in(&app.anonymous(), OWNER, "secret").await.status, 302);
        assert_rate_limited(&make_token(&app, OWNER, "guess").await);
    }
}

#[tokio::test]
async fn a_browser_of_an_earlier_sign_in_is_not_kept_out_at_an_address_of_an_attacker() {
    let app = guarded(2).await;
    app.api().sign_up("ann").await;
    let (known, unknown) = (app.anonymous(), app.anonymous());
    assert_eq!(sign_in(&known, OWNER, "secret").await.status, 302);
    known.post("/logout", &[]).await;
    attack(&app, ATTACKER).await;
    assert_rate_limited(&sign_in(&unknown, ATTACKER, "secret").await);
    assert_eq!(sign_in(&known, ATTACKER, "secret").await.status, 302);
    // The exemption is for one account: it does not cover the browser of another user.
    app.api().sign_up("bob").await;
    let bob = app.anonymous();
    bob.sign_in("bob").await;
    bob.post("/logout", &[]).await;
    attack(&app, "192.0.2.99").await;
    assert_rate_limited(&sign_in(&bob, "192.0.2.99", "secret").await);
}

#[tokio::test]
async fn wrong_passwords_of_others_do_not_deny_the_owner_any_confirmation() {
    let app = guarded(2).await;
    let ann = app.api_user("ann").await;
    let browser = app.anonymous();
    browser.sign_in("ann").await;
    for address in [ATTACKER, "127.0.0.1"] {
        attack(&app, address).await;
    }
    let new_token = [("name", "x"), ("password", "secret")];
    assert_eq!(browser.post("/settings/tokens", &new_token).await.status, 200);
    let change = [("current", "secret"), ("new", "safer"), ("repeated", "safer")];
    assert_eq!(browser.post("/settings/password", &change).await.status, 302);
    ann.get("/tokens").await.problem(401);
    let delete = [("password", "safer")];
    assert_eq!(browser.post("/settings/account/delete", &delete).await.status, 302);
    assert_eq!(app.count("SELECT count(*) FROM users").await, 0);
}

#[tokio::test]
async fn password_confirmations_are_limited_per_session_or_token() {
    let app = guarded(2).await;
    let ann = app.api_user("ann").await;
    let other = app.api().signed_in("ann").await;
    let change = json!({"password": "mine", "current_password": "guess"});
    ann.patch("/users/ann", change.clone()).await.problem(403);
    let deletion = json!({"password": "guess"});
    ann.post("/account/deletion", deletion.clone()).await.problem(403);
    for response in [
        ann.patch("/users/ann", change.clone()).await,
        ann.post("/account/deletion", deletion).await,
    ] {
        response.problem(429);
        assert_rate_limited(&response);
    }
    assert_eq!(ann.patch("/users/ann", json!({"bio": "still me"})).await.status, 204);
    other.patch("/users/ann", change).await.problem(403);
}

#[tokio::test]
async fn a_new_password_forgets_all_clients_but_the_one_that_set_it() {
    let app = guarded(2).await;
    app.api().sign_up("ann").await;
    let (owner, thief) = (app.anonymous(), app.anonymous());
    assert_eq!(sign_in(&owner, OWNER, "secret").await.status, 302);
    assert_eq!(sign_in(&thief, ATTACKER, "secret").await.status, 302);
    let change = [("current", "secret"), ("new", "safer"), ("repeated", "safer")];
    let request = owner.request(Method::POST, "/settings/password").form(&change);
    assert_eq!(TestResponse::of(request.header("x-forwarded-for", OWNER)).await.status, 302);
    attack(&app, ATTACKER).await;
    attack(&app, OWNER).await;
    assert_rate_limited(&sign_in(&thief, ATTACKER, "safer").await);
    assert_eq!(sign_in(&owner, OWNER, "safer").await.status, 302);
    assert_eq!(make_token(&app, OWNER, "safer").await.status, 201);
}

#[tokio::test]
async fn the_database_contains_only_hashes_of_known_clients_and_forgets_old_ones() {
    let app = guarded(2).await;
    app.api().sign_up("ann").await;
    let answer = sign_in(&app.anonymous(), OWNER, "secret").await;
    let cookies = answer.headers.get_all("set-cookie").iter();
    let cookies = cookies
        .filter_map(|it| it.to_str().expect("text").strip_prefix("browser_")?.split_once('='))
        .map(|(_, value)| value);
    let [cookie] = cookies.collect::<Vec<_>>()[..] else { panic!("one cookie: {answer:?}") };
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let token = cookie.split(';').next().expect("a value");
    let query = "SELECT known_clients::text FROM known_clients";
    let rows: Vec<String> = sqlx::query_scalar(query).fetch_all(&app.rows).await.expect(query);
    assert_eq!(rows.len(), 2, "its network and its browser");
    assert!(!rows.concat().contains(token) && !rows.concat().contains(OWNER), "{rows:?}");

    // A sign-in renews the time once a day.
    let age = |days: u32| {
        format!("UPDATE known_clients SET last_sign_in = now() - interval '{days} days'")
    };
    let execute = async |statement: String| {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&app.rows).await.expect("executed");
    };
    execute(age(179)).await;
    assert_eq!(make_token(&app, OWNER, "secret").await.status, 201);
    let renewed =
        "SELECT count(*) FROM known_clients WHERE last_sign_in > now() - interval '1 hour'";
    assert_eq!(app.count(renewed).await, 1, "the network");
    assert_eq!(app.service.sweep_ended().await.expect("swept"), 0);
    execute(age(181)).await;
    assert_eq!(app.service.sweep_ended().await.expect("swept"), 2);
}

#[tokio::test]
async fn sign_ins_are_limited_per_address() {
    let two = RateLimits { sign_ins_per_address: Rate::per_minute(2), ..RateLimits::default() };
    let app = limited(two).await;
    app.api().make_token("ann", "guess").await.problem(401);
    app.anonymous().sign_in("bob").await.says("Invalid username");
    assert_rate_limited(&app.api().make_token("carol", "guess").await);
    assert_rate_limited(&app.anonymous().sign_in("dave").await);
}

#[tokio::test]
async fn sign_ups_are_limited_per_address() {
    let three =
        RateLimits { registrations_per_address: Rate::per_minute(3), ..RateLimits::default() };
    let app = limited(three).await;
    let (api, simulator) = (app.api(), app.simulator());
    let user = json!({"username": "carol", "email": "a@b", "pwd": "secret"});
    assert_eq!(api.sign_up("ann").await.status, 201);
    app.anonymous().sign_up("bob").await.says("You were successfully registered");
    let bare = simulator.bare_request(Method::POST, "/register").json(&user);
    assert_eq!(TestResponse::of(bare).await.status, 204);

    let response = api.sign_up("dave").await;
    response.problem(429);
    assert_rate_limited(&response);
    assert_rate_limited(&app.anonymous().sign_up("dave").await);
    let bare = simulator.bare_request(Method::POST, "/register").json(&user);
    let response = TestResponse::of(bare).await;
    assert_rate_limited(&response);
    assert!(response.failure(429).starts_with("That was too often"));
    // Requests with the simulator's credentials are never limited.
    for number in 0..20 {
        assert_eq!(simulator.register(&format!("user {number}")).await.status, 204);
    }
}

#[tokio::test]
async fn posts_are_limited_per_account() {
    let two = RateLimits { posts_per_account: Rate::new(2, 20), ..RateLimits::default() };
    let app = limited(two).await;
    let (ann, bob) = (app.signed_in("ann").await, app.signed_in("bob").await);
    ann.say("one").await.says("Your message was recorded");
    ann.say("two").await.says("Your message was recorded");
    assert_rate_limited(&ann.post("/add_message", &[("text", "three")]).await);
    bob.say("hello").await.says("Your message was recorded");
    for number in 0..20 {
        assert_eq!(app.simulator().tweet("ann", &format!("{number}")).await.status, 204);
    }
}

#[tokio::test]
async fn edits_and_follows_are_limited_per_account() {
    let two = RateLimits { changes_per_account: Rate::per_minute(2), ..RateLimits::default() };
    let app = limited(two).await;
    let (ann, bob) = (app.api_user("ann").await, app.api_user("bob").await);
    assert_eq!(ann.post("/messages", json!({"text": "one"})).await.status, 201);
    assert_eq!(ann.patch("/messages/1", json!({"text": "two"})).await.status, 200);
    let browser = app.anonymous();
    browser.sign_in("ann").await;
    assert_eq!(browser.post("/bob/follow", &[]).await.status, 302);
    for response in [
        ann.patch("/messages/1", json!({"text": "three"})).await,
        ann.put("/following/bob").await,
        ann.delete("/following/bob").await,
    ] {
        response.problem(429);
        assert_rate_limited(&response);
    }
    assert_rate_limited(&browser.post("/message/1/edit", &[("text", "three")]).await);
    assert_rate_limited(&browser.post("/bob/unfollow", &[]).await);
    assert_eq!(ann.get("/messages/1").await.json()["text"], "two");
    assert_eq!(bob.put("/following/ann").await.status, 204, "another account");
    // The simulator has no limit.
    for _ in 0..5 {
        assert_eq!(app.simulator().follow("ann", "bob").await.status, 204);
    }
}

#[tokio::test]
async fn the_limit_of_wrong_passwords_does_not_reveal_which_names_exist() {
    let app = guarded(2).await;
    app.api().sign_up("ann").await;
    let mut responses = Vec::new();
    for name in ["ann", "nobody"] {
        let guess = json!({"username": name, "password": "guess", "name": "test"});
        let mut statuses = Vec::new();
        for address in [ATTACKER, ATTACKER, ATTACKER, OWNER] {
            let request = app.api().request(Method::POST, "/tokens").json(&guess);
            let request = request.header("x-forwarded-for", address);
            statuses.push(TestResponse::of(request).await.status);
        }
        // The same name with a sign before it has no limit of its own.
        let form = [("username", format!("@{name}")), ("password", "guess".to_owned())];
        let request = app.anonymous().request(Method::POST, "/login").form(&form);
        let request = request.header("x-forwarded-for", ATTACKER);
        statuses.push(TestResponse::of(request).await.status);
        responses.push(statuses);
    }
    assert_eq!(responses, [[401, 401, 429, 401, 429], [401, 401, 429, 401, 429]]);
}
