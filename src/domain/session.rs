//! Tokens that stand for a signed-in user. The database holds a token's hash alone.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

const TOKEN_BYTES: usize = 32;

/// The secret that a browser keeps in its cookie: 256 random bits. Its `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken([u8; TOKEN_BYTES]);

/// The text is no token; whoever sent it is simply not signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed token")]
pub struct InvalidToken;

impl SessionToken {
    /// A token of these bytes, which must come from a secure random source.
    #[must_use]
    pub const fn new(bytes: [u8; TOKEN_BYTES]) -> Self {
        Self(bytes)
    }

    /// The text of the cookie: 43 characters of URL-safe base64.
    #[must_use]
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What the database keeps: SHA-256, enough for a secret that is random to begin with.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0).into())
    }
}

impl FromStr for SessionToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidToken)?;
        bytes.try_into().map(Self).map_err(|_| InvalidToken)
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

/// The SHA-256 of a [`SessionToken`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The 32 bytes of the hash.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_its_text_and_does_not_print() {
        let token = SessionToken::new([7; 32]);
        assert_eq!(token.expose().parse(), Ok(token.clone()));
        assert_ne!(token.hash().as_bytes(), &[7; 32]);
        assert!(!format!("{token:?}").contains(&token.expose()));
        for bad in ["", "x", "%%%", &"A".repeat(42), &"A".repeat(44)] {
            assert_eq!(bad.parse::<SessionToken>(), Err(InvalidToken), "{bad}");
        }
    }
}
