//! `latest`: the value of the last request that carried one.

use serde_json::{Value, json};

use super::{
    result::Verdict,
    rule::{Rule, rule},
    tester::{Request, Tester},
};
use crate::requests::{follows_path, messages_path};

/// The number of reads of one value, because connections may reach different servers.
const READS: usize = 8;

pub(super) const RULES: &[Rule] = &[
    rule!("latest-fields", "GET /latest: an object with a whole number in latest", fields),
    rule!("latest-commands", "each POST request with valid credentials sets latest", commands),
    rule!("latest-reads", "GET /msgs and GET /fllws set latest, too", reads),
    rule!("latest-last", "the last value wins, not the highest", last_wins),
    rule!("latest-absent", "a request without latest does not change it", absent),
    rule!("latest-itself", "GET /latest never sets latest", itself),
    rule!("latest-after-400", "a request that is rejected with 400 sets latest", after_400),
    rule!("latest-after-404", "a request that is rejected with 404 sets latest", after_404),
    rule!("latest-after-403", "a request without credentials does not set latest", after_403),
    rule!(
        "latest-open-register",
        "a registration without credentials does not set latest",
        register
    ),
    rule!("latest-negative", "latest=-1 is rejected with 400", negative),
    rule!("latest-not-a-number", "latest=many is rejected with 400", not_a_number),
    rule!(
        "latest-every-server",
        "every server behind the address shows the same latest",
        everywhere
    ),
];

/// Requests with `latest=number`.
fn with_latest(path: &str, number: i64) -> String {
    format!("{path}?latest={number}")
}

/// Sends a request that carries this number. Requires that `latest` is the number then.
async fn sets(tester: &Tester, request: Request<'_>, number: i64) -> Verdict {
    let answer = request.send().await?;
    tester.latest_is(number, &answer.request).await
}

async fn fields(tester: &Tester) -> Verdict {
    let number = tester.next_number();
    tester.get(with_latest("/msgs", number)).send().await?;
    let answer = tester.latest().await?;
    let is_number = answer.json().is_some_and(|it| it["latest"].is_i64());
    answer.require(is_number && answer.status == 200, "status 200 and {\"latest\": number}")
}

async fn commands(tester: &Tester) -> Verdict {
    let (name, other) = (tester.new_user().await?, tester.known_user().await?);
    let (messages, follows) = (messages_path(&name), follows_path(&name));
    let user = tester.registration(&tester.new_name("user"));
    let posts: [(&str, Value); 4] = [
        ("/register", user),
        (&messages, json!({"content": "hello"})),
        (&follows, json!({"follow": other})),
        (&follows, json!({"unfollow": other})),
    ];
    for (path, body) in &posts {
        let number = tester.next_number();
        sets(tester, tester.post(with_latest(path, number), body), number).await?;
    }
    Ok(())
}

async fn reads(tester: &Tester) -> Verdict {
    let name = tester.known_user().await?;
    for path in ["/msgs", &messages_path(name), &follows_path(name)] {
        let number = tester.next_number();
        sets(tester, tester.get(with_latest(path, number)), number).await?;
    }
    Ok(())
}

/// Posts a message that carries this number.
async fn tweet(tester: &Tester, number: i64) -> Verdict {
    let path = with_latest(&messages_path(&tester.new_user().await?), number);
    tester.post(path, &json!({"content": "hello"})).send().await?.succeeded()
}

async fn last_wins(tester: &Tester) -> Verdict {
    let (lower, higher) = (tester.next_number(), tester.next_number());
    tweet(tester, higher).await?;
    tweet(tester, lower).await?;
    tester.latest_is(lower, &format!("a request with latest={lower} after {higher}")).await
}

async fn absent(tester: &Tester) -> Verdict {
    let number = tester.next_number();
    tweet(tester, number).await?;
    let path = messages_path(&tester.new_user().await?);
    sets(tester, tester.post(path, &json!({"content": "hello"})), number).await
}

async fn itself(tester: &Tester) -> Verdict {
    let number = tester.next_number();
    tweet(tester, number).await?;
    let other = tester.next_number();
    sets(tester, tester.get(with_latest("/latest", other)), number).await
}

async fn after_400(tester: &Tester) -> Verdict {
    let (number, path) = (tester.next_number(), messages_path(tester.known_user().await?));
    sets(tester, tester.post(with_latest(&path, number), &json!({"content": ""})), number).await
}

async fn after_404(tester: &Tester) -> Verdict {
    let path = messages_path(&tester.new_name("unknown"));
    let number = tester.next_number();
    let body = json!({"content": "hello"});
    sets(tester, tester.post(with_latest(&path, number), &body), number).await
}

async fn after_403(tester: &Tester) -> Verdict {
    let (number, path) = (tester.next_number(), messages_path(tester.known_user().await?));
    tweet(tester, number).await?;
    let other = with_latest(&path, tester.next_number());
    sets(tester, tester.get(other).without_credentials(), number).await
}

async fn register(tester: &Tester) -> Verdict {
    let number = tester.next_number();
    tweet(tester, number).await?;
    let path = with_latest("/register", tester.next_number());
    let user = tester.registration(&tester.new_name("user"));
    sets(tester, tester.post(path, &user).without_credentials(), number).await
}

/// Requires that requests of each kind reject this value of `latest`.
async fn is_rejected(tester: &Tester, value: &str) -> Verdict {
    let path = format!("{}?latest={value}", messages_path(tester.known_user().await?));
    tester.get(path.clone()).send().await?.has_status(400)?;
    tester.post(path, &json!({"content": "hello"})).send().await?.has_status(400)
}

async fn negative(tester: &Tester) -> Verdict {
    is_rejected(tester, "-1").await
}

async fn not_a_number(tester: &Tester) -> Verdict {
    is_rejected(tester, "many").await
}

async fn everywhere(tester: &Tester) -> Verdict {
    let number = tester.next_number();
    tweet(tester, number).await?;
    for _ in 0..READS {
        tester.latest_is(number, &format!("GET /latest, {READS} times")).await?;
    }
    Ok(())
}
