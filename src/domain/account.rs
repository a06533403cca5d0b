//! What users tell of themselves, and the accounts that they change.

use time::OffsetDateTime;

use super::{Email, Invalid, Password, PasswordHash, User, Username, line::one_line_text};

/// How many characters (Unicode code points) a bio may have.
pub const BIO_MAX_CHARS: usize = 160;

/// How many of each a user has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Messages, flagged ones left out.
    pub messages: i64,
    /// Those who follow the user.
    pub followers: i64,
    /// Those whom the user follows.
    pub following: i64,
}

one_line_text! {
    /// How somebody wants to be called: 1 to 64 characters of any script, not unique.
    DisplayName, "display name"
}

/// What somebody tells of themselves: 1 to 160 characters, not all of them white space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bio(String);

impl Bio {
    /// Checks `raw`, which is kept as it is.
    ///
    /// # Errors
    /// The rule that `raw` breaks.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let rule = if raw.trim().is_empty() {
            "The bio must not be empty"
        } else if raw.chars().count() > BIO_MAX_CHARS {
            "The bio must be at most 160 characters long"
        } else if raw.contains('\0') {
            "The bio must not contain a NUL character"
        } else {
            return Ok(Self(raw.to_owned()));
        };
        Err(Invalid::new(rule))
    }

    /// A bio as the database holds it, where constraints and this type's parser put it.
    #[must_use]
    pub fn from_stored(bio: String) -> Self {
        Self(bio)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What everybody may see of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The name that the user signed up with.
    pub username: Username,
    /// How the user wants to be called, if it is otherwise.
    pub display_name: Option<DisplayName>,
    /// What the user tells.
    pub bio: Option<Bio>,
    /// When the user signed up, UTC.
    pub joined_at: OffsetDateTime,
}

/// A user as another sees one, or as the user does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileView {
    /// What everybody may see.
    pub profile: Profile,
    /// How many messages, followers and followees the user has.
    pub counts: Counts,
    /// Whether the viewer follows the user.
    pub followed: bool,
    /// The address, if the viewer is the user.
    pub email: Option<Email>,
}

/// Somebody who has proved who they are, and what they would have to prove it by again.
#[derive(Debug, Clone)]
pub struct Account {
    /// Who it is.
    pub user: User,
    /// What a password is checked against, where an operation asks for it once more.
    pub password_hash: PasswordHash,
}

/// A new password, and the one that it replaces.
#[derive(Debug, Clone)]
pub struct PasswordChange {
    /// What the user signs in with now, as the user typed it.
    pub current: String,
    /// What the user will sign in with.
    pub new: Password,
}

/// What a user changes of the own account. `None` leaves a thing as it is; `Some(None)` takes it away.
#[derive(Debug, Clone, Default)]
pub struct AccountChange {
    /// Where to reach the user.
    pub email: Option<Email>,
    /// What the user signs in with.
    pub password: Option<PasswordChange>,
    /// How the user wants to be called.
    pub display_name: Option<Option<DisplayName>>,
    /// What the user tells.
    pub bio: Option<Option<Bio>>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_display_name_has_1_to_64_characters_on_one_line() {
        for name in ["a", "Ann von Ŝtorch 🦀", &"é".repeat(64)] {
            assert_eq!(DisplayName::parse(name).expect(name).as_str(), name);
        }
        for (name, rule) in [
            ("", "empty"),
            (" ", "white space"),
            (" a", "white space"),
            ("a\u{a0}", "white space"),
            ("a\nb", "control"),
            ("a\0b", "control"),
            (&"é".repeat(65), "64 characters"),
        ] {
            let refusal = DisplayName::parse(name).expect_err(name);
            assert!(refusal.rule().contains(rule), "{name:?}: {refusal}");
        }
    }

    #[test]
    fn a_bio_has_1_to_160_characters() {
        for bio in ["a", " two\nlines ", &"🦀".repeat(160)] {
            assert_eq!(Bio::parse(bio).expect(bio).as_str(), bio);
        }
        for (bio, rule) in [
            ("", "empty"),
            (" \n\t", "empty"),
            ("a\0", "NUL"),
            (&"a".repeat(161), "160 characters"),
        ] {
            let refusal = Bio::parse(bio).expect_err(bio);
            assert!(refusal.rule().contains(rule), "{bio:?}: {refusal}");
        }
    }

    proptest! {
        #[test]
        fn no_input_makes_a_parser_panic(raw in any::<String>()) {
            let _ = DisplayName::parse(&raw);
            let _ = Bio::parse(&raw);
        }
    }
}
