//! Tags: words after a number sign in a message.

use std::fmt;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::{
    Invalid, MESSAGE_TEXT_MAX_CHARS,
    characters::{is_default_ignorable, is_variation_selector},
};

/// A tag, without its sign: a word of any script in Unicode's NFC, with at least one letter.
///
/// Comparison ignores case. It also ignores the difference between `İ` and `i` (Turkish), and
/// between the small sigmas of Greek, `σ` and `ς`.
#[derive(Debug, Clone)]
pub struct Tag {
    written: String,
    comparable: String,
}

impl Tag {
    /// Normalizes and checks a tag without its sign. Returns the rule that `raw` breaks, if any.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let too_long = raw.chars().count() > MESSAGE_TEXT_MAX_CHARS;
        if too_long || word_len(raw) != raw.len() {
            return Err(Invalid::new("A tag is one word"));
        }
        Self::of_word(raw).ok_or(Invalid::new("A tag has a letter"))
    }

    /// A word as a tag; `None` if it has no letter, or if it is longer than a message of this system.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        let too_long = word.chars().count() > MESSAGE_TEXT_MAX_CHARS;
        if too_long || !word.contains(char::is_alphabetic) {
            return None;
        }
        let written: String = word.nfc().collect();
        let comparable = written.chars().map(comparable).collect();
        Some(Self { written, comparable })
    }

    /// The longest part of the tag that every text with this tag contains in lower case; empty if
    /// there is none. Characters beyond ASCII are not part of it, because they have several
    /// spellings. Nor is `i`, which may be spelled as `I` with a combining dot, nor the character
    /// before a joiner: searches remove the joiner, and a mark after it would change the character.
    pub fn literal(&self) -> &str {
        let mut longest = "";
        let mut rest = self.comparable.as_str();
        while !rest.is_empty() {
            let end = rest.find(|it: char| !it.is_ascii() || it == 'i').unwrap_or(rest.len());
            let next = rest[end..].chars().next();
            let is_joined = next.is_some_and(is_inner_joiner);
            let part = &rest[..if is_joined { end.saturating_sub(1) } else { end }];
            if part.len() > longest.len() {
                longest = part;
            }
            rest = &rest[end + next.map_or(0, char::len_utf8)..];
        }
        longest
    }

    /// The tag in its original case.
    pub fn as_str(&self) -> &str {
        &self.written
    }
}

impl PartialEq for Tag {
    fn eq(&self, other: &Self) -> bool {
        self.comparable == other.comparable
    }
}

impl Eq for Tag {}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// The form of a character in a comparison of tags. The SQL function `tags_of` converts in the same way; a test
/// compares both.
fn comparable(character: char) -> char {
    match character.to_lowercase().next() {
        Some('ς') => 'σ',
        Some(lowercase) => lowercase,
        None => character,
    }
}

/// Whether a word may contain this character: a letter, a combining mark, a digit, or `_`. Marks that
/// show nothing by themselves, and the mark of keycap emoji, are not part of a word.
pub(super) fn is_word_character(character: char) -> bool {
    (character.is_alphanumeric() || character == '_' || is_combining_mark(character))
        && !is_default_ignorable(character)
        && character != '\u{20e3}'
}

/// Whether a character may stand between two word characters of any word: the joiners of Persian and
/// the scripts of India, and selectors of variants.
pub(super) fn is_inner_joiner(character: char) -> bool {
    matches!(character, '\u{200c}' | '\u{200d}') || is_variation_selector(character)
}

/// Whether a character may stand between two word characters of a tag: an inner joiner, or
/// punctuation inside words of Catalan, Hebrew, Tibetan and Japanese.
fn is_tag_joiner(character: char) -> bool {
    is_inner_joiner(character)
        || matches!(character, '·' | '\u{5f3}' | '\u{5f4}' | '\u{f0b}' | '・' | '･')
}

/// The length in bytes of the word with which `text` begins, or 0. A word consists of word
/// characters and does not begin with a mark. One joiner or one inner punctuation may stand between
/// two of them.
pub(super) fn word_len(text: &str) -> usize {
    joined_word_len(text, is_tag_joiner)
}

/// Like [`word_len`], with other joiners.
pub(super) fn joined_word_len(text: &str, is_joiner: impl Fn(char) -> bool) -> usize {
    let mut len = 0;
    let mut joined = false;
    for (at, character) in text.char_indices() {
        if at == 0 && is_combining_mark(character) {
            // The mark belongs to the character before the text.
            break;
        } else if is_word_character(character) {
            len = at + character.len_utf8();
            joined = false;
        } else if at > 0 && !joined && is_joiner(character) {
            joined = true;
        } else {
            break;
        }
    }
    len
}

#[cfg(test)]
mod tests {
    use icu_properties::props::GeneralCategory;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::characters::category;

    fn tag(raw: &str) -> Tag {
        Tag::parse(raw).expect(raw)
    }

    #[test]
    fn a_tag_is_one_word_of_any_script_with_a_letter() {
        for raw in ["rust", "a", "Web2", "2024goals", "snake_case", "東京タワー", "한국어", "नमस्ते"]
        {
            assert_eq!(tag(raw).as_str(), raw);
        }
        for raw in ["می\u{200c}خواهم", "il·lusió", "ぼっち・ざ・ろっく", "צה״ל", "葛\u{e0100}城"]
        {
            assert_eq!(tag(raw).as_str(), raw);
        }
        assert_eq!(tag("e\u{301}cole").as_str(), "école");
        let long = "a".repeat(281);
        for raw in [
            "#rust",
            "two words",
            "a-b",
            "a.b",
            "a/b",
            "🦀",
            "a\0",
            "a\u{200d}",
            "\u{301}a",
            "a·",
            "·a",
            "a··b",
            "a\u{fe0f}",
            "\u{3164}a",
            &long,
        ] {
            assert_eq!(
                Tag::parse(raw).map_err(|it| it.rule()),
                Err("A tag is one word"),
                "{raw:?}"
            );
        }
        for raw in ["", "1", "2024", "_", "1_2", "१२", "1·2"] {
            assert_eq!(Tag::parse(raw).map_err(|it| it.rule()), Err("A tag has a letter"), "{raw}");
        }
    }

    /// All characters between two letters.
    #[test]
    fn only_six_punctuation_characters_are_part_of_a_tag() {
        let inner: Vec<char> = ('\u{1}'..=char::MAX)
            .filter(|it| !it.is_alphanumeric() && category(*it) != GeneralCategory::Unassigned)
            .filter(|it| !is_word_character(*it) && !is_inner_joiner(*it))
            .filter(|it| word_len(&format!("a{it}b")) > 1)
            .collect();
        assert_eq!(inner, ['·', '\u{5f3}', '\u{5f4}', '\u{f0b}', '・', '･']);
    }

    #[test]
    fn tags_are_equal_in_any_case() {
        for (one, other) in [
            ("Rust", "rUST"),
            ("ÉCOLE", "e\u{301}cole"),
            ("МОСКВА", "Москва"),
            ("ΟΔΟΣ", "οδος"),
            ("İstanbul", "istanbul"),
            ("STRAẞE", "straße"),
        ] {
            assert_eq!(tag(one), tag(other));
        }
        for (one, other) in [("rust", "rustacean"), ("ecole", "école"), ("がん", "かん")] {
            assert_ne!(tag(one), tag(other));
        }
    }

    #[test]
    fn the_literal_is_part_of_every_spelling() {
        for (raw, part) in [
            ("Rust", "rust"),
            ("İstanbul", "stanbul"),
            ("École", "cole"),
            ("Istanbul", "stanbul"),
            ("東京", ""),
            ("rust\u{200d}\u{301}a", "rus"),
            ("a\u{200d}\u{301}", ""),
        ] {
            assert_eq!(tag(raw).literal(), part);
        }
    }

    proptest! {
        #[test]
        fn a_tag_parses_to_itself(raw in "[\\w\u{200c}·・\u{fe0f}]{1,20}") {
            if let Ok(tag) = Tag::parse(&raw) {
                prop_assert_eq!(Tag::parse(tag.as_str()), Ok(tag.clone()));
            }
        }

        #[test]
        fn parsing_never_panics(raw in any::<String>()) {
            let _ = Tag::parse(&raw);
        }
    }
}
