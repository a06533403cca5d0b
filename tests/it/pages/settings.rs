//! The settings: profile, password, sessions, and deletion of the account.

use minitwit::service::{Rate, RateLimits};
use reqwest::Method;
use serde_json::json;

use crate::support::{
    App,
    actors::{Browser, TestResponse},
    cluster::TestDatabase,
};

const FORMS: [&str; 6] = [
    "/settings/profile",
    "/settings/password",
    "/settings/tokens",
    "/settings/tokens/1/revoke",
    "/settings/sessions/end",
    "/settings/account/delete",
];

fn profile<'a>(display_name: &'a str, bio: &'a str, email: &'a str) -> [(&'a str, &'a str); 3] {
    [("display_name", display_name), ("bio", bio), ("email", email)]
}

fn password<'a>(current: &'a str, new: &'a str, repeated: &'a str) -> [(&'a str, &'a str); 3] {
    [("current", current), ("new", new), ("repeated", repeated)]
}

/// Signs the user in with another browser.
async fn another(app: &App, username: &str) -> Browser {
    let browser = app.anonymous();
    browser.sign_in(username).await.says("You were logged in");
    browser
}

async fn is_signed_in(browser: &Browser) -> bool {
    browser.get("/").await.status == 200
}

#[track_caller]
fn assert_field(page: &TestResponse, field: &str, rule: &str) {
    assert_eq!(page.status, 400, "{page:?}");
    page.says(&format!("<p class=\"error\" id=\"{field}-error\">{rule}</p>"));
    page.says(&format!("aria-describedby=\"{field}-error"));
}

#[tokio::test]
async fn settings_require_a_session() {
    let app = App::start().await;
    let anonymous = app.anonymous();
    for path in ["/settings", "/settings/tokens", "/settings/account/delete"] {
        assert_eq!(anonymous.get(path).await.status, 401, "{path}");
    }
    for path in FORMS {
        let page = anonymous.post(path, &[]).await;
        assert_eq!(page.status, 401, "{path}");
        page.says("You have to sign in to do this.");
    }
}

#[tokio::test]
async fn cross_site_requests_change_nothing() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    let state = "SELECT count(*) FROM users JOIN sessions USING (user_id)
                 WHERE display_name IS NULL AND email = 'alice@example.org'";
    for path in FORMS {
        let form = [("password", "secret"), ("name", "x"), ("email", "e@v"), ("new", "x")];
        let request = alice.request(Method::POST, path).form(&form);
        let page = TestResponse::of(request.header("sec-fetch-site", "cross-site")).await;
        assert_eq!(page.status, 403, "{path}");
        assert_eq!(app.count(state).await, 1, "{path}");
        assert_eq!(app.count("SELECT count(*) FROM api_tokens").await, 0, "{path}");
    }
}

#[tokio::test]
async fn a_profile_is_changed_and_shown() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    alice.get("/settings").await.says("name=\"email\" value=\"alice@example.org\"");

    // A browser sends a line feed as CR LF; it counts as one of the 160 characters.
    let bio = format!("a\r\nb{}", "x".repeat(157));
    let response = alice.post("/settings/profile", &profile("Alice L.", &bio, "new@a")).await;
    assert_eq!((response.status, response.header("location")), (302, "/settings"));
    let page = alice.get("/settings").await;
    page.says("<li>Your profile was saved</li>")
        .says("name=\"display_name\" value=\"Alice L.\"")
        .says("name=\"email\" value=\"new@a\"")
        .says(&bio.replace('\r', ""));
    let public = app.anonymous().get("/alice").await;
    public.says(">Alice L.</p>").says(">a\nbxxx").does_not_say("new@a");

    alice.submit("/settings/profile", &profile("", " \r\n ", "new@a")).await.says("saved");
    app.anonymous().get("/alice").await.does_not_say("Alice L.").does_not_say("\"bio\"");
    assert_eq!(app.count("SELECT count(*) FROM users WHERE bio IS NULL").await, 1);
}

#[tokio::test]
async fn a_bio_saved_unchanged_is_unchanged() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    let api = app.api().signed_in("alice").await;
    for bio in ["a\r\nb", "c\rd", "e\nf", " g \r\n"] {
        api.patch("/users/alice", json!({ "bio": bio })).await;
        let sent = bio.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n");
        alice.submit("/settings/profile", &profile("Alice", &sent, "a@b")).await.says("saved");
        assert_eq!(api.get("/users/alice").await.json()["bio"], json!(bio));
    }
}

#[tokio::test]
async fn a_field_with_only_invisible_characters_is_empty() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    let blank = "\u{200b}\u{2800}\u{3164}\u{fe0f}";
    alice.submit("/settings/profile", &profile("Alice", "hello", "a@b")).await.says("saved");
    alice.submit("/settings/profile", &profile(blank, blank, "a@b")).await.says("saved");
    let without = "SELECT count(*) FROM users WHERE bio IS NULL AND display_name IS NULL";
    assert_eq!(app.count(without).await, 1);
    let page = alice.post("/add_message", &[("text", blank)]).await;
    page.says("You have to enter a message");
    let api = app.api().signed_in("alice").await;
    let posted = api.post("/messages", json!({ "text": blank })).await;
    assert_eq!(posted.rejected_fields(422), ["text"]);
    let text = app.simulator().tweet("alice", blank).await.failure(400);
    assert!(text.contains("You have to enter a message"), "{text}");
    let bio = api.patch("/users/alice", json!({ "bio": blank, "display_name": blank })).await;
    assert_eq!(bio.rejected_fields(422), ["display_name", "bio"]);
}

#[tokio::test]
async fn each_rejected_profile_field_shows_its_value_and_rule() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    let long = "<".repeat(161);
    let page = alice.post("/settings/profile", &profile(" a", &long, "nowhere")).await;
    assert_field(&page, "display_name", "The display name must not begin or end with white space");
    assert_field(&page, "bio", "The bio must be at most 160 characters long");
    assert_field(&page, "email", "You have to enter a valid email address");
    page.says("name=\"display_name\" value=\" a\"")
        .says(&"&lt;".repeat(161))
        .says("name=\"email\" value=\"nowhere\"")
        .says("sign out [alice]");
    // The valid display name is not saved either.
    let page = alice.post("/settings/profile", &profile("Alice", "", "")).await;
    assert_field(&page, "email", "You have to enter a valid email address");
    page.says("value=\"Alice\"").does_not_say("display_name-error");
    assert_eq!(app.count("SELECT count(*) FROM users WHERE display_name IS NULL").await, 1);
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions_and_tokens() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    let (thief, bob) = (another(&app, "alice").await, app.signed_in("bob").await);
    let client = app.api().signed_in("alice").await;

    let response = alice.post("/settings/password", &password("secret", "safer", "safer")).await;
    assert_eq!((response.status, response.header("location")), (302, "/settings"));
    alice.get("/settings").await.says("Your password was changed").says("sign out [alice]");
    assert!(is_signed_in(&alice).await && is_signed_in(&bob).await);
    assert!(!is_signed_in(&thief).await);
    client.get("/tokens").await.problem(401);
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 2);

    thief.sign_in("alice").await.says("Invalid password");
    let form = [("username", "alice"), ("password", "safer")];
    thief.submit("/login", &form).await.says("You were logged in");
}

#[tokio::test]
async fn a_rejected_password_changes_nothing_and_is_not_shown() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    let long = "p4".repeat(37);
    for (form, field, rule) in [
        (password("mist4ken", "p4ss", "p4ss"), "current", "Invalid password"),
        (password("", "p4ss", "p4ss"), "current", "Invalid password"),
        (password("secret", "", ""), "new", "You have to enter a password"),
        (password("secret", &long, &long), "new", "The password must be at most 72 bytes long"),
        (password("secret", "p4ss", "p4sS"), "repeated", "The two passwords do not match"),
    ] {
        let page = alice.post("/settings/password", &form).await;
        assert_field(&page, field, rule);
        page.does_not_say("p4").does_not_say("secret").does_not_say("mist4ken");
        page.says("name=\"email\" value=\"alice@example.org\"");
    }
    assert!(is_signed_in(&another(&app, "alice").await).await);
    assert!(is_signed_in(&alice).await);
}

#[tokio::test]
async fn signing_out_everywhere_ends_all_sessions_but_no_token() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    let (other, bob) = (another(&app, "alice").await, app.signed_in("bob").await);
    let client = app.api().signed_in("alice").await;
    let response = alice.post("/settings/sessions/end", &[]).await;
    assert_eq!((response.status, response.header("location")), (302, "/public"));
    alice.get("/public").await.says("You were logged out everywhere").says("sign in");
    assert!(!is_signed_in(&alice).await && !is_signed_in(&other).await);
    assert!(is_signed_in(&bob).await);
    assert_eq!(client.get("/tokens").await.status, 200);
}

#[tokio::test]
async fn deleting_an_account_requires_its_password() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    alice.say("hello").await;
    alice.get("/settings/account/delete").await.says("<h2>Delete Your Account</h2>");
    for guess in ["", "guess"] {
        let page = alice.post("/settings/account/delete", &[("password", guess)]).await;
        assert_field(&page, "password", "Invalid password");
        page.does_not_say("mist4ken");
    }
    assert_eq!(app.count("SELECT count(*) FROM users").await, 1);

    let response = alice.post("/settings/account/delete", &[("password", "secret")]).await;
    assert_eq!((response.status, response.header("location")), (302, "/public"));
    let page = alice.get("/public").await;
    page.says("Your account was deleted").says("sign in").does_not_say("hello");
    assert_eq!(alice.get("/alice").await.status, 404);
    assert_eq!(app.count("SELECT count(*) FROM users").await, 0);
    alice.sign_up("alice").await.says("You were successfully registered");
}

#[tokio::test]
async fn password_attempts_within_a_session_are_rate_limited() {
    let two = RateLimits { sign_ins_per_account: Rate::per_minute(2), ..RateLimits::default() };
    let app = App::start_with(TestDatabase::fresh().await, |settings| {
        settings.service.limits = two;
    })
    .await;
    let alice = app.signed_in("alice").await;
    for _ in 0..2 {
        alice.post("/settings/account/delete", &[("password", "guess")]).await;
    }
    let guesses = [("password", "guess"), ("name", "x"), ("current", "guess")];
    let new = [("new", "x"), ("repeated", "x")];
    let form: Vec<_> = guesses.into_iter().chain(new).collect();
    for path in ["/settings/password", "/settings/tokens", "/settings/account/delete"] {
        let page = alice.post(path, &form).await;
        assert_eq!(page.status, 429, "{path}");
        page.says("That was too often; try again in").says("sign out [alice]");
        assert!(page.header("retry-after").parse::<u32>().is_ok(), "{path}");
    }
}

#[tokio::test]
async fn a_display_name_from_before_a_rule_can_be_saved_unchanged() {
    let app = App::start().await;
    let ann = app.signed_in("ann").await;
    app.execute("UPDATE users SET display_name = E'a\\u202Eb' WHERE username = 'ann'").await;
    let save = async |name: &str| {
        let form = profile(name, "a new bio", "ann@example.org");
        ann.post("/settings/profile", &form).await
    };
    assert_eq!(save("a\u{202e}b").await.status, 302);
    assert_eq!(app.api().get("/users/ann").await.json()["bio"], "a new bio");
    let api = app.api().signed_in("ann").await;
    let change = json!({"display_name": "a\u{202e}b", "bio": "a newer bio"});
    assert_eq!(api.patch("/users/ann", change).await.status, 204);
    let change = json!({"display_name": "a\u{202e}bc"});
    api.patch("/users/ann", change).await.problem(422);
    let rule = "The display name must not contain invisible or unassigned characters";
    assert_field(&save("a\u{202e}bc").await, "display_name", rule);
    let stored = "SELECT count(*) FROM users WHERE display_name = E'a\\u202Eb'";
    assert_eq!(app.count(stored).await, 1);
}
