//! GET and POST /msgs.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::{
    answer::Answer,
    result::{Mismatch, Verdict},
    rule::{Rule, rule},
    tester::Tester,
};
use crate::requests::messages_path;

/// How far the clock of the system may be off.
const CLOCK_DIFFERENCE: Duration = Duration::days(1);

pub(super) const RULES: &[Rule] = &[
    rule!("message-success", "POST /msgs/{user}: 204 and an empty body", success),
    rule!(
        "message-fields",
        "each message has the texts content and user, and a whole number pub_date",
        fields
    ),
    rule!("message-date", "pub_date is in seconds since 1970 (UTC)", date),
    rule!("message-none", "GET /msgs/{user} of a user without messages: an empty list", none),
    rule!("messages-newest-first", "GET /msgs: newest first", newest_first),
    rule!("user-messages-newest-first", "GET /msgs/{user}: newest first", own_newest_first),
    rule!("user-messages-own", "GET /msgs/{user}: that user's messages only", own_only),
    rule!("message-unchanged", "the text of a message is returned unchanged", unchanged),
    rule!("message-repeated", "the same text may be posted again", repeated),
    rule!("message-280", "a message of 280 characters (code points) is accepted", longest),
    rule!("message-281", "a message of 281 characters is rejected with 400", too_long),
    rule!("message-empty", "an empty message is rejected with 400", empty),
    rule!("message-unknown-author", "POST /msgs/{user} of an unknown user: 404", unknown_author),
    rule!("messages-unknown-user", "GET /msgs/{user} of an unknown user: 404", unknown_user),
];

async fn success(tester: &Tester) -> Verdict {
    let name = tester.new_user().await?;
    tester.post(messages_path(&name), &json!({"content": "hello"})).send().await?.confirms()
}

/// A list with one message of a new user, and the user's name.
async fn one_message(tester: &Tester) -> Result<(Answer, String), Mismatch> {
    let name = tester.new_user().await?;
    tester.tweet(&name, "hello").await?;
    Ok((tester.get(messages_path(&name)).send().await?, name))
}

async fn fields(tester: &Tester) -> Verdict {
    let (answer, name) = one_message(tester).await?;
    let list = answer.json();
    let message = list.as_ref().and_then(|list| list.get(0));
    let fits = message.is_some_and(|message| {
        message["content"] == "hello" && message["user"] == name && message["pub_date"].is_i64()
    });
    let expected = json!([{"content": "hello", "pub_date": 1_600_000_000, "user": name}]);
    answer.require(fits, format!("a list such as {expected}"))
}

async fn date(tester: &Tester) -> Verdict {
    let (answer, _) = one_message(tester).await?;
    let list = answer.json();
    let date = list.as_ref().and_then(|list| list.get(0)?.get("pub_date")?.as_f64());
    let now = OffsetDateTime::now_utc().unix_timestamp();
    // A date of another type is the subject of another check.
    let is_near =
        date.is_none_or(|date| (date - now as f64).abs() < CLOCK_DIFFERENCE.as_seconds_f64());
    answer.require(is_near, format!("a pub_date near {now}"))
}

async fn none(tester: &Tester) -> Verdict {
    let name = tester.new_user().await?;
    let answer = tester.get(messages_path(&name)).send().await?;
    let is_empty = answer.status == 200 && answer.json() == Some(Value::Array(Vec::new()));
    answer.require(is_empty, "status 200 and []")
}

const NEWEST_FIRST: [&str; 3] = ["third", "second", "first"];

/// Posts three messages of a new user, each text with that name. Returns the name.
async fn three_messages(tester: &Tester) -> Result<String, Mismatch> {
    let name = tester.new_user().await?;
    for text in NEWEST_FIRST.iter().rev() {
        tester.tweet(&name, &format!("{text} of {name}")).await?;
    }
    Ok(name)
}

async fn is_newest_first(tester: &Tester, path: &str, name: &str) -> Verdict {
    let answer = tester.get(path).send().await?;
    // Another client may post in the meantime.
    let of_name = format!(" of {name}");
    let contents = answer.contents()?;
    let own: Vec<&str> = contents.iter().filter_map(|it| it.strip_suffix(&of_name)).collect();
    answer.require(own == NEWEST_FIRST, format!("{NEWEST_FIRST:?} of {name}, in this order"))
}

async fn newest_first(tester: &Tester) -> Verdict {
    let name = three_messages(tester).await?;
    is_newest_first(tester, "/msgs?no=100", &name).await
}

async fn own_newest_first(tester: &Tester) -> Verdict {
    let name = three_messages(tester).await?;
    is_newest_first(tester, &messages_path(&name), &name).await
}

async fn own_only(tester: &Tester) -> Verdict {
    let (one, other) = (tester.new_user().await?, tester.new_user().await?);
    tester.tweet(&one, "by the one").await?;
    tester.tweet(&other, "by the other").await?;
    let answer = tester.get(messages_path(&one)).send().await?;
    let has_other = answer.contents()?.iter().any(|it| it == "by the other");
    answer.require(!has_other, format!("no message by {other}"))
}

async fn unchanged(tester: &Tester) -> Verdict {
    let name = tester.new_user().await?;
    for text in [
        "<script>alert(1)</script> & \"quotes\" 'so'",
        "'; DROP TABLE messages; -- %s {{ 1 }}",
        "  blanks around, a line break\nand a tab\t ",
        "🐦 مرحبا 李小龍 e\u{301}",
    ] {
        tester.tweet(&name, text).await?;
        let answer = tester.get(messages_path(&name)).send().await?;
        let is_shown = answer.contents()?.iter().any(|it| it == text);
        answer.require(is_shown, format!("the content {text:?}"))?;
    }
    Ok(())
}

async fn repeated(tester: &Tester) -> Verdict {
    let name = tester.new_user().await?;
    for _ in 0..2 {
        let body = json!({"content": "again"});
        tester.post(messages_path(&name), &body).send().await?.succeeded()?;
    }
    let answer = tester.get(messages_path(&name)).send().await?;
    let count = answer.contents()?.iter().filter(|it| *it == "again").count();
    answer.require(count == 2, "\"again\" twice")
}

/// Requires this status for each of these messages of a shared user.
async fn each_has(tester: &Tester, texts: &[String], status: u16) -> Verdict {
    let name = tester.new_user().await?;
    for text in texts {
        let body = json!({ "content": text });
        tester.post(messages_path(&name), &body).send().await?.has_status(status)?;
    }
    Ok(())
}

async fn longest(tester: &Tester) -> Verdict {
    let texts = ["a".repeat(280), "é".repeat(280), "🦀".repeat(280)];
    let name = tester.new_user().await?;
    for text in texts {
        tester.tweet(&name, &text).await?;
    }
    Ok(())
}

async fn too_long(tester: &Tester) -> Verdict {
    each_has(tester, &["a".repeat(281), "🦀".repeat(281)], 400).await
}

async fn empty(tester: &Tester) -> Verdict {
    each_has(tester, &[String::new()], 400).await
}

async fn unknown_author(tester: &Tester) -> Verdict {
    let path = messages_path(&tester.new_name("unknown"));
    tester.post(path, &json!({"content": "hello"})).send().await?.has_status(404)
}

async fn unknown_user(tester: &Tester) -> Verdict {
    tester.get(messages_path(&tester.new_name("unknown"))).send().await?.has_status(404)
}
