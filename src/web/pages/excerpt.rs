//! The beginning of a text of any length.

/// `text` in one line of at most `chars` characters, the last of them `…` where something is left out.
#[must_use]
pub(super) fn excerpt(text: &str, chars: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= chars {
        return line;
    }
    let kept: String = line.chars().take(chars.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_ends_in_an_ellipsis_and_is_one_line() {
        for (text, expected) in [
            ("short", "short"),
            (" two\n\nlines ", "two lines"),
            ("1234567890", "1234567890"),
            ("12345678901", "123456789…"),
            ("12345678 01234", "12345678…"),
            ("🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀", "🦀🦀🦀🦀🦀🦀🦀🦀🦀…"),
        ] {
            assert_eq!(excerpt(text, 10), expected);
        }
    }
}
