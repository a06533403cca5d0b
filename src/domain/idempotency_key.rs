//! Idempotency keys: repeated requests with the same key take effect once.

use super::invalid::Invalid;

const KEY_MAX_CHARS: usize = 255;

/// The value of an `Idempotency-Key`: 1 to 255 visible ASCII characters, such as a UUID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Checks a key without changing it.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let valid = (1..=KEY_MAX_CHARS).contains(&raw.len())
            && raw.bytes().all(|byte| byte.is_ascii_graphic());
        if !valid {
            return Err(Invalid::new("The key must be 1 to 255 visible ASCII characters"));
        }
        Ok(Self(raw.to_owned()))
    }

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_1_to_255_visible_ascii_characters() {
        for good in ["a", "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"", "!~", &"k".repeat(255)] {
            assert_eq!(IdempotencyKey::parse(good).expect(good).as_str(), good);
        }
        for bad in ["", " ", "a b", "é", "a\n", "a\0", &"k".repeat(256)] {
            assert!(IdempotencyKey::parse(bad).is_err(), "{bad:?}");
        }
    }
}
