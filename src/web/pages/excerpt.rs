//! Shortens a text to one line.

/// `text` as one line of at most `max_chars` characters. A shortened line ends in `…`.
pub fn excerpt(text: &str, max_chars: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= max_chars {
        return line;
    }
    let kept: String = line.chars().take(max_chars.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_becomes_one_line_that_ends_in_an_ellipsis() {
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
