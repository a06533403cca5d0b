//! Isolates names in sentences, so that a name in a right-to-left script, or with characters that
//! control the direction, does not reorder the text around it (Unicode Standard Annex #9).
//!
//! Plain texts get isolate characters, and pages elements `<bdi>` in their place. A name that cannot
//! reorder anything stays as it is, because clients of the original compare these texts.

use std::borrow::Cow;

use icu_properties::{CodePointMapData, props::BidiClass};

const FIRST_STRONG_ISOLATE: char = '\u{2068}';
const POP_ISOLATE: char = '\u{2069}';

/// The name between isolate characters, if it may reorder the text around it.
pub(super) fn isolate(name: &str) -> Cow<'_, str> {
    if !name.chars().any(may_reorder) {
        return Cow::Borrowed(name);
    }
    let mut isolated = String::from(FIRST_STRONG_ISOLATE);
    // Within the name, closes every isolate, and nothing else.
    let mut open = 0_usize;
    for character in name.chars() {
        match class(character) {
            BidiClass::FirstStrongIsolate
            | BidiClass::LeftToRightIsolate
            | BidiClass::RightToLeftIsolate => open += 1,
            BidiClass::PopDirectionalIsolate if open == 0 => continue,
            BidiClass::PopDirectionalIsolate => open -= 1,
            _ => {}
        }
        isolated.push(character);
    }
    isolated.extend(std::iter::repeat_n(POP_ISOLATE, open + 1));
    Cow::Owned(isolated)
}

fn may_reorder(character: char) -> bool {
    if character.is_ascii() {
        return false;
    }
    !matches!(
        class(character),
        BidiClass::LeftToRight
            | BidiClass::EuropeanNumber
            | BidiClass::EuropeanSeparator
            | BidiClass::EuropeanTerminator
            | BidiClass::CommonSeparator
            | BidiClass::NonspacingMark
            | BidiClass::BoundaryNeutral
            | BidiClass::WhiteSpace
            | BidiClass::OtherNeutral
    )
}

fn class(character: char) -> BidiClass {
    CodePointMapData::<BidiClass>::new().get(character)
}

/// HTML in which elements `<bdi>` replace all isolates of [`isolate`]. An isolate character without
/// its counterpart stays.
pub(super) fn with_elements(html: &str) -> Cow<'_, str> {
    if !html.contains(FIRST_STRONG_ISOLATE) {
        return Cow::Borrowed(html);
    }
    let mut output = String::with_capacity(html.len() + 16);
    // For each open isolate, the place in the output of one that an element can replace.
    let mut open: Vec<Option<usize>> = Vec::new();
    for character in html.chars() {
        match class(character) {
            BidiClass::FirstStrongIsolate => open.push(Some(output.len())),
            BidiClass::LeftToRightIsolate | BidiClass::RightToLeftIsolate => open.push(None),
            BidiClass::PopDirectionalIsolate => {
                if let Some(Some(place)) = open.pop() {
                    let end = place + FIRST_STRONG_ISOLATE.len_utf8();
                    output.replace_range(place..end, "<bdi>");
                    output.push_str("</bdi>");
                    continue;
                }
            }
            _ => {}
        }
        output.push(character);
    }
    Cow::Owned(output)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_names_that_may_reorder_text_are_isolated() {
        for name in ["alice", "O'Brien <b>", "žluť", "李", "नमस्ते", "🦀 1.", "e\u{301}", "", "(1)"]
        {
            assert_eq!(isolate(name), name);
        }
        for name in ["עלי", "علي 1", "a ב", "\u{202e}ecila", "٣", "ߊ", "𐤀", "\u{202a}a"]
        {
            assert_eq!(isolate(name), format!("\u{2068}{name}\u{2069}"));
        }
    }

    #[test]
    fn isolates_within_a_name_are_balanced() {
        for (name, isolated) in [
            ("a\u{2069}b", "\u{2068}ab\u{2069}"),
            ("a\u{2067}b", "\u{2068}a\u{2067}b\u{2069}\u{2069}"),
            ("\u{2066}a\u{2069}\u{2069}b", "\u{2068}\u{2066}a\u{2069}b\u{2069}"),
        ] {
            assert_eq!(isolate(name), isolated, "{name:?}");
        }
    }

    #[test]
    fn elements_replace_isolates() {
        for (text, html) in [
            ("a \u{2068}ב\u{2069}: c", "a <bdi>ב</bdi>: c"),
            ("\u{2068}\u{2067}ב\u{2069}\u{2069}", "<bdi>\u{2067}ב\u{2069}</bdi>"),
            ("\u{2068}a\u{2068}b\u{2069}\u{2069}", "<bdi>a<bdi>b</bdi></bdi>"),
            ("\u{2068}a", "\u{2068}a"),
            ("a\u{2069}\u{2068}b\u{2069}", "a\u{2069}<bdi>b</bdi>"),
            ("alice", "alice"),
        ] {
            assert_eq!(with_elements(text), html, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_isolated_name_is_one_element(name in "[a ב\u{627}1\u{2066}-\u{2069}\u{202a}-\u{202e}]{1,12}") {
            let isolated = isolate(&name);
            let html = with_elements(&isolated);
            if isolated == name {
                prop_assert!(!name.chars().any(may_reorder));
            } else {
                prop_assert!(html.starts_with("<bdi>") && html.ends_with("</bdi>"), "{}", html);
                let (opened, closed) = (html.matches("<bdi>").count(), html.matches("</bdi>").count());
                prop_assert_eq!(opened, closed);
            }
        }
    }
}
