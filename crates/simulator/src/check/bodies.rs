//! Bodies: JSON, their fields, and their content type.

use serde_json::{Value, json};

use super::{
    result::{Mismatch, Verdict},
    rule::{Rule, rule},
    tester::Tester,
};
use crate::requests::{follows_path, messages_path};

pub(super) const RULES: &[Rule] = &[
    rule!("field-missing", "a missing field counts as an empty one: 400", missing),
    rule!("field-null", "a null field counts as an empty one", null),
    rule!("field-blank", "a field of white space alone counts as an empty one: 400", blank),
    rule!("field-nul", "U+0000 in a user name or message is rejected with 400", nul),
    rule!("field-type", "a field that is not text is rejected with 400", other_type),
    rule!("body-malformed", "malformed JSON is rejected with 400", malformed),
    rule!("body-no-object", "JSON that is not an object is rejected with 400", no_object),
    rule!(
        "content-type-other",
        "a body of another content type is rejected with 415",
        other_content_type
    ),
    rule!(
        "content-type-charset",
        "the content type application/json; charset=utf-8 is accepted",
        with_charset
    ),
];

/// Posts each body to its path. Requires this status.
async fn each_has(tester: &Tester, posts: Vec<(String, Value)>, status: u16) -> Verdict {
    for (path, body) in posts {
        tester.post(path, &body).send().await?.has_status(status)?;
    }
    Ok(())
}

/// Registrations and a message, with each field in turn changed to `value`, or left out.
async fn each_field(
    tester: &Tester,
    value: Option<Value>,
) -> Result<Vec<(String, Value)>, Mismatch> {
    let mut posts = Vec::new();
    for field in ["username", "email", "pwd"] {
        let mut user = tester.registration(&tester.new_name("user"));
        match (&value, user.as_object_mut()) {
            (Some(value), _) => user[field] = value.clone(),
            (None, Some(user)) => drop(user.shift_remove(field)),
            (None, None) => {}
        }
        posts.push(("/register".to_owned(), user));
    }
    let message = value.map_or(json!({}), |value| json!({ "content": value }));
    posts.push((messages_path(tester.known_user().await?), message));
    Ok(posts)
}

async fn missing(tester: &Tester) -> Verdict {
    each_has(tester, each_field(tester, None).await?, 400).await
}

async fn null(tester: &Tester) -> Verdict {
    each_has(tester, each_field(tester, Some(Value::Null)).await?, 400).await?;
    let (name, other) = (tester.new_user().await?, tester.known_user().await?);
    let body = json!({"follow": other, "unfollow": null});
    tester.post(follows_path(&name), &body).send().await?.succeeded()
}

async fn blank(tester: &Tester) -> Verdict {
    each_has(tester, each_field(tester, Some(json!(" \t\u{2003}\n"))).await?, 400).await
}

async fn nul(tester: &Tester) -> Verdict {
    let user = tester.registration(&format!("{}\u{0}", tester.new_name("user")));
    let message = messages_path(tester.known_user().await?);
    let posts =
        vec![("/register".to_owned(), user), (message, json!({"content": "before\u{0}after"}))];
    each_has(tester, posts, 400).await
}

async fn other_type(tester: &Tester) -> Verdict {
    let mut posts = each_field(tester, Some(json!(12_345))).await?;
    posts.push((follows_path(tester.known_user().await?), json!({"follow": ["a name"]})));
    each_has(tester, posts, 400).await
}

/// Requires that each POST request rejects each of these bodies.
async fn each_rejects(tester: &Tester, bodies: &[&[u8]]) -> Verdict {
    let name = tester.known_user().await?;
    for path in ["/register".to_owned(), messages_path(name), follows_path(name)] {
        for body in bodies {
            tester.post_bytes(path.clone(), *body).send().await?.has_status(400)?;
        }
    }
    Ok(())
}

async fn malformed(tester: &Tester) -> Verdict {
    let bodies: [&[u8]; 5] =
        [b"", b"{", b"nonsense", b"{\"content\": \"x\",}", b"{\"content\": \"\xff\"}"];
    each_rejects(tester, &bodies).await
}

async fn no_object(tester: &Tester) -> Verdict {
    each_rejects(tester, &[b"[]", b"null", b"\"text\"", b"12345"]).await
}

async fn other_content_type(tester: &Tester) -> Verdict {
    let [name, other] = tester.known_users().await?;
    for (path, body) in [
        ("/register".to_owned(), tester.registration(&tester.new_name("user"))),
        (messages_path(name), json!({"content": "hello"})),
        (follows_path(name), json!({"follow": other})),
    ] {
        let request = tester.post(path, &body).content_type("text/plain");
        request.send().await?.has_status(415)?;
    }
    Ok(())
}

async fn with_charset(tester: &Tester) -> Verdict {
    let name = tester.new_user().await?;
    let request = tester.post(messages_path(&name), &json!({"content": "hello"}));
    request.content_type("application/json; charset=utf-8").send().await?.succeeded()
}
