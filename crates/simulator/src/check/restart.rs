//! A restart, by the command of the settings, loses nothing.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use super::{
    result::Verdict,
    rule::{Rule, rule},
    tester::Tester,
};
use crate::requests::messages_path;

/// After a crash, `latest` may be up to one second old.
const LATEST_DELAY: Duration = Duration::from_millis(1_100);

pub(super) const RULES: &[Rule] = &[
    rule!("restart-latest", "latest survives a restart", latest, true),
    rule!("restart-data", "users and messages survive a restart", data, true),
];

async fn latest(tester: &Tester) -> Verdict {
    let (number, path) = (tester.next_number(), messages_path(tester.known_user().await?));
    let path = format!("{path}?latest={number}");
    tester.get(path).send().await?;
    sleep(LATEST_DELAY).await;
    tester.restart().await?;
    tester.latest_is(number, "GET /latest after a restart").await
}

async fn data(tester: &Tester) -> Verdict {
    let path = messages_path(&tester.new_user().await?);
    let text = json!({"content": "before the restart"});
    tester.post(path.clone(), &text).send().await?.succeeded()?;
    tester.restart().await?;
    let answer = tester.get(path).send().await?;
    let is_shown = answer.contents()?.iter().any(|it| it == "before the restart");
    answer.require(is_shown, "the message from before the restart")
}
