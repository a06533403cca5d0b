//! The parameter `no` of the three lists.

use super::{
    result::{Mismatch, Verdict},
    rule::{Rule, rule},
    tester::Tester,
};
use crate::requests::{API_PAGE_MAX, follows_path, messages_path};

pub(super) const RULES: &[Rule] = &[
    rule!("no-limits", "no=2 gives at most two items", limits),
    rule!("no-zero", "no=0 gives an empty list", zero),
    rule!("no-negative", "no=-1 is rejected with 400", negative),
    rule!("no-not-a-number", "no=many is rejected with 400", not_a_number),
    rule!("no-over-1000", "no=1001 gives at most 1,000 items", over_maximum),
];
/// The number of concurrent posts if the system has too few messages.
const POSTS_AT_ONCE: usize = 8;

/// The three lists, of a user with three messages and three follows.
async fn lists(tester: &Tester) -> Result<[String; 3], Mismatch> {
    let name = tester.new_user().await?;
    let [one, other] = tester.known_users().await?;
    let third = tester.new_user().await?;
    for (followee, text) in [(one, "1"), (other, "2"), (third.as_str(), "3")] {
        tester.change_follow(&name, "follow", followee).await?;
        tester.tweet(&name, text).await?;
    }
    Ok(["/msgs".to_owned(), messages_path(&name), follows_path(&name)])
}

/// Requires that each list has exactly this many items with this parameter.
async fn each_has(tester: &Tester, parameter: &str, count: usize) -> Verdict {
    let [all, own, follows] = lists(tester).await?;
    for path in [all, own] {
        let answer = tester.get(format!("{path}?{parameter}")).send().await?;
        answer.require(answer.contents()?.len() == count, format!("{count} messages"))?;
    }
    let answer = tester.get(format!("{follows}?{parameter}")).send().await?;
    answer.require(answer.followees()?.len() == count, format!("{count} follows"))
}

/// Requires that each list rejects this parameter.
async fn each_rejects(tester: &Tester, parameter: &str) -> Verdict {
    let name = tester.known_user().await?;
    for path in ["/msgs".to_owned(), messages_path(name), follows_path(name)] {
        tester.get(format!("{path}?{parameter}")).send().await?.has_status(400)?;
    }
    Ok(())
}

async fn limits(tester: &Tester) -> Verdict {
    each_has(tester, "no=2", 2).await
}

async fn zero(tester: &Tester) -> Verdict {
    each_has(tester, "no=0", 0).await
}

async fn negative(tester: &Tester) -> Verdict {
    each_rejects(tester, "no=-1").await
}

async fn not_a_number(tester: &Tester) -> Verdict {
    each_rejects(tester, "no=many").await
}

async fn over_maximum(tester: &Tester) -> Verdict {
    let name = tester.new_user().await?;
    // Some systems serve fewer than 1,000.
    let served = async || {
        let answer = tester.get(format!("/msgs?no={}", API_PAGE_MAX + 1)).send().await?;
        Ok::<_, Mismatch>((answer.contents()?.len(), answer))
    };
    let (mut count, mut answer) = served().await?;
    while count < API_PAGE_MAX {
        let body = serde_json::json!({"content": "one of many"});
        for _ in 0..(API_PAGE_MAX + 1 - count).div_ceil(POSTS_AT_ONCE) {
            tester.post_concurrently(&messages_path(&name), &body, POSTS_AT_ONCE).await;
        }
        let (before, now) = (count, served().await?);
        (count, answer) = now;
        if count <= before {
            break;
        }
    }
    answer.require(count == API_PAGE_MAX, format!("{API_PAGE_MAX} messages"))
}
