//! The text of a search.

use unicode_normalization::UnicodeNormalization;

use super::{Invalid, characters::is_blank, emoji::emoji_of, user::SIGNS};

const SEARCH_MAX_CHARS: usize = 100;

/// The characters of scripts without spaces between words: Thai, Lao, Myanmar, Khmer, Chinese and
/// Japanese. The SQL function `has_unspaced_script` has the same ranges; a test compares all
/// characters.
const UNSPACED_SCRIPTS: &[(char, char)] = &[
    ('\u{e00}', '\u{eff}'),
    ('\u{1000}', '\u{109f}'),
    ('\u{1780}', '\u{17ff}'),
    ('\u{3005}', '\u{3007}'),
    ('\u{3040}', '\u{30ff}'),
    ('\u{31f0}', '\u{31ff}'),
    ('\u{3400}', '\u{4dbf}'),
    ('\u{4e00}', '\u{9fff}'),
    ('\u{f900}', '\u{faff}'),
    ('\u{ff66}', '\u{ff9f}'),
    ('\u{20000}', '\u{323af}'),
];

/// A text to search for: 1 to 100 characters in Unicode's NFC, not all of them invisible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchText(String);

/// How messages are searched for a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SearchTerms<'a> {
    /// All words must occur; the last one may be the beginning of a word.
    Words(&'a str),
    /// All parts must occur, anywhere in the text, since no spaces separate words. The first is the
    /// longest part with a character of such a script.
    Parts(Vec<&'a str>),
}

impl SearchText {
    /// Normalizes, trims and checks `raw`. Returns the rule that it breaks, if any.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let text: String = raw.trim().nfc().collect();
        let rule = if is_blank(&text) {
            "You have to enter what to search for"
        } else if text.chars().count() > SEARCH_MAX_CHARS {
            "The search must be at most 100 characters long"
        } else if text.contains('\0') {
            "The search must not contain a NUL character"
        } else {
            return Ok(Self(text));
        };
        Err(Invalid::new(rule))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text without the `@` before a username; `None` if it has no such sign or nothing else.
    pub fn without_sign(&self) -> Option<Self> {
        Self::parse(self.0.strip_prefix(SIGNS)?).ok()
    }

    /// The emoji and other symbols that a message must contain.
    pub fn emoji(&self) -> Vec<String> {
        emoji_of(&self.0)
    }

    /// The words or parts that a message must contain.
    pub fn terms(&self) -> SearchTerms<'_> {
        if !has_unspaced_script(&self.0) {
            return SearchTerms::Words(&self.0);
        }
        let mut parts: Vec<&str> = self.0.split_whitespace().collect();
        parts.sort_by_key(|part| {
            (!has_unspaced_script(part), std::cmp::Reverse(part.chars().count()))
        });
        SearchTerms::Parts(parts)
    }
}

/// Whether a text has a character of a script without spaces between words.
pub fn has_unspaced_script(text: &str) -> bool {
    text.chars().any(is_unspaced)
}

fn is_unspaced(character: char) -> bool {
    UNSPACED_SCRIPTS.iter().any(|(first, last)| (*first..=*last).contains(&character))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_invalid_text_is_rejected_with_its_rule() {
        for (text, rule) in [
            (String::new(), "what to search for"),
            (" \u{3000}\n".to_owned(), "what to search for"),
            ("\u{200b}\u{ad}\u{3164}".to_owned(), "what to search for"),
            ("a".repeat(101), "100 characters"),
            ("a\0b".to_owned(), "NUL"),
        ] {
            let invalid = SearchText::parse(&text).expect_err("invalid");
            assert!(invalid.rule().contains(rule), "{text:?}: {invalid}");
        }
        assert_eq!(SearchText::parse(" e\u{301} ").expect("valid").as_str(), "é");
        assert!(SearchText::parse(&"🦀".repeat(100)).is_ok());
    }

    #[test]
    fn a_sign_before_a_username_can_be_left_out() {
        let without_sign = |text| SearchText::parse(text).expect("valid").without_sign();
        for text in ["@bob", " ＠bob", "@ bob "] {
            assert_eq!(without_sign(text), SearchText::parse("bob").ok(), "{text}");
        }
        for text in ["bob", "a@b", "@", "@\u{200b}"] {
            assert_eq!(without_sign(text), None, "{text}");
        }
    }

    #[test]
    fn the_script_decides_between_words_and_parts() {
        for words in ["hello", "ÉCOLE 2024", "привет мир", "안녕 하세요", "नमस्ते", "a_b%"]
        {
            let text = SearchText::parse(words).expect("valid");
            assert_eq!(text.terms(), SearchTerms::Words(words));
        }
        for (text, parts) in [
            ("東京", vec!["東京"]),
            ("tower 東京", vec!["東京", "tower"]),
            ("タワー\u{3000}東京都庁", vec!["東京都庁", "タワー"]),
            ("ภาษาไทย", vec!["ภาษาไทย"]),
        ] {
            let text = SearchText::parse(text).expect("valid");
            assert_eq!(text.terms(), SearchTerms::Parts(parts));
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(raw in any::<String>()) {
            if let Ok(text) = SearchText::parse(&raw)
                && let SearchTerms::Parts(parts) = text.terms()
            {
                prop_assert!(has_unspaced_script(parts[0]));
            }
        }
    }
}
