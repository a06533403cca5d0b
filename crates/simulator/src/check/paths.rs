//! Slashes that clients add to paths.

use super::{
    result::Verdict,
    rule::{Rule, rule},
    tester::Tester,
};
use crate::requests::{follows_path, messages_path};

pub(super) const RULES: &[Rule] = &[
    rule!("path-leading-slash", "a base URL may end in a slash: //latest, //register", leading),
    rule!("path-trailing-slash", "a path may end in a slash: /latest/, /register/", trailing),
];

/// Sends each request with its path changed. Requires success.
async fn each_succeeds(tester: &Tester, change: impl Fn(&str) -> String) -> Verdict {
    let name = tester.known_user().await?;
    for path in ["/latest", "/msgs", &messages_path(name), &follows_path(name)] {
        tester.get(change(path)).send().await?.succeeded()?;
    }
    let user = tester.registration(&tester.new_name("user"));
    tester.post(change("/register"), &user).send().await?.succeeded()
}

async fn leading(tester: &Tester) -> Verdict {
    each_succeeds(tester, |path| format!("/{path}")).await
}

async fn trailing(tester: &Tester) -> Verdict {
    each_succeeds(tester, |path| format!("{path}/")).await
}
