//! The credentials, and the order in which a request is judged.

use serde_json::json;

use super::{
    result::Verdict,
    rule::{Rule, rule},
    tester::{Request, Tester},
};
use crate::requests::{LATEST, follows_path, messages_path};

const REJECTION: &str = "You are not authorized to use this resource!";

pub(super) const RULES: &[Rule] = &[
    rule!(
        "credentials-missing",
        "without credentials: 403, \"You are not authorized to use this resource!\"",
        missing
    ),
    rule!("credentials-wrong", "with a wrong password: 403", wrong),
    rule!("latest-open", "GET /latest needs no credentials", latest_is_open),
    rule!("order-403-404", "without credentials, an unknown user: 403, not 404", forbidden_first),
    rule!("order-403-400", "without credentials, a wrong body: 403, not 400", body_is_unread),
    rule!("order-404-400", "an unknown user and a wrong body: 404, not 400", user_before_body),
    rule!(
        "order-404-415",
        "an unknown user and a wrong content type: 404, not 415",
        user_before_type
    ),
];

/// Every request that needs credentials, of these users.
fn guarded<'a>(tester: &'a Tester, name: &str, other: &str) -> [Request<'a>; 5] {
    let (messages, follows) = (messages_path(name), follows_path(name));
    [
        tester.get("/msgs"),
        tester.get(messages.clone()),
        tester.post(messages, &json!({"content": "hello"})),
        tester.get(follows.clone()),
        tester.post(follows, &json!({"follow": other})),
    ]
}

async fn missing(tester: &Tester) -> Verdict {
    let [name, other] = tester.known_users().await?;
    for request in guarded(tester, name, other) {
        request.without_credentials().send().await?.rejects(403, REJECTION)?;
    }
    Ok(())
}

async fn wrong(tester: &Tester) -> Verdict {
    let [name, other] = tester.known_users().await?;
    for request in guarded(tester, name, other) {
        request.with_wrong_credentials().send().await?.has_status(403)?;
    }
    Ok(())
}

async fn latest_is_open(tester: &Tester) -> Verdict {
    tester.get(LATEST).without_credentials().send().await?.latest().map(|_| ())
}

async fn forbidden_first(tester: &Tester) -> Verdict {
    let unknown = tester.new_name("unknown");
    let other = tester.known_user().await?;
    // The first request names no user.
    for request in guarded(tester, &unknown, other).into_iter().skip(1) {
        request.without_credentials().send().await?.has_status(403)?;
    }
    Ok(())
}

/// Posts malformed JSON.
fn malformed<'a>(tester: &'a Tester, name: &str) -> [Request<'a>; 2] {
    [messages_path(name), follows_path(name)].map(|path| tester.post_bytes(path, "{"))
}

async fn body_is_unread(tester: &Tester) -> Verdict {
    let name = tester.known_user().await?;
    for request in malformed(tester, name) {
        request.without_credentials().send().await?.has_status(403)?;
    }
    Ok(())
}

async fn user_before_body(tester: &Tester) -> Verdict {
    let unknown = tester.new_name("unknown");
    for request in malformed(tester, &unknown) {
        request.send().await?.has_status(404)?;
    }
    let empty = json!({"content": ""});
    tester.post(messages_path(&unknown), &empty).send().await?.has_status(404)
}

async fn user_before_type(tester: &Tester) -> Verdict {
    let unknown = tester.new_name("unknown");
    let path = messages_path(&unknown);
    let request = tester.post(path, &json!({"content": "hello"}));
    request.content_type("text/plain").send().await?.has_status(404)
}
