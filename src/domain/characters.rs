//! Classes of characters, by the properties of the newest Unicode, and lengths of texts.

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{
        DefaultIgnorableCodePoint, GeneralCategory, PrependedConcatenationMark, VariationSelector,
    },
};

/// Characters that show nothing although no property says so: blanks of Braille, Khitan and
/// Egyptian, the null notehead, and the placeholder of an object.
const OTHER_BLANKS: [char; 6] =
    ['\u{2800}', '\u{fffc}', '\u{13441}', '\u{13442}', '\u{16fe4}', '\u{1d159}'];

/// The general category of a character; `Unassigned` includes the noncharacters.
pub(super) fn category(character: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(character)
}

/// Whether a character shows nothing by itself: white space, a control, format or filler character,
/// or one that programs ignore unless they know it.
pub(super) fn is_invisible(character: char) -> bool {
    if character.is_ascii() {
        // U+0000 has a rule of its own everywhere.
        return character == ' ' || character.is_ascii_control() && character != '\0';
    }
    character.is_whitespace()
        || is_default_ignorable(character)
        || OTHER_BLANKS.contains(&character)
        || match category(character) {
            GeneralCategory::Control => true,
            // Signs that span the digits after them, as in Arabic, are visible.
            GeneralCategory::Format => {
                !CodePointSetData::new::<PrependedConcatenationMark>().contains(character)
            }
            _ => false,
        }
}

/// Whether programs show nothing for a character that they do not know. These are the fillers,
/// joiners, variation selectors and most format characters.
pub(super) fn is_default_ignorable(character: char) -> bool {
    !character.is_ascii()
        && CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character)
}

/// Whether a character selects a variant of the one before it.
pub(super) fn is_variation_selector(character: char) -> bool {
    !character.is_ascii() && CodePointSetData::new::<VariationSelector>().contains(character)
}

/// Whether a text shows nothing: it is empty, or all its characters are invisible.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(is_invisible)
}

/// The length of a text in code points, where a line break counts once, also if it is CR LF.
///
/// The SQL constraints of lengths count in the same way.
pub(super) fn char_count(text: &str) -> usize {
    text.chars().count() - text.matches("\r\n").count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_without_a_visible_character_is_blank() {
        for text in [
            "",
            " ",
            "\t\r\n",
            "\u{1}\u{7f}\u{85}",
            "\u{a0}\u{3000}\u{2028}",
            "\u{ad}",
            "\u{34f}",
            "\u{61c}",
            "\u{115f}\u{1160}",
            "\u{17b4}",
            "\u{180e}",
            "\u{200b}\u{200d}",
            "\u{202e}",
            "\u{2060}",
            "\u{2800}",
            "\u{3164}",
            "\u{fe0f}",
            "\u{feff}",
            "\u{ffa0}",
            "\u{fff9}",
            "\u{fffc}",
            "\u{13430}",
            "\u{13441}",
            "\u{16fe4}",
            "\u{1d159}",
            "\u{1d173}",
            "\u{e0001}",
            "\u{e0041}",
            "\u{e0100}",
        ] {
            assert!(is_blank(text), "{text:?}");
        }
        for text in [
            ".",
            "a",
            "\u{200b}a",
            "é",
            "\u{301}",
            "ـ",
            "🦀",
            "❤\u{fe0f}",
            "\u{600}",
            "\u{fffd}",
            "\u{1680}x",
            "\u{1f1e9}",
            "\u{e000}",
            "\u{378}",
            "☃",
            "\u{2423}",
        ] {
            assert!(!is_blank(text), "{text:?}");
        }
    }

    #[test]
    fn a_line_break_counts_once() {
        for (text, count) in
            [("", 0), ("a\r\nb", 3), ("\r\n\r\n", 2), ("\n\r", 2), ("\r\r\n", 2), ("é🦀", 2)]
        {
            assert_eq!(char_count(text), count, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn line_breaks_of_either_kind_have_the_same_length(text in "[a\u{e9}\n]{0,40}") {
            prop_assert_eq!(char_count(&text.replace('\n', "\r\n")), text.chars().count());
        }

        #[test]
        fn a_visible_character_makes_any_text_visible(before: String, after: String) {
            let text = format!("{before}a{after}");
            prop_assert!(!is_blank(&text));
        }
    }
}
