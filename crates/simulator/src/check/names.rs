//! User names: any script, in bodies and in paths.

use super::{
    result::{Mismatch, Verdict},
    rule::{Rule, rule},
    tester::Tester,
};
use crate::requests::{follows_path, messages_path};

pub(super) const RULES: &[Rule] = &[
    rule!("name-blanks", "names with blanks work in bodies and paths", blanks),
    rule!("name-emoji", "names in any script and with emoji work in bodies and paths", emoji),
    rule!(
        "name-url-characters",
        "names with % + ? # & \" < work in bodies and paths",
        url_characters
    ),
    rule!("name-slash", "a name with a slash is rejected with 400, or works in paths", slash),
];

async fn blanks(tester: &Tester) -> Verdict {
    work(tester, &["Roger Histand", "two  blanks"]).await
}

async fn emoji(tester: &Tester) -> Verdict {
    work(tester, &["žluťoučký", "李小龍", "عمر", "🦀👩‍🚀"]).await
}

async fn url_characters(tester: &Tester) -> Verdict {
    work(tester, &["100%", "%41", "%2F", "a+b", "what?", "a#b", "a&b=c;d", "\"<b>'", "back\\slash"])
        .await
}

/// Registers each name, and uses it as author, follower and followee.
async fn work(tester: &Tester, bases: &[&str]) -> Verdict {
    let other = tester.known_user().await?;
    for base in bases {
        let name = tester.new_name(base);
        tester.register(&name).await?;
        is_usable(tester, &name, other).await?;
    }
    Ok(())
}

async fn is_usable(tester: &Tester, name: &str, other: &str) -> Verdict {
    tester.tweet(name, "from me").await?;
    let messages = tester.get(messages_path(name)).send().await?;
    let is_shown = messages.contents()?.iter().any(|it| it == "from me");
    messages.require(is_shown, "the user's message")?;
    let follower = tester.new_user().await?;
    tester.change_follow(&follower, "follow", name).await?;
    let follows = tester.get(follows_path(&follower)).send().await?;
    let is_followed = follows.followees()?.iter().any(|it| it == name);
    follows.require(is_followed, format!("a follow of {name}"))?;
    tester.change_follow(name, "follow", other).await
}

async fn slash(tester: &Tester) -> Verdict {
    let other = tester.known_user().await?;
    let name = tester.new_name("a/b");
    let answer = tester.post("/register", &tester.registration(&name)).send().await?;
    match answer.status {
        400 => Ok(()),
        200..300 => is_usable(tester, &name, other).await,
        _ => Err::<(), Mismatch>(answer.mismatch("status 400, or success")),
    }
}
