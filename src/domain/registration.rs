//! Registration.

use super::{
    invalid::Invalid,
    password::Password,
    password_rules::PasswordRules,
    user::{Email, Username},
};

/// A valid request to register.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The username.
    pub username: Username,
    /// The e-mail address.
    pub email: Email,
    /// The password.
    pub password: Password,
}

impl Registration {
    /// Checks the fields. Returns the first error in the order of the simulator's contract: a
    /// missing username, the e-mail address, the password, and then the other rules of usernames.
    pub fn parse(username: &str, email: &str, password: &str) -> Result<Self, Invalid> {
        Self::parse_with(username, email, password, Password::parse)
    }

    /// Like [`Self::parse`], with the operator's rules for passwords.
    pub fn parse_under(
        rules: &PasswordRules,
        username: &str,
        email: &str,
        password: &str,
    ) -> Result<Self, Invalid> {
        Self::parse_with(username, email, password, |raw| rules.parse(raw))
    }

    fn parse_with(
        username: &str,
        email: &str,
        password: &str,
        parse_password: impl FnOnce(&str) -> Result<Password, Invalid>,
    ) -> Result<Self, Invalid> {
        let username_rule = Username::parse_new(username);
        if username_rule.as_ref().is_err_and(Username::is_missing) {
            username_rule.clone()?;
        }
        let email = Email::parse(email)?;
        let password = parse_password(password)?;
        Ok(Self { username: username_rule?, email, password })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_error_in_the_order_of_the_contract_is_returned() {
        let rule = |username: &str, email: &str, password: &str| {
            Registration::parse(username, email, password).expect_err("invalid").rule()
        };
        assert_eq!(rule("", "", ""), "You have to enter a username");
        assert_eq!(rule("\u{200b}", "", ""), "You have to enter a username");
        assert_eq!(rule("a/b", "", ""), "You have to enter a valid email address");
        assert_eq!(rule("a/b", "a@b", ""), "You have to enter a password");
        assert!(rule("a/b", "a@b", &"x".repeat(73)).contains("72 bytes"));
        assert!(rule("a/b", "a@b", "x").contains("slash"));
        assert!(rule("login", "a@b", "x").contains("reserved"));
        assert!(Registration::parse("a", "a@b", "x").is_ok());
    }
}
