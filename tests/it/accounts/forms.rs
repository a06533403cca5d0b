//! The forms to sign up and to sign in.

use crate::support::{
    App,
    actors::{Browser, TestResponse},
};

async fn register(browser: &Browser, fields: [&str; 4]) -> TestResponse {
    let [username, email, password, password2] = fields;
    let form = [
        ("username", username),
        ("email", email),
        ("password", password),
        ("password2", password2),
    ];
    browser.post("/register", &form).await
}

#[tokio::test]
async fn a_user_signs_up_signs_in_and_signs_out() {
    let app = App::start().await;
    let browser = app.anonymous();

    let response = register(&browser, ["Roger Histand", "r@h", "x", "x"]).await;
    assert_eq!((response.status, response.header("location")), (302, "/login"));
    let flash = "<li>You were successfully registered and can login now</li>";
    browser.get("/login").await.says(flash).says("<title>Sign In | MiniTwit</title>");
    browser.get("/login").await.does_not_say("flashes");

    let form = [("username", "Roger Histand"), ("password", "x")];
    let response = browser.post("/login", &form).await;
    assert_eq!((response.status, response.header("location")), (302, "/"));
    let page = browser.get("/").await;
    page.says("<li>You were logged in</li>").says("sign out [Roger Histand]");
    browser.get("/").await.does_not_say("You were logged in");

    let response = browser.post("/logout", &[]).await;
    assert_eq!((response.status, response.header("location")), (302, "/public"));
    let page = browser.get("/public").await;
    page.says("<li>You were logged out</li>").says("sign in").does_not_say("sign out");
}

#[tokio::test]
async fn signing_out_works_by_get() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    alice.visit("/logout").await.says("You were logged out").does_not_say("[alice]");
    app.anonymous().visit("/logout").await.says("You were logged out");
}

#[tokio::test]
async fn each_rejected_registration_shows_the_values_and_the_rule() {
    let app = App::start().await;
    app.anonymous().sign_up("alice").await;
    let (long_name, long_password) = ("a".repeat(65), "p".repeat(73));
    for (fields, text) in [
        (["", "", "", ""], "You have to enter a username"),
        ([" ", "a@b", "p1", "p1"], "You have to enter a username"),
        (["bob", "", "p1", "p1"], "You have to enter a valid email address"),
        (["bob", "broken", "p1", "p1"], "You have to enter a valid email address"),
        (["bob", "a@b", "", ""], "You have to enter a password"),
        (["bob", "a@b", "", "p1"], "You have to enter a password"),
        (["bob", "a@b", "p1", "p2"], "The two passwords do not match"),
        (["bob", "a@b", "p1", ""], "The two passwords do not match"),
        (["alice", "a@b", "p1", "p2"], "The two passwords do not match"),
        (["alice", "a@b", "p1", "p1"], "The username is already taken"),
        (["login", "a@b", "p1", "p1"], "The username is reserved"),
        (["a.atom", "a@b", "p1", "p1"], "The username is reserved"),
        (["a/b", "a@b", "p1", "p1"], "The username must not contain a slash"),
        ([" a", "a@b", "p1", "p1"], "The username must not begin or end with white space"),
        (["a\u{0}", "a@b", "p1", "p1"], "The username must not contain control characters"),
        ([&long_name, "a@b", "p1", "p1"], "The username must be at most 64 characters long"),
        (
            ["bob", "a@b", &long_password, &long_password],
            "The password must be at most 72 bytes long",
        ),
        (["bob", "a@b", "p\u{0}", "p\u{0}"], "The password must not contain a NUL character"),
    ] {
        let page = register(&app.anonymous(), fields).await;
        assert_eq!(page.status, 200, "{fields:?}");
        page.says(&format!("<strong>Error:</strong> {text}</div>"))
            .says("<div class=\"error\"")
            .says(&format!("name=\"username\" value=\"{}\"", fields[0]))
            .says(&format!("name=\"email\" value=\"{}\"", fields[1]))
            .does_not_say("value=\"p1\"")
            .does_not_say(&long_password);
    }
    assert_eq!(app.count("SELECT count(*) FROM users").await, 1);
}

#[tokio::test]
async fn each_wrong_field_has_its_rule_at_once() {
    let app = App::start().await;
    app.anonymous().sign_up("alice").await;
    let rules = [
        ("username", "The username is already taken"),
        ("email", "You have to enter a valid email address"),
        ("password", "The password must not contain a NUL character"),
        ("password2", "The two passwords do not match"),
    ];
    for wrong in 1..16_u32 {
        let is_wrong = |place: usize| wrong >> place & 1 == 1;
        let password = if is_wrong(2) { "p\u{0}" } else { "p1" };
        let fields = [
            if is_wrong(0) { "Alice" } else { "bob" },
            if is_wrong(1) { "broken" } else { "a@b" },
            password,
            if is_wrong(3) { "p2" } else { password },
        ];
        let page = register(&app.anonymous(), fields).await;
        assert_eq!(page.status, 200, "{fields:?}");
        for (place, (field, rule)) in rules.iter().enumerate() {
            let shown = format!("<p class=\"error\" id=\"{field}-error\">{rule}</p>");
            let marked = format!(" aria-invalid=\"true\" aria-describedby=\"{field}-error");
            let expected = is_wrong(place);
            assert_eq!(page.body.contains(&shown), expected, "{field}: {page:?}");
            assert_eq!(page.body.contains(&marked), expected, "{field}: {page:?}");
        }
    }
    let form = app.anonymous().get("/register").await;
    form.says("At most 64 characters, without a slash.").does_not_say("aria-invalid");
    assert_eq!(app.count("SELECT count(*) FROM users").await, 1);
}

#[tokio::test]
async fn missing_form_fields_are_empty() {
    let app = App::start().await;
    let browser = app.anonymous();
    browser.post("/register", &[("x", "y")]).await.says("You have to enter a username");
    browser.post("/login", &[("x", "y")]).await.says("Invalid username");
}

#[tokio::test]
async fn a_wrong_username_and_a_wrong_password_have_different_errors() {
    let app = App::start().await;
    app.anonymous().sign_up("alice").await;
    let long = "secret".repeat(13);
    for (username, password, text) in [
        ("", "", "Invalid username"),
        ("unknown", "secret", "Invalid username"),
        ("Alice", "secret", "Invalid username"),
        ("al ice", "secret", "Invalid username"),
        ("alice\u{0}", "secret", "Invalid username"),
        ("alice", "", "Invalid password"),
        ("alice", "Secret", "Invalid password"),
        ("alice", "secret ", "Invalid password"),
        ("alice", "secret\u{0}", "Invalid password"),
        ("alice", &long, "Invalid password"),
    ] {
        let browser = app.anonymous();
        let page = browser.post("/login", &[("username", username), ("password", password)]).await;
        assert_eq!(page.status, 200);
        page.says(&format!("<strong>Error:</strong> {text}</div>"))
            .says(&format!("name=\"username\" value=\"{username}\""));
        if !password.is_empty() {
            page.does_not_say(&format!("\"{password}\"")).does_not_say(&format!(">{password}"));
        }
        assert_eq!(browser.get("/").await.header("location"), "/public");
    }
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 0);
}

#[tokio::test]
async fn a_decomposed_username_signs_in() {
    let app = App::start().await;
    app.anonymous().sign_up("Åse").await;
    let page = app.anonymous().sign_in("A\u{30a}se").await;
    page.says("You were logged in").says("sign out [Åse]");
}

#[tokio::test]
async fn signed_in_users_are_redirected_from_the_forms() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    app.anonymous().sign_up("bob").await;
    let bob = [("username", "bob"), ("password", "secret")];
    for response in [
        alice.get("/login").await,
        alice.get("/register").await,
        alice.post("/login", &bob).await,
        register(&alice, ["carol", "c@d", "x", "x"]).await,
    ] {
        assert_eq!((response.status, response.header("location")), (302, "/"));
    }
    alice.get("/").await.says("sign out [alice]");
    assert_eq!(app.count("SELECT count(*) FROM users").await, 2);
}

#[tokio::test]
async fn the_pages_have_the_css_classes_of_the_original() {
    let app = App::start().await;
    let anonymous = app.anonymous();
    for path in ["/public", "/login", "/register"] {
        let page = anonymous.get(path).await;
        for class in ["page", "navigation", "body", "footer"] {
            page.says(&format!("class=\"{class}\""));
        }
        page.says("<h1>MiniTwit</h1>").says(">public timeline</a>");
    }
    let alice = app.signed_in("alice").await;
    alice.say("hello").await.says("<ul class=\"flashes\">");
    alice.get("/").await.says("<div class=\"twitbox\">").says("<ul class=\"messages\">");
    alice.get("/").await.says("What's on your mind alice?");
    app.anonymous().sign_up("bob").await;
    alice.get("/bob").await.says("<div class=\"followstatus\">").says("class=\"follow\"");
    alice.visit("/bob/follow").await.says("class=\"unfollow\"");
}

#[tokio::test]
async fn no_page_shows_a_password() {
    let app = App::start().await;
    let browser = app.anonymous();
    let password = "pA55w0rd\"<'&";
    let mut pages = vec![
        register(&browser, ["alice", "broken", password, password]).await,
        register(&browser, ["alice", "a@b", password, "another"]).await,
        register(&browser, ["alice", "a@b", password, password]).await,
        register(&browser, ["alice", "a@b", password, password]).await,
        browser.post("/login", &[("username", "unknown"), ("password", password)]).await,
        browser.post("/login", &[("username", "alice"), ("password", "pA55w0rd")]).await,
        browser.post("/login", &[("username", "alice"), ("password", password)]).await,
    ];
    for path in ["/", "/public", "/alice", "/unknown"] {
        pages.push(browser.get(path).await);
    }
    for page in pages {
        page.does_not_say("pA55w0rd").does_not_say("$2b$");
        for value in page.headers.values() {
            assert!(!value.to_str().expect("text").contains("pA55w0rd"), "{page:?}");
        }
    }
}
