//! Messages and their text.

use time::OffsetDateTime;

use super::{Cursor, Invalid, Username};

/// How many characters (Unicode code points) a message may have.
pub const MESSAGE_TEXT_MAX_CHARS: usize = 280;

/// What somebody says: 1 to 280 characters, not all of them white space, none of them U+0000.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageText(String);

impl MessageText {
    /// Checks `raw`, which is kept as it is.
    ///
    /// # Errors
    /// The rule that `raw` breaks.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let rule = if raw.trim().is_empty() {
            "You have to enter a message"
        } else if raw.chars().count() > MESSAGE_TEXT_MAX_CHARS {
            "The message must be at most 280 characters long"
        } else if raw.contains('\0') {
            "The message must not contain a NUL character"
        } else {
            return Ok(Self(raw.to_owned()));
        };
        Err(Invalid::new(rule))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A message as it stands on a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The key of the message's row.
    pub id: i64,
    /// Who wrote it.
    pub author: Username,
    /// What it says.
    pub text: String,
    /// When it was published, UTC.
    pub published_at: OffsetDateTime,
    /// When its text was last changed, if ever, UTC.
    pub edited_at: Option<OffsetDateTime>,
}

/// A message in a list of one author's that shows no more than this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageSummary {
    /// What it says.
    pub text: String,
    /// When it was published, UTC.
    pub published_at: OffsetDateTime,
}

impl Message {
    /// The place of this message on every timeline that shows it.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        Cursor::new(self.published_at, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_1_to_280_code_points() {
        assert_eq!(MessageText::parse("  hi\n").expect("kept as it is").as_str(), "  hi\n");
        assert!(MessageText::parse(&"🦀".repeat(280)).is_ok());
        for (text, rule) in [
            (String::new(), "You have to enter a message"),
            (" \u{2003}\n".to_owned(), "You have to enter a message"),
            ("a".repeat(281), "280 characters"),
            ("a\0".to_owned(), "NUL"),
        ] {
            let refusal = MessageText::parse(&text).expect_err("must be refused");
            assert!(refusal.rule().contains(rule), "{text:?}: {refusal}");
        }
    }
}
