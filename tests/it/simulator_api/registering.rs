//! `POST /register`.

use serde_json::{Value, json};

use super::post_text;
use crate::support::{
    App,
    actors::{Simulator, encode},
};

const NO_NAME: &str = "You have to enter a username";
const NO_EMAIL: &str = "You have to enter a valid email address";
const NO_PASSWORD: &str = "You have to enter a password";
const TAKEN: &str = "The username is already taken";

async fn rejection(simulator: &Simulator, user: Value) -> String {
    simulator.post("/register", user).await.failure(400)
}

#[tokio::test]
async fn the_first_broken_rule_is_reported() {
    let app = App::start().await;
    let simulator = app.simulator();
    simulator.register("alice").await;
    for (user, text) in [
        (json!({}), NO_NAME),
        (json!({"username": "", "email": "", "pwd": ""}), NO_NAME),
        (json!({"username": null, "email": null, "pwd": null}), NO_NAME),
        (json!({"username": " \t\u{2003}\n", "email": "a@b", "pwd": "x"}), NO_NAME),
        (json!({"email": "a@b", "pwd": "x"}), NO_NAME),
        (json!({"username": "bob"}), NO_EMAIL),
        (json!({"username": "bob", "email": null, "pwd": "x"}), NO_EMAIL),
        (json!({"username": "bob", "email": "", "pwd": ""}), NO_EMAIL),
        (json!({"username": "bob", "email": "ab", "pwd": "x"}), NO_EMAIL),
        (json!({"username": "bob", "email": "@b", "pwd": "x"}), NO_EMAIL),
        (json!({"username": "bob", "email": "a@", "pwd": "x"}), NO_EMAIL),
        (json!({"username": "bob", "email": " @ ", "pwd": "x"}), NO_EMAIL),
        (json!({"username": "bob", "email": "a\u{0}@b", "pwd": "x"}), NO_EMAIL),
        (json!({"username": "alice", "email": "", "pwd": ""}), NO_EMAIL),
        (json!({"username": "login", "email": "ab", "pwd": ""}), NO_EMAIL),
        (json!({"username": "bob", "email": "a@b"}), NO_PASSWORD),
        (json!({"username": "bob", "email": "a@b", "pwd": null}), NO_PASSWORD),
        (json!({"username": "bob", "email": "a@b", "pwd": " \n"}), NO_PASSWORD),
        (json!({"username": "login", "email": "a@b", "pwd": ""}), NO_PASSWORD),
        (json!({"username": "alice", "email": "a@b", "pwd": ""}), NO_PASSWORD),
        (json!({"username": "alice", "email": "a@b", "pwd": "x"}), TAKEN),
    ] {
        assert_eq!(rejection(&simulator, user.clone()).await, text, "{user}");
    }
    assert_eq!(app.count("SELECT count(*) FROM users").await, 1);
}

#[tokio::test]
async fn a_name_that_is_a_route_cannot_be_registered() {
    let app = App::start().await;
    let simulator = app.simulator();
    for name in [
        "public",
        "login",
        "logout",
        "register",
        "add_message",
        "msgs",
        "fllws",
        "latest",
        "sim",
        "api",
        "docs",
        "static",
        "avatar",
        "metrics",
        "healthz",
        "readyz",
        "openapi.json",
        "favicon.ico",
        "robots.txt",
        "alice.atom",
        ".atom",
        "public.atom",
        "Login",
        "STATUS",
        "index.html",
        "ads.txt",
        "apple-touch-icon.png",
        ".well-known",
        "sw.js",
        "-",
        "users",
    ] {
        let user = json!({"username": name, "email": "a@b", "pwd": "x"});
        let text = rejection(&simulator, user).await;
        assert!(text.contains("reserved"), "{name}: {text}");
    }
    for name in ["logins", "atom.xml", "alice.atoms", "node.js", "--"] {
        assert_eq!(simulator.register(name).await.status, 204, "{name}");
    }
}

#[tokio::test]
async fn a_malformed_name_is_rejected_with_the_rule() {
    let app = App::start().await;
    let simulator = app.simulator();
    for (name, rule) in [
        ("a".repeat(65), "64 characters"),
        ("🦀".repeat(65), "64 characters"),
        ("a\u{0}b".to_owned(), "control character"),
        ("\u{0}".to_owned(), "control character"),
        ("a\nb".to_owned(), "control character"),
        ("a\u{7f}b".to_owned(), "control character"),
        ("a\u{85}b".to_owned(), "control character"),
        ("a/b".to_owned(), "slash"),
        (" a".to_owned(), "white space"),
        ("a ".to_owned(), "white space"),
        ("\u{a0}a".to_owned(), "white space"),
        ("a\u{3000}".to_owned(), "white space"),
        (".".to_owned(), "path"),
        ("..".to_owned(), "path"),
    ] {
        let text =
            rejection(&simulator, json!({"username": name, "email": "a@b", "pwd": "x"})).await;
        assert!(text.contains(rule), "{name:?}: {text}");
    }
    assert_eq!(app.count("SELECT count(*) FROM users").await, 0);
    for name in ["🦀".repeat(64), "e\u{301}".repeat(64), "...".to_owned(), "a".to_owned()] {
        assert_eq!(simulator.register(&name).await.status, 204, "{name}");
    }
}

#[tokio::test]
async fn a_password_of_up_to_72_bytes_is_accepted() {
    let app = App::start().await;
    let simulator = app.simulator();
    for (name, password) in [
        ("one", "x".to_owned()),
        ("many", "x".repeat(72)),
        ("umlauts", "ä".repeat(36)),
        ("blanks", "  x  ".to_owned()),
        ("crab", "🦀 <\"'&%+".to_owned()),
    ] {
        let user = json!({"username": name, "email": "a@b", "pwd": password});
        assert_eq!(simulator.post("/register", user).await.status, 204, "{name}");
        let browser = app.anonymous();
        let mut shorter = password.clone();
        shorter.pop();
        let form = [("username", name), ("password", &shorter)];
        browser.submit("/login", &form).await.says("Invalid password");
        let form = [("username", name), ("password", &password)];
        browser.submit("/login", &form).await.says("You were logged in");
    }
}

#[tokio::test]
async fn a_password_that_bcrypt_would_truncate_is_rejected() {
    let app = App::start().await;
    let simulator = app.simulator();
    for (password, rule) in [
        ("x".repeat(73), "72 bytes"),
        ("ä".repeat(37), "72 bytes"),
        ("x".repeat(10_000), "72 bytes"),
        ("a\u{0}b".to_owned(), "NUL"),
        ("\u{0}".to_owned(), "NUL"),
    ] {
        let user = json!({"username": "bob", "email": "a@b", "pwd": password});
        let text = rejection(&simulator, user).await;
        assert!(text.contains("password") && text.contains(rule), "{text}");
        assert!(!text.contains(&password), "{text}");
    }
    assert_eq!(app.count("SELECT count(*) FROM users").await, 0);
}

#[tokio::test]
async fn an_email_address_has_at_most_254_characters() {
    let app = App::start().await;
    let simulator = app.simulator();
    let user = |name: &str, length: usize| json!({"username": name, "email": format!("{}@b", "ä".repeat(length - 2)), "pwd": "x"});
    let text = rejection(&simulator, user("long", 255)).await;
    assert!(text.contains("email") && text.contains("254 characters"), "{text}");
    assert_eq!(simulator.post("/register", user("just", 254)).await.status, 204);
}

#[tokio::test]
async fn names_are_compared_exactly_after_normalization() {
    let app = App::start().await;
    let simulator = app.simulator();
    for name in ["Ångström", "ångström", "Roger Histand", "Roger  Histand", "roger histand"] {
        assert_eq!(simulator.register(name).await.status, 204, "{name}");
        assert_eq!(simulator.register(name).await.failure(400), TAKEN, "{name}");
    }
    assert_eq!(simulator.register("A\u{30a}ngstro\u{308}m").await.failure(400), TAKEN);
}

#[tokio::test]
async fn unknown_fields_are_ignored() {
    let app = App::start().await;
    let simulator = app.simulator();
    let body =
        r#"  {"pwd":"x","age":7,"username":"\u0061lice","email":"a@b","nested":{"a":[1]}}  "#;
    assert_eq!(post_text(&simulator, "/register", body).await.status, 204);
    assert_eq!(simulator.get(&format!("/msgs/{}", encode("alice"))).await.status, 200);
}

#[tokio::test]
async fn only_a_hash_of_the_password_is_stored() {
    let app = App::start().await;
    app.simulator().register("alice").await;
    let stored = "SELECT count(*) FROM users WHERE password_hash LIKE '$2b$%'
                  AND username = 'alice' AND email = 'someone@example.org'";
    assert_eq!(app.count(stored).await, 1);
}
