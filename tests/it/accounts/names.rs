//! Names that a new user may have, and how existing users are found by theirs.

use serde_json::json;

use crate::support::{App, actors::encode};

/// Names with invisible characters, or with characters that change how others are shown.
const UNSEEN: &[&str] = &[
    "\u{200b}",
    "\u{3164}",
    "\u{2800}",
    "\u{feff}",
    "\u{e0041}",
    "\u{fe0f}",
    "alice\u{200b}",
    "al\u{ad}ice",
    "\u{202e}ecila",
    "alice\u{2069}",
    "alice\u{fe0f}",
    "alice\u{e0100}",
    "al\u{200d}ice",
    "alice\u{2029}x",
    "alice\u{e000}",
    "alice\u{ffff}",
    "alice\u{378}",
];

/// Names whose characters are all visible.
const SEEN: &[&str] = &[
    "alice",
    "a\u{3000}b",
    "می\u{200c}خواهم",
    "क्\u{200d}ष",
    "葛\u{e0100}城",
    "❤\u{fe0f}",
    "👩\u{200d}👩\u{200d}👧\u{200d}👦",
    "🇩🇰 🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
    "аlice",
    "ÅÄÖ ☃ €",
];

#[tokio::test]
async fn a_new_username_shows_every_character() {
    let app = App::start().await;
    let (simulator, api) = (app.simulator(), app.api());
    for name in UNSEEN {
        let text = simulator.register(name).await.failure(400);
        let is_missing = text == "You have to enter a username";
        assert!(is_missing || text.contains("invisible or unassigned"), "{name:?}: {text}");
        assert_eq!(api.sign_up(name).await.rejected_fields(422), ["username"], "{name:?}");
        app.anonymous().sign_up(name).await.says("Error:");
    }
    assert_eq!(app.count("SELECT count(*) FROM users").await, 0);
    for name in SEEN {
        assert_eq!(simulator.register(name).await.status, 204, "{name:?}");
    }
}

#[tokio::test]
async fn a_new_display_name_or_token_name_shows_every_character() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    for name in UNSEEN {
        let changed = ann.patch("/users/ann", json!({ "display_name": name })).await;
        assert_eq!(changed.rejected_fields(422), ["display_name"], "{name:?}");
        let token = json!({"username": "ann", "password": "secret", "name": name});
        assert_eq!(app.api().post("/tokens", token).await.rejected_fields(422), ["name"]);
    }
    for name in SEEN {
        let changed = ann.patch("/users/ann", json!({ "display_name": name })).await;
        assert_eq!(changed.status, 204, "{name:?}");
        let token = json!({"username": "ann", "password": "secret", "name": name});
        assert_eq!(app.api().post("/tokens", token).await.status, 201, "{name:?}");
    }
}

#[tokio::test]
async fn existing_users_keep_names_that_new_ones_cannot_have() {
    let app = App::start().await;
    app.simulator().register("alice").await;
    for name in UNSEEN.iter().chain(&["Login", "status", "ad\u{200b}min", "@alice"]) {
        let insert = "INSERT INTO users (username, email, password_hash)
                      SELECT $1, 'a@b', password_hash FROM users WHERE username = 'alice'";
        sqlx::query(insert).bind(name).execute(&app.rows).await.expect(name);
        let browser = app.anonymous();
        browser.sign_in(name).await.says("You were logged in");
        browser.say(&format!("hello from {}", name.escape_unicode())).await;
        let page = app.anonymous().visit(&format!("/{}", encode(name))).await;
        page.says(&format!("hello from {}", name.escape_unicode()));
        assert_eq!(app.simulator().tweet(name, "again").await.status, 204, "{name:?}");
        app.api().signed_in(name).await;
    }
}

#[tokio::test]
async fn a_name_is_found_with_space_around_it_or_a_sign_before_it() {
    let app = App::start().await;
    for name in ["bob", "Roger Histand", "@ann", "ann"] {
        app.simulator().register(name).await;
    }
    for (entered, name) in [
        (" bob", "bob"),
        ("bob\u{3000}\r\n", "bob"),
        ("@bob", "bob"),
        (" ＠bob ", "bob"),
        ("@Roger Histand", "Roger Histand"),
        ("@ann", "@ann"),
        ("@@ann", "@ann"),
        ("ann ", "ann"),
    ] {
        let browser = app.anonymous();
        let page = browser.sign_in(entered).await;
        page.says("You were logged in").says(&format!("sign out [{name}]"));
        let token = app.api().make_token(entered, "secret").await;
        let token = token.json()["token"].as_str().expect("a token").to_owned();
        let own = app.api().with_token(&token).get(&format!("/users/{}", encode(name))).await;
        own.says("\"email\"");
    }
    for entered in ["bo b", "#bob", "bob@", "@", "", "Bob", "\u{200b}bob"] {
        app.anonymous().sign_in(entered).await.says("Invalid username");
        assert_eq!(app.api().make_token(entered, "secret").await.status, 401, "{entered:?}");
    }
}

#[tokio::test]
async fn a_search_for_people_understands_a_sign_and_space() {
    let app = App::start().await;
    let api = app.api();
    for name in ["bob", "bobby", "@bobette", "ann"] {
        api.sign_up(name).await;
    }
    for (text, expected) in [
        (" bob ", &["bob", "bobby"][..]),
        ("@bobe", &["@bobette"]),
        ("@bobb", &["bobby"]),
        ("＠ann ", &["ann"]),
        ("@ ann", &["ann"]),
        ("@", &["@bobette"]),
        ("@zoe", &[]),
    ] {
        let path = format!("/search?limit=1&kind=users&q={}", encode(text));
        let found = api.whole_list(&path).await;
        let names: Vec<&str> =
            found.iter().map(|item| item["user"]["username"].as_str().expect("a name")).collect();
        assert_eq!(names, expected, "{text:?}");
        let page = app.anonymous().get(&format!("/search?in=people&q={}", encode(text))).await;
        for name in expected {
            page.says(&format!(">{name}</a></strong>"));
        }
    }
}

/// Pairs of names that differ only by case.
const SAME_BUT_FOR_CASE: &[(&str, &str)] =
    &[("Anna", "anna"), ("ANNA b", "anna B"), ("Ægir", "ægir"), ("ŽLUŤ", "žluť"), ("Ёж", "ёж")];

#[tokio::test]
async fn a_new_name_differs_from_each_existing_one_by_more_than_case() {
    let app = App::start().await;
    let (simulator, api) = (app.simulator(), app.api());
    for (number, (first, second)) in SAME_BUT_FOR_CASE.iter().enumerate() {
        // The rule holds also if the simulator or an import has brought the first name.
        match number % 3 {
            0 => assert_eq!(simulator.register(first).await.status, 204),
            1 => assert_eq!(api.sign_up(first).await.status, 201),
            _ => {
                app.anonymous().sign_up(first).await.says("You were successfully registered");
            }
        }
        app.anonymous().sign_up(second).await.says("The username is already taken");
        assert_eq!(api.sign_up(second).await.problem(409)["code"], "username-taken", "{second}");
        // The simulator's contract compares names exactly.
        assert_eq!(simulator.register(second).await.status, 204, "{second}");
        simulator.register(second).await.failure(400);
    }
}

#[tokio::test]
async fn one_of_concurrent_sign_ups_with_names_that_differ_by_case_succeeds() {
    let app = App::start().await;
    let replica = app.replica().await;
    let names: Vec<String> = (0..16_u32)
        .map(|bits| {
            let case = |(place, letter): (usize, char)| match bits >> place & 1 {
                1 => letter.to_ascii_uppercase(),
                _ => letter,
            };
            "anna".chars().enumerate().map(case).collect()
        })
        .collect();
    let sign_ups = names.iter().enumerate().map(async |(number, name)| {
        let server = if number % 2 == 0 { &app } else { &replica };
        match number % 4 {
            0 | 1 => server.api().sign_up(name).await.status == 201,
            _ => server.anonymous().sign_up(name).await.body.contains("successfully registered"),
        }
    });
    let results = futures_util::future::join_all(sign_ups).await;
    assert_eq!(results.iter().filter(|&&succeeded| succeeded).count(), 1, "{results:?}");
    assert_eq!(app.count("SELECT count(*) FROM users").await, 1);
}

#[tokio::test]
async fn a_profile_is_found_by_its_exact_name_first_and_then_in_any_case() {
    let app = App::start().await;
    let simulator = app.simulator();
    for name in ["anna", "ANNA"] {
        simulator.register(name).await;
        simulator.tweet(name, &format!("from {name}")).await;
    }
    app.execute("UPDATE users SET created_at = '2020-02-20Z' WHERE username = 'ANNA'").await;
    for (path, found) in [
        ("/anna", "anna"),
        ("/ANNA", "ANNA"),
        ("/Anna", "ANNA"),
        ("/aNNa.atom", "ANNA"),
        ("/anna.atom", "anna"),
        ("/users/AnnA", "ANNA"),
    ] {
        let page = app.anonymous().get(path).await;
        assert_eq!(page.status, 200, "{path}");
        page.says(&format!(">from {found}<"));
    }
    simulator.register("Anna").await;
    simulator.tweet("Anna", "from Anna").await;
    app.anonymous().get("/Anna").await.says(">from Anna<").does_not_say("from ANNA");
    assert_eq!(app.anonymous().get("/Ann").await.status, 404);
    // The APIs compare names exactly.
    app.api().get("/users/aNNA").await.problem(404);
    simulator.get("/msgs/aNNA").await.failure(404);
}
