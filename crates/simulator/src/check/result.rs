//! The results of checks.

use std::{fmt, time::Duration};

use time::OffsetDateTime;

/// The results of all checks.
#[derive(Debug)]
pub struct CheckReport {
    /// The base URL.
    pub base_url: String,
    /// When the first check began.
    pub started_at: OffsetDateTime,
    /// How long all checks took.
    pub took: Duration,
    /// The checks, in order.
    pub checks: Vec<Checked>,
}

/// One check and its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The name of the check.
    pub id: &'static str,
    /// The rule: what is expected.
    pub rule: &'static str,
    /// The result.
    pub result: CheckResult,
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckResult {
    /// The system obeys the rule.
    Passed,
    /// The system breaks the rule.
    Failed(Mismatch),
    /// The check was not made, for this reason.
    Skipped(&'static str),
}

impl CheckReport {
    /// True if no check failed. Skipped checks do not count.
    pub fn passed(&self) -> bool {
        self.count(|it| matches!(it, CheckResult::Failed(_))) == 0
    }

    pub(crate) fn count(&self, is: impl Fn(&CheckResult) -> bool) -> usize {
        self.checks.iter().filter(|it| is(&it.result)).count()
    }
}

/// How a system breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The request.
    pub request: String,
    /// The response or state that the rule requires.
    pub expected: String,
    /// The response or state that was found.
    pub actual: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { request, expected, actual } = self;
        write!(f, "{request}: expected {expected}; actual: {actual}")
    }
}

/// Whether the system obeys a rule.
pub(super) type Verdict = Result<(), Mismatch>;
