//! Texts of seeded messages: all lengths up to the limit, with tags and mentions, in several scripts.

use rand::{Rng, RngExt, seq::IndexedRandom};

use super::{names::username, popularity::Popularity};
use crate::domain::{Invalid, MESSAGE_TEXT_MAX_CHARS, MessageText};

/// Common words.
const COMMON: &[&str] = &[
    "the", "of", "and", "to", "a", "in", "is", "it", "you", "that", "he", "was", "for", "on",
    "are", "with", "as", "I", "his", "they", "be", "at", "one", "have", "this", "from", "or",
    "had", "by", "hot", "but", "some", "what", "there", "we", "can", "out", "other", "were", "all",
    "your", "when", "up", "use", "word", "how", "said", "an", "each", "she", "which", "do",
    "their", "time", "if", "will", "way", "about", "many", "then", "them", "would", "write",
    "like", "so", "these", "her", "long", "make", "thing", "see", "him", "two", "has", "look",
    "more", "day", "could", "go", "come", "did", "my", "sound", "no", "most", "number", "who",
    "over", "know", "water", "than", "call", "first", "people", "may", "down", "side", "been",
    "now", "find",
];
/// The syllables of uncommon words.
const SYLLABLES: &[&str] = &[
    "ba", "be", "bri", "ca", "chi", "co", "da", "del", "do", "fa", "fer", "gi", "gra", "ha", "in",
    "ka", "la", "len", "lo", "ma", "mer", "mi", "na", "nor", "o", "pa", "per", "ra", "re", "ri",
    "sa", "sen", "so", "ta", "ter", "ti", "tor", "u", "va", "ver", "vi", "wa", "wel", "ya", "za",
];
/// Phrases in other scripts, some of which do not use spaces.
const OTHER_SCRIPTS: &[&str] = &[
    "今日はとてもいい天気ですね",
    "学而时习之，不亦说乎？",
    "Как дела? Всё хорошо!",
    "नमस्ते दुनिया",
    "안녕하세요 여러분",
    "مرحبا بالعالم",
    "שלום עולם",
    "Καλημέρα κόσμε",
    "Rødgrød med fløde på",
    "ภาษาไทยไม่เว้นวรรค",
    "👩‍👩‍👧‍👦 🎉🎉🎉",
    "žluťoučký kůň pěl ďábelské ódy",
];
const TAGS: &[&str] = &[
    "#rust",
    "#postgresql",
    "#devops",
    "#minitwit",
    "#monday",
    "#music",
    "#天気",
    "#кофе",
    "#football",
    "#news",
    "#photo",
    "#OnThisDay",
];

/// The maximum number of words in a text.
const MAX_WORDS: u32 = 40;
/// Shares per mille: of texts that begin in another script; of words that are uncommon, a tag, or a mention.
const OTHER_SCRIPT_SHARE: u32 = 80;
const UNCOMMON_SHARE: u32 = 350;
const TAG_SHARE: u32 = 25;
const MENTION_SHARE: u32 = 20;

/// Generates texts.
pub(super) struct Texts {
    mentioned: Popularity,
}

impl Texts {
    pub(super) fn new(users: u32) -> Self {
        Self { mentioned: Popularity::new(users) }
    }

    /// A text of random length up to the limit. Short texts are more frequent.
    pub(super) fn text(&self, rng: &mut impl Rng) -> Result<MessageText, Invalid> {
        let mut text = String::new();
        let mut chars = 0;
        if happens(rng, OTHER_SCRIPT_SHARE) {
            let phrase = OTHER_SCRIPTS.choose(rng).copied().unwrap_or_default();
            text.push_str(phrase);
            chars = phrase.chars().count();
        }
        // The minimum of two random numbers favours small ones.
        let words = rng.random_range(1..=MAX_WORDS).min(rng.random_range(1..=MAX_WORDS));
        for _ in 0..words {
            let word = self.word(rng)?;
            chars += 1 + word.chars().count();
            if chars > MESSAGE_TEXT_MAX_CHARS {
                break;
            }
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&word);
        }
        MessageText::parse(&text)
    }

    fn word(&self, rng: &mut impl Rng) -> Result<String, Invalid> {
        if happens(rng, TAG_SHARE) {
            return Ok(TAGS.choose(rng).copied().unwrap_or_default().to_owned());
        }
        if happens(rng, MENTION_SHARE) {
            return Ok(format!("@{}", username(self.mentioned.pick(rng))?));
        }
        if happens(rng, UNCOMMON_SHARE) {
            let syllables = rng.random_range(2..=4);
            return Ok((0..syllables).filter_map(|_| SYLLABLES.choose(rng).copied()).collect());
        }
        Ok(COMMON.choose(rng).copied().unwrap_or_default().to_owned())
    }
}

/// True with a probability of `share` per mille.
fn happens(rng: &mut impl Rng, share: u32) -> bool {
    rng.random_range(0..1_000) < share
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn texts_have_many_lengths_tags_mentions_and_scripts() {
        let mut rng = StdRng::seed_from_u64(1);
        let texts = Texts::new(1_000);
        let texts: Vec<String> =
            (0..5_000).map(|_| texts.text(&mut rng).expect("valid").as_str().to_owned()).collect();
        let length = |text: &String| text.chars().count();
        assert!(texts.iter().map(length).min() < Some(10));
        assert!(texts.iter().map(length).max() > Some(200));
        for part in ["#", "@user 000", "🎉", "नमस्ते"] {
            assert!(texts.iter().any(|text| text.contains(part)), "{part}");
        }
    }
}
