//! Profiles: the public data of users.

use time::OffsetDateTime;

use super::{
    characters::{char_count, is_blank},
    invalid::Invalid,
    one_line_text::one_line_text,
    user::{Email, Username},
};

/// The maximum length of a bio, in characters: Unicode code points, where CR LF counts as one.
pub const BIO_MAX_CHARS: usize = 160;

/// The counts of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// The user's messages, without flagged ones.
    pub messages: i64,
    /// The user's followers.
    pub followers: i64,
    /// The user's followees.
    pub following: i64,
}

one_line_text! {
    /// A display name: 1 to 64 characters of any script, not unique.
    DisplayName, "display name"
}

/// A bio: 1 to 160 characters, not all invisible, without U+0000.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bio(String);

impl Bio {
    /// Checks a bio without changing it.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let rule = if is_blank(raw) {
            "The bio must not be empty"
        } else if char_count(raw) > BIO_MAX_CHARS {
            "The bio must be at most 160 characters long"
        } else if raw.contains('\0') {
            "The bio must not contain a NUL character"
        } else {
            return Ok(Self(raw.to_owned()));
        };
        Err(Invalid::new(rule))
    }

    /// Wraps a bio from the database without checking it.
    pub fn from_stored(bio: String) -> Self {
        Self(bio)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The public data of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The username.
    pub username: Username,
    /// The display name, if the user has set one.
    pub display_name: Option<DisplayName>,
    /// The bio, if the user has set one.
    pub bio: Option<Bio>,
    /// When the user registered, UTC.
    pub joined_at: OffsetDateTime,
}

/// A profile as one viewer sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileView {
    /// The public data.
    pub profile: Profile,
    /// The user's counts.
    pub counts: Counts,
    /// Whether the viewer follows the user.
    pub followed: bool,
    /// The e-mail address, if the viewer is the user.
    pub email: Option<Email>,
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
            ("\u{200b}", "empty"),
            ("\u{3164}\u{2800}", "empty"),
            ("a\u{202e}b", "invisible"),
            ("a\u{fe0f}", "invisible"),
            (&"é".repeat(65), "64 characters"),
        ] {
            let error = DisplayName::parse(name).expect_err(name);
            assert!(error.rule().contains(rule), "{name:?}: {error}");
        }
    }

    #[test]
    fn a_bio_has_1_to_160_characters() {
        for bio in ["a", " two\nlines ", "\u{202e}a", &"🦀".repeat(160), &"a\r\n".repeat(80)] {
            assert_eq!(Bio::parse(bio).expect(bio).as_str(), bio);
        }
        for (bio, rule) in [
            ("", "empty"),
            (" \n\t", "empty"),
            ("\u{200b}\u{2800}\u{3164}\u{fe0f}", "empty"),
            ("a\0", "NUL"),
            (&"a".repeat(161), "160 characters"),
            (&("a\r\n".repeat(80) + "a"), "160 characters"),
        ] {
            let error = Bio::parse(bio).expect_err(bio);
            assert!(error.rule().contains(rule), "{bio:?}: {error}");
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
