//! Idempotency keys: repeated requests with the same key take effect once.

use sha2::{Digest, Sha256};

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

/// The SHA-256 of a request, which tells its repetition from another request with the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHash([u8; 32]);

impl RequestHash {
    /// The hash of a request. `path` is a URL path, so it contains no line break.
    pub fn of(method: &str, path: &str, body: &[u8]) -> Self {
        let mut hash = Sha256::new();
        for part in [method.as_bytes(), b"\n", path.as_bytes(), b"\n", body] {
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// The 32 bytes of the hash.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A request that may be repeated: its key, and the hash to which the key is bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    /// The client's key.
    pub key: IdempotencyKey,
    /// The hash of the request.
    pub hash: RequestHash,
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

    #[test]
    fn requests_with_another_method_path_or_body_have_another_hash() {
        let hash = RequestHash::of("POST", "/messages", b"{}");
        assert_eq!(hash, RequestHash::of("POST", "/messages", b"{}"));
        assert_eq!(hash.as_bytes().len(), 32);
        for (method, path, body) in [
            ("PUT", "/messages", &b"{}"[..]),
            ("POST", "/message", b"{}"),
            ("POST", "/messages", b"{ }"),
            ("POST", "/messages", b""),
            ("POST", "", b"/messages\n{}"),
        ] {
            assert_ne!(RequestHash::of(method, path, body), hash, "{method} {path}");
        }
    }
}
