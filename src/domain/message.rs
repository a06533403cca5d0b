//! Messages and timelines.

use time::OffsetDateTime;

use super::{
    characters::{char_count, is_blank},
    invalid::Invalid,
    page::{Cursor, Page},
    profile::{Counts, Profile},
    user::Username,
};

/// The maximum length of a message, in characters: Unicode code points, where CR LF counts as one.
pub const MESSAGE_TEXT_MAX_CHARS: usize = 280;

/// The most messages above a message that its thread contains.
pub const THREAD_MAX_PARENTS: usize = 20;

/// The text of a new message: 1 to 280 characters, not all invisible, without U+0000.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageText(String);

impl MessageText {
    /// Checks a text without changing it.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let rule = if is_blank(raw) {
            "You have to enter a message"
        } else if char_count(raw) > MESSAGE_TEXT_MAX_CHARS {
            "The message must be at most 280 characters long"
        } else if raw.contains('\0') {
            "The message must not contain a NUL character"
        } else {
            return Ok(Self(raw.to_owned()));
        };
        Err(Invalid::new(rule))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The id.
    pub id: i64,
    /// The author's username.
    pub author: Username,
    /// The text. That of an imported message may be empty or of any length.
    pub text: String,
    /// When it was published, UTC.
    pub published_at: OffsetDateTime,
    /// When the text was last changed, UTC; `None` if it never was.
    pub edited_at: Option<OffsetDateTime>,
    /// The message that it replies to; `None` if it is no reply.
    pub in_reply_to: Option<ReplyTo>,
}

/// The message that a reply answers. It may be deleted or flagged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyTo {
    /// The id of that message.
    pub id: i64,
    /// Its author; `None` if the user is deleted.
    pub author: Option<Username>,
}

/// A message without author and id, for lists of one author's messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageSummary {
    /// The text.
    pub text: String,
    /// When it was published, UTC.
    pub published_at: OffsetDateTime,
}

impl Message {
    /// The position of this message in every timeline that contains it.
    pub fn cursor(&self) -> Cursor {
        Cursor::new(self.published_at, self.id)
    }

    /// Whether `text` is this message's text, up to the kind of its line breaks: browsers send each
    /// as CR LF.
    pub fn has_text(&self, text: &str) -> bool {
        let with_line_feeds = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
        with_line_feeds(&self.text) == with_line_feeds(text)
    }
}

/// A message with its context.
#[derive(Debug, Clone)]
pub struct Thread {
    /// The messages that it replies to, oldest first, each the parent of the next. The list ends at a deleted
    /// or flagged message, or at its bound.
    pub parents: Vec<Message>,
    /// The message.
    pub message: Message,
    /// The replies, oldest first, each followed by some of the replies to it.
    pub replies: Page<Reply>,
}

/// A reply in a thread.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The message.
    pub message: Message,
    /// 0 for a reply to the thread's message, 1 for a reply to that, and so on.
    pub depth: u8,
    /// Whether there may be replies to it that the thread does not contain.
    pub has_more: bool,
}

/// A message, with its state for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeratedMessage {
    /// The message.
    pub message: Message,
    /// Whether it is hidden from all users.
    pub flagged: bool,
}

/// A page of the messages of one author, with the author's profile.
#[derive(Debug, Clone)]
pub struct AuthorTimeline {
    /// The author's profile.
    pub author: Profile,
    /// The author's counts.
    pub counts: Counts,
    /// Whether the viewer follows the author.
    pub followed: bool,
    /// The messages.
    pub page: Page<Message>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_1_to_280_code_points() {
        assert_eq!(MessageText::parse("  hi\n").expect("kept as it is").as_str(), "  hi\n");
        for text in ["🦀".repeat(280), "a\r\n".repeat(140), "\u{200b}".repeat(279) + "a"] {
            assert!(MessageText::parse(&text).is_ok(), "{text:?}");
        }
        for (text, rule) in [
            (String::new(), "You have to enter a message"),
            (" \u{2003}\n".to_owned(), "You have to enter a message"),
            ("\u{200b}\u{2800}\u{3164}\u{fe0f}".to_owned(), "You have to enter a message"),
            ("a\r\n".repeat(140) + "a", "280 characters"),
            ("a".repeat(281), "280 characters"),
            ("a\0".to_owned(), "NUL"),
        ] {
            let error = MessageText::parse(&text).expect_err("invalid");
            assert!(error.rule().contains(rule), "{text:?}: {error}");
        }
    }
}
