//! What somebody sends to sign up.

use super::{Email, Invalid, Password, Username};

/// A valid wish to sign up.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The name to be known by.
    pub username: Username,
    /// Where to reach them.
    pub email: Email,
    /// What they will sign in with.
    pub password: Password,
}

impl Registration {
    /// Checks the three fields. Of several refusals the first in the order that clients know is
    /// given: no name, no valid address, no password, and only then a name that breaks a rule.
    ///
    /// # Errors
    /// The rule that is broken.
    pub fn parse(username: &str, email: &str, password: &str) -> Result<Self, Invalid> {
        let username_rule = Username::parse_new(username);
        if username.trim().is_empty() {
            username_rule.clone()?;
        }
        let email = Email::parse(email)?;
        let password = Password::parse(password)?;
        Ok(Self { username: username_rule?, email, password })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_refusal_in_the_contracts_order_is_given() {
        let refusal = |username: &str, email: &str, password: &str| {
            Registration::parse(username, email, password).expect_err("refused").rule()
        };
        assert_eq!(refusal("", "", ""), "You have to enter a username");
        assert_eq!(refusal("a/b", "", ""), "You have to enter a valid email address");
        assert_eq!(refusal("a/b", "a@b", ""), "You have to enter a password");
        assert!(refusal("a/b", "a@b", &"x".repeat(73)).contains("72 bytes"));
        assert!(refusal("a/b", "a@b", "x").contains("slash"));
        assert!(refusal("login", "a@b", "x").contains("reserved"));
        assert!(Registration::parse("a", "a@b", "x").is_ok());
    }
}
