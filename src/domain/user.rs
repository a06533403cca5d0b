//! Users: usernames, e-mail addresses and passwords.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use super::invalid::Invalid;

const USERNAME_MAX_CHARS: usize = 64;
/// The longest address that fits an SMTP path (RFC 5321, section 4.5.3.1.3, without the brackets).
const EMAIL_MAX_CHARS: usize = 254;
/// bcrypt ignores further bytes, so that it would silently truncate a longer password.
const PASSWORD_MAX_BYTES: usize = 72;

/// Usernames that are, or may become, the first segment of a route.
const RESERVED_NAMES: &[&str] = &[
    ".well-known",
    "add_message",
    "api",
    "assets",
    "atom",
    "avatar",
    "avatars",
    "docs",
    "favicon.ico",
    "feed",
    "fllws",
    "grafana",
    "healthz",
    "latest",
    "login",
    "logout",
    "message",
    "messages",
    "metrics",
    "msgs",
    "nginx-health",
    "openapi.json",
    "public",
    "readyz",
    "register",
    "robots.txt",
    "search",
    "settings",
    "sim",
    "sitemap.xml",
    "static",
    "stream",
    "tag",
    "tags",
    "timeline",
];
/// Suffixes of routes next to a profile (`/{username}.atom`).
const RESERVED_SUFFIXES: &[&str] = &[".atom"];

/// The id of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(pub i64);

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// The username.
    pub username: Username,
}

/// A username: 1 to 64 characters of any script in Unicode NFC, compared exactly.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Username(String);

impl Username {
    /// Normalizes a username to NFC and checks it, to look up a user.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        if raw.trim().is_empty() {
            return Err(Invalid::new("You have to enter a username"));
        }
        let name: String = raw.nfc().collect();
        let rule = if name.chars().count() > USERNAME_MAX_CHARS {
            "The username must be at most 64 characters long"
        } else if name.chars().any(char::is_control) {
            "The username must not contain control characters"
        } else if name.contains('/') {
            "The username must not contain a slash"
        } else if name.trim() != name {
            "The username must not begin or end with white space"
        } else if name == "." || name == ".." {
            "The username must not be a path such as . or .."
        } else {
            return Ok(Self(name));
        };
        Err(Invalid::new(rule))
    }

    /// Like [`Username::parse`], and rejects reserved usernames, to register a user.
    pub fn parse_new(raw: &str) -> Result<Self, Invalid> {
        let name = Self::parse(raw)?;
        let reserved = RESERVED_NAMES.contains(&name.as_str())
            || RESERVED_SUFFIXES.iter().any(|suffix| name.0.ends_with(suffix));
        if reserved {
            return Err(Invalid::new("The username is reserved"));
        }
        Ok(name)
    }

    /// Wraps a username from the database without checking it.
    pub fn from_stored(name: String) -> Self {
        Self(name)
    }

    /// The username, in NFC.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An e-mail address: at most 254 characters, some on each side of an `@`. Only its owner and
/// operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Checks an address without changing it.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let has_both_sides = raw
            .rsplit_once('@')
            .is_some_and(|(local, domain)| !local.trim().is_empty() && !domain.trim().is_empty());
        if !has_both_sides || raw.chars().any(char::is_control) {
            return Err(Invalid::new("You have to enter a valid email address"));
        }
        if raw.chars().count() > EMAIL_MAX_CHARS {
            return Err(Invalid::new("The email address must be at most 254 characters long"));
        }
        Ok(Self(raw.to_owned()))
    }

    /// Wraps an address from the database without checking it.
    pub fn from_stored(address: String) -> Self {
        Self(address)
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A password: at most 72 bytes, not all white space, without U+0000. `Debug` hides it.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// Checks a password without changing it.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        if raw.trim().is_empty() {
            return Err(Invalid::new("You have to enter a password"));
        }
        if raw.len() > PASSWORD_MAX_BYTES {
            return Err(Invalid::new("The password must be at most 72 bytes long"));
        }
        if raw.contains('\0') {
            return Err(Invalid::new("The password must not contain a NUL character"));
        }
        Ok(Self(raw.to_owned()))
    }

    /// The password, for the hash function only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A bcrypt hash in modular crypt format. `Debug` hides it.
#[derive(Clone)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps a hash that bcrypt made.
    pub fn new(hash: String) -> Self {
        Self(hash)
    }

    /// The hash, for the database and the hash function only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn broken_rule<T: fmt::Debug>(parsed: Result<T, Invalid>) -> &'static str {
        parsed.expect_err("invalid").rule()
    }

    #[test]
    fn usernames_of_any_script_with_inner_spaces_are_valid() {
        for name in [
            "a",
            "Roger Histand",
            "O'Brien \"Bob\"",
            "žluťoučký kůň",
            "李小龍",
            "🦀 crab",
            "%2F",
            "...",
        ] {
            assert_eq!(Username::parse_new(name).expect(name).as_str(), name);
        }
    }

    #[test]
    fn a_username_is_normalized_and_then_counted_in_code_points() {
        let decomposed = "e\u{301}".repeat(64);
        assert_eq!(Username::parse(&decomposed).expect("64 characters").as_str(), "é".repeat(64));
        assert!(broken_rule(Username::parse(&"é".repeat(65))).contains("64 characters"));
    }

    #[test]
    fn an_invalid_username_names_the_rule() {
        for (name, rule) in [
            ("", "You have to enter a username"),
            (" \t\u{a0}", "You have to enter a username"),
            ("a\0b", "control characters"),
            ("a\nb", "control characters"),
            ("a\u{85}b", "control characters"),
            ("a/b", "slash"),
            (" a", "white space"),
            ("a\u{3000}", "white space"),
            (".", "path"),
            ("..", "path"),
        ] {
            assert!(broken_rule(Username::parse(name)).contains(rule), "{name:?}");
        }
    }

    #[test]
    fn a_reserved_username_is_rejected_at_registration_only() {
        for name in
            ["public", "login", "sim", "api", "docs", "metrics", "search", "settings", "bob.atom"]
        {
            assert!(Username::parse(name).is_ok(), "{name}");
            assert_eq!(
                broken_rule(Username::parse_new(name)),
                "The username is reserved",
                "{name}"
            );
        }
        assert!(Username::parse_new("Public").is_ok(), "names are compared exactly");
    }

    #[test]
    fn an_email_address_has_characters_on_each_side_of_an_at() {
        for good in ["a@b", "Roger+Histand@hotmail.com", "@a@b", "ö@ü"] {
            assert!(Email::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "@", "a@", "@b", " @b", "a@ ", "ab", "a@b\0", "@@"] {
            assert_eq!(
                broken_rule(Email::parse(bad)),
                "You have to enter a valid email address",
                "{bad:?}"
            );
        }
        assert!(Email::parse(&format!("{}@b", "ä".repeat(252))).is_ok());
        assert!(
            broken_rule(Email::parse(&format!("{}@b", "ä".repeat(253)))).contains("254 characters")
        );
    }

    #[test]
    fn a_password_that_bcrypt_would_truncate_is_rejected() {
        assert!(Password::parse("x").is_ok());
        assert!(Password::parse(&"é".repeat(36)).is_ok());
        assert!(broken_rule(Password::parse(&"é".repeat(37))).contains("72 bytes"));
        assert!(broken_rule(Password::parse("a\0b")).contains("NUL"));
        assert_eq!(broken_rule(Password::parse("")), "You have to enter a password");
        assert_eq!(broken_rule(Password::parse(" \n")), "You have to enter a password");
    }

    #[test]
    fn debug_output_hides_secrets() {
        let password = Password::parse("hunter2").expect("valid");
        assert!(!format!("{password:?}").contains("hunter2"));
        assert!(!format!("{:?}", PasswordHash::new("$2b$10$abc".into())).contains("abc"));
    }

    proptest! {
        #[test]
        fn a_parsed_username_parses_to_itself(raw in "\\PC{0,70}") {
            if let Ok(name) = Username::parse(&raw) {
                prop_assert_eq!(Username::parse(name.as_str()), Ok(name.clone()));
                prop_assert!((1..=USERNAME_MAX_CHARS).contains(&name.as_str().chars().count()));
                prop_assert!(!name.as_str().contains('/'));
            }
        }

        #[test]
        fn no_input_makes_a_parser_panic(raw in any::<String>()) {
            let _ = Username::parse_new(&raw);
            let _ = Email::parse(&raw);
            let _ = Password::parse(&raw);
        }
    }
}
