//! POST /register.

use serde_json::{Value, json};

use super::{
    result::{Mismatch, Verdict},
    rule::{Rule, rule},
    tester::Tester,
};

const NO_NAME: &str = "You have to enter a username";
const NO_EMAIL: &str = "You have to enter a valid email address";
const NO_PASSWORD: &str = "You have to enter a password";
const TAKEN: &str = "The username is already taken";
/// The number of concurrent requests for one name.
const RACERS: usize = 8;

pub(super) const RULES: &[Rule] = &[
    rule!("register-success", "POST /register: 204 and an empty body", success),
    rule!(
        "register-username",
        "an empty username: 400, \"You have to enter a username\"",
        username
    ),
    rule!(
        "register-email",
        "an address that is empty or has no @: 400, \"You have to enter a valid email address\"",
        email
    ),
    rule!(
        "register-password",
        "an empty password: 400, \"You have to enter a password\"",
        password
    ),
    rule!("register-order", "of several wrong fields, the error names the first", order),
    rule!("register-taken", "a name that exists: 400, \"The username is already taken\"", taken),
    rule!("register-race", "of 8 concurrent requests for one name, exactly one succeeds", race),
    rule!("register-open", "POST /register needs no credentials", open),
    rule!("password-short", "a password of one character is accepted", short_password),
    rule!("password-72-bytes", "a password of 72 bytes is accepted", longest_password),
    rule!("password-73-bytes", "a password of 73 bytes is rejected with 400", long_password),
    rule!("password-nul", "a password with U+0000 is rejected with 400", password_with_nul),
];

/// A registration with one field changed.
fn with(tester: &Tester, field: &str, value: &str) -> Value {
    let mut user = tester.registration(&tester.new_name("user"));
    user[field] = json!(value);
    user
}

async fn success(tester: &Tester) -> Verdict {
    let user = tester.registration(&tester.new_name("user"));
    tester.post("/register", &user).send().await?.confirms()
}

async fn username(tester: &Tester) -> Verdict {
    tester.post("/register", &with(tester, "username", "")).send().await?.rejects(400, NO_NAME)
}

async fn email(tester: &Tester) -> Verdict {
    for address in ["", "nobody"] {
        let user = with(tester, "email", address);
        tester.post("/register", &user).send().await?.rejects(400, NO_EMAIL)?;
    }
    Ok(())
}

async fn password(tester: &Tester) -> Verdict {
    tester.post("/register", &with(tester, "pwd", "")).send().await?.rejects(400, NO_PASSWORD)
}

async fn order(tester: &Tester) -> Verdict {
    let (name, known) = (tester.new_name("user"), tester.known_user().await?);
    for (user, first, later) in [
        (json!({"username": "", "email": "", "pwd": ""}), NO_NAME, &[NO_EMAIL, NO_PASSWORD][..]),
        (json!({"username": name, "email": "", "pwd": ""}), NO_EMAIL, &[NO_PASSWORD]),
        (json!({"username": known, "email": "a@b", "pwd": ""}), NO_PASSWORD, &[TAKEN]),
    ] {
        let answer = tester.post("/register", &user).send().await?;
        let text = answer.error_text().unwrap_or_default();
        answer.require(!later.contains(&text.as_str()), format!("{first:?}"))?;
    }
    Ok(())
}

async fn taken(tester: &Tester) -> Verdict {
    let name = tester.new_user().await?;
    tester.post("/register", &tester.registration(&name)).send().await?.rejects(400, TAKEN)
}

async fn race(tester: &Tester) -> Verdict {
    let name = tester.new_name("race");
    let user = tester.registration(&name);
    let answers = tester.post_concurrently("/register", &user, RACERS).await;
    let won = answers.iter().filter(|it| matches!(it, Ok(200..300))).count();
    if won == 1 {
        return Ok(());
    }
    let shown = answers.iter().map(|it| match it {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    });
    Err(Mismatch {
        request: format!("{RACERS} concurrent registrations of {name}"),
        expected: "one success".to_owned(),
        actual: format!("{won} successes: {}", shown.collect::<Vec<_>>().join(", ")),
    })
}

async fn open(tester: &Tester) -> Verdict {
    let user = tester.registration(&tester.new_name("user"));
    tester.post("/register", &user).without_credentials().send().await?.succeeded()?;
    let user = tester.registration(&tester.new_name("user"));
    tester.post("/register", &user).with_wrong_credentials().send().await?.succeeded()
}

async fn short_password(tester: &Tester) -> Verdict {
    tester.post("/register", &with(tester, "pwd", "x")).send().await?.succeeded()
}

async fn longest_password(tester: &Tester) -> Verdict {
    for password in ["x".repeat(72), "é".repeat(36)] {
        tester.post("/register", &with(tester, "pwd", &password)).send().await?.succeeded()?;
    }
    Ok(())
}

async fn long_password(tester: &Tester) -> Verdict {
    for password in ["x".repeat(73), "é".repeat(37)] {
        tester.post("/register", &with(tester, "pwd", &password)).send().await?.has_status(400)?;
    }
    Ok(())
}

async fn password_with_nul(tester: &Tester) -> Verdict {
    let user = with(tester, "pwd", "before\u{0}after");
    tester.post("/register", &user).send().await?.has_status(400)
}
