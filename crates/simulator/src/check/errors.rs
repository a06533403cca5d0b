//! The form of errors, and the content types of responses.

use serde_json::{Value, json};

use super::{
    answer::Answer,
    result::{Mismatch, Verdict},
    rule::{Rule, rule},
    tester::Tester,
};
use crate::requests::{LATEST, follows_path, messages_path};

pub(super) const RULES: &[Rule] = &[
    rule!("error-form", "an error is {\"status\": number, \"error_msg\": text}", form),
    rule!("error-status", "status in an error is the HTTP status", status),
    rule!("error-content-type", "the content type of an error is application/json", error_type),
    rule!("error-field", "an error of a field or parameter names it", field),
    rule!(
        "json-content-type",
        "the content type of lists and latest is application/json",
        json_type
    ),
];

/// A 403, a 404, and two 400s.
async fn errors(tester: &Tester) -> Result<Vec<Answer>, Mismatch> {
    let unknown = messages_path(&tester.new_name("unknown"));
    let path = messages_path(tester.known_user().await?);
    Ok(vec![
        tester.get("/msgs").without_credentials().send().await?,
        tester.get(unknown).send().await?,
        tester.post("/register", &json!({"username": "", "email": "", "pwd": ""})).send().await?,
        tester.post(path, &json!({"content": ""})).send().await?,
    ])
}

/// The responses with an error status. Another check reports a request that should have failed.
async fn failures(tester: &Tester) -> Result<Vec<Answer>, Mismatch> {
    let errors = errors(tester).await?.into_iter();
    Ok(errors.filter(|answer| (400..500).contains(&answer.status)).collect())
}

async fn form(tester: &Tester) -> Verdict {
    for answer in failures(tester).await? {
        let has_status = answer.json().is_some_and(|it| it["status"].is_u64());
        let has_form = has_status && answer.error_text().is_some();
        answer.require(has_form, "{\"status\": number, \"error_msg\": text}")?;
    }
    Ok(())
}

async fn status(tester: &Tester) -> Verdict {
    for answer in failures(tester).await? {
        let stated = answer.json().and_then(|it| it.get("status").and_then(Value::as_u64));
        let status = u64::from(answer.status);
        answer.require(stated.is_none_or(|it| it == status), format!("\"status\": {status}"))?;
    }
    Ok(())
}

fn is_json(answer: &Answer) -> Verdict {
    let holds = answer.content_type.to_ascii_lowercase().starts_with("application/json");
    let mismatch =
        |it: Mismatch| Mismatch { actual: format!("content type {:?}", answer.content_type), ..it };
    answer.require(holds, "content type application/json").map_err(mismatch)
}

async fn error_type(tester: &Tester) -> Verdict {
    failures(tester).await?.iter().try_for_each(is_json)
}

async fn field(tester: &Tester) -> Verdict {
    let name = tester.known_user().await?;
    let (messages, follows) = (messages_path(name), follows_path(name));
    for (request, field) in [
        (tester.get("/msgs?no=-1"), "no"),
        (tester.get("/msgs?latest=many"), "latest"),
        (tester.post(messages, &json!({"content": ""})), "content"),
        (tester.post(follows, &json!({"follow": name})), "follow"),
    ] {
        let answer = request.send().await?;
        let text = answer.error_text().filter(|_| answer.status == 400);
        let names_field = text.is_none_or(|text| {
            text.split(|it: char| !it.is_alphanumeric()).any(|word| word == field)
        });
        answer.require(names_field, format!("an error that names {field}"))?;
    }
    Ok(())
}

async fn json_type(tester: &Tester) -> Verdict {
    let name = tester.known_user().await?;
    for path in ["/msgs".to_owned(), messages_path(name), follows_path(name), LATEST.to_owned()] {
        is_json(&tester.get(path).send().await?)?;
    }
    Ok(())
}
