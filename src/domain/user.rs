//! Users: usernames and e-mail addresses.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use super::{
    characters::is_blank, invalid::Invalid, name_characters::may_form_name,
    reserved_names::is_reserved,
};

const USERNAME_MAX_CHARS: usize = 64;
/// The longest name of an imported user: percent-encoded, it fits a URL, and PostgreSQL can index it.
const USERNAME_MAX_BYTES: usize = 1024;
/// The longest address that fits an SMTP path (RFC 5321, section 4.5.3.1.3, without the brackets).
const EMAIL_MAX_CHARS: usize = 254;
/// The sign before a username in a mention, also in the form of East Asian keyboards.
pub const SIGNS: [char; 2] = ['@', '＠'];
const NO_USERNAME: Invalid = Invalid::new("You have to enter a username");

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

/// A username: a text of any script in Unicode NFC, compared exactly, that can be the address of a
/// page: 1 to 1,024 bytes, without slashes and U+0000, not `.` or `..`.
///
/// The rules for new names are stricter than those of this type, because older users and imported
/// ones keep their names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Username(String);

impl Username {
    /// Normalizes a username to NFC and checks it, to look up or import a user.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let name: String = raw.nfc().collect();
        let rule = if name.is_empty() {
            return Err(NO_USERNAME);
        } else if name.contains('/') {
            "The username must not contain a slash"
        } else if name == "." || name == ".." {
            "The username must not be a path such as . or .."
        } else if name.contains('\0') {
            "The username must not contain a NUL character"
        } else if name.len() > USERNAME_MAX_BYTES {
            "The username must be at most 1024 bytes long"
        } else {
            return Ok(Self(name));
        };
        Err(Invalid::new(rule))
    }

    /// Like [`Username::parse`], with the rules for a new user: at most 64 characters, no white space
    /// at either end; the name shows something, every character of it does unless emoji or its script
    /// need it, and it is not reserved.
    pub fn parse_new(raw: &str) -> Result<Self, Invalid> {
        if raw.trim().is_empty() {
            return Err(NO_USERNAME);
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
        } else if is_blank(&name) {
            return Err(NO_USERNAME);
        } else if !may_form_name(&name) {
            "The username must not contain invisible or unassigned characters"
        } else if is_reserved(&name) {
            "The username is reserved"
        } else {
            return Self::parse(&name);
        };
        Err(Invalid::new(rule))
    }

    /// The usernames that a person may mean who enters `raw`, the likeliest first: `raw` itself,
    /// without white space around it, and then without an `@` before it.
    pub fn entered(raw: &str) -> Vec<Self> {
        let name = raw.trim();
        let exact = Some(raw).filter(|raw| *raw != name);
        let names = [exact, Some(name), name.strip_prefix(SIGNS).map(str::trim)];
        names.into_iter().flatten().filter_map(|name| Self::parse(name).ok()).collect()
    }

    /// Whether the name may belong to a page, now or later. New users cannot have it.
    pub fn is_reserved(&self) -> bool {
        is_reserved(&self.0)
    }

    /// Whether `error` says that there is no username at all.
    pub(super) fn is_missing(error: &Invalid) -> bool {
        *error == NO_USERNAME
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

    /// Wraps an address from the database without checking it. That of an imported user may be any
    /// text.
    pub fn from_stored(address: String) -> Self {
        Self(address)
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
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
        assert!(broken_rule(Username::parse_new(&"é".repeat(65))).contains("64 characters"));
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
            assert!(broken_rule(Username::parse_new(name)).contains(rule), "{name:?}");
        }
    }

    #[test]
    fn an_old_username_is_kept_unless_it_cannot_be_the_address_of_a_page() {
        for name in ["a\nb", "a\u{85}b", " a", "a\u{3000}", " ", &"é".repeat(512), "\u{7f}", "..."]
        {
            assert_eq!(Username::parse(name).expect(name).as_str(), name);
        }
        for (name, rule) in [
            ("", "You have to enter a username"),
            ("a/b", "slash"),
            (".", "path"),
            ("..", "path"),
            ("a\0", "NUL"),
            (&"é".repeat(513), "1024 bytes"),
        ] {
            assert!(broken_rule(Username::parse(name)).contains(rule), "{name:?}");
        }
    }

    #[test]
    fn a_reserved_username_is_rejected_at_registration_only() {
        for name in ["public", "Public", "sim", "users", "index.html", "-", "bob.atom"] {
            let rule = broken_rule(Username::parse_new(name));
            assert_eq!(rule, "The username is reserved", "{name}");
            assert!(Username::parse(name).expect(name).is_reserved(), "{name}");
        }
    }

    #[test]
    fn an_invisible_username_is_rejected_at_registration_only() {
        for (name, rule) in [
            ("\u{200b}", "You have to enter a username"),
            ("\u{3164}", "You have to enter a username"),
            ("\u{2800}\u{fe0f}", "You have to enter a username"),
            ("alice\u{200b}", "invisible or unassigned"),
            ("\u{202e}ecila", "invisible or unassigned"),
            ("a\u{e000}", "invisible or unassigned"),
        ] {
            assert!(broken_rule(Username::parse_new(name)).contains(rule), "{name:?}");
            assert_eq!(Username::parse(name).expect(name).as_str(), name);
        }
    }

    #[test]
    fn an_entered_username_may_have_space_around_it_and_a_sign_before_it() {
        let entered = |raw| -> Vec<String> {
            Username::entered(raw).iter().map(ToString::to_string).collect()
        };
        assert_eq!(entered("alice"), ["alice"]);
        assert_eq!(entered(" \u{3000}alice\r\n"), [" \u{3000}alice\r\n", "alice"]);
        assert_eq!(entered("@alice "), ["@alice ", "@alice", "alice"]);
        assert_eq!(entered("＠ Roger Histand"), ["＠ Roger Histand", "Roger Histand"]);
        assert_eq!(entered("@@alice"), ["@@alice", "@alice"]);
        assert_eq!(entered("alice\u{200b}"), ["alice\u{200b}"]);
        for raw in ["", "a/b", "\0"] {
            assert_eq!(entered(raw), [""; 0], "{raw:?}");
        }
        assert_eq!(entered(" "), [" "]);
        assert_eq!(entered("@"), ["@"]);
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

    proptest! {
        #[test]
        fn a_parsed_username_parses_to_itself(raw in "\\PC{0,70}") {
            if let Ok(name) = Username::parse(&raw) {
                prop_assert_eq!(Username::parse(name.as_str()), Ok(name.clone()));
                prop_assert!((1..=USERNAME_MAX_BYTES).contains(&name.as_str().len()));
                prop_assert!(!name.as_str().contains('/'));
            }
            if let Ok(name) = Username::parse_new(&raw) {
                prop_assert!((1..=USERNAME_MAX_CHARS).contains(&name.as_str().chars().count()));
                prop_assert_eq!(Username::parse(&raw), Ok(name));
            }
        }

        #[test]
        fn no_input_makes_a_parser_panic(raw in any::<String>()) {
            let _ = Username::parse_new(&raw);
            let _ = Email::parse(&raw);
        }
    }
}
