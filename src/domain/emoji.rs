//! The grammar of emoji sequences (Unicode Technical Standard #51, section 1.4).

use icu_properties::{
    CodePointSetData,
    props::{Emoji, EmojiModifier, RegionalIndicator},
};

const JOINER: char = '\u{200d}';
const TEXT_STYLE: char = '\u{fe0e}';
const EMOJI_STYLE: char = '\u{fe0f}';
const KEYCAP: char = '\u{20e3}';
/// The only base of a flag of a region within a country, such as Scotland.
const BLACK_FLAG: char = '\u{1f3f4}';
/// The letters and digits in the name of such a region.
const MAX_TAGS: usize = 6;
const LAST_TAG: char = '\u{e007f}';

/// The characters of emoji beyond ASCII, with the blocks in which most of them are: arrows, technical
/// and geometric symbols, dingbats, pictographs.
const SYMBOLS: &[(char, char)] = &[
    ('\u{a9}', '\u{a9}'),
    ('\u{ae}', '\u{ae}'),
    ('\u{203c}', '\u{203c}'),
    ('\u{2049}', '\u{2049}'),
    (KEYCAP, KEYCAP),
    ('\u{2122}', '\u{2122}'),
    ('\u{2139}', '\u{2139}'),
    ('\u{2190}', '\u{21ff}'),
    ('\u{2300}', '\u{23ff}'),
    ('\u{24c2}', '\u{24c2}'),
    ('\u{25a0}', '\u{27bf}'),
    ('\u{2934}', '\u{2935}'),
    ('\u{2b00}', '\u{2bff}'),
    ('\u{3030}', '\u{3030}'),
    ('\u{303d}', '\u{303d}'),
    ('\u{3297}', '\u{3297}'),
    ('\u{3299}', '\u{3299}'),
    ('\u{1f000}', '\u{1faff}'),
    ('\u{1fc00}', '\u{1fffd}'),
];

/// The number of characters of the emoji with which `text` begins; 0 if it begins with none.
///
/// An emoji is one character with its modifier and its variation selector, a keycap, a flag, or
/// several emoji with joiners between them.
pub(super) fn emoji_len(text: &[char]) -> usize {
    let mut len = element_len(text);
    while len > 0 && text.get(len) == Some(&JOINER) && text[len - 1] != TEXT_STYLE {
        match text.get(len + 1) {
            Some(next) if is_pictograph(*next) => len += 1 + element_len(&text[len + 1..]),
            _ => break,
        }
    }
    len
}

fn element_len(text: &[char]) -> usize {
    match text {
        ['#' | '*' | '0'..='9', EMOJI_STYLE, KEYCAP, ..] => 3,
        ['#' | '*' | '0'..='9', KEYCAP, ..] => 2,
        [first, second, ..] if is_regional_indicator(*first) && is_regional_indicator(*second) => 2,
        [BLACK_FLAG, rest @ ..] if tags_len(rest) > 0 => 1 + tags_len(rest),
        [first, EMOJI_STYLE, KEYCAP, ..] if is_pictograph(*first) => 3,
        [first, EMOJI_STYLE | TEXT_STYLE, ..] if is_pictograph(*first) => 2,
        [first, second, ..] if is_pictograph(*first) && is_modifier(*second) => 2,
        [first, ..] if is_pictograph(*first) => 1,
        _ => 0,
    }
}

/// The number of tag characters that name a region, with the last one; 0 if there is no such name.
fn tags_len(text: &[char]) -> usize {
    let is_tag =
        |tag: &&char| matches!(**tag, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}');
    let name = text.iter().take_while(is_tag).count();
    let is_named = (3..=MAX_TAGS).contains(&name) && text.get(name) == Some(&LAST_TAG);
    if is_named { name + 1 } else { 0 }
}

/// Whether a character alone may be an emoji. The letters of flags and the bases of keycaps may not.
fn is_pictograph(character: char) -> bool {
    !character.is_ascii()
        && !is_regional_indicator(character)
        && CodePointSetData::new::<Emoji>().contains(character)
}

fn is_regional_indicator(character: char) -> bool {
    CodePointSetData::new::<RegionalIndicator>().contains(character)
}

fn is_modifier(character: char) -> bool {
    CodePointSetData::new::<EmojiModifier>().contains(character)
}

/// The emoji in a text, in order, and other symbols that a search finds like them, such as `★`.
pub(super) fn emoji_of(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(&first) = characters.get(at) {
        let len = match emoji_len(&characters[at..]) {
            0 => usize::from(is_symbol(first)),
            len => len,
        };
        if len > 0 {
            found.push(characters[at..at + len].iter().collect());
        }
        at += len.max(1);
    }
    found
}

/// Whether the search index has this character as a term. The SQL function `emoji_of` has the same
/// ranges; a test compares all characters.
pub fn is_symbol(character: char) -> bool {
    SYMBOLS.iter().any(|(first, last)| (*first..=*last).contains(&character))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn len(text: &str) -> usize {
        emoji_len(&text.chars().collect::<Vec<_>>())
    }

    #[test]
    fn each_kind_of_emoji_is_one() {
        for emoji in [
            "🦀",
            "❤",
            "❤\u{fe0f}",
            "☂\u{fe0e}",
            "👍🏽",
            "👩\u{200d}👩\u{200d}👧\u{200d}👦",
            "🏳\u{fe0f}\u{200d}🌈",
            "🧑🏿\u{200d}🚒",
            "🐈\u{200d}⬛",
            "🇩🇰",
            "1\u{fe0f}\u{20e3}",
            "#\u{20e3}",
            "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
            "🏽",
            "❤\u{fe0f}\u{200d}🔥",
        ] {
            assert_eq!(len(emoji), emoji.chars().count(), "{emoji:?}");
            assert_eq!(emoji_of(&format!("a {emoji}b")), [emoji], "{emoji:?}");
        }
    }

    #[test]
    fn other_characters_end_an_emoji() {
        for (text, expected) in [
            ("", 0),
            ("a", 0),
            ("1", 0),
            ("1\u{fe0f}", 0),
            ("1\u{200d}2", 0),
            ("\u{200d}🦀", 0),
            ("\u{fe0f}", 0),
            ("🇩", 0),
            ("🦀\u{200d}", 1),
            ("🦀\u{200d}a", 1),
            ("🦀\u{200d}1\u{20e3}", 1),
            ("🦀\u{fe0f}\u{fe0f}", 2),
            ("☂\u{fe0e}\u{200d}🦀", 2),
            ("🦀\u{e0067}\u{e0062}\u{e0073}\u{e007f}", 1),
            ("🏴\u{e0067}\u{e007f}", 1),
            ("🏴\u{e0067}\u{e0062}\u{e0073}", 1),
            ("🇩🇰🇸🇪", 2),
        ] {
            assert_eq!(len(text), expected, "{text:?}");
        }
        assert_eq!(emoji_of("🦀🐦 🇩🇰🇸🇪"), ["🦀", "🐦", "🇩🇰", "🇸🇪"]);
    }

    #[test]
    fn every_emoji_has_symbols() {
        for emoji in
            ('\u{80}'..=char::MAX).filter(|it| is_pictograph(*it) || is_regional_indicator(*it))
        {
            assert!(is_symbol(emoji), "{emoji:?}");
        }
        assert_eq!(emoji_of("a ★ → ß 1\u{20e3} 東"), ["★", "→", "1\u{20e3}"]);
    }

    proptest! {
        #[test]
        fn an_emoji_parses_to_itself(text in "[🦀👩🏽\u{fe0f}\u{fe0e}\u{200d}\u{20e3}1🇩🏴\u{e0067}\u{e007f}a]{0,12}") {
            for emoji in emoji_of(&text) {
                prop_assert_eq!(emoji_of(&emoji), [emoji]);
            }
        }
    }
}
