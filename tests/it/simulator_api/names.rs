//! Usernames in paths and bodies.

use serde_json::json;

use super::{contents, follows};
use crate::support::{App, actors::encode};

const NAMES: &[&str] = &[
    "Roger Histand",
    "O'Brien \"Bob\" <b>",
    "žluťoučký kůň",
    "李小龍",
    "علي",
    "🦀 crab 👩‍👩‍👧‍👦",
    "100%",
    "%41",
    "%2F",
    "a+b",
    "what?",
    "a#b",
    "a&b=c;d",
    "back\\slash",
    "...",
    "msgs2",
    "{username}",
    ":username",
    "*",
    "null",
    "-1",
    "0",
    "$1",
    "क्\u{200d}ष",
];

#[tokio::test]
async fn a_name_in_a_path_equals_the_name_in_a_body() {
    let app = App::start().await;
    for simulator in [app.simulator(), app.simulator_at_root()] {
        for name in NAMES {
            simulator.register(name).await;
            assert_eq!(simulator.tweet(name, name).await.status, 204, "{name}");
            let path = format!("/msgs/{}?no=1", encode(name));
            let message = simulator.get(&path).await.json();
            assert_eq!(message[0]["user"], json!(name));
            assert_eq!(contents(&simulator, &path).await, [*name]);
        }
        for pair in NAMES.windows(2) {
            assert_eq!(simulator.follow(pair[0], pair[1]).await.status, 204, "{pair:?}");
            let path = format!("/fllws/{}", encode(pair[0]));
            assert_eq!(follows(&simulator, &path).await, [pair[1]]);
        }
    }
    let users = app.count("SELECT count(*) FROM users").await;
    assert_eq!(users, i64::try_from(NAMES.len()).expect("small"), "each name is registered once");
}

#[tokio::test]
async fn a_plus_in_a_path_is_not_a_space() {
    let app = App::start().await;
    let simulator = app.simulator();
    simulator.register("a+b").await;
    simulator.register("a b").await;
    simulator.tweet("a+b", "plus").await;
    simulator.tweet("a b", "blank").await;
    for (path, text) in [("a+b", "plus"), ("a%2Bb", "plus"), ("a%20b", "blank")] {
        assert_eq!(contents(&simulator, &format!("/msgs/{path}")).await, [text]);
    }
}

#[tokio::test]
async fn a_decomposed_name_equals_the_composed_one() {
    let app = App::start().await;
    let simulator = app.simulator();
    let decomposed = "A\u{30a}ngstro\u{308}m";
    assert_eq!(simulator.register(decomposed).await.status, 204);
    simulator.register("bob").await;
    assert_eq!(simulator.tweet(decomposed, "hello").await.status, 204);
    assert_eq!(simulator.follow("bob", decomposed).await.status, 204);
    for name in [decomposed, "Ångström"] {
        let messages = simulator.get(&format!("/msgs/{}", encode(name))).await.json();
        assert_eq!(messages[0]["user"], json!("Ångström"));
    }
    assert_eq!(follows(&simulator, "/fllws/bob").await, ["Ångström"]);
    assert_eq!(simulator.unfollow("bob", "Ångström").await.status, 204);
    assert_eq!(follows(&simulator, "/fllws/bob").await, [""; 0]);
}
