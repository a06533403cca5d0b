//! Text that may not be UTF-8.

use crate::record::Value;

/// Text if the bytes are UTF-8.
pub(crate) fn text_value(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::Text(text.to_owned()),
        Err(_) => Value::InvalidText(bytes.to_vec()),
    }
}

/// Text if the bytes are UTF-8. It copies nothing.
pub(crate) fn owned_text_value(bytes: Vec<u8>) -> Value {
    match String::from_utf8(bytes) {
        Ok(text) => Value::Text(text),
        Err(error) => Value::InvalidText(error.into_bytes()),
    }
}

/// Replaces what is not UTF-8 by U+FFFD, a lone surrogate of [`Value::InvalidText`] by one of them.
#[must_use]
pub fn replace_invalid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(start) = surrogate(rest) {
        text.push_str(&String::from_utf8_lossy(&rest[..start]));
        text.push(char::REPLACEMENT_CHARACTER);
        rest = &rest[start + 3..];
    }
    text.push_str(&String::from_utf8_lossy(rest));
    text
}

/// The offset of the first surrogate that is encoded as three bytes.
fn surrogate(bytes: &[u8]) -> Option<usize> {
    bytes.windows(3).position(|window| matches!(window, [0xed, 0xa0..=0xbf, 0x80..=0xbf]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_surrogate_becomes_one_replacement() {
        assert_eq!(replace_invalid(b"a\xed\xa0\x80b"), "a\u{fffd}b");
        assert_eq!(replace_invalid(b"caf\xe9 \xff!"), "caf\u{fffd} \u{fffd}!");
        assert_eq!(replace_invalid("æ\0".as_bytes()), "æ\0");
    }
}
