//! The error of values that break a rule.

use std::fmt;

/// The rule that a value breaks. Its text is meant for clients.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Invalid(&'static str);

impl Invalid {
    /// Creates an error from a rule, a sentence without a full stop.
    pub const fn new(rule: &'static str) -> Self {
        Self(rule)
    }

    /// The rule, a sentence without a full stop.
    pub const fn rule(&self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
