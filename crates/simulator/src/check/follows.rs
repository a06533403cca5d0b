//! GET and POST /fllws.

use serde_json::{Value, json};

use super::{
    result::Verdict,
    rule::{Rule, rule},
    tester::Tester,
};
use crate::requests::follows_path;

pub(super) const RULES: &[Rule] = &[
    rule!("follow-success", "POST /fllws/{user} with follow: 204 and an empty body", follow),
    rule!(
        "unfollow-success",
        "POST /fllws/{user} with unfollow: 204, an empty body, and the follow ends",
        unfollow
    ),
    rule!("follows-fields", "GET /fllws/{user}: an object with a list in follows", fields),
    rule!("follows-oldest-first", "GET /fllws/{user}: oldest first", oldest_first),
    rule!("follows-one-way", "a follow is not mutual", one_way),
    rule!("follow-again", "following again: success, and nothing changes", again),
    rule!("unfollow-not-followed", "unfollowing a user who is not followed: success", not_followed),
    rule!("follow-oneself", "following oneself is rejected with 400", oneself),
    rule!("follow-both", "a body with both follow and unfollow is rejected with 400", both),
    rule!(
        "follow-neither",
        "a body with neither follow nor unfollow is rejected with 400",
        neither
    ),
    rule!(
        "follow-unknown-follower",
        "POST /fllws/{user} of an unknown user: 404",
        unknown_follower
    ),
    rule!("follow-unknown-followee", "following an unknown user: 404", unknown_followee),
    rule!("unfollow-unknown-followee", "unfollowing an unknown user: 404", unknown_unfollowee),
    rule!("follows-unknown-user", "GET /fllws/{user} of an unknown user: 404", unknown_user),
];

async fn follow(tester: &Tester) -> Verdict {
    let (name, other) = (tester.new_user().await?, tester.known_user().await?);
    tester.post(follows_path(&name), &json!({"follow": other})).send().await?.confirms()
}

async fn unfollow(tester: &Tester) -> Verdict {
    let (name, other) = (tester.new_user().await?, tester.known_user().await?);
    tester.change_follow(&name, "follow", other).await?;
    tester.post(follows_path(&name), &json!({"unfollow": other})).send().await?.confirms()?;
    let answer = tester.get(follows_path(&name)).send().await?;
    let still_followed = answer.followees()?.iter().any(|it| it == other);
    answer.require(!still_followed, format!("no follow of {other}"))
}

async fn fields(tester: &Tester) -> Verdict {
    let name = tester.new_user().await?;
    let answer = tester.get(follows_path(&name)).send().await?;
    let is_empty = answer.json() == Some(json!({"follows": []}));
    answer.require(answer.status == 200 && is_empty, "status 200 and {\"follows\":[]}")
}

async fn oldest_first(tester: &Tester) -> Verdict {
    let name = tester.new_user().await?;
    let [one, other] = tester.known_users().await?;
    for followee in [other, one] {
        tester.change_follow(&name, "follow", followee).await?;
    }
    let answer = tester.get(follows_path(&name)).send().await?;
    let found = answer.followees()?;
    let position = |name: &str| found.iter().position(|it| it == name);
    let in_order = position(other).is_some() && position(other) < position(one);
    answer.require(in_order, format!("{:?}", [other, one]))
}

async fn one_way(tester: &Tester) -> Verdict {
    let (one, other) = (tester.new_user().await?, tester.new_user().await?);
    tester.change_follow(&one, "follow", &other).await?;
    let answer = tester.get(follows_path(&other)).send().await?;
    answer.require(!answer.followees()?.contains(&one), format!("no follow of {one}"))
}

async fn again(tester: &Tester) -> Verdict {
    let (name, other) = (tester.new_user().await?, tester.known_user().await?);
    for _ in 0..2 {
        tester.change_follow(&name, "follow", other).await?;
    }
    let answer = tester.get(follows_path(&name)).send().await?;
    let count = answer.followees()?.iter().filter(|it| *it == other).count();
    answer.require(count == 1, format!("{other} once"))
}

async fn not_followed(tester: &Tester) -> Verdict {
    let (name, other) = (tester.new_user().await?, tester.known_user().await?);
    tester.post(follows_path(&name), &json!({"unfollow": other})).send().await?.succeeded()
}

/// Requires this status for this body of a known user's request.
async fn has_status(tester: &Tester, body: Value, status: u16) -> Verdict {
    let name = tester.known_user().await?;
    tester.post(follows_path(name), &body).send().await?.has_status(status)
}

async fn oneself(tester: &Tester) -> Verdict {
    let name = tester.known_user().await?;
    has_status(tester, json!({"follow": name}), 400).await
}

async fn both(tester: &Tester) -> Verdict {
    let [_, other] = tester.known_users().await?;
    has_status(tester, json!({"follow": other, "unfollow": other}), 400).await
}

async fn neither(tester: &Tester) -> Verdict {
    has_status(tester, json!({}), 400).await
}

async fn unknown_follower(tester: &Tester) -> Verdict {
    let other = tester.known_user().await?;
    let path = follows_path(&tester.new_name("unknown"));
    tester.post(path, &json!({"follow": other})).send().await?.has_status(404)
}

async fn unknown_followee(tester: &Tester) -> Verdict {
    has_status(tester, json!({"follow": tester.new_name("unknown")}), 404).await
}

async fn unknown_unfollowee(tester: &Tester) -> Verdict {
    has_status(tester, json!({"unfollow": tester.new_name("unknown")}), 404).await
}

async fn unknown_user(tester: &Tester) -> Verdict {
    tester.get(follows_path(&tester.new_name("unknown"))).send().await?.has_status(404)
}
