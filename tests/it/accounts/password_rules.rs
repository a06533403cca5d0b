//! The warning about weak passwords, and the operator's minimum length.

use minitwit::domain::PasswordRules;
use serde_json::json;

use crate::support::{
    App, AppSettings,
    actors::{Browser, TestResponse},
    cluster::TestDatabase,
};

const REGISTERED: &str = "<ul class=\"flashes\">\n\
    <li>You were successfully registered and can login now</li>\n</ul>";
const CHANGED: &str = "Your password was changed, and all other browsers were signed out";
const COMMON: &str = "<p class=\"warning\">Your password is one of the 10,000 most common ones";
const SHORT: &str = "<p class=\"warning\">Your password has fewer than 8 characters";
const MINIMUM: &str = "The password must be at least 8 characters long";

async fn app_with_minimum() -> App {
    let configure = |settings: &mut AppSettings| {
        settings.service.password_rules = PasswordRules::new(8);
    };
    App::start_with(TestDatabase::fresh().await, configure).await
}

fn sign_up_form<'a>(name: &'a str, password: &'a str) -> [(&'a str, &'a str); 4] {
    [("username", name), ("email", "a@b"), ("password", password), ("password2", password)]
}

async fn change(browser: &Browser, current: &str, new: &str) -> TestResponse {
    let form = [("current", current), ("new", new), ("repeated", new)];
    browser.submit("/settings/password", &form).await
}

#[tokio::test]
async fn a_weak_password_signs_up_in_one_request_with_a_warning_beside_the_flashes() {
    let app = App::start().await;
    for (name, password, warning) in
        [("ann", "x", SHORT), ("bob", "Password1", COMMON), ("eve", "correct horse", "")]
    {
        let browser = app.anonymous();
        let page = browser.submit("/register", &sign_up_form(name, password)).await;
        page.says(REGISTERED).says(warning);
        assert_eq!(page.body.contains("class=\"warning\""), !warning.is_empty(), "{name}");
        browser.get("/login").await.does_not_say("warning");
    }
}

#[tokio::test]
async fn a_change_to_a_weak_password_warns() {
    let app = App::start().await;
    let browser = app.anonymous();
    browser.submit("/register", &sign_up_form("ann", "correct horse")).await;
    browser.submit("/login", &[("username", "ann"), ("password", "correct horse")]).await;
    change(&browser, "correct horse", "qwertyuiop").await.says(CHANGED).says(COMMON);
    change(&browser, "qwertyuiop", "x").await.says(CHANGED).says(SHORT);
    change(&browser, "x", "battery staple").await.says(CHANGED).does_not_say("warning");
}

#[tokio::test]
async fn the_minimum_length_is_told_before_and_holds_for_pages_and_api() {
    let app = app_with_minimum().await;
    let browser = app.anonymous();
    let page = browser.get("/register").await;
    page.says("aria-describedby=\"password-hint\"").says("At least 8 characters.");
    let page = browser.post("/register", &sign_up_form("ann", "1234567")).await;
    page.says(MINIMUM).says("aria-describedby=\"password-error password-hint\"");
    let page = browser.submit("/register", &sign_up_form("ann", "12345678")).await;
    page.says(REGISTERED).says(COMMON);

    browser.submit("/login", &[("username", "ann"), ("password", "12345678")]).await;
    browser.get("/settings").await.says("At least 8 characters.");
    let page = change(&browser, "12345678", "1234567").await;
    assert_eq!(page.status, 400);
    page.says(MINIMUM);

    let api = app.api();
    let user = json!({"username": "bob", "email": "a@b", "password": "1234567"});
    let response = api.post("/users", user).await;
    assert_eq!(response.rejected_fields(422), ["password"]);
    response.says(MINIMUM);
    let user = json!({"username": "bob", "email": "a@b", "password": "1234567é"});
    assert_eq!(api.post("/users", user).await.status, 201);
}
