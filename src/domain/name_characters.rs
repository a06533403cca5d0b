//! Which characters a new name may have: a username, a display name, the name of a token.
//!
//! In the spirit of PRECIS' FreeformClass (RFC 8264, section 4.3): letters, marks, digits, spaces,
//! punctuation and symbols of any script. Excluded is what shows nothing or no one knows. Joiners
//! and variation selectors are allowed where they change what is shown: in emoji, and in scripts
//! that need them.

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{
        CanonicalCombiningClass, GeneralCategory, GeneralCategoryGroup, JoiningType, Script,
        UnifiedIdeograph,
    },
};

use super::{
    characters::{category, is_invisible, is_variation_selector},
    emoji::emoji_len,
};

const NON_JOINER: char = '\u{200c}';
const JOINER: char = '\u{200d}';
const MONGOLIAN_VOWEL_SEPARATOR: char = '\u{180e}';

/// Whether a new name may have all these characters where they are.
pub(super) fn may_form_name(name: &str) -> bool {
    let characters: Vec<char> = name.chars().collect();
    let mut at = 0;
    while at < characters.len() {
        let emoji = emoji_len(&characters[at..]);
        if emoji > 0 {
            at += emoji;
        } else if is_allowed(characters[at]) || is_needed(&characters, at) {
            at += 1;
        } else {
            return false;
        }
    }
    true
}

/// Whether a new name may have this character anywhere.
fn is_allowed(character: char) -> bool {
    use GeneralCategory as Category;
    match category(character) {
        Category::SpaceSeparator => true,
        Category::Unassigned
        | Category::Surrogate
        | Category::PrivateUse
        | Category::Control
        | Category::Format
        | Category::LineSeparator
        | Category::ParagraphSeparator => false,
        _ => !is_invisible(character),
    }
}

/// Whether the script of the name needs the invisible character at this place.
fn is_needed(name: &[char], at: usize) -> bool {
    let (before, after) = (&name[..at], &name[at + 1..]);
    let Some(&previous) = before.last() else { return false };
    let next = after.first().copied();
    match name[at] {
        NON_JOINER => {
            is_virama(previous) && next.is_some_and(is_letter)
                || parts_joined_letters(before, after)
        }
        // The second case is the Bengali ya-phalaa after ra.
        JOINER => is_virama(previous) || is_letter(previous) && next.is_some_and(is_virama),
        MONGOLIAN_VOWEL_SEPARATOR => {
            is_letter_of(previous, Script::Mongolian)
                && matches!(next, Some('\u{1820}' | '\u{1821}'))
        }
        selector if is_variation_selector(selector) => selects_variant(previous, selector),
        _ => false,
    }
}

/// Whether a non-joiner between these characters separates letters that would be joined (RFC 5892,
/// appendix A.1).
fn parts_joined_letters(before: &[char], after: &[char]) -> bool {
    let joining = |character: &&char| CodePointMapData::<JoiningType>::new().get(**character);
    let is_transparent = |character: &&char| joining(character) == JoiningType::Transparent;
    let first = before.iter().rev().find(|it| !is_transparent(it));
    let second = after.iter().find(|it| !is_transparent(it));
    let (Some(first), Some(second)) = (first, second) else { return false };
    matches!(joining(&first), JoiningType::LeftJoining | JoiningType::DualJoining)
        && matches!(joining(&second), JoiningType::RightJoining | JoiningType::DualJoining)
}

/// Whether the script of `base` has variants that this character selects.
fn selects_variant(base: char, selector: char) -> bool {
    let script = CodePointMapData::<Script>::new().get(base);
    match selector {
        '\u{180b}'..='\u{180f}' => is_letter_of(base, Script::Mongolian),
        '\u{fe00}'..='\u{fe02}' | '\u{e0100}'..='\u{e01ef}'
            if CodePointSetData::new::<UnifiedIdeograph>().contains(base) =>
        {
            true
        }
        '\u{fe00}' => {
            [Script::Myanmar, Script::PhagsPa, Script::Manichaean, Script::EgyptianHieroglyphs]
                .contains(&script)
        }
        '\u{fe01}'..='\u{fe06}' => script == Script::EgyptianHieroglyphs,
        _ => false,
    }
}

fn is_virama(character: char) -> bool {
    let class = CodePointMapData::<CanonicalCombiningClass>::new().get(character);
    class == CanonicalCombiningClass::Virama
}

fn is_letter(character: char) -> bool {
    GeneralCategoryGroup::Letter.contains(category(character))
}

fn is_letter_of(character: char, script: Script) -> bool {
    is_letter(character) && CodePointMapData::<Script>::new().get(character) == script
}

#[cfg(test)]
mod tests {
    use icu_properties::props::{DefaultIgnorableCodePoint, NoncharacterCodePoint};

    use super::*;

    #[test]
    fn names_of_any_script_with_symbols_and_emoji_are_allowed() {
        for name in [
            "alice",
            "Roger Histand",
            "žluťoučký kůň",
            "e\u{301}",
            "李小龍",
            "علي",
            "עלי",
            "नमस्ते",
            "ᠮᠣᠩᠭᠣᠯ",
            "𓀀",
            "ᄀᆨ",
            "O'Brien <b>",
            "€ 100 %",
            "a\u{a0}b",
            "a\u{3000}b",
            "©™",
            "①½²",
            "🦀",
            "❤\u{fe0f}",
            "👍🏽",
            "👩\u{200d}👩\u{200d}👧\u{200d}👦",
            "🇩🇰",
            "#\u{fe0f}\u{20e3}",
            "🏳\u{fe0f}\u{200d}🌈 x",
            "می\u{200c}خواهم",
            "क्\u{200d}ष",
            "क्\u{200c}ष",
            "ශ්\u{200d}රී",
            "র\u{200d}্যাব",
            "葛\u{e0100}城",
            "ᠠ\u{180b}",
            "ᠨ\u{180e}ᠠ",
            "က\u{fe00}",
            "\u{1fae9}",
        ] {
            assert!(may_form_name(name), "{name:?}");
        }
    }

    #[test]
    fn invisible_and_unknown_characters_are_not_allowed() {
        for name in [
            "alice\u{200b}",
            "\u{202e}ecila",
            "\u{3164}",
            "a\u{ad}b",
            "a\u{34f}b",
            "a\u{200c}b",
            "a\u{200d}b",
            "Ω\u{200d}x",
            "a\u{fe0f}",
            "1\u{fe0f}",
            "a\u{e0100}",
            "é\u{fe00}",
            "葛\u{fe0f}",
            "🦀\u{200d}",
            "\u{200d}🦀",
            "🦀\u{fe0f}\u{fe0f}",
            "a\u{e0061}",
            "🦀\u{e0067}\u{e007f}",
            "\u{200c}",
            "د\u{200c}خ",
            "می\u{200c}",
            "क्\u{200c}",
            "\u{200d}क्",
            "क\u{200d}",
            "ᠨ\u{180e}ᠨ",
            "a\u{2028}b",
            "a\u{2029}b",
            "\u{e000}",
            "\u{f0000}",
            "\u{fffe}",
            "\u{fdd0}",
            "\u{10ffff}",
            "\u{378}",
            "\u{2800}",
            "\u{fffc}",
            "\u{600}1",
            "\u{206a}",
            "\u{feff}a",
            "\u{ffa0}",
            "\u{1160}",
            "\u{1d173}",
            "\u{13430}",
            "\u{e0001}",
            "\u{7f}",
            "a\tb",
        ] {
            assert!(!may_form_name(name), "{name:?}");
        }
    }

    /// Every character of the excluded classes, at each end of a name and inside it.
    #[test]
    fn no_character_of_an_excluded_class_is_allowed() {
        let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
        let noncharacter = CodePointSetData::new::<NoncharacterCodePoint>();
        let (mut excluded, mut unknown) = (0, 0);
        for character in '\0'..=char::MAX {
            use GeneralCategory as Category;
            // There are 900,000 of these, so a part of them has to do.
            if matches!(category(character), Category::PrivateUse | Category::Unassigned) {
                unknown += 1;
                if unknown % 100 > 0 && u32::from(character) > 0xffff {
                    continue;
                }
            }
            let is_excluded = ignorable.contains(character)
                || noncharacter.contains(character)
                || matches!(
                    category(character),
                    Category::Control
                        | Category::Format
                        | Category::PrivateUse
                        | Category::Unassigned
                        | Category::LineSeparator
                        | Category::ParagraphSeparator
                );
            if is_excluded {
                excluded += 1;
                for name in
                    [format!("{character}a"), format!("a{character}b"), format!("a{character}")]
                {
                    assert!(!may_form_name(&name), "{name:?}");
                }
            }
        }
        assert!(excluded > 15_000 && unknown > 900_000, "{excluded} {unknown}");
    }

    /// Every other character is allowed, also in scripts that other tests do not name.
    #[test]
    fn every_letter_mark_digit_symbol_and_punctuation_is_allowed() {
        let mut allowed = 0;
        for character in (' '..=char::MAX).filter(|it| !is_invisible(*it)) {
            use GeneralCategory as Category;
            if matches!(
                category(character),
                Category::Unassigned | Category::PrivateUse | Category::Format
            ) {
                continue;
            }
            assert!(may_form_name(&format!("a{character}")), "{character:?}");
            allowed += 1;
        }
        assert!(allowed > 150_000, "{allowed}");
    }
}
