//! Why a value was refused: the one error of this layer.

use std::fmt;

/// A refusal of a client's value. Its text states the rule and is safe to show to anybody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Invalid(&'static str);

impl Invalid {
    /// A refusal by the rule that `rule` states as a sentence.
    #[must_use]
    pub const fn new(rule: &'static str) -> Self {
        Self(rule)
    }

    /// The rule, as a sentence without a full stop.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
