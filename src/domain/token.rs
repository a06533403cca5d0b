//! Tokens that stand for a user: a browser's session and an API's bearer token. The database holds a
//! token's hash alone.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::line::one_line_text;

const TOKEN_BYTES: usize = 32;
/// What a bearer token begins with, so that people and scanners of leaked secrets know it by sight.
const API_TOKEN_PREFIX: &str = "minitwit_";

/// The text is no token; whoever sent it is simply not signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed token")]
pub struct InvalidToken;

/// The secret that a browser keeps in its cookie: 256 random bits. Its `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken([u8; TOKEN_BYTES]);

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

    /// What the database keeps.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }
}

impl FromStr for SessionToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        decode(text).map(Self)
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

/// The secret that a client of the API sends with each request: 256 random bits. Its `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiToken([u8; TOKEN_BYTES]);

impl ApiToken {
    /// A token of these bytes, which must come from a secure random source.
    #[must_use]
    pub const fn new(bytes: [u8; TOKEN_BYTES]) -> Self {
        Self(bytes)
    }

    /// The text of the token: `minitwit_` and 43 characters of URL-safe base64.
    #[must_use]
    pub fn expose(&self) -> String {
        format!("{API_TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0))
    }

    /// What the database keeps.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }
}

impl FromStr for ApiToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        decode(text.strip_prefix(API_TOKEN_PREFIX).ok_or(InvalidToken)?).map(Self)
    }
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiToken(…)")
    }
}

fn decode(text: &str) -> Result<[u8; TOKEN_BYTES], InvalidToken> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidToken)?;
    bytes.try_into().map_err(|_| InvalidToken)
}

/// The SHA-256 of a token, enough for a secret that is random to begin with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    fn of(token: &[u8; TOKEN_BYTES]) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// The 32 bytes of the hash.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

one_line_text! {
    /// How its owner tells a bearer token from the others: 1 to 64 characters.
    TokenName, "name"
}

/// The number by which the database knows a bearer token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenId(pub i64);

/// A bearer token as its owner sees it in a list: everything but the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    /// The key of the token's row.
    pub id: TokenId,
    /// What the owner calls it.
    pub name: TokenName,
    /// When it was made, UTC.
    pub created_at: OffsetDateTime,
    /// When it ends, UTC.
    pub expires_at: OffsetDateTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_token_survives_its_text_and_does_not_print() {
        let token = SessionToken::new([7; 32]);
        assert_eq!(token.expose().parse(), Ok(token.clone()));
        assert_ne!(token.hash().as_bytes(), &[7; 32]);
        assert!(!format!("{token:?}").contains(&token.expose()));
        for bad in ["", "x", "%%%", &"A".repeat(42), &"A".repeat(44)] {
            assert_eq!(bad.parse::<SessionToken>(), Err(InvalidToken), "{bad}");
        }
    }

    #[test]
    fn an_api_token_survives_its_text_and_is_no_session() {
        let token = ApiToken::new([7; 32]);
        let text = token.expose();
        assert_eq!(text.parse(), Ok(token.clone()));
        assert!(text.starts_with("minitwit_") && !format!("{token:?}").contains(&text[9..]));
        assert_eq!(text.parse::<SessionToken>(), Err(InvalidToken));
        for bad in ["", "minitwit_", &text[9..], &format!("{text}A"), &text.to_uppercase()] {
            assert_eq!(bad.parse::<ApiToken>(), Err(InvalidToken), "{bad}");
        }
    }

    #[test]
    fn a_tokens_name_has_1_to_64_characters_on_one_line() {
        for name in ["a", "my bot 🤖", &"é".repeat(64)] {
            assert_eq!(TokenName::parse(name).expect(name).as_str(), name);
        }
        for (name, rule) in [
            ("", "empty"),
            ("a ", "white space"),
            ("a\tb", "control"),
            (&"é".repeat(65), "64 characters"),
        ] {
            let refusal = TokenName::parse(name).expect_err(name);
            assert!(refusal.rule().contains(rule), "{name:?}: {refusal}");
        }
    }
}
