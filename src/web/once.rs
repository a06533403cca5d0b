//! Keys that forms carry, so that a double click, a retry or Back does not post twice.
//!
//! A key is bound to the text: to go back, edit and send is a new post. Old clients send no key.

use sha2::{Digest, Sha256};

use crate::domain::{IdempotencyKey, KeyedRequest, MessageText, RequestHash};

/// A key for a form.
pub(super) fn new_key() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// The post of this text to `path` from the form with `key`; `None` if the form has no key.
pub(super) fn keyed_request(path: &str, key: &str, text: &MessageText) -> Option<KeyedRequest> {
    if key.is_empty() {
        return None;
    }
    let digest = Sha256::new().chain_update(key).chain_update("\0").chain_update(text.as_str());
    let digits: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let key = IdempotencyKey::parse(&format!("form-{digits}")).ok()?;
    Some(KeyedRequest { key, hash: RequestHash::of("POST", path, text.as_str().as_bytes()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_bound_to_the_text() {
        let key = |key: &str, text: &str| {
            let text = MessageText::parse(text).expect("a text");
            keyed_request("/add_message", key, &text).map(|request| request.key.as_str().to_owned())
        };
        assert_eq!(key("", "hello"), None);
        assert_eq!(key("a", "hello"), key("a", "hello"));
        assert_ne!(key("a", "hello"), key("a", "hello!"));
        assert_ne!(key("a", "hello"), key("b", "hello"));
        assert!(key(&"\n🦀".repeat(10_000), "hello").is_some(), "any text is a key");
        assert_ne!(new_key(), new_key());
    }
}
