//! What the operator requires of new passwords, and what makes an allowed one weak.

use super::{common_passwords, invalid::Invalid, password::Password};

/// Shorter passwords are weak (NIST SP 800-63B).
const STRONG_FROM_CHARS: usize = 8;

/// The rules for passwords of new users and for changes, without those of [`Password`].
///
/// The simulator's registrations have no such rules.
#[derive(Debug, Clone, Copy)]
pub struct PasswordRules {
    minimum: usize,
    rule: &'static str,
}

impl PasswordRules {
    /// Creates the rules with the least number of characters. Create them once: their text is never
    /// freed.
    #[must_use]
    pub fn new(minimum: u8) -> Self {
        let rule = format!("The password must be at least {minimum} characters long");
        Self { minimum: minimum.into(), rule: rule.leak() }
    }

    /// Parses a new password. Counts characters after its normalization.
    pub fn parse(&self, raw: &str) -> Result<Password, Invalid> {
        let password = Password::parse(raw)?;
        match password.expose().chars().count() < self.minimum {
            true => Err(Invalid::new(self.rule)),
            false => Ok(password),
        }
    }

    /// What a form says before a password is entered: what is required, or what is recommended.
    #[must_use]
    pub fn hint(&self) -> String {
        let length = match self.minimum {
            0..STRONG_FROM_CHARS => format!("Use at least {STRONG_FROM_CHARS} characters."),
            minimum => format!("At least {minimum} characters."),
        };
        format!("{length} Several words are easy to remember and hard to guess.")
    }
}

impl Default for PasswordRules {
    fn default() -> Self {
        Self { minimum: 1, rule: "You have to enter a password" }
    }
}

/// Why an allowed password is easy to guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    /// It has fewer than 8 characters.
    Short,
    /// It is one of the 10,000 most common passwords.
    Common,
}

impl Weakness {
    /// The weakness of a password, if it has one.
    pub fn of(password: &Password) -> Option<Self> {
        let password = password.expose();
        if common_passwords::contains(password) {
            return Some(Self::Common);
        }
        (password.chars().count() < STRONG_FROM_CHARS).then_some(Self::Short)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_below_the_minimum_is_rejected_by_its_characters() {
        let rules = PasswordRules::new(8);
        assert!(rules.hint().starts_with("At least 8 characters."));
        for short in ["1234567", &"é".repeat(7), &"e\u{301}".repeat(7)] {
            let error = rules.parse(short).expect_err("too short");
            assert_eq!(error.rule(), "The password must be at least 8 characters long");
        }
        assert!(rules.parse(&"é".repeat(8)).is_ok());
        let empty = rules.parse(" ").expect_err("missing");
        assert_eq!(empty.rule(), "You have to enter a password");
        assert!(PasswordRules::default().parse("x").is_ok());
        assert!(PasswordRules::new(1).parse("x").is_ok());
        assert!(PasswordRules::new(1).hint().starts_with("Use at least 8 characters."));
        assert!(PasswordRules::new(12).hint().starts_with("At least 12 characters."));
    }

    #[test]
    fn short_and_common_passwords_are_weak() {
        let weakness = |raw| Weakness::of(&Password::parse(raw).expect("valid"));
        assert_eq!(weakness("x"), Some(Weakness::Short));
        assert_eq!(weakness("ééééééé"), Some(Weakness::Short));
        assert_eq!(weakness("password"), Some(Weakness::Common));
        assert_eq!(weakness("QWERTYUIOP"), Some(Weakness::Common));
        assert_eq!(weakness("correct horse"), None);
        assert_eq!(weakness("éééééééé"), None);
    }
}
