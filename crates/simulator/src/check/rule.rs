//! A rule of the contract, with its check.

use std::pin::Pin;

use super::{
    result::{CheckResult, Verdict},
    tester::Tester,
};

type Running<'a> = Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>;

/// A rule with its check.
pub(super) struct Rule {
    pub(super) id: &'static str,
    pub(super) text: &'static str,
    /// Whether the check restarts the server.
    pub(super) restarts: bool,
    pub(super) run: for<'a> fn(&'a Tester) -> Running<'a>,
}

impl Rule {
    pub(super) async fn check(&self, tester: &Tester) -> CheckResult {
        if self.restarts && tester.restart_command().is_none() {
            return CheckResult::Skipped("no --restart-command");
        }
        match (self.run)(tester).await {
            Ok(()) => CheckResult::Passed,
            Err(mismatch) => CheckResult::Failed(mismatch),
        }
    }
}

/// A rule: its id, its text, and an `async fn(&Tester) -> Verdict` that checks it.
macro_rules! rule {
    ($id:literal, $text:literal, $check:path) => {
        rule!($id, $text, $check, false)
    };
    ($id:literal, $text:literal, $check:path, $restarts:literal) => {
        $crate::check::rule::Rule {
            id: $id,
            text: $text,
            restarts: $restarts,
            run: |tester| Box::pin($check(tester)),
        }
    };
}
pub(super) use rule;
